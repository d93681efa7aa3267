# cape-guardian SPEC RECORD OUTPUT GRACE DEADLINE COOKIE
# cape-guardian --end RECORD GRACE COOKIE
#
# Runs one command in a process group of its own and ends all that it started when the command has
# ended, when the life line, this script's standard input, is closed, or when the deadline passes. A
# line on the life line is a later deadline; one that has passed is never extended. Written for bash
# 3.2 and newer.
#
# SPEC    NUL-terminated: NAME=value of each added variable, an empty string, then the command's words
# RECORD  gets "pid PID START" at the start and "exit STATUS [WHY]" at the end, which replaces it;
#         WHY is "late" or "cut": the deadline or the life line ended the run
# stdout  gets "exit STATUS [WHY]" as well, then "left PID NAME" for whatever could not be ended
# OUTPUT  what the command prints is appended here
# GRACE   whole seconds between TERM and KILL
# DEADLINE whole seconds on the lease's clock at which the run is ended
# COOKIE  NAME=value that each process of the run has in its environment, unless it wiped it
#
# --end does what is left to do when a guardian was killed.
proc=/proc

# The state, parent, group and start of a process, in `fields`.
look_at() {
  local line
  { IFS= read -r line <"$proc/$1/stat"; } 2>/dev/null || return 1
  # After the name, which may hold anything: field 3 and on of proc(5).
  read -r -a fields <<<"${line##*) }"
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

# Puts the living processes of the run into `found`. A zombie is not alive, and may stay for long
# where process 1 is no real init.
look() {
  found=()
  if [ -r "$proc/self/stat" ]; then
    look_by_group_and_cookie
  else
    look_by_descent
  fi
  [ "${#found[@]}" -gt 0 ]
}

look_by_group_and_cookie() {
  local file pid environs
  if [ -n "$group" ] && kill -0 -- "-$group" 2>/dev/null; then
    for file in "$proc"/[0-9]*; do
      pid=${file##*/}
      if look_at "$pid" && [ "${fields[2]}" = "$group" ] && [ "${fields[0]}" != Z ]; then
        found[${#found[@]}]=$pid
      fi
    done
  fi
  look_for_environs
  [ "${#environs[@]}" -gt 0 ] || return 0
  # A zombie's environment is empty.
  while read -r file; do
    pid=${file#"$proc"/}
    found[${#found[@]}]=${pid%/environ}
  done < <(grep -lszxF -e "$cookie" "${environs[@]}")
}

# Where a cookie may be found. All that a young run has started has a number between its own and
# the last one given (proc(5): loadavg), which spares most short runs the search.
look_for_environs() {
  local last pid=$group
  if [ -n "$group" ] && [ "$SECONDS" -lt 2 ] && read -r _ _ _ _ last <"$proc/loadavg" &&
    [ "$last" -ge "$group" ] && [ $((last - group)) -lt 200 ]; then
    environs=()
    while [ "$pid" -le "$last" ]; do
      if [ "$pid" != "${watcher-}" ] && [ -r "$proc/$pid/environ" ]; then
        environs[${#environs[@]}]=$proc/$pid/environ
      fi
      pid=$((pid + 1))
    done
    return
  fi
  environs=("$proc"/[0-9]*/environ)
}

# Descendants are remembered, for they have no parent of ours any more once it has ended.
known=" "
look_by_descent() {
  local pid parent leader state
  while read -r pid parent leader state; do
    case $state in Z*) continue ;; esac
    case "$known" in
      *" $pid "*) ;;
      *" $parent "*) known="$known$pid " ;;
      *) [ "$leader" = "$group" ] || continue
        known="$known$pid " ;;
    esac
    found[${#found[@]}]=$pid
  done < <([ -z "$group" ] || ps -A -o pid=,ppid=,pgid=,stat=)
}

# To the group as a whole first: no fork slips through that.
signal_found() {
  [ -z "$group" ] || kill "-$1" -- "-$group" 2>/dev/null
  kill "-$1" "${found[@]}" 2>/dev/null
}

# Whether the watcher has begun, so that the run's processes had their TERM.
being_ended() {
  [ -e "$record.late" ] || [ -e "$record.cut" ]
}

# TERM unless the word is "termed", grace, KILL until two looks in a row find nobody.
end_run() {
  local until misses=0 rounds=0
  if look; then
    [ "${1-}" = termed ] || signal_found TERM
    clock
    until=$((hundredths + grace * 100 + coarseness))
    while [ "$hundredths" -lt "$until" ] && look; do
      sleep 0.1
      clock
    done
  fi
  while [ "$misses" -lt 2 ]; do
    if look; then
      misses=0
      rounds=$((rounds + 1))
      [ "$rounds" -le "$most_rounds" ] || return 1
      signal_found KILL
      # A process in the kernel dies when it leaves it.
      [ "$rounds" -le 20 ] || sleep 0.1
    else
      misses=$((misses + 1))
    fi
  done
}
most_rounds=60

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

# Returns when the life line is closed, or the deadline has passed, and leaves a file that says so.
await_end_of_lease() {
  local line status before now look=1
  [ "${BASH_VERSINFO[0]}" -ge 4 ] || look=2
  while :; do
    before=$SECONDS
    # Short, for the read's own clock stands still in a suspended machine.
    IFS= read -r -t "$look" line <&3
    status=$?
    clock
    if [ "$now" -ge "$deadline" ]; then
      # Not ":", whose failure ends a shell that POSIXLY_CORRECT was given to.
      printf '' >"$record.late"
      return
    fi
    if [ "$status" -eq 0 ]; then
      deadline=$line
    elif [ "$status" -le 128 ] && [ $((SECONDS - before)) -lt 1 ]; then
      printf '' >"$record.cut" # closed; bash 3.2 says the same of a read that took too long
      return
    fi
  done
}

if [ "$1" = --end ]; then
  record=$2 grace=$3 cookie=$4 group=''
  if IFS=' ' read -r word pid start 2>/dev/null <"$record" && [ "$word" = pid ]; then
    # The number stays the run's as long as a process of its group lives: then a process with that
    # number is the first one of the run, or a process of the group has the cookie.
    look_at_start "$pid"
    if [ "$began" = "$start" ]; then
      group=$pid
    elif look; then
      for one in "${found[@]}"; do
        if look_at "$one" && [ "${fields[2]}" = "$pid" ]; then
          group=$pid
        fi
      done
    fi
  fi
  how=''
  ! being_ended || how=termed
  end_run "$how" || name_left
  exit 0
fi

spec=$1 record=$2 output=$3 grace=$4 deadline=$5 cookie=$6
set -m
# A handler that does nothing, unlike an ignored signal, is not inherited by the command.
trap : HUP INT QUIT TERM
exec 3<&0 </dev/null

words=()
added=()
in_words=
while IFS= read -r -d '' item; do
  if [ -n "$in_words" ]; then
    words[${#words[@]}]=$item
  elif [ -z "$item" ]; then
    in_words=yes
  else
    added[${#added[@]}]=$item
  fi
done <"$spec"

# A worker that was frozen after its claim comes too late: the run may be another's by now.
clock
if [ "$now" -ge "$deadline" ]; then
  printf 'exit 143 late\n' >"$record"
  printf 'exit 143 late\n'
  exit 0
fi

# Set in the command's own process, where they cannot change what this script does.
(
  # Noted before the command begins, which may well kill this guardian. Bash 3.2 has no BASHPID.
  self=${BASHPID:-$(exec sh -c 'echo "$PPID"')}
  look_at_start "$self"
  printf 'pid %s %s\n' "$self" "$began" >"$record"
  for variable in ${added[@]+"${added[@]}"} "$cookie"; do
    export "${variable?}" 2>/dev/null
  done
  exec "${words[@]}"
) >>"$output" 2>&1 3<&- &
group=$!

# In a group of its own, so that it outlives whatever ends the guardian.
(
  trap '' HUP INT QUIT TERM
  await_end_of_lease
  end_run
) >/dev/null 2>&1 &
watcher=$!
disown "$watcher"
exec 3<&-

while :; do
  wait "$group"
  status=$?
  # A signal to the guardian ends the wait early, while the command lives on; and nothing waits for
  # a command that is stopped.
  kill -0 "$group" 2>/dev/null || break
  sleep 0.2
done
how='' why=''
if being_ended; then
  how=termed
  why=' cut'
  [ ! -e "$record.late" ] || why=' late'
fi
printf 'exit %s%s\n' "$status" "$why" >"$record.new" && mv -f "$record.new" "$record"
# A full disk takes no record.
printf 'exit %s%s\n' "$status" "$why"
end_run "$how" || name_left
kill -KILL -- "-$watcher" 2>/dev/null
exit 0
