package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Files of this user alone, in folders where a workflow can put anything in their place: a link, a
 * pipe that blocks who opens it, a file without end.
 */
public final class SafeFile {
  private static final int LIMIT_BYTES = 64 * 1024;
  private static final FileAttribute<?> FOLDER = permissions("rwx------");
  private static final FileAttribute<?> FILE = permissions("rw-------");

  private SafeFile() {}

  private static FileAttribute<?> permissions(String text) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(text));
  }

  public static void createFolders(Path folder) throws IOException {
    Files.createDirectories(folder, FOLDER);
  }

  static void createFolder(Path folder) throws IOException {
    Files.createDirectory(folder, FOLDER);
  }

  /** Creates an empty file, which must not exist, and opens it. */
  static FileChannel create(Path file) throws IOException {
    return FileChannel.open(file, Set.of(CREATE_NEW, READ, WRITE, NOFOLLOW_LINKS), FILE);
  }

  static void create(Path file, byte[] content) throws IOException {
    try (FileChannel channel = create(file)) {
      write(channel, ByteBuffer.wrap(content));
    }
  }

  /** Throws NoSuchFileException when no regular file is there. */
  public static FileChannel open(Path file) throws IOException {
    if (!Files.isRegularFile(file, NOFOLLOW_LINKS)) {
      throw new NoSuchFileException(file.toString());
    }
    // To open a pipe for both blocks nobody. It may have come since, but has no position.
    FileChannel channel = FileChannel.open(file, READ, WRITE, NOFOLLOW_LINKS);
    try {
      channel.position();
      return channel;
    } catch (IOException e) {
      channel.close();
      throw new NoSuchFileException(file.toString());
    }
  }

  /** The first 64 KiB of a file; empty when no regular file is there. */
  static Optional<String> readIfPresent(Path file) throws IOException {
    try (FileChannel channel = open(file)) {
      return Optional.of(new String(read(channel, 0, LIMIT_BYTES), UTF_8));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /** Reads so many bytes from a position on, or those that there are. */
  public static byte[] read(FileChannel channel, long position, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining() && channel.read(bytes, position + bytes.position()) >= 0) {}
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  /** Puts a file with this text in the place of what is there. */
  static void replace(Path file, String text) throws IOException {
    replace(file, text, false);
  }

  /** The same; returns once it is on the disk. */
  static void replaceDurably(Path file, String text) throws IOException {
    replace(file, text, true);
    try (FileChannel folder = FileChannel.open(file.getParent())) {
      folder.force(true);
    }
  }

  private static void replace(Path file, String text, boolean force) throws IOException {
    Path unfinished = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID());
    try {
      try (FileChannel channel = create(unfinished)) {
        write(channel, UTF_8.encode(text));
        if (force) {
          channel.force(true);
        }
      }
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      Files.deleteIfExists(unfinished);
      throw e;
    }
  }

  private static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
