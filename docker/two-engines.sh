#!/usr/bin/env bash
# Two Docker engines on this machine that are as far apart as on two: each has a network, a host name, mounts, processes
# and data of its own. For trying docker/stack.yml without two machines, and for its test. Linux, root, dockerd.
#
#   sudo docker/two-engines.sh bash
#
# runs the command on a network with both: $NODE_1 and $NODE_2 are their sockets (`docker -H "$NODE_1" info`), 192.168.77.11
# and .12 their addresses, node1 and node2 their names. $LAN_PID is a process on that network, for nsenter. When the
# command ends, or this script is stopped in any way, everything is removed: processes, networks and mounts end with their
# namespaces. On the network of this machine nothing is changed, and nothing else is reached from theirs.
set -euo pipefail

NETWORK=192.168.77
LIMIT_S=30

fail() { printf 'two-engines: %s\n' "$1" >&2; exit "${2:-1}"; }

# What this machine has of its own in these places is not seen inside, and nothing is left there: sockets and state of
# engines, the lock of iptables.
hide_places() {
  mount -t proc proc /proc
  mount -t tmpfs tmpfs /run
  mkdir -p /run/lock /etc/docker
  mount -t tmpfs tmpfs /etc/docker
}

# --- An engine, as process 1 of its own namespaces ----------------------------------------------------------

node() { # HOME NUMBER
  local home=$1 number=$2
  hide_places
  hostname "node$number"
  ip link set lo up
  until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
  ip address add "$NETWORK.1$number/24" dev eth0
  ip link set eth0 up
  exec dockerd --host "unix://$home/$number.sock" --data-root "$home/$number" \
    --cgroup-parent "/${home##*/}/$number" --exec-opt native.cgroupdriver=cgroupfs
}

# --- The network between them, as process 1 of namespaces in which theirs are -------------------------------

lan() { # HOME COMMAND...
  local home=$1 lan_pid number pids=() own
  shift
  # As it is seen from outside: this /proc is still that of the machine.
  read -r lan_pid _ </proc/self/stat
  hide_places
  ip link set lo up
  ip link add lan type bridge
  ip address add "$NETWORK.1/24" dev lan
  ip link set lan up
  own=$(readlink /proc/self/ns/net)
  for number in 1 2; do
    unshare --net --uts --mount --pid --fork --kill-child -- bash "$0" --node "$home" "$number" >"$home/$number.log" 2>&1 &
    pids[number]=$!
    # Until it has a network of its own, the link would land in this one.
    while [ "$(readlink "/proc/$!/ns/net")" = "$own" ]; do sleep 0.02; done
    ip link add "to-$number" type veth peer name eth0 netns "$!"
    ip link set "to-$number" master lan up
  done
  for number in 1 2; do
    until docker -H "unix://$home/$number.sock" version >/dev/null 2>&1; do
      kill -0 "${pids[number]}" 2>/dev/null && [ "$SECONDS" -lt "$LIMIT_S" ] ||
        fail "the engine of node$number does not start: $(tail -n 1 "$home/$number.log")"
      sleep 0.1
    done
  done
  export NODE_1=unix://$home/1.sock NODE_2=unix://$home/2.sock LAN_PID=$lan_pid
  "$@"
}

# --- What outlives the processes ----------------------------------------------------------------------------

sweep() { # HOME
  trap '' INT TERM HUP
  # Its input ends with this script, however that ends.
  cat >/dev/null
  local _
  # A control group can be removed as soon as the last of its processes is gone.
  for _ in {1..100}; do
    find /sys/fs/cgroup -depth -type d -path "*/${1##*/}*" -exec rmdir {} + 2>/dev/null || true
    rm -rf --one-file-system "$1" 2>/dev/null || true
    [ -e "$1" ] || [ -n "$(find /sys/fs/cgroup -type d -name "${1##*/}" 2>/dev/null)" ] || return 0
    sleep 0.1
  done
  fail "expected to remove $1 and its control groups"
}

case ${1-} in
  --node) shift; node "$@" ;;
  --lan) shift; lan "$@"; exit ;;
  --sweep) shift; sweep "$@"; exit ;;
  '' | -*) fail 'expected a command, such as bash' 2 ;;
esac

# --- Outside ------------------------------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || fail 'expected root: run it by sudo'
for program in dockerd docker ip iptables setpriv unshare; do
  command -v "$program" >/dev/null || fail "expected $program on the PATH: install docker.io, iproute2 and iptables"
done

home=$(mktemp -d -t session-bench-swarm-XXXXXX)
child=
# In a session of its own, so that it survives what ends this script.
exec {alive}> >(exec setsid bash "$0" --sweep "$home")
sweeper=$!

# shellcheck disable=SC2317 # called by the trap
finish() {
  status=$?
  trap '' INT TERM HUP
  [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
  exec {alive}>&-
  wait "$sweeper" || status=1
  exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# It dies with this script, and with it process 1 of the namespaces, and so all inside. In the background, so that a
# signal is acted on at once. Its standard input is this script's: a command that reads it ends when whoever started this
# script is gone.
setpriv --pdeathsig KILL unshare --net --uts --mount --pid --fork --kill-child -- bash "$0" --lan "$home" "$@" \
  <&0 {alive}>&- &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
