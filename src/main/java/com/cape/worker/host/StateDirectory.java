package com.cape.worker.host;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A worker's private directory, under an exclusive lock that ends with the process. */
public final class StateDirectory implements AutoCloseable {
  private static final String LOCK = "lock";
  // The lines of the lock file.
  private static final int INSTANCE = 0;
  private static final int HOLDER = 1;
  private static final int MACHINE = 2;
  private static final int REGISTERING = 3;
  private static final int MOST_REGISTERING = 20;
  private static final int MOST_EARLIER = 60;
  private static final Pattern UUIDS = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  private static final int LONGEST_NOTE_BYTES = 4096;

  private final Path path;
  private final FileChannel channel;
  private final UUID instance;
  private final String holder;
  private final List<String> before;

  private StateDirectory(
      Path path, FileChannel channel, UUID instance, String holder, List<String> before) {
    this.path = path;
    this.channel = channel;
    this.instance = instance;
    this.holder = holder;
    this.before = before;
  }

  public static final class BusyException extends Exception {
    private BusyException(String holder) {
      super(holder);
    }
  }

  /**
   * Creates the directory if it is missing, and locks it.
   *
   * @param holder this process in words, for a process that finds the directory locked
   * @throws BusyException whose message is the other holder
   */
  public static StateDirectory open(Path path, UUID instance, String holder)
      throws IOException, BusyException {
    TrustedPath.createPrivate(path);
    TrustedPath.checkRegular(path.resolve(LOCK));
    FileChannel channel =
        FileChannel.open(
            path.resolve(LOCK),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS);
    try {
      List<String> note = read(channel);
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw new BusyException(note.size() > HOLDER ? note.get(HOLDER) : "another process");
      }
      note = read(channel);
      var opened = new StateDirectory(path, channel, instance, holder, note);
      // A process that dies before it has registered leaves its predecessors to the next one.
      opened.note(line(note, INSTANCE), line(note, MACHINE), line(note, REGISTERING));
      return opened;
    } catch (IOException | BusyException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Noted before the database is asked, because the answer may be lost. */
  public void registering() throws IOException {
    List<UUID> all = Stream.concat(uuids(REGISTERING), Stream.of(instance)).toList();
    String newest =
        all.stream()
            .skip(Math.max(0, all.size() - MOST_REGISTERING))
            .map(UUID::toString)
            .collect(Collectors.joining(" "));
    note(line(before, INSTANCE), line(before, MACHINE), newest);
  }

  /**
   * The database knows this instance. A successor follows it, and those whose runs it has not yet.
   */
  public void registered() throws IOException {
    String earlier =
        previousHere().stream()
            .limit(MOST_EARLIER)
            .map(UUID::toString)
            .collect(Collectors.joining(" "));
    note((instance + " " + earlier).strip(), Machine.here().toString(), "");
  }

  /** All that earlier instances have left was taken over. */
  public void recovered() throws IOException {
    note(instance.toString(), Machine.here().toString(), "");
  }

  private void note(String lastInstance, String machine, String registering) throws IOException {
    String note = String.join("\n", lastInstance, holder, machine, registering, "");
    channel.write(UTF_8.encode(note), 0);
    channel.truncate(UTF_8.encode(note).remaining());
  }

  private static String line(List<String> note, int number) {
    return number < note.size() ? note.get(number) : "";
  }

  private static List<String> read(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(LONGEST_NOTE_BYTES);
    channel.read(bytes, 0);
    return UTF_8.decode(bytes.flip()).toString().lines().toList();
  }

  private Stream<UUID> uuids(int number) {
    return UUIDS.matcher(line(before, number)).results().map(uuid -> UUID.fromString(uuid.group()));
  }

  /** The instances, all gone, that may have registered from this directory last. */
  public List<UUID> predecessors() {
    return Stream.concat(uuids(INSTANCE), uuids(REGISTERING)).toList();
  }

  /**
   * The last instance of this directory, and earlier ones whose runs it had not taken over yet, if
   * they ran on this boot and in this pid namespace.
   */
  public List<UUID> previousHere() {
    return line(before, MACHINE).equals(Machine.here().toString())
        ? uuids(INSTANCE).toList()
        : List.of();
  }

  public Path runs() {
    return path.resolve("runs");
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
