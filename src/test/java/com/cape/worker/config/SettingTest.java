package com.cape.worker.config;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SettingTest {
  @ParameterizedTest
  @EnumSource
  void readmeAndExampleTellOfIt(Setting setting) throws Exception {
    String row =
        Files.readAllLines(Path.of("README.md")).stream()
            .filter(line -> line.matches("\\|.*`" + setting.variable() + "[`=].*"))
            .findFirst()
            .orElse("");
    String option =
        setting.option().map(name -> name + (" " + setting.parameter()).stripTrailing()).orElse("");
    assertTrue(row.contains(option.isEmpty() ? "| |" : "`" + option + "`"), row);
    String fallback = setting.defaultValue().orElse("");
    if (fallback.matches("\\d+|INFO|cape-adw.*|logs")) {
      assertTrue(
          row.contains("| " + fallback + " |") || row.contains("| `" + fallback + "` |"), row);
      assertTrue(
          Files.readString(Path.of(".env.example"))
              .replace("\"", "")
              .contains(setting.variable() + "=" + fallback + "\n"),
          setting.variable());
    }
  }
}
