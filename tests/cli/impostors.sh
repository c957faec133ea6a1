#!/usr/bin/env bash
# cluster.impostors: two processes with one id, and clocks that are set back or ahead: the others go on, what was written stays, and the logs
# say what happened.
# Usage: impostors.sh NIKA CLOCK_SHIFT_LIBRARY
set -uo pipefail
source "$(dirname "$0")/lib.sh"
shift_library=$(realpath "$2")
net="$work/net"
twin=
trap '[[ -z $twin ]] || kill -9 "$twin" 2>/dev/null; "$nika" testnet stop --dir "$net" >/dev/null 2>&1; rm -rf "$work"' EXIT
put_get() { # VALUE, what for
    "$nika" client --dir "$net" put k "$1" >/dev/null || fail "put $2"
    [[ $("$nika" client --dir "$net" get k) == "$1" ]] || fail "get $2"
}
expect 0 "cluster of 4 replicas" "$nika" testnet --n 4 --dir "$net"
expect 0 "replica 3   healthy" "$nika" testnet start --dir "$net"
put_get one "in peace"

# A second process has the keys of replica 1, its own port and an empty directory. It may vote for nothing, and takes sessions from the first and
# loses them again.
free_port() { # From $1 on: one that nobody listens at or calls from.
    local port=$1
    while grep -qi ":$(printf %04X "$port") " /proc/net/tcp; do port=$((port + 1)); done
    echo "$port"
}
port=$(free_port "$(jq '[.replicas[].port] | max + 1' "$net/cluster.json")")
jq --argjson port "$port" '.replicas[1].port = $port' "$net/cluster.json" >"$net/twin-cluster.json"
jq '.cluster = "twin-cluster.json" | .data = "data/twin" | .pid_file = "twin.pid" | .http.port = 0 | .log.file = "twin.log"' \
    "$net/replica-1.json" >"$net/twin.json"
"$nika" node --config "$net/twin.json" >"$work/twin.out" 2>&1 &
twin=$!
until_true grep -q 'event=peer_replaced' "$net/replica-0.log" || fail "nobody noticed a second replica 1: $(head -3 "$work/twin.out")"
for i in 1 2 3; do put_get "two-$i" "beside a second replica 1"; done
kill -9 "$twin"
wait "$twin" 2>/dev/null
twin=
until_true bash -c "'$nika' testnet status --dir '$net' >/dev/null" || fail "not healthy again after the second replica 1"
put_get three "after the second replica 1"

# The primary's clock is set back by an hour, then a backup's ahead by one: time for the application never goes back.
for shift in -3600 3600; do
    [[ $shift == -3600 ]] && who=0 || who=2
    kill -9 "$(cat "$net/replica-$who.pid")"
    until_true bash -c "! kill -0 \$(cat '$net/replica-$who.pid') 2>/dev/null"
    LD_PRELOAD="$shift_library" NIKA_CLOCK_SHIFT_S=$shift "$nika" testnet start --dir "$net" >"$work/out" 2>&1 || fail "start with the clock shifted by $shift: $(head -3 "$work/out")"
    for i in 1 2 3; do put_get "four$shift-$i" "with the clock of replica $who shifted by $shift s"; done
    "$nika" testnet status --dir "$net" >/dev/null || fail "not healthy with the clock of replica $who shifted by $shift s"
done
year=$(date -u -d '-1 hour' +%Y-%m-%dT%H)
grep -q "$year" "$net/replica-0.log" || fail "the clock of replica 0 was never set back: $(tail -1 "$net/replica-0.log")"

expect 0 "4 of 4 replicas stopped" "$nika" testnet stop --dir "$net"
for i in 0 1 2 3; do
    "$nika" inspect "$net/data/replica-$i" >"$work/out" 2>&1 || fail "inspect replica $i: $(head -3 "$work/out")"
done
exit $failed
