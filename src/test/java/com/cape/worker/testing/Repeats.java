package com.cape.worker.testing;

/** How often a test does what chance decides. */
public final class Repeats {
  private Repeats() {}

  /** Some in each build, all with {@code -Dcape.test.full=true}. */
  public static int of(int some, int all) {
    return Boolean.getBoolean("cape.test.full") ? all : some;
  }
}
