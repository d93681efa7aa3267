package com.cape.worker.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

@Timeout(20)
class WorkerLogTest {
  private final LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
  @TempDir private Path directory;
  private Path file;
  private WorkerLog log;

  @BeforeEach
  void prepare() throws IOException {
    file = directory.resolve("logs/worker_w.log");
    log = open();
  }

  private WorkerLog open() throws IOException {
    var line = new PatternLayout();
    line.setContext(context);
    line.setPattern("%level %msg%n");
    line.start();
    var opened = new WorkerLog(file, line);
    opened.setContext(context);
    opened.start();
    return opened;
  }

  private void write(String message) {
    log.doAppend(
        new LoggingEvent("", context.getLogger("x"), Level.INFO, message, null, new Object[0]));
  }

  @Test
  void fileThatIsDeletedComesBackAndLosesNoLine() throws Exception {
    write("one");
    Files.delete(file);
    Files.delete(file.getParent());
    write("two");
    assertEquals(List.of("INFO two"), Files.readAllLines(file));
    Path moved = Files.move(file, directory.resolve("moved"));
    Files.createFile(file);
    write("three");
    assertEquals(List.of("INFO two"), Files.readAllLines(moved));
    assertEquals(List.of("INFO three"), Files.readAllLines(file));
  }

  @Test
  void idleWorkersFileComesBackWithAWarning() throws Exception {
    var logger = context.getLogger(WorkerLog.class);
    logger.addAppender(log);
    try {
      Files.delete(file);
      log.check();
      log.check();
      List<String> lines = Files.readAllLines(file);
      assertEquals(1, lines.size(), lines.toString());
      assertTrue(
          lines.get(0).startsWith("WARN the log file was deleted or replaced"), lines.get(0));
    } finally {
      logger.detachAppender(log);
    }
  }

  @Test
  void fullFileIsKeptUnderANumber() throws Exception {
    Files.writeString(file, "x".repeat(10 << 20));
    write("next");
    assertEquals(10 << 20, Files.size(directory.resolve("logs/worker_w.log.1")));
    assertEquals(List.of("INFO next"), Files.readAllLines(file));
    for (int i = 0; i < 6; i++) {
      Files.writeString(file, "x".repeat(10 << 20));
      write("again");
    }
    assertTrue(Files.exists(directory.resolve("logs/worker_w.log.5")));
    assertFalse(Files.exists(directory.resolve("logs/worker_w.log.6")));
  }

  @Test
  void linkOrPipeInItsPlaceIsNotWrittenTo() throws Exception {
    Path secret = Files.writeString(directory.resolve("secret"), "s3cr3t");
    Files.delete(file);
    Files.createSymbolicLink(file, secret);
    write("through a link");
    assertEquals("s3cr3t", Files.readString(secret));
    assertThrows(IOException.class, this::open);
    Files.delete(file);
    assertEquals(0, new ProcessBuilder("mkfifo", file.toString()).start().waitFor());
    write("into a pipe");
    assertThrows(IOException.class, this::open);
    Files.delete(file);
    write("back");
    assertEquals(List.of("INFO back"), Files.readAllLines(file));
  }
}
