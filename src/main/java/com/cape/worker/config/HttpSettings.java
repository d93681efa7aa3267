package com.cape.worker.config;

import java.util.Optional;

/** An address that other hosts reach has a token. */
public record HttpSettings(HttpAddress address, Optional<String> token) {
  static final int SHORTEST_TOKEN = 16;

  static final String TOKEN_VARIABLE = "CAPE_HTTP_TOKEN";

  @Override
  public String toString() {
    return address + (token.isPresent() ? " with a token" : "");
  }
}
