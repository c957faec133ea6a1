#!/usr/bin/env bash
# cluster.testnet: a cluster of processes on loopback: its files, its life, what its operator sees; bad files are told of all at once.
# Usage: testnet.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
net="$work/net"
trap '"$nika" testnet stop --dir "$net" >/dev/null 2>&1; rm -rf "$work"' EXIT
status() { "$nika" testnet status --dir "$net" --json; }
port() { jq -r .http.port "$net/replica-$1.json"; }
pid() { cat "$net/replica-$1.pid"; }
get() { # REPLICA PATH: body, with the code in front
    exec 8<>"/dev/tcp/127.0.0.1/$(port "$1")" || return 1
    printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&8
    cat <&8
    exec 8>&-
}

# Files: secrets for their owner alone, nothing overwritten, all of it good.
expect 0 "cluster of 4 replicas and 3 clients" "$nika" testnet --n 4 --clients 3 --dir "$net"
expect 64 "never overwritten" "$nika" testnet --n 4 --clients 3 --dir "$net"
[[ $(stat -c %a "$net"/keys/*.key | sort -u) == 600 ]] || fail "modes of key files"
[[ $(stat -c %a "$net/keys" "$net"/data/* | sort -u) == 700 ]] || fail "modes of folders"
[[ $(jq .cluster.pace_ms "$net/cluster.json") == 200 ]] || fail "nobody watches the primary of a new cluster"
expect 0 "good: replica 2 of 4, protocol pbft, application kv, suite ed25519" "$nika" node --config "$net/replica-2.json" --check-config
expect 6 "does not run" "$nika" testnet status --dir "$net"

# Every problem of a file is listed, with its place.
bad="$work/bad.json"
jq '.replica = 200 | .store = "tape" | .outbound_kib = 1 | .colour = 3' "$net/replica-0.json" >"$bad"
expect 64 "bad.json: replica" "$nika" node --config "$bad" --check-config
for words in 'store: expected one of disk, memory; got "tape"' outbound_kib colour; do
    grep -qF "$words" "$work/out" || fail "no \"$words\" among the problems"
done
sed 's/{/{,/' "$net/replica-0.json" >"$bad"
expect 64 "bad.json" "$nika" node --config "$bad" --check-config
cp "$net/replica-0.json" "$net/other-keys.json"
jq '.keys = "keys/replica-1.key"' "$net/replica-0.json" >"$net/other-keys.json"
expect 64 "keys of replica 1, expected those of replica 0" "$nika" node --config "$net/other-keys.json" --check-config
chmod 644 "$net/keys/replica-0.key"
expect 64 "mode is 0644, expected 0600" "$nika" node --config "$net/replica-0.json"
chmod 600 "$net/keys/replica-0.key"
expect 64 "which node?" "$nika" node
expect 64 "which folder?" "$nika" testnet start
expect 64 "cannot" "$nika" testnet start --dir "$work/none"

expect 64 "too many replicas for suite ed25519 (at most 8)" "$nika" testnet --n 9 --dir "$work/nine" --client-auth macs
expect 64 "expected signature or macs" "$nika" testnet --dir "$work/x" --client-auth mac

# What no replica would take is refused before anything is there.
for words in batch_count=0 checkpoint_interval=300 colour=3; do
    expect 64 "bad/cluster.json: cluster" "$nika" testnet --dir "$work/bad" --set "$words"
    [[ ! -e "$work/bad" ]] || fail "--set $words left $(ls "$work/bad")"
done
expect 64 "cluster" "$nika" testnet --n 4 --f 2 --dir "$work/bad"
[[ ! -e "$work/bad" ]] || fail "--f 2 left $(ls "$work/bad")"

# Keys of one member.
expect 0 '"signing"' "$nika" keygen --node client:7 --out "$work/c.key"
[[ $(stat -c %a "$work/c.key") == 600 ]] || fail "mode of a made key"
expect 64 "cannot be made" "$nika" keygen --node client:7 --out "$work/c.key"
expect 64 "expected replica:ID or client:ID" "$nika" keygen --node seven --out "$work/d.key"

# Life.
ulimit -c unlimited 2>/dev/null || echo "core files are forbidden here: nothing to be switched off"
expect 0 "replica 3   healthy" "$nika" testnet start --dir "$net"
for i in 0 1 2 3; do
    grep -qE '^Max core file size +0 +0 ' "/proc/$(pid $i)/limits" || fail "a core file of replica $i could be written"
done
status | jq -e 'length == 4 and all(.healthy and .view == 0 and (.peers | all))' >/dev/null || fail "status: $(status | head -c 400)"
first=$(pid 0)
expect 0 "healthy" "$nika" testnet start --dir "$net"
[[ $(pid 0) == "$first" ]] || fail "start has started a running replica"
expect 64 "this replica runs already" "$nika" node --config "$net/replica-0.json"
jq '.pid_file = "other.pid"' "$net/replica-0.json" >"$net/twin.json"
expect 64 "another process uses this directory" "$nika" node --config "$net/twin.json"

# The operator's port.
get 1 /healthz | grep -q '^HTTP/1.[01] 200' || fail "healthz"
get 1 /nothing | grep -q '^HTTP/1.[01] 404' || fail "an unknown path"
get 1 /metrics >"$work/metrics"
grep -q '^nika_healthy 1' "$work/metrics" || fail "metrics"
[[ $(tail -1 "$work/metrics") == "# EOF" ]] || fail "metrics do not end as OpenMetrics does"
sed '1,/^\r$/d' "$work/metrics" | awk '/^# TYPE/ {known[$3] = 1; next} /^#/ {next}
    {name = $1; sub(/[{].*/, "", name); sub(/_(total|info)$/, "", name); if (!(name in known)) {print "no type: " $1; bad = 1}}
    END {exit bad}' >"$work/out" || fail "$(head -3 "$work/out")"

# Garbage, half a hand-shake, too large a frame: told of, closed, and everyone is well.
peer=$(jq -r '.replicas[0].port' "$net/cluster.json")
for i in 1 2 3; do
    head -c 5000 /dev/urandom >"/dev/tcp/127.0.0.1/$peer" 2>/dev/null
    printf 'NIKS' >"/dev/tcp/127.0.0.1/$peer"
done
until_true grep -q 'event=link_closed.*reason="not a nika session\|event=link_closed.*reason=' "$net/replica-0.log" || fail "garbage left no line"
get 0 /status | grep -q '"healthy": true' || fail "garbage made replica 0 unhealthy"

# A log file is opened again; a killed replica is seen, and started again.
mv "$net/replica-0.log" "$net/replica-0.log.1"
kill -HUP "$(pid 0)"
until_true grep -q log_reopened "$net/replica-0.log" || fail "SIGHUP did not open the log again"
kill -9 "$(pid 0)"
until_true bash -c "! '$nika' testnet status --dir '$net' >/dev/null"
expect 6 "does not run" "$nika" testnet status --dir "$net"
expect 0 "replica 0   healthy" "$nika" testnet start --dir "$net"

# A byte in the middle of a log is changed: told with its place, taken for lost memory, and the others serve.
for i in $(seq 20); do "$nika" client --dir "$net" put "k$i" "v$i" >/dev/null || fail "put k$i"; done
kill -9 "$(pid 1)"
until_true bash -c "! kill -0 \$(cat '$net/replica-1.pid') 2>/dev/null"
cp -a "$net/data/replica-1" "$work/kept"
log=$(ls "$net"/data/replica-1/log-* | head -1)
"$nika" inspect --verify "$net/data/replica-1" >/dev/null || fail "the log of a killed replica is not clean"
flip "$log"
"$nika" inspect --verify "$net/data/replica-1" >"$work/out" && fail "inspect finds nothing: $(tail -2 "$work/out")"
"$nika" testnet start --dir "$net" >/dev/null 2>&1 &
until_true grep -q 'level=error event=log_corrupt reason=.*log-' "$net/replica-1.log" || fail "a damaged log was not noticed"
until_true grep -q 'event=started replica=1.*amnesiac=1' "$net/replica-1.log" || fail "a replica with a damaged log says that it remembers"
[[ $("$nika" client --dir "$net" get k20) == v20 ]] || fail "get beside a damaged log"
kill %1 2>/dev/null
wait 2>/dev/null
# f = 1: before another one is lost this one must be whole. It has voted for nothing since, so what it had is what it knows.
kill -9 "$(pid 1)"
until_true bash -c "! kill -0 \$(cat '$net/replica-1.pid') 2>/dev/null"
rm -rf "$net/data/replica-1"
mv "$work/kept" "$net/data/replica-1"
expect 0 "replica 1   healthy" "$nika" testnet start --dir "$net"

# A lost disk: not taken for a new replica.
kill -9 "$(pid 3)"
sleep 0.2
rm -rf "$net/data/replica-3"
"$nika" testnet start --dir "$net" >/dev/null 2>&1 &
until_true bash -c "grep -q 'amnesiac=1' '$net/replica-3.log'" || fail "a lost disk was not noticed"
get 3 /healthz | grep -q '^HTTP/1.[01] 503' || fail "a replica without memory says that it is healthy"
kill %1 2>/dev/null
wait 2>/dev/null

# The same inside TLS 1.3, with clients that do not sign: an operation gets through, and who speaks without it is told of.
tls="$work/tls"
expect 0 "cluster of 4" "$nika" testnet --dir "$tls" --tls --client-auth macs
jq -e '.cluster.tls' "$tls/cluster.json" >/dev/null || fail "the cluster file does not say tls"
expect 0 "replica 3   healthy" "$nika" testnet start --dir "$tls"
"$nika" client --dir "$tls" put k v || fail "put over TLS"
[[ $("$nika" client --dir "$tls" get k) == v ]] || fail "get over TLS"
printf 'NIKS, and no TLS around it' >"/dev/tcp/127.0.0.1/$(jq -r '.replicas[0].port' "$tls/cluster.json")"
until_true grep -q 'event=link_closed.*reason="TLS: ' "$tls/replica-0.log" || fail "no TLS left no line"
expect 0 "4 of 4 replicas stopped" "$nika" testnet stop --dir "$tls"

expect 0 "4 of 4 replicas stopped" "$nika" testnet stop --dir "$net"
[[ -z $(cat "$net"/*.out) ]] || fail "replicas print: $(cat "$net"/*.out | head -5)"
for i in 0 1 2 3; do grep -q "event=stopped " "$net/replica-$i.log" || fail "replica $i did not end in order"; done
expect 0 "0 of 4 replicas stopped" "$nika" testnet stop --dir "$net"
exit "$failed"
