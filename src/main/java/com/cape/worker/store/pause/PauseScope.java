package com.cape.worker.store.pause;

import com.cape.worker.issue.WorkerId;
import java.util.Optional;

/**
 * Whom a pause holds: the fleet, the workers of an account, or one worker.
 *
 * @param text as the table has it: {@code *}, {@code account:NAME}, or a worker's id
 */
public record PauseScope(String text) {
  public static final PauseScope FLEET = new PauseScope("*");
  private static final String ACCOUNT = "account:";

  public static PauseScope account(String name) {
    return new PauseScope(ACCOUNT + name);
  }

  public static PauseScope worker(WorkerId id) {
    return new PauseScope(id.value());
  }

  public Optional<String> account() {
    return text.startsWith(ACCOUNT)
        ? Optional.of(text.substring(ACCOUNT.length()))
        : Optional.empty();
  }

  public Optional<String> worker() {
    return equals(FLEET) || account().isPresent() ? Optional.empty() : Optional.of(text);
  }

  /** For people, at the beginning or within a sentence. */
  @Override
  public String toString() {
    return equals(FLEET)
        ? "the fleet"
        : account().map(name -> "account " + name).orElse("worker " + text);
  }
}
