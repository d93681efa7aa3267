package com.cape.worker.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.LinkedHashMap;
import java.util.Map;

/** A response; {@link WebServer} adds the headers that all have. */
@SuppressWarnings("ArrayRecordComponent") // Nobody compares them.
public record WebResponse(
    int status, String contentType, Map<String, String> headers, byte[] body) {
  public static final String JSON = "application/json; charset=utf-8";

  public static WebResponse json(Json json) {
    return json(200, json.toString());
  }

  public static WebResponse error(int status, String message) {
    return json(status, new Json().with("error", message).toString());
  }

  public static WebResponse missing() {
    return error(404, "there is nothing here");
  }

  private static WebResponse json(int status, String json) {
    return new WebResponse(status, JSON, Map.of(), json.getBytes(UTF_8));
  }

  public static WebResponse text(int status, String text) {
    return new WebResponse(status, "text/plain; charset=utf-8", Map.of(), text.getBytes(UTF_8));
  }

  public static WebResponse seeOther(String path) {
    return text(303, "").with("Location", path);
  }

  public WebResponse with(String header, String value) {
    Map<String, String> all = new LinkedHashMap<>(headers);
    all.put(header, value);
    return new WebResponse(status, contentType, all, body);
  }
}
