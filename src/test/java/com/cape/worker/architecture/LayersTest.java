package com.cape.worker.architecture;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Which package may know which, and the one door to each outside thing. */
@AnalyzeClasses(packages = LayersTest.ROOT, importOptions = DoNotIncludeTests.class)
final class LayersTest {
  static final String ROOT = "com.cape.worker";

  private static final String CLI = ROOT + ".cli..";
  private static final String CONFIG = ROOT + ".config..";
  private static final String PROCESS = ROOT + ".process..";
  private static final String STORE = ROOT + ".store..";
  private static final String TELEMETRY = ROOT + ".telemetry..";

  private static final DescribedPredicate<JavaClass> MAIN =
      classNamed("com\\.cape\\.worker\\.Main");

  @ArchTest
  static final ArchRule arrowsPointDown =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .withOptionalLayers(true)
          .layer("Main")
          .definedBy(ROOT)
          .layer("cli")
          .definedBy(CLI)
          .layer("telemetry")
          .definedBy(TELEMETRY)
          .layer("worker")
          .definedBy(ROOT + ".worker..")
          .layer("store")
          .definedBy(STORE)
          .layer("process")
          .definedBy(PROCESS)
          .layer("issue")
          .definedBy(ROOT + ".issue..")
          .layer("config")
          .definedBy(CONFIG)
          .whereLayer("Main")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("cli")
          .mayOnlyBeAccessedByLayers("Main")
          .whereLayer("telemetry")
          .mayOnlyBeAccessedByLayers("Main", "cli")
          .whereLayer("worker")
          .mayOnlyBeAccessedByLayers("Main", "cli", "telemetry")
          .whereLayer("store")
          .mayOnlyBeAccessedByLayers("Main", "cli", "telemetry", "worker")
          .whereLayer("process")
          .mayOnlyBeAccessedByLayers("Main", "cli", "telemetry", "worker")
          .whereLayer("issue")
          .mayNotAccessAnyLayer()
          // Settings are made of the nouns: a worker id, a retry policy.
          .whereLayer("config")
          .mayOnlyAccessLayers("issue")
          .ensureAllClassesAreContainedInArchitecture();

  @ArchTest
  static final ArchRule noCircles =
      slices().matching(ROOT + ".(**)").should().beFreeOfCycles().allowEmptyShould(true);

  @ArchTest
  static final ArchRule databaseOnlyInStore =
      onlyIn(
          resideInAnyPackage(STORE),
          resideInAnyPackage(
              "java.sql..",
              "javax.sql..",
              "com.zaxxer.hikari..",
              "org.postgresql..",
              "org.flywaydb.."));

  @ArchTest
  static final ArchRule httpServerOnlyInTelemetry =
      onlyIn(resideInAnyPackage(TELEMETRY), resideInAnyPackage("com.sun.net.httpserver.."));

  @ArchTest
  static final ArchRule prometheusOnlyInTelemetry =
      onlyIn(resideInAnyPackage(TELEMETRY), resideInAnyPackage("io.prometheus.."));

  @ArchTest
  static final ArchRule picocliOnlyInCliAndMain =
      onlyIn(resideInAnyPackage(CLI).or(MAIN), resideInAnyPackage("picocli.."));

  @ArchTest
  static final ArchRule logbackOnlyInCliAndMain =
      onlyIn(resideInAnyPackage(CLI).or(MAIN), resideInAnyPackage("ch.qos.logback.."));

  @ArchTest
  static final ArchRule dotenvOnlyInConfig =
      onlyIn(resideInAnyPackage(CONFIG), resideInAnyPackage("io.github.cdimascio.."));

  @ArchTest
  static final ArchRule settingsAreUnpackedByMainAndCli =
      onlyIn(
          resideInAnyPackage(CONFIG, CLI).or(MAIN),
          classNamed("com\\.cape\\.worker\\.config\\.WorkerConfig"));

  @ArchTest
  static final ArchRule processesStartOnlyInProcess =
      onlyIn(resideInAnyPackage(PROCESS), classNamed("java\\.lang\\.ProcessBuilder"));

  @ArchTest
  static final ArchRule runtimeStartsNoProcess =
      noClasses().should().callMethodWhere(called(Runtime.class, "exec"));

  @ArchTest
  static final ArchRule jvmEndsOnlyInMain =
      noClasses()
          .that(DescribedPredicate.not(MAIN))
          .should()
          .callMethodWhere(
              called(System.class, "exit")
                  .or(called(Runtime.class, "exit"))
                  .or(called(Runtime.class, "halt")));

  private static ArchRule onlyIn(
      DescribedPredicate<? super JavaClass> door, DescribedPredicate<? super JavaClass> outside) {
    return noClasses().that(DescribedPredicate.not(door)).should().dependOnClassesThat(outside);
  }

  /** The class and those nested in it. */
  private static DescribedPredicate<JavaClass> classNamed(String pattern) {
    return nameMatching(pattern + "(\\$.*)?").forSubtype();
  }

  private static DescribedPredicate<JavaCall<?>> called(Class<?> type, String method) {
    return target(owner(JavaClass.Predicates.type(type)))
        .and(target(nameMatching(method)))
        .forSubtype();
  }
}
