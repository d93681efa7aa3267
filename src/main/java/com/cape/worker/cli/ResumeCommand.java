package com.cape.worker.cli;

import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.http.Json;
import com.cape.worker.store.Database;
import com.cape.worker.store.queue.Pause;
import com.cape.worker.store.queue.PauseRepository;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
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
public final class ResumeCommand extends DataCommand {
  @Mixin private WorkerOption worker;

  @Override
  protected ExitCode run(Database open) {
    var pauses = new PauseRepository(open);
    boolean resumed = pauses.resume(worker.id()).isPresent();
    if (!resumed) {
      worker.id().ifPresent(id -> WorkerOption.checkKnown(id, pauses));
    }
    List<Pause> left = pauses.inForce();
    if (json) {
      output.line(
          new Json()
              .with("resumed", resumed)
              .with("pauses", left.stream().map(JsonViews::pause).toList()));
      return ExitCode.DONE;
    }
    output.line(WorkerOption.name(worker.id()) + (resumed ? " is resumed" : " was not paused"));
    left.forEach(pause -> output.line("still paused: " + WorkerOption.text(pause)));
    return ExitCode.DONE;
  }
}
