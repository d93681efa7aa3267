package com.cape.worker.cli.console;

import picocli.CommandLine.Option;

/** The same for a command that prints data. */
public final class Output extends Console {
  @Option(names = "--json", description = "Print JSON, as described below.")
  private boolean json;

  public boolean json() {
    return json;
  }
}
