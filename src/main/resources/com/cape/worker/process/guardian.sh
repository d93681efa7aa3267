# cape-guardian SPEC RECORD OUTPUT GRACE DEADLINE
# cape-guardian --end GROUP GRACE
#
# Runs one command in a process group of its own and ends the whole group when the life line, this
# script's standard input, is closed, or when the deadline passes. A line on the life line is a later
# deadline; one that has passed is never extended. Written for bash 3.2 and newer.
#
# SPEC    NUL-terminated: NAME=value of each added variable, an empty string, then the command's words
# RECORD  gets "pid PID" at the start and "exit STATUS" at the end, which replaces it
# stdout  gets "exit STATUS" as well
# OUTPUT  what the command prints is appended here
# GRACE   whole seconds between TERM and KILL
# DEADLINE whole seconds on the lease's clock at which the run is ended
#
# --end does what is left to do when a guardian was killed: it ends the process group GROUP.
# A zombie is not alive, and may stay for long where process 1 is no real init.
group_lives() {
  kill -0 -- "-$1" 2>/dev/null || return 1
  [ -r /proc/self/stat ] || return 0
  local stat line fields
  for stat in /proc/[0-9]*/stat; do
    { IFS= read -r line <"$stat"; } 2>/dev/null || continue
    # After the name, which may hold anything: state, parent, group.
    read -r -a fields <<<"${line##*) }"
    if [ "${fields[2]-}" = "$1" ] && [ "${fields[0]}" != Z ]; then
      return 0
    fi
  done
  return 1
}

end_group() {
  group_lives "$1" || return 0
  kill -TERM -- "-$1" 2>/dev/null
  local tenths=$((grace * 10))
  while [ "$tenths" -gt 0 ]; do
    group_lives "$1" || return 0
    sleep 0.1
    tenths=$((tenths - 1))
  done
  kill -KILL -- "-$1" 2>/dev/null
}

# The lease's clock runs on while the machine is suspended.
clock() {
  if [ -r /proc/uptime ]; then
    IFS='. ' read -r now _ </proc/uptime
  else
    now=$(date +%s)
  fi
}

# Returns when the life line is closed, or the deadline has passed: then with a file that says so.
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
      : >"$record.late"
      return
    fi
    if [ "$status" -eq 0 ]; then
      deadline=$line
    elif [ "$status" -le 128 ] && [ $((SECONDS - before)) -lt 1 ]; then
      return # closed; bash 3.2 says the same of a read that took too long
    fi
  done
}

if [ "$1" = --end ]; then
  grace=$3
  end_group "$2"
  exit 0
fi

spec=$1 record=$2 output=$3 grace=$4 deadline=$5
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

# Set in the command's own process, where they cannot change what this script does.
(
  for variable in ${added[@]+"${added[@]}"}; do
    export "${variable?}" 2>/dev/null
  done
  # Noted before the command begins, which may well kill this guardian. Bash 3.2 has no BASHPID.
  printf 'pid %s\n' "${BASHPID:-$(exec sh -c 'echo "$PPID"')}" >"$record"
  exec "${words[@]}"
) >>"$output" 2>&1 3<&- &
group=$!

# In a group of its own, so that it outlives whatever ends the guardian.
(
  trap '' HUP INT QUIT TERM
  await_end_of_lease
  end_group "$group"
) >/dev/null 2>&1 &
watcher=$!
disown "$watcher"
exec 3<&-

while :; do
  wait "$group"
  status=$?
  # A signal to the guardian ends the wait early, while the command lives on.
  kill -0 "$group" 2>/dev/null || break
done
printf 'exit %s\n' "$status" >"$record.new" && mv -f "$record.new" "$record"
# A full disk takes no record.
printf 'exit %s\n' "$status"
end_group "$group"
kill -KILL -- "-$watcher" 2>/dev/null
exit 0
