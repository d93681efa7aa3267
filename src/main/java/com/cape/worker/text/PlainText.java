package com.cape.worker.text;

import com.cape.worker.config.Secrets;
import java.util.regex.Pattern;

/** What others wrote, made fit for PostgreSQL and a terminal: no codes, no controls, no secrets. */
public final class PlainText {
  // ECMA-48: CSI sequences, OSC and other strings up to their terminator, two-character escapes.
  private static final Pattern TERMINAL_CODES =
      Pattern.compile(
          "\u001b\\[[0-?]*[ -/]*[@-~]"
              + "|\u001b[\\]PX^_][^\u0007\u001b]*+(?:\u0007|\u001b\\\\)?"
              + "|\u001b[ -/]*[0-~]");
  private static final Pattern LINE_ENDS = Pattern.compile("\r+\n?");
  // The second group turns the reading direction of what follows around.
  private static final Pattern CONTROLS =
      Pattern.compile("[\\p{Cc}&&[^\n\t]]|[\u202a-\u202e\u2066-\u2069]");
  private static final Pattern GAPS = Pattern.compile("[\n\t\u2028\u2029]+");

  private PlainText() {}

  /** The lines of a text, which may keep its tabs. */
  public static String lines(String text) {
    return Secrets.mask(unmaskedLines(text));
  }

  /** The same with its secrets: for a parser, never for people. To mask JSON can break it. */
  public static String unmaskedLines(String text) {
    String plain = TERMINAL_CODES.matcher(text).replaceAll("");
    String lines = LINE_ENDS.matcher(plain).replaceAll("\n");
    return CONTROLS.matcher(lines).replaceAll("");
  }

  public static String line(String text) {
    return GAPS.matcher(lines(text)).replaceAll(" ").strip();
  }
}
