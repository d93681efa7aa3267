package com.cape.worker.daemon;

import com.cape.worker.cli.console.Output;
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
 * The two files that a service manager fills with what this process prints. It opens them once and
 * never again, so that a full one is copied and then emptied in place. Has a thread of its own.
 */
final class ServiceOutput implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ServiceOutput.class);
  private static final long LARGEST_BYTES = 10 * 1024 * 1024;
  private static final Duration PERIOD = Duration.ofMinutes(1);

  private final List<Output> outputs;
  private final Thread thread = new Thread(this::work, "cape-service-output");

  private record Output(Path file, FileDescriptor descriptor) {}

  private ServiceOutput(List<Output> outputs) {
    this.outputs = outputs;
    thread.setDaemon(true);
  }

  /**
   * Those of this process; none where no service manager writes any.
   *
   * @param directory of the log files
   */
  static ServiceOutput of(WorkerId worker, Path directory, Map<String, String> environment) {
    if (!isService(worker, directory, environment)) {
      return new ServiceOutput(List.of());
    }
    return new ServiceOutput(
        List.of(
            new Output(
                directory.resolve("worker_%s_stdout.log".formatted(worker)), FileDescriptor.out),
            new Output(errors(worker, directory), FileDescriptor.err)));
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
    if (!outputs.isEmpty()) {
      thread.start();
    }
  }

  private void work() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        outputs.forEach(ServiceOutput::rotateIfFull);
        Thread.sleep(PERIOD.toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void rotateIfFull(Output output) {
    try {
      if (Files.size(output.file()) > LARGEST_BYTES) {
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
        output.file(), OldFiles.makeRoom(output.file()), StandardCopyOption.REPLACE_EXISTING);
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
