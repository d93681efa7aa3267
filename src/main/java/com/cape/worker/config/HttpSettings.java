package com.cape.worker.config;

import java.util.Optional;

/**
 * Where something is served, and the secret that is asked for. An address that others reach has
 * one; see {@link ConfigReader}.
 */
public record HttpSettings(HttpAddress address, Optional<String> token) {
  /** Short ones could be guessed. */
  static final int SHORTEST_TOKEN = 16;

  static final String TOKEN_VARIABLE = "CAPE_HTTP_TOKEN";

  @Override
  public String toString() {
    return address + (token.isPresent() ? " with a token" : "");
  }
}
