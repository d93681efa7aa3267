package com.cape.worker.config;

import java.util.regex.Pattern;

/** Keeps passwords out of whatever people read. */
public final class Secrets {
  private static final Pattern IN_URL = Pattern.compile("(://[^:/@\\s]*:)[^/\\s]*@");
  private static final Pattern AS_PARAMETER =
      Pattern.compile("([?&;](?:ssl)?password=)[^&\\s'\"]*", Pattern.CASE_INSENSITIVE);

  private Secrets() {}

  /** The text with every password of a URL as {@code ****}. */
  public static String mask(String text) {
    String masked = IN_URL.matcher(text).replaceAll("$1****@");
    return AS_PARAMETER.matcher(masked).replaceAll("$1****");
  }
}
