package com.cape.worker.run;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * What a guardian says of a run, in its report or in the run's record.
 *
 * @param exitCode of the run's first process; empty when nobody was left to tell
 * @param due what the guardian ended the run for, as far as it knows; empty when it ended by itself
 * @param outlived how many processes were alive when the first one had ended by itself
 * @param survivors what could not be ended, in words
 */
record Report(
    OptionalInt exitCode, Optional<StopReason> due, int outlived, List<String> survivors) {
  // A command can write into its record, too.
  private static final Pattern EXIT = Pattern.compile("exit [0-9]{1,3}");
  private static final Pattern OUTLIVED = Pattern.compile("outlived [0-9]{1,9}");
  private static final String DUE = "due ";
  private static final String LATE = DUE + "late";
  private static final String UNSTARTED = "unstarted";
  private static final String LEFT = "left ";
  private static final int SIGNAL_BASE = 128;

  static Report of(List<String> lines) {
    List<String> survivors =
        lines.stream()
            .filter(line -> line.startsWith(LEFT))
            .map(line -> line.substring(LEFT.length()))
            .toList();
    int outlived =
        lines.stream()
            .filter(line -> OUTLIVED.matcher(line).matches())
            .mapToInt(Report::number)
            .findFirst()
            .orElse(0);
    Optional<StopReason> due = Optional.empty();
    for (String line : lines) {
      if (EXIT.matcher(line).matches()) {
        return new Report(OptionalInt.of(number(line)), due, outlived, survivors);
      }
      if (line.equals(UNSTARTED)) {
        due = due.or(() -> Optional.of(StopReason.NOT_STARTED));
      }
      if (line.startsWith(DUE)) {
        due = Optional.of(line.equals(LATE) ? StopReason.LEASE_LOST : StopReason.WORKER_DIED);
      }
    }
    return new Report(
        OptionalInt.empty(), Optional.of(StopReason.WORKER_DIED), outlived, survivors);
  }

  private static int number(String line) {
    return Integer.parseInt(line.substring(line.indexOf(' ') + 1));
  }

  /**
   * What ended the run. The outcome is fixed when the command's first process ends: a stop that
   * comes while the rest is still being ended changes nothing.
   *
   * @param asked what the worker has stopped it for
   */
  Optional<StopReason> stopReason(Optional<StopReason> asked) {
    return endedByItself() ? Optional.empty() : asked.or(() -> due);
  }

  // A process that a signal has ended may have been stopped by another than its guardian.
  private boolean endedByItself() {
    return due.isEmpty() && exitCode.stream().allMatch(code -> code <= SIGNAL_BASE);
  }
}
