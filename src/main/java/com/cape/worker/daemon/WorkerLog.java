package com.cape.worker.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import ch.qos.logback.core.Layout;
import com.cape.worker.host.TrustedPath;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker's log file. If a {@code git clean} or a log rotation removes it, it is created again.
 * A full one is kept under a number, the newest as 1.
 */
final class WorkerLog extends AppenderBase<ILoggingEvent> {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerLog.class);
  private static final long LARGEST_BYTES = 10 << 20;
  private static final int MOST_OLD_FILES = 5;

  private final Path file;
  private final Layout<ILoggingEvent> layout;
  private Optional<FileChannel> channel = Optional.empty();
  private Object key = "";
  private boolean lost;

  WorkerLog(Path file, Layout<ILoggingEvent> layout) throws IOException {
    this.file = file;
    this.layout = layout;
    open();
  }

  private void open() throws IOException {
    TrustedPath.create(file.getParent());
    TrustedPath.checkRegular(file);
    channel =
        Optional.of(
            FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND,
                LinkOption.NOFOLLOW_LINKS));
    key = keyNow();
  }

  private Object keyNow() throws IOException {
    return Objects.requireNonNull(
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).fileKey());
  }

  @Override
  protected void append(ILoggingEvent event) {
    try {
      reopenIfGone();
      FileChannel open = channel.orElseThrow();
      ByteBuffer bytes = ByteBuffer.wrap(layout.doLayout(event).getBytes(UTF_8));
      if (open.size() + bytes.remaining() > LARGEST_BYTES) {
        Files.move(file, makeRoom(file), StandardCopyOption.REPLACE_EXISTING);
        reopen();
        open = channel.orElseThrow();
      }
      while (bytes.hasRemaining()) {
        open.write(bytes);
      }
    } catch (IOException e) {
      addError("cannot write " + file, e); // A full disk: the next line may find room.
    }
  }

  private void reopenIfGone() throws IOException {
    if (channel.isEmpty()
        || !Files.exists(file, LinkOption.NOFOLLOW_LINKS)
        || !key.equals(keyNow())) {
      reopen();
      lost = true;
    }
  }

  private void reopen() throws IOException {
    if (channel.isPresent()) {
      FileChannel old = channel.get();
      channel = Optional.empty();
      old.close();
    }
    open();
  }

  /** Creates the file again if it is gone, and logs that. */
  void check() {
    synchronized (this) {
      try {
        reopenIfGone();
      } catch (IOException e) {
        LOG.debug("cannot open the log file", e);
      }
      if (!lost || channel.isEmpty()) {
        return;
      }
      lost = false;
    }
    LOG.warn("the log file was deleted or replaced, and was created again file={}", file);
  }

  /** Each old file becomes one older, the oldest goes; returns the path that is free now. */
  static Path makeRoom(Path file) throws IOException {
    for (int number = MOST_OLD_FILES - 1; number >= 1; number--) {
      if (Files.exists(old(file, number), LinkOption.NOFOLLOW_LINKS)) {
        Files.move(old(file, number), old(file, number + 1), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    return old(file, 1);
  }

  private static Path old(Path file, int number) {
    return file.resolveSibling(file.getFileName() + "." + number);
  }
}
