package com.cape.worker.worker;

import static java.util.Objects.requireNonNull;

import com.cape.worker.host.WorkerThread;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes the log files of attempts that are older than the retention, once at the start and then
 * once a day. Several workers may share the folder.
 */
public final class LogRetention implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LogRetention.class);
  private static final Duration PERIOD = Duration.ofDays(1);

  private final Path issueLogs;
  private final Duration retention;
  private final InstantSource clock;
  private final Thread thread = WorkerThread.named("log-retention", this::work);

  public LogRetention(Path issueLogs, Duration retention, InstantSource clock) {
    this.issueLogs = requireNonNull(issueLogs);
    this.retention = requireNonNull(retention);
    this.clock = requireNonNull(clock);
    thread.setDaemon(true);
  }

  public void start() {
    thread.start();
  }

  private void work() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        int deleted = deleteOld();
        if (deleted > 0) {
          LOG.info("old attempt logs deleted files={} directory={}", deleted, issueLogs);
        }
        Thread.sleep(PERIOD.toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Deletes what is too old; answers how many files that were. */
  int deleteOld() {
    Instant oldest = clock.instant().minus(retention);
    int deleted = 0;
    for (Path folder : list(issueLogs)) {
      if (Thread.currentThread().isInterrupted()) {
        break;
      }
      if (!folder.getFileName().toString().matches("\\d+") || Files.isSymbolicLink(folder)) {
        continue;
      }
      for (Path file : list(folder)) {
        deleted += deleteIfOlder(file, oldest) ? 1 : 0;
      }
      deleteIfEmpty(folder);
    }
    return deleted;
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("cannot look for old attempt logs cause={}", e.toString());
      return List.of();
    }
  }

  private static boolean deleteIfOlder(Path file, Instant oldest) {
    try {
      return file.getFileName().toString().matches("attempt-\\d+-\\d+(\\.\\d+)?\\.log")
          && Files.getLastModifiedTime(file).toInstant().isBefore(oldest)
          && Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.warn("cannot delete an old attempt log cause={}", e.toString());
      return false;
    }
  }

  private static void deleteIfEmpty(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      if (files.findAny().isEmpty()) {
        Files.deleteIfExists(folder);
      }
    } catch (DirectoryNotEmptyException | NoSuchFileException e) {
      // Another worker has just used it, or was faster.
    } catch (IOException e) {
      LOG.warn("cannot delete an empty folder cause={}", e.toString());
    }
  }

  @Override
  public void close() {
    thread.interrupt();
    WorkerThread.join(thread);
  }
}
