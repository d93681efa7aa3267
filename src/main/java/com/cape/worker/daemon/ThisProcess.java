package com.cape.worker.daemon;

import com.cape.worker.config.WorkerConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Facts about this process. */
public final class ThisProcess {
  private static final Path LINUX_HOST_NAME = Path.of("/proc/sys/kernel/hostname");

  private ThisProcess() {}

  /** Returns the host's name. The JVM asks the name service for it, which may take seconds. */
  public static String host() {
    try {
      return Files.isReadable(LINUX_HOST_NAME)
          ? Files.readString(LINUX_HOST_NAME).strip()
          : InetAddress.getLocalHost().getHostName();
    } catch (IOException e) {
      return "unknown";
    }
  }

  /** Returns the PATH by which a worker of this environment finds its command. */
  public static String searchPath(WorkerConfig.Command command, Map<String, String> environment) {
    String declared = command.declared().getOrDefault("PATH", "/usr/bin:/bin");
    return environment.getOrDefault("PATH", declared);
  }
}
