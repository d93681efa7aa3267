package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.Confirmation;
import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.http.Json;
import com.cape.worker.store.Database;
import com.cape.worker.store.operator.OperatorRepository;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    description = "Submits an issue, or one for each line, and prints the id of each.",
    footer = {
      "",
      "Examples:",
      "  cape-worker submit 'Add a --version option' --priority 5 --wait",
      "  cape-worker submit --file issues.txt --lines --after 2h",
      "",
      "JSON: {ids [number]}. Exit code with --wait or --follow: 0 completed, 1 failed or cancelled,"
          + " 75 when --timeout is over."
    })
public final class SubmitCommand extends DataCommand {
  private static final int LOWEST = Short.MIN_VALUE;
  private static final int HIGHEST = Short.MAX_VALUE;
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

  @Option(
      names = "--priority",
      paramLabel = "N",
      description = "Higher ones are claimed first. Default: 0.")
  private int priority;

  @Option(
      names = "--after",
      paramLabel = "DURATION",
      description = "Not to be claimed before: 90s, 15m, 2h, 1d, 1h30m.")
  private Duration after = Duration.ZERO;

  @Option(names = "--wait", description = "Wait for its end, with a line that shows its progress.")
  private boolean wait;

  @Option(names = "--follow", description = "Wait for its end, and print what the workflow prints.")
  private boolean follow;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      description = "Wait no longer; the issue goes on.")
  private Optional<Duration> timeout = Optional.empty();

  @Mixin private Confirmation confirmation;
  private List<String> texts = List.of();

  @Override
  protected void check() {
    texts = read();
    boolean waits = wait || follow;
    if (priority < LOWEST || priority > HIGHEST) {
      throw output.wrong(
          "--priority %d: must be from %d to %d".formatted(priority, LOWEST, HIGHEST));
    }
    if (waits && texts.size() > 1) {
      throw output.wrong(
          "--wait and --follow take one issue; these are %d".formatted(texts.size()));
    }
    if (wait && follow) {
      throw output.wrong("--wait or --follow, not both");
    }
    if (timeout.isPresent() && !waits) {
      throw output.wrong("--timeout has a meaning with --wait or --follow only");
    }
    if (texts.size() > 1) {
      confirmation.ask("submit %d issues?".formatted(texts.size()), output);
    }
  }

  @Override
  protected ExitCode run(Database open) {
    List<Long> ids = new OperatorRepository(open).submit(texts, priority, after);
    if (json) {
      output.line(new Json().with("ids", ids));
    } else {
      ids.forEach(output::line);
    }
    output.out().flush();
    return wait || follow
        ? new IssueProgress(open, output, timeout, follow).untilEnded(ids.get(0))
        : ExitCode.DONE;
  }

  private List<String> read() {
    if (text.isPresent() == file.isPresent()) {
      throw output.wrong("give one of TEXT, --file FILE, or - for standard input");
    }
    String whole = whole();
    if (whole.indexOf('\0') >= 0) {
      throw output.wrong("the description holds a NUL, which PostgreSQL cannot keep");
    }
    List<String> found =
        (lines ? whole.lines() : Stream.of(whole)).filter(one -> !one.isBlank()).toList();
    if (found.isEmpty()) {
      throw output.wrong("the description is blank");
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
        throw new Refusal("standard input cannot be read: " + e.getMessage());
      }
    }
    if (text.get().indexOf(UNREADABLE) >= 0) {
      throw output.wrong(
          "the description holds characters that this locale cannot pass; set LANG=C.UTF-8, or use"
              + " --file or -");
    }
    return text.get();
  }

  private String fromFile(Path path) {
    try (InputStream bytes = Files.newInputStream(path)) {
      return decoded(bytes, path.toString()).stripTrailing();
    } catch (NoSuchFileException e) {
      throw output.wrong("--file %s does not exist".formatted(path));
    } catch (IOException e) {
      throw output.wrong("--file %s cannot be read: %s".formatted(path, e.getMessage()));
    }
  }

  private String decoded(InputStream from, String name) throws IOException {
    byte[] bytes = from.readNBytes(LONGEST_BYTES + 1);
    if (bytes.length > LONGEST_BYTES) {
      throw output.wrong("%s is longer than %d MiB".formatted(name, LONGEST_BYTES >> 20));
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw output.wrong(name + " is not UTF-8 text");
    }
  }
}
