package com.cape.worker.host;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Whether a command can be started as things are now. Looks at the file system each time it is
 * asked, but for {@link #found}; safe for use by several threads.
 */
public final class CommandCheck {
  // Linux reads this much of a script for its interpreter (BINPRM_BUF_SIZE).
  private static final int FIRST_LINE_BYTES = 256;
  // The longest variable or word that an exec takes (MAX_ARG_STRLEN), less its NUL.
  private static final int LINUX_STRING_BYTES = 128 * 1024 - 1;

  private final String program;
  private final Path directory;
  private final String searchPath;
  private final Map<String, String> added;
  private volatile Optional<Path> found = Optional.empty();

  /**
   * @param program a name to be found, or a path, from the directory on
   * @param directory absolute; where the command runs
   * @param searchPath the command's PATH
   */
  public CommandCheck(String program, Path directory, String searchPath) {
    this(program, directory, searchPath, Map.of());
  }

  /**
   * @param added variables that the command gets on top of this process's own
   */
  public CommandCheck(
      String program, Path directory, String searchPath, Map<String, String> added) {
    this.added = Map.copyOf(added);
    this.program = program;
    this.directory = directory;
    this.searchPath = searchPath;
  }

  /** The program's file, once nothing is in its way. */
  public Optional<Path> find() {
    return trouble().isEmpty() ? found : Optional.empty();
  }

  /** The program's file as the last look has found it; looks when there was none. */
  public Optional<Path> found() {
    return found.or(this::find);
  }

  /** What is in the way, as a line to read; empty when the command can be started. */
  public Optional<String> trouble() {
    Optional<Path> file = candidates(program);
    Optional<String> trouble = trouble(file);
    found = trouble.isEmpty() ? file : Optional.empty();
    return trouble;
  }

  private Optional<String> trouble(Optional<Path> file) {
    if (!Files.isDirectory(directory)) {
      return Optional.of("the working directory %s does not exist".formatted(directory));
    }
    Optional<String> large = largeVariable();
    if (large.isPresent()) {
      return large;
    }
    if (file.isEmpty()) {
      return Optional.of(
          program.contains("/")
              ? "the command %s does not exist".formatted(program)
              : "the command '%s' is not on the PATH (%s)".formatted(program, searchPath));
    }
    if (!runs(file.get())) {
      return Optional.of("the command %s is not executable".formatted(file.get()));
    }
    return interpreter(file.get())
        .filter(name -> candidates(name).filter(CommandCheck::runs).isEmpty())
        .map(name -> "the command %s needs %s, which is missing".formatted(file.get(), name));
  }

  private Optional<String> largeVariable() {
    if (!System.getProperty("os.name").equals("Linux")) {
      return Optional.empty();
    }
    for (Map.Entry<String, String> one : added.entrySet()) {
      int bytes = (one.getKey() + "=" + one.getValue()).getBytes(UTF_8).length;
      if (bytes > LINUX_STRING_BYTES) {
        return Optional.of(
            "the variable %s has %d bytes; no command can be started with more than %d"
                .formatted(one.getKey(), bytes, LINUX_STRING_BYTES));
      }
    }
    return Optional.empty();
  }

  /** The file of that name: one that can be executed, else any that is there. */
  private Optional<Path> candidates(String name) {
    try {
      List<Path> files =
          name.contains("/")
              ? List.of(directory.resolve(name))
              : Arrays.stream(searchPath.split(":", -1))
                  .map(folder -> directory.resolve(folder).resolve(name))
                  .toList();
      return files.stream()
          .filter(CommandCheck::runs)
          .findFirst()
          .or(() -> files.stream().filter(Files::isRegularFile).findFirst());
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  private static boolean runs(Path file) {
    return Files.isRegularFile(file) && Files.isExecutable(file);
  }

  /** What a script's first line asks for: the interpreter, or what {@code env} is to look up. */
  private static Optional<String> interpreter(Path file) {
    String start;
    try (InputStream bytes = Files.newInputStream(file)) {
      start = new String(bytes.readNBytes(FIRST_LINE_BYTES), ISO_8859_1);
    } catch (IOException e) {
      return Optional.empty(); // A program may be executable and yet unreadable.
    }
    if (!start.startsWith("#!")) {
      return Optional.empty();
    }
    String[] words = start.substring(2).lines().findFirst().orElse("").strip().split("\\s+");
    boolean lookedUp = words[0].endsWith("/env") && words.length > 1;
    return Optional.of(lookedUp ? words[1] : words[0])
        .filter(name -> !name.isEmpty() && !name.startsWith("-") && !name.contains("="));
  }
}
