package com.cape.worker.host;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The systemd that has started this process, if one has. It listens on a datagram socket, which the
 * JVM does not speak, so {@code systemd-notify} writes to it. A Perl that lives as long as this
 * process starts that program: a JVM whose JDK was replaced could not. Safe for use by several
 * threads.
 */
public final class ServiceManager implements AutoCloseable {
  /** For a process that systemd did not start. */
  public static final ServiceManager NONE =
      new ServiceManager(Optional.empty(), Optional.empty(), Path.of("perl"));

  private static final Logger LOG = LoggerFactory.getLogger(ServiceManager.class);
  private static final String RELAY =
      "while (<STDIN>) { chomp; system { $ARGV[0] } $ARGV[0], split /\\t/ }";

  private final Optional<Path> program;
  private final Optional<Duration> watchdog;
  private final Path perl;
  private Optional<Process> relay = Optional.empty();

  private ServiceManager(Optional<Path> program, Optional<Duration> watchdog, Path perl) {
    this.program = program;
    this.watchdog = watchdog;
    this.perl = perl;
  }

  /**
   * @param environment this process's own
   * @param notifier finds {@code systemd-notify}; asked only where systemd listens
   */
  public static ServiceManager from(
      Map<String, String> environment, CommandCheck notifier, Path perl) {
    if (environment.getOrDefault("NOTIFY_SOCKET", "").isEmpty()) {
      return NONE;
    }
    Optional<Path> program = notifier.find();
    if (program.isEmpty()) {
      LOG.warn(
          "NOTIFY_SOCKET is set, but systemd cannot be notified cause={}",
          notifier.trouble().orElse("unknown"));
      return NONE;
    }
    return new ServiceManager(program, watchdog(environment), requireNonNull(perl));
  }

  private static Optional<Duration> watchdog(Map<String, String> environment) {
    String self = Long.toString(ProcessHandle.current().pid());
    if (!environment.getOrDefault("WATCHDOG_PID", self).equals(self)) {
      return Optional.empty();
    }
    return Optional.of(environment.getOrDefault("WATCHDOG_USEC", ""))
        .filter(micros -> micros.matches("[1-9]\\d{0,15}"))
        .map(micros -> Duration.of(Long.parseLong(micros), ChronoUnit.MICROS));
  }

  /** Whether it waits for notifications of this process. */
  public boolean listens() {
    return program.isPresent();
  }

  /** How long it waits for a sign of life before it restarts this process. */
  public Optional<Duration> watchdog() {
    return watchdog;
  }

  /** Sends facts as sd_notify(3) has them, without tabs and line breaks. */
  public synchronized void tell(String... facts) {
    if (program.isEmpty()) {
      return;
    }
    byte[] line = (String.join("\t", facts) + "\n").getBytes(UTF_8);
    try {
      write(line);
    } catch (IOException e) {
      relay = Optional.empty(); // It was killed.
      try {
        write(line);
      } catch (IOException again) {
        LOG.warn("cannot notify systemd cause={}", again.toString());
      }
    }
  }

  private void write(byte[] line) throws IOException {
    if (relay.isEmpty()) {
      relay = Optional.of(start());
    }
    OutputStream input = relay.get().getOutputStream();
    input.write(line);
    input.flush();
  }

  private Process start() throws IOException {
    return Perl.script(perl, RELAY, List.of(program.orElseThrow().toString()), Set.of())
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** Waits until all has been sent. */
  @Override
  public synchronized void close() {
    if (relay.isPresent()) {
      try {
        relay.get().getOutputStream().close();
      } catch (IOException e) {
        LOG.debug("the relay to systemd is gone", e);
      }
      relay.get().onExit().join();
    }
  }
}
