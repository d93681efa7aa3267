package com.cape.worker.store.queue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * What one try to claim did.
 *
 * @param result of a claim, or why there was nothing to claim, if that was asked for
 * @param unfit a claimed issue that cannot be run, without its text
 * @param cause why it cannot be run
 */
record Tried(Step step, Optional<ClaimResult> result, Optional<Claim> unfit, String cause) {
  private static final double LONGEST_WAIT_MILLIS = Duration.ofDays(1).toMillis();

  /** How it went. */
  enum Step {
    CLAIMED,
    NOTHING_DUE,
    /** Claimed, but it cannot be run. */
    UNFIT,
    /** An issue was cancelled, or set aside. */
    CLOSED,
    /** A due issue stayed as it was. */
    PASSED_OVER
  }

  static final Tried CLOSED = new Tried(Step.CLOSED, Optional.empty(), Optional.empty(), "");
  static final Tried PASSED_OVER =
      new Tried(Step.PASSED_OVER, Optional.empty(), Optional.empty(), "");

  private static Tried nothingDue(Optional<ClaimResult> why) {
    return new Tried(Step.NOTHING_DUE, why, Optional.empty(), "");
  }

  Tried because(String reason) {
    return new Tried(step, result, unfit, reason);
  }

  /**
   * Reads the answer to a claim.
   *
   * @param asksWhy whether the reasons for no claim come after it
   */
  static Tried of(Database.Answers answers, boolean asksWhy) throws SQLException {
    Optional<Tried> tried = answers.next(Tried::of).stream().findFirst();
    if (tried.isEmpty()) {
      return nothingDue(
          asksWhy ? Optional.of(why(answers.next(Tried::toCause))) : Optional.empty());
    }
    return tried.get();
  }

  private static Tried of(ResultSet row) throws SQLException {
    if (row.getObject("id") == null) {
      return PASSED_OVER;
    }
    if ("cancelled".equals(row.getString("status"))) {
      return CLOSED;
    }
    Claim claim = toClaim(row);
    if (row.getString("description") == null) {
      long size = row.getLong("size");
      String cause =
          row.wasNull()
              ? "the issue has no description"
              : "the description is %d MB; at most 8 MiB can be run".formatted(size / 1_000_000);
      return new Tried(Step.UNFIT, Optional.empty(), Optional.of(claim), cause);
    }
    Duration waited = Duration.ofMillis(Math.round(row.getDouble("waited_s") * 1000));
    var result = new ClaimResult(Optional.of(claim), NoClaimReason.UNKNOWN, waited);
    return new Tried(Step.CLAIMED, Optional.of(result), Optional.empty(), "");
  }

  static Claim toClaim(ResultSet row) throws SQLException {
    return new Claim(
        row.getLong("id"),
        row.getInt("attempts"),
        row.getLong("fence"),
        row.getObject("run_id", UUID.class),
        Columns.textIfAny(row, "description").orElse(""),
        Columns.textIfAny(row, "last_error"));
  }

  /** A reason for no claim: an issue that falls due later, or a pause. */
  record Cause(Optional<Long> issueId, Duration left, Optional<String> reason) {}

  static Cause toCause(ResultSet row) throws SQLException {
    long id = row.getLong("id");
    Optional<Long> issueId = row.wasNull() ? Optional.empty() : Optional.of(id);
    // Not a moment too short, else whoever waits looks twice.
    double millis = Math.min(Math.ceil(row.getDouble("left_s") * 1000), LONGEST_WAIT_MILLIS);
    return new Cause(issueId, Duration.ofMillis((long) millis), Columns.textIfAny(row, "reason"));
  }

  static ClaimResult why(List<Cause> causes) {
    Optional<Cause> pause = causes.stream().filter(cause -> cause.issueId().isEmpty()).findFirst();
    List<NoClaimReason.Due> dues =
        causes.stream()
            .filter(cause -> cause.issueId().isPresent())
            .map(cause -> new NoClaimReason.Due(cause.issueId().get(), cause.left()))
            .toList();
    return new ClaimResult(
        Optional.empty(),
        new NoClaimReason(pause.map(Cause::left), pause.flatMap(Cause::reason).orElse(""), dues),
        Duration.ZERO);
  }
}
