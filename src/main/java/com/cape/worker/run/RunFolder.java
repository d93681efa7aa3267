package com.cape.worker.run;

import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Stub. */
public final class RunFolder {
  private final RunDirectories all;
  private final Claim claim;
  private final Path path;
  private final Optional<String> notStarted;

  private RunFolder(RunDirectories all, Claim claim, Path path, Optional<String> notStarted) {
    this.all = all;
    this.claim = claim;
    this.path = path;
    this.notStarted = notStarted;
  }

  public static RunFolder create(Path runs, Claim claim) throws IOException {
    RunFolder f = of(runs, claim);
    f.all.create(claim);
    return f;
  }

  public static RunFolder of(Path runs, Claim claim) {
    var d = new RunDirectories(runs);
    return new RunFolder(d, claim, d.of(claim), Optional.empty());
  }

  public static List<RunFolder> left(Path runs) throws IOException {
    var d = new RunDirectories(runs);
    return d.left().stream()
        .map(l -> new RunFolder(d, l.claim(), l.directory(), l.notStarted()))
        .toList();
  }

  public Claim claim() {
    return claim;
  }

  public UUID runId() {
    return claim.runId();
  }

  public Path path() {
    return path;
  }

  public Path issueFile() {
    return path.resolve("issue");
  }

  public boolean exists() {
    return Files.exists(path);
  }

  public void keepNotStarted(String cause) {
    all.keepNotStarted(claim, cause);
  }

  public Optional<String> notStarted() {
    return notStarted;
  }

  public void keep(Ending ending) throws IOException {
    new RunDirectory(path).keep(ending);
  }

  public void delete() {
    RunDirectories.delete(path);
  }
}
