package com.cape.worker.week;

import com.cape.worker.week.Plan.Restart;
import com.cape.worker.week.Plan.RestartKind;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * One host with its service manager: runs a peer's worker, deploys it, and starts it after a crash.
 */
final class Host implements Runnable {
  private static final double START_AGAIN = 1; // simulated minutes
  // Longer than any run: both peers say that a stop waits for what runs.
  private static final double STOP_TIMEOUT = 60;

  private final String name;
  private final Peer peer;
  private final SimulatedTime time;
  private final Path folder;
  private final Deque<Restart> due;
  private final CountDownLatch over;
  private final List<Judge.Outage> restarts = new ArrayList<>();
  private Process worker;

  Host(String name, Peer peer, SimulatedTime time, Path folder, Plan plan, CountDownLatch over) {
    this.name = name;
    this.peer = peer;
    this.time = time;
    this.folder = folder;
    this.over = over;
    this.due =
        new ArrayDeque<>(plan.restarts().stream().filter(r -> r.host().equals(name)).toList());
  }

  @Override
  public void run() {
    try {
      Files.createDirectories(folder.resolve(name));
      start();
      while (over.getCount() > 0 && !due.isEmpty()) {
        Restart next = due.remove();
        if (!awaitUntil(next.at())) {
          restart(next.kind());
        }
      }
      over.await();
      end();
    } catch (IOException e) {
      throw new IllegalStateException("host " + name, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Waits, and starts the worker again if it ends by itself. Returns true when the week is over.
   */
  private boolean awaitUntil(double minute) throws IOException, InterruptedException {
    while (time.now() < minute) {
      if (worker.isAlive()) {
        Duration wait = time.until(Math.min(minute, time.now() + START_AGAIN));
        if (over.await(wait.toMillis() + 1, TimeUnit.MILLISECONDS)) {
          return true;
        }
      } else {
        restart(RestartKind.CRASH);
      }
    }
    return over.getCount() == 0;
  }

  private void restart(RestartKind kind) throws IOException, InterruptedException {
    double from = time.now();
    List<ProcessHandle> started = worker.descendants().toList();
    if (kind == RestartKind.DEPLOY) {
      signal(peer.deploySignal());
      started = awaitStop(from, started);
    }
    kill(started);
    restarts.add(new Judge.Outage(name, from, time.now()));
    if (!over.await(time.lasting(START_AGAIN).toMillis(), TimeUnit.MILLISECONDS)) {
      start();
    }
  }

  // A crash of the plan may hit a worker that is stopping.
  private List<ProcessHandle> awaitStop(double from, List<ProcessHandle> started)
      throws InterruptedException {
    List<ProcessHandle> last = started;
    while (worker.isAlive() && time.now() < from + STOP_TIMEOUT && over.getCount() > 0) {
      if (!due.isEmpty() && due.peek().at() <= time.now()) {
        if (due.remove().kind() == RestartKind.CRASH) {
          break;
        }
      }
      last = worker.descendants().toList();
      worker.waitFor(time.lasting(START_AGAIN).toMillis() + 1, TimeUnit.MILLISECONDS);
    }
    return last;
  }

  private void kill(List<ProcessHandle> started) {
    worker.destroyForcibly().onExit().join();
    if (!peer.runsOutliveWorkers()) {
      started.forEach(ProcessHandle::destroyForcibly);
    }
  }

  private void start() throws IOException {
    // What this was started by, nohup or a shell's background job, may ignore HUP or INT.
    List<String> command =
        new ArrayList<>(List.of("/usr/bin/env", "--default-signal=HUP,INT,QUIT,TERM"));
    command.addAll(peer.command(name));
    var builder = new ProcessBuilder(command).directory(folder.resolve(name).toFile());
    builder.environment().clear();
    builder.environment().put("PATH", System.getenv("PATH"));
    builder.environment().put("WEEK_DIR", folder.toString());
    builder.environment().put("WEEK_HOST", name);
    builder.environment().putAll(peer.environment(name));
    builder.redirectErrorStream(true);
    builder.redirectOutput(Redirect.appendTo(folder.resolve(name + ".txt").toFile()));
    worker = builder.start();
  }

  private void signal(String signal) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(worker.pid())).start().waitFor();
  }

  /** Ends the worker and its runs, with the second signal at once. */
  private void end() throws IOException, InterruptedException {
    List<ProcessHandle> started = worker.descendants().toList();
    signal("TERM");
    worker.waitFor(1, TimeUnit.SECONDS);
    signal("TERM");
    worker.waitFor(10, TimeUnit.SECONDS);
    worker.destroyForcibly().onExit().join();
    started.forEach(ProcessHandle::destroyForcibly);
  }

  /** To be read when its thread has ended. */
  List<Judge.Outage> restarts() {
    return restarts;
  }
}
