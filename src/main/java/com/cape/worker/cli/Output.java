package com.cape.worker.cli;

import picocli.CommandLine.Option;

/** The same for a command that prints data. */
final class Output extends Console {
  @Option(names = "--json", description = "Print JSON, as described below.")
  private boolean json;

  boolean json() {
    return json;
  }
}
