package com.cape.worker.worker;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/** Files that only the worker's user may read, whatever its umask. */
final class PrivateFiles {
  private static final FileAttribute<?> DIRECTORY = permissions("rwx------");
  private static final FileAttribute<?> FILE = permissions("rw-------");

  private PrivateFiles() {}

  private static FileAttribute<?> permissions(String text) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(text));
  }

  /** Creates the directory and what is missing above it, unless it is there. */
  static void createDirectories(Path directory) throws IOException {
    Files.createDirectories(directory, DIRECTORY);
  }

  /** Creates an empty file. */
  static void createFile(Path file) throws IOException {
    Files.createFile(file, FILE);
  }
}
