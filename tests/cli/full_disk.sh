#!/usr/bin/env bash
# cluster.full_disk: the disk of one replica is full: it says so, counts it and goes on to answer its operator; the others serve; with space and a
# restart it is level again, and nothing that was in its log is lost.
# Usage: full_disk.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
net="$work/net" small="$work/net/data/replica-3"
trap '"$nika" testnet stop --dir "$net" >/dev/null 2>&1; wait 2>/dev/null; rm -rf "$work"' EXIT
if ! unshare -rm mount -t tmpfs none "$work" 2>/dev/null; then
    echo "no mount namespaces: a full disk cannot be had"
    exit 77
fi
of() { "$nika" testnet status --dir "$net" --json | jq -r ".[$1]$2"; } # REPLICA FILTER
put() { "$nika" client --dir "$net" put "$1" "$2" >/dev/null || fail "put $1"; }
value=$(head -c 900 /dev/zero | tr '\0' v)
expect 0 "cluster of 4 replicas" "$nika" testnet --n 4 --dir "$net"

# A disk of its own for replica 3, as good as full. It lives as long as this shell; the second process finds room.
export nika small net
unshare -rm bash -c '
    cp -a "$small" "$net/kept" && mount -t tmpfs -o size=2m none "$small" && cp -a "$net/kept/." "$small/" && chmod 700 "$small" || exit 1
    free=$(df --output=avail -k "$small" | tail -1)
    head -c $(((free - 32) * 1024)) /dev/zero >"$small/../replica-3/ballast"
    "$nika" node --config "$net/replica-3.json"
    rm "$small/ballast"
    exec "$nika" node --config "$net/replica-3.json"' >"$work/node.out" 2>&1 &
until_true test -s "$net/replica-3.pid" || fail "no replica 3: $(head -3 "$work/node.out")"
expect 0 "replica 2   healthy" "$nika" testnet start --dir "$net"

# Full before its log may be cut at a checkpoint; what clients are answered does not change.
for i in $(seq 40); do put "k$i" "$value$i"; done
until_true grep -q 'level=error.*event=disk_failed.*No space left on device\|event=disk_failed.*No space left on device' "$net/replica-3.log" ||
    fail "no word of the full disk: $(tail -3 "$net/replica-3.log")"
for i in 1 20 40; do [[ $("$nika" client --dir "$net" get "k$i") == "$value$i" ]] || fail "get k$i beside a full disk"; done
[[ $(of 3 .pid) == "$(cat "$net/replica-3.pid")" ]] || fail "replica 3 does not answer its operator"
[[ $(of 3 .disk.failures) -gt 0 ]] || fail "no failure is counted: $(of 3 .disk)"

# Room again.
first=$(cat "$net/replica-3.pid")
kill "$first"
until_true bash -c "[[ \$(cat '$net/replica-3.pid') != $first ]] && '$nika' testnet status --dir '$net' >/dev/null" || fail "it does not start again: $(tail -3 "$net/replica-3.log")"
grep -q 'amnesiac=1' "$net/replica-3.log" && fail "a full disk has cost it its memory"
put last "$value"
until_true bash -c "'$nika' testnet status --dir '$net' --json | jq -e 'map(.executed) | unique | length == 1' >/dev/null" ||
    fail "not level: $("$nika" testnet status --dir "$net" --json | jq -c 'map(.executed)')"
expect 0 "4 of 4 replicas stopped" "$nika" testnet stop --dir "$net"
exit "$failed"
