package com.cape.worker.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A PgBouncer in transaction mode in front of a server, all its other settings as it ships but for
 * a smaller pool. It takes any password, and knows every role that the server knows. It ends with
 * this JVM, however that ends.
 */
public final class PgBouncer {
  private static final Path INSTALLED = Path.of("/usr/sbin/pgbouncer");
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final String NOBODY = "65534";

  // Every test has a database, and with it a pool, of its own: what is idle makes room soon.
  private static final String SETTINGS =
      """
      [databases]
      * = host=%s port=%d auth_user=%s
      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = %d
      unix_socket_dir =
      auth_type = trust
      auth_file = %s
      pool_mode = transaction
      default_pool_size = 5
      max_client_conn = 200
      server_idle_timeout = 5
      """;

  private PgBouncer() {}

  /**
   * The program: the one that {@code -Dcape.test.pgbouncer} names, else the one that is installed.
   */
  public static Optional<Path> program() {
    return named().or(() -> Optional.of(INSTALLED).filter(Files::isExecutable));
  }

  /** Skips the test where there is none, and says so. */
  public static void require() {
    if (program().isEmpty()) {
      Skip.because("no PgBouncer on this host (apt-get install pgbouncer)");
    }
  }

  /** The program that every database of the tests is to be reached through. */
  static Optional<Path> named() {
    return Optional.ofNullable(System.getProperty("cape.test.pgbouncer")).map(Path::of);
  }

  /** Starts one and answers its port. */
  static int start(Path program, PGSimpleDataSource server) {
    try {
      int port = freePort();
      // Readable for the user it runs as: it refuses to be root.
      Path directory = Files.createTempDirectory("cape-pgbouncer");
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
      Path users = directory.resolve("users.txt");
      Files.writeString(users, "\"%s\" \"%s\"\n".formatted(server.getUser(), password(server)));
      Path settings = directory.resolve("pgbouncer.ini");
      Files.writeString(
          settings,
          SETTINGS.formatted(
              server.getServerNames()[0],
              server.getPortNumbers()[0],
              server.getUser(),
              port,
              users));
      Path log = directory.resolve("log.txt");
      // In the opposite order.
      for (Path made : List.of(directory, users, settings, log)) {
        made.toFile().deleteOnExit();
      }
      Process process = launch(program, settings, log);
      await("PgBouncer, " + log)
          .atMost(LIMIT)
          .pollInterval(Duration.ofMillis(20))
          .until(() -> accepts(port) || !process.isAlive());
      if (!process.isAlive()) {
        throw new IllegalStateException(program + " ended: " + Files.readString(log));
      }
      return port;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Its input ends with this JVM.
  private static final String UNTIL_END_OF_INPUT =
      """
      exec 3<&0
      "$@" 3<&- &
      { read -r <&3; kill $!; } &
      wait %1
      kill %2
      """;

  private static Process launch(Path program, Path settings, Path log) throws IOException {
    List<String> command =
        new ArrayList<>(List.of("bash", "-c", UNTIL_END_OF_INPUT, "cape-pgbouncer"));
    if (System.getProperty("user.name").equals("root")) {
      command.addAll(
          List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups"));
    }
    command.addAll(List.of(program.toString(), settings.toString()));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  private static String password(PGSimpleDataSource server) {
    return server.getPassword() == null ? "" : server.getPassword();
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static boolean accepts(int port) {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }
}
