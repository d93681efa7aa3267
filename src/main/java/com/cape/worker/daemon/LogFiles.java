package com.cape.worker.daemon;

import com.cape.worker.host.TrustedPath;
import com.cape.worker.issue.WorkerId;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks after the worker's log file, and after the two files that a service manager fills with what
 * this process prints. The manager opens those once and never again, so that a full one is copied
 * and then emptied in place. Has a thread of its own.
 */
final class LogFiles implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LogFiles.class);
  private static final long LARGEST_BYTES = 10 * 1024 * 1024;
  private static final Duration PERIOD = Duration.ofSeconds(3);

  private final WorkerLog log;
  private final List<Output> outputs;
  private final Thread thread = new Thread(this::work, "cape-log-files");

  private record Output(Path file, FileDescriptor descriptor) {}

  /**
   * Those of this process.
   *
   * @param directory of the log files
   */
  LogFiles(WorkerLog log, WorkerId worker, Path directory, Map<String, String> environment) {
    this.log = log;
    this.outputs =
        isService(worker, directory, environment)
            ? List.of(
                new Output(
                    directory.resolve("worker_%s_stdout.log".formatted(worker)),
                    FileDescriptor.out),
                new Output(errors(worker, directory), FileDescriptor.err))
            : List.of();
    thread.setDaemon(true);
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

  void start() {
    thread.start();
  }

  private void work() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        log.check();
        outputs.forEach(LogFiles::rotateIfFull);
        Thread.sleep(PERIOD.toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void rotateIfFull(Output output) {
    try {
      if (Files.size(output.file()) > LARGEST_BYTES) {
        TrustedPath.checkRegular(output.file());
        rotate(output);
      }
    } catch (NoSuchFileException e) {
      // Deleted: what is printed goes nowhere until the next start.
    } catch (IOException e) {
      LOG.warn("cannot rotate file={} cause={}", output.file(), e.toString());
    }
  }

  private static void rotate(Output output) throws IOException {
    Files.copy(
        output.file(), WorkerLog.makeRoom(output.file()), StandardCopyOption.REPLACE_EXISTING);
    empty(output.descriptor());
  }

  // Through the descriptor: the file may belong to the service manager's user. It stays open.
  @SuppressWarnings("resource")
  private static void empty(FileDescriptor descriptor) throws IOException {
    FileChannel channel = new FileOutputStream(descriptor).getChannel();
    channel.truncate(0);
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
