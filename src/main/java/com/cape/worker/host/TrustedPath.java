package com.cape.worker.host;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.security.auth.module.UnixSystem;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;

/**
 * Directories that no other user can replace. Whoever may write to a directory on the way to a file
 * can put a link there, and this user would write to, delete or chmod the file that it points to.
 */
public final class TrustedPath {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
  private static final long USER = user();
  // The pid namespace that no container has (Linux: PROC_PID_INIT_INO).
  private static final String HOST_PROCESSES = "pid:[4026531836]";
  private static final int GROUP_WRITES = 020;
  private static final int OTHERS_WRITE = 02;
  private static final int STICKY = 01000;
  private static final int MOST_LINKS = 40;
  private static final Path GROUPS = Path.of("/etc/group");

  private TrustedPath() {}

  /** The JDK answers 0 for a user without a name, as containers often have. */
  private static long user() {
    try (var lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.startsWith("Uid:"))
          .mapToLong(line -> Long.parseLong(line.split("\t")[2]))
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      return new UnixSystem().getUid();
    }
  }

  /** Who else could replace a part of the path, and what to do; empty if nobody could. */
  public static Optional<String> trouble(Path path) {
    try {
      return walk(path.toAbsolutePath());
    } catch (IOException e) {
      return Optional.of("%s cannot be looked at: %s".formatted(path, e));
    }
  }

  /** Looks at each directory and each link in the order in which the kernel passes them. */
  private static Optional<String> walk(Path path) throws IOException {
    Deque<Path> left = new ArrayDeque<>();
    path.forEach(left::add);
    Path at = path.getRoot();
    Optional<String> trouble = directory(at);
    for (int links = 0; trouble.isEmpty() && !left.isEmpty(); ) {
      Path next = at.resolve(left.pop()).normalize();
      Map<String, Object> found;
      try {
        found = attributes(next);
      } catch (NoSuchFileException e) {
        return Optional.empty();
      }
      if (!Boolean.TRUE.equals(found.get("isSymbolicLink"))) {
        trouble = directory(next);
        at = next;
        continue;
      }
      trouble = owner(next, found);
      Path target = Files.readSymbolicLink(next);
      for (int i = target.getNameCount() - 1; i >= 0; i--) {
        left.push(target.getName(i));
      }
      at = target.isAbsolute() ? target.getRoot() : at;
      if (++links > MOST_LINKS) {
        throw new FileSystemException(path.toString(), null, "too many links");
      }
    }
    return trouble;
  }

  private static Optional<String> directory(Path directory) throws IOException {
    Map<String, Object> found = attributes(directory);
    if (!Boolean.TRUE.equals(found.get("isDirectory"))) {
      return Optional.of("%s is no directory; choose another place".formatted(directory));
    }
    int mode = (Integer) found.get("mode");
    boolean others =
        (mode & OTHERS_WRITE) != 0 || ((mode & GROUP_WRITES) != 0 && !isOwnGroup(found));
    // In a sticky directory nobody renames or deletes what is another user's.
    if (others && (mode & STICKY) == 0 && !isVolumeOfContainer(directory)) {
      return Optional.of(
          "other users can write to %s, and put links of theirs there; take that from them with"
                  .formatted(directory)
              + " 'chmod go-w', or choose another place");
    }
    return owner(directory, found);
  }

  private static Optional<String> owner(Path file, Map<String, Object> found) {
    int owner = (Integer) found.get("uid");
    return owner == 0 || owner == USER
        ? Optional.empty()
        : Optional.of(
            "%s belongs to %s, who can put other files into its place; choose a place below directories of this user or of root"
                .formatted(file, found.get("owner")));
  }

  /**
   * Whether it was mounted into this container: a Kubernetes {@code emptyDir} has the mode 0777,
   * and who runs the container says who else gets it.
   */
  private static boolean isVolumeOfContainer(Path directory) throws IOException {
    String processes = Machine.here().namespace();
    if (processes.isEmpty() || processes.equals(HOST_PROCESSES)) {
      return false;
    }
    String mount = directory.toString().replace(" ", "\\040");
    try (var lines = Files.lines(MOUNTS)) {
      return lines.anyMatch(line -> line.split(" ")[4].equals(mount));
    }
  }

  /** Whether it is the group that many systems give each user for himself. */
  private static boolean isOwnGroup(Map<String, Object> found) throws IOException {
    String group = found.get("group").toString();
    if (!group.equals(found.get("owner").toString())) {
      return false;
    }
    try (var lines = Files.lines(GROUPS, UTF_8)) {
      return lines
          .map(line -> line.split(":", -1))
          .filter(fields -> fields[0].equals(group) && fields.length > 3)
          .allMatch(fields -> fields[3].isEmpty() || fields[3].equals(group));
    }
  }

  private static Map<String, Object> attributes(Path file) throws IOException {
    return Files.readAttributes(
        file, "unix:uid,owner,group,mode,isDirectory,isSymbolicLink", LinkOption.NOFOLLOW_LINKS);
  }

  /** Creates the directory if it is missing, so that only this user may write to it. */
  public static void create(Path directory) throws IOException {
    Files.createDirectories(directory, permissions("rwxr-xr-x"));
  }

  /** The same, and nobody else may read it, also if it existed. */
  static void createPrivate(Path directory) throws IOException {
    Files.createDirectories(directory, permissions("rwx------"));
    Path real = directory.toRealPath();
    if (((Integer) attributes(real).get("uid")) == USER) {
      Files.getFileAttributeView(real, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
          .setPermissions(PosixFilePermissions.fromString("rwx------"));
    }
  }

  private static FileAttribute<?> permissions(String permissions) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions));
  }

  /** Checks that a file can be opened for writing: to open a pipe would block. */
  public static void checkRegular(Path file) throws IOException {
    if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
        && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileSystemException(file.toString(), null, "is no regular file; remove it");
    }
  }
}
