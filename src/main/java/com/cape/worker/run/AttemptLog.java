package com.cape.worker.run;

import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Stub. */
public final class AttemptLog implements AutoCloseable {
  private final Path path;

  private AttemptLog(Path path) {
    this.path = path;
  }

  public static AttemptLog create(Path issueLogs, Claim claim) throws IOException {
    Path log = of(issueLogs, claim);
    PrivateFiles.createDirectories(log.getParent());
    try {
      PrivateFiles.createFile(log);
    } catch (FileAlreadyExistsException e) {
      long age = Files.getLastModifiedTime(log).toMillis();
      String name = log.getFileName().toString().replaceFirst("[.]log$", ".%d.log".formatted(age));
      Files.move(log, log.resolveSibling(name));
      PrivateFiles.createFile(log);
    }
    return new AttemptLog(log);
  }

  private static Path of(Path issueLogs, Claim claim) {
    return issueLogs
        .resolve(Long.toString(claim.issueId()))
        .resolve("attempt-" + claim.attempt() + "-" + claim.fence() + ".log");
  }

  public static String tail(Path issueLogs, Claim claim) {
    return new AttemptLog(of(issueLogs, claim)).tail();
  }

  public Path path() {
    return path;
  }

  public String tail() {
    try {
      return OutputTail.of(path);
    } catch (IOException e) {
      return "";
    }
  }

  @Override
  public void close() {}
}
