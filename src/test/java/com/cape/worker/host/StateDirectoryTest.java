package com.cape.worker.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateDirectoryTest {
  @TempDir private Path directory;
  private final UUID first = UUID.randomUUID();

  @Test
  void successorFollowsTheInstanceBefore() throws Exception {
    try (var state = open(first)) {
      assertEquals(List.of(), state.predecessors());
      state.registering();
      state.registered();
    }
    try (var state = open(UUID.randomUUID())) {
      assertEquals(List.of(first), state.predecessors());
      assertEquals(List.of(first), state.previousHere());
    }
  }

  @Test
  void oneThatMayHaveRegisteredIsFollowedToo() throws Exception {
    try (var state = open(first)) {
      state.registered();
    }
    List<UUID> killed = Stream.generate(UUID::randomUUID).limit(25).toList();
    for (UUID one : killed) {
      try (var state = open(one)) {
        state.registering();
      }
    }
    try (var state = open(UUID.randomUUID())) {
      assertEquals(List.of(first), state.previousHere());
      assertEquals(
          Stream.concat(Stream.of(first), killed.stream().skip(5)).toList(), state.predecessors());
      state.registering();
      state.registered();
    }
    try (var state = open(UUID.randomUUID())) {
      assertEquals(2, state.predecessors().size());
      assertEquals(first, state.previousHere().get(1), "its runs were not taken over yet");
      state.registered();
      state.recovered();
    }
    try (var state = open(UUID.randomUUID())) {
      assertEquals(1, state.predecessors().size());
    }
  }

  @Test
  void oneThatDiedBeforeItHadRegisteredLeavesItsPredecessorToTheNextOne() throws Exception {
    try (var state = open(first)) {
      state.registered();
    }
    open(UUID.randomUUID()).close();
    try (var state = open(UUID.randomUUID())) {
      assertEquals(List.of(first), state.predecessors());
    }
  }

  @Test
  void otherProcessIsTold() throws Exception {
    try (var state = open(first)) {
      state.registered();
      // Within one process the lock shows as an exception of its own.
      assertThrows(java.nio.channels.OverlappingFileLockException.class, () -> open(first));
    }
  }

  private StateDirectory open(UUID instance) throws Exception {
    return StateDirectory.open(directory, instance, "pid 1 on here");
  }
}
