package com.cape.worker.run;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a command, or somebody else, may do to the guardian of a run. */
@Timeout(60)
@Execution(ExecutionMode.CONCURRENT)
class GuardianUnderAttackTest {
  private static final Duration GRACE = RunFixture.GRACE;
  private static final String IGNORES_TERM =
      "trap '' TERM; echo $$; setsid sleep 300 & while :; do sleep 0.2; done";

  @TempDir private Path directory;
  private UUID runId;
  private Path output;
  private RunFolder folder;

  @AutoClose
  private final CommandRunner runner = new CommandRunner(Path.of("/usr/bin/perl"), Set.of());

  @Test
  void commandThatStopsItsGuardianEndsAllTheSame() throws Exception {
    assertEquals(OptionalInt.of(3), start("kill -STOP $PPID; exit 3").await().exitCode());
  }

  @Test
  void watcherThatWasStoppedKeepsTheDeadline() throws Exception {
    Duration deadline = LeaseClock.now().plusSeconds(3);
    CommandRunner.Run run = runner.start(spec(IGNORES_TERM, Map.of(), deadline), () -> {});
    await().until(() -> Files.size(output) > 0);
    Processes.signal("STOP", guardian().get(1));
    assertEquals(Optional.of(StopReason.LEASE_LOST), run.await().stopReason());
    assertEquals(Set.of(), living());
  }

  @RepeatedTest(20)
  void signalToTheGuardianDoesNotPassForTheEndOfTheCommand() throws Exception {
    assertEquals(OptionalInt.of(0), start("kill -TERM $PPID; exit 0").await().exitCode());
  }

  @RepeatedTest(5)
  void commandThatWasStoppedAndGoesOnHasItsOwnExitCode() throws Exception {
    String script = "(sleep 0.1; kill -CONT $$) & kill -STOP $$; exit 9";
    assertEquals(OptionalInt.of(9), start(script).await().exitCode());
  }

  @RepeatedTest(30)
  void commandThatStopsItselfAtOnceIsNotTakenForOneThatHasEnded() throws Exception {
    CommandRunner.Run run = start("kill -STOP $$; exit 9");
    await().until(() -> stopped().isPresent());
    Processes.signal("CONT", stopped().orElseThrow());
    assertEquals(OptionalInt.of(9), run.await().exitCode());
  }

  @RepeatedTest(20)
  void stopRightAfterTheStartEndsTheRun() throws Exception {
    CommandRunner.Run run = start("sleep 300");
    run.stop(StopReason.CANCELLED);
    Ending ending = run.await();
    assertEquals(Optional.of(StopReason.CANCELLED), ending.stopReason());
    assertEquals(Set.of(), living());
  }

  @Test
  void runWhoseGuardianIsFrozenIsKilledWithinTheReserveOfItsLease() throws Exception {
    CommandRunner.Run run = start(IGNORES_TERM);
    await().until(() -> Files.size(output) > 0);
    for (long pid : guardian()) {
      Processes.signal("STOP", pid);
    }
    run.stop(StopReason.LEASE_LOST);
    await()
        .atMost(GRACE.plusSeconds(2))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> living().isEmpty());
    assertEquals(Optional.of(StopReason.LEASE_LOST), run.await().stopReason());
    assertEquals(Set.of(), living());
  }

  @Test
  void runWhoseWatcherWasKilledIsEndedWhateverTheWorkerDoes() throws Exception {
    CommandRunner.Run run = start(IGNORES_TERM);
    await().until(() -> Files.size(output) > 0);
    killWatcher();
    await().atMost(GRACE.plusSeconds(2)).until(() -> living().isEmpty());
    Ending ending = run.await();
    assertEquals(Optional.of(StopReason.WORKER_DIED), ending.stopReason());
    // Nor was anybody else taken for a process of the run.
    assertEquals(List.of(), ending.survivors());
    assertEquals(Set.of(), living());
  }

  @ParameterizedTest
  @CsvSource({"KILL, 300", "TSTP, 3"})
  void signalToTheWholeGroupOfTheWorkerLeavesSomebodyToEndTheRun(String signal, int leaseSeconds)
      throws Exception {
    Path perl = directory.resolve("perl");
    Files.writeString(perl, "#!/bin/bash\nset -m\n/usr/bin/perl \"$@\" <&0 &\nset +m\nwait $!\n");
    assertTrue(perl.toFile().setExecutable(true));
    try (var other = new CommandRunner(perl, Set.of())) {
      CommandRunner.Run run =
          other.start(
              spec(IGNORES_TERM, Map.of(), LeaseClock.now().plusSeconds(leaseSeconds)), () -> {});
      await().until(() -> Files.size(output) > 0);
      for (long pid : guardian()) {
        assertEquals(pid, Processes.group(pid));
      }
      long group = guardian().get(1);
      Processes.signalGroup(signal, group);
      await().atMost(GRACE.plusSeconds(6)).until(() -> living().isEmpty());
      Processes.signalGroup("CONT", group);
      run.await();
    }
  }

  @ParameterizedTest
  @CsvSource({"KILL KILL, 0 1", "KILL KILL, 1 0", "STOP KILL, 0 1", "STOP KILL, 1 0"})
  void runIsEndedWhenItsStarterAndItsWatcherAreAttackedOneAfterTheOther(
      String signals, String victims) throws Exception {
    CommandRunner.Run run = start(IGNORES_TERM);
    await().until(() -> Files.size(output) > 0);
    List<Long> guardian = guardian();
    var ending = CompletableFuture.supplyAsync(() -> ending(run));
    for (int i = 0; i < 2; i++) {
      int victim = Integer.parseInt(victims.split(" ", -1)[i]);
      Processes.signal(signals.split(" ", -1)[i], guardian.get(victim));
    }
    await().atMost(GRACE.plusSeconds(5)).until(() -> living().isEmpty());
    assertNotEquals(OptionalInt.of(0), ending.get().exitCode());
    assertEquals(List.of(), ending.get().survivors());
    await().until(() -> guardian.stream().noneMatch(Processes::isAlive));
  }

  @Test
  void exitOf0AfterTheWatcherWasKilledIsNoSuccess() throws Exception {
    CommandRunner.Run run =
        start("trap 'exit 0' TERM; sleep 300 & echo $$; while :; do sleep 0.05; done");
    await().until(() -> Files.size(output) > 0);
    killWatcher();
    Ending ending = run.await();
    assertEquals(OptionalInt.of(0), ending.exitCode());
    assertEquals(Optional.of(StopReason.WORKER_DIED), ending.stopReason());
  }

  @Test
  void runWhoseWatcherWasKilledCanBeStopped() throws Exception {
    CommandRunner.Run run = start(IGNORES_TERM);
    await().until(() -> Files.size(output) > 0);
    killWatcher();
    run.stop(StopReason.TIMEOUT);
    assertEquals(Optional.of(StopReason.TIMEOUT), run.await().stopReason());
    assertEquals(Set.of(), living());
  }

  @Test
  void groupWithoutItsFirstProcessOrAnyEnvironmentIsEndedWhenTheStarterDies() throws Exception {
    CommandRunner.Run run =
        start("echo $$; env -i sleep 301 & echo $!; sleep 0.5; kill -9 $PPID; exit 0");
    run.await();
    assertNobodyPrinted();
  }

  @Test
  void guardianThatDoesNotBeginARunIsGivenUpAndNothingCounted() throws Exception {
    List<CommandRunner.Run> others = new ArrayList<>();
    List<Path> goes = new ArrayList<>();
    for (String spoil :
        List.of(":", "rm record", "rm record; mkfifo record", "sleep 0.02; : >record")) {
      others.add(start(spoil + "; until [ -e go ]; do sleep 0.1; done"));
      goes.add(output.resolveSibling("go"));
    }
    start("echo $PPID").await();
    ProcessHandle watcher = ProcessHandle.of(watcher(starter())).orElseThrow();
    List<ProcessHandle> guardian = watcher.descendants().toList();
    for (ProcessHandle one : guardian) {
      Processes.signal("STOP", one.pid());
    }
    Processes.signal("STOP", watcher.pid());
    Ending ending = start("exit 0").await();
    assertEquals(Optional.of(StopReason.NOT_STARTED), ending.stopReason());
    await().until(() -> !watcher.isAlive() && guardian.stream().noneMatch(ProcessHandle::isAlive));
    // Those that have begun are not, though nobody has waited for them yet.
    for (int i = 0; i < others.size(); i++) {
      Files.createFile(goes.get(i));
      assertEquals(OptionalInt.of(0), others.get(i).await().exitCode());
    }
  }

  @Test
  void recordThatTheCommandHasWrittenIntoIsNoResult() throws Exception {
    assertEquals(OptionalInt.of(65), start("echo 'exit no' >>record; exit 65").await().exitCode());
  }

  @Test
  void nameThatIsNoTextHidesNobody() throws Exception {
    String script = "cp /bin/sleep $'./na\\xffme'; env -i $'./na\\xffme' 302 & echo $!; exit 0";
    assertEquals(List.of(), start(script.replace("\\\\", "\\")).await().survivors());
    assertFalse(Processes.isAlive(Long.parseLong(Files.readString(output).strip())));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "env -i setsid -f sh -c 'echo $$; exec sleep 303'; until [ -s output ]; do sleep 0.02; done; exit 0",
        "(env -i setsid sh -c 'echo $$; exec sleep 303' & env -i setsid sh -c 'echo $$; exec sleep 303' &);"
            + " until [ \"$(wc -l <output)\" -eq 2 ]; do sleep 0.02; done; exit 0"
      })
  void whatLeftGroupAndEnvironmentIsEnded(String script) throws Exception {
    Ending ending = start(script).await();
    assertEquals(List.of(), ending.survivors());
    assertNobodyPrinted();
  }

  @Test
  void whatLeftGroupAndEnvironmentIsEndedByTheWatcherWhereTheStarterWasKilled() throws Exception {
    start(
            "env -i setsid -f sh -c 'echo $$; exec sleep 303';"
                + " until [ -s output ]; do sleep 0.02; done; kill -9 $PPID; sleep 304")
        .await();
    assertNobodyPrinted();
  }

  /** Each lives only as long as it takes to start the next one, in a session of its own. */
  @RepeatedTest(10)
  void chainOfProcessesIsEnded() throws Exception {
    Path chain = directory.resolve("chain.pl");
    Files.writeString(
        chain, "use POSIX; %ENV = (); for (;;) { setsid; my $next = fork; _exit(0) if $next }");
    Ending ending = start("perl '%s' & sleep 0.05; exit 0".formatted(chain)).await();
    assertEquals(List.of(), ending.survivors());
    try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        assertFalse(Processes.words(process).contains(chain.toString()), process.toString());
      }
    }
  }

  @Test
  void orphansThatEndAreBuriedWhileTheRunLives() throws Exception {
    CommandRunner.Run run =
        start(
            "for i in 1 2 3; do (while [ ! -e go ]; do sleep 0.02; done &); done;"
                + " echo $PPID; exec sleep 300");
    await().until(() -> Files.size(output) > 0);
    long starter = starter();
    await().until(() -> ProcessHandle.of(starter).orElseThrow().children().count() == 4);
    Files.createFile(output.resolveSibling("go"));
    await().until(() -> ProcessHandle.of(starter).orElseThrow().children().count() == 1);
    run.stop(StopReason.CANCELLED);
    run.await();
  }

  private void assertNobodyPrinted() throws IOException {
    List<String> pids = Files.readAllLines(output);
    assertFalse(pids.isEmpty());
    for (String pid : pids) {
      assertFalse(Processes.isAlive(Long.parseLong(pid)), pid);
    }
  }

  @Test
  void guardianThatWasKilledWhileIdleIsReplaced() throws Exception {
    assertEquals(OptionalInt.of(0), start("echo $PPID").await().exitCode());
    long first = Long.parseLong(Files.readString(output).strip());
    assertEquals(OptionalInt.of(0), start("echo $PPID").await().exitCode());
    assertEquals(first, Long.parseLong(Files.readString(output).strip()));
    long watcher = watcher(first);
    Processes.signal("KILL", first);
    await().until(() -> !Processes.isAlive(watcher));
    assertEquals(OptionalInt.of(0), start("echo $PPID").await().exitCode());
    assertNotEquals(first, Long.parseLong(Files.readString(output).strip()));
  }

  @Test
  void guardianTakesNothingFromOneRunToTheNext() throws Exception {
    CommandRunner.Run first = start("exit 3", Map.of("ONLY_HERE", "x"));
    first.await();
    CommandRunner.Run second = start("sleep 3; echo ${ONLY_HERE-none}");
    first.extend(LeaseClock.now());
    first.stop(StopReason.CANCELLED);
    assertEquals(OptionalInt.of(0), second.await().exitCode());
    assertEquals("none\n", Files.readString(output));
  }

  @Test
  void perlThatIsMissingIsInTheWayOfAnyRun() throws Exception {
    Path perl = Files.createSymbolicLink(directory.resolve("perl"), Path.of("/usr/bin/perl"));
    try (var unable = new CommandRunner(perl, Set.of())) {
      assertEquals(Optional.empty(), unable.trouble());
      Files.delete(perl);
      assertEquals(Optional.of(perl + " is missing"), unable.trouble());
      RunSpec spec = spec("exit 0", Map.of());
      assertThrows(IOException.class, () -> unable.start(spec, () -> {}));
    }
  }

  @Test
  void runOfAGuardianThatCannotForkIsNotStarted() throws Exception {
    // No limit holds for root, so the guardian is somebody else then.
    Path pid = directory.resolve("guardian");
    Path perl = directory.resolve("perl");
    String other = "[ \"$(id -u)\" != 0 ] || other='setpriv --reuid 65534 --clear-groups'\n";
    Files.writeString(
        perl, "#!/bin/bash\necho $$ >" + pid + "\n" + other + "exec $other /usr/bin/perl \"$@\"\n");
    assertTrue(perl.toFile().setExecutable(true));
    try (var unable = new CommandRunner(perl, Set.of())) {
      unable.prepare();
      await().until(() -> Files.exists(pid) && Files.size(pid) > 0);
      ProcessHandle watcher =
          ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElseThrow();
      String limited = other + "exec $other prlimit --nproc=1 --pid " + starter(watcher);
      Process limit = new ProcessBuilder("/bin/bash", "-c", limited).start();
      assertEquals(0, limit.waitFor(), () -> said(limit));
      // The one that was forked ahead.
      for (ProcessHandle next : watcher.descendants().skip(1).toList()) {
        next.destroyForcibly();
        await().until(() -> !Processes.isAlive(next.pid()));
      }
      Ending ending = unable.start(spec("exit 0", Map.of()), () -> {}).await();
      assertEquals(Optional.of(StopReason.NOT_STARTED), ending.stopReason());
      assertEquals(OptionalInt.empty(), ending.exitCode());
    }
  }

  @Test
  void startThatWasUnderWayForTooLongFindsItsRunSettled() throws Exception {
    RunSpec spec = spec("touch ../../begun", Map.of());
    spec.folder().specify(spec);
    Process guardian = new GuardianScript(RunFixture.PERL, Set.of()).start();
    long starter = starter(guardian.toHandle());
    Processes.signal("STOP", starter);
    try (var lifeLine = guardian.outputWriter()) {
      lifeLine.write(
          "run 1 1 %d %s %s%n"
              .formatted(spec.deadline().toSeconds(), spec.runId(), spec.folder().path()));
      lifeLine.flush();
      // While no run lives, the watcher lets the starter go on every 10 s.
      await().atMost(Duration.ofSeconds(20)).until(() -> Processes.state(starter) != 'T');
      Processes.signal("STOP", starter);
      guardian.destroyForcibly().waitFor();
      spec.folder().delete();
    }
    Processes.signal("CONT", starter);
    await().until(() -> !Processes.isAlive(starter));
    assertEquals(Set.of(), living());
  }

  @Test
  void runThatCannotBeNotedIsNotStarted() throws Exception {
    RunSpec spec = spec("touch begun", Map.of());
    Files.createDirectory(spec.folder().recordFile());
    assertThrows(IOException.class, () -> runner.start(spec, () -> {}));
    assertFalse(Files.exists(spec.folder().path().resolve("begun")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rm -f record spec; ",
        "rm -f record; mkfifo record; ",
        "rm -f record spec issue; mkfifo record spec issue stop ending not-started; ",
        "truncate -s 100G record; ",
        "ln -sf /dev/zero record; "
      })
  void filesThatTheCommandHasSpoiltDelayNoStop(String spoils) throws Exception {
    CommandRunner.Run run = start(spoils + IGNORES_TERM);
    await().until(() -> Files.size(output) > 0);
    long start = System.nanoTime();
    run.stop(StopReason.CANCELLED);
    assertEquals(Optional.of(StopReason.CANCELLED), run.await().stopReason());
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    assertTrue(took.compareTo(GRACE.plusSeconds(2)) <= 0, took.toString());
    assertEquals(Set.of(), living());
    assertTrue(runner.recover(folder, GRACE, StopReason.WORKER_DIED) != null);
  }

  @Test
  void restOfARunHasItsGraceWhereTheWatcherWasKilled() throws Exception {
    CommandRunner.Run run =
        start(
            "(trap 'sleep 0.3; touch cleaned; exit' TERM; touch set; while :; do sleep 0.05; done) &"
                + " until [ -e set ]; do sleep 0.02; done; echo $$; exec sleep 300");
    await().until(() -> Files.size(output) > 0);
    killWatcher();
    run.await();
    assertTrue(Files.exists(output.resolveSibling("cleaned")));
    assertEquals(Set.of(), living());
  }

  @Test
  void watcherIsTheLastOfItsGuardian() throws Exception {
    Process guardian = new GuardianScript(RunFixture.PERL, Set.of()).start();
    long starter = starter(guardian.toHandle());
    await().until(() -> guardian.descendants().count() == 2);
    List<ProcessHandle> all = guardian.descendants().toList();
    guardian.getOutputStream().close();
    guardian.waitFor();
    assertFalse(Processes.isAlive(starter));
    await().until(() -> all.stream().noneMatch(one -> Processes.isAlive(one.pid())));
  }

  /** The watcher's child in a session of its own. */
  private static long starter(ProcessHandle watcher) {
    return await().until(() -> Processes.leader(watcher.pid()), Optional::isPresent).orElseThrow();
  }

  /** What a run that has ended has printed of its parent. */
  private long starter() throws IOException {
    return Long.parseLong(Files.readString(output).strip());
  }

  private static long watcher(long starter) {
    return ProcessHandle.of(starter).flatMap(ProcessHandle::parent).orElseThrow().pid();
  }

  private static String said(Process process) {
    return process.errorReader().lines().toList().toString();
  }

  private static Ending ending(CommandRunner.Run run) {
    try {
      return run.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void killWatcher() throws Exception {
    List<Long> guardian = guardian();
    Processes.signal("KILL", guardian.get(1));
    await().until(() -> !Processes.isAlive(guardian.get(1)));
  }

  /** The starter, then the watcher. */
  private List<Long> guardian() throws IOException {
    long first = Long.parseLong(Files.readString(output).lines().findFirst().orElseThrow());
    long starter = ProcessHandle.of(first).flatMap(ProcessHandle::parent).orElseThrow().pid();
    return List.of(starter, watcher(starter));
  }

  private CommandRunner.Run start(String script) throws IOException {
    return start(script, Map.of());
  }

  private CommandRunner.Run start(String script, Map<String, String> added) throws IOException {
    return runner.start(spec(script, added), () -> {});
  }

  private RunSpec spec(String script, Map<String, String> added) throws IOException {
    return spec(script, added, LeaseClock.now().plusSeconds(300));
  }

  private RunSpec spec(String script, Map<String, String> added, Duration deadline)
      throws IOException {
    RunSpec spec =
        new RunFixture(directory)
            .spec(List.of("/bin/bash", "-c", script), added, Duration.ofMinutes(1), deadline);
    runId = spec.runId();
    folder = spec.folder();
    output = RunFixture.output(folder);
    return spec;
  }

  private Optional<Long> stopped() throws IOException {
    return living().stream()
        .map(process -> Long.parseLong(process.getFileName().toString()))
        .filter(pid -> Processes.state(pid) == 'T')
        .findFirst();
  }

  private Set<Path> living() throws IOException {
    return RunFixture.living(runId);
  }
}
