package com.cape.worker.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.config.HttpAddress;
import com.cape.worker.testing.RawHttp;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BearerAccessTest {
  private static final String TOKEN = "0123456789abcdef";

  @Test
  void openPathsAnswerAnyoneAndTheOthersWhoeverHasTheToken() throws Exception {
    assertEquals(200, status("/live", Optional.of(TOKEN)));
    assertEquals(200, status("/metrics", Optional.of(TOKEN), "Authorization: Bearer " + TOKEN));
    assertEquals(200, status("/metrics", Optional.of(TOKEN), "Authorization: bearer " + TOKEN));
    assertEquals(200, status("/metrics", Optional.empty()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Accept: *",
        "Authorization: Bearer",
        "Authorization: Bearer 0123456789abcde",
        "Authorization: Bearer 0123456789abcdef0",
        "Authorization: Basic 0123456789abcdef",
        "Authorization: 0123456789abcdef",
        "Cookie: cape_session=0123456789abcdef"
      })
  void nobodyElseSeesThem(String header) throws Exception {
    assertEquals(401, status("/metrics", Optional.of(TOKEN), header));
  }

  private static int status(String path, Optional<String> token, String... headers)
      throws IOException {
    Map<String, WebServer.Handler> routes =
        Map.of(
            "/live", request -> WebResponse.text(200, "ok"),
            "/metrics", request -> WebResponse.text(200, "metrics"));
    try (var server =
        WebServer.start(
            HttpAddress.parse("127.0.0.1:0"), new BearerAccess(token, Set.of("/live")), routes)) {
      return RawHttp.ask(server.address(), "GET", path, "", headers).status();
    }
  }
}
