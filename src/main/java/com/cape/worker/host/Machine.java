package com.cape.worker.host;

import java.io.IOException;
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
}
