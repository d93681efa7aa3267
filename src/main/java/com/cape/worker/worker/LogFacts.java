package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import org.slf4j.MDC;

/** What every line says that a thread logs while it is at an attempt. */
final class LogFacts {
  private LogFacts() {}

  /** From now on this thread is at that attempt. */
  static void begin(Claim claim) {
    MDC.put("issue", Long.toString(claim.issueId()));
    MDC.put("attempt", Integer.toString(claim.attempt()));
  }

  static void end() {
    MDC.clear();
  }
}
