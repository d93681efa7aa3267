package com.cape.worker.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Files that only the worker's user may read, whatever its umask. */
public final class PrivateFiles {
  private static final Set<PosixFilePermission> OURS = PosixFilePermissions.fromString("rwx------");
  private static final FileAttribute<?> DIRECTORY = PosixFilePermissions.asFileAttribute(OURS);
  private static final FileAttribute<?> FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private PrivateFiles() {}

  /** Creates the directory and what is missing above it, unless it is there. */
  public static void createDirectories(Path directory) throws IOException {
    Files.createDirectories(directory, DIRECTORY);
  }

  /** Whether it is such a directory, and no link to one. */
  static boolean isDirectory(Path directory) throws IOException {
    PosixFileAttributes found =
        Files.readAttributes(directory, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    return found.isDirectory() && found.permissions().equals(OURS);
  }

  /** Creates an empty file. */
  public static void createFile(Path file) throws IOException {
    Files.createFile(file, FILE);
  }
}
