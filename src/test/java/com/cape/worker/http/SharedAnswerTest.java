package com.cape.worker.http;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.store.Database;
import com.cape.worker.store.read.HealthRepository;
import java.lang.reflect.Proxy;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class SharedAnswerTest {
  private static final Duration LONG = Duration.ofMinutes(5);

  private final AtomicInteger questions = new AtomicInteger();

  @Test
  void manyWhoAskAtOnceAskTheDatabaseOnce() {
    var answered = new CountDownLatch(1);
    var threads = Executors.newFixedThreadPool(8);
    try (var shared = new SharedAnswer<>("test", () -> answer(answered), took -> LONG, LONG)) {
      List<CompletableFuture<Optional<Integer>>> all =
          Stream.generate(() -> CompletableFuture.supplyAsync(shared::get, threads))
              .limit(8)
              .toList();
      answered.countDown();
      all.forEach(one -> assertEquals(Optional.of(1), one.join()));
      assertEquals(Optional.of(1), shared.get());
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void answerIsAskedForAnewWhenItHoldsNoLonger() {
    try (var shared =
        new SharedAnswer<>("test", questions::incrementAndGet, took -> Duration.ZERO, LONG)) {
      assertEquals(Optional.of(1), shared.get());
      assertEquals(Optional.of(2), shared.get());
    }
  }

  @Test
  void answerThatIsForgottenIsAskedForAnew() {
    try (var shared = new SharedAnswer<>("test", questions::incrementAndGet, took -> LONG, LONG)) {
      assertEquals(Optional.of(1), shared.get());
      shared.forget();
      assertEquals(Optional.of(2), shared.get());
      assertEquals(Optional.of(2), shared.get());
    }
  }

  @Test
  void lateAnswerIsNotWaitedForAndServesThoseWhoAskLater() {
    var answered = new CountDownLatch(1);
    Duration patience = Duration.ofMillis(50);
    try (var shared = new SharedAnswer<>("test", () -> answer(answered), took -> LONG, patience)) {
      assertEquals(Optional.empty(), shared.get());
      long startNanos = System.nanoTime();
      for (int i = 0; i < 100; i++) {
        assertEquals(Optional.empty(), shared.get());
      }
      Duration waited = Duration.ofNanos(System.nanoTime() - startNanos);
      assertTrue(waited.compareTo(Duration.ofSeconds(2)) < 0, waited.toString());
      answered.countDown();
      await().until(() -> shared.get().equals(Optional.of(1)));
    }
  }

  @Test
  void databaseThatRefusesIsAskedOnceASecond() {
    var refusing = new HealthRepository(new Database(refusing()));
    try (var shared = new SharedAnswer<>("test", refusing::takesWrites, took -> LONG, LONG)) {
      for (int i = 0; i < 100; i++) {
        assertEquals(Optional.empty(), shared.get());
      }
      assertTrue(questions.get() < 10, questions + " questions");
      int before = questions.get();
      await()
          .atMost(Duration.ofSeconds(5))
          .until(
              () -> {
                shared.get();
                return questions.get() > before;
              });
    }
  }

  private int answer(CountDownLatch allowed) {
    try {
      allowed.await();
      return questions.incrementAndGet();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private DataSource refusing() {
    return (DataSource)
        Proxy.newProxyInstance(
            SharedAnswerTest.class.getClassLoader(),
            new Class<?>[] {DataSource.class},
            (self, method, arguments) -> {
              questions.incrementAndGet();
              throw new SQLException("refused", "08001");
            });
  }
}
