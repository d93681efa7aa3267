package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/** docs/COMMANDS.md is what the commands say of themselves. */
class CommandReferenceTest {
  private static final Path REFERENCE = Path.of("docs", "COMMANDS.md");
  private static final String WRITE = "cape.write.reference";
  private static final int COLUMNS = 80;

  private final CommandLine commandLine =
      Main.commandLine().setUsageHelpAutoWidth(false).setUsageHelpWidth(COLUMNS);

  @Test
  void referenceIsUpToDate() throws IOException {
    if (Boolean.getBoolean(WRITE)) {
      Files.writeString(REFERENCE, reference());
    }
    assertEquals(
        reference(),
        Files.readString(REFERENCE),
        "run 'mvn test -Dtest=CommandReferenceTest -D" + WRITE + "=true'");
  }

  @Test
  void eachCommandShowsTwoExamples() {
    for (Map.Entry<String, CommandLine> command : commandLine.getSubcommands().entrySet()) {
      String[] footer = command.getValue().getCommandSpec().usageMessage().footer();
      assertTrue(Arrays.asList(footer).contains("Examples:"), command.getKey());
      long examples =
          Arrays.stream(footer)
              .filter(
                  line ->
                      line.contains("  cape-worker ") || line.contains("  source <(cape-worker "))
              .count();
      assertTrue(examples >= 2, command.getKey() + " has " + examples);
    }
  }

  private String reference() {
    var reference =
        new StringBuilder(
            """
            # Commands

            Made from the commands themselves; a test compares them. `cape-worker` stands for
            `java -jar cape-worker.jar`.
            """);
    append(reference, commandLine);
    commandLine.getSubcommands().values().forEach(command -> append(reference, command));
    return reference.toString();
  }

  private static void append(StringBuilder reference, CommandLine command) {
    String usage =
        command
            .getUsageMessage(Ansi.OFF)
            .lines()
            .map(String::stripTrailing)
            .reduce("", (all, line) -> all + line + "\n");
    reference.append(
        "\n## %s\n\n```\n%s```\n".formatted(command.getCommandSpec().qualifiedName(), usage));
  }
}
