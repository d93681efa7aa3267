package com.cape.worker.daemon;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.Layout;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.spi.FilterReply;
import ch.qos.logback.core.util.Duration;
import ch.qos.logback.core.util.FileSize;
import com.cape.worker.config.LogLevel;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.issue.WorkerId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import org.slf4j.LoggerFactory;

/** Where log lines go: the worker's file, and the console. */
public final class Logging {
  private static final FileSize LARGEST_FILE = FileSize.valueOf("10MB");
  // The worker tells of an outage itself, once.
  private static final List<String> LIBRARIES = List.of("com.zaxxer.hikari");

  private Logging() {}

  /** Nothing is logged until {@link #start}. */
  public static void silence() {
    root().detachAndStopAllAppenders();
    root().setLevel(Level.OFF);
  }

  /** Logs what went wrong, to the console alone. */
  public static void troubleOnly() {
    silence();
    var line = new PatternLayout();
    line.setPattern("%d{yyyy-MM-dd HH:mm:ss} - %level - %msg%n");
    attach(new ConsoleAppender<>(), line, LogLevel.WARNING);
    root().setLevel(Level.WARN);
    LIBRARIES.forEach(library -> context().getLogger(library).setLevel(Level.OFF));
  }

  /**
   * Begins to log.
   *
   * @param zone of the times in the log
   * @throws IOException when the file cannot be written
   */
  static void start(
      WorkerId worker, WorkerConfig.Logs logs, ZoneId zone, Map<String, String> environment)
      throws IOException {
    Path file = logs.directory().resolve("worker_%s.log".formatted(worker));
    Files.createDirectories(logs.directory());
    Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND).close();
    var line = new LogLine(worker, zone);
    boolean service = ServiceOutput.isService(worker, logs.directory(), environment);
    attach(file(file), line, logs.level());
    LogLevel onConsole = service ? atLeast(logs.level(), LogLevel.WARNING) : logs.level();
    attach(new ConsoleAppender<>(), line, onConsole);
    root().setLevel(logs.level() == LogLevel.DEBUG ? Level.DEBUG : Level.INFO);
    for (String library : LIBRARIES) {
      context()
          .getLogger(library)
          .setLevel(logs.level() == LogLevel.DEBUG ? Level.INFO : Level.OFF);
    }
  }

  private static RollingFileAppender<ILoggingEvent> file(Path file) {
    var appender = new RollingFileAppender<ILoggingEvent>();
    appender.setFile(file.toString());
    var old = new OldFiles(file);
    old.setContext(context());
    old.setParent(appender);
    old.start();
    var size = new SizeBasedTriggeringPolicy<ILoggingEvent>();
    size.setContext(context());
    size.setMaxFileSize(LARGEST_FILE);
    size.setCheckIncrement(Duration.buildBySeconds(1));
    size.start();
    appender.setRollingPolicy(old);
    appender.setTriggeringPolicy(size);
    return appender;
  }

  private static void attach(
      OutputStreamAppender<ILoggingEvent> appender, Layout<ILoggingEvent> line, LogLevel least) {
    var encoder = new LayoutWrappingEncoder<ILoggingEvent>();
    encoder.setContext(context());
    encoder.setCharset(StandardCharsets.UTF_8);
    encoder.setLayout(line);
    if (appender instanceof ConsoleAppender<ILoggingEvent> console) {
      console.setTarget("System.err");
    }
    line.setContext(context());
    line.start();
    encoder.start();
    appender.setContext(context());
    appender.setEncoder(encoder);
    appender.addFilter(from(least));
    appender.start();
    Appender<ILoggingEvent> started = appender;
    root().addAppender(started);
  }

  private static Filter<ILoggingEvent> from(LogLevel least) {
    var filter =
        new Filter<ILoggingEvent>() {
          @Override
          public FilterReply decide(ILoggingEvent event) {
            return LogLine.level(event).compareTo(least) < 0
                ? FilterReply.DENY
                : FilterReply.NEUTRAL;
          }
        };
    filter.start();
    return filter;
  }

  private static LogLevel atLeast(LogLevel one, LogLevel other) {
    return one.compareTo(other) > 0 ? one : other;
  }

  private static LoggerContext context() {
    return (LoggerContext) LoggerFactory.getILoggerFactory();
  }

  private static Logger root() {
    return context().getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  }
}
