package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.host.Machine;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The files that the guardian, the worker and a successor keep of one run. */
public final class RunDirectory {
  static final String RECORD = "record";
  private static final String SPEC = "spec";
  private static final byte[] NOTHING = {'\n'};
  private static final String STOP = "stop";
  private static final String ENDING = "ending";

  private final Path path;

  RunDirectory(Path path) {
    this.path = path;
  }

  /** Creates the files that each run has, in a directory without them. */
  public static void prepare(Path directory) throws IOException {
    Files.createFile(directory.resolve(SPEC));
    Files.createFile(directory.resolve(RECORD));
  }

  /** Their names. */
  public static Set<String> names() {
    return Set.of(SPEC, RECORD);
  }

  /**
   * Makes these files as good as new, for another run. An empty line is left in them: what is next
   * written into a file that was cut to nothing, ext4 writes to the disk at once (ext4(5):
   * auto_da_alloc).
   */
  public static void renew(Path directory) throws IOException {
    for (String name : names()) {
      Path file = directory.resolve(name);
      if (!isFile(file, Long.MAX_VALUE)) {
        throw new IOException(file + " is no file");
      }
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
        channel.write(ByteBuffer.wrap(NOTHING), 0);
        channel.truncate(NOTHING.length);
      }
    }
  }

  /** Whether these files are there, and nobody wrote more than a byte into them. */
  public static boolean untouched(Path directory) throws IOException {
    return isFile(directory.resolve(SPEC), NOTHING.length)
        && isFile(directory.resolve(RECORD), NOTHING.length);
  }

  /**
   * Whether it is a file of at most so many bytes: who opens a pipe in its place may be blocked.
   */
  public static boolean isFile(Path file, long mostBytes) throws IOException {
    BasicFileAttributes found =
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    return found.isRegularFile() && found.size() <= mostBytes;
  }

  /** Writes what the guardian is to run. */
  void specify(RunSpec spec) throws IOException {
    List<String> items = new ArrayList<>();
    items.add(Machine.here().boot());
    items.add(Machine.here().namespace());
    items.add(Long.toString(spec.deadline().toSeconds()));
    items.add(Long.toString(spec.grace().toSeconds()));
    items.add(GuardianScript.cookie(spec.runId()));
    items.add(spec.directory().toString());
    items.add(spec.output().path().toString());
    for (Map.Entry<String, String> variable : spec.added().entrySet()) {
      items.add(variable.getKey() + "=" + variable.getValue());
    }
    items.add("");
    items.addAll(spec.words());
    var bytes = new ByteArrayOutputStream();
    for (String item : items) {
      bytes.writeBytes(item.getBytes(UTF_8));
      bytes.write(0);
    }
    try (var file = new RandomAccessFile(path.resolve(SPEC).toFile(), "rw")) {
      file.write(bytes.toByteArray());
      if (file.length() > bytes.size()) {
        file.setLength(bytes.size());
      }
    }
  }

  /** Whether the run was started where this process runs; so it is where nothing tells. */
  boolean ofThisMachine() throws IOException {
    try {
      String[] items = BoundedFile.read(path.resolve(SPEC)).split("\0", 3);
      return items.length < 3 || new Machine(items[0], items[1]).equals(Machine.here());
    } catch (NoSuchFileException e) {
      return true;
    }
  }

  /** Whether nothing was written into the record since the specification, nor put in its place. */
  boolean recordIsUntouched() {
    try {
      return isFile(path.resolve(RECORD), NOTHING.length)
          && !Files.getLastModifiedTime(path.resolve(RECORD))
              .toInstant()
              .isAfter(Files.getLastModifiedTime(path.resolve(SPEC)).toInstant());
    } catch (IOException e) {
      return false;
    }
  }

  /** What the guardian has recorded. */
  Report record() throws IOException {
    try {
      String text = BoundedFile.read(path.resolve(RECORD));
      return Report.of(text.substring(0, text.lastIndexOf('\n') + 1).lines().toList());
    } catch (NoSuchFileException e) {
      return Report.of(List.of());
    }
  }

  /** Notes for a successor why the run is stopped, should this process die before it has ended. */
  void noteStop(StopReason reason) throws IOException {
    Files.writeString(path.resolve(STOP), reason.name());
  }

  /** Why the worker has stopped the run; a note that was not finished counts as none. */
  Optional<StopReason> stop() throws IOException {
    try {
      String word = BoundedFile.read(path.resolve(STOP));
      return Arrays.stream(StopReason.values()).filter(one -> one.name().equals(word)).findFirst();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /** Keeps for a successor how the run ended. Returns once that is on the disk. */
  void keep(Ending ending) throws IOException {
    EndingFile.write(path.resolve(ENDING), ending);
  }

  /** How the run ended, if that was kept. */
  Optional<Ending> kept() throws IOException {
    return EndingFile.read(path.resolve(ENDING));
  }
}
