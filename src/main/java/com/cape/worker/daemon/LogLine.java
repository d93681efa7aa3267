package com.cape.worker.daemon;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;
import com.cape.worker.config.Secrets;
import com.cape.worker.config.WorkerConfig.LogLevel;
import com.cape.worker.issue.WorkerId;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import org.slf4j.Marker;
import org.slf4j.MarkerFactory;

/** {@code 2026-11-24 09:30:00 - cape_worker_alleycat-1 - INFO - message issue=42 attempt=1}. */
final class LogLine extends LayoutBase<ILoggingEvent> {
  /** Marks an event that ends the daemon. */
  static final Marker CRITICAL = MarkerFactory.getMarker("CRITICAL");

  private final String name;
  private final DateTimeFormatter time;

  LogLine(WorkerId worker, ZoneId zone) {
    this.name = " - cape_worker_" + worker + " - ";
    this.time = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(zone);
  }

  @Override
  public String doLayout(ILoggingEvent event) {
    var line = new StringBuilder(time.format(Instant.ofEpochMilli(event.getTimeStamp())));
    line.append(name)
        .append(level(event))
        .append(" - ")
        // A line break in a message could pass for another event.
        .append(
            Secrets.mask(event.getFormattedMessage()).replace("\r", "\\r").replace("\n", "\\n"));
    Map<String, String> facts = event.getMDCPropertyMap();
    for (String key : new String[] {"issue", "attempt"}) {
      if (facts.containsKey(key)) {
        line.append(' ').append(key).append('=').append(facts.get(key));
      }
    }
    line.append('\n');
    if (event.getThrowableProxy() != null) {
      line.append(Secrets.mask(ThrowableProxyUtil.asString(event.getThrowableProxy())));
    }
    return line.toString();
  }

  static LogLevel level(ILoggingEvent event) {
    if (event.getMarkerList() != null && event.getMarkerList().contains(CRITICAL)) {
      return LogLevel.CRITICAL;
    }
    return switch (event.getLevel().toInt()) {
      case Level.ERROR_INT -> LogLevel.ERROR;
      case Level.WARN_INT -> LogLevel.WARNING;
      case Level.INFO_INT -> LogLevel.INFO;
      default -> LogLevel.DEBUG;
    };
  }
}
