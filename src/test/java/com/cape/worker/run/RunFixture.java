package com.cape.worker.run;

import com.cape.worker.issue.Claim;
import com.cape.worker.testing.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Runs that work in their own folder, where {@code output} is a second name of their log. */
final class RunFixture {
  static final UUID INSTANCE = UUID.randomUUID();
  static final Duration GRACE = Duration.ofSeconds(1);
  static final Path PERL = Path.of("/usr/bin/perl");
  private static final long MIB = 1 << 20;

  private final Path directory;

  RunFixture(Path directory) {
    this.directory = directory;
  }

  static Claim claim(String description) {
    return new Claim(1, 1, 1, UUID.randomUUID(), INSTANCE, description, Optional.empty());
  }

  static RunSpec bash(RunSpec spec, String script) {
    return new RunSpec(
        spec.runId(),
        List.of("/bin/bash", "-c", script),
        spec.added(),
        spec.directory(),
        spec.folder(),
        spec.output(),
        spec.outputLimitBytes(),
        spec.timeout(),
        spec.grace(),
        spec.keep(),
        spec.deadline());
  }

  RunSpec spec(List<String> words, Map<String, String> added) throws IOException {
    return spec(words, added, Duration.ofMinutes(1), LeaseClock.now().plusSeconds(300));
  }

  RunSpec spec(List<String> words, Map<String, String> added, Duration timeout, Duration deadline)
      throws IOException {
    Claim claim = claim("an issue");
    RunFolder folder = RunFolder.create(directory.resolve("runs"), claim);
    // Of its own for each run: they all have the same name.
    AttemptLog log = AttemptLog.create(directory.resolve("logs-" + claim.runId()), claim);
    Files.createLink(output(folder), log.path());
    return new RunSpec(
        claim.runId(),
        words,
        added,
        folder.path(),
        folder,
        log,
        MIB,
        timeout,
        GRACE,
        false,
        deadline);
  }

  /** The same, for a guardian that keeps its run. */
  static RunSpec kept(RunSpec spec) {
    return new RunSpec(
        spec.runId(),
        spec.words(),
        spec.added(),
        spec.directory(),
        spec.folder(),
        spec.output(),
        spec.outputLimitBytes(),
        spec.timeout(),
        spec.grace(),
        true,
        spec.deadline());
  }

  static Path output(RunFolder folder) {
    return folder.path().resolve("output");
  }

  /** The processes of /proc that have the run's id in their environment. */
  static Set<Path> living(UUID runId) throws IOException {
    Set<Path> found = new HashSet<>();
    try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (Processes.environment(process).contains("CAPE_RUN_ID=" + runId)) {
          found.add(process);
        }
      }
    }
    return found;
  }
}
