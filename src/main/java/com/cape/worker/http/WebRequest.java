package com.cape.worker.http;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * @param method {@code GET}, as which HEAD is answered, too, or {@code POST}
 * @param path as it was sent: it is compared, never decoded
 * @param query each name with its first value
 * @param form the same of the body; empty unless it is a POST
 * @param headers by their names in lower case
 */
public record WebRequest(
    String method,
    String path,
    Map<String, String> query,
    Map<String, String> form,
    Map<String, List<String>> headers) {

  /** The value of a header; empty unless it was sent exactly once. */
  public Optional<String> header(String name) {
    List<String> values = headers.getOrDefault(name.toLowerCase(Locale.ROOT), List.of());
    return values.size() == 1 ? Optional.of(values.get(0)) : Optional.empty();
  }

  public boolean has(String header) {
    return headers.containsKey(header.toLowerCase(Locale.ROOT));
  }

  WebRequest withForm(Map<String, String> sent) {
    return new WebRequest(method, path, query, sent, headers);
  }
}
