package com.cape.worker.host;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where process numbers mean the same: one boot of one machine, one pid namespace.
 *
 * @param boot Linux's random id of the boot; empty where there is none
 * @param namespace Linux's number of the pid namespace
 */
public record Machine(String boot, String namespace) {
  private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");
  private static final Path NAMESPACE = Path.of("/proc/self/ns/pid");
  private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");
  private static final Machine HERE = look();

  public static Machine here() {
    return HERE;
  }

  private static Machine look() {
    try {
      return new Machine(
          Files.readString(BOOT).strip(), Files.readSymbolicLink(NAMESPACE).toString());
    } catch (IOException e) {
      return new Machine("", "");
    }
  }

  /** Returns the host's name. The JVM asks the name service for it, which may take seconds. */
  public static String hostName() {
    try {
      return Files.isReadable(HOST_NAME)
          ? Files.readString(HOST_NAME).strip()
          : InetAddress.getLocalHost().getHostName();
    } catch (IOException e) {
      return "unknown";
    }
  }
}
