package com.cape.worker.cli.issues;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What {@code submit} is given: a text, a file, or standard input; one issue, or one a line. */
final class Descriptions {
  private static final String STANDARD_INPUT = "-";
  private static final int LONGEST_BYTES = 16 << 20;
  // What the JVM puts where the locale's encoding cannot read a byte.
  private static final char UNREADABLE = '\uFFFD';

  @Parameters(
      paramLabel = "TEXT",
      arity = "0..1",
      description = "The description; - reads it from standard input.")
  private Optional<String> text = Optional.empty();

  @Option(names = "--file", paramLabel = "FILE", description = "Read the description from there.")
  private Optional<Path> file = Optional.empty();

  @Option(names = "--lines", description = "An issue for each line that is not blank.")
  private boolean lines;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /** At least one, each fit for the database. */
  List<String> read() {
    if (text.isPresent() == file.isPresent()) {
      throw wrong("give one of TEXT, --file FILE, or - for standard input");
    }
    String whole = whole();
    if (whole.indexOf('\0') >= 0) {
      throw wrong("the description holds a NUL, which PostgreSQL cannot keep");
    }
    List<String> found =
        lines
            ? whole.lines().filter(line -> !line.isBlank()).toList()
            : List.of(whole).stream().filter(one -> !one.isBlank()).toList();
    if (found.isEmpty()) {
      throw wrong("the description is blank");
    }
    return found;
  }

  private String whole() {
    if (file.isPresent()) {
      return fromFile(file.get());
    }
    if (text.get().equals(STANDARD_INPUT)) {
      try {
        return decoded(System.in, "standard input").stripTrailing();
      } catch (IOException e) {
        throw new Refusal(ExitCode.FAILED, "standard input cannot be read: " + e.getMessage());
      }
    }
    if (text.get().indexOf(UNREADABLE) >= 0) {
      throw wrong(
          "the description holds characters that this locale cannot pass; set LANG=C.UTF-8, or use"
              + " --file or -");
    }
    return text.get();
  }

  private String fromFile(Path path) {
    try (InputStream bytes = Files.newInputStream(path)) {
      return decoded(bytes, path.toString()).stripTrailing();
    } catch (NoSuchFileException e) {
      throw wrong("--file %s does not exist".formatted(path));
    } catch (IOException e) {
      throw wrong("--file %s cannot be read: %s".formatted(path, e.getMessage()));
    }
  }

  private String decoded(InputStream from, String name) throws IOException {
    byte[] bytes = from.readNBytes(LONGEST_BYTES + 1);
    if (bytes.length > LONGEST_BYTES) {
      throw wrong("%s is longer than %d MiB".formatted(name, LONGEST_BYTES >> 20));
    }
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw wrong(name + " is not UTF-8 text");
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
