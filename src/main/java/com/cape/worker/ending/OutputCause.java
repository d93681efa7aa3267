package com.cape.worker.ending;

import com.cape.worker.text.PlainText;
import java.math.BigDecimal;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What an output of JSON lines says about how the run ended, in words for people. */
public final class OutputCause {
  private static final int LONGEST = 1000;
  private static final BigDecimal TOO_DEAR = new BigDecimal(100_000);

  private OutputCause() {}

  /**
   * The text of the last error or result, as one line of at most 1,000 characters. Empty for an
   * output that is plain text; where plain text follows the JSON lines, only an error counts.
   *
   * @param tail the last 64 KiB of the output
   */
  public static Optional<String> of(String tail) {
    return of(Output.of(tail));
  }

  static Optional<String> of(Output output) {
    for (int i = output.json().size() - 1; i >= 0; i--) {
      Map<String, Object> object = output.json().get(i);
      Optional<String> error = error(object);
      Optional<String> found = error.or(() -> result(object)).flatMap(OutputCause::line);
      if (found.isPresent()) {
        return error.isPresent() || output.endsWithJson() ? found : Optional.empty();
      }
    }
    return Optional.empty();
  }

  /** The text of an error; empty where the object is none. */
  static Optional<String> error(Map<String, Object> object) {
    return switch (Fields.text(object, "type").orElse("")) {
      case "result" -> resultError(object);
      case "assistant" ->
          Fields.is(object, "is_api_error_message", "true")
              ? Fields.text(object, "message.content.0.text")
              : Optional.empty();
      case "turn.failed" -> Fields.text(object, "error.message");
      case "error" -> Fields.text(object, "message").or(() -> Fields.text(object, "error.message"));
      case "" -> Fields.text(object, "error.message");
      default -> Optional.empty();
    };
  }

  private static Optional<String> resultError(Map<String, Object> object) {
    if (Fields.is(object, "is_error", "true")) {
      return first(object, "result", "errors.0", "terminal_reason", "subtype");
    }
    return first(object, "error.message", "error.type");
  }

  private static Optional<String> result(Map<String, Object> object) {
    return Fields.is(object, "type", "result")
        ? first(object, "result")
        : Fields.text(object, "response").filter(text -> object.containsKey("stats"));
  }

  private static Optional<String> first(Map<String, Object> object, String... paths) {
    return Stream.of(paths).flatMap(path -> Fields.text(object, path).stream()).findFirst();
  }

  private static Optional<String> line(String text) {
    // Cleaned before it is cut: a secret that the cut halves could not be told from other text.
    String line = PlainText.line(text);
    return Optional.of(line.substring(0, end(line))).filter(found -> !found.isEmpty());
  }

  private static int end(String line) {
    if (line.length() <= LONGEST) {
      return line.length();
    }
    return Character.isHighSurrogate(line.charAt(LONGEST - 1)) ? LONGEST - 1 : LONGEST;
  }

  /** What a Claude {@code result} object that is the last line of the output says that it cost. */
  public static Optional<BigDecimal> claudeCost(String tail) {
    Output output = Output.of(tail);
    if (!output.endsWithJson()) {
      return Optional.empty();
    }
    Map<String, Object> last = output.json().get(output.json().size() - 1);
    return Optional.of(last)
        .filter(object -> Fields.is(object, "type", "result"))
        .flatMap(object -> Optional.ofNullable(object.get("total_cost_usd")))
        .flatMap(OutputCause::cost);
  }

  private static Optional<BigDecimal> cost(Object value) {
    return value instanceof BigDecimal number
            && number.signum() >= 0
            && Fields.usual(number)
            && number.compareTo(TOO_DEAR) < 0
        ? Optional.of(number)
        : Optional.empty();
  }
}
