package com.cape.worker.architecture;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Map;
import java.util.stream.Collectors;

/** Which package may know which, and the one door to each outside thing. */
@AnalyzeClasses(packages = LayersTest.ROOT, importOptions = DoNotIncludeTests.class)
final class LayersTest {
  static final String ROOT = "com.cape.worker";

  private static final String CLI = ROOT + ".cli..";
  private static final String CONFIG = ROOT + ".config..";
  private static final String DAEMON = ROOT + ".daemon..";
  private static final String HOST = ROOT + ".host..";
  private static final String HTTP = ROOT + ".http..";
  private static final String METRICS = ROOT + ".metrics..";
  private static final String RUN = ROOT + ".run..";
  private static final String STORE = ROOT + ".store..";
  private static final int MOST_FILES = 20;

  private static final DescribedPredicate<JavaClass> MAIN =
      classNamed("com\\.cape\\.worker\\.Main");

  @ArchTest
  static final ArchRule arrowsPointDown =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("Main")
          .definedBy(ROOT)
          .layer("cli")
          .definedBy(ROOT + ".cli", ROOT + ".cli.issues..")
          .layer("daemon")
          .definedBy(DAEMON)
          .layer("console")
          .definedBy(ROOT + ".cli.console..")
          .layer("dashboard")
          .definedBy(ROOT + ".dashboard..")
          .layer("metrics")
          .definedBy(METRICS)
          .layer("http")
          .definedBy(HTTP)
          .layer("worker")
          .definedBy(ROOT + ".worker..")
          .layer("ending")
          .definedBy(ROOT + ".ending..")
          .layer("store")
          .definedBy(STORE)
          .layer("run")
          .definedBy(RUN)
          .layer("host")
          .definedBy(HOST)
          .layer("config")
          .definedBy(CONFIG)
          .layer("text")
          .definedBy(ROOT + ".text..")
          .layer("issue")
          .definedBy(ROOT + ".issue..")
          .whereLayer("Main")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("cli")
          .mayOnlyBeAccessedByLayers("Main")
          .whereLayer("daemon")
          .mayOnlyBeAccessedByLayers("Main", "cli")
          .whereLayer("console")
          .mayOnlyBeAccessedByLayers("Main", "cli", "daemon")
          .whereLayer("dashboard")
          .mayOnlyBeAccessedByLayers("cli")
          .whereLayer("metrics")
          .mayOnlyBeAccessedByLayers("daemon")
          .whereLayer("http")
          .mayOnlyBeAccessedByLayers("cli", "dashboard", "metrics")
          .whereLayer("worker")
          .mayOnlyBeAccessedByLayers("daemon", "metrics")
          .whereLayer("store")
          .mayOnlyBeAccessedByLayers("cli", "console", "daemon", "dashboard", "metrics", "worker")
          .whereLayer("ending")
          .mayOnlyBeAccessedByLayers("Main", "cli", "daemon", "worker")
          .whereLayer("run")
          .mayOnlyBeAccessedByLayers("cli", "daemon", "dashboard", "worker", "ending")
          .whereLayer("host")
          .mayOnlyBeAccessedByLayers(
              "Main", "cli", "console", "daemon", "dashboard", "worker", "run")
          .whereLayer("text")
          .mayOnlyAccessLayers("config")
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
              "java.sql..", "javax.sql..", "com.zaxxer.hikari..", "org.postgresql.."));

  @ArchTest
  static final ArchRule httpServerOnlyInHttp =
      onlyIn(resideInAnyPackage(HTTP), resideInAnyPackage("com.sun.net.httpserver.."));

  @ArchTest
  static final ArchRule prometheusOnlyInMetrics =
      onlyIn(resideInAnyPackage(METRICS), resideInAnyPackage("io.prometheus.."));

  @ArchTest
  static final ArchRule picocliOnlyInCliAndMain =
      onlyIn(resideInAnyPackage(CLI).or(MAIN), resideInAnyPackage("picocli.."));

  @ArchTest
  static final ArchRule logbackOnlyInDaemon =
      onlyIn(resideInAnyPackage(DAEMON), resideInAnyPackage("ch.qos.logback.."));

  @ArchTest
  static final ArchRule jacksonOnlyInText =
      onlyIn(resideInAnyPackage(ROOT + ".text.."), resideInAnyPackage("com.fasterxml.jackson.."));

  @ArchTest
  static final ArchRule dotenvOnlyInConfig =
      onlyIn(resideInAnyPackage(CONFIG), resideInAnyPackage("io.github.cdimascio.."));

  @ArchTest
  static final ArchRule settingsAreUnpackedByMainDaemonAndCli =
      onlyIn(
          resideInAnyPackage(CONFIG, CLI, DAEMON).or(MAIN),
          classNamed("com\\.cape\\.worker\\.config\\.WorkerConfig"));

  @ArchTest
  static final ArchRule processesStartOnlyInRunAndHost =
      onlyIn(resideInAnyPackage(RUN, HOST), classNamed("java\\.lang\\.ProcessBuilder"));

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

  @ArchTest
  static void noPackageHasTooManyFiles(JavaClasses all) {
    Map<String, Long> files =
        all.stream()
            .filter(JavaClass::isTopLevelClass)
            .collect(Collectors.groupingBy(JavaClass::getPackageName, Collectors.counting()));
    files.values().removeIf(count -> count <= MOST_FILES);
    assertEquals(Map.of(), files, "packages of more than " + MOST_FILES + " files");
  }

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
