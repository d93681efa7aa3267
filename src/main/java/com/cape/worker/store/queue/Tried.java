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
 * @param result with the claim, or with the reason for none if that was asked for
 * @param cause why a claimed issue cannot be run
 */
record Tried(Step step, ClaimResult result, String cause) {
  private static final double LONGEST_WAIT_MILLIS = Duration.ofDays(1).toMillis();

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

  static final ClaimResult NOTHING =
      new ClaimResult(Optional.empty(), NoClaimReason.UNKNOWN, Duration.ZERO);
  static final Tried CLOSED = new Tried(Step.CLOSED, NOTHING, "");
  static final Tried PASSED_OVER = new Tried(Step.PASSED_OVER, NOTHING, "");

  Tried because(String reason) {
    return new Tried(step, result, reason);
  }

  /**
   * Reads the answer to a claim.
   *
   * @param asksWhy whether the reasons for no claim come after it
   */
  static Tried of(Database.Answers answers, boolean asksWhy) throws SQLException {
    List<Tried> tried = answers.next(Tried::of);
    if (!tried.isEmpty()) {
      return tried.get(0);
    }
    return new Tried(Step.NOTHING_DUE, asksWhy ? why(answers.next(Tried::toCause)) : NOTHING, "");
  }

  private static Tried of(ResultSet row) throws SQLException {
    if (row.getObject("id") == null) {
      return PASSED_OVER;
    }
    if ("cancelled".equals(row.getString("status"))) {
      return CLOSED;
    }
    Duration waited = Duration.ofMillis(Math.round(row.getDouble("waited_s") * 1000));
    var result = new ClaimResult(Optional.of(toClaim(row)), NoClaimReason.UNKNOWN, waited);
    if (row.getString("description") != null) {
      return new Tried(Step.CLAIMED, result, "");
    }
    long size = row.getLong("size");
    String cause =
        row.wasNull()
            ? "the issue has no description"
            : "the description is %d MB; at most 8 MiB can be run".formatted(size / 1_000_000);
    return new Tried(Step.UNFIT, result, cause);
  }

  static Claim toClaim(ResultSet row) throws SQLException {
    return new Claim(
        row.getLong("id"),
        row.getInt("attempts"),
        row.getLong("fence"),
        row.getObject("run_id", UUID.class),
        row.getObject("instance", UUID.class),
        Columns.text(row, "description"),
        Columns.textIfAny(row, "last_error"));
  }

  /** A reason for no claim: an issue that falls due later, or without an id a pause. */
  record Cause(Optional<Long> issueId, Duration left, String reason) {}

  static Cause toCause(ResultSet row) throws SQLException {
    // Not a moment too short, else the waiting slot looks twice.
    double millis = Math.min(Math.ceil(row.getDouble("left_s") * 1000), LONGEST_WAIT_MILLIS);
    return new Cause(
        Optional.ofNullable(row.getObject("id", Long.class)),
        Duration.ofMillis((long) millis),
        Columns.text(row, "reason"));
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
        new NoClaimReason(pause.map(Cause::left), pause.map(Cause::reason).orElse(""), dues),
        Duration.ZERO);
  }
}
