package com.cape.worker.ending;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Outputs of tools, and what each is to be taken for. */
final class Corpus {
  /** When all of them ended. */
  static final Instant NOW = Instant.parse("2026-11-30T21:29:30Z");

  private static final Path FOLDER = Path.of("src/test/resources/com/cape/worker/ending/corpus");

  private Corpus() {}

  record Entry(
      String file,
      OptionalInt exit,
      Optional<String> kind,
      Optional<String> rule,
      Optional<Instant> until,
      Optional<String> cause) {

    String text() {
      try {
        return Files.readString(FOLDER.resolve(file));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public String toString() {
      return file;
    }
  }

  static List<Entry> entries() throws IOException {
    return Files.readAllLines(FOLDER.resolve("INDEX.tsv")).stream()
        .skip(1)
        .map(line -> line.split("\t"))
        .map(
            cells ->
                new Entry(
                    cells[0],
                    OptionalInt.of(Integer.parseInt(cells[1])),
                    cell(cells[2]),
                    cell(cells[3]),
                    cell(cells[4]).map(Instant::parse),
                    cell(cells[5])))
        .toList();
  }

  private static Optional<String> cell(String text) {
    return Optional.of(text).filter(value -> !value.equals("-"));
  }

  /** The files that are there, by their names in the index. */
  static List<String> files() throws IOException {
    try (var all = Files.walk(FOLDER)) {
      return all.filter(Files::isRegularFile)
          .map(file -> FOLDER.relativize(file).toString())
          .filter(name -> name.contains("/"))
          .sorted()
          .toList();
    }
  }
}
