package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
@Execution(ExecutionMode.CONCURRENT)
class CommandRunnerTest {
  private static final Duration LONG = Duration.ofMinutes(5);

  @TempDir private Path directory;
  private Path output;
  private Path record;
  private RunFolder folder;
  private Duration lease = LONG;
  private static final String WITHHELD = "HOME";

  @AutoClose
  private final CommandRunner runner =
      new CommandRunner(Path.of("/usr/bin/perl"), Set.of(WITHHELD));

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 65, 75, 126, 127, 255})
  void exitCodeIsTheCommandsOwn(int code) throws Exception {
    assertEquals(OptionalInt.of(code), sh("exit " + code).await().exitCode());
  }

  @Test
  void outcomeIsFixedWhenTheFirstProcessEnds() throws Exception {
    CommandRunner.Run run =
        sh("(trap '' TERM; touch here; sleep 300) & until [ -e here ]; do :; done");
    await().until(() -> Files.exists(record) && Files.readString(record).contains("exit 0\n"));
    run.stop(StopReason.INTERRUPTED);
    Ending ending = run.await();
    assertEquals(OptionalInt.of(0), ending.exitCode());
    assertEquals(Optional.empty(), ending.stopReason());
  }

  @Test
  void guardianOfAStoppedCommandTakesNoProcessorTime() throws Exception {
    CommandRunner.Run run = sh("kill -STOP $$");
    await().until(() -> Files.exists(record) && Files.readString(record).contains("pid "));
    long pid = Long.parseLong(Files.readString(record).split("pid ", -1)[1].split(" ", -1)[0]);
    ProcessHandle guardian = ProcessHandle.of(pid).flatMap(ProcessHandle::parent).orElseThrow();
    await()
        .during(Duration.ofSeconds(1))
        .atMost(Duration.ofSeconds(3))
        .until(() -> guardian.info().totalCpuDuration().orElseThrow().toMillis() < 500);
    run.stop(StopReason.INTERRUPTED);
    run.await();
  }

  @Test
  void nothingIsStartedOnceTheDeadlineHasPassed() throws Exception {
    lease = Duration.ZERO;
    Ending ending = sh("touch here").await();
    assertEquals(Optional.of(StopReason.LEASE_LOST), ending.stopReason());
    assertFalse(Files.exists(folder.path().resolve("here")));
  }

  @Test
  void signalIsReportedAsShellsDo() throws Exception {
    assertEquals(OptionalInt.of(139), sh("kill -SEGV $$").await().exitCode());
  }

  @Test
  void bothStreamsGoToTheOutputAndInputIsEmpty() throws Exception {
    sh("echo out; echo err >&2; cat; echo end").await();
    assertEquals("out\nerr\nend\n", Files.readString(output));
  }

  @Test
  void argumentsArriveByteForByte() throws Exception {
    var every = new StringBuilder();
    for (char c = 1; c < 128; c++) {
      every.append(c);
    }
    List<String> arguments =
        List.of(
            every.toString(), "café 😀", "", "$(touch /tmp/x) `id` \\ \" '", "--help", "a\n\nb\n");
    Path script = directory.resolve("print");
    Files.writeString(script, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n");
    assertTrue(script.toFile().setExecutable(true));
    var words = new ArrayList<>(List.of(script.toString()));
    words.addAll(arguments);

    run(words, Map.of(), LONG).await();

    assertArrayEquals(
        (String.join("\0", arguments) + "\0").getBytes(UTF_8), Files.readAllBytes(output));
  }

  @Test
  void longestArgumentArrives() throws Exception {
    String longest = "x".repeat(100_000);
    run(List.of("/usr/bin/printf", "%s", longest), Map.of(), LONG).await();
    assertEquals(longest, Files.readString(output));
  }

  @Test
  void addedVariablesArriveAndWithheldOnesDoNot() throws Exception {
    assertTrue(System.getenv().containsKey(WITHHELD));
    run(
            List.of("/bin/sh", "-c", "printf %s \"$NOTE|${" + WITHHELD + "-gone}\""),
            Map.of("NOTE", "é\n'$x"),
            LONG)
        .await();
    assertEquals("é\n'$x|gone", Files.readString(output));
  }

  @Test
  void signalsHaveTheirDefaultsInTheCommand() throws Exception {
    assertEquals(OptionalInt.of(143), sh("kill -TERM $$; exit 0").await().exitCode());
    assertEquals(OptionalInt.of(129), sh("kill -HUP $$; exit 0").await().exitCode());
    sh("exec grep -E 'Sig(Ign|Blk)' /proc/self/status").await();
    assertNoSignalIsIgnoredOrBlocked();
  }

  @Test
  void signalsHaveTheirDefaultsInTheCommandOfAWorkerThatIgnoresThem() throws Exception {
    Path perl = directory.resolve("perl");
    Files.writeString(
        perl, "#!/bin/bash\ntrap '' HUP INT QUIT USR1 CHLD\nexec /usr/bin/perl \"$@\"\n");
    assertTrue(perl.toFile().setExecutable(true));
    try (var other = new CommandRunner(perl, Set.of())) {
      var grep = List.of("/bin/grep", "-E", "Sig(Ign|Blk)", "/proc/self/status");
      other.start(spec(grep, Map.of(), LONG), () -> {}).await();
    }
    assertNoSignalIsIgnoredOrBlocked();
  }

  /** But for 32 and 33, which are the C library's own. */
  private void assertNoSignalIsIgnoredOrBlocked() throws IOException {
    List<String> lines = Files.readAllLines(output);
    assertEquals(2, lines.size());
    for (String line : lines) {
      long set = Long.parseUnsignedLong(line.split("\t", -1)[1], 16);
      assertEquals(0, set & ~(3L << 31), line);
    }
  }

  @Test
  void runHasASessionOfItsOwnWithoutATerminal() throws Exception {
    sh("read -r _ _ _ _ group session _ </proc/self/stat; echo $$ $group $session").await();
    String[] ids = Files.readString(output).strip().split(" ");
    assertEquals(List.of(ids[0], ids[0]), List.of(ids[1], ids[2]));
    // What a program does that asks for a password.
    assertEquals(
        OptionalInt.of(1), sh("read -r password </dev/tty && exit 9; exit 1").await().exitCode());
  }

  @ParameterizedTest
  @EnumSource(
      value = StopReason.class,
      names = {"TIMEOUT", "CANCELLED", "INTERRUPTED", "LEASE_LOST"})
  void exitOf0AfterAStopIsToldFromASuccess(StopReason reason) throws Exception {
    CommandRunner.Run run = sh("trap 'exit 0' TERM; touch set; while :; do sleep 0.05; done");
    await().until(() -> Files.exists(folder.path().resolve("set")));
    run.stop(reason);
    Ending ending = run.await();
    assertEquals(OptionalInt.of(0), ending.exitCode());
    assertEquals(Optional.of(reason), ending.stopReason());
    assertEquals(
        Optional.of(reason),
        runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED).stopReason());
  }

  @Test
  void exitOf0AfterTheWorkersDeathOrADeadlineIsNoSuccessForASuccessor() throws Exception {
    String exits0 = "trap 'exit 0' TERM; touch set; while :; do sleep 0.05; done";
    try (var dies = new CommandRunner(RunFixture.PERL, Set.of())) {
      lease = Duration.ofSeconds(2);
      CommandRunner.Run late =
          dies.start(spec(List.of("/bin/sh", "-c", exits0), Map.of(), LONG), () -> {});
      assertEquals(Optional.of(StopReason.LEASE_LOST), late.await().stopReason());
    }
    Process guardian = new GuardianScript(RunFixture.PERL, Set.of()).start();
    lease = LONG;
    RunSpec spec = spec(List.of("/bin/sh", "-c", exits0), Map.of(), LONG);
    folder.specify(spec);
    try (var lifeLine = guardian.outputWriter()) {
      lifeLine.write(
          "run 1 1 %d %s %s%n".formatted(spec.deadline().toSeconds(), spec.runId(), folder.path()));
      lifeLine.flush();
      await().until(() -> Files.exists(folder.path().resolve("set")));
    }
    Ending ending = runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    assertEquals(OptionalInt.of(0), ending.exitCode());
    assertEquals(Optional.of(StopReason.WORKER_DIED), ending.stopReason());
  }

  @Test
  void variableThatNoCommandTakesIsNotTheIssuesFault() throws Exception {
    Ending ending = run(List.of("/bin/true"), Map.of("LARGE", "x".repeat(140_000)), LONG).await();
    assertEquals(Optional.of(StopReason.NOT_STARTED), ending.stopReason());
    assertTrue(Files.readString(output).contains("the variable LARGE has 140006 bytes"));
  }

  @Test
  void timeoutEndsTheWholeGroup() throws Exception {
    Ending ending =
        run(
                List.of("/bin/sh", "-c", "sleep 300 & echo $! ; (sleep 300 & echo $!); wait"),
                Map.of(),
                Duration.ofSeconds(1))
            .await();
    assertEquals(Optional.of(StopReason.TIMEOUT), ending.stopReason());
    assertEquals(OptionalInt.of(143), ending.exitCode());
    assertAllGone();
  }

  @Test
  void whatIgnoresTermIsKilledAfterTheGrace() throws Exception {
    Ending ending =
        run(
                List.of("/bin/bash", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done"),
                Map.of(),
                Duration.ofSeconds(1))
            .await();
    assertEquals(OptionalInt.of(137), ending.exitCode());
    assertTrue(ending.ran().compareTo(Duration.ofSeconds(5)) < 0, ending.toString());
    assertAllGone();
  }

  @Test
  void nothingOutlivesAGoodExit() throws Exception {
    Ending ending = sh("sleep 300 & echo $!").await();
    assertEquals(OptionalInt.of(0), ending.exitCode());
    assertAllGone();
  }

  @Test
  void tooMuchOutputEndsTheRun() throws Exception {
    Ending ending = run(List.of("/usr/bin/yes"), Map.of(), LONG).await();
    assertEquals(Optional.of(StopReason.OUTPUT_LIMIT), ending.stopReason());
  }

  @Test
  void guardianEndsARunByItselfWhenItsLeaseIsOver() throws Exception {
    lease = Duration.ofSeconds(2);
    Ending ending =
        run(
                List.of("/bin/bash", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done"),
                Map.of(),
                LONG)
            .await();
    assertEquals(Optional.of(StopReason.LEASE_LOST), ending.stopReason());
    assertEquals(OptionalInt.of(137), ending.exitCode());
    assertTrue(ending.ran().compareTo(Duration.ofSeconds(6)) < 0, ending.toString());
    assertAllGone();
  }

  @Test
  void extendedLeaseLetsARunGoOn() throws Exception {
    lease = Duration.ofSeconds(2);
    CommandRunner.Run run = sh("sleep 4; exit 7");
    run.extend(LeaseClock.now().plus(LONG));
    Ending ending = run.await();
    assertEquals(OptionalInt.of(7), ending.exitCode());
    assertEquals(Optional.empty(), ending.stopReason());
  }

  @Test
  void leaseThatIsOverIsNotExtended() throws Exception {
    lease = Duration.ofSeconds(-1);
    CommandRunner.Run run = sh("sleep 300");
    run.extend(LeaseClock.now().plus(LONG));
    assertEquals(Optional.of(StopReason.LEASE_LOST), run.await().stopReason());
  }

  @ParameterizedTest
  @ValueSource(strings = {"exit 0", "exit 3", "sleep 300"})
  void whatLeftTheGroupIsEndedToo(String last) throws Exception {
    String script =
        "echo $$; setsid sh -c 'echo $$; exec sleep 301' & (setsid sh -c 'echo $$; exec sleep 302' &);"
            + " setsid sh -c 'trap : TERM; echo $$; while :; do sleep 0.1; done' &"
            + " until [ $(wc -l <output) = 4 ]; do sleep 0.05; done; ";
    Ending ending =
        run(List.of("/bin/bash", "-c", script + last), Map.of(), Duration.ofSeconds(2)).await();
    assertEquals(List.of(), ending.survivors());
    assertEquals(!last.startsWith("sleep"), ending.outlived() >= 3);
    assertEquals(last.startsWith("sleep"), ending.stopReason().isPresent());
    assertAllGone();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void whatOutlivesTheFirstProcessIsCounted(int age) throws Exception {
    String script =
        "echo $$; sleep 300 & echo $!; sleep 300 & echo $!; setsid sleep 300 & echo $!;"
            + " sleep %d; exit 0".formatted(age);
    Ending ending = sh(script).await();
    assertEquals(3, ending.outlived());
    assertAllGone();
  }

  @Test
  void whatEndedBeforeTheFirstProcessDidNotOutliveIt() throws Exception {
    assertEquals(0, sh("sleep 0.1 & wait; exit 0").await().outlived());
  }

  @Test
  void successorEndsWhatIsLeftOfARunAndLearnsThatItsWorkerDied() throws Exception {
    CommandRunner.Run run =
        sh(
            "trap : TERM; echo $$; setsid sleep 300 & echo $!; kill -9 $PPID; while :; do sleep 0.1; done");
    assertEquals(OptionalInt.empty(), run.await().exitCode());
    Ending after = runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    assertEquals(Optional.of(StopReason.WORKER_DIED), after.stopReason());
    assertAllGone();
  }

  @Test
  void commandThatIsNotStartedIsToldApartFromItsExitStatus() throws Exception {
    Path missing = directory.resolve("missing");
    Ending ending = run(List.of(missing.toString()), Map.of(), LONG).await();
    assertEquals(OptionalInt.of(127), ending.exitCode());
    assertEquals(Optional.of(StopReason.NOT_STARTED), ending.stopReason());
    assertEquals(
        "cannot start " + missing + ": No such file or directory\n", Files.readString(output));
    Ending recorded = runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    assertEquals(Optional.of(StopReason.NOT_STARTED), recorded.stopReason());
    assertEquals(Optional.empty(), sh("exit 127").await().stopReason());
  }

  @Test
  void commandThatHasNoFileForItsOutputIsNotStartedForASuccessorEither() throws Exception {
    RunSpec spec = spec(List.of("/bin/true"), Map.of(), LONG);
    Files.delete(spec.output().path());
    Ending ending = runner.start(spec, () -> {}).await();
    assertEquals(Optional.of(StopReason.NOT_STARTED), ending.stopReason());
    Ending recorded = runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    assertEquals(Optional.of(StopReason.NOT_STARTED), recorded.stopReason());
  }

  @Test
  void wordsThatNoCommandTakesAreNotTheHostsFault() throws Exception {
    Ending ending = run(List.of("/bin/true", "x".repeat(200_000)), Map.of(), LONG).await();
    assertEquals(OptionalInt.of(126), ending.exitCode());
    assertEquals(Optional.empty(), ending.stopReason());
  }

  @Test
  void successorTakesTheRecordedResult() throws Exception {
    CommandRunner.Run run = sh("exit 7");
    Ending ending = run.await();
    Ending recorded = runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    folder.keep(ending);
    Files.delete(record);
    Ending kept = runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    assertEquals(OptionalInt.of(7), recorded.exitCode());
    assertEquals(Optional.empty(), recorded.stopReason());
    assertEquals(OptionalInt.of(7), kept.exitCode());
    assertEquals(Optional.empty(), kept.stopReason());
  }

  @ParameterizedTest
  @CsvSource({"'stop cancelled\n', CANCELLED", "'stop cancel',", "'',"})
  void halfWrittenStopNoteCountsAsNone(String note, StopReason reason) throws Exception {
    spec(List.of("/bin/true"), Map.of(), LONG);
    Files.writeString(record, "1\n" + note);
    Ending ending = runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    assertEquals(
        Optional.ofNullable(reason).orElse(StopReason.NOT_STARTED),
        ending.stopReason().orElseThrow());
  }

  @Test
  void numberThatBelongsToAnotherProcessIsNotSignalled() throws Exception {
    spec(List.of("/bin/true"), Map.of(), LONG);
    Process other = new ProcessBuilder("setsid", "sleep", "300").start();
    Files.writeString(record, "1\npid %d 1\n".formatted(other.pid()));
    runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    assertTrue(other.isAlive());
    other.destroyForcibly().waitFor();
  }

  @Test
  void runOfAnotherMachineIsLeftAloneUnlessItsEndIsRecorded() throws Exception {
    spec(List.of("/bin/true"), Map.of(), LONG);
    Files.writeString(folder.path().resolve("spec"), "1\0boot another\0namespace another\0");
    assertTrue(runner.isElsewhere(folder));
    Files.writeString(record, "1\npid 1 1\nexit 0\n");
    assertFalse(runner.isElsewhere(folder));
    Ending recorded = runner.recover(folder, Duration.ofSeconds(1), StopReason.WORKER_DIED);
    assertEquals(OptionalInt.of(0), recorded.exitCode());
    assertEquals(Optional.empty(), recorded.stopReason());
  }

  @Test
  void firstReasonStands() throws Exception {
    CommandRunner.Run run = sh("sleep 300");
    run.stop(StopReason.CANCELLED);
    run.stop(StopReason.INTERRUPTED);
    assertEquals(Optional.of(StopReason.CANCELLED), run.await().stopReason());
  }

  private CommandRunner.Run sh(String script) throws IOException {
    return run(List.of("/bin/sh", "-c", script), Map.of(), LONG);
  }

  private CommandRunner.Run run(List<String> words, Map<String, String> added, Duration timeout)
      throws IOException {
    return runner.start(spec(words, added, timeout), () -> {});
  }

  private RunSpec spec(List<String> words, Map<String, String> added, Duration timeout)
      throws IOException {
    RunSpec spec =
        new RunFixture(directory).spec(words, added, timeout, LeaseClock.now().plus(lease));
    folder = spec.folder();
    output = RunFixture.output(folder);
    record = folder.recordFile();
    return spec;
  }

  @Test
  void variablesNamedLikeTheGuardiansOwnReachTheCommand() throws Exception {
    String named = "line=1 proc=2 group=3 items=4 end=5 first=6 record=7 fields=8 found=9 TMOUT=1";
    Path perl = directory.resolve("perl");
    Files.writeString(perl, "#!/bin/bash\nexport " + named + "\nexec /usr/bin/perl \"$@\"\n");
    assertTrue(perl.toFile().setExecutable(true));
    try (var other = new CommandRunner(perl, Set.of())) {
      // The first run leaves variables behind, and takes longer than the guardian may read.
      Ending first =
          other.start(spec(List.of("/bin/sleep", "2.5"), Map.of(), LONG), () -> {}).await();
      assertEquals(OptionalInt.of(0), first.exitCode());
      other.start(spec(List.of("/usr/bin/env"), Map.of(), LONG), () -> {}).await();
    }
    List<String> environment = Files.readAllLines(output);
    assertTrue(environment.containsAll(List.of(named.split(" "))), environment::toString);
  }

  /** The commands above print the pids of what they start, one a line. */
  private void assertAllGone() throws IOException {
    // A shell may say "Terminated" of what it started.
    List<String> pids =
        Files.readAllLines(output).stream().filter(line -> line.matches("[0-9]+")).toList();
    assertFalse(pids.isEmpty());
    assertEquals(
        List.of(),
        pids.stream().filter(pid -> runs(Long.parseLong(pid))).toList(),
        () -> Arrays.toString(pids.toArray()));
  }

  /** A zombie that its new parent has not reaped yet has no command line any more. */
  private static boolean runs(long pid) {
    return ProcessHandle.of(pid)
        .filter(ProcessHandle::isAlive)
        .flatMap(handle -> handle.info().command())
        .isPresent();
  }
}
