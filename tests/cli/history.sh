#!/usr/bin/env bash
# cluster.history: what clients of application kv saw while replicas were killed, one after the other, is linearizable; and a get of the
# past among it is not. Usage: history.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
net="$work/net"
trap '"$nika" testnet stop --dir "$net" >/dev/null 2>&1; rm -rf "$work"' EXIT
"$nika" testnet --n 4 --clients 4 --dir "$net" >/dev/null && "$nika" testnet start --dir "$net" >/dev/null 2>&1 || fail "no cluster"
"$nika" client --dir "$net" bench --clients 4 --seconds 12 --keys 4 --reads 60 --timeout 60000 --history "$work/seen" --json >"$work/bench" 2>"$work/bench.err" &
bench=$!
kills=0
for victim in 0 1 2 3 0; do
    sleep 1
    kill -9 "$(cat "$net/replica-$victim.pid")" && kills=$((kills + 1))
    sleep 0.5
    timeout 20 "$nika" testnet start --dir "$net" >/dev/null 2>&1
done
wait "$bench" || fail "the bench: $(cat "$work/bench" "$work/bench.err")"
[[ $kills -eq 5 ]] || fail "$kills kills"
jq -e '.requests >= 100 and .timeouts == 0' "$work/bench" >/dev/null || fail "the bench: $(cat "$work/bench")"
expect 0 ": linearizable" "$nika" history "$work/seen"
# The same with one get that comes long after and reads the very first value of its key.
first=$(grep -m1 '"op":"put"' "$work/seen")
jq -c '.op = "get" | .call = 9000000000000000 | .return = 9000000000000001 | .client = 99' <<<"$first" >"$work/past"
cat "$work/seen" "$work/past" >"$work/stale"
expect 1 "NOT linearizable" "$nika" history "$work/stale"
exit "$failed"
