package com.cape.worker.worker;

import com.cape.worker.host.CommandCheck;
import com.cape.worker.host.OwnProgram;
import com.cape.worker.run.CommandRunner;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a run could be started: whether its command is there, and this program is still the one
 * that it was. Begins the pause, or the drain, that follows where it could not. Safe for use by
 * several threads.
 */
final class StartConditions {
  private static final Logger LOG = LoggerFactory.getLogger(StartConditions.class);

  private final CommandCheck check;
  private final CommandRunner commands;
  private final StartPause pause;
  private final Drain drain;
  private volatile boolean jdkReplaced;
  private volatile boolean jarOverwritten;

  /**
   * Looks at nothing yet.
   *
   * @param pause after a command that could not be started
   * @param drain begun once the JDK was replaced
   */
  StartConditions(CommandCheck check, CommandRunner commands, StartPause pause, Drain drain) {
    this.check = check;
    this.commands = commands;
    this.pause = pause;
    this.drain = drain;
  }

  /** Whether all is as it has to be. */
  boolean good() {
    return pauseLeft().isEmpty()
        && !commands.jdkReplaced()
        && !OwnProgram.jarOverwritten()
        && trouble().isEmpty();
  }

  /** Looks for the command, and begins a pause where it cannot be started. */
  boolean paused() {
    if (pauseLeft().isPresent()) {
      return true;
    }
    Optional<String> trouble = trouble();
    trouble.ifPresent(pause::failed);
    return trouble.isPresent();
  }

  /** What is left of a pause. */
  Optional<Duration> pauseLeft() {
    return pause.left();
  }

  /** A command could not be started. */
  void failed(String cause) {
    if (!lookAtJdk()) {
      pause.failed(cause);
    }
  }

  /** A command was started, whose start began then. */
  void started(long sinceNanos) {
    pause.over(sinceNanos);
  }

  private Optional<String> trouble() {
    return check.trouble().or(commands::trouble);
  }

  /** Drains for another process of this worker where the JDK was replaced; tells whether it was. */
  boolean lookAtJdk() {
    if (commands.jdkReplaced()) {
      jdkReplaced = true;
      drain.beginPatiently("the JDK was replaced under this process");
    }
    return jdkReplaced;
  }

  /** Whether a look found the JDK replaced. */
  boolean jdkReplaced() {
    return jdkReplaced;
  }

  /**
   * Whether the JAR was overwritten. Uses no class then that was not used before, which the JAR may
   * lack: a drain would.
   */
  boolean lookAtJar() {
    if (OwnProgram.jarOverwritten() && !jarOverwritten) {
      jarOverwritten = true;
      LOG.error(
          "the JAR was overwritten under this process; claiming nothing, ending after its runs");
    }
    return jarOverwritten;
  }

  /** Whether a look found the JAR overwritten. */
  boolean jarOverwritten() {
    return jarOverwritten;
  }
}
