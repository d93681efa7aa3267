package com.cape.worker.host;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The interpreter of what the JVM cannot do itself. */
public final class Perl {
  /** What is said where there is none. */
  public static final String MISSING =
      "perl is missing, and each run is guarded by a Perl script; install it";

  // What Perl obeys (perlrun(1): ENVIRONMENT) is not for a script of ours, which finds it with this
  // before its name.
  private static final String OBEYED = "PERL";
  private static final String GIVEN = "CAPE_GIVEN_";

  private Perl() {}

  /** The system's own, or else the one on the search path, which may be anybody's. */
  public static Optional<Path> find(Path directory, String searchPath) {
    return new CommandCheck("/usr/bin/perl", directory, searchPath)
        .find()
        .or(() -> new CommandCheck("perl", directory, searchPath).find());
  }

  /**
   * A process that runs a script, without what its site adds to each.
   *
   * @param withheld names of this process's variables that it does not get
   */
  public static ProcessBuilder script(
      Path perl, String text, List<String> arguments, Set<String> withheld) {
    List<String> command = new ArrayList<>(List.of(perl.toString(), "-f", "-e", text, "--"));
    command.addAll(arguments);
    var builder = new ProcessBuilder(command);
    Map<String, String> environment = builder.environment();
    environment.keySet().removeAll(withheld);
    for (String name : List.copyOf(environment.keySet())) {
      if (name.startsWith(OBEYED)) {
        environment.put(GIVEN + name, environment.remove(name));
      }
    }
    return builder;
  }
}
