#!/usr/bin/env bash
# Measures Cape Worker beside other queues and beside what no queue can be faster than:
#
#   scripts/bench.sh [--quick] [--only floors|pickup|fleet|idle|throughput|cycles|scale|dashboard]
#
# Builds what is missing, starts a durable PostgreSQL of its own, and writes docs/BENCHMARKS.md. It
# takes about half an hour; the machine should have nothing else to do. --quick tries everything with
# tiny counts in two minutes; it and --only write target/bench/BENCHMARKS.md instead.
#
# Needs a JDK 17 or newer and Maven. Used where they are there: a C compiler (cc), Node 20 or newer
# with npm, PostgreSQL (newest in /usr/lib/postgresql, or in CAPE_BENCH_PG_BIN; with "embedded" or
# without any: that of the tests), and the project's history for the JAR to compare with.
# CAPE_BENCH_WORKER_FLAGS: the worker's JVM flags; by default those of the services.
# CAPE_BENCH_DISK: a folder on a real disk for the data; /var/tmp by default.
set -euo pipefail
cd "$(dirname "$0")/.."

say() {
  echo "bench: $*" >&2
}

fail() {
  say "$*"
  exit 1
}

usage() {
  sed -n 's/^#   //p' "$0" >&2
  exit 2
}

notes=
leave_out() {
  say "leaving out: $*"
  notes+="$*"$'\n'
}

have() {
  command -v "$1" >/dev/null
}

quick=false
only=
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) quick=true ;;
    --only)
      only=${2:-}
      shift
      case "$only" in
        floors | pickup | fleet | idle | throughput | cycles | scale | dashboard) ;;
        *) usage ;;
      esac
      ;;
    *) usage ;;
  esac
  shift
done

for tool in java javac mvn mkfifo; do
  have "$tool" || fail "$tool is missing; needed are a JDK 17 or newer, Maven 3.8.7 or newer and mkfifo"
done

worker_flags=${CAPE_BENCH_WORKER_FLAGS-$(sed -n 's/^jvm=(\(.*\))$/\1/p' scripts/install-worker.sh)}
out=$PWD/target/bench
report=$PWD/docs/BENCHMARKS.md
if [ "$quick" = true ] || [ -n "$only" ]; then
  report=$out/BENCHMARKS.md
fi
disk=
server_user=()
driver=

cleanup() {
  status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [ -n "$driver" ] && kill -TERM -- "-$driver" 2>/dev/null; then
    # Its workers are in its process group; the last resort is for what ignores TERM.
    for _ in {1..100}; do
      kill -0 -- "-$driver" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$driver" 2>/dev/null || true
  fi
  if [ -n "$disk" ]; then
    if [ -e "$disk/data/postmaster.pid" ]; then
      "${server_user[@]}" "$pg_bin/pg_ctl" stop --silent -D "$disk/data" -m immediate || true
    fi
    rm -rf "$disk"
  fi
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

build() {
  local maven=(mvn --batch-mode --no-transfer-progress --quiet)
  if [ ! -e target/cape-worker.jar ] ||
    [ -n "$(find pom.xml src/main -newer target/cape-worker.jar -print -quit)" ]; then
    say "building the JAR"
    "${maven[@]}" -DskipTests package
  fi
  rm -rf "$out/run" # holds the logs of the run before
  mkdir -p "$out/run" "$out/node"
  say "building the measuring programs"
  "${maven[@]}" -f bench/pom.xml compile dependency:build-classpath -Dmdep.outputFile="$out/classpath"

  mark=$out/mark spawn=$out/spawn
  if have cc; then
    cc -O2 -Wall -o "$mark" bench/c/mark.c
    cc -O2 -Wall -o "$spawn" bench/c/spawn.c
  else
    leave_out "the start of a process from C, as there is no C compiler; the external program is a bash script"
    cp bench/mark.sh "$mark"
    spawn=
  fi

  # The last commit before one statement claimed an issue.
  local commit=48e19fd old=$out/baseline
  baseline=
  if git cat-file -e "$commit^{commit}" 2>/dev/null; then
    baseline=$old/target/cape-worker.jar
    if [ ! -e "$baseline" ]; then
      say "building the JAR of $commit"
      rm -rf "$old"
      mkdir "$old"
      git archive "$commit" | tar -x -C "$old"
      "${maven[@]}" -f "$old/pom.xml" -DskipTests package
    fi
  else
    leave_out "the JAR of $commit, as the project's history is not there"
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
    else
      leave_out "graphile-worker and pg-boss, as npm could not install them"
    fi
  else
    leave_out "graphile-worker and pg-boss, as Node 20 or newer and npm are not there"
  fi
}

# The binaries that the tests use; Maven has them already once the tests have run.
embedded_postgres() {
  local system jar
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) system=linux-amd64 ;;
    Linux-aarch64) system=linux-arm64v8 ;;
    Darwin-x86_64) system=darwin-amd64 ;;
    Darwin-arm64) system=darwin-arm64v8 ;;
    *) fail "no PostgreSQL here, and no embedded one for this system" ;;
  esac
  mvn --batch-mode --no-transfer-progress --quiet -f bench/pom.xml dependency:copy \
    -Dartifact="io.zonky.test.postgres:embedded-postgres-binaries-$system:15.19.0" \
    -DoutputDirectory="$out/embedded"
  jar=$(echo "$out"/embedded/*"$system"*.jar)
  mkdir "$disk/embedded"
  (cd "$disk/embedded" && jar xf "$jar" && tar -xJf ./*.txz)
  chmod -R go+rX "$disk/embedded"
  pg_bin=$disk/embedded/bin
}

start_server() {
  disk=$(mktemp -d "${CAPE_BENCH_DISK:-/var/tmp}/cape-bench.XXXXXX")
  chmod 711 "$disk"
  pg_bin=${CAPE_BENCH_PG_BIN:-$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)}
  if [ ! -x "$pg_bin/postgres" ]; then
    embedded_postgres
  fi
  mkdir "$disk/data"
  if [ "$(id -u)" -eq 0 ]; then
    local user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$disk/data"
    server_user=(runuser -u "$user" --)
  fi
  (cd "$disk" && "${server_user[@]}" "$pg_bin/initdb" -D data -U postgres -A trust -E UTF8 --locale=C) >"$out/initdb.log" ||
    fail "initdb failed; see $out/initdb.log"
  port=$((RANDOM % 20000 + 20000))
  while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    port=$((port + 1))
  done
  # All settings are the defaults, but for where it listens, and for 40 workers at once.
  (cd "$disk" && "${server_user[@]}" "$pg_bin/pg_ctl" start --silent -w -D "$disk/data" -l "$disk/data/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -k '' -c max_connections=200") || fail "PostgreSQL did not start"
}

versions() {
  echo "Cape Worker: commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)$(
    git diff --quiet HEAD -- src/main pom.xml 2>/dev/null || echo ' with changes'
  ), JVM flags: ${worker_flags:-none}"
  if [ -n "$node" ]; then
    echo "Node $(node --version), $(cd "$node" && npm ls --depth=0 --parseable --long |
      sed -n 's/.*:\(\(graphile-worker\|pg-boss\)@.*\)/\1/p' | cut -d: -f1 | paste -sd, - | sed 's/,/, /')"
  fi
  echo "The data is on $(stat -f -c %T "$disk" 2>/dev/null || echo "an unknown file system")"
}

build
start_server
set -m # the driver leads a process group with its workers in it
java -Xmx512m -Duser.language=en -cp "$out/java/classes:$(cat "$out/classpath")" \
  -Dbench.port="$port" -Dbench.directory="$out/run" -Dbench.disk="$disk" \
  -Dbench.jar=target/cape-worker.jar -Dbench.mark="$mark" -Dbench.spawn="$spawn" \
  -Dbench.baseline="$baseline" -Dbench.node="$node" -Dbench.workerFlags="$worker_flags" \
  -Dbench.quick="$quick" -Dbench.only="$only" -Dbench.report="$report" \
  -Dbench.notes="$notes" -Dbench.versions="$(versions)" \
  com.cape.bench.Bench </dev/null &
driver=$!
set +m
wait "$driver"
say "written: ${report#"$PWD"/}"
