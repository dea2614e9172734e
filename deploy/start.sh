#!/bin/sh
# For those who keep a shell entry point: starts turfd and the planes of the Noslate image, then our process in this one's place, so that
# it gets the container's signals. Without this script our process does the same and also restarts what dies (Node:Supervise=true).
#
#   ENTRYPOINT ["/opt/noslate-fleet/start.sh"]
#
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
  '' | *[!0-9]*) say "NOSLATE_FLEET_WAIT = \"$wait_seconds\": must be a whole number of seconds"; exit 2 ;;
esac
if [ ! -x "$program" ]; then say "there is no program $program; NOSLATE_FLEET_PROGRAM names another one"; exit 2; fi
mkdir -p "$NOSLATED_WORKDIR" "$TURF_WORKDIR" "$NOSLATE_LOGDIR"

# Functions and their node get no credentials of the platform and no tokens of ours: only what is named here.
node_env() {
  env -i PATH="$PATH" HOME="${HOME:-/}" LANG="${LANG:-C.UTF-8}" TZ="${TZ:-UTC}" NOSLATE_PATH="$NOSLATE_PATH" NOSLATE_WORKDIR="$NOSLATE_WORKDIR" \
    NOSLATE_BIN="$NOSLATE_BIN" NOSLATED_WORKDIR="$NOSLATED_WORKDIR" TURF_WORKDIR="$TURF_WORKDIR" NOSLATE_LOGDIR="$NOSLATE_LOGDIR" \
    LIBTURF_PATH="$LIBTURF_PATH" "$@"
}

# $1: command for the shell.
run() { node_env sh -c "exec $1" </dev/null & }

turfd=${TURFD_COMMAND:-"\"$NOSLATE_BIN/turf\" -D -f"}
data_plane=${DATA_PLANE_COMMAND:-"node \"$NOSLATE_BIN/data_plane\""}
control_plane=${CONTROL_PLANE_COMMAND:-"node \"$NOSLATE_BIN/control_plane\""}

# A stale socket of a killed plane would be taken for a new one's.
rm -f "$NOSLATED_WORKDIR/socks/dp-0.sock" "$NOSLATED_WORKDIR/socks/cp-0.sock"
run "$turfd"
turfd_pid=$!
run "$data_plane"
data_pid=$!
run "$control_plane"
control_pid=$!

waited=0
until [ -S "$NOSLATED_WORKDIR/socks/dp-0.sock" ] && [ -S "$NOSLATED_WORKDIR/socks/cp-0.sock" ]; do
  for part in "turfd $turfd_pid" "data-plane $data_pid" "control-plane $control_pid"; do
    if ! kill -0 "${part#* }" 2>/dev/null; then
      say "${part% *} ended before the planes were up"
      kill "$turfd_pid" "$data_pid" "$control_pid" 2>/dev/null || :
      exit 1
    fi
  done
  if [ "$waited" -ge "$((wait_seconds * 10))" ]; then
    say "the planes' sockets are not in $NOSLATED_WORKDIR/socks after $wait_seconds s"
    kill "$turfd_pid" "$data_pid" "$control_pid" 2>/dev/null || :
    exit 1
  fi
  sleep 0.1
  waited=$((waited + 1))
done

# The planes are there: our process is not to start others.
export Node__Supervise=false Node__Workdir="$NOSLATED_WORKDIR"
exec "$program" "$@"
