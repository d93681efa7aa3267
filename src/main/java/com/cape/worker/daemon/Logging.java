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
import com.cape.worker.host.TrustedPath;
import com.cape.worker.issue.WorkerId;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.LoggerFactory;

/**
 * Where log lines go: the worker's file, and the console. A thread of its own checks the worker's
 * file, deletes old logs of attempts, and rotates the two files that a service manager fills with
 * what this process prints. The manager opens those only once, so a full one is copied and then
 * emptied in place.
 */
public final class Logging implements AutoCloseable {
  private static final org.slf4j.Logger LOG = LoggerFactory.getLogger(Logging.class);
  private static final long LARGEST_BYTES = 10 * 1024 * 1024;
  private static final int PERIOD_SECONDS = 3;
  // The worker logs an outage itself, once.
  private static final String POOL = "com.zaxxer.hikari";

  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(Logging::thread);

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
  static Logging start(
      WorkerId worker, WorkerConfig.Logs logs, ZoneId zone, Map<String, String> environment)
      throws IOException {
    var line = new LogLine(worker, zone);
    line.setContext(context());
    line.start();
    Path directory = logs.directory();
    var file = new WorkerLog(directory.resolve("worker_%s.log".formatted(worker)), line);
    attach(file, logs.level());
    Path errors = directory.resolve("worker_%s_stderr.log".formatted(worker));
    boolean service = isService(worker, errors, environment);
    boolean quiet = service && logs.level().compareTo(LogLevel.WARNING) < 0;
    attach(console(line), quiet ? LogLevel.WARNING : logs.level());
    boolean debug = logs.level() == LogLevel.DEBUG;
    root().setLevel(debug ? Level.DEBUG : Level.INFO);
    context().getLogger(POOL).setLevel(debug ? Level.INFO : Level.OFF);
    var logging = new Logging();
    logging.every(PERIOD_SECONDS, file::check);
    if (service) {
      Path out = directory.resolve("worker_%s_stdout.log".formatted(worker));
      logging.every(PERIOD_SECONDS, () -> rotateIfFull(out, FileDescriptor.out));
      logging.every(PERIOD_SECONDS, () -> rotateIfFull(errors, FileDescriptor.err));
    }
    return logging;
  }

  /** Deletes logs of attempts that are older than the retention, once a day. */
  void retain(Path issueLogs, Duration retention) {
    every(
        TimeUnit.DAYS.toSeconds(1),
        () -> LogRetention.deleteOlder(issueLogs, Instant.now().minus(retention)));
  }

  private void every(long seconds, Runnable work) {
    // The executor would silently drop a task that throws.
    Runnable safely =
        () -> {
          try {
            work.run();
          } catch (RuntimeException e) {
            LOG.error("cannot look after the log files; trying again", e);
          }
        };
    Future<?> unused = thread.scheduleWithFixedDelay(safely, 0, seconds, TimeUnit.SECONDS);
  }

  private static Thread thread(Runnable work) {
    var thread = new Thread(work, "cape-log-files");
    thread.setDaemon(true);
    return thread;
  }

  /** Whether standard error goes to the file that a service manager fills. */
  private static boolean isService(WorkerId worker, Path errors, Map<String, String> environment) {
    try {
      if (Files.isSameFile(Path.of("/proc/self/fd/2"), errors)) {
        return true;
      }
    } catch (IOException e) {
      // No /proc, or no such file.
    }
    return environment.getOrDefault("XPC_SERVICE_NAME", "").equals("com.cape.worker." + worker);
  }

  @SuppressWarnings("resource") // The descriptor stays open.
  private static void rotateIfFull(Path file, FileDescriptor descriptor) {
    try {
      if (Files.size(file) > LARGEST_BYTES) {
        TrustedPath.checkRegular(file);
        Files.copy(file, WorkerLog.makeRoom(file), StandardCopyOption.REPLACE_EXISTING);
        // Through the descriptor: the file may belong to the service manager's user.
        new FileOutputStream(descriptor).getChannel().truncate(0);
      }
    } catch (NoSuchFileException e) {
      // Deleted: what is printed goes nowhere until the next start.
    } catch (IOException e) {
      LOG.warn("cannot rotate file={} cause={}", file, e.toString());
    }
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

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
