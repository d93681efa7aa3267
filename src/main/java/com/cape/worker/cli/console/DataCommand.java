package com.cape.worker.cli.console;

import picocli.CommandLine.Option;

/** A command that prints data. */
public abstract class DataCommand extends DatabaseCommand {
  @Option(names = "--json", description = "Print JSON, as described below.")
  protected boolean json;
}
