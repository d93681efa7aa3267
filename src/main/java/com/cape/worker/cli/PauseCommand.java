package com.cape.worker.cli;

import com.cape.worker.cli.console.DatabaseOptions;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Output;
import com.cape.worker.cli.console.Words;
import com.cape.worker.config.ConfigException;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.store.Database;
import com.cape.worker.store.queue.Pause;
import com.cape.worker.store.queue.PauseRepository;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "pause",
    mixinStandardHelpOptions = true,
    description = {
      "Holds all claims of the fleet, or of one worker; what runs goes on.",
      "Workers see it at once, or"
          + " at their next poll without notifications. A pause that lasts longer stays as it is."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker pause --for 30m --reason 'deploying the api'",
      "  cape-worker pause --worker alleycat-1",
      "",
      "JSON: {worker, until, reason, since}: the pause that holds now. Without until it holds until"
          + " 'resume'."
    })
public final class PauseCommand implements Callable<Integer> {
  @Option(
      names = "--for",
      paramLabel = "DURATION",
      converter = Words.Length.class,
      description = "So long: 90s, 15m, 2h, 1d, 1h30m. Default: until 'resume'.")
  private Optional<Duration> length = Optional.empty();

  @Option(names = "--reason", paramLabel = "TEXT", description = "Shown by 'status' and logged.")
  private Optional<String> reason = Optional.empty();

  @Mixin private WorkerOption worker;
  @Mixin private DatabaseOptions database;
  @Mixin private Output output;

  @Override
  public Integer call() throws ConfigException {
    if (length.filter(Duration::isZero).isPresent()) {
      throw output.wrong("--for 0: must be longer than nothing");
    }
    Pause pause = database.use(this::pause);
    if (output.json()) {
      output.line(JsonViews.pause(pause).toString());
    } else {
      output.line("paused: " + WorkerOption.text(pause));
    }
    return ExitCode.DONE.number();
  }

  private Pause pause(Database open) {
    var pauses = new PauseRepository(open);
    worker.id().ifPresent(id -> WorkerOption.checkKnown(id, pauses));
    return pauses.pause(worker.id(), length, reason);
  }
}
