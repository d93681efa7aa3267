#!/usr/bin/env bash
# Shows Cape Worker at work, with nothing installed but a JDK and Maven:
#
#   scripts/demo.sh ["an issue" ...]
#
# Builds the JAR if needed, starts a PostgreSQL of its own, submits the issues, runs the worker with
# examples/cape-adw until no issue is pending, and shows what became of them.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in java mvn bash; do
  if ! command -v "$tool" >/dev/null; then
    echo "demo: $tool is missing; the demo needs a JDK 17 or newer, Maven 3.8.7 or newer and bash" >&2
    exit 1
  fi
done

if [ ! -e target/cape-worker.jar ] || [ ! -e target/demo-classpath ] ||
  [ -n "$(find pom.xml src -newer target/demo-classpath -print -quit)" ]; then
  echo "demo: building (the first time it downloads what it needs)"
  mvn --batch-mode --no-transfer-progress --quiet -DskipTests package \
    dependency:build-classpath -Dmdep.outputFile=target/demo-classpath -Dmdep.includeScope=test
fi

exec java -cp "target/test-classes:$(cat target/demo-classpath)" com.cape.worker.demo.Demo "$@"
