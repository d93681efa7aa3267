package com.cape.worker.cli.console;

import java.util.Objects;
import picocli.CommandLine.IVersionProvider;

/** Which release this is, as the JAR says. */
public final class Version implements IVersionProvider {
  /** Its number. */
  public static String number() {
    return Objects.requireNonNullElse(
        Version.class.getPackage().getImplementationVersion(), "development");
  }

  @Override
  public String[] getVersion() {
    return new String[] {
      "cape-worker " + number(),
      "Java %s, %s %s"
          .formatted(
              Runtime.version(), System.getProperty("os.name"), System.getProperty("os.arch"))
    };
  }
}
