# cape-guardian
# cape-guardian --end RECORD GRACE COOKIE
#
# Runs one command after the other, each in a process group of its own, and ends all that it started
# when it has ended, when the worker asks, when the life line, this script's standard input, is
# closed, or when its deadline passes. Written for bash 3.2 and newer. Three processes share the work:
# the starter, which is this one, forks a process ahead that becomes the next command, and waits for
# it; the watcher reads the life line, and outlives a starter that a command has killed; a third one
# waits for the watcher's death, and outlives a signal to the worker's whole group.
#
# On the life line, a line each, N being the run's number:
#   run N GRACE DEADLINE COOKIE DIRECTORY    start what DIRECTORY/spec says
#   until N DEADLINE                         a later deadline; one that has passed is never extended
#   stop N                                   end the run
#   over N                                   the worker has read that the run is over
# On standard output:
#   exit STATUS      the run's first process has ended
#   left PID NAME    what could not be ended
#   outlived COUNT   processes that were alive when the first one had ended by itself, as far as seen
#   over N           nothing more comes of this run
#
# GRACE    whole seconds between TERM and KILL
# DEADLINE whole seconds on the lease's clock at which the run is ended
# COOKIE   NAME=value that each process of the run has in its environment, unless it wiped it
# DIRECTORY/spec    NUL-terminated: machine (two items), deadline, grace, cookie, the directory to run
#                   in, the file to which output is appended, NAME=value of each added variable, an
#                   empty string, the command's words
# DIRECTORY/record  lines, which count once they are whole: "pid PID START" of the run's first process,
#                   "due WHY" before a watcher ends the run, "ended" after, and "exit STATUS"; WHY is
#                   "late" or "cut": the deadline, or the worker or its death
#
# --end ends what is left of a run whose guardian was killed.

# In the POSIX mode of older versions there is no process substitution, and a redirection that fails
# ends the shell. What is changed here of the environment is for this script alone: `cape_given` is
# what commands get back of it.
cape_given=("PATH=$PATH" ${OLDPWD+"OLDPWD=$OLDPWD"} ${POSIXLY_CORRECT+"POSIXLY_CORRECT=$POSIXLY_CORRECT"}
  ${TMOUT+"TMOUT=$TMOUT"})
for cape_name in $(compgen -e); do
  case $cape_name in [a-z]*) cape_given[${#cape_given[@]}]=$cape_name=${!cape_name} ;; esac
done
set +o posix
unset TMOUT # a limit for each read
PATH=$PATH:/usr/bin:/bin
proc=/proc
splits_at_nul=''
[ $((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1])) -lt 404 ] || splits_at_nul=1

# The state, parent, group and start of a process, in `fields`.
look_at() {
  local line
  { IFS= read -r line <"$proc/$1/stat"; } 2>/dev/null || return 1
  # After the name, which may hold anything: field 3 and on of proc(5).
  # shellcheck disable=SC2206 # numbers and a letter; a here-string would need room on the disk
  fields=(${line##*) })
}

# Puts into `began` what tells a process from a later one with its number.
look_at_start() {
  if [ -r "$proc/self/stat" ]; then
    began=''
    ! look_at "$1" || began=${fields[19]}
  else
    began=$(ps -o lstart= -p "$1" | tr -s ' ' _)
  fi
}

# Puts the living processes of the run into `found`, and of these the ones that left its group into
# `strays`. A zombie is not alive, and may stay for long where process 1 is no real init.
look() {
  found=() strays=()
  if [ -r "$proc/self/stat" ]; then
    look_by_group_and_cookie
  else
    look_by_descent
  fi
  [ "${#found[@]}" -gt 0 ]
}

look_by_group_and_cookie() {
  local file pid files stats=() member=''
  ! look_among_young || return 0
  # Of a process that has become another user's, a signal only tells that it may not be sent.
  if [ -n "$group" ] && { kill -0 -- "-$group" 2>/dev/null || { [ "$EUID" -ne 0 ] && [ "$SECONDS" -ge 2 ]; }; }; then
    stats=("$proc"/[0-9]*/stat)
    # The name may hold anything, but what follows it to the end are numbers (proc(5)).
    member="^[0-9]+ \\(.*\\) [^Z] [0-9]+ $group( -?[0-9]+){40,}[[:space:]]*\$"
  fi
  # The members of the group first.
  files=(${stats[@]+"${stats[@]}"} "$proc"/[0-9]*/environ)
  # A zombie's environment is empty.
  while read -r file; do
    pid=${file#"$proc"/}
    pid=${pid%/*}
    case " ${found[*]-} " in
      *" $pid "*) continue ;;
    esac
    found[${#found[@]}]=$pid
    [ "${file##*/}" = stat ] || strays[${#strays[@]}]=$pid
  done < <(LC_ALL=C grep -lszE -e "^$cookie\$" ${member:+-e "$member"} "${files[@]}")
}

# The same for a young run, without a process more. All that it has started has a number between its
# own and the last one given (proc(5): loadavg). False where the run is not young, where too many
# processes were started since, or where bash is older than 4.4.
look_among_young() {
  local last pid variables living=''
  if [ -z "$group" ] || [ "$SECONDS" -ge 2 ] || [ -z "$splits_at_nul" ] ||
    ! read -r _ _ _ _ last <"$proc/loadavg" || [ "$last" -lt "$group" ] ||
    [ $((last - group)) -ge 200 ]; then
    return 1
  fi
  ! kill -0 -- "-$group" || living=1
  for ((pid = group; pid <= last; pid++)); do
    case $foreign in *" $pid "*) continue ;; esac
    if [ -n "$living" ] && look_at "$pid" && [ "${fields[2]}" = "$group" ]; then
      [ "${fields[0]}" = Z ] || found[${#found[@]}]=$pid
      continue
    fi
    variables=()
    [ ! -r "$proc/$pid/environ" ] || mapfile -t -d '' variables <"$proc/$pid/environ"
    if has_cookie; then
      found[${#found[@]}]=$pid
      strays[${#strays[@]}]=$pid
    elif [ "${#variables[@]}" -gt 0 ]; then
      # Of a zombie, and of a process between two programs, it is empty.
      foreign="$foreign$pid "
    fi
  done
} 2>/dev/null

has_cookie() {
  local variable
  # Most have it nowhere.
  case ${variables[*]-} in *"$cookie"*) ;; *) return 1 ;; esac
  for variable in "${variables[@]}"; do
    [ "$variable" != "$cookie" ] || return 0
  done
  return 1
}

# Descendants are remembered, for they have no parent of ours any more once it has ended. A child may
# stand before its parent, where numbers have begun anew.
look_by_descent() {
  local pid parent leader state line lines=() before=
  [ -n "$group" ] || return 0
  while IFS= read -r line; do
    lines[${#lines[@]}]=$line
  done < <(ps -A -o pid=,ppid=,pgid=,stat=)
  while [ "$known" != "$before" ]; do
    before=$known found=() strays=()
    for line in "${lines[@]}"; do
      # shellcheck disable=SC2086 # four words
      set -- $line
      pid=$1 parent=$2 leader=$3 state=$4
      case $state in Z*) continue ;; esac
      case "$known" in
        *" $pid "*) ;;
        *" $parent "*) known="$known$pid " ;;
        *) [ "$leader" = "$group" ] || continue
          known="$known$pid " ;;
      esac
      found[${#found[@]}]=$pid
      [ "$leader" = "$group" ] || strays[${#strays[@]}]=$pid
    done
  done
}

# Puts into `outlived` how many live in the group: before the TERM, which most obey before a look is
# done, and so without a fork. Of very many, not all are looked at.
count_group() {
  local file pid looked=0
  outlived=0
  if [ -z "$group" ] || [ ! -r "$proc/self/stat" ] || ! kill -0 -- "-$group"; then
    return 0
  fi
  for file in "$proc"/[0-9]*/stat; do
    pid=${file#"$proc"/} pid=${pid%/stat}
    # Numbers grow, until they begin anew.
    [ "$pid" -ge "$group" ] || continue
    [ "$looked" -lt 500 ] || return 0
    looked=$((looked + 1))
    if look_at "$pid" && [ "${fields[2]}" = "$group" ] && [ "${fields[0]}" != Z ]; then
      outlived=$((outlived + 1))
    fi
  done
} 2>/dev/null

# To the group as a whole: no fork slips through that, and it needs none.
signal_group() { # SIGNAL
  [ -z "$group" ] || kill "-$1" -- "-$group" 2>/dev/null
}

# TERM and grace unless both were given, KILL until two looks in a row find nobody.
end_run() { # [GIVEN]
  local until misses=0 rounds=0
  # Before the look, which needs to fork; but descent is lost with a parent's end.
  [ -n "${1-}" ] || [ ! -r "$proc/self/stat" ] || signal_group TERM
  if [ -z "${1-}" ] && look; then
    if [ -r "$proc/self/stat" ]; then
      outlived=$((outlived + ${#strays[@]}))
    else
      outlived=${#found[@]}
      signal_group TERM
    fi
    kill -TERM ${strays[@]+"${strays[@]}"} 2>/dev/null
    clock
    until=$((hundredths + grace * 100 + coarseness))
    while [ "$hundredths" -lt "$until" ] && look; do
      sleep 0.1
      clock
    done
  fi
  while [ "$misses" -lt 2 ]; do
    signal_group KILL
    if look; then
      misses=0
      rounds=$((rounds + 1))
      [ "$rounds" -le "$most_rounds" ] || return 1
      kill -KILL "${found[@]}" 2>/dev/null
      # A process in the kernel dies when it leaves it.
      [ "$rounds" -le 20 ] || sleep 0.1
    else
      misses=$((misses + 1))
    fi
  done
}
most_rounds=60
outlived=0

name_left() {
  local pid name
  for pid in ${found[@]+"${found[@]}"}; do
    name=unknown
    if [ -r "$proc/self/stat" ]; then
      { IFS= read -r name <"$proc/$pid/comm"; } 2>/dev/null
    else
      name=$(ps -o comm= -p "$pid")
    fi
    printf 'left %s %s\n' "$pid" "$name"
  done
}

# The lease's clock, which runs on while the machine is suspended: whole seconds in `now`.
clock() {
  local part=00
  coarseness=0
  if [ -r "$proc/uptime" ]; then
    IFS='. ' read -r now part _ <"$proc/uptime"
  else
    now=$(date +%s)
    coarseness=100
  fi
  hundredths=$((now * 100 + 10#$part))
}

# What the record says, while the file is there: the first process in `first` and `start`, and
# whether a watcher ends the run, in `due`, or has ended it, in `ended`.
read_record() {
  local word one other
  while IFS=' ' read -r word one other; do
    case $word in
      pid) first=$one start=$other ;;
      due) due=1 ;;
      ended) ended=1 ;;
    esac
  done <"$record"
} 2>/dev/null

# Notes something in the record; a full disk takes nothing.
note() {
  printf '%s\n' "$1" >>"$record"
} 2>/dev/null

# Puts the run's group into `group`. Its number stays the run's as long as a process of the group
# lives: then the process with that number is the first one of the run, or a process of the group has
# the cookie. A watcher needs no such proof just after the starter, its parent, has died: that would
# have ended the group with its first process.
find_group() {
  local one
  group=''
  read_record
  # 1 is no group of ours, and a signal to it would reach everybody.
  [ "${first:-0}" -gt 1 ] 2>/dev/null || return 0
  look_at_start "$first"
  if [ "$began" = "$start" ]; then
    group=$first
  elif [ -n "${watched-}" ] && [ -z "$began" ] && ! kill -0 "$$" 2>/dev/null; then
    group=$first
  elif look; then
    for one in "${found[@]}"; do
      if look_at "$one" && [ "${fields[2]}" = "$first" ]; then
        group=$first
      fi
    done
  fi
}

# A watcher that is left ends the run, too, and knows its group. It notices within a second that the
# starter has died.
await_other_watchers() {
  local turns=0
  [ "$grace" -gt 0 ] && [ -e "$record" ] || return 0
  while [ "$turns" -lt $((due ? 5 * grace + 15 : 8)) ]; do
    read_record
    [ -z "$ended" ] || return 0
    sleep 0.2
    turns=$((turns + 1))
  done
}

if [ "${1-}" = --end ]; then
  # No run is young here.
  record=$2 grace=$3 cookie=$4 first='' known=' ' due=0 ended='' SECONDS=100
  await_other_watchers
  find_group
  end_run || name_left
  exit 0
fi

# Puts the next line of the life line into `line`; with a number, waits so many seconds at most.
# Returns 0 for a line, 1 for none in time, 2 when the life line is closed.
next_line() {
  local part status before=$SECONDS
  IFS= read -r ${1+-t "$1"} part <&3
  status=$?
  partial=$partial$part
  [ "$status" -ne 0 ] || {
    line=$partial partial=''
    return 0
  }
  [ "$status" -le 128 ] || return 1
  # Bash 3.2 says the same of a read that took too long.
  [ -z "${1-}" ] || [ $((SECONDS - before)) -lt 1 ] || return 1
  return 2
}

# Notes why the run is ended, and ends it. A command that is about to start notes its process first,
# and then looks at the record: it is found here, or does not start.
watcher_ends() { # WHY
  note "due $1"
  find_group
  end_run
  note ended
  ending=0
  group='' # its number may soon be another's
}

late_rounds=10

# The same, for the starter that waits.
end_and_tell() { # WHY
  watcher_ends "$1"
  printf 'ended %s\n' "$number"
}

# What a line about a run says of it.
parse_run() { # LINE
  local rest=${1#* }
  number=${rest%% *} rest=${rest#* }
  grace=${rest%% *} rest=${rest#* }
  deadline=${rest%% *} rest=${rest#* }
  cookie=${rest%% *} directory=${rest#* }
  record=$directory/record known=' ' foreign=' '
}

# The same, for a watcher.
take_run() { # LINE
  parse_run "$1"
  first='' group='' ending='' SECONDS=0
}

# Waits for the watcher's death, and then does what that would have done.
watch_the_watcher() {
  local line number='' directory ending watched=1
  exec 3<&- >/dev/null
  while IFS= read -r line; do
    case $line in
      quit) return ;;
      "run "*) take_run "$line" ;;
    esac
  done
  SECONDS=100 # the run need not be young
  [ -z "$number" ] || watcher_ends cut
}

# In a group of its own: a signal to the worker's, which the guardian is in, leaves it alive.
start_third() {
  exec 6> >(set -m; watch_the_watcher <&0 &)
}

# Tells the third process, and starts a new one where that was killed.
tell_third() { # LINE
  printf '%s\n' "$1" >&6 && return
  start_third
  printf '%s\n' "$run_line" >&6
}

# One turn of the watcher while a run lives; false when its work is done.
watch_run() { # SECONDS TO WAIT
  local status
  # Short, for the read's own clock stands still in a suspended machine.
  next_line "$1"
  status=$?
  [ -n "$first" ] || read_record
  tell_third alive
  clock
  # A command may stop or kill its parent, the starter.
  if [ "$status" -eq 2 ] || ! kill -CONT "$$" 2>/dev/null; then
    watcher_ends cut
    return 1
  fi
  if [ "${ending:-$late_rounds}" -lt "$late_rounds" ]; then
    # A start may have been under way. Not for long, as the group's number may become another's.
    ending=$((ending + 1))
    find_group
    signal_group KILL
    ! look || kill -KILL "${found[@]}" 2>/dev/null
    group=''
  elif [ -z "$ending" ] && [ "$now" -ge "$deadline" ]; then
    end_and_tell late
  fi
  [ "$status" -eq 0 ] || return 0
  case $line in
    "until $number "*) [ -n "$ending" ] || deadline=${line##* } ;;
    "stop $number") [ -n "$ending" ] || end_and_tell cut ;;
    "over $number") number='' ;;
  esac
}

# Reads the life line. Its standard output goes to the starter.
watch() {
  local line run_line='' partial='' number='' directory ending look=1 watched=1
  trap 'signal_group KILL' EXIT # it could not fork
  start_third
  [ "${BASH_VERSINFO[0]}" -ge 4 ] || look=2
  while :; do
    if [ -n "$number" ]; then
      watch_run "$look" || break
      continue
    fi
    next_line || break
    case $line in
      "run "*)
        take_run "$line"
        run_line=$line
        # First, for nobody else would guard the run if this process were killed now.
        tell_third "$line"
        # For the command's process, and for the starter once that has ended.
        printf '%s\nwas%s\n' "$line" "${line#run}"
        ;;
    esac
  done
  printf 'quit\n' >&6
}

# Puts the items of a specification into `items`. The loop is for bash before 4.4.
read_spec() { # FILE
  local item
  items=()
  mapfile -t -d '' items <"$1" && return
  while IFS= read -r -d '' item; do
    items[${#items[@]}]=$item
  done <"$1"
}

# Becomes the first process of a run. It is forked ahead, so that no run has to wait for that.
become_command() { # [LINE OF THE RUN]
  local self line=${1-} record items first='' due='' ended end=7
  # Bash 3.2 has no BASHPID.
  self=${BASHPID:-$(exec sh -c 'echo "$PPID"')}
  look_at_start "$self"
  while [ "${line%% *}" != run ]; do
    IFS= read -r line <&5 || exit 0
  done
  line=${line#run * * * * }
  record=$line/record
  read_spec "$line/spec"
  # A worker that was frozen after its claim comes too late: the run may be another's by now.
  clock
  if [ "$now" -ge "${items[2]:-0}" ]; then
    note 'due late'
    note ended
    exit 143
  fi
  # Noted before the command begins, which may well kill this guardian. Without a record the run is
  # settled already, and its directory deleted.
  note "pid $self $began"
  if ! read_record || [ -n "$due" ] || ! kill -0 "$$"; then
    exit 143
  fi
  while [ -n "${items[end]-}" ]; do
    end=$((end + 1))
  done
  trap - HUP INT QUIT TERM PIPE TSTP
  exec >>"${items[6]}" 2>&1 5<&- || exit 1
  cd -- "${items[5]}" || exit 127
  unset OLDPWD
  # From here on nothing is looked at but the arguments, for the variables may have any name.
  set -- $((${#cape_given[@]} + end - 6)) "${cape_given[@]}" "${items[@]:7:end-7}" "${items[4]}" \
    "${items[@]:end+1}"
  unset cape_given items fields found strays
  export "${@:2:$1}" 2>/dev/null
  shift $(($1 + 1))
  exec "$@"
  exit 127
}

# Sees one run through. A process that is killed before its run has begun leaves the run's line in
# `line`, for another one.
next_run() {
  local number deadline directory status due='' ended=''
  SECONDS=0
  # Job control gives the command a group of its own; the wait would return for a stop, too.
  set -m
  become_command "$line" >/dev/null 2>&1 &
  group=$!
  set +m
  await_first
  line=''
  while [ "${line%% *}" != was ]; do
    IFS= read -r line <&5 || exit 0
    [ "${line%% *}" != run ] || return
  done
  parse_run "$line"
  line=''
  report "$status"
  read_record
  [ -z "$due" ] || [ -n "$ended" ] || await_watcher "$number"
  [ -n "$due" ] || count_group
  end_run "$due" || name_left
  [ -n "$due" ] || [ "$outlived" -eq 0 ] || printf 'outlived %s\n' "$outlived"
  group=''
  printf 'over %s\n' "$number"
}

# Waits until the run's first process has ended; its exit status into `status`.
await_first() {
  wait "$group"
  status=$?
  [ "$status" -gt 128 ] || return 0
  # A command that stopped before job control was off: the wait returns at once for it.
  while is_child "$group"; do
    sleep 0.2
  done
  wait "$group"
  status=$?
}

is_child() {
  if [ -r "$proc/self/stat" ]; then
    look_at "$1" && [ "${fields[1]}" = "$$" ] && [ "${fields[0]}" != Z ]
  else
    kill -0 "$1" 2>/dev/null
  fi
}

# Waits until the watcher has ended the run, whose grace is not over when its first process ends.
await_watcher() { # NUMBER
  local line=''
  while [ "$line" != "ended $1" ]; do
    IFS= read -r -t $((grace + 3)) line <&5 || return
  done
}

report() { # STATUS
  note "exit $1"
  printf 'exit %s\n' "$1"
}

# No handler: one that interrupts a wait just as that returns loses the status for good. The command
# gets back what this script was started with.
trap '' HUP INT QUIT TERM PIPE TSTP
trap 'signal_group KILL' EXIT # it could not fork
group='' line=''
exec 3<&0 </dev/null
exec 5< <(watch)
exec 3<&-
while :; do
  next_run
done
