package com.cape.worker.daemon;

import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.queue.WorkerIdentity;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/** Who this process is. */
public final class ThisProcess {
  private static final Path LINUX_HOST_NAME = Path.of("/proc/sys/kernel/hostname");

  private ThisProcess() {}

  /** A new instance of the worker. */
  static WorkerIdentity identity(WorkerId worker) {
    return new WorkerIdentity(worker, UUID.randomUUID(), host(), ProcessHandle.current().pid());
  }

  // The JVM's own way asks the name service, which may take seconds.
  public static String host() {
    try {
      return Files.readString(LINUX_HOST_NAME).strip();
    } catch (IOException e) {
      return hostByNameService();
    }
  }

  private static String hostByNameService() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }
}
