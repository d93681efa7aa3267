package com.cape.worker.config;

import java.util.List;

/** The settings cannot be used. Holds every mistake, a line each, without any secret. */
public final class ConfigException extends Exception {
  private final transient List<String> mistakes;

  public ConfigException(List<String> mistakes) {
    super(String.join("\n", mistakes));
    this.mistakes = List.copyOf(mistakes);
  }

  public List<String> mistakes() {
    return mistakes;
  }
}
