package com.cape.worker.cli;

import com.cape.worker.config.CommandTemplate;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.host.CommandCheck;
import com.cape.worker.host.DefaultCommand;
import com.cape.worker.host.Machine;
import com.cape.worker.host.Perl;
import com.cape.worker.host.SystemdUnit;
import com.cape.worker.host.TrustedPath;
import com.cape.worker.store.read.Overview;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/** What {@code doctor} looks at on this host. */
final class HostCheck {
  private static final long SCARCE_BYTES = 1L << 30;
  private static final String PATH = "PATH=";

  private final Findings findings;

  HostCheck(Findings findings) {
    this.findings = findings;
  }

  void java() {
    findings.ok("java", "%s in %s".formatted(Runtime.version(), System.getProperty("java.home")));
  }

  void encoding() {
    String locale = System.getProperty("sun.jnu.encoding", "unknown");
    findings.okOrWarning(
        locale.equals("UTF-8"),
        "encoding",
        "the locale's is UTF-8",
        "the locale's is %s: workflows get every byte all the same, but options cannot hold other characters; set LANG=C.UTF-8"
            .formatted(locale));
  }

  /** Perl, the command and its directory, with the PATH that a worker started here would have. */
  void command(WorkerConfig.Command command, Map<String, String> environment) {
    String searchPath = command.searchPath(environment);
    Path directory = command.workingDir();
    if (!Files.isDirectory(directory)) {
      findings.failed(
          "directory", "%s does not exist; create it, or set --working-dir".formatted(directory));
      return;
    }
    if (!Files.isExecutable(directory)) {
      findings.failed(
          "directory",
          "%s cannot be entered by this user; change its mode, or set --working-dir"
              .formatted(directory));
      return;
    }
    findings.ok("directory", directory.toString());
    Perl.find(directory, searchPath)
        .ifPresentOrElse(
            path -> findings.ok("perl", path.toString()),
            () -> findings.failed("perl", Perl.MISSING));
    CommandTemplate template = resolve("command", command, directory, searchPath);
    if (template.takesDescriptionForOption()) {
      findings.warning(
          "command",
          "a description that begins with - could be read as an option; put -- before {description}");
    }
  }

  private CommandTemplate resolve(
      String check, WorkerConfig.Command command, Path directory, String searchPath) {
    CommandTemplate template =
        command.template().orElseGet(() -> DefaultCommand.in(directory, searchPath));
    var found = new CommandCheck(template.program(), directory, searchPath);
    found
        .trouble()
        .ifPresentOrElse(
            trouble -> findings.failed(check, trouble + "; mend that, or set --command"),
            () ->
                findings.ok(
                    check,
                    "%s is %s"
                        .formatted(template.program(), found.find().orElseThrow().normalize())));
    return template;
  }

  /** The same with the PATH and the directory of a worker that runs on this host. */
  void serviceCommand(WorkerConfig.Command command, Overview.Worker worker) {
    if (!worker.host().equals(Machine.hostName())) {
      return;
    }
    Path process = Path.of("/proc", Long.toString(worker.pid()));
    try {
      SystemdUnit.thatEndsRuns(process)
          .ifPresent(
              unit ->
                  findings.warning(
                      "service of " + worker.id(),
                      "a crash or a restart of the worker ends its runs: %s is of an older installer; call scripts/install-worker.sh again"
                          .formatted(unit)));
      String environment =
          Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1);
      Path directory = process.resolve("cwd").toRealPath();
      Arrays.stream(environment.split("\0"))
          .filter(variable -> variable.startsWith(PATH))
          .map(variable -> variable.substring(PATH.length()))
          .findFirst()
          .ifPresent(
              searchPath -> resolve("command of " + worker.id(), command, directory, searchPath));
    } catch (IOException e) {
      // Another user's, gone, or no /proc.
    }
  }

  /** Whether a directory is there, or can be made, is safe from other users, and has room. */
  void directory(String check, Path directory) {
    Optional<String> untrusted = TrustedPath.trouble(directory);
    if (untrusted.isPresent()) {
      findings.failed(check, untrusted.get());
      return;
    }
    Path there = directory;
    while (Files.notExists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    if (!Files.isDirectory(there) || !Files.isWritable(there)) {
      findings.failed(
          check,
          "%s cannot be written by this user; change its owner, or set another".formatted(there));
      return;
    }
    try {
      long free = Files.getFileStore(there).getUsableSpace();
      String text = "%s, %,d MiB free".formatted(directory, free >> 20);
      findings.okOrWarning(
          free >= SCARCE_BYTES, check, text, text + ": a run may print 50 MiB; make room");
    } catch (IOException e) {
      findings.warning(check, "%s: its free space cannot be read: %s".formatted(directory, e));
    }
  }
}
