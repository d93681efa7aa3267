package com.cape.worker.cli;

import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.http.Json;
import com.cape.worker.store.Database;
import com.cape.worker.store.pause.Pause;
import com.cape.worker.store.pause.PauseRepository;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    description = {
      "Ends the pause of the fleet, whoever began it, or that of an account or of one worker, with its"
          + " probe and its ramp.",
      "A worker claims while none of the three holds."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker resume",
      "  cape-worker resume --worker alleycat-1",
      "  cape-worker resume --account team-a",
      "",
      "JSON: {resumed, pauses [{worker, account, until, reason, since, kind, phase, issue_id, line}]}: whether there was one, and those that"
          + " still hold."
    })
public final class ResumeCommand extends DataCommand {
  @Mixin private ScopeOption scope;

  @Override
  protected void check() {
    scope
        .mistake()
        .ifPresent(
            mistake -> {
              throw output.wrong(mistake);
            });
  }

  @Override
  protected ExitCode run(Database open) {
    var pauses = new PauseRepository(open);
    boolean resumed = pauses.resume(scope.scope()).isPresent();
    if (!resumed) {
      scope.checkKnown(pauses);
    }
    List<Pause> left = pauses.inForce();
    if (json) {
      output.line(
          new Json()
              .with("resumed", resumed)
              .with("pauses", left.stream().map(JsonViews::pause).toList()));
      return ExitCode.DONE;
    }
    output.line(scope.scope() + (resumed ? " is resumed" : " was not paused"));
    left.forEach(pause -> output.line("still paused: " + ScopeOption.text(pause)));
    return ExitCode.DONE;
  }
}
