package com.cape.worker.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.cape.worker.config.WorkerConfig.LogLevel;
import com.cape.worker.issue.WorkerId;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LogLineTest {
  private final LogLine line = new LogLine(new WorkerId("alleycat-1"), ZoneId.of("Asia/Tokyo"));

  @Test
  void hasTheDocumentedForm() {
    assertEquals(
        "2026-11-24 21:00:00 - cape_worker_alleycat-1 - WARNING - pending again issue=42 attempt=2\n",
        line.doLayout(event(Level.WARN, "pending again", Map.of("attempt", "2", "issue", "42"))));
  }

  @Test
  void lineBreaksCannotPassForAnotherEvent() {
    assertEquals(
        "2026-11-24 21:00:00 - cape_worker_alleycat-1 - INFO - a\\n2026 - x - ERROR - b\\rc\n",
        line.doLayout(event(Level.INFO, "a\n2026 - x - ERROR - b\rc", Map.of())));
  }

  @Test
  void passwordsAreMasked() {
    assertEquals(
        "2026-11-24 21:00:00 - cape_worker_alleycat-1 - DEBUG - to postgresql://cape:****@db/x?password=****&a=b\n",
        line.doLayout(
            event(Level.DEBUG, "to postgresql://cape:p@ss@db/x?password=secret&a=b", Map.of())));
  }

  @Test
  void criticalIsAMarkedError() {
    LoggingEvent event = event(Level.ERROR, "gone", Map.of());
    assertEquals(LogLevel.ERROR, LogLine.level(event));
    event.addMarker(LogLine.CRITICAL);
    assertEquals(LogLevel.CRITICAL, LogLine.level(event));
  }

  private static LoggingEvent event(Level level, String message, Map<String, String> facts) {
    var event = new LoggingEvent();
    event.setLevel(level);
    event.setMessage(message);
    event.setInstant(Instant.parse("2026-11-24T12:00:00Z"));
    event.setMDCPropertyMap(facts);
    return event;
  }
}
