package com.cape.worker.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;

/** A text that others have to know. How long a comparison takes does not depend on it. */
public final class Secret {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int RANDOM_BYTES = 32;

  private final byte[] value;

  public Secret(String value) {
    this.value = value.getBytes(UTF_8);
  }

  /** 256 random bits, fit for a header. */
  public static String random() {
    byte[] bytes = new byte[RANDOM_BYTES];
    RANDOM.nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  public boolean is(String given) {
    // The time depends on the length of the first argument alone.
    return MessageDigest.isEqual(given.getBytes(UTF_8), value);
  }
}
