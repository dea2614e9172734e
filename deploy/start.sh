#!/bin/sh
# For those who keep a shell entry point: starts turfd and the planes of the Noslate image, then our process in this one's place, so that
# it gets the container's signals. Without this script our process does the same and also restarts what dies (Node:Supervise=true).
#
#   ENTRYPOINT ["/opt/noslate-fleet/start.sh"]
#
# What answers at its socket already is taken as it is. SIGTERM before our process is there ends what was started; after that it is our process's.
# Arguments go to our process. NOSLATE_FLEET_PROGRAM, TURFD_COMMAND, DATA_PLANE_COMMAND, CONTROL_PLANE_COMMAND: other commands than below.
# NOSLATE_FLEET_WAIT: seconds that the planes' sockets get to appear, 30 if not set.
set -eu

say() { echo "start.sh: $1" >&2; }

: "${NOSLATE_PATH:=/usr/local/noslate}"
: "${NOSLATE_WORKDIR:=/.noslate}"
: "${NOSLATE_BIN:=$NOSLATE_PATH/bin}"
: "${NOSLATED_WORKDIR:=$NOSLATE_WORKDIR/noslated}"
: "${TURF_WORKDIR:=$NOSLATE_WORKDIR/turf}"
: "${NOSLATE_LOGDIR:=$NOSLATE_WORKDIR/logs}"
: "${LIBTURF_PATH:=$NOSLATE_BIN/libturf.so}"
export NOSLATE_PATH NOSLATE_WORKDIR NOSLATE_BIN NOSLATED_WORKDIR TURF_WORKDIR NOSLATE_LOGDIR LIBTURF_PATH

program=${NOSLATE_FLEET_PROGRAM:-/opt/noslate-fleet/Silo}
wait_seconds=${NOSLATE_FLEET_WAIT:-30}
case "$wait_seconds" in
  '' | *[!0-9]* | ???????*) say "NOSLATE_FLEET_WAIT = \"$wait_seconds\": must be a whole number of seconds"; exit 2 ;;
esac
# 08 is no number to a shell.
while [ "${#wait_seconds}" -gt 1 ] && [ "${wait_seconds#0}" != "$wait_seconds" ]; do wait_seconds=${wait_seconds#0}; done
if [ ! -f "$program" ] || [ ! -x "$program" ]; then say "there is no program $program; NOSLATE_FLEET_PROGRAM names another one"; exit 2; fi
mkdir -p "$NOSLATED_WORKDIR/socks" "$TURF_WORKDIR" "$NOSLATE_LOGDIR"

# Functions and their node get no credentials of the platform and no tokens of ours: only what is named here.
# In the place of the shell that runs it: whose id is known is then the process itself, and a signal reaches it.
exec_in_node_env() {
  exec env -i PATH="$PATH" HOME="${HOME:-/}" LANG="${LANG:-C.UTF-8}" TZ="${TZ:-UTC}" NOSLATE_PATH="$NOSLATE_PATH" NOSLATE_WORKDIR="$NOSLATE_WORKDIR" \
    NOSLATE_BIN="$NOSLATE_BIN" NOSLATED_WORKDIR="$NOSLATED_WORKDIR" TURF_WORKDIR="$TURF_WORKDIR" NOSLATE_LOGDIR="$NOSLATE_LOGDIR" \
    LIBTURF_PATH="$LIBTURF_PATH" "$@"
}

# $1: command for the shell.
run() { exec_in_node_env sh -c "exec $1" </dev/null & }

turfd=${TURFD_COMMAND:-"\"$NOSLATE_BIN/turf\" -D -f"}
# The planes' own Node.js lies beside them; without it any will do.
node=node
if [ -f "$NOSLATE_BIN/node" ]; then node=$NOSLATE_BIN/node; fi
data_plane=${DATA_PLANE_COMMAND:-"\"$node\" \"$NOSLATE_BIN/data_plane\""}
control_plane=${CONTROL_PLANE_COMMAND:-"\"$node\" \"$NOSLATE_BIN/control_plane\""}

# $1: a socket. Whether somebody listens there; a killed process leaves the file behind, which says nothing.
listens() {
  [ -r /proc/net/unix ] || return 1
  while read -r _ _ _ flags _ _ _ path; do
    if [ "$path" = "$1" ] && [ "$flags" = 00010000 ]; then return 0; fi
  done </proc/net/unix
  return 1
}

# The same of one that was started here: its file is new, should the kernel not tell more.
is_up() { if [ -r /proc/net/unix ]; then listens "$1"; else [ -S "$1" ]; fi; }

# PROCESS-ID:NAME of each that was started.
started=
stop_started() {
  tries=0
  while :; do
    left=
    for one in $started; do
      # Asked again: one that is only just being started has not got its own ear for signals yet.
      if kill "${one%%:*}" 2>/dev/null; then left="$left ${one%%:*}"; fi
    done
    if [ -z "$left" ]; then return; fi
    if [ "$tries" -ge 20 ]; then
      for pid in $left; do kill -KILL "$pid" 2>/dev/null || :; done
      return
    fi
    tries=$((tries + 1))
    sleep 0.1
  done
}
# As the first process of a container the shell would not even notice.
trap 'trap "" TERM INT; say "stopped before the planes were up"; stop_started; exit 143' TERM
trap 'trap "" TERM INT; say "stopped before the planes were up"; stop_started; exit 130' INT

# $1: name, $2: socket, $3: command.
start() {
  if listens "$2"; then
    say "$1 answers at $2 already: none is started"
    return
  fi
  rm -f "$2"
  run "$3"
  started="$started $!:$1"
}
data_socket=$NOSLATED_WORKDIR/socks/dp-0.sock
control_socket=$NOSLATED_WORKDIR/socks/cp-0.sock
start turfd "$TURF_WORKDIR/turf.sock" "$turfd"
start data-plane "$data_socket" "$data_plane"
start control-plane "$control_socket" "$control_plane"

waited=0
until is_up "$data_socket" && is_up "$control_socket"; do
  for one in $started; do
    if ! kill -0 "${one%%:*}" 2>/dev/null; then
      say "${one#*:} ended before the planes were up"
      stop_started
      exit 1
    fi
  done
  if [ "$waited" -ge "$((wait_seconds * 10))" ]; then
    say "the planes' sockets are not in $NOSLATED_WORKDIR/socks after $wait_seconds s"
    stop_started
    exit 1
  fi
  sleep 0.1
  waited=$((waited + 1))
done

# The planes are there: our process is not to start others.
export Node__Supervise=false Node__Workdir="$NOSLATED_WORKDIR"
exec "$program" "$@"
