#!/usr/bin/env bash
# Boots a systemd as PID 1 of namespaces of its own, as root:
#
#   machine.sh SCRATCH-DIRECTORY PROJECT-DIRECTORY
#
# Its file system is an overlay over this machine's, so that nothing of that changes; the network is
# this machine's. It starts nothing but what a test installs. End it with TERM.
set -euo pipefail
scratch=$1 project=$2

# In control groups of its own, which are removed at the end.
if [ -z "${CAPE_MACHINE_GROUPS:-}" ]; then
  groups=()
  while IFS=: read -r _ controllers path; do
    case $controllers in
      "") mounted=/sys/fs/cgroup/unified ;;
      *) mounted=/sys/fs/cgroup/${controllers#name=} ;;
    esac
    [ -d "$mounted" ] || mounted=/sys/fs/cgroup
    group=${mounted}${path%/}/cape-machine-$$
    if mkdir "$group" 2>/dev/null; then
      groups+=("$group")
      echo 0 2>/dev/null >"$group/cgroup.procs" || true # cpuset wants more
    fi
  done <<<"$(cat /proc/self/cgroup)"
  export CAPE_MACHINE_GROUPS=yes
  unshare --mount --propagation private --pid --fork --ipc --uts "$0" "$@" &
  outer=$!
  # unshare itself is deaf to TERM.
  trap 'kill -KILL "$(cat "/proc/$outer/task/$outer/children")"' TERM
  wait "$outer" || wait "$outer" || true
  for group in "${groups[@]}"; do
    echo 0 2>/dev/null >"${group%/*}/cgroup.procs" || true
    find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done
  exit
fi

mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --rbind /sys sys
mount --rbind /dev dev
for folder in run tmp; do
  mount -t tmpfs tmpfs "$folder"
done
mkdir -p ".$project"
mount --bind "$project" ".$project"

# Nothing of this machine's own starts.
rm -rf etc/systemd/system/*.wants usr/lib/systemd/system/*.wants
for unit in sysinit.target basic.target network-online.target multi-user.target machine.target; do
  rm -f "etc/systemd/system/$unit"
  printf '[Unit]\nDescription=Nothing\nDefaultDependencies=no\n' >"etc/systemd/system/$unit"
done
echo Wants=multi-user.target >>etc/systemd/system/machine.target

mkdir -p mnt/before
pivot_root . mnt/before
umount --lazy /mnt/before
exec env -i container=test PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
  /lib/systemd/systemd --system --unit=machine.target --log-target=console --log-level=warning \
  </dev/null
