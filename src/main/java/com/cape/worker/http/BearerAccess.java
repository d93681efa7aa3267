package com.cape.worker.http;

import java.util.Optional;
import java.util.Set;

/** For programs: some paths answer anyone, the others ask for the token where there is one. */
public final class BearerAccess implements WebServer.Access {
  private static final String SCHEME = "Bearer ";

  private final Optional<Secret> token;
  private final Set<String> open;

  public BearerAccess(Optional<String> token, Set<String> open) {
    this.token = token.map(Secret::new);
    this.open = Set.copyOf(open);
  }

  @Override
  public Optional<WebResponse> refuse(WebRequest request) {
    if (token.isEmpty() || open.contains(request.path())) {
      return Optional.empty();
    }
    boolean known =
        request
            .header("Authorization")
            .filter(value -> value.regionMatches(true, 0, SCHEME, 0, SCHEME.length()))
            .filter(value -> token.get().is(value.substring(SCHEME.length())))
            .isPresent();
    return known
        ? Optional.empty()
        : Optional.of(
            WebResponse.error(401, "send Authorization: Bearer and the token of CAPE_HTTP_TOKEN")
                .with("WWW-Authenticate", "Bearer"));
  }
}
