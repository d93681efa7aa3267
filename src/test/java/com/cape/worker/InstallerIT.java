package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.testing.Skip;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The bats tests of scripts/install-worker.sh, and what shellcheck has to say. */
@Tag("service")
@Timeout(330)
class InstallerIT {
  @TempDir private Path directory;

  @Test
  void installerPassesItsTests() throws Exception {
    for (String tool : List.of("bats", "python3", "systemd-analyze", "unshare")) {
      if (!isThere(tool)) {
        Skip.because("no %s on this host (apt-get install bats python3 systemd)".formatted(tool));
      }
    }
    List<String> command = new ArrayList<>();
    if (System.getProperty("user.name").equals("root")) {
      // The installer asks who it is: here, one who is not root.
      command.addAll(List.of("unshare", "--user", "--map-user=1", "--map-group=1"));
    }
    command.addAll(List.of("bats", "src/test/bats/install-worker.bats"));
    run(command);
  }

  @Test
  void scriptsPassShellcheck() throws Exception {
    if (!isThere("shellcheck")) {
      Skip.because("no shellcheck on this host (apt-get install shellcheck)");
    }
    run(List.of("shellcheck", "scripts/install-worker.sh", "src/test/systemd/machine.sh"));
  }

  private void run(List<String> command) throws Exception {
    Path output = directory.resolve("output");
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.redirectOutput(output.toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("TMPDIR", directory.toString());
    Process process = builder.start();
    process.waitFor(300, TimeUnit.SECONDS);
    process.destroy();
    assertEquals(0, process.waitFor(), () -> read(output));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }

  private static boolean isThere(String tool) {
    return Stream.of(System.getenv("PATH").split(":"))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, tool)));
  }
}
