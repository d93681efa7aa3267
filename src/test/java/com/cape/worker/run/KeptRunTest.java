package com.cape.worker.run;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.Processes;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs whose worker is gone, under a guardian that keeps them. */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(60)
class KeptRunTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final String UNTIL_GO = "touch begun; until [ -e go ]; do sleep 0.02; done; ";

  @TempDir private Path directory;
  private final CommandRunner successor = new CommandRunner(RunFixture.PERL, Set.of());
  private RunFixture fixture;
  private Process guardian;
  private RunSpec spec;

  @BeforeEach
  void prepare() {
    fixture = new RunFixture(directory);
  }

  @AfterEach
  void close() {
    successor.close();
    if (guardian != null) {
      guardian.destroyForcibly();
    }
  }

  @Test
  void runGoesOnAndItsExitStatusIsRecorded() throws Exception {
    orphan(UNTIL_GO + "echo done; exit 7");
    AdoptedRun run = adopted();
    go();
    Ending ending = run.await();
    assertEquals(OptionalInt.of(7), ending.exitCode());
    assertEquals(Optional.empty(), ending.stopReason());
    assertEquals("done\n", Files.readString(spec.output().path()));
    assertAllGone();
  }

  @Test
  void runThatEndedBeforeASuccessorCameIsSettledByItsRecord() throws Exception {
    orphan(UNTIL_GO + "exit 0");
    go();
    guardian.waitFor();
    assertTrue(successor.kept(spec.folder()).isEmpty());
    Ending ending = successor.recover(spec.folder(), RunFixture.GRACE, StopReason.WORKER_DIED);
    assertEquals(OptionalInt.of(0), ending.exitCode());
    assertEquals(Optional.empty(), ending.stopReason());
  }

  @Test
  void runThatNobodyAdoptsIsEndedAtItsDeadline() throws Exception {
    Duration deadline = LeaseClock.now().plusSeconds(3);
    begin(UNTIL_GO, LONG, deadline, true);
    endWorker();
    guardian.waitFor();
    Duration over = LeaseClock.now().minus(deadline);
    assertTrue(over.compareTo(Duration.ofSeconds(2)) < 0, over.toString());
    assertStopped(StopReason.LEASE_LOST);
  }

  @Test
  void laterDeadlineIsAcceptedAndAnEarlierOneIsNot() throws Exception {
    begin(UNTIL_GO + "exit 3", LONG, LeaseClock.now().plusSeconds(4), true);
    endWorker();
    AdoptedRun run = adopted();
    run.extend(LeaseClock.now().plusSeconds(300));
    await().until(() -> record().contains("owner " + RunFixture.INSTANCE));
    run.extend(LeaseClock.now());
    Duration first = spec.deadline().plusSeconds(1);
    await().until(() -> LeaseClock.now().compareTo(first) > 0);
    assertTrue(guardian.isAlive());
    go();
    assertEquals(OptionalInt.of(3), run.await().exitCode());
  }

  @Test
  void deadlineThatHasPassedIsNotExtended() throws Exception {
    begin(
        "trap 'touch ended; exit' TERM; " + UNTIL_GO, LONG, LeaseClock.now().plusSeconds(4), true);
    long starter = starter();
    Processes.signal("STOP", guardian.pid());
    Processes.signal("STOP", starter);
    endWorker();
    await().until(() -> LeaseClock.now().compareTo(spec.deadline()) > 0);
    adopted().extend(LeaseClock.now().plusSeconds(300));
    Processes.signal("CONT", starter);
    Processes.signal("CONT", guardian.pid());
    guardian.waitFor();
    assertStopped(StopReason.LEASE_LOST);
  }

  @Test
  void timeoutEndsAKeptRun() throws Exception {
    begin(UNTIL_GO, Duration.ofSeconds(2), LeaseClock.now().plusSeconds(300), true);
    endWorker();
    guardian.waitFor();
    assertStopped(StopReason.TIMEOUT);
  }

  @Test
  void outputLimitEndsAKeptRunAndTheDiskDoesNotFillUp() throws Exception {
    begin(
        "trap '' TERM; " + UNTIL_GO + "while :; do head -c 100000 /dev/zero; done",
        LONG,
        far(),
        true);
    endWorker();
    go();
    guardian.waitFor();
    assertStopped(StopReason.OUTPUT_LIMIT);
  }

  @Test
  void orderStopsAnAdoptedRunThatIgnoresTerm() throws Exception {
    orphan("trap '' TERM; " + UNTIL_GO);
    AdoptedRun run = adopted();
    assertTrue(run.stop(StopReason.CANCELLED));
    assertFalse(run.stop(StopReason.TIMEOUT));
    Ending ending = run.await();
    assertEquals(Optional.of(StopReason.CANCELLED), ending.stopReason());
    assertEquals(OptionalInt.of(137), ending.exitCode());
    assertAllGone();
  }

  @Test
  void runOfAFrozenGuardianIsEndedByItsAdopter() throws Exception {
    orphan(UNTIL_GO);
    AdoptedRun run = adopted();
    Processes.signal("STOP", guardian.pid());
    Processes.signal("STOP", starter());
    run.stop(StopReason.CANCELLED);
    assertEquals(Optional.of(StopReason.CANCELLED), run.await().stopReason());
    assertAllGone();
  }

  @Test
  void runIsEndedIfItsGuardianIsKilledToo() throws Exception {
    orphan(UNTIL_GO);
    AdoptedRun run = adopted();
    Processes.signal("KILL", starter());
    assertEquals(Optional.of(StopReason.WORKER_DIED), run.await().stopReason());
    assertAllGone();
  }

  @Test
  void stopThatWasInTheLifeLineComesBeforeItsEnd() throws Exception {
    begin(UNTIL_GO, LONG, far(), true);
    Writer lifeLine = guardian.outputWriter();
    lifeLine.write("stop 1 cancelled\n");
    lifeLine.close();
    guardian.waitFor();
    assertStopped(StopReason.CANCELLED);
  }

  @Test
  void runThatWasNotBegunIsNotStarted() throws Exception {
    spec = RunFixture.kept(spec(UNTIL_GO, LONG, far()));
    spec.folder().specify(spec);
    guardian = new GuardianScript(RunFixture.PERL, Set.of()).start();
    long starter = starter();
    Processes.signal("STOP", starter);
    Processes.signal("STOP", guardian.pid());
    try (Writer lifeLine = guardian.outputWriter()) {
      lifeLine.write(runLine());
    }
    Processes.signal("CONT", guardian.pid());
    Processes.signal("CONT", starter);
    guardian.waitFor();
    Ending ending = successor.recover(spec.folder(), RunFixture.GRACE, StopReason.WORKER_DIED);
    // It may have come to the command between the two signals' first and second line.
    assertTrue(ending.notStarted(), record());
    assertFalse(Files.exists(spec.folder().path().resolve("begun")));
  }

  @Test
  void runIsEndedWithItsWorkerIfThatWasAskedFor() throws Exception {
    begin(UNTIL_GO, LONG, far(), false);
    endWorker();
    guardian.waitFor();
    assertStopped(StopReason.WORKER_DIED);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mkfifo lease stop",
        "mkdir lease stop",
        "ln -s /dev/zero lease; ln -s /etc/hostname stop",
        "printf '2 x 99' >lease; printf '%s' -- >stop",
        "head -c 100000 /dev/urandom | tee lease >stop"
      })
  void filesThatTheCommandHasPlantedAreNoOrders(String plants) throws Exception {
    orphan(plants + "; " + UNTIL_GO + "exit 4");
    AdoptedRun run = adopted();
    run.extend(far());
    await().until(() -> record().contains("kept\n"));
    go();
    assertEquals(OptionalInt.of(4), run.await().exitCode());
  }

  @ParameterizedTest
  @ValueSource(strings = {"rm spec", "truncate -s 0 spec", "rm record", "mkfifo x; mv x record"})
  void runWhoseFilesAreSpoiltIsEndedByASuccessor(String spoils) throws Exception {
    orphan(spoils + "; " + UNTIL_GO);
    Ending ending = recoverOrAdopt();
    assertTrue(ending.stopReason().isPresent());
    assertAllGone();
  }

  private Ending recoverOrAdopt() throws Exception {
    Optional<AdoptedRun> run = successor.kept(spec.folder());
    if (run.isPresent()) {
      run.get().stop(StopReason.WORKER_DIED);
      return run.get().await();
    }
    return successor.recover(spec.folder(), RunFixture.GRACE, StopReason.WORKER_DIED);
  }

  private static Duration far() {
    return LeaseClock.now().plusSeconds(300);
  }

  private RunSpec spec(String script, Duration timeout, Duration deadline) throws IOException {
    return fixture.spec(List.of("/bin/bash", "-c", script), Map.of(), timeout, deadline);
  }

  private void begin(String script, Duration timeout, Duration deadline, boolean keep)
      throws IOException {
    RunSpec plain = spec(script, timeout, deadline);
    spec = keep ? RunFixture.kept(plain) : plain;
    spec.folder().specify(spec);
    guardian = new GuardianScript(RunFixture.PERL, Set.of()).start();
    guardian.outputWriter().write(runLine());
    guardian.outputWriter().flush();
    await().until(() -> Files.exists(spec.folder().path().resolve("begun")));
  }

  private String runLine() {
    return "run 1 1 %d %s %s%n"
        .formatted(spec.deadline().toSeconds(), spec.runId(), spec.folder().path());
  }

  private void endWorker() throws IOException {
    guardian.getOutputStream().close();
  }

  /** Begins a run whose worker then dies. */
  private void orphan(String script) throws IOException {
    begin(script, LONG, far(), true);
    endWorker();
  }

  private AdoptedRun adopted() throws IOException {
    return successor.kept(spec.folder()).orElseThrow();
  }

  private long starter() {
    return await().until(() -> Processes.leader(guardian.pid()), Optional::isPresent).orElseThrow();
  }

  private void go() throws IOException {
    Files.createFile(spec.folder().path().resolve("go"));
  }

  private String record() throws IOException {
    return Files.readString(spec.folder().recordFile());
  }

  private void assertStopped(StopReason reason) throws Exception {
    Ending ending = successor.recover(spec.folder(), RunFixture.GRACE, StopReason.WORKER_DIED);
    assertEquals(Optional.of(reason), ending.stopReason());
    assertAllGone();
  }

  private void assertAllGone() throws IOException {
    assertEquals(Set.of(), RunFixture.living(spec.runId()));
    await().until(() -> !guardian.isAlive());
  }
}
