package com.cape.worker.cli.console;

/** How much room a text takes on a terminal, where emoji and CJK take two columns a character. */
public final class DisplayText {
  private static final String ELLIPSIS = "…";
  private static final int EMOJI_STYLE = 0xFE0F;

  /** First and last of the wide ones; a few that some terminals draw narrow are among them. */
  private static final int[][] WIDE = {
    {0x1100, 0x115F}, {0x231A, 0x231B}, {0x23E9, 0x23F3}, {0x25FD, 0x25FE}, {0x2600, 0x27BF},
    {0x2B00, 0x2BFF}, {0x2E80, 0x303E}, {0x3041, 0xA4CF}, {0xA960, 0xA97F}, {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF}, {0xFE10, 0xFE19}, {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6},
    {0x16FE0, 0x1B2FF}, {0x1F000, 0x1FAFF}, {0x20000, 0x3FFFD}
  };

  private DisplayText() {}

  /** Columns that the text takes. */
  public static int width(String text) {
    int width = 0;
    int before = 0;
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      int character = text.codePointAt(i);
      width += character == EMOJI_STYLE ? 2 - before : width(character);
      before = character == EMOJI_STYLE ? 2 : width(character);
    }
    return width;
  }

  private static int width(int character) {
    int type = Character.getType(character);
    if (type == Character.NON_SPACING_MARK
        || type == Character.ENCLOSING_MARK
        || type == Character.FORMAT) {
      return 0;
    }
    for (int[] range : WIDE) {
      if (character >= range[0] && character <= range[1]) {
        return 2;
      }
    }
    return 1;
  }

  /** The text, or its beginning with an ellipsis where it takes more than so many columns. */
  public static String cut(String text, int columns) {
    if (width(text) <= columns) {
      return text;
    }
    int end = 0;
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      if (width(text.substring(0, i)) > columns - 1) {
        break;
      }
      end = i;
    }
    return text.substring(0, end).stripTrailing() + ELLIPSIS;
  }

  /** The text with spaces behind it up to so many columns. */
  public static String padded(String text, int columns) {
    return text + " ".repeat(Math.max(0, columns - width(text)));
  }
}
