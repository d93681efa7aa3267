package com.cape.worker.issue;

import java.util.regex.Pattern;

/** The name a worker runs under: unique among the live workers of one database. */
public record WorkerId(String value) {
  private static final Pattern VALID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");

  public WorkerId {
    if (!VALID.matcher(value).matches()) {
      throw new IllegalArgumentException(
          "'%s' is no worker id: 1-100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"
              .formatted(value));
    }
  }

  @Override
  public String toString() {
    return value;
  }
}
