package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.Confirmation;
import com.cape.worker.cli.console.DatabaseOptions;
import com.cape.worker.cli.console.Output;
import com.cape.worker.config.ConfigException;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.store.operator.ChangeResult;
import com.cape.worker.store.operator.OperatorRepository;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "retry",
    mixinStandardHelpOptions = true,
    description = {
      "Makes issues pending and due, their attempts counted from 1 again.",
      "Takes failed ones, cancelled ones, and those that wait for their next attempt. A run that is"
          + " alive is never touched."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker retry 42 43",
      "  cape-worker retry --all --status failed --yes",
      "",
      "JSON: a list of {id, result}: queued, not_found, running, unowned, completed, due, scheduled,"
          + " refused, other. Exit code 1 when one was not queued."
    })
public final class RetryCommand implements Callable<Integer> {
  @Mixin private IssueSelection selection;

  @Option(
      names = "--force",
      description = "Also issues that are started without a running attempt: somebody else's.")
  private boolean force;

  @Mixin private Confirmation confirmation;
  @Mixin private DatabaseOptions database;
  @Mixin private Output output;

  @Override
  public Integer call() throws ConfigException {
    selection.check(
        force
            ? List.of(
                IssueStatus.FAILED, IssueStatus.CANCELLED, IssueStatus.PENDING, IssueStatus.STARTED)
            : List.of(IssueStatus.FAILED, IssueStatus.CANCELLED, IssueStatus.PENDING));
    Map<Long, ChangeResult> results =
        database.use(
            open -> {
              var issues = new OperatorRepository(open);
              return issues.retry(selection.ids(issues::retryable, confirmation, output), force);
            });
    return Changes.print(results, output);
  }
}
