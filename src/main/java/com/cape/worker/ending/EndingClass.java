package com.cape.worker.ending;

import java.util.Locale;

/** Why a run ended that is not its issue's fault. */
public enum EndingClass {
  /** A usage limit of the account, which ends by itself. */
  LIMIT,
  /** The provider is overloaded or cannot be reached. */
  OVERLOAD,
  /** Credit or a spend limit is used up: a person has to do something. */
  SPEND,
  /** This host is not logged in, or its key is refused. */
  LOGIN,
  /** None of these: the run failed, though its exit code may say otherwise. */
  FAILED;

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
