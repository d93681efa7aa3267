package com.cape.worker.ending;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The shipped rules and the outputs of real tools. */
class CorpusTest {
  private static final EndingRules RULES = EndingRules.shipped();

  static List<Corpus.Entry> entries() throws IOException {
    return Corpus.entries();
  }

  @ParameterizedTest
  @MethodSource("entries")
  void outputIsTakenForWhatItIs(Corpus.Entry entry) {
    Optional<Verdict> verdict = RULES.judge(entry.exit(), entry.text(), Corpus.NOW, ZoneOffset.UTC);
    assertEquals(entry.rule(), verdict.map(Verdict::rule));
    assertEquals(entry.kind(), verdict.map(found -> found.kind().word()));
    assertEquals(entry.until(), verdict.flatMap(Verdict::until));
    assertEquals(entry.cause(), OutputCause.of(entry.text()));
    assertTrue(verdict.filter(found -> found.line().isBlank()).isEmpty());
  }

  @Test
  void localeOfTheJvmChangesNothing() throws IOException {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag("tr-TR"));
    try {
      EndingRules rules = EndingRules.shipped();
      for (Corpus.Entry entry : Corpus.entries()) {
        assertEquals(
            entry.until(),
            rules
                .judge(entry.exit(), entry.text(), Corpus.NOW, ZoneOffset.UTC)
                .flatMap(Verdict::until),
            entry.file());
      }
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void eachRuleHasAnOutputThatItMatches() throws IOException {
    Set<String> matched =
        Corpus.entries().stream()
            .flatMap(entry -> entry.rule().stream())
            .collect(Collectors.toSet());
    List<String> unmatched =
        RULES.names().stream().filter(name -> !matched.contains(name)).toList();
    assertEquals(List.of(), unmatched);
  }

  @Test
  void eachFileStandsInTheIndex() throws IOException {
    assertEquals(
        Corpus.files(), Corpus.entries().stream().map(Corpus.Entry::file).sorted().toList());
  }
}
