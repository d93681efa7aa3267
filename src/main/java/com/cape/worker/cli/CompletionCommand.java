package com.cape.worker.cli;

import com.cape.worker.cli.console.ExitCode;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    mixinStandardHelpOptions = true,
    description = {
      "Prints a script by which bash and zsh complete commands and options.",
      "cape-worker has to be the name of a script or an alias for the JAR."
    },
    footer = {
      "",
      "Examples:",
      "  source <(cape-worker generate-completion)",
      "  cape-worker generate-completion > /etc/bash_completion.d/cape-worker"
    })
public final class CompletionCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    CommandSpec root = spec.root();
    spec.commandLine().getOut().print(AutoComplete.bash(root.name(), root.commandLine()));
    return ExitCode.DONE.number();
  }
}
