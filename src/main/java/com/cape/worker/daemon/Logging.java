package com.cape.worker.daemon;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.Layout;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.spi.FilterReply;
import com.cape.worker.config.LogLevel;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.issue.WorkerId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import org.slf4j.LoggerFactory;

/** Where log lines go: the worker's file, and the console. */
public final class Logging {
  // The worker logs an outage itself, once.
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
    line.setContext(context());
    line.start();
    attach(console(line), LogLevel.WARNING);
    root().setLevel(Level.WARN);
    LIBRARIES.forEach(library -> context().getLogger(library).setLevel(Level.OFF));
  }

  /**
   * Begins to log.
   *
   * @param zone of the times in the log
   * @throws IOException when the file cannot be written
   */
  static WorkerLog start(
      WorkerId worker, WorkerConfig.Logs logs, ZoneId zone, Map<String, String> environment)
      throws IOException {
    var line = new LogLine(worker, zone);
    line.setContext(context());
    line.start();
    Path path = logs.directory().resolve("worker_%s.log".formatted(worker));
    var file = new WorkerLog(path, line);
    attach(file, logs.level());
    boolean service = LogFiles.isService(worker, logs.directory(), environment);
    attach(console(line), service ? atLeast(logs.level(), LogLevel.WARNING) : logs.level());
    root().setLevel(logs.level() == LogLevel.DEBUG ? Level.DEBUG : Level.INFO);
    for (String library : LIBRARIES) {
      context()
          .getLogger(library)
          .setLevel(logs.level() == LogLevel.DEBUG ? Level.INFO : Level.OFF);
    }
    return file;
  }

  private static Appender<ILoggingEvent> console(Layout<ILoggingEvent> line) {
    var encoder = new LayoutWrappingEncoder<ILoggingEvent>();
    encoder.setContext(context());
    encoder.setCharset(StandardCharsets.UTF_8);
    encoder.setLayout(line);
    encoder.start();
    var console = new ConsoleAppender<ILoggingEvent>();
    console.setTarget("System.err");
    console.setEncoder(encoder);
    return console;
  }

  private static void attach(Appender<ILoggingEvent> appender, LogLevel least) {
    appender.setContext(context());
    appender.addFilter(from(least));
    appender.start();
    root().addAppender(appender);
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
