package com.cape.worker.cli;

import com.cape.worker.cli.console.DisplayText;
import com.cape.worker.cli.console.NearMiss;
import com.cape.worker.text.PlainText;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Says in one line what was wrong with a command line: what, why, what instead. */
public final class WrongUsage {
  private WrongUsage() {}

  /** The line; a near miss is suggested. */
  public static String line(ParameterException thrown) {
    CommandLine command = thrown.getCommandLine();
    String help =
        "; '%s --help' shows what there is".formatted(command.getCommandSpec().qualifiedName());
    if (thrown instanceof UnmatchedArgumentException unmatched) {
      return unmatched(unmatched, command) + help;
    }
    return thrown
            .getMessage()
            .replaceAll("\\s*\\R\\s*", " ")
            // Picocli's words before what the converter says.
            .replaceFirst("^Invalid value for option '(\\S+)'( \\(.*?\\))?: ", "$1 ")
            .replaceFirst("^Invalid value for positional parameter at index .*?\\): ", "")
        + help;
  }

  private static String unmatched(UnmatchedArgumentException thrown, CommandLine command) {
    String word = thrown.getUnmatched().get(0);
    String shown = DisplayText.cut(PlainText.line(word), 60);
    if (thrown.isUnknownOption()) {
      String name = word.replaceFirst("=.*", "");
      return "there is no option '%s'%s".formatted(shown, NearMiss.hint(name, options(command)));
    }
    if (!command.getSubcommands().isEmpty()) {
      return "there is no command '%s'%s"
          .formatted(shown, NearMiss.hint(word, command.getSubcommands().keySet()));
    }
    return "'%s' is one argument too many; a text of several words goes in quotes".formatted(shown);
  }

  private static List<String> options(CommandLine command) {
    CommandSpec spec = command.getCommandSpec();
    List<String> names = new ArrayList<>();
    for (OptionSpec option : spec.options()) {
      names.addAll(List.of(option.names()));
    }
    return names;
  }
}
