package com.cape.worker.cli.issues;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.store.Database;
import com.cape.worker.store.operator.ChangeResult;
import com.cape.worker.store.operator.OperatorRepository;
import com.cape.worker.store.read.IssueView;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    description = {
      "Cancels issues, pending or running.",
      "A pending one at once; a running one is stopped wherever it runs, by TERM and"
          + " after --grace of its worker by KILL, at once where notifications arrive and at the"
          + " worker's next heartbeat otherwise. A run that ended with 0 before is completed."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker cancel 42 --wait",
      "  cape-worker cancel --all --status pending",
      "",
      "JSON: a list of {id, result}: cancelled, requested, not_found, already_cancelled, ended,"
          + " unowned, unsettled, refused, other. Exit code 1 when one could not be cancelled."
    })
public final class CancelCommand extends ChangeCommand {
  @Option(names = "--wait", description = "Wait until nothing of them runs any more.")
  private boolean wait;

  @Override
  List<IssueStatus> sensible() {
    return List.of(IssueStatus.PENDING, IssueStatus.STARTED);
  }

  @Override
  List<Long> changeable(OperatorRepository issues, IssueStatus of) {
    return issues.cancellable(of);
  }

  @Override
  Map<Long, ChangeResult> change(Database open, List<Long> issues) {
    Map<Long, ChangeResult> results =
        new LinkedHashMap<>(new OperatorRepository(open).cancel(issues));
    if (wait) {
      var progress = new IssueProgress(open, output, Optional.empty(), false);
      results.replaceAll(
          (id, result) -> result == ChangeResult.REQUESTED ? awaited(progress, id) : result);
    }
    return results;
  }

  private static ChangeResult awaited(IssueProgress progress, long id) {
    IssueView issue = progress.watch(id, seen -> {});
    return issue.status().equals(IssueStatus.CANCELLED.word())
        ? ChangeResult.CANCELLED
        : ChangeResult.ENDED;
  }
}
