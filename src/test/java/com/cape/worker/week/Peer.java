package com.cape.worker.week;

import java.io.IOException;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;

/** A queue that runs the workflow: how it is set up, started, deployed and asked. */
interface Peer {
  String name();

  /** What of its own settings was scaled, and how. */
  String scaled();

  /** Creates its tables, and an issue for each of the plan under the same number. */
  void prepare(Plan plan) throws IOException, InterruptedException, SQLException;

  /** The command that runs a worker for as long as nobody ends it. */
  List<String> command(String host);

  Map<String, String> environment(String host);

  /** The signal that a deploy sends before it starts the next process. */
  String deploySignal();

  /** Whether a run survives its worker's process; else the service manager ends what is left. */
  boolean runsOutliveWorkers();

  /** Somebody repaired the host: what they would then call, if there is such a command. */
  void repaired(String host) throws IOException, InterruptedException;

  Map<Integer, Judge.State> states() throws SQLException;
}
