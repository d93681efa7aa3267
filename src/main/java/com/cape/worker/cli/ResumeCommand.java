package com.cape.worker.cli;

import com.cape.worker.cli.console.DatabaseOptions;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Output;
import com.cape.worker.config.ConfigException;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.http.Json;
import com.cape.worker.store.Database;
import com.cape.worker.store.queue.Pause;
import com.cape.worker.store.queue.PauseRepository;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "resume",
    mixinStandardHelpOptions = true,
    description = {
      "Ends the pause of the fleet, whoever began it, or that of one worker.",
      "A worker claims while neither holds."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker resume",
      "  cape-worker resume --worker alleycat-1",
      "",
      "JSON: {resumed, pauses [{worker, until, reason, since}]}: whether there was one, and those that"
          + " still hold."
    })
public final class ResumeCommand implements Callable<Integer> {
  @Mixin private WorkerOption worker;
  @Mixin private DatabaseOptions database;
  @Mixin private Output output;

  private record Resumed(Optional<Pause> lifted, List<Pause> left) {}

  @Override
  public Integer call() throws ConfigException {
    Resumed resumed = database.use(this::resume);
    if (output.json()) {
      output.line(
          new Json()
              .with("resumed", resumed.lifted().isPresent())
              .with("pauses", resumed.left().stream().map(JsonViews::pause).toList())
              .toString());
      return ExitCode.DONE.number();
    }
    String who = WorkerOption.name(worker.id());
    output.line(who + (resumed.lifted().isPresent() ? " is resumed" : " was not paused"));
    resumed.left().forEach(pause -> output.line("still paused: " + WorkerOption.text(pause)));
    return ExitCode.DONE.number();
  }

  private Resumed resume(Database open) {
    var pauses = new PauseRepository(open);
    Optional<Pause> lifted = pauses.resume(worker.id());
    if (lifted.isEmpty()) {
      worker.id().ifPresent(id -> WorkerOption.checkKnown(id, pauses));
    }
    return new Resumed(lifted, pauses.inForce());
  }
}
