#!/usr/bin/env bash
# Installs a Cape Worker as a service: systemd on Linux, launchd on macOS. --help tells the rest.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/install-worker.sh WORKER-ID [options] [-- WORKER-OPTIONS]
       scripts/install-worker.sh WORKER-ID --uninstall [--purge] [options]

Installs a worker that starts at boot, restarts when it dies, and stops without hurting its run. As
root: a systemd system service, on macOS a daemon. Else a service of your own: a systemd user
service, on macOS an agent. Run it again to upgrade, or to change a setting: a worker in the middle
of a run ends that first.

  --env-file FILE  settings; kept as .env, mode 0600, with the worker. Default: those that are there,
                   else .env in the current directory
  --run-as USER    whose checkout, keys and logins the workflows use (root only).
                   Default: who called sudo, else root
  --user           a service of your own (the default unless you are root)
  --prefix DIR     where everything lies. Default: /opt/cape-worker, for --user
                   ~/.local/share/cape-worker, on macOS ~/Library/Application Support/cape-worker
  --jar FILE       default: target/cape-worker.jar beside this script's directory
  --now            stop the worker at once for an upgrade: within the drain timeout
  --dry-run        print every file and command, change nothing
  --uninstall      leave nothing but settings and logs
  --purge          ... and not those either
  WORKER-OPTIONS   go to the worker as they are, for instance -- --working-dir /srv/checkout

Exit codes: 0 done, or nothing to do; 1 the service does not start; 2 wrong usage; 69 the database is
away, and the worker could not be asked to drain; 78 something is missing, and nothing was touched.
END
}

readonly MARK="cape-install"
jvm=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.1 -Xms12m -Xmx128m)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
id="" env_file="" run_as="" prefix="" jar="$here/target/cape-worker.jar"
user_mode="" now="" dry_run="" uninstall="" purge=""
options=()
url=()
ctl=(systemctl)
changed=""
problems=()

say() { printf '%s\n' "$*"; }
fail() { # EXIT-CODE MESSAGE
  printf 'install-worker: %s\n' "$2" >&2
  exit "$1"
}
wrong_usage() { fail 2 "$1; --help shows what there is"; }
problem() { problems+=("$1"); }

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --env-file | --run-as | --prefix | --jar)
        [ $# -gt 1 ] || wrong_usage "$1 needs a value"
        case $1 in
          --env-file) env_file=$2 ;;
          --run-as) run_as=$2 ;;
          --prefix) prefix=$2 ;;
          --jar) jar=$2 ;;
        esac
        [ -n "$2" ] || wrong_usage "$1 needs a value"
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
        options=("$@")
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
  # For the other commands of the JAR.
  local previous=""
  for word in ${options[@]+"${options[@]}"}; do
    case $word in
      --database-url=*) url=("$word") ;;
    esac
    [ "$previous" != --database-url ] || url=(--database-url "$word")
    previous=$word
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
    Linux | Darwin) ;;
    *) fail 78 "$system has neither systemd nor launchd; start the JAR with what it has" ;;
  esac
  me=$(id -un)
  if [ "$(id -u)" -eq 0 ]; then
    [ -z "$user_mode" ] || wrong_usage "--user is not for root; run it as the user whom the service is to belong to"
    run_as=${run_as:-${SUDO_USER:-root}}
  else
    [ -z "$run_as" ] || [ "$run_as" = "$me" ] || wrong_usage "--run-as needs root"
    user_mode=yes
    run_as=$me
    ctl=(systemctl --user)
  fi
  id -u "$run_as" >/dev/null 2>&1 || fail 78 "there is no user '$run_as' here; name another with --run-as"
  if [ -n "$user_mode" ]; then
    home=$HOME
  else
    home=$(eval "printf '%s' ~$run_as")
  fi
  plain_path "the home directory" "$home"

  local standard
  if [ "$system" = Linux ]; then
    name="cape-worker-$id.service"
    if [ -n "$user_mode" ]; then
      unit_directory=${XDG_CONFIG_HOME:-$home/.config}/systemd/user
      standard=${XDG_DATA_HOME:-$home/.local/share}/cape-worker
    else
      unit_directory=/etc/systemd/system
      standard=/opt/cape-worker
    fi
    unit=$unit_directory/$name
  else
    name="com.cape.worker.$id"
    if [ -n "$user_mode" ]; then
      unit_directory=$home/Library/LaunchAgents
      standard="$home/Library/Application Support/cape-worker"
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
    prefix=${prefix%/}
    [ -z "$installed" ] || [ "$installed" = "$prefix" ] ||
      fail 2 "$id is installed in $installed; uninstall it first, or leave --prefix out"
  else
    prefix=${installed:-$standard}
  fi
  plain_path "--prefix" "$prefix"
  directory=$prefix/workers/$id
  link=$prefix/cape-worker.jar
  settings=$directory/.env
  mark=$directory/.$MARK
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

# --- checks: all of them before anything is touched --------------------------------------------

find_in() { # SEARCH-PATH PROGRAM
  local rest=$1: candidate
  while [ -n "$rest" ]; do
    candidate=${rest%%:*}/$2
    rest=${rest#*:}
    case $candidate in
      /*)
        if [ -f "$candidate" ] && [ -x "$candidate" ]; then
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
  for program in cape-adw uv node claude git bash; do
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
  if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then
    java=$JAVA_HOME/bin/java
  else
    java=$(find_in "$from" java) || java=""
  fi
  plain_path "the path of java" "$java"
}

check_java() {
  if [ -z "$java" ]; then
    problem "java is missing: install a Java runtime, 17 or newer (apt install openjdk-17-jre-headless, brew install openjdk), or set JAVA_HOME"
    return
  fi
  local version major
  version=$("$java" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p' | head -n 1) || true
  major=${version%%[!0-9]*}
  if [ -z "$major" ] || [ "$major" -lt 17 ]; then
    problem "$java is version '${version:-unknown}': the worker needs Java 17 or newer; set JAVA_HOME to one"
    java=""
  fi
}

check_jar() {
  jar=$(absolute "$jar")
  if [ ! -r "$jar" ]; then
    problem "$jar is missing: build it with 'mvn -DskipTests package', or name another with --jar"
    return
  fi
  [ -n "$java" ] || return 0
  local version
  version=$("$java" "${jvm[@]}" -jar "$jar" --version 2>/dev/null | sed -n 's/^cape-worker \([A-Za-z0-9.+-]*\)$/\1/p') || true
  if [ -z "$version" ]; then
    problem "$jar is no Cape Worker: '$java -jar $jar --version' does not answer as one"
    return
  fi
  release=cape-worker-$version-$(checksum <"$jar").jar
}

checksum() {
  if command -v sha256sum >/dev/null; then
    sha256sum
  else
    shasum -a 256
  fi | cut -c 1-12
}

# The value that the worker will see: of its option, else of the settings, else the default.
setting() { # OPTION VARIABLE DEFAULT
  local value="" previous="" word line
  for word in ${options[@]+"${options[@]}"}; do
    [ -z "$1" ] || [ "$previous" != "$1" ] || value=$word
    case $word in
      "$1="*) value=${word#*=} ;;
    esac
    previous=$word
  done
  if [ -z "$value" ] && [ -r "$env_file" ]; then
    line=$(sed -n "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*//p" "$env_file" | tail -n 1)
    case $line in
      \"*) value=${line#\"} value=${value%%\"*} ;;
      \'*) value=${line#\'} value=${value%%\'*} ;;
      *) value=$(printf '%s' "$line" | sed 's/[[:space:]]*\(#.*\)\{0,1\}$//') ;;
    esac
  fi
  printf '%s' "${value:-$3}"
}

check_settings() {
  if [ -z "$env_file" ]; then
    if [ -r "$settings" ]; then
      env_file=$settings
    else
      env_file=.env
    fi
  fi
  env_file=$(absolute "$env_file")
  if [ ! -f "$env_file" ] || [ ! -r "$env_file" ]; then
    problem "$env_file, the settings, cannot be read: copy .env.example, fill it in, and name it with --env-file"
    return
  fi
  log_directory=$(setting --log-dir CAPE_LOG_DIR logs)
  case $log_directory in
    /*) ;;
    *) log_directory=$directory/$log_directory ;;
  esac
  plain_path "the log directory" "$log_directory"
  local drain grace form='^[1-9][0-9]{0,8}$'
  drain=$(setting --drain-timeout CAPE_DRAIN_TIMEOUT 300)
  grace=$(setting --grace CAPE_GRACE 10)
  if [[ $drain =~ $form ]] && [[ $grace =~ $form ]]; then
    stop_seconds=$((drain + grace + 30))
  else
    problem "drain timeout '$drain' and grace '$grace' are to be whole seconds"
  fi
  [ -n "$java" ] && [ -n "$release" ] || return 0
  # Not 'doctor': it fails where the database is away or new, which is no mistake here.
  local said
  if ! said=$(ask_jar "$jar" --check-settings --worker-id "$id" --env-file "$env_file" \
    ${options[@]+"${options[@]}"} 2>&1); then
    problem "$said"
  fi
}

# With the service's environment, not with this shell's.
ask_jar() { # JAR ARGUMENT...
  env -i HOME="$home" PATH="$search_path" LANG=C.UTF-8 "$java" "${jvm[@]}" -jar "$@"
}

check_command() {
  local command program
  command=$(setting --command CAPE_ADW_COMMAND "")
  if [ -z "$command" ]; then
    find_in "$search_path" cape-adw >/dev/null || find_in "$search_path" uv >/dev/null ||
      problem "neither cape-adw nor uv is on the PATH that the service will have ($search_path): install one of them as $run_as (uv: https://docs.astral.sh/uv), or set CAPE_ADW_COMMAND"
  else
    program=${command%%[[:space:]]*}
    case $program in
      # The worker itself knows how to take these apart; it says so and stays down.
      *[\'\"\\/]*) ;;
      *)
        find_in "$search_path" "$program" >/dev/null ||
          problem "'$program' of the command is not on the PATH that the service will have ($search_path)"
        ;;
    esac
  fi
  find_in "$search_path" bash >/dev/null || problem "bash is missing; each run is guarded by a bash script"
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

check() {
  release="" stop_seconds=340 log_directory=$directory/logs
  find_tools
  check_service_manager
  check_java
  check_jar
  check_settings
  check_command
  check_writable "$directory"
  check_writable "$unit_directory"
  if [ ${#problems[@]} -gt 0 ]; then
    printf 'install-worker: nothing was touched, because\n' >&2
    printf '  - %s\n' "${problems[@]}" >&2
    exit 78
  fi
  local program
  for program in git node claude; do
    find_in "$search_path" "$program" >/dev/null ||
      say "Note: $program is not on the PATH that the service will have; a workflow that needs it will fail."
  done
}

# --- changes: each is either printed or made ---------------------------------------------------

run() { # COMMAND...
  changed=yes
  if [ -n "$dry_run" ]; then
    printf 'would run:'
    printf ' %q' "$@"
    printf '\n'
  else
    "$@"
  fi
}

folder() { # PATH MODE OWNER
  [ -d "$1" ] || { run mkdir -p "$1" && run chmod "$2" "$1" && own "$3" "$1"; }
}

own() { # OWNER FILE
  [ "$1" = "$me" ] || run chown "$1:$(id -gn "$1")" "$2"
}

# Whole or not at all, and only where something differs.
write() { # FILE MODE OWNER CONTENT
  if [ -e "$1" ] && [ "$(cat "$1" 2>/dev/null)" = "$4" ] && [ -n "$(find "$1" -perm "$2" -user "$3")" ]; then
    return
  fi
  changed=yes
  if [ -n "$dry_run" ]; then
    say "would write $1 (mode $2, owner $3):"
    if [ "$1" = "$settings" ]; then
      say "    (the settings of $env_file, not shown)"
    else
      printf '%s\n' "$4" | sed 's/^/    /'
    fi
    return
  fi
  (umask 077 && printf '%s\n' "$4" >"$1.new")
  chmod "$2" "$1.new"
  own "$3" "$1.new"
  mv -f "$1.new" "$1"
}

fill() { # NAME VALUE: in $text
  local filled="" rest=$text
  while [[ $rest == *"@$1@"* ]]; do
    filled=$filled${rest%%"@$1@"*}$2
    rest=${rest#*"@$1@"}
  done
  text=$filled$rest
}

unit_word() { # systemd.syntax(7): quoted, % and $ doubled
  printf '"'
  printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g; s/%/%%/g; s/\$/$$/g'
  printf '"'
}

unit_path() { printf '%s' "$1" | sed 's/%/%%/g'; }

unit_variable() { # NAME VALUE: in Environment=, $ stands for itself
  printf '"%s=' "$1"
  printf '%s' "$2" | sed 's/"/\\"/g; s/%/%%/g'
  printf '"'
}

xml() { printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }

command_words() {
  words=("$java" "${jvm[@]}" -jar "$link"
    --worker-id "$id" --env-file "$settings" ${options[@]+"${options[@]}"})
}

systemd_unit() {
  local word command=""
  text=$(cat "$here/daemons/cape-worker.service")
  if [ -n "$user_mode" ]; then
    text=$(printf '%s\n' "$text" | sed '/^# System services only$/,/^# All services$/d')
    fill TARGET default.target
  else
    text=$(printf '%s\n' "$text" | sed '/^# System services only$/d; /^# All services$/d')
    fill TARGET multi-user.target
    fill USER "$run_as"
  fi
  for word in "${words[@]}"; do
    command="$command $(unit_word "$word")"
  done
  fill STOP_SECONDS "$stop_seconds"
  fill ID "$id"
  fill DIRECTORY "$(unit_path "$directory")"
  fill STDOUT "$(unit_path "$log_directory/worker_${id}_stdout.log")"
  fill STDERR "$(unit_path "$log_directory/worker_${id}_stderr.log")"
  fill HOME "$(unit_variable HOME "$home")"
  fill PATH "$(unit_variable PATH "$search_path")"
  fill COMMAND "${command# }"
}

launchd_plist() {
  local word arguments=""
  text=$(cat "$here/daemons/com.cape.worker.plist")
  if [ -n "$user_mode" ]; then
    text=$(printf '%s\n' "$text" | sed '/<!-- Daemons only -->/,/<!-- All services -->/d')
  else
    text=$(printf '%s\n' "$text" | sed '/<!-- Daemons only -->/d; /<!-- All services -->/d')
    fill USER "$(xml "$run_as")"
  fi
  for word in "${words[@]}"; do
    arguments="$arguments    <string>$(xml "$word")</string>"$'\n'
  done
  fill STOP_SECONDS "$stop_seconds"
  fill ID "$id"
  fill DIRECTORY "$(xml "$directory")"
  fill STDOUT "$(xml "$log_directory/worker_${id}_stdout.log")"
  fill STDERR "$(xml "$log_directory/worker_${id}_stderr.log")"
  fill HOME "$(xml "$home")"
  fill PATH "$(xml "$search_path")"
  fill ARGUMENTS "${arguments%$'\n'}"
}

# A running JVM reads its JAR all the time: files are never overwritten, the link is switched.
install_jar() {
  local file=$prefix/lib/$release old
  folder "$prefix/lib" 755 "$me"
  if [ ! -e "$file" ]; then
    run cp "$jar" "$file.new"
    run chmod 644 "$file.new"
    run mv -f "$file.new" "$file"
  fi
  old=$(readlink "$link" 2>/dev/null) || true
  if [ "$old" != "lib/$release" ]; then
    run ln -sf "lib/$release" "$link.new"
    run mv -f "$link.new" "$link"
    # A JVM that still runs from one of these holds it open.
    for file in "$prefix"/lib/*.jar; do
      case $file in
        */"$release" | "$prefix/$old" | *'/*.jar') ;;
        *) run rm -f "$file" ;;
      esac
    done
  fi
}

install_files() {
  folder "$prefix" 755 "$me"
  install_jar
  folder "$prefix/workers" 755 "$me"
  folder "$directory" 750 "$run_as"
  folder "$log_directory" 750 "$run_as"
  write "$settings" 600 "$run_as" "$(cat "$env_file")"
  local stream file
  for stream in stdout stderr; do
    # systemd would make them root's.
    file=$log_directory/worker_${id}_$stream.log
    if [ ! -e "$file" ]; then
      run touch "$file"
      run chmod 600 "$file"
      own "$run_as" "$file"
    fi
  done
  folder "$unit_directory" 755 "$me"
  write "$unit" 644 "$me" "$text"
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

start() {
  if [ "$system" = Linux ]; then
    run "${ctl[@]}" daemon-reload
    is_enabled || run "${ctl[@]}" enable --quiet "$name"
    if ! run "${ctl[@]}" restart "$name"; then
      tell_why
      exit 1
    fi
  else
    run launchctl enable "$domain/$name"
    bootstrap || fail 1 "launchd does not take $unit; 'plutil -lint' may tell why"
  fi
}

tell_why() {
  printf 'install-worker: %s does not start. The end of %s:\n' "$name" "$log_directory" >&2
  tail -n 5 "$log_directory/worker_${id}_stderr.log" >&2 2>/dev/null || true
  printf 'Mend that, and run this again.\n' >&2
}

# Nothing that runs comes to harm: the worker is asked to leave when it has ended.
drain() {
  local code=0
  run env -i HOME="$home" PATH="$search_path" LANG=C.UTF-8 "$java" "${jvm[@]}" -jar "$link" \
    drain "$id" "$@" --env-file "$settings" ${url[@]+"${url[@]}"} || code=$?
  case $code in
    0) ;;
    1) return 1 ;; # It is not at work: between two starts, or waiting for the database.
    *) fail 69 "the files are in place, but $id could not be asked to drain (above); run this again, or with --now" ;;
  esac
}

linger() {
  if [ "$system" = Linux ] && [ -n "$user_mode" ] &&
    [ "$(loginctl show-user "$me" --property=Linger --value 2>/dev/null)" != yes ]; then
    run loginctl enable-linger || say "Note: it starts when you log in; at boot only after 'sudo loginctl enable-linger $me'."
  fi
}

install() {
  check
  command_words
  if [ "$system" = Linux ]; then
    systemd_unit
  else
    launchd_plist
  fi
  local wanted state=started
  wanted=$(printf '%s\n' "$release" "$text" "$(cat "$env_file")" | checksum)
  install_files
  linger
  if [ "$(cat "$mark" 2>/dev/null)" = "$wanted" ] && is_running && is_enabled; then
    [ -n "$changed" ] || {
      say "$id is installed and runs; nothing to change."
      return
    }
  fi
  if ! is_running; then
    start
  elif [ "$(cat "$mark" 2>/dev/null)" != "$wanted" ]; then
    replace
  fi
  write "$mark" 600 "$me" "$wanted"
  [ -n "$dry_run" ] || say "$id is $state: $name in $prefix, log in $log_directory/worker_$id.log"
}

# The worker that runs makes room for one with the new files.
replace() {
  if [ "$system" = Linux ]; then
    run "${ctl[@]}" daemon-reload
    is_enabled || run "${ctl[@]}" enable --quiet "$name"
    if [ -n "$now" ] || ! drain --restart; then
      run "${ctl[@]}" restart "$name" || {
        tell_why
        exit 1
      }
    else
      state="draining, and starts again on the new files when its run has ended"
    fi
  else
    # launchd reads a plist once: the worker has to be gone first.
    [ -n "$now" ] || drain --wait || true
    bootout
    start
  fi
}

remove() { # FILE...
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
  if [ -e "$unit" ]; then
    if [ "$system" = Linux ]; then
      run "${ctl[@]}" disable --quiet --now "$name"
    elif is_running; then
      bootout
    fi
    remove "$unit"
    if [ "$system" = Linux ]; then
      run "${ctl[@]}" daemon-reload
      [ -n "$dry_run" ] || "${ctl[@]}" reset-failed "$name" 2>/dev/null || true
    fi
  fi
  remove "$mark"
  local logs=$directory/logs state
  if [ -n "$purge" ]; then
    remove "$directory"
  elif [ -d "$logs/state/$id" ]; then
    # What is left in it besides the lock is a result that the database has not taken yet.
    state=$logs/state/$id
    remove "$state/lock"
    remove_empty "$state/runs" "$state" "$logs/state"
  fi
  if ! others; then
    remove "$link" "$prefix/lib"
    remove_empty "$prefix/workers" "$prefix"
  fi
  if [ -z "$changed" ]; then
    say "$id is not installed; nothing to change."
  elif [ -z "$dry_run" ]; then
    say "$id is uninstalled.$([ -n "$purge" ] || [ ! -d "$directory" ] || printf ' Its settings and logs are in %s.' "$directory")"
  fi
}

# Whether another worker uses the JAR.
others() {
  local other
  for other in "$prefix"/workers/*/."$MARK"; do
    [ ! -e "$other" ] || [ "$other" = "$mark" ] || return 0
  done
  return 1
}

parse "$@"
find_place
if [ -n "$uninstall" ]; then
  uninstall
else
  install
fi
