package com.cape.worker.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * A worker's own directory, of this user alone and under an exclusive lock that the operating
 * system drops with the process.
 */
public final class StateDirectory implements AutoCloseable {
  private static final String LOCK = "lock";
  private static final int LONGEST_NOTE_BYTES = 4096;

  private final Path path;
  private final FileChannel channel;
  private final Optional<UUID> previousInstance;
  private final boolean sameMachine;

  private StateDirectory(
      Path path, FileChannel channel, Optional<UUID> previousInstance, boolean sameMachine) {
    this.path = path;
    this.channel = channel;
    this.previousInstance = previousInstance;
    this.sameMachine = sameMachine;
  }

  /** Another live process has the directory. */
  public static final class BusyException extends Exception {
    private BusyException(String holder) {
      super(holder);
    }
  }

  /**
   * Creates the directory where it is missing, and locks it.
   *
   * @param instance who this process is
   * @param holder this process in words, for whoever finds the directory locked
   * @throws BusyException whose message is the other holder in words
   * @throws IOException when the directory cannot be used
   */
  public static StateDirectory open(Path path, UUID instance, String holder)
      throws IOException, BusyException {
    Files.createDirectories(path);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
    FileChannel channel =
        FileChannel.open(
            path.resolve(LOCK),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    try {
      List<String> note = read(channel);
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw new BusyException(note.size() > 1 ? note.get(1) : "another process");
      }
      channel.truncate(0);
      String machine = Machine.here().toString();
      channel.write(UTF_8.encode(String.join("\n", instance.toString(), holder, machine, "")), 0);
      return new StateDirectory(
          path,
          channel,
          note.stream().findFirst().flatMap(StateDirectory::uuid),
          note.size() > 2 && note.get(2).equals(machine));
    } catch (IOException | BusyException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static List<String> read(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(LONGEST_NOTE_BYTES);
    channel.read(bytes, 0);
    return UTF_8.decode(bytes.flip()).toString().lines().toList();
  }

  private static Optional<UUID> uuid(String text) {
    try {
      return Optional.of(UUID.fromString(text));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** The instance that held the directory before and is gone. */
  public Optional<UUID> previousInstance() {
    return previousInstance;
  }

  /** The same, if its processes would be found here: not after a reboot, nor in a container. */
  public Optional<UUID> previousHere() {
    return previousInstance.filter(any -> sameMachine);
  }

  /** The folder of the live runs' own files. */
  public Path runs() {
    return path.resolve("runs");
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
