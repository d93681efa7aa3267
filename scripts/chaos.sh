#!/usr/bin/env bash
# Tries to make Cape Worker run an issue twice, lose one, or leave a process behind:
#
#   scripts/chaos.sh [--minutes N] [--workers N] [--seed S]
#
# Several workers on a PostgreSQL of their own with durable settings; at random they are killed,
# frozen, stopped, made to hand over, cut off from the database or left with dead connections, and come
# back after 0 to 20 s, the answers to their claims and settles are lost, PostgreSQL restarts at once,
# rows are edited by hand, locked, or refuse to be claimed or settled, issues are cancelled, guardians
# are frozen, folders of runs are garbled, and workflows kill their worker. At the end seven counts are
# printed, each of which must be 0: else the exit code is 1, and the story of each issue concerned is
# printed. The same seed gives the same events, though not the same timing.
#
# CAPE_CHAOS_OLD_JAR: the JAR of an earlier commit; workers are then up- and downgraded in mid-run.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -e target/cape-worker.jar ] || [ ! -e target/demo-classpath ] ||
  [ -n "$(find pom.xml src -newer target/demo-classpath -print -quit)" ]; then
  echo "chaos: building"
  mvn --batch-mode --no-transfer-progress --quiet -DskipTests package \
    dependency:build-classpath -Dmdep.outputFile=target/demo-classpath -Dmdep.includeScope=test
fi

exec java -cp "target/test-classes:$(cat target/demo-classpath)" com.cape.worker.chaos.Chaos "$@"
