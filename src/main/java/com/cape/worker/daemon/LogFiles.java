package com.cape.worker.daemon;

import com.cape.worker.host.TrustedPath;
import com.cape.worker.issue.WorkerId;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks the worker's log file, deletes old logs of attempts, and rotates the two files that a
 * service manager fills with what this process prints. The manager opens those only once, so a full
 * one is copied and then emptied in place. Has a thread of its own.
 */
final class LogFiles implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LogFiles.class);
  private static final long LARGEST_BYTES = 10 * 1024 * 1024;
  private static final int PERIOD_SECONDS = 3;

  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(LogFiles::thread);

  /** Checks the worker's log file every few seconds, and those that the service manager fills. */
  void watch(WorkerLog log, WorkerId worker, Path directory, Map<String, String> environment) {
    everyPeriod(log::check);
    if (isService(worker, directory, environment)) {
      Path out = directory.resolve("worker_%s_stdout.log".formatted(worker));
      everyPeriod(() -> rotateIfFull(out, FileDescriptor.out));
      everyPeriod(() -> rotateIfFull(errors(worker, directory), FileDescriptor.err));
    }
  }

  private void everyPeriod(Runnable work) {
    Future<?> unused =
        thread.scheduleWithFixedDelay(safely(work), 0, PERIOD_SECONDS, TimeUnit.SECONDS);
  }

  /** Deletes logs of attempts that are older than the retention, once a day. */
  void retain(Path issueLogs, Duration retention) {
    Future<?> unused =
        thread.scheduleWithFixedDelay(
            safely(() -> LogRetention.deleteOlder(issueLogs, Instant.now().minus(retention))),
            0,
            1,
            TimeUnit.DAYS);
  }

  // The executor would silently drop a task that throws.
  private static Runnable safely(Runnable work) {
    return () -> {
      try {
        work.run();
      } catch (RuntimeException e) {
        LOG.error("cannot look after the log files; trying again", e);
      }
    };
  }

  private static Thread thread(Runnable work) {
    var thread = new Thread(work, "cape-log-files");
    thread.setDaemon(true);
    return thread;
  }

  /** Whether standard error goes to the file that a service manager fills. */
  static boolean isService(WorkerId worker, Path directory, Map<String, String> environment) {
    try {
      if (Files.isSameFile(Path.of("/proc/self/fd/2"), errors(worker, directory))) {
        return true;
      }
    } catch (IOException e) {
      // No /proc, or no such file.
    }
    return environment.getOrDefault("XPC_SERVICE_NAME", "").equals("com.cape.worker." + worker);
  }

  private static Path errors(WorkerId worker, Path directory) {
    return directory.resolve("worker_%s_stderr.log".formatted(worker));
  }

  @SuppressWarnings("resource") // The descriptor stays open.
  private static void rotateIfFull(Path file, FileDescriptor descriptor) {
    try {
      if (Files.size(file) > LARGEST_BYTES) {
        TrustedPath.checkRegular(file);
        Files.copy(file, WorkerLog.makeRoom(file), StandardCopyOption.REPLACE_EXISTING);
        // Through the descriptor: the file may belong to the service manager's user.
        new FileOutputStream(descriptor).getChannel().truncate(0);
      }
    } catch (NoSuchFileException e) {
      // Deleted: what is printed goes nowhere until the next start.
    } catch (IOException e) {
      LOG.warn("cannot rotate file={} cause={}", file, e.toString());
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
