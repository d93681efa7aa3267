package com.cape.worker.host;

import com.cape.worker.config.CommandTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Which command runs where none is given: {@code cape-adw}, or the one of a uv project. */
public final class DefaultCommand {
  private static final String SCRIPT = "cape-adw";
  private static final CommandTemplate PLAIN =
      CommandTemplate.parse(SCRIPT + " {id} {description}");
  private static final CommandTemplate BY_UV =
      CommandTemplate.parse("uv run " + SCRIPT + " {id} {description}");

  private DefaultCommand() {}

  /** The command for that directory and PATH. It need not exist. */
  public static CommandTemplate in(Path directory, String searchPath) {
    boolean plain = new CommandCheck(SCRIPT, directory, searchPath).find().isPresent();
    boolean uv = new CommandCheck("uv", directory, searchPath).find().isPresent();
    return !plain && uv && isProject(directory) ? BY_UV : PLAIN;
  }

  private static boolean isProject(Path directory) {
    return Files.isExecutable(directory.resolve(".venv/bin").resolve(SCRIPT))
        || definesScript(directory.resolve("pyproject.toml"));
  }

  private static boolean definesScript(Path project) {
    List<String> lines;
    try {
      lines = Files.readAllLines(project);
    } catch (IOException e) {
      return false;
    }
    boolean inScripts = false;
    for (String line : lines) {
      String bare = line.strip();
      if (bare.startsWith("[")) {
        inScripts = bare.startsWith("[project.scripts]");
      } else if (inScripts && bare.matches("\"?" + SCRIPT + "\"?\\s*=.*")) {
        return true;
      }
    }
    return false;
  }
}
