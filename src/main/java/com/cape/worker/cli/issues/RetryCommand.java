package com.cape.worker.cli.issues;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.store.Database;
import com.cape.worker.store.operator.ChangeResult;
import com.cape.worker.store.operator.OperatorRepository;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
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
      "JSON: a list of {id, result}: queued, not_found, running, unowned, unsettled, completed, due, scheduled,"
          + " refused, other. Exit code 1 when one was not queued."
    })
public final class RetryCommand extends ChangeCommand {
  @Option(
      names = "--force",
      description = "Also issues that are started without a running attempt: somebody else's.")
  private boolean force;

  @Override
  List<IssueStatus> sensible() {
    return force
        ? List.of(
            IssueStatus.FAILED, IssueStatus.CANCELLED, IssueStatus.PENDING, IssueStatus.STARTED)
        : List.of(IssueStatus.FAILED, IssueStatus.CANCELLED, IssueStatus.PENDING);
  }

  @Override
  List<Long> changeable(OperatorRepository issues, IssueStatus of) {
    return issues.retryable(of);
  }

  @Override
  Map<Long, ChangeResult> change(Database open, List<Long> issues) {
    return new OperatorRepository(open).retry(issues, force);
  }
}
