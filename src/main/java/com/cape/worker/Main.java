package com.cape.worker;

import com.cape.worker.cli.CompletionCommand;
import com.cape.worker.cli.DashboardCommand;
import com.cape.worker.cli.DoctorCommand;
import com.cape.worker.cli.DrainCommand;
import com.cape.worker.cli.MigrateCommand;
import com.cape.worker.cli.PauseCommand;
import com.cape.worker.cli.RestartCommand;
import com.cape.worker.cli.ResumeCommand;
import com.cape.worker.cli.SettingOptions;
import com.cape.worker.cli.StatusCommand;
import com.cape.worker.cli.console.DisplayText;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.StandardOutput;
import com.cape.worker.cli.console.Version;
import com.cape.worker.cli.console.Words;
import com.cape.worker.cli.issues.CancelCommand;
import com.cape.worker.cli.issues.ListCommand;
import com.cape.worker.cli.issues.LogsCommand;
import com.cape.worker.cli.issues.RetryCommand;
import com.cape.worker.cli.issues.ShowCommand;
import com.cape.worker.cli.issues.SubmitCommand;
import com.cape.worker.config.ConfigException;
import com.cape.worker.config.ConfigReader;
import com.cape.worker.config.ConfigSource;
import com.cape.worker.config.Secrets;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.daemon.Daemon;
import com.cape.worker.daemon.Logging;
import com.cape.worker.ending.EndingRules;
import com.cape.worker.host.OwnProgram;
import com.cape.worker.text.PlainText;
import java.io.FileDescriptor;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TimeZone;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The root command: without a subcommand it is the daemon. */
@Command(
    name = "cape-worker",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    usageHelpAutoWidth = true,
    customSynopsis = {
      "cape-worker --worker-id ID --database-url URL [OPTIONS]",
      "       cape-worker COMMAND [OPTIONS]"
    },
    description = {
      "Runs cape-adw for each pending issue of the PostgreSQL table cape_issues, and writes down how"
          + " it ended.",
      "Each setting comes from its option, else from the environment variable in brackets, else from"
          + " .env."
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done, or stopped in order",
      "1:failed or refused",
      "2:wrong usage",
      "69:database unreachable (subcommands only: the daemon waits for it)",
      "75:try again later: another process has this worker id; the JDK or the JAR was"
          + " replaced; drained or handed over for a restart",
      "78:wrong or missing setting, command or directory; credentials refused; unusable schema"
    },
    footer = {
      "",
      "Example:",
      "  java -jar cape-worker.jar --worker-id alleycat-1 --database-url postgresql://cape@db/cape",
      "",
      "Stopping: the first TERM or INT lets running workflows end within the drain timeout, the"
          + " second stops them, the third ends the worker at once. 'drain' waits as long as it takes.",
      "Restarting: at a HUP, as 'restart' asks for it, the worker leaves with 75 within seconds, and"
          + " its next process goes on with what was running."
    })
public final class Main implements Callable<Integer> {
  /** In the order of the help. */
  private static final List<Map.Entry<String, Class<?>>> COMMANDS =
      List.of(
          Map.entry("status", StatusCommand.class),
          Map.entry("list", ListCommand.class),
          Map.entry("show", ShowCommand.class),
          Map.entry("submit", SubmitCommand.class),
          Map.entry("retry", RetryCommand.class),
          Map.entry("cancel", CancelCommand.class),
          Map.entry("logs", LogsCommand.class),
          Map.entry("pause", PauseCommand.class),
          Map.entry("resume", ResumeCommand.class),
          Map.entry("drain", DrainCommand.class),
          Map.entry("restart", RestartCommand.class),
          Map.entry("dashboard", DashboardCommand.class),
          Map.entry("doctor", DoctorCommand.class),
          Map.entry("migrate", MigrateCommand.class),
          Map.entry("generate-completion", CompletionCommand.class));

  // Of ExitCode, which may not be loaded.
  private static final int TRY_LATER = 75;
  private static final String CONTINUED = "\n             ";
  private static final Logger DRIVER = Logger.getLogger("org.postgresql");
  private static final ZoneId LOCAL_ZONE = ZoneId.systemDefault();

  @Option(
      names = "--env-file",
      paramLabel = "FILE",
      description = "Settings as NAME=value lines. Default: .env, where it exists.")
  private Optional<Path> envFile = Optional.empty();

  @Spec private CommandSpec spec;

  /** Runs the command line and ends the process. */
  public static void main(String[] arguments) {
    // The driver sends this zone as the session's: columns without a time zone are UTC everywhere.
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    // Its warnings are for programs; the command says what went wrong itself.
    DRIVER.setLevel(Level.OFF);
    CommandLine commandLine = commandLine(arguments);
    // Whatever the locale: descriptions and output are in UTF-8, and JSON has to be.
    var output = new StandardOutput(FileDescriptor.out);
    var errors = new StandardOutput(FileDescriptor.err);
    commandLine.setOut(output.writer()).setErr(errors.writer());
    int exitCode = commandLine.execute(arguments);
    commandLine.getOut().flush();
    if (output.trouble().isPresent()) {
      say(commandLine, "the output cannot be written: " + output.trouble().get());
      exitCode = Math.max(exitCode, ExitCode.FAILED.number());
    }
    System.exit(exitCode);
  }

  /** Reads only the command that is asked for, where it is one: to read all takes a while. */
  static CommandLine commandLine(String... arguments) {
    var commandLine = new CommandLine(new Main());
    SettingOptions.addTo(commandLine.getCommandSpec());
    List<Map.Entry<String, Class<?>>> asked =
        COMMANDS.stream()
            .filter(command -> arguments.length > 0 && command.getKey().equals(arguments[0]))
            .filter(command -> command.getValue() != CompletionCommand.class)
            .toList();
    for (Map.Entry<String, Class<?>> command : asked.isEmpty() ? COMMANDS : asked) {
      commandLine.addSubcommand(command.getKey(), command.getValue());
    }
    Optional.ofNullable(commandLine.getSubcommands().get("doctor"))
        .ifPresent(doctor -> SettingOptions.addTo(doctor.getCommandSpec()));
    Words.register(commandLine);
    commandLine.setExecutionStrategy(Main::runLast);
    commandLine.setParameterExceptionHandler(Main::wrongUsage);
    commandLine.setExecutionExceptionHandler(Main::failed);
    return commandLine;
  }

  @Override
  public Integer call() throws ConfigException, InterruptedException {
    Logging.silence();
    Map<String, String> environment = System.getenv();
    var source =
        ConfigSource.of(
            SettingOptions.given(spec.commandLine().getParseResult()), environment, envFile);
    WorkerConfig config = new ConfigReader(source, EndingRules::mistakes).read();
    var daemon = new Daemon(config, Version.number(), environment, LOCAL_ZONE);
    try {
      return daemon.run(code -> Runtime.getRuntime().halt(code.number())).number();
    } catch (LinkageError e) {
      if (OwnProgram.jarOverwritten()) {
        // Not even an orderly exit is sure to find its classes.
        Runtime.getRuntime().halt(TRY_LATER);
      }
      throw e;
    }
  }

  private static int runLast(CommandLine.ParseResult parsed) {
    // They would be passed over, and the subcommand might work on another database.
    if (parsed.hasSubcommand() && !parsed.matchedOptions().isEmpty()) {
      CommandLine subcommand = parsed.subcommand().commandSpec().commandLine();
      throw new CommandLine.ParameterException(
          subcommand, "options go after '%s'".formatted(subcommand.getCommandName()));
    }
    return new CommandLine.RunLast().execute(parsed);
  }

  private static int wrongUsage(CommandLine.ParameterException thrown, String[] arguments) {
    say(thrown.getCommandLine(), line(thrown));
    return ExitCode.USAGE.number();
  }

  /** Says in one line what was wrong with a command line: what, why, what instead. */
  private static String line(CommandLine.ParameterException thrown) {
    CommandLine command = thrown.getCommandLine();
    String help =
        "; '%s --help' shows what there is".formatted(command.getCommandSpec().qualifiedName());
    if (thrown instanceof CommandLine.UnmatchedArgumentException unmatched) {
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

  private static String unmatched(
      CommandLine.UnmatchedArgumentException thrown, CommandLine command) {
    String word = thrown.getUnmatched().get(0);
    String shown = DisplayText.cut(PlainText.line(word), 60);
    if (thrown.isUnknownOption()) {
      String name = word.replaceFirst("=.*", "");
      return "there is no option '%s'%s"
          .formatted(shown, Words.nearMiss(name, command.getCommandSpec().optionsMap().keySet()));
    }
    if (!command.getSubcommands().isEmpty()) {
      return "there is no command '%s'%s"
          .formatted(shown, Words.nearMiss(word, command.getSubcommands().keySet()));
    }
    return "'%s' is one argument too many; a text of several words goes in quotes".formatted(shown);
  }

  private static int failed(Exception thrown, CommandLine command, CommandLine.ParseResult parsed) {
    if (thrown instanceof Refusal refusal) {
      say(command, refusal.getMessage());
      return refusal.exitCode().number();
    }
    if (thrown instanceof ConfigException config) {
      say(command, "the settings cannot be used:\n" + config.getMessage());
      return ExitCode.WRONG_SETTING.number();
    }
    say(command, "unexpected error, please report it: " + thrown);
    thrown.printStackTrace(command.getErr());
    return ExitCode.FAILED.number();
  }

  private static void say(CommandLine command, String message) {
    command.getOut().flush();
    PrintWriter err = command.getErr();
    err.println("cape-worker: " + Secrets.mask(message).replace("\n", CONTINUED));
    err.flush();
  }
}
