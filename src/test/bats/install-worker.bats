#!/usr/bin/env bats
# scripts/install-worker.sh in a scratch home. Needs target/cape-worker.jar.

load fake

unit() { printf '%s' "$HOME/.config/systemd/user/cape-worker-$1.service"; }
prefix() { printf '%s' "$HOME/.local/share/cape-worker"; }

@test "a dry run prints every file and command, and changes nothing" {
  before=$(tree)
  installed alleycat-1 --dry-run
  [ "$(tree)" = "$before" ]
  [ ! -s "$CALLS" ]
  for word in "would write $(unit alleycat-1)" "ExecStart=" "would run: systemctl --user restart" \
    "would copy" "would write $(prefix)/workers/alleycat-1/.env" "not shown"; do
    [[ $output == *"$word"* ]] || { echo "$word is not in: $output"; false; }
  done
  [[ $output != *nobody@* ]]
}

@test "an install writes the unit, the JAR behind a link, and the settings for one user alone" {
  installed alleycat-1
  [ "$(find "$(prefix)/workers/alleycat-1/.env" -perm 600)" ]
  cmp "$(prefix)/cape-worker.jar" "$project/target/cape-worker.jar"
  [[ $(readlink "$(prefix)/cape-worker.jar") == lib/cape-worker-*.jar ]]
  grep -q '^TimeoutStopSec=340$' "$(unit alleycat-1)"
  grep -q '^WantedBy=default.target$' "$(unit alleycat-1)"
  absent '@[A-Z_]*@' "$(unit alleycat-1)"
  absent '^User=' "$(unit alleycat-1)"
  run systemd-analyze --user verify "$(unit alleycat-1)"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  grep -q 'systemctl enable --quiet cape-worker-alleycat-1.service' "$CALLS"
  grep -q 'systemctl restart cape-worker-alleycat-1.service' "$CALLS"
}

@test "the stop timeout follows from drain timeout and grace, wherever they stand" {
  echo 'CAPE_GRACE="20" # seconds' >>settings
  installed w -- --drain-timeout 3600
  grep -q '^TimeoutStopSec=3650$' "$(unit w)"
}

@test "a second run changes nothing and says so" {
  fake_java
  installed w -- --working-dir "$scratch"
  before=$(tree)
  : >"$CALLS"
  installed w -- --working-dir "$scratch"
  [ "$(tree)" = "$before" ]
  [ ! -s "$CALLS" ]
  [[ $output == *"nothing to change"* ]]
  # The settings that are there will do.
  install_worker w "${installer_options[@]}" -- --working-dir "$scratch"
  [ "$(tree)" = "$before" ]
  [[ $output == *"nothing to change"* ]]
}

@test "an upgrade keeps the worker's options until others are given" {
  fake_java
  installed w -- --working-dir "/a  b" --database-url x ''
  unit=$(cat "$(unit w)")
  echo second >fake.jar
  installed w
  [ "$(cat "$(unit w)")" = "$unit" ]
  grep -qF '"--working-dir" "/a  b" "--database-url" "x" ""' "$(unit w)"
  installed w --
  absent 'working-dir' "$(unit w)"
}

@test "paths and options with spaces, quotes, %, \$ and & reach the worker as they are" {
  odd="$scratch/it's \"100%\" R&D \$HOME <x>"
  mkdir "$odd"
  program "$HOME/.local/bin/a b" 'exit 0'
  installed w --prefix "$odd" -- --working-dir "$odd" --command '"a b" c\d {id} %i $X & ;'
  run systemd-analyze --user verify "$(unit w)"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  grep -qxF "WorkingDirectory=${odd//%/%%}/workers/w" "$(unit w)"
  grep -qF '"\"a b\" c\\d {id} %%i $$X & ;"' "$(unit w)"
  install_worker w --uninstall --purge
  [ "$status" -eq 0 ]
  [ ! -e "$odd" ]
}

@test "an upgrade switches the link, keeps the file of the worker that runs, and lets that hand over" {
  fake_java
  installed w
  old=$(readlink "$(prefix)/cape-worker.jar")
  echo second >new.jar
  echo 69 >drained
  # The database cannot be asked, and so neither can the worker; nothing is stopped by force.
  : >"$CALLS"
  install_worker w --jar new.jar
  refused 69 "could not be asked to restart"
  absent restart "$CALLS"
  [ "$(readlink "$(prefix)/cape-worker.jar")" != "$old" ]
  [ -e "$(prefix)/$old" ]
  # It is not forgotten.
  install_worker w --jar new.jar
  refused 69 "could not be asked to restart"
  install_worker w --jar new.jar --now
  [ "$status" -eq 0 ]
  grep -q "restart cape-worker-w.service" "$CALLS"
  install_worker w --jar new.jar
  [[ $output == *"nothing to change"* ]]
}

# All that an installation is made of, but for times.
installation() {
  find "$HOME" "$FAKE" -printf '%p %m %l\n' | sort
  find "$HOME" "$FAKE" -type f | sort | xargs -d '\n' cat
}

@test "an install that is killed at any step is finished by the next run" {
  fake_java
  installed w
  whole=$(installation)
  count_steps mkdir mv ln
  for ((step = 1; ; step++)); do
    /bin/rm -rf "$HOME/.config" "$HOME/.local/share" "$FAKE"/*
    killed_at $step w --env-file settings --jar fake.jar || break
    jar=$(ls "$(prefix)"/cape-worker.jar 2>/dev/null) || true
    install_worker other --uninstall
    [ -z "$jar" ] || [ -e "$jar" ]
    installed w
    diff <(echo "$whole") <(installation)
  done
  [ $step -gt 12 ]
  [ -z "$(ls -d "${TMPDIR:-/tmp}"/cape-install.* "$XDG_RUNTIME_DIR"/.cape*)" ]
}

@test "an uninstall that is killed at any step is finished by the next run" {
  fake_java
  installed w
  install_worker w --uninstall --purge
  empty=$(installation)
  [[ $empty != *cape-worker* ]]
  count_steps rm
  for ((step = 1; ; step++)); do
    installed w
    killed_at $step w --uninstall --purge || break
    install_worker w --uninstall --purge
    diff <(echo "$empty") <(installation)
  done
  [ $step -gt 5 ]
}

@test "half a file is never used" {
  fake_java
  installed w
  whole=$(installation)
  for file in "$(unit w)" "$(prefix)/workers/w/.env" "$(prefix)/$(readlink "$(prefix)/cape-worker.jar")" "$(prefix)/workers/.installed-w"; do
    head -c 3 "$file" >half
    cp half "$file.new"
    mv half "$file"
    installed w
    diff <(echo "$whole") <(installation)
  done
}

@test "one install waits for another" {
  local lock=$XDG_RUNTIME_DIR/.cape-worker-install.lock
  fake_java
  "$installer" one --env-file settings --jar fake.jar >out-1 2>&1 &
  "$installer" two --env-file settings --jar fake.jar >out-2 2>&1 &
  wait $! && wait %1
  cat out-*
  [ -e "$(unit one)" ] && [ -e "$(unit two)" ]
  [ "$(cat "$(prefix)/cape-worker.jar")" = first ]
  [ -z "$(ls -A "$XDG_RUNTIME_DIR")" ]
  # One that was killed is not waited for; one that is still there is named.
  ln -s 999999999 "$lock"
  install_worker one --uninstall
  [ "$status" -eq 0 ]
  ln -s $$ "$lock"
  program "$scratch/bin/sleep" 'exit'
  install_worker two --uninstall
  refused 75 "another install is at work, pid $$"
  [ -e "$(unit two)" ]
}

@test "20 installs and uninstalls leave no file behind but settings and logs" {
  fake_java
  for round in {1..20}; do
    echo "$round" >fake.jar
    installed w
    install_worker w --uninstall
    [ "$status" -eq 0 ]
  done
  [ "$(cd "$HOME" && find . -type f -o -type l | sort | tr '\n' ' ')" = "./.local/bin/cape-adw ./.local/share/cape-worker/workers/w/.env " ]
  [ -z "$(ls "$FAKE" "$XDG_RUNTIME_DIR" | grep -v :)" ]
}

@test "workers share the JAR, and the last one takes it away" {
  fake_java
  installed one
  installed two
  [ "$(find "$(prefix)/lib" -type f | wc -l)" -eq 1 ]
  install_worker one --uninstall
  [ "$status" -eq 0 ]
  [ -e "$(prefix)/cape-worker.jar" ]
  [ ! -e "$(unit one)" ]
  install_worker two --uninstall
  [ "$status" -eq 0 ]
  [ "$(cd "$(prefix)" && find . -type f | sort | tr '\n' ' ')" = "./workers/one/.env ./workers/two/.env " ]
  install_worker two --uninstall --dry-run --purge
  [ -e "$(prefix)/workers/two" ]
  install_worker one --uninstall --purge
  install_worker two --uninstall --purge
  [ ! -e "$(prefix)" ]
  install_worker two --uninstall
  [[ $output == *"nothing to change"* ]]
}

@test "what was stopped by hand is started again" {
  fake_java
  installed w
  rm "$FAKE/cape-worker-w.service"
  installed w
  [ "$(cat "$FAKE/cape-worker-w.service")" = active ]
}

@test "wrong usage is 2, and touches nothing" {
  before=$(tree)
  install_worker
  refused 2 "which WORKER-ID?"
  install_worker "-x"
  refused 2 "'-x' is no option"
  install_worker "a b"
  refused 2 "is no worker id"
  install_worker "../x"
  refused 2 "is no worker id"
  install_worker one two
  refused 2 "one worker id at a time"
  install_worker w --prefix
  refused 2 "--prefix needs a value"
  install_worker w --purge
  refused 2 "--purge goes with --uninstall"
  install_worker w --run-as somebody
  refused 2 "--run-as needs root"
  install_worker w --prefix 'a\b'
  refused 2 "--prefix may not contain a backslash"
  install_worker w -- --worker-id x
  refused 2 "--worker-id is set by this script"
  [ "$(tree)" = "$before" ]
}

@test "all that is missing is told at once, and nothing is touched" {
  program "$scratch/bin/java" 'echo "openjdk version \"11.0.2\"" >&2'
  rm "$HOME/.local/bin/cape-adw"
  before=$(tree)
  install_worker w --env-file nowhere --jar nothing.jar
  refused 78 "version '11.0.2', run as $(id -un): the worker needs Java 17"
  refused 78 "nothing.jar cannot be read: build it"
  refused 78 "nowhere, the settings, cannot be read"
  refused 78 "neither cape-adw nor uv is on the PATH"
  [ "$(tree)" = "$before" ]
  [ ! -s "$CALLS" ]
}

@test "settings that the worker would not take are found before anything is touched" {
  before=$(tree)
  echo '# nothing' >settings
  install_worker w --env-file settings
  refused 78 "CAPE_DATABASE_URL"
  printf 'CAPE_DATABASE_URL=postgresql://a@b/c\nCAPE_LEASE=1\n' >settings
  install_worker w --env-file settings -- --retry-delay never
  refused 78 "CAPE_LEASE"
  refused 78 "--retry-delay"
  printf 'CAPE_DATABASE_URL=postgresql://a@b/c\nCAPE_GRACE=soon\n' >settings
  install_worker w --env-file settings
  refused 78 "CAPE_GRACE 'soon' ($scratch/settings line 2)"
  printf 'CAPE_DATABASE_URL=postgresql://a@b/c\nCAPE_ADW_COMMAND=no-such-adw {id}\n' >settings
  install_worker w --env-file settings
  refused 78 "the command 'no-such-adw' is not on the PATH"
  printf 'CAPE_DATABASE_URL=postgresql://a@b/c\n' >settings
  install_worker w --env-file settings -- --working-dir checkout
  refused 78 "$(prefix)/workers/w/checkout does not exist"
  printf 'CAPE_DATABASE_URL=postgresql://a@b/c\n' >settings
  install_worker w --env-file settings -- --poll-intervall 3
  refused 78 "--poll-intervall"
  [ "$(tree)" = "$before" ]
}

@test "a Java that lies cannot give this script commands" {
  fake_java
  program "$scratch/bin/java" '
    case "$*" in
      -version) echo "openjdk version \"17.0.1\"" >&2 ;;
      *" --version") echo "cape-worker 1.0" ;;
      *) echo "ok settings: --grace = a[\$(touch '"$scratch"'/ran)] (option)" ;;
    esac'
  before=$(tree)
  install_worker w --env-file settings "${installer_options[@]}"
  refused 78 "doctor says that --grace is"
  [ "$(tree)" = "$before" ]
  [ ! -e "$scratch/ran" ]
}

@test "without a systemd that runs, nothing is touched" {
  fake_java
  before=$(tree)
  program "$scratch/bin/systemctl" 'echo "systemd 239"'
  install_worker w --env-file settings "${installer_options[@]}"
  refused 78 "systemd 239 is too old"
  program "$scratch/bin/systemctl" '[ "$2" = --version ] && echo "systemd 252"'
  install_worker w --env-file settings "${installer_options[@]}"
  refused 78 "you have no systemd of your own"
  [ "$(tree)" = "$before" ]
}

@test "a worker is not installed a second time elsewhere" {
  fake_java
  installed w
  install_worker w --prefix "$scratch/elsewhere"
  refused 2 "is installed in $(prefix)"
}

plist() { printf '%s' "$HOME/Library/LaunchAgents/com.cape.worker.$1.plist"; }

@test "on a Mac it is an agent" {
  fake_java
  on_a_mac
  installed w --prefix "$scratch/a & <b>" -- --working-dir "$scratch"
  python3 - "$(plist w)" "$scratch" "$HOME" <<'END'
import plistlib, sys
plist = plistlib.load(open(sys.argv[1], "rb"))
base = sys.argv[2] + "/a & <b>"
worker = base + "/workers/w"
assert plist["Label"] == "com.cape.worker.w"
words = plist["ProgramArguments"]
assert words[0].startswith("/") and words[0].endswith("/bash"), words
assert words[2] == 'exec "$@" >>"${0}_stdout.log" 2>>"${0}_stderr.log"', words
assert words[3] == worker + "/logs/worker_w", words
assert words[4].startswith("/") and words[4].endswith("/java"), words
assert words[-6:] == ["--worker-id", "w", "--env-file", worker + "/.env", "--working-dir", sys.argv[2]], words
assert words[words.index("-jar") + 1] == base + "/cape-worker.jar"
assert plist["WorkingDirectory"] == worker
assert plist["ExitTimeOut"] == 340 and plist["ThrottleInterval"] == 10
assert plist["AbandonProcessGroup"] is True
assert plist["KeepAlive"] == {"SuccessfulExit": False} and plist["RunAtLoad"] is True
assert plist["ProcessType"] == "Standard"
environment = plist["EnvironmentVariables"]
assert environment["HOME"] == sys.argv[3]
assert all(part.startswith("/") for part in environment["PATH"].split(":"))
assert sys.argv[3] + "/.local/bin" in environment["PATH"].split(":")
assert "UserName" not in plist
END
  grep -q "launchctl bootstrap gui/.* $(plist w)" "$CALLS"
  before=$(tree)
  : >"$CALLS"
  installed w -- --working-dir "$scratch"
  [ "$(tree)" = "$before" ]
  [[ $output == *"nothing to change"* ]]
  install_worker w "${installer_options[@]}" --now -- --working-dir /
  [ "$status" -eq 0 ]
  [ "$(cut -d ' ' -f 2 "$CALLS" | tr '\n' ' ')" = "bootout enable bootstrap " ]
  install_worker w --uninstall --purge
  [ "$status" -eq 0 ]
  [ ! -e "$(plist w)" ]
  [ ! -e "$scratch/a & <b>" ]
}

@test "for root on a Mac it is a daemon of the user who called sudo" {
  on_a_mac
  run unshare --map-root-user env SUDO_USER=root PATH="$HOME/.local/bin:$PATH" "$installer" w --env-file settings --prefix "$scratch/p" --dry-run
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"would write /Library/LaunchDaemons/com.cape.worker.w.plist"* ]]
  [[ $output == *"<key>UserName</key>"* ]]
  [[ $output == *"warning: workflows will run as root"* ]]
  [[ $output == *"launchctl bootstrap system"* ]]
  [ ! -e "$scratch/p" ]
}
