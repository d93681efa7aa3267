package com.cape.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the script found on this machine and was asked for; it hands them over as properties.
 *
 * @param directory for logs and FIFOs
 * @param disk a folder beside the server's data
 * @param mark the external program
 * @param spawn the program that starts others from C
 * @param baseline the JAR of an earlier commit
 * @param node the folder of the Node programs
 */
record Settings(
    int port,
    Path directory,
    Path disk,
    Path jar,
    String mark,
    Optional<String> spawn,
    Optional<Path> baseline,
    Optional<Path> node,
    List<String> workerFlags,
    boolean quick,
    Optional<String> only,
    Path report,
    List<String> notes) {

  static Settings given() {
    return new Settings(
        Integer.parseInt(text("port").orElseThrow()),
        path("directory"),
        path("disk"),
        path("jar"),
        text("mark").orElseThrow(),
        text("spawn"),
        text("baseline").map(Path::of),
        text("node").map(Path::of),
        text("workerFlags").map(flags -> List.of(flags.split("\\s+"))).orElse(List.of()),
        Boolean.getBoolean("bench.quick"),
        text("only"),
        path("report"),
        text("notes").map(notes -> notes.lines().toList()).orElse(List.of()));
  }

  static Optional<String> text(String name) {
    return Optional.ofNullable(System.getProperty("bench." + name)).filter(text -> !text.isEmpty());
  }

  private static Path path(String name) {
    return Path.of(text(name).orElseThrow()).toAbsolutePath();
  }

  int times(int full, int quickly) {
    return quick ? quickly : full;
  }

  String url(String database) {
    return "postgresql://postgres@127.0.0.1:%d/%s".formatted(port, database);
  }
}
