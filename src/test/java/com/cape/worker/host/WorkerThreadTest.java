package com.cape.worker.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class WorkerThreadTest {
  @Test
  void threadThatDiesSaysSo() {
    Logger log = (Logger) LoggerFactory.getLogger(WorkerThread.class);
    ListAppender<ILoggingEvent> logged = new ListAppender<>();
    logged.start();
    log.addAppender(logged);

    Thread thread =
        WorkerThread.named(
            "test",
            () -> {
              throw new AssertionError("no memory");
            });
    thread.start();
    WorkerThread.join(thread);

    log.detachAppender(logged);
    assertEquals(
        List.of("thread died thread=cape-test"),
        logged.list.stream().map(ILoggingEvent::getFormattedMessage).toList());
  }
}
