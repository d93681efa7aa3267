package com.cape.worker.week;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The folder in which each run of the workflow has a file. */
final class Ledger {
  private final Path folder;

  Ledger(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder);
  }

  List<Run> runs(SimulatedTime time) throws IOException {
    List<Run> runs = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        List<String> lines = Files.readAllLines(file);
        if (!lines.isEmpty()) {
          runs.add(run(lines, Files.getLastModifiedTime(file).toMillis(), time));
        }
      }
    }
    return runs;
  }

  // begin MILLIS ISSUE HOST, then, if it came to that: end MILLIS ENDING FAULT PAID_MILLIS
  private static Run run(List<String> lines, long lastSeenMillis, SimulatedTime time) {
    String[] begun = lines.get(0).split(" ");
    double beginMillis = Double.parseDouble(begun[1]);
    int issue = Integer.parseInt(begun[2]);
    double begin = time.at(beginMillis);
    if (lines.size() == 1) {
      double lived = time.minutes(Math.max(0, lastSeenMillis - beginMillis));
      return new Run(issue, begun[3], begin, begin + lived, Run.Ending.NONE, "-", lived);
    }
    String[] ended = lines.get(1).split(" ");
    return new Run(
        issue,
        begun[3],
        begin,
        time.at(Double.parseDouble(ended[1])),
        Run.Ending.valueOf(ended[2].toUpperCase(Locale.ROOT)),
        ended[3],
        time.minutes(Double.parseDouble(ended[4])));
  }
}
