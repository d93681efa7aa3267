package com.cape.worker.daemon;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.attribute.BasicFileAttributeView;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Deletes the log files of attempts. Several workers may share the folder. */
final class LogRetention {
  private static final Logger LOG = LoggerFactory.getLogger(LogRetention.class);

  private LogRetention() {}

  /** Deletes the files that are older; returns how many that were. Ends early on an interrupt. */
  static int deleteOlder(Path issueLogs, Instant oldest) {
    int deleted = 0;
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(issueLogs)) {
      for (Path folder : folders) {
        if (Thread.currentThread().isInterrupted()) {
          break;
        }
        if (folder.getFileName().toString().matches("\\d+")) {
          deleted += deleteOld(folders, folder, oldest);
        }
      }
    } catch (NoSuchFileException e) {
      // No issue has run yet.
    } catch (IOException | DirectoryIteratorException e) {
      LOG.warn("cannot look for old attempt logs cause={}", e.toString());
    }
    if (deleted > 0) {
      LOG.info("old attempt logs deleted files={} directory={}", deleted, issueLogs);
    }
    return deleted;
  }

  private static int deleteOld(DirectoryStream<Path> parent, Path folder, Instant oldest) {
    int deleted = 0;
    try (DirectoryStream<Path> files = open(parent, folder)) {
      for (Path file : files) {
        deleted += deleteIfOlder(files, file, oldest) ? 1 : 0;
      }
      Files.delete(folder);
    } catch (DirectoryNotEmptyException | NoSuchFileException e) {
      // Not all are old, another worker has just used it, or was faster.
    } catch (NotDirectoryException e) {
      LOG.warn("no folder of attempt logs, or a link to one: left alone path={}", folder);
    } catch (IOException | DirectoryIteratorException e) {
      LOG.warn("cannot delete old attempt logs cause={}", e.toString());
    }
    return deleted;
  }

  /** A workflow may put a link into a folder's place at any time: what is open stays the folder. */
  @SuppressWarnings("StreamResourceLeak") // The caller closes it.
  private static DirectoryStream<Path> open(DirectoryStream<Path> parent, Path folder)
      throws IOException {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new NotDirectoryException(folder.toString());
    }
    return parent instanceof SecureDirectoryStream<Path> secure
        ? secure.newDirectoryStream(folder.getFileName(), LinkOption.NOFOLLOW_LINKS)
        : Files.newDirectoryStream(folder);
  }

  private static boolean deleteIfOlder(DirectoryStream<Path> folder, Path file, Instant oldest)
      throws IOException {
    Path name = file.getFileName();
    if (!name.toString().matches("attempt-\\d+-\\d+(\\.\\d+)?\\.log")) {
      return false;
    }
    if (folder instanceof SecureDirectoryStream<Path> secure) {
      var view =
          secure.getFileAttributeView(
              name, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
      if (!view.readAttributes().lastModifiedTime().toInstant().isBefore(oldest)) {
        return false;
      }
      secure.deleteFile(name);
      return true;
    }
    return Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS).toInstant().isBefore(oldest)
        && Files.deleteIfExists(file);
  }
}
