package com.cape.worker.config;

import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Which variables are the worker's alone. */
final class Withheld {
  private static final Set<String> SECRETS =
      Set.of("CAPE_DATABASE_URL", "CAPE_LISTEN_URL", "PGPASSWORD", "CAPE_HTTP_TOKEN");
  // Set by systemd for the service itself (systemd.exec(5), sd_notify(3)), or for this JVM.
  private static final Pattern FOR_THE_WORKER =
      Pattern.compile(
          "NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*|INVOCATION_ID|JOURNAL_STREAM|CREDENTIALS_DIRECTORY"
              + "|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS");

  private Withheld() {}

  /**
   * Picks the names that a workflow does not get.
   *
   * @param databaseVariable where the connection was taken from; empty for an option
   */
  static Set<String> of(Collection<String> names, String databaseVariable, Set<String> passed) {
    return names.stream()
        .filter(
            name ->
                SECRETS.contains(name)
                    || name.equals(databaseVariable)
                    || FOR_THE_WORKER.matcher(name).matches())
        .filter(name -> !passed.contains(name))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
