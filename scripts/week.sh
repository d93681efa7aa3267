#!/usr/bin/env bash
# Measures how much paid work a queue throws away in a simulated week:
#
#   scripts/week.sh [--seed S[,S...]] [--issues 60] [--scale 360] [--peers cape,graphile,dbscheduler]
#                   [--wordings known[,unknown,none]] [--jar target/cape-worker.jar] [--out docs/WEEK.md]
#
# Three workers run issues of 20 to 50 simulated minutes, while workers are deployed and crash, the
# account meets its usage limits, the provider is overloaded or unreachable, and a host has lost its git
# credentials. Each queue has the same week after the other; one takes four to six minutes. The figures
# are printed, and written to docs/WEEK.md.
#
# --peers: also graphile_batches, see docs/WEEK.md. --scale: how many times as fast the time passes. --wordings: whether a fault prints what the real tools
# print, a line that nobody knows, or nothing. --jar: the JAR of another commit.
#
# Needs a JDK 17 or newer, Maven and perl; Node 20 or newer with npm for graphile-worker.
set -euo pipefail
cd "$(dirname "$0")/.."

say() {
  echo "week: $*" >&2
}

have() {
  command -v "$1" >/dev/null
}

case "${1:-}" in
  -h | --help)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

for tool in java mvn perl; do
  have "$tool" || {
    say "$tool is missing; needed are a JDK 17 or newer, Maven 3.8.7 or newer and perl"
    exit 1
  }
done

maven=(mvn --batch-mode --no-transfer-progress --quiet)
out=$PWD/target/bench
if [ ! -e target/cape-worker.jar ] || [ ! -e target/demo-classpath ] ||
  [ -n "$(find pom.xml src -newer target/demo-classpath -print -quit)" ]; then
  say "building"
  "${maven[@]}" -DskipTests package \
    dependency:build-classpath -Dmdep.outputFile=target/demo-classpath -Dmdep.includeScope=test
fi

mkdir -p "$out/node"
scheduler=
if "${maven[@]}" -f bench/pom.xml compile dependency:build-classpath -Dmdep.outputFile="$out/classpath" >&2; then
  scheduler=$out/java/classes:$(cat "$out/classpath")
fi

node=
if have node && have npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then
  if ! cmp --silent bench/node/package.json "$out/node/package.json"; then
    rm -rf "$out/node/node_modules"
  fi
  cp bench/node/* "$out/node"
  # npm writes this file when all is there.
  if [ -e "$out/node/node_modules/.package-lock.json" ] ||
    npm install --prefix "$out/node" --no-package-lock --no-audit --no-fund --loglevel=error >&2; then
    node=$out/node
  fi
fi

version="commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)$(
  git diff --quiet HEAD -- src/main pom.xml 2>/dev/null || echo ' with changes'
)"
case " $* " in
  *" --jar "*) version="the JAR that --jar named" ;;
esac
exec java -cp "target/test-classes:$(cat target/demo-classpath)" -Dweek.node="$node" \
  -Dweek.dbscheduler="$scheduler" -Dweek.version="$version" com.cape.worker.week.Week "$@"
