#!/usr/bin/env bash
# Installs a Cape Worker as a service: systemd on Linux, launchd on macOS. --help tells the rest.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/install-worker.sh WORKER-ID [options] [-- WORKER-OPTIONS]
       scripts/install-worker.sh WORKER-ID --uninstall [--purge] [options]

Installs a worker that starts at boot, restarts when it dies, and stops without hurting its run. As
root: a systemd system service, on macOS a daemon. Else a service of your own: a systemd user
service, on macOS an agent. Run it again to upgrade, or to change a setting: the new worker goes on
with what the old one was running.

  --env-file FILE  settings; kept as .env, mode 0600, with the worker. Default: those that are there,
                   else .env in the current directory
  --run-as USER    whose checkout, keys and logins the workflows use (root only).
                   Default: whose it is already, else who called sudo, else root
  --user           a service of your own (the default unless you are root)
  --prefix DIR     where everything lies. Default: /opt/cape-worker, for --user
                   ~/.local/share/cape-worker, on macOS ~/Library/Application Support/cape-worker
  --jar FILE       default: target/cape-worker.jar beside this script's directory
  --now            for an upgrade: restart the worker without asking the database for it
  --dry-run        print every file and command, change nothing
  --uninstall      leave nothing but settings and logs
  --purge          ... and not those either
  WORKER-OPTIONS   go to the worker as they are, for instance -- --working-dir /srv/checkout.
                   Default: those it has; a bare -- takes them away

Exit codes: 0 done, or nothing to do; 1 a file cannot be written, or the service does not start;
2 wrong usage; 69 the database is away, and the worker could not be asked to restart; 75 another
install is at work; 78 something is missing, and nothing was touched.
END
}

# Root writes only where the service's user may not: in the prefix, and where units lie. What is in a worker's
# own directory is read, written and removed as its user, and so is Java run: what a workflow has
# planted there leads no further than the workflow could go itself.
umask 022
export LC_ALL=C # bytes are bytes, A-Z is A-Z, and programs answer in English

jvm=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.1 -Xms12m -Xmx128m)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
id="" env_file="" run_as="" prefix="" jar="$here/target/cape-worker.jar"
user_mode="" now="" dry_run="" uninstall="" purge=""
options=() options_given=""
ctl=(systemctl)
scratch="" locked="" changed=""
problems=()

say() { printf '%s\n' "$*"; }
warn() { printf 'install-worker: %s\n' "$*" >&2; }
fail() { # EXIT-CODE MESSAGE
  warn "$2"
  exit "$1"
}
wrong_usage() { fail 2 "$1; --help shows what there is"; }
problem() { problems+=("$1"); }

# What somebody else wrote, for a terminal.
printable() { tr -d '\001-\010\013-\037\177'; }

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --env-file | --run-as | --prefix | --jar)
        if [ $# -lt 2 ] || [ -z "$2" ]; then wrong_usage "$1 needs a value"; fi
        case $1 in
          --env-file) env_file=$2 ;;
          --run-as) run_as=$2 ;;
          --prefix) prefix=$2 ;;
          --jar) jar=$2 ;;
        esac
        shift
        ;;
      --user) user_mode=yes ;;
      --now) now=yes ;;
      --dry-run) dry_run=yes ;;
      --uninstall) uninstall=yes ;;
      --purge) purge=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      --)
        shift
        options=("$@") options_given=yes
        break
        ;;
      -*) wrong_usage "'$1' is no option (worker options go after --)" ;;
      *)
        [ -z "$id" ] || wrong_usage "one worker id at a time, not '$id' and '$1'"
        id=$1
        ;;
    esac
    shift
  done
  [ -n "$id" ] || wrong_usage "which WORKER-ID?"
  local form='^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'
  [[ $id =~ $form ]] || wrong_usage "'$id' is no worker id: 1-100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"
  [ -z "$purge" ] || [ -n "$uninstall" ] || wrong_usage "--purge goes with --uninstall"
  local word
  for word in ${options[@]+"${options[@]}"}; do
    case $word in
      --worker-id | --worker-id=* | --env-file | --env-file=*)
        wrong_usage "${word%%=*} is set by this script; leave it out after --"
        ;;
      *$'\n'*) wrong_usage "a worker option may not contain a line break" ;;
    esac
  done
}

# --- who and where -----------------------------------------------------------------------------

absolute() { # PATH, of which the last part need not exist
  case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$PWD" "$1" ;;
  esac
}

plain_path() { # WHAT PATH
  case $2 in
    *\\* | *[[:cntrl:]]*) wrong_usage "$1 may not contain a backslash or a control character" ;;
  esac
}

find_place() {
  system=$(uname -s)
  case $system in
    Linux) locale=C.UTF-8 ;;
    Darwin) locale=en_US.UTF-8 ;;
    *) fail 78 "$system has neither systemd nor launchd; start the JAR with what it has" ;;
  esac
  me=$(id -un)
  if [ "$(id -u)" -eq 0 ]; then
    [ -z "$user_mode" ] || wrong_usage "--user is not for root; run it as the user whom the service is to belong to"
    lock=/var/run/cape-worker-install.lock
  else
    [ -z "$run_as" ] || [ "$run_as" = "$me" ] || wrong_usage "--run-as needs root"
    user_mode=yes
    plain_path "the home directory" "$HOME"
    ctl=(systemctl --user)
    lock=${XDG_RUNTIME_DIR:-$HOME}/.cape-worker-install.lock
  fi

  local standard
  if [ "$system" = Linux ]; then
    name="cape-worker-$id.service"
    if [ -n "$user_mode" ]; then
      unit_directory=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
      standard=${XDG_DATA_HOME:-$HOME/.local/share}/cape-worker
    else
      unit_directory=/etc/systemd/system
      standard=/opt/cape-worker
    fi
    unit=$unit_directory/$name
  else
    name="com.cape.worker.$id"
    if [ -n "$user_mode" ]; then
      unit_directory=$HOME/Library/LaunchAgents
      standard="$HOME/Library/Application Support/cape-worker"
      domain=gui/$(id -u)
    else
      unit_directory=/Library/LaunchDaemons
      standard=/usr/local/cape-worker
      domain=system
    fi
    unit=$unit_directory/$name.plist
  fi

  local installed=""
  if [ -e "$unit" ]; then
    installed=$(installed_prefix)
  fi
  if [ -n "$prefix" ]; then
    prefix=$(absolute "$prefix")
    while [ "$prefix" != "${prefix%/}" ]; do
      prefix=${prefix%/}
    done
    [ -n "$prefix" ] || wrong_usage "--prefix is to be a directory of its own, not /"
    [ -z "$installed" ] || [ "$installed" = "$prefix" ] ||
      fail 2 "$id is installed in $installed; uninstall it first, or leave --prefix out"
  else
    prefix=${installed:-$standard}
  fi
  plain_path "--prefix" "$prefix"
  directory=$prefix/workers/$id
  link=$prefix/cape-worker.jar
  settings=$directory/.env
  mark=$prefix/workers/.installed-$id
}

# What it was given the last time.
keep_options() {
  if [ -z "$options_given" ] && [ -r "$mark" ]; then
    local word
    while IFS= read -r word; do
      options+=("$word")
    done < <(sed -n 's/^option://p' "$mark")
  fi
}

installed_prefix() {
  local path
  if [ "$system" = Linux ]; then
    path=$(sed -n 's/^WorkingDirectory=//p' "$unit" | sed 's/%%/%/g')
  else
    path=$(sed -n '/<key>WorkingDirectory</{n;s/.*<string>\(.*\)<\/string>.*/\1/p;}' "$unit" |
      sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g')
  fi
  printf '%s' "${path%/workers/*}"
}

# Whose the service is, and so all in its directory.
find_user() {
  local owner="" form='^[A-Za-z0-9_][A-Za-z0-9._@-]*$'
  if [ -n "$user_mode" ]; then
    run_as=$me
    home=$HOME
    return
  fi
  if [ -d "$directory" ]; then
    # shellcheck disable=SC2012 # what find prints of owners is GNU's
    owner=$(ls -ld "$directory" | awk '{ print $3; exit }')
  fi
  if [ -n "$uninstall" ]; then
    run_as=$owner
  fi
  run_as=${run_as:-${owner:-${SUDO_USER:-root}}}
  if ! [[ $run_as =~ $form ]] || [ "$(id -un "$run_as" 2>/dev/null)" != "$run_as" ]; then
    [ "$run_as" != "$owner" ] ||
      fail 78 "$directory belongs to '$owner', who is no user here: chown it to one, or remove it"
    fail 78 "there is no user '$run_as' here; name another with --run-as"
  fi
  home=$(eval "printf '%s' ~$run_as")
  plain_path "the home directory" "$home"
}

# With a session of its own: what it starts cannot type into root's terminal.
as_user() { # COMMAND...
  if [ "$run_as" = "$me" ]; then
    "$@"
  elif [ "$system" = Linux ]; then
    (cd / && exec setsid --wait setpriv --reuid "$run_as" --regid "$(id -g "$run_as")" --init-groups "$@")
  else
    (cd / && exec sudo -n -u "$run_as" -- "$@")
  fi
}

# Whether the service's user, and so any workflow, has a hand in a file or in the way to it.
theirs() { # ABSOLUTE-PATH
  [ "$run_as" != "$me" ] || return 1
  local path=$1 target way links=0
  while [ -L "$path" ] && [ $links -lt 40 ]; do
    ! may_change "$path" || return 0
    links=$((links + 1))
    target=$(readlink "$path")
    case $target in
      /*) path=$target ;;
      *) path=${path%/*}/$target ;;
    esac
  done
  ! may_change "$path" || return 0
  way=${path%/*}
  while [ ! -d "$way/" ]; do
    way=${way%/*}
  done
  may_change "$(cd "$way/" && pwd -P)"
}

may_change() { # ABSOLUTE-PATH
  # shellcheck disable=SC2016
  as_user bash -c '
    path=$1
    while [ -n "$path" ]; do
      above=${path%/*}/
      if [ -O "$path" ] || { [ -w "$path" ] && [ ! -k "$path" ]; }; then exit 0; fi
      # Where everybody may put something, /tmp for one, what is there already stays what it is.
      if [ -w "$above" ] && { [ -L "$path" ] || [ ! -e "$path" ]; }; then exit 0; fi
      path=${path%/*}
    done
    exit 1' bash "$1" </dev/null
}

# With the eyes of who could have planted a link there.
read_file() { # ABSOLUTE-PATH
  if theirs "$1"; then
    as_user cat "$1"
  else
    cat "$1"
  fi
}

# --- checks: all of them before anything is touched --------------------------------------------

find_in() { # SEARCH-PATH PROGRAM
  local rest=$1: candidate
  while [ -n "$rest" ]; do
    candidate=${rest%%:*}/$2
    rest=${rest#*:}
    case $candidate in
      /*)
        if [ -f "$candidate" ] && as_user test -x "$candidate"; then
          printf '%s' "$candidate"
          return
        fi
        ;;
    esac
  done
  return 1
}

login_path() {
  if [ "$run_as" = "$me" ]; then
    printf '%s' "$PATH"
    return
  fi
  # A login shell may greet; the last line is ours.
  # shellcheck disable=SC2016
  su - "$run_as" -c 'printf "\n%s\n" "$PATH"' </dev/null 2>/dev/null | tail -n 1
}

add_directory() { # to search_path, once
  case ":$search_path:" in
    *":$1:"*) ;;
    *) search_path=${search_path:+$search_path:}$1 ;;
  esac
}

find_tools() {
  local from program found
  from=$(login_path):$home/.local/bin:/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin
  search_path=""
  for program in cape-adw uv node claude git bash perl; do
    if found=$(find_in "$from" "$program"); then
      add_directory "${found%/*}"
    fi
  done
  add_directory "$home/.local/bin"
  [ "$system" = Linux ] || add_directory /opt/homebrew/bin
  for found in /usr/local/bin /usr/bin /bin /usr/sbin /sbin; do
    add_directory "$found"
  done
  plain_path "a directory of the PATH" "$search_path"
  if ! bash=$(find_in "$search_path" bash); then
    problem "bash is missing, which opens the files of the worker's output; install it"
  fi
  find_in "$search_path" perl >/dev/null || problem "perl is missing, and each run is guarded by a Perl script; install it"
  if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then
    java=$JAVA_HOME/bin/java
  else
    java=$(find_in "$from" java) || java=""
  fi
  plain_path "the path of java" "$java"
}

check_service_manager() {
  if [ "$system" = Darwin ]; then
    command -v launchctl >/dev/null || problem "launchctl is missing; macOS has it in /bin"
    return
  fi
  local version
  if ! version=$("${ctl[@]}" --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p') || [ -z "$version" ]; then
    problem "systemctl is missing: this Linux has no systemd"
  elif [ "$version" -lt 246 ]; then
    problem "systemd $version is too old: 246 or newer is needed"
  elif ! "${ctl[@]}" show --property=Version >/dev/null 2>&1; then
    if [ -n "$user_mode" ]; then
      problem "you have no systemd of your own: log in as $me (not with su), or let root call 'loginctl enable-linger $me'"
    else
      problem "systemd does not run here (in a container, start the JAR itself)"
    fi
  fi
  find_in "$search_path" systemd-notify >/dev/null || problem "systemd-notify is missing; it comes with systemd"
}

make_scratch() {
  local base=/tmp old pid
  [ "$run_as" != "$me" ] || base=${TMPDIR:-/tmp}
  for old in "$base"/cape-install.*; do
    pid=${old#*/cape-install.}
    # It was killed. Another user's process may not be asked by a signal.
    ps -p "${pid%%.*}" >/dev/null 2>&1 || as_user rm -rf "$old" 2>/dev/null || true
  done
  scratch=$(as_user mktemp -d "$base/cape-install.$$.XXXXXX") || fail 1 "$run_as cannot make a directory in $base"
}

clean_up() {
  [ -z "$scratch" ] || as_user rm -rf "$scratch"
  [ -z "$locked" ] || rm -f "$lock"
}

# With the service's environment, not with this shell's.
java_as_user() { # ARGUMENT...
  as_user env -i HOME="$home" PATH="$search_path" LANG="$locale" "$java" "$@"
}

check_java() {
  if [ -z "$java" ]; then
    problem "java is missing: install a Java runtime, 17 or newer (apt install openjdk-17-jre-headless, brew install openjdk), or set JAVA_HOME"
    return
  fi
  local version major
  version=$(java_as_user -version 2>&1 </dev/null | sed -n 's/.* version "\([^"]*\)".*/\1/p' | head -n 1) || true
  major=${version%%[!0-9]*}
  if [ -z "$major" ] || [ "$major" -lt 17 ]; then
    problem "$java is version '${version:-unknown}', run as $run_as: the worker needs Java 17 or newer; set JAVA_HOME to one"
    java=""
  fi
}

checksum() {
  if command -v sha256sum >/dev/null; then
    sha256sum
  else
    shasum -a 256
  fi | cut -c 1-12
}

check_jar() {
  jar=$(absolute "$jar")
  # Its user may not be able to read it where it lies.
  # shellcheck disable=SC2016
  if [ ! -f "$jar" ] || ! read_file "$jar" | as_user bash -c 'cat >"$1"' bash "$scratch/cape-worker.jar"; then
    problem "$jar cannot be read: build it with 'mvn -DskipTests package', or name another with --jar"
    return
  fi
  [ -n "$java" ] || return 0
  local version
  version=$(java_as_user "${jvm[@]}" -jar "$scratch/cape-worker.jar" --version 2>/dev/null </dev/null |
    sed -n 's/^cape-worker \([A-Za-z0-9.+-]*\)$/\1/p' | head -n 1) || true
  if [ -z "$version" ]; then
    problem "$jar is no Cape Worker: '$java -jar $jar --version' does not answer as one"
    return
  fi
  sum=$(as_user cat "$scratch/cape-worker.jar" | checksum)
  release=cape-worker-$version-$sum.jar
}

read_settings() {
  if [ -z "$env_file" ]; then
    if as_user test -f "$settings"; then
      env_file=$settings
    else
      env_file=.env
    fi
  fi
  env_file=$(absolute "$env_file")
  # shellcheck disable=SC2016
  if [ -d "$env_file" ] || [ -p "$env_file" ] || ! settings_text=$(read_file "$env_file" 2>/dev/null); then
    problem "$env_file, the settings, cannot be read: copy .env.example, fill it in, and name it with --env-file"
    return
  fi
  has_settings=yes
}

# Asks the JAR itself, in the directory, with the PATH and as the user that it will have. The
# database may be away: that is no mistake here.
check_worker() {
  if [ -z "$release" ] || [ -z "$has_settings" ]; then
    find_in "$search_path" cape-adw >/dev/null || find_in "$search_path" uv >/dev/null ||
      problem "neither cape-adw nor uv is on the PATH that the service will have ($search_path): install one of them as $run_as (uv: https://docs.astral.sh/uv), unless CAPE_ADW_COMMAND names another command"
    return 0
  fi
  local code=0 place=$scratch text drain_seconds grace_seconds
  # shellcheck disable=SC2016
  printf '%s\n' "$settings_text" | as_user bash -c 'umask 077 && cat >"$1"' bash "$scratch/.env"
  # A directory that is not there yet, or not its user's yet, will be.
  if as_user test -w "$directory"; then
    place=$directory
  fi
  # shellcheck disable=SC2016
  doctor=$(as_user env -i HOME="$home" PATH="$search_path" LANG="$locale" \
    bash -c 'cd "$1" && shift && exec "$@"' bash "$place" "$java" "${jvm[@]}" -jar "$scratch/cape-worker.jar" \
    doctor --no-database --worker-id "$id" --env-file "$scratch/.env" ${options[@]+"${options[@]}"} 2>&1 </dev/null) ||
    code=$?
  text=$(printf '%s\n' "$doctor" | sed -n 's/^failed  *//p')
  if [ $code -ne 0 ]; then
    text=${text:-$doctor}
    text=$(replaced "$text" "$scratch/.env" "$env_file")
    problem "$(replaced "$text" "$scratch" "$directory")"
    return
  fi
  drain_seconds=$(seconds --drain-timeout CAPE_DRAIN_TIMEOUT 300)
  grace_seconds=$(seconds --grace CAPE_GRACE 10)
  stop_seconds=$((drain_seconds + grace_seconds + 30))
  log_directory=$(within "$(setting --log-dir CAPE_LOG_DIR logs)")
  state_directory=$(within "$(setting --state-dir CAPE_STATE_DIR "$log_directory/state/$id")")
  plain_path "the log or state directory" "$log_directory$state_directory"
}

# As the worker reads it; that Java may be anything.
setting() { # OPTION VARIABLE DEFAULT
  local value
  value=$(printf '%s\n' "$doctor" | sed -n -e "s/^ok  *settings: $1 = \(.*\) (option)\$/\1/p" \
    -e "s/^ok  *settings: $2 = \(.*\) (.* line [0-9]*)\$/\1/p")
  printf '%s' "${value:-$3}" | tail -n 1
}

seconds() { # OPTION VARIABLE DEFAULT
  local value form='^[0-9]{1,9}$'
  value=$(setting "$@")
  [[ $value =~ $form ]] || fail 78 "doctor says that $1 is '$value', which is no number of seconds"
  printf '%s' "$((10#$value))"
}

within() { # PATH, from the worker's directory on
  case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$directory" "$1" ;;
  esac
}

replaced() { # TEXT OLD NEW
  local before="" rest=$1
  while [[ $rest == *"$2"* ]]; do
    before=$before${rest%%"$2"*}$3
    rest=${rest#*"$2"}
  done
  printf '%s' "$before$rest"
}

check_prefix() {
  ! theirs "$prefix/lib" ||
    problem "$run_as, and so any workflow, may change $prefix or a directory above it: choose a --prefix that is root's alone"
}

check_writable() { # DIRECTORY, which need not exist
  local existing=$1
  while [ ! -e "$existing" ]; do
    existing=${existing%/*}
    existing=${existing:-/}
  done
  if [ ! -d "$existing" ] || [ ! -w "$existing" ]; then
    problem "$me may not write to $existing; choose another --prefix, or call this script with sudo"
  fi
}

# Files of a user that it had before would be neither readable nor safe to hand over.
check_directory() {
  if [ -n "$user_mode" ] || [ ! -d "$directory" ] || owns "$directory" || [ -z "$(ls -A "$directory")" ]; then
    return
  fi
  problem "$directory is not $run_as's: look at what is in it and 'chown -R' it, or --uninstall --purge first"
}

owns() { # FILE: whether it is the service's user's
  [ -n "$(find "$1" -prune -user "$run_as")" ]
}

stop_at_problems() {
  if [ ${#problems[@]} -gt 0 ]; then
    printf 'install-worker: nothing was touched, because\n' >&2
    printf '%s\n' "${problems[@]}" | printable | sed 's/^/  - /' >&2
    exit 78
  fi
}

check() {
  release="" doctor="" has_settings=""
  find_tools
  check_service_manager
  make_scratch
  check_java
  check_jar
  read_settings
  check_worker
  check_prefix
  check_directory
  check_writable "$prefix/workers"
  check_writable "$unit_directory"
  stop_at_problems
  local program
  for program in git node claude; do
    find_in "$search_path" "$program" >/dev/null ||
      say "Note: $program is not on the PATH that the service will have; a workflow that needs it will fail."
  done
  [ "$run_as" != root ] || [ -n "$user_mode" ] ||
    warn "warning: workflows will run as root, and may do anything to this host. Give them a user of their own: useradd --create-home --shell /bin/bash cape, then --run-as cape"
}

# --- changes: each is either printed or made ---------------------------------------------------

run() { # COMMAND...
  changed=yes
  if [ -z "$dry_run" ]; then
    "$@"
    return
  fi
  if [ "$1" = as_user ]; then
    shift
    printf 'would run as %s:' "$run_as"
  else
    printf 'would run:'
  fi
  printf ' %q' "$@"
  printf '\n'
}

# One at a time: the workers of a host share the JAR.
take_lock() {
  [ -z "$dry_run" ] || return 0
  local holder left=60
  until ln -s "$$" "$lock" 2>/dev/null; do
    holder=$(readlink "$lock") || holder=""
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      # It was killed. Another one may have seen that as well, and be ahead.
      mv -f "$lock" "$lock.$$" 2>/dev/null || continue
      [ "$(readlink "$lock.$$")" = "$holder" ] || ln -s "$(readlink "$lock.$$")" "$lock" 2>/dev/null || true
      rm -f "$lock.$$"
      continue
    fi
    [ $left -gt 0 ] || fail 75 "another install is at work, pid ${holder:-unknown} (if that is none, remove $lock); try again"
    [ $left -lt 60 ] || say "Waiting for another install, pid ${holder:-unknown}."
    left=$((left - 1))
    sleep 1
  done
  locked=yes
}

folder() { # PATH: where the service's user may not write
  [ -d "$1" ] || run mkdir -p "$1"
}

# Whole or not at all, and only where something differs.
write() { # FILE MODE CONTENT
  if [ -f "$1" ] && [ "$(cat "$1")" = "$3" ] && [ -n "$(find "$1" -perm "$2")" ]; then
    return
  fi
  changed=yes
  if [ -n "$dry_run" ]; then
    say "would write $1 (mode $2):"
    printf '%s\n' "$3" | sed 's/^/    /'
    return
  fi
  if ! printf '%s\n' "$3" >"$1.new" || ! chmod "$2" "$1.new" || ! mv -f "$1.new" "$1"; then
    rm -f "$1.new"
    cannot_write "$1"
  fi
}

cannot_write() { fail 1 "$1 cannot be written; mend that, and run this again"; }

write_settings() {
  if [ "$(as_user cat "$settings" 2>/dev/null)" = "$settings_text" ] &&
    [ -n "$(as_user find "$settings" -type f -perm 600 2>/dev/null)" ]; then
    return
  fi
  changed=yes
  if [ -n "$dry_run" ]; then
    say "would write $settings (mode 600, owner $run_as): the settings of $env_file, not shown"
    return
  fi
  # All of it, or this script was killed meanwhile.
  # shellcheck disable=SC2016
  printf '%s\n' "$settings_text" | as_user bash -c '
    umask 077
    text=$(cat)
    [ ${#text} -eq "$2" ] && rm -f "$1.new" && printf "%s\n" "$text" >"$1.new" && mv -f "$1.new" "$1" && exit
    rm -f "$1.new"
    exit 1' bash "$settings" ${#settings_text} || cannot_write "$settings"
}

# A running JVM reads its JAR all the time: files are never overwritten, the link is switched.
install_jar() {
  local file=$prefix/lib/$release old
  folder "$prefix/lib"
  if [ ! -f "$file" ] || [ "$(checksum <"$file")" != "$sum" ]; then
    changed=yes
    if [ -n "$dry_run" ]; then
      say "would copy $jar to $file"
    else
      read_file "$jar" >"$file.new" || true
      if [ "$(checksum <"$file.new")" != "$sum" ] || ! mv -f "$file.new" "$file"; then
        rm -f "$file.new"
        cannot_write "$file"
      fi
    fi
  fi
  old=$(readlink "$link" 2>/dev/null) || true
  if [ "$old" != "lib/$release" ]; then
    run ln -sf "lib/$release" "$link.new"
    run mv -f "$link.new" "$link"
    # A JVM that still runs from one of these holds it open.
    for file in "$prefix"/lib/*; do
      case $file in
        */"$release" | "$prefix/$old" | */'*') ;;
        *) run rm -f "$file" ;;
      esac
    done
  fi
}

install_files() {
  folder "$prefix"
  folder "$prefix/workers"
  # From now on no other worker's uninstall takes the JAR away.
  [ -n "$dry_run" ] || [ -e "$mark" ] || write "$mark" 600 ""
  install_jar
  [ -d "$directory" ] || run mkdir -m 750 "$directory"
  if [ -z "$user_mode" ] && ! { [ -d "$directory" ] && owns "$directory"; }; then
    run chown "$run_as:$(id -g "$run_as")" "$directory"
  fi
  if ! as_user test -d "$log_directory"; then
    # shellcheck disable=SC2016
    run as_user bash -c 'umask 027 && mkdir -p "$1"' bash "$log_directory"
  fi
  as_user test -d "$directory/tmp" || run as_user mkdir -m 700 "$directory/tmp"
  write_settings
  folder "$unit_directory"
  write "$unit" 644 "$text"
}

# --- the unit, the plist -----------------------------------------------------------------------

# Lines as they stand in the file.
escaped() {
  if [ "$system" = Linux ]; then
    sed 's/%/%%/g'
  else
    sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
  fi
}

# The same within quotes, where a unit's $ stands for itself.
quoted() {
  escaped | if [ "$system" = Linux ]; then sed 's/"/\\"/g'; else cat; fi
}

# Bash opens the worker's own output: a service manager that is root would follow a workflow's link.
command_text() {
  # shellcheck disable=SC2016
  printf '%s\n' "$bash" -c 'exec "$@" >>"${0}_stdout.log" 2>>"${0}_stderr.log"' "$log_directory/worker_$id" \
    "$java" "${jvm[@]}" -jar "$link" --worker-id "$id" --env-file "$settings" ${options[@]+"${options[@]}"} |
    if [ "$system" = Linux ]; then
      # systemd.syntax(7)
      escaped | sed 's/\\/\\\\/g; s/"/\\"/g; s/\$/$$/g; s/.*/"&"/' | tr '\n' ' '
    else
      escaped | sed 's/.*/    <string>&<\/string>/'
    fi
}

filling() { # NAME
  case $1 in
    ID) printf '%s' "$id" ;;
    USER) printf '%s' "$run_as" ;;
    TARGET) if [ -n "$user_mode" ]; then printf default.target; else printf multi-user.target; fi ;;
    STOP_SECONDS) printf '%s' "$stop_seconds" ;;
    DIRECTORY) printf '%s\n' "$directory" | escaped ;;
    HOME) printf '%s\n' "$home" | quoted ;;
    PATH) printf '%s\n' "$search_path" | quoted ;;
    TMPDIR) printf '%s\n' "$directory/tmp" | quoted ;;
    BASH) printf '%s\n' "$bash" | escaped ;;
    COMMAND) command_text ;;
    *) return 1 ;;
  esac
}

service_text() {
  local file=$here/daemons/cape-worker.service from='/System services only/' to='/All services/'
  local rest filled="" name value
  [ "$system" = Linux ] || file=$here/daemons/com.cape.worker.plist
  if [ -n "$user_mode" ]; then
    rest=$(sed "$from,${to}d" "$file")
  else
    rest=$(sed "${from}d; ${to}d" "$file")
  fi
  while [[ $rest == *@*@* ]]; do
    filled=$filled${rest%%@*}
    rest=${rest#*@}
    name=${rest%%@*}
    if value=$(filling "$name"); then
      filled=$filled$value
      rest=${rest#*@}
    else
      filled=$filled@
    fi
  done
  printf '%s' "$filled$rest"
}

# --- the service managers ----------------------------------------------------------------------

await() { # SECONDS COMMAND...
  local left=$1
  shift
  until "$@"; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 1))
    sleep 1
  done
}

is_running() {
  if [ "$system" = Linux ]; then
    # Between two starts it is "activating".
    case $("${ctl[@]}" show --property=ActiveState --value "$name" 2>/dev/null) in
      active | activating | reloading) ;;
      *) return 1 ;;
    esac
  else
    launchctl print "$domain/$name" >/dev/null 2>&1
  fi
}

is_enabled() {
  [ "$system" = Darwin ] || "${ctl[@]}" is-enabled --quiet "$name" 2>/dev/null
}

bootstrap() {
  if [ -n "$dry_run" ]; then
    run launchctl bootstrap "$domain" "$unit"
    return
  fi
  changed=yes
  # Right after bootout it may fail with "5: Input/output error".
  await 5 launchctl bootstrap "$domain" "$unit" 2>/dev/null
}

bootout() {
  if [ -n "$dry_run" ]; then
    run launchctl bootout "$domain/$name"
    return
  fi
  changed=yes
  launchctl bootout "$domain/$name" 2>/dev/null || true
  # It is done later; launchd itself has the plist's ExitTimeOut.
  while is_running; do
    sleep 1
  done
}

enable() {
  run "${ctl[@]}" daemon-reload
  is_enabled || run "${ctl[@]}" enable --quiet "$name"
}

start() {
  if [ "$system" = Linux ]; then
    enable
    restart
  else
    run launchctl enable "$domain/$name"
    bootstrap || fail 1 "launchd does not take $unit; 'plutil -lint' may tell why"
  fi
}

restart() {
  run "${ctl[@]}" restart "$name" && return
  warn "$name does not start. The end of $log_directory/worker_${id}_stderr.log:"
  as_user tail -n 5 "$log_directory/worker_${id}_stderr.log" 2>/dev/null | printable >&2 || true
  fail 1 "mend that, and run this again ('${ctl[*]} status $name' tells more)"
}

# The worker that runs makes room for one with the new files, which goes on with its runs. One of an
# earlier version leaves when they have ended.
replace() {
  if [ "$system" = Linux ]; then
    enable
    if [ -n "$now" ] || ! ask restart; then
      restart
    else
      state="restarting on the new files"
    fi
  else
    # launchd reads a plist once: the worker has to be gone first.
    [ -n "$now" ] || ask drain --wait || true
    bootout
    start
  fi
}

ask() { # drain|restart OPTION...
  local code=0 word previous="" url=()
  for word in ${options[@]+"${options[@]}"}; do
    case $word in
      --database-url=*) url=("$word") ;;
    esac
    [ "$previous" != --database-url ] || url=(--database-url "$word")
    previous=$word
  done
  run as_user env -i HOME="$home" PATH="$search_path" LANG="$locale" "$java" "${jvm[@]}" -jar "$link" \
    "$1" "$id" "${@:2}" --env-file "$settings" ${url[@]+"${url[@]}"} </dev/null || code=$?
  case $code in
    0) ;;
    1) return 1 ;; # It is not at work: between two starts, or waiting for the database.
    *) fail 69 "the files are in place, but $id could not be asked to $1 (above); run this again, or with --now" ;;
  esac
}

linger() {
  if [ "$system" = Darwin ] || [ -z "$user_mode" ] ||
    [ "$(loginctl show-user "$me" --property=Linger --value 2>/dev/null)" = yes ]; then
    return
  fi
  if [ -n "$dry_run" ]; then
    run loginctl enable-linger
  elif loginctl enable-linger 2>/dev/null; then
    changed=yes
  else
    say "Note: it starts when you log in; at boot only after 'sudo loginctl enable-linger $me'."
  fi
}

# --- the two things to do ----------------------------------------------------------------------

install() {
  keep_options
  check
  text=$(service_text)
  local wanted state=started
  wanted=$(printf '%s\n' "$release" "$text" "$settings_text" | checksum)
  wanted=$(
    printf '%s\n' "$wanted" "$log_directory" "$state_directory"
    [ ${#options[@]} -eq 0 ] || printf 'option:%s\n' "${options[@]}"
  )
  take_lock
  install_files
  if ! is_running; then
    start
  elif [ -n "$changed" ] || [ "$(cat "$mark" 2>/dev/null)" != "$wanted" ]; then
    replace
  elif ! is_enabled; then
    enable
  fi
  linger
  # Last: whatever stops this script before is done again.
  write "$mark" 600 "$wanted"
  if [ -z "$changed" ]; then
    say "$id is installed and runs; nothing to change."
  elif [ -z "$dry_run" ]; then
    say "$id is $state: $name in $prefix, log in $log_directory/worker_$id.log"
  fi
}

remove() { # FILE...: of those that are there
  local file
  for file in "$@"; do
    if [ -e "$file" ] || [ -L "$file" ]; then
      run rm -rf "$file"
    fi
  done
}

remove_empty() { # FOLDER...
  local folder
  for folder in "$@"; do
    if [ -n "$dry_run" ] && [ -d "$folder" ]; then
      say "would remove $folder, if it is empty then"
    elif [ -d "$folder" ] && rmdir "$folder" 2>/dev/null; then
      changed=yes
    fi
  done
}

uninstall() {
  check_prefix
  stop_at_problems
  take_lock
  local logs=$directory/logs state=$directory/logs/state/$id
  if [ -s "$mark" ] && [ -n "$(sed -n 3p "$mark")" ]; then
    logs=$(sed -n 2p "$mark")
    state=$(sed -n 3p "$mark")
  fi
  remove_service
  end_runs
  ! as_user test -d "$directory/tmp" || run as_user rm -rf "$directory/tmp"
  # What is left in it besides the lock is a result that the database has not taken yet.
  if as_user test -f "$state/lock"; then
    # shellcheck disable=SC2016
    run as_user bash -c 'rm -f "$1/lock" && rmdir "$1/runs" "$1" "${1%/*}" 2>/dev/null; true' bash "$state"
  fi
  [ -z "$purge" ] || purge_directory
  remove "$mark" "$mark.new"
  if ! others; then
    remove "$link" "$link.new" "$prefix/lib"
    remove_empty "$prefix/workers" "$prefix"
  fi
  local left=""
  [ ! -d "$directory" ] || left="$directory"
  case $logs in
    "$directory"/*) ;;
    *) [ ! -d "$logs" ] || left="${left:+$left and }$logs" ;;
  esac
  if [ -z "$changed" ]; then
    say "$id is not installed; nothing to change."
  elif [ -z "$dry_run" ]; then
    say "$id is uninstalled.${left:+ Settings and logs are left in $left.}"
  fi
}

# Between a crash and the next start the guardians keep the runs; each looks for this order.
end_runs() {
  as_user test -d "$state/runs" || return 0
  # shellcheck disable=SC2016
  run as_user bash -c '
    for run in "$1"/runs/*/; do
      [ ! -f "$run/record" ] || echo interrupted >"$run/stop"
    done
    for ((turn = 0; turn < 300; turn++)); do
      living=""
      for run in "$1"/runs/*/; do
        read -r _ guardian _ < <(grep "^guardian " "$run/record" 2>/dev/null) || continue
        ! kill -0 "$guardian" 2>/dev/null || living=yes
      done
      [ -n "$living" ] || break
      sleep 0.1
    done' bash "$state"
}

remove_service() {
  if [ -e "$unit" ]; then
    if [ "$system" = Linux ]; then
      run "${ctl[@]}" disable --quiet --now "$name"
    elif is_running; then
      bootout
    fi
  fi
  remove "$unit" "$unit.new"
  if [ "$system" = Linux ] && { [ -n "$changed" ] || [ -e "$mark" ]; }; then
    run "${ctl[@]}" daemon-reload
    [ -n "$dry_run" ] || "${ctl[@]}" reset-failed "$name" 2>/dev/null || true
  fi
}

purge_directory() {
  [ -d "$directory" ] || return 0
  # A workflow may have left folders that it cannot write to.
  # shellcheck disable=SC2016
  run as_user bash -c 'chmod -R u+rwX "$1" 2>/dev/null; find "$1" -mindepth 1 -delete' bash "$directory" || true
  run rmdir "$directory" || fail 1 "$directory holds what is not $run_as's; look at it, and remove it"
}

# Whether another worker uses the JAR.
others() {
  local other
  for other in "$prefix"/workers/.installed-*; do
    [ ! -e "$other" ] || [ "$other" = "$mark" ] || return 0
  done
  return 1
}

parse "$@"
find_place
find_user
trap clean_up EXIT
if [ -n "$uninstall" ]; then
  uninstall
else
  install
fi
