package com.cape.worker.run;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * What a guardian says of a run, on its standard output or in the run's record.
 *
 * @param begun whether the command was started; false while that is not known
 * @param noted whether the process that becomes the command has noted itself
 * @param notStarted whether it is known that the command was not started
 * @param stop why it began to end the run before the first process ended
 * @param exitCode of the run's first process
 * @param outlived how many processes were alive when the first one had ended by itself
 * @param survivors what could not be ended, in words
 * @param guardian the starter, then the watcher, as the record has them
 */
record Report(
    boolean begun,
    boolean noted,
    boolean notStarted,
    Optional<StopReason> stop,
    OptionalInt exitCode,
    int outlived,
    List<String> survivors,
    List<ProcessStart> guardian) {
  // A command can write into its record, too.
  private static final Pattern EXIT = Pattern.compile("exit [0-9]{1,3}");
  private static final Pattern OUTLIVED = Pattern.compile("outlived [0-9]{1,9}");
  private static final Pattern STOP = Pattern.compile("stop(ped)? \\w+");
  private static final Pattern LEFT = Pattern.compile("left .*");
  private static final Pattern GUARDIAN = Pattern.compile("guardian [0-9]{1,10} \\S+");
  private static final int SIGNAL_BASE = 128;

  static Report of(List<String> lines) {
    Optional<String> exit = first(lines, EXIT);
    List<String> before = exit.isEmpty() ? lines : lines.subList(0, lines.indexOf(exit.get()));
    return new Report(
        lines.contains("begun"),
        lines.stream().anyMatch(line -> line.startsWith("pid ")),
        lines.contains("unforked") || before.contains("unstarted"),
        first(before, STOP).map(Report::value).map(StopReason::of),
        exit.stream().mapToInt(Report::number).findFirst(),
        first(lines, OUTLIVED).map(Report::number).orElse(0),
        lines.stream().filter(line -> LEFT.matcher(line).matches()).map(Report::value).toList(),
        lines.stream()
            .filter(line -> GUARDIAN.matcher(line).matches())
            .limit(2)
            .map(line -> ProcessStart.parse(value(line)))
            .toList());
  }

  private static Optional<String> first(List<String> lines, Pattern pattern) {
    return lines.stream().filter(line -> pattern.matcher(line).matches()).findFirst();
  }

  private static String value(String line) {
    return line.substring(line.indexOf(' ') + 1);
  }

  private static int number(String line) {
    return Integer.parseInt(value(line));
  }

  /** Why the run was ended, if the worker has asked for that stop. */
  Optional<StopReason> stopReason(Optional<StopReason> asked) {
    // If the guardian is late, the worker kills the run itself.
    boolean mayBeStopped = stop.isPresent() || exitCode.stream().allMatch(n -> n > SIGNAL_BASE);
    return mayBeStopped ? asked.or(() -> stop) : Optional.empty();
  }
}
