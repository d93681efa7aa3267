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
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.config.WorkerConfig.LogLevel;
import com.cape.worker.issue.WorkerId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.ZoneId;
import java.util.Map;
import org.slf4j.LoggerFactory;

/** Where log lines go: the worker's file, and the console. */
public final class Logging {
  // The worker logs an outage itself, once.
  private static final String POOL = "com.zaxxer.hikari";

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
    context().getLogger(POOL).setLevel(Level.OFF);
  }

  /** Begins to log, with the times of this zone. */
  static WorkerLog start(
      WorkerId worker, WorkerConfig.Logs logs, ZoneId zone, Map<String, String> environment)
      throws IOException {
    var line = new LogLine(worker, zone);
    line.setContext(context());
    line.start();
    Path path = logs.directory().resolve("worker_%s.log".formatted(worker));
    var file = new WorkerLog(path, line);
    attach(file, logs.level());
    boolean quiet =
        LogFiles.isService(worker, logs.directory(), environment)
            && logs.level().compareTo(LogLevel.WARNING) < 0;
    attach(console(line), quiet ? LogLevel.WARNING : logs.level());
    boolean debug = logs.level() == LogLevel.DEBUG;
    root().setLevel(debug ? Level.DEBUG : Level.INFO);
    context().getLogger(POOL).setLevel(debug ? Level.INFO : Level.OFF);
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
    appender.setContext(context());
    appender.addFilter(filter);
    appender.start();
    root().addAppender(appender);
  }

  private static LoggerContext context() {
    return (LoggerContext) LoggerFactory.getILoggerFactory();
  }

  private static Logger root() {
    return context().getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  }
}
