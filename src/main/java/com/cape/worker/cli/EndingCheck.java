package com.cape.worker.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import com.cape.worker.config.WorkerConfig;
import com.cape.worker.ending.EndingRules;
import com.cape.worker.ending.EndingRulesException;
import com.cape.worker.ending.OutputCause;
import com.cape.worker.ending.Verdict;
import com.cape.worker.run.SafeFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.OptionalInt;

/** What {@code doctor} says of the ending rules, and of an output that they are tried on. */
final class EndingCheck {
  private static final String RULES = "ending rules";
  private static final String ENDING = "ending";
  private static final int TAIL_BYTES = 64 * 1024;

  private final Findings findings;

  EndingCheck(Findings findings) {
    this.findings = findings;
  }

  /** Names the rules that a worker would use; empty when it would use none. */
  Optional<EndingRules> rules(WorkerConfig.Endings endings) {
    if (!endings.judged()) {
      findings.warning(RULES, "none: a usage limit counts as an ordinary failure");
      return Optional.empty();
    }
    if (endings.rules().isEmpty()) {
      EndingRules shipped = EndingRules.shipped();
      findings.ok(RULES, "%d built-in ones".formatted(shipped.names().size()));
      return Optional.of(shipped);
    }
    Path file = endings.rules().get();
    try {
      EndingRules rules = EndingRules.read(file);
      findings.ok(
          RULES,
          "%d of %s, then %d built-in ones"
              .formatted(rules.ownCount(), file, rules.names().size() - rules.ownCount()));
      return Optional.of(rules);
    } catch (EndingRulesException e) {
      e.mistakes().forEach(what -> findings.failed(RULES, what));
      return Optional.empty();
    }
  }

  /** Says what a run is taken for that printed this and ended when the file was last written. */
  void output(Optional<EndingRules> rules, Path file, int exit) {
    try (FileChannel channel = SafeFile.open(file)) {
      long start = Math.max(0, channel.size() - TAIL_BYTES);
      String tail = new String(SafeFile.read(channel, start, TAIL_BYTES), UTF_8);
      Instant ended = Files.getLastModifiedTime(file, NOFOLLOW_LINKS).toInstant();
      Optional<Verdict> verdict =
          rules.flatMap(
              found -> found.judge(OptionalInt.of(exit), tail, ended, ZoneId.systemDefault()));
      verdict.ifPresentOrElse(this::matched, () -> unmatched(exit));
      OutputCause.of(tail).ifPresent(cause -> findings.ok("cause", cause));
    } catch (NoSuchFileException e) {
      findings.failed(ENDING, "%s is no regular file; name the log of a run".formatted(file));
    } catch (IOException e) {
      findings.failed(ENDING, "%s cannot be read and written: %s".formatted(file, e));
    }
  }

  private void matched(Verdict verdict) {
    findings.ok(ENDING, "%s, by the rule %s".formatted(verdict.kind().word(), verdict.rule()));
    findings.ok("line", verdict.line());
    verdict
        .until()
        .ifPresent(until -> findings.ok("until", until.truncatedTo(ChronoUnit.SECONDS).toString()));
    findings.ok("effect", effect(verdict));
  }

  private void unmatched(int exit) {
    findings.ok(ENDING, "no rule matches");
    findings.ok(
        "effect",
        exit == 0
            ? "the issue is completed"
            : "an ordinary failure: the attempt counts, and the next one comes after the backoff");
  }

  private static String effect(Verdict verdict) {
    return switch (verdict.kind()) {
      case LIMIT ->
          "the attempt does not count; the issue and the account wait %s"
              .formatted(verdict.until().isPresent() ? "until then" : "15 minutes");
      case OVERLOAD ->
          "the attempt does not count; the issue is tried again after 1 minute, doubling to 15";
      case SPEND ->
          "the attempt does not count; the account is paused until a person resumes it, with a probe an hour";
      case LOGIN -> "the attempt does not count; the issue is free at once, and this worker rests";
      case FAILED ->
          "an ordinary failure whatever the exit code says: the attempt counts, and the next one comes after the backoff";
    };
  }
}
