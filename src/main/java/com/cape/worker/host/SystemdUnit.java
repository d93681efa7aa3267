package com.cape.worker.host;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The systemd service that a worker runs in. */
public final class SystemdUnit {
  private static final Pattern NAME = Pattern.compile("/(cape-worker-[^/\\n]+[.]service)");

  private SystemdUnit() {}

  /**
   * The name of a process's service, if systemd ends the worker's runs together with the worker: an
   * earlier installer wrote such units.
   *
   * @param process its folder in /proc
   */
  public static Optional<String> thatEndsRuns(Path process) throws IOException {
    String controlGroup = Files.readString(process.resolve("cgroup"));
    Matcher unit = NAME.matcher(controlGroup);
    if (!unit.find()) {
      return Optional.empty();
    }
    List<String> words = new ArrayList<>(List.of("systemctl"));
    if (controlGroup.contains("/user@")) {
      words.add("--user");
    }
    words.addAll(List.of("show", "--property=KillMode,PrivateTmp", unit.group(1)));
    Process show = new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String shown = new String(show.getInputStream().readAllBytes(), UTF_8);
    boolean endsAll = shown.contains("KillMode=") && !shown.contains("KillMode=process");
    return Optional.of(unit.group(1)).filter(any -> endsAll || shown.contains("PrivateTmp=yes"));
  }
}
