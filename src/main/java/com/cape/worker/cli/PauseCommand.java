package com.cape.worker.cli;

import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.store.Database;
import com.cape.worker.store.pause.Pause;
import com.cape.worker.store.pause.PauseRepository;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    description = {
      "Holds all claims of the fleet, of one account's workers, or of one worker; what runs goes on.",
      "Workers see it at once, or"
          + " at their next poll without notifications. A pause that lasts longer stays as it is."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker pause --for 30m --reason 'deploying the api'",
      "  cape-worker pause --worker alleycat-1",
      "  cape-worker pause --account team-a --for 2h",
      "",
      "JSON: {worker, account, until, reason, since, kind, phase, issue_id, line}: the pause that holds"
          + " now. Without until it holds until 'resume'; without worker and account for the fleet."
    })
public final class PauseCommand extends DataCommand {
  @Option(
      names = "--for",
      paramLabel = "DURATION",
      description = "So long: 90s, 15m, 2h, 1d, 1h30m. Default: until 'resume'.")
  private Optional<Duration> length = Optional.empty();

  @Option(names = "--reason", paramLabel = "TEXT", description = "Shown by 'status' and logged.")
  private Optional<String> reason = Optional.empty();

  @Mixin private ScopeOption scope;

  @Override
  protected void check() {
    if (length.filter(Duration::isZero).isPresent()) {
      throw output.wrong("--for 0: must be longer than nothing");
    }
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
    scope.checkKnown(pauses);
    Pause pause = pauses.pause(scope.scope(), length, reason);
    output.line(json ? JsonViews.pause(pause) : "paused: " + ScopeOption.text(pause));
    return ExitCode.DONE;
  }
}
