package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.host.Perl;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** The Perl script that guards runs, and the ways to start it. Safe for use by several threads. */
final class GuardianScript {
  private static final String TEXT = text();

  private final Path perl;
  private final Set<String> withheld;

  /**
   * A script that is not started yet.
   *
   * @param withheld names of this process's variables that commands do not get
   */
  GuardianScript(Path perl, Set<String> withheld) {
    this.perl = perl;
    this.withheld = withheld;
  }

  Path perl() {
    return perl;
  }

  boolean canStart() {
    return Files.isExecutable(perl);
  }

  /** Starts a guardian that waits for its first run. */
  Process start() throws IOException {
    return builder().start();
  }

  /** Ends what lives of a run that no guardian ends; returns its report. */
  Report end(Path runDirectory, UUID runId, Duration grace)
      throws IOException, InterruptedException {
    Process ending = ending(runDirectory, runId, grace).start();
    String told = new String(ending.getInputStream().readAllBytes(), UTF_8);
    int status = ending.waitFor();
    if (status != 0) {
      throw new IOException("the process that ends a run has itself ended with " + status);
    }
    return Report.of(told.lines().toList());
  }

  /** The same, without waiting for it. */
  void beginToEnd(Path runDirectory, UUID runId, Duration grace) throws IOException {
    ending(runDirectory, runId, grace).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
  }

  /** The mark that all processes of a run have in their environment. */
  static String cookie(UUID runId) {
    return "CAPE_RUN_ID=" + runId;
  }

  private ProcessBuilder ending(Path runDirectory, UUID runId, Duration grace) {
    return builder(
        "--end",
        runDirectory.resolve(RunDirectory.RECORD).toString(),
        Long.toString(grace.toSeconds()),
        runId.toString());
  }

  private ProcessBuilder builder(String... arguments) {
    return Perl.script(perl, TEXT, List.of(arguments), withheld)
        .redirectError(ProcessBuilder.Redirect.DISCARD);
  }

  private static String text() {
    try (InputStream text = GuardianScript.class.getResourceAsStream("guardian.pl")) {
      return new String(text.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
