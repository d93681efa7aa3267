package com.cape.worker.config;

import java.util.List;

/** The settings cannot be used. The message holds every mistake, a line each, and no secret. */
public final class ConfigException extends Exception {
  ConfigException(List<String> mistakes) {
    super(String.join("\n", mistakes));
  }
}
