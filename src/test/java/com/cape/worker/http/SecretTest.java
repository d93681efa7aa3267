package com.cape.worker.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SecretTest {
  @Test
  void onlyTheTextItselfIsKnown() {
    var secret = new Secret("żółć 0123456789");
    assertTrue(secret.is("żółć 0123456789"));
    for (String other :
        new String[] {"", "żółć 012345678", "żółć 0123456789 ", "ŻÓŁĆ 0123456789"}) {
      assertFalse(secret.is(other), other);
    }
  }

  @Test
  void comparisonTakesAsLongWhateverIsGiven() {
    boolean constant =
        new ClassFileImporter()
                .importClass(Secret.class)
                .getMethod("is", String.class)
                .getMethodCallsFromSelf()
                .stream()
                .anyMatch(
                    call ->
                        call.getTargetOwner().isEquivalentTo(MessageDigest.class)
                            && call.getName().equals("isEqual"));
    assertTrue(constant);
  }

  @Test
  void randomOnesAreLongAndDiffer() {
    Set<String> found = new HashSet<>();
    for (int i = 0; i < 1000; i++) {
      String random = Secret.random();
      assertEquals(43, random.length(), "256 bits in base 64");
      found.add(random);
    }
    assertEquals(1000, found.size());
  }
}
