package com.cape.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandTemplateTest {
  @Test
  void wordsAreSplitAsAShellSplitsThem() {
    assertEquals(
        List.of("p", "a b", "c\"d", "e f", "", "\\x", "g'h"),
        expand("p 'a b' c\\\"d \"e f\" '' \"\\x\" g\\'h", "text"));
  }

  @Test
  void whatAPlaceholderBringsIsNotExpandedAgain() {
    assertEquals(
        List.of("p", "--id=42", "{id} $1 \\"), expand("p --id={id} {description}", "{id} $1 \\"));
  }

  @Test
  void descriptionThatLooksLikeAnOptionIsFenced() {
    assertEquals(List.of("p", "42", "--", "--help"), expand("p {id} {description}", "--help"));
    assertEquals(List.of("p", "--help"), expand("p {description}", "--help"));
  }

  @Test
  void longDescriptionBecomesAPointer() {
    String longest = "x".repeat(100_000);
    assertEquals(longest, expand("p {id} {description}", longest).get(2));
    assertTrue(expand("p {id} {description}", longest + "x").get(2).contains("/tmp/issue"));
    assertTrue(expand("p {description}{description}", longest).get(1).contains("/tmp/issue"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "  ", "p 'x", "p \"x", "p \\", "p {descripton}"})
  void mistakesAreRefused(String template) {
    assertThrows(IllegalArgumentException.class, () -> CommandTemplate.parse(template));
  }

  private static List<String> expand(String template, String description) {
    return CommandTemplate.parse(template)
        .expand(
            "p", Map.of("id", "42", "description", description, "description_file", "/tmp/issue"));
  }
}
