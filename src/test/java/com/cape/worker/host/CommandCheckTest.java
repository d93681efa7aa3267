package com.cape.worker.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandCheckTest {
  @TempDir private Path directory;

  @Test
  void nameIsFoundOnThePathAndAPathFromTheDirectoryOn() throws Exception {
    Path script = script("adw", "#!/bin/sh\n", true);
    assertEquals(Optional.of(script), check("adw", "/nowhere:" + directory).find());
    assertEquals(Optional.of(script), check("./adw", "/bin").find().map(Path::normalize));
  }

  @Test
  void troubleIsNamed() throws Exception {
    script("plain", "#!/bin/sh\n", false);
    script("lost", "#!/no/such/interpreter -x\n", true);
    script("snake", "#!/usr/bin/env no-such-python\n", true);
    assertTrouble("adw", "'adw' is not on the PATH");
    assertTrouble("./adw", "./adw does not exist");
    assertTrouble("./plain", "is not executable");
    assertTrouble("./lost", "needs /no/such/interpreter, which is missing");
    assertTrouble("./snake", "needs no-such-python, which is missing");
    var nowhere = new CommandCheck("sh", directory.resolve("gone"), "/bin");
    assertTrue(nowhere.trouble().orElseThrow().contains("gone does not exist"));
  }

  @Test
  void variableThatNoCommandTakesIsNamedWithItsSize() {
    Map<String, String> fits = Map.of("LARGE", "x".repeat(131_065));
    Map<String, String> large = Map.of("LARGE", "x".repeat(131_066));
    assertEquals(Optional.empty(), new CommandCheck("sh", directory, "/bin", fits).trouble());
    String trouble = new CommandCheck("sh", directory, "/bin", large).trouble().orElseThrow();
    assertTrue(trouble.contains("the variable LARGE has 131072 bytes"), trouble);
  }

  @Test
  void projectOfUvIsRunByUvWhereTheCommandIsNotInstalled() throws Exception {
    script("uv", "#!/bin/sh\n", true);
    assertEquals("cape-adw", DefaultCommand.in(directory, directory.toString()).program());
    Files.writeString(
        directory.resolve("pyproject.toml"), "[project.scripts]\ncape-adw = \"cape:main\"\n");
    assertEquals("uv", DefaultCommand.in(directory, directory.toString()).program());
    script("cape-adw", "#!/bin/sh\n", true);
    assertEquals("cape-adw", DefaultCommand.in(directory, directory.toString()).program());
  }

  @Test
  void scriptOfAnotherTableIsNotTheProjects() throws Exception {
    script("uv", "#!/bin/sh\n", true);
    Files.writeString(
        directory.resolve("pyproject.toml"),
        "[project.scripts]\nx = \"y\"\n[tool.z]\ncape-adw = 1\n");
    assertEquals("cape-adw", DefaultCommand.in(directory, directory.toString()).program());
  }

  private void assertTrouble(String program, String expected) {
    String trouble = check(program, "/bin").trouble().orElseThrow();
    assertTrue(trouble.contains(expected), trouble);
  }

  private CommandCheck check(String program, String searchPath) {
    return new CommandCheck(program, directory, searchPath);
  }

  private Path script(String name, String text, boolean executable) throws Exception {
    Path file = Files.writeString(directory.resolve(name), text);
    assertTrue(file.toFile().setExecutable(executable));
    return file;
  }
}
