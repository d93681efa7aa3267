# shellcheck shell=bash disable=SC2016,SC2154
# Stand-ins for what manages services: each writes down how it was called, and remembers what it was
# told to start. The tests of the real systemd are ServiceIT's.

project=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
installer=$project/scripts/install-worker.sh

setup() {
  scratch=$BATS_TEST_TMPDIR
  export HOME="$scratch/home" CALLS="$scratch/calls" FAKE="$scratch/fake"
  export XDG_RUNTIME_DIR="$scratch/run"
  unset XDG_CONFIG_HOME XDG_DATA_HOME SUDO_USER CAPE_DATABASE_URL DATABASE_URL
  mkdir -p "$HOME/.local/bin" "$FAKE" "$scratch/bin" "$XDG_RUNTIME_DIR"
  : >"$CALLS"
  program "$HOME/.local/bin/cape-adw" 'exit 0'
  program "$scratch/bin/systemctl" '
    [ "$1" != --user ] || shift
    case "$1 $2" in
      --version*) echo "systemd 252 (252.1)" ; exit ;;
      "show --property=Version") exit ;;
      "show --property=ActiveState") cat "$FAKE/${!#}" 2>/dev/null || echo inactive ; exit ;;
      is-enabled*) [ -e "$FAKE/enabled-${!#}" ] ; exit ;;
    esac
    echo "systemctl $*" >>"$CALLS"
    case $1 in
      restart) echo active >"$FAKE/${!#}" ;;
      enable) touch "$FAKE/enabled-${!#}" ;;
      disable) rm -f "$FAKE/${!#}" "$FAKE/enabled-${!#}" ;;
    esac'
  program "$scratch/bin/loginctl" 'echo yes'
  program "$scratch/bin/systemd-notify" 'exit 0'
  export PATH="$scratch/bin:${JAVA_HOME:+$JAVA_HOME/bin:}$PATH"
  unset JAVA_HOME
  installer_options=()
  cd "$scratch" || return
  printf 'CAPE_DATABASE_URL=postgresql://nobody@127.0.0.1:1/none\n' >settings
}

# One that finds nothing wrong, and is quick.
fake_java() {
  program "$scratch/bin/java" '
    case "$*" in
      -version) echo "openjdk version \"17.0.1\"" >&2 ;;
      *" --version") echo "cape-worker 1.0" ;;
      *" drain "* | *" restart "*) exit "$(cat "'"$scratch"'/drained")" ;;
    esac'
  echo 0 >"$scratch/drained"
  echo first >"$scratch/fake.jar"
  installer_options=(--jar "$scratch/fake.jar")
}

# Lets each of the programs, and systemctl, kill the installer when its turn is the last step.
count_steps() { # PROGRAM...
  local each
  echo 0 | tee "$scratch/step" >"$scratch/last-step"
  for each in "$@"; do
    program "$scratch/bin/$each" "one_step; exec $(command -v "$each") \"\$@\""
  done
  export -f one_step
  sed -i 's/^    echo "systemctl/    one_step; echo "systemctl/' "$scratch/bin/systemctl"
}

one_step() {
  local step
  step=$(($(cat "$FAKE/../step") + 1))
  echo $step >"$FAKE/../step"
  if [ "$step" -eq "$(cat "$FAKE/../last-step")" ]; then
    kill -KILL "$(cat "$FAKE/../pid")"
    exit 1
  fi
}

# Runs the installer up to that step; false when it was not killed.
killed_at() { # STEP ARGUMENT...
  echo 0 >"$scratch/step"
  echo "$1" >"$scratch/last-step"
  shift
  run bash -c 'echo $$ >"$1" && shift && exec "$@"' bash "$scratch/pid" "$installer" "$@"
  echo 0 >"$scratch/last-step"
  [ "$status" -eq 137 ]
}

on_a_mac() {
  program "$scratch/bin/uname" 'echo Darwin'
  program "$scratch/bin/launchctl" '
    case $1 in
      print) [ -e "$FAKE/${2##*/}" ] ; exit ;;
    esac
    echo "launchctl $*" >>"$CALLS"
    case $1 in
      bootstrap) file=${3##*/} ; touch "$FAKE/${file%.plist}" ;;
      bootout) rm "$FAKE/${2##*/}" ;;
    esac'
}

program() { # FILE TEXT
  printf '#!/bin/bash\n%s\n' "$2" >"$1"
  chmod 755 "$1"
}

install_worker() {
  run "$installer" "$@"
}

installed() { # WORKER-ID ARGUMENT...: and it has to work
  install_worker "$1" --env-file settings "${installer_options[@]}" "${@:2}"
  [ "$status" -eq 0 ] || {
    echo "$output"
    return 1
  }
}

refused() { # EXIT-CODE TEXT
  echo "exit $status: $output"
  [ "$status" -eq "$1" ] && [[ $output == *"$2"* ]]
}

# bats passes over a bare "! grep".
absent() { # PATTERN FILE
  ! grep -q "$1" "$2"
}

# All files, what is in them, and when they were changed last.
tree() {
  find "$HOME" "$FAKE" -printf '%p %M %T@ %l\n' | sort
}
