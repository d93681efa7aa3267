package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.host.Perl;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** The Perl script that guards runs, and the ways to start it. Safe for use by several threads. */
final class GuardianScript {
  /** The variable that marks all processes of a run. */
  static final String RUN_ID = "CAPE_RUN_ID";

  private static final String TEXT = text();

  private final Path perl;
  private final Set<String> withheld;

  /**
   * @param withheld names of this process's variables that commands do not get
   */
  GuardianScript(Path perl, Set<String> withheld) {
    this.perl = perl;
    this.withheld = withheld;
  }

  /** Starts a guardian that waits for its first run. */
  Process start() throws IOException {
    return builder().start();
  }

  /** Ends what lives of a run that no guardian ends; returns what it reports. */
  Report end(RunFolder folder, Duration grace, StopReason reason)
      throws IOException, InterruptedException {
    Process ending = ending(folder, grace, reason).start();
    String reported = new String(ending.getInputStream().readAllBytes(), UTF_8);
    int status = ending.waitFor();
    if (status != 0) {
      throw new IOException("the process that ends a run has itself ended with " + status);
    }
    return Report.of(reported.lines().toList());
  }

  /** The same, without waiting for it. */
  void beginToEnd(RunFolder folder, Duration grace, StopReason reason) throws IOException {
    ending(folder, grace, reason).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
  }

  private ProcessBuilder ending(RunFolder folder, Duration grace, StopReason reason) {
    return builder(
        "--end",
        folder.recordFile().toString(),
        Long.toString(grace.toSeconds()),
        folder.runId().toString(),
        reason.word());
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
