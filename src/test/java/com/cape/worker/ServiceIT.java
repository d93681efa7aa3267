package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.Repeats;
import com.cape.worker.testing.SystemdMachine;
import com.cape.worker.testing.TestDatabase;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The worker as scripts/install-worker.sh installs it, on a real systemd. */
@Tag("service")
@Timeout(180)
class ServiceIT {
  private static final int INSTALLS = Repeats.of(2, 20);
  private static final String INSTALLER =
      Path.of("scripts/install-worker.sh").toAbsolutePath().toString();
  private static final Duration LIMIT = Duration.ofSeconds(30);
  // Each run waits for its file, unless its description says otherwise.
  private static final String WORKFLOW =
      """
      #!/bin/bash
      case $2 in
        tools)
          node -e 'let x = 0; for (let i = 0; i < 1e7; i++) x += i; console.log("node " + x)'
          git init -q "$HOME/checkout" && echo git works
          "$JAVA" -version 2>&1
          ;;
        *)
          before=$(mktemp) || exit 3
          until [ -e "/tmp/go/$2" ]; do sleep 0.05; done
          [ -e "$before" ] && mktemp -d || exit 4
          ;;
      esac
      """;

  // Where what the tests plant would lead.
  private static final String ROOTS =
      "ls -A /root; ls -l --full-time /root/victim; cat /root/victim";

  @TempDir private static Path directory;
  private static SystemdMachine machine;

  private final TestDatabase database = TestDatabase.create();
  private String id;

  @BeforeAll
  static void boot() throws IOException {
    machine = SystemdMachine.boot(directory);
    machine.script(
        """
        useradd --create-home --shell /bin/bash cape
        mkdir -m 1777 /tmp/go
        printf %s "$1" >/usr/local/bin/cape-adw
        chmod 755 /usr/local/bin/cape-adw
        """,
        WORKFLOW);
  }

  @AfterAll
  static void end() {
    if (machine != null) {
      machine.close();
    }
  }

  @AfterEach
  void stop() {
    machine.run("systemctl", "stop", "--no-block", service());
    machine.run("systemctl", "kill", "--signal=KILL", service());
    uninstall();
  }

  @BeforeEach
  void settings(TestInfo test) {
    id = test.getTestMethod().orElseThrow().getName().substring(0, 12);
    settings(database.url());
    machine.script(
        """
        mkdir "/etc/systemd/system/cape-worker-$1.service.d"
        printf '[Service]\\nRestartSec=1\\nWatchdogSec=4\\nPrivateTmp=no\\n' \\
          >"/etc/systemd/system/cape-worker-$1.service.d/test.conf"
        """,
        id);
  }

  private void settings(String url) {
    machine.script(
        """
        umask 077
        printf 'CAPE_DATABASE_URL=%s\\nCAPE_RETRY_DELAY=1\\nCAPE_GRACE=1\\nJAVA=%s\\n' "$1" "$JAVA_HOME/bin/java" \\
          >/root/settings
        """,
        url);
  }

  @Test
  void installedWorkerClaimsWithinFiveSecondsAndHasWhatWorkflowsNeed() {
    String prefix = "/srv/it's \"100%\" R&D $HOME";
    insert("tools");
    Instant start = Instant.now();
    install("--prefix", prefix, "--", "--poll-interval", "1");
    awaitIssue("completed", Duration.ofSeconds(5));
    String claimed =
        database.value("SELECT extract(epoch FROM min(started_at)) FROM cape_issue_attempts");
    System.out.printf(
        "installer called to first claim: %.1f s%n",
        Double.parseDouble(claimed) - start.toEpochMilli() / 1000.0);
    String output = machine.script("cat \"$1\"/workers/$2/logs/issues/1/*.log", prefix, id);
    assertTrue(output.contains("node 49999995000000"), output);
    assertTrue(output.contains("git works"), output);
    assertTrue(output.contains("version \""), output);

    awaitStatus("idle");
    assertEquals("600 cape", machine.script("stat -c '%a %U' \"$1/workers/$2/.env\"", prefix, id));
    String log = machine.script("cat \"$1/workers/$2/logs/worker_$2.log\"", prefix, id);
    assertTrue(log.contains("workflow started"), log);
    assertEquals("", machine.script("cat \"$1/workers/$2/logs/worker_$2_stderr.log\"", prefix, id));

    String unit = "/etc/systemd/system/" + service();
    assertEquals("", machine.ask("systemd-analyze", "verify", unit));
    String rated = machine.ask("systemd-analyze", "security", "--offline=true", unit);
    double exposure = Double.parseDouble(rated.replaceAll("(?s).*service: ([0-9.]+) .*", "$1"));
    System.out.println("exposure by systemd-analyze security: " + exposure);
    assertTrue(exposure <= 5.0, rated);

    String before = files(prefix);
    String again = install("--", "--poll-interval", "1");
    assertTrue(again.contains("nothing to change"), again);
    assertEquals(before, files(prefix));
  }

  @Test
  void killedWorkerIsRestartedAndItsRunGoesOn() {
    String pid = running("killed");
    Instant killed = Instant.now();
    machine.ask("kill", "-KILL", pid);
    awaitProperty("NRestarts", "1");
    awaitAdopted();
    // Restarts are a second apart here.
    System.out.printf(
        "from the kill to the adoption under systemd: %.1f s%n",
        Duration.between(killed, Instant.now()).toMillis() / 1000.0);
    assertRunCompletes("killed", pid);
  }

  @Test
  void frozenWorkerIsRestartedByTheWatchdogAndItsRunGoesOn() {
    String pid = running("frozen");
    machine.ask("kill", "-STOP", pid);
    awaitProperty("NRestarts", "1");
    awaitAdopted();
    assertRunCompletes("frozen", pid);
  }

  @Test
  void restartOfTheServiceHandsTheRunOver() {
    String pid = running("restarted");
    machine.ask("systemctl", "restart", service());
    awaitAdopted();
    assertRunCompletes("restarted", pid);
  }

  @Test
  void restartCommandHandsTheRunOver() {
    String pid = running("asked");
    String said =
        machine.script(
            "cd /opt/cape-worker/workers/$1 && \"$JAVA_HOME/bin/java\" -jar \"$2\" restart \"$1\"",
            id,
            WorkerProcess.JAR.toString());
    assertTrue(said.contains("leaves its runs to its next process"), said);
    awaitProperty("NRestarts", "1");
    awaitAdopted();
    assertRunCompletes("asked", pid);
  }

  /** Starts a run in the service, and answers the worker's pid. */
  private String running(String description) {
    insert(description);
    install();
    awaitIssue("started", LIMIT);
    awaitStatus("running issue 1");
    return pid();
  }

  private void awaitAdopted() {
    await()
        .atMost(LIMIT)
        .until(() -> database.value("SELECT adoptions FROM cape_issue_attempts").equals("1"));
    awaitStatus("running issue 1");
  }

  /** In another process than before, as the same attempt; a stop then leaves nobody and nothing. */
  private void assertRunCompletes(String description, String pid) {
    assertNotEquals(pid, pid());
    go(description);
    awaitIssue("completed", LIMIT);
    assertEquals(
        "1 completed 0",
        database.value(
            "SELECT concat_ws(' ', attempt, outcome, exit_code) FROM cape_issue_attempts"));
    machine.ask("systemctl", "stop", service());
    assertEquals("0", property("ExecMainStatus"));
    assertEquals("0", machine.script("ps --no-headers -u cape | wc -l"));
    assertEquals("0", machine.script("ls -A /opt/cape-worker/workers/$1/tmp | wc -l", id));
  }

  @Test
  void stopInTheMiddleOfARunDrains() throws Exception {
    insert("stopped");
    insert("not claimed");
    install();
    awaitIssue("started", LIMIT);
    CompletableFuture<String> stop =
        CompletableFuture.supplyAsync(() -> machine.ask("systemctl", "stop", service()));
    awaitStatus("draining, running issue 1");
    assertFalse(stop.isDone());
    go("stopped");
    stop.get(30, TimeUnit.SECONDS);
    assertEquals("completed,pending", statuses());
    assertEquals("inactive", property("ActiveState"));
    assertEquals("0", property("ExecMainStatus"));
    assertEquals("0", property("NRestarts"));
  }

  @Test
  void upgradeStartsTheNewJarAndTheRunGoesOn() throws Exception {
    String pid = running("upgraded");
    Path jar = Files.copy(WorkerProcess.JAR, directory.resolve("new.jar"));
    try (FileSystem zip = FileSystems.newFileSystem(jar)) {
      Files.writeString(zip.getPath("marker"), "another release");
    }
    copyIn(jar, "/root/new.jar");
    String said = install("--jar", "/root/new.jar");
    assertTrue(said.contains("restarting on the new files"), said);
    awaitProperty("NRestarts", "1");
    awaitAdopted();
    String open =
        machine.script("ls -l /proc/$1/fd | grep -o 'cape-worker-[^ ]*jar' | sort -u", pid());
    assertEquals(
        machine.ask("readlink", "/opt/cape-worker/cape-worker.jar").replace("lib/", ""), open);
    assertRunCompletes("upgraded", pid);
  }

  @Test
  void wrongSettingIsNotTriedAgain() {
    install();
    machine.script("echo CAPE_LEASE=1 >>/opt/cape-worker/workers/$1/.env", id);
    assertNotEquals(0, machine.run("systemctl", "restart", service()).exitCode());
    assertEquals("failed", property("ActiveState"));
    assertEquals("78", property("ExecMainStatus"));
    assertEquals("0", property("NRestarts"));
  }

  @Test
  void databaseThatIsAwayIsAStatusAndNoFailure() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    settings(database.url().replaceFirst(":\\d+/", ":" + port + "/"));
    install();
    awaitStatus("waiting for the database");
    assertEquals("active", property("ActiveState"));
    assertEquals("0", property("NRestarts"));
    machine.ask("systemctl", "stop", service());
    assertEquals("0", property("ExecMainStatus"));
  }

  @Test
  void installsAndUninstallsLeaveSettingsAndLogs() {
    String prefix = "/srv/again";
    machine.ask("mkdir", prefix);
    String empty = files(prefix);
    String left = "";
    for (int round = 0; round < INSTALLS; round++) {
      install("--prefix", prefix);
      assertEquals("active", property("ActiveState"));
      uninstall("--prefix", prefix);
      left = machine.script("cd \"$1/workers/$2\"; find . -type f | sort", prefix, id);
      assertEquals(
          "./.env ./logs/worker_$.log ./logs/worker_$_stderr.log ./logs/worker_$_stdout.log"
              .replace("$", id)
              .replace(" ", "\n"),
          left);
    }
    uninstall("--prefix", prefix, "--purge");
    machine.ask("mkdir", prefix); // An empty one is removed as well.
    assertEquals(timeless(empty), timeless(files(prefix)));
  }

  @Test
  void whatAWorkflowPlantsLeadsRootNowhere() {
    install();
    machine.script("cp /root/settings /root/victim");
    String before = machine.script(ROOTS);
    machine.script(
        """
            cd "/opt/cape-worker/workers/$1"
            cape() { setpriv --reuid cape --regid cape --init-groups "$@"; }
            cape ln -s /root/victim .env.new
            cape ln -s /root/new .cape-install
            for stream in stdout stderr; do
              cape rm "logs/worker_$1_$stream.log"
              cape ln -s /root/new "logs/worker_$1_$stream.log"
            done
            cape mkdir -p /home/cape/.local/bin
            echo 'PATH=$HOME/.local/bin:$PATH' | cape tee /home/cape/.profile
            printf '#!/bin/bash\nid -un >>/tmp/go/java\nexec %s "$@"\n' "$JAVA_HOME/bin/java" |
              cape tee /home/cape/.local/bin/java
            cape chmod 755 /home/cape/.local/bin/java
            """,
        id);

    // Its output is opened as its user, who has no way there.
    var broken =
        machine.run("env", "-u", "JAVA_HOME", INSTALLER, id, "--now", "--", "--poll-interval", "1");
    assertEquals(1, broken.exitCode(), broken.output());
    assertTrue(broken.output().contains("does not start"), broken.output());
    machine.script("rm /opt/cape-worker/workers/$1/logs/worker_$1_std*.log", id);
    machine.ask("env", "-u", "JAVA_HOME", INSTALLER, id, "--", "--poll-interval", "1");
    awaitStatus("idle");
    assertEquals("cape", machine.script("sort -u /tmp/go/java; rm -r /home/cape/.local"));

    // Nor are root's own files read to become its settings.
    machine.script(
        """
        cd "/opt/cape-worker/workers/$1"
        rm .env
        setpriv --reuid cape --regid cape --init-groups ln -s /root/victim .env
        """,
        id);
    var read = machine.run(INSTALLER, id);
    assertEquals(78, read.exitCode(), read.output());
    assertTrue(read.output().contains(".env, the settings, cannot be read"), read.output());

    machine.script(
        "setpriv --reuid cape --regid cape --init-groups ln -s /root /opt/cape-worker/workers/$1/out",
        id);
    uninstall("--purge");
    assertEquals(before, machine.script(ROOTS));
    assertEquals("", machine.script("find /opt -path \"*/$1*\"", id));

    machine.script("mkdir /home/cape/root; ln -s /home/cape/root /srv/link");
    for (String prefix : List.of("/srv/link/x", "/tmp/x")) {
      var theirs = machine.run(INSTALLER, id, "--run-as", "cape", "--prefix", prefix);
      assertEquals(78, theirs.exitCode(), theirs.output());
      assertTrue(theirs.output().contains("choose a --prefix that is root's alone"));
    }
  }

  @Test
  void diskThatIsFullOrReadOnlyIsToldAndTheNextRunFinishes() {
    machine.script("mkdir /srv/small; mount -t tmpfs -o size=1m,mode=755,ro tmpfs /srv/small");
    try {
      String[] arguments = {
        INSTALLER, id, "--run-as", "cape", "--env-file", "/root/settings", "--prefix", "/srv/small"
      };
      var readOnly = machine.run(arguments);
      assertEquals(78, readOnly.exitCode(), readOnly.output());
      assertTrue(readOnly.output().contains("root may not write to /srv/small"), readOnly.output());
      machine.ask("mount", "-o", "remount,rw", "/srv/small");
      var full = machine.run(arguments);
      assertEquals(1, full.exitCode(), full.output());
      assertTrue(full.output().contains("No space left on device"), full.output());
      assertTrue(full.output().contains("mend that, and run this again"), full.output());
      assertEquals(
          "",
          machine.script(
              "find /srv/small /etc/systemd/system -name '*.new' -o -name '*.jar' -o -name \"$1\"",
              service()));
      machine.ask("mount", "-o", "remount,size=64m", "/srv/small");
      machine.ask(arguments);
      assertEquals("active", property("ActiveState"));
      uninstall("--purge");
    } finally {
      machine.run("umount", "--lazy", "/srv/small");
    }
  }

  @Test
  void userServiceRunsUnderAManagerOfItsUser() {
    machine.script(
        """
        useradd --create-home --shell /bin/bash own
        home=/home/own
        mkdir -p "$home/project/target" "$home/.config/systemd/user/cape-worker-$1.service.d"
        cp -r "$2/scripts" "$2/daemons" "$home/project"
        cp "$2/target/cape-worker.jar" "$home/project/target"
        cp /root/settings "$home/project/.env"
        cp "/etc/systemd/system/cape-worker-$1.service.d/test.conf" \
          "$home/.config/systemd/user/cape-worker-$1.service.d"
        chown -R own: "$home"
        # As logind and its PAM module do for whoever logs in or lingers; they are not here.
        cd /etc/systemd/system
        mkdir user@.service.d
        printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' >user@.service.d/test.conf
        printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=%s\n' \
          '/usr/bin/install -d -o %i -m 700 /run/user/%i' >user-runtime-dir@.service
        systemctl daemon-reload
        systemctl start "user@$(id -u own).service"
        """,
        id, Path.of("").toAbsolutePath().toString());
    insert("own");
    String installed = own("scripts/install-worker.sh", id);
    assertTrue(installed.contains(id + " is started"), installed);
    awaitIssue("started", LIMIT);
    awaitOwn("Status: \"running issue 1");
    String pid = own("systemctl", "--user", "show", "--value", "--property=MainPID", service());
    assertEquals("own", machine.ask("stat", "-c", "%U", "/proc/" + pid));
    machine.ask("kill", "-KILL", pid);
    go("own");
    awaitIssue("completed", LIMIT);
    awaitOwn("Status: \"idle");
    assertEquals(
        "1", own("systemctl", "--user", "show", "--value", "--property=NRestarts", service()));
    assertTrue(own("scripts/install-worker.sh", id).contains("nothing to change"));
    own("scripts/install-worker.sh", id, "--uninstall", "--purge");
    assertEquals(
        "", machine.script("find /home/own/.local /home/own/.config -type f -not -name test.conf"));
    machine.script("systemctl stop user@$(id -u own).service");
  }

  // As in a Kubernetes pod with runAsUser and an emptyDir. The worker is in a pid namespace here.
  @Test
  void userWithoutANameWorksOnAVolumeThatAllMayWriteTo() {
    insert("nothing");
    String output =
        machine.script(
            """
            mkdir "/my volume" && mount -t tmpfs -o mode=777 none "/my volume" && cd "/my volume"
            cp "$2" worker.jar
            CAPE_DATABASE_URL=$1 setpriv --reuid 61061 --regid 61061 --clear-groups \
              "$JAVA_HOME/bin/java" -jar worker.jar --worker-id pod --command true --exit-when-idle
            stat -c %u logs/issues/1
            """,
            database.url(), WorkerProcess.JAR.toString());
    assertTrue(output.endsWith("61061"), output);
    awaitIssue("completed", LIMIT);
  }

  private static String own(String... command) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "bash",
                "-euc",
                """
                cd /home/own/project
                exec setpriv --reuid own --regid own --init-groups \
                  env HOME=/home/own XDG_RUNTIME_DIR="/run/user/$(id -u own)" "$@"
                """,
                "own"));
    words.addAll(List.of(command));
    return machine.run(words.toArray(String[]::new)).output().strip();
  }

  private void awaitOwn(String line) {
    await(line)
        .atMost(LIMIT)
        .until(() -> own("systemctl", "--user", "status", service()).contains(line));
  }

  private String install(String... options) {
    return installer(List.of("--run-as", "cape", "--env-file", "/root/settings"), options);
  }

  private void uninstall(String... options) {
    installer(List.of("--uninstall"), options);
  }

  private String installer(List<String> always, String... options) {
    List<String> words = new ArrayList<>(List.of(INSTALLER, id));
    words.addAll(always);
    words.addAll(List.of(options));
    return machine.ask(words.toArray(String[]::new));
  }

  /** All that an installation changes, and when each was changed last, but for its logs. */
  private static String files(String prefix) {
    return machine.script(
        """
        find "$1" /etc/systemd/system /home -not -path '*/logs*' -printf '%p %t\\n' | sort
        systemctl list-units --all --plain --no-legend 'cape-worker-*'
        """,
        prefix);
  }

  private static String timeless(String files) {
    return files.replaceAll(" \\w{3} \\w{3} .*", "");
  }

  private void insert(String description) {
    if (database.value("SELECT to_regclass('cape_issues')").equals("null")) {
      new com.cape.worker.store.schema.Migrator(database.dataSource()).migrate();
    }
    database.execute("INSERT INTO cape_issues (description) VALUES ('" + description + "')");
  }

  private static void go(String description) {
    machine.script("touch \"/tmp/go/$1\"", description);
  }

  private static void copyIn(Path file, String to) throws IOException {
    Path shared = WorkerProcess.JAR.resolveSibling("service-it.jar");
    Files.move(file, shared, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    machine.ask("cp", shared.toString(), to);
    Files.delete(shared);
  }

  private String service() {
    return "cape-worker-" + id + ".service";
  }

  private String property(String name) {
    return machine.ask("systemctl", "show", "--value", "--property=" + name, service());
  }

  private String pid() {
    return property("MainPID");
  }

  private void awaitProperty(String name, String expected) {
    await(name + " " + expected).atMost(LIMIT).until(() -> property(name), expected::equals);
  }

  private void awaitStatus(String line) {
    await(line)
        .atMost(LIMIT)
        .until(
            () ->
                machine
                    .run("systemctl", "status", service())
                    .output()
                    .contains("Status: \"" + line));
  }

  private void awaitIssue(String status, Duration limit) {
    await(status).atMost(limit).until(() -> statuses(), all -> all.startsWith(status));
  }

  private String statuses() {
    return database.value("SELECT string_agg(status, ',' ORDER BY id) FROM cape_issues");
  }
}
