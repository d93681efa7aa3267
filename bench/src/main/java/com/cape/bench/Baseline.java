package com.cape.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The store of an earlier JAR, in a JVM of its own; its program is bench/baseline/OldCycles.java.
 */
final class Baseline implements AutoCloseable {
  static final String COMMIT = "48e19fd";

  private final Process process;
  private final BufferedReader answers;

  Baseline(Path jar, String url, int clients) throws IOException {
    this.process =
        new ProcessBuilder(
                Contender.java(),
                "-cp",
                jar + ":bench/src/main/resources", // its logging
                "bench/baseline/OldCycles.java",
                url,
                "" + clients)
            .redirectError(Redirect.INHERIT)
            .start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    this.answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** Brings the database to that JAR's schema. */
  static void migrate(Path jar, String url) throws IOException, InterruptedException {
    var builder =
        new ProcessBuilder(
            Contender.java(), "-jar", jar.toString(), "migrate", "--env-file", "/dev/null");
    builder.environment().put("CAPE_DATABASE_URL", url);
    if (builder.redirectErrorStream(true).redirectOutput(Redirect.DISCARD).start().waitFor() != 0) {
      throw new IllegalStateException("the JAR of " + COMMIT + " cannot migrate " + url);
    }
  }

  /** Cycles a second. */
  double rate(int seconds) throws IOException {
    process.getOutputStream().write((seconds + "\n").getBytes(StandardCharsets.UTF_8));
    process.getOutputStream().flush();
    String answer = answers.readLine();
    if (answer == null) {
      throw new IllegalStateException("the program of " + COMMIT + " ended");
    }
    return Double.parseDouble(answer);
  }

  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    process.onExit().join();
  }
}
