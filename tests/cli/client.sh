#!/usr/bin/env bash
# cluster.client: `nika client`, and libnika under it, against processes: answers, refusals, a dead primary, no quorum, bad files.
# Usage: client.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
net="$work/net"
trap '"$nika" testnet stop --dir "$net" >/dev/null 2>&1; "$nika" testnet stop --dir "$net-l" >/dev/null 2>&1; rm -rf "$work"' EXIT
client() { "$nika" client --dir "$net" "$@"; }
says() { # WORDS COMMAND...: prints exactly that
    local words=$1 got
    shift
    got=$("$@" 2>&1 </dev/null)
    [[ $got == "$words" ]] || fail "\"$got\", not \"$words\": $*"
}

expect 64 "cannot" client get k
"$nika" testnet --n 4 --clients 3 --dir "$net" >/dev/null || fail "files"
expect 64 "which operation?" client
expect 64 "expected: put KEY VALUE" client put k
expect 64 "which cluster?" "$nika" client get k
expect 64 "whose keys?" "$nika" client --config "$net/cluster.json" get k
expect 64 "keys of a replica" "$nika" client --config "$net/cluster.json" --key "$net/keys/replica-0.key" get k
expect 2 "no connection to replica 0, 1, 2, 3" client --timeout 300 get k

"$nika" testnet start --dir "$net" >"$work/start" 2>&1 || fail "start: $(cat "$work/start")"
says "" client put k v
says v client get k
[[ $(stat -c %a "$net/keys/client-0.key.timestamp") == 600 ]] || fail "mode of the timestamp file"
says v client --client 1 get k
says v "$nika" client --config "$net/cluster.json" --key "$net/keys/client-2.key" get k
expect 5 "the key has another value" client cas k wrong w
says "" client cas k v w
says w client get k
says "" client cas fresh "" made
expect 5 "no such key" client get nothing
says "" client del k
expect 5 "no such key" client del k
expect 64 "transfer is an operation of application ledger; the cluster runs application kv" client transfer 0 1 5
expect 64 "too large" client put "$(printf 'k%.0s' $(seq 5000))" v

# One identity, one process.
flock -o "$net/keys/client-1.key" sleep 5 &
sleep 0.3
expect 64 "another process uses this client" client --client 1 get k
kill %1 2>/dev/null
wait 2>/dev/null

# A lost timestamp file, and a damaged one: the client goes on.
rm "$net/keys/client-0.key.timestamp"
says made client get fresh
printf x >"$net/keys/client-0.key.timestamp"
says "" client put k again

# What clients saw, and its judge; under it the judge of the judge.
seen="$work/seen.jsonl"
expect 64 "not cas" client --history "$seen" cas k v w
expect 64 "one --key is one client" client --key "$net/keys/client-0.key" --clients 2 bench
expect 64 "--payload" client --payload 5000 bench
expect 0 throughput_per_s client --clients 3 --seconds 1 --reads 40 --keys 3 --history "$seen" bench
[[ $(jq -s 'map(select(.op == "get" and .value != null)) | length' "$seen") -ge 1 ]] || fail "no get of the bench read anything"
says "" client --history "$seen" put seen-1 first
says first client --history "$seen" --client 1 get seen-1
expect 5 "no such key" client --history "$seen" get seen-2
expect 0 ": linearizable" "$nika" history "$seen"
tail -1 "$seen" | jq -e '.value == null and .op == "get" and .return > .call' >/dev/null || fail "the last line: $(tail -1 "$seen")"
jq -c 'if .key == "seen-1" and .op == "get" then .value = null else . end' "$seen" >"$work/forgot.jsonl"
expect 1 "NOT linearizable" "$nika" history "$work/forgot.jsonl"
grep -q "key seen-1: value (absent) was there before first and after it\|key seen-1: value first was there before (absent)" "$work/out" || fail "$(cat "$work/out")"
jq -c 'if .op == "get" and .key != "seen-1" and .value != null then .value += "y" else . end' "$seen" >"$work/lied.jsonl"
expect 1 "which nobody had written" "$nika" history "$work/lied.jsonl"
{ cat "$seen" && grep -m1 seen-1 "$seen"; } >"$work/twice.jsonl"
expect 6 "written twice" "$nika" history "$work/twice.jsonl"
expect 64 "which history?" "$nika" history
expect 64 "No such file" "$nika" history "$work/none"
for line in 'x' '{}' '{"client":0,"op":"del","key":"k","value":"v","call":1,"return":2}' '{"client":0,"op":"get","key":"k","value":"v","call":-1,"return":2}'; do
    { cat "$seen" && echo "$line"; } >"$work/bad.jsonl"
    expect 64 "line $(($(wc -l <"$seen") + 1)): " "$nika" history "$work/bad.jsonl"
done
: >"$work/empty"
expect 64 "no operation in it" "$nika" history "$work/empty"

# The primary is killed: the same answer. Two are gone: no answer, and who is missing.
kill -9 "$(cat "$net/replica-0.pid")"
says again client get k
says "" client put k later
says later client get k
kill -9 "$(cat "$net/replica-3.pid")"
expect 2 "no connection to replica 0, 3" client --timeout 1000 put k never

# The ledger.
"$nika" testnet --n 4 --clients 2 --app ledger --app-param 4 --dir "$net-l" >/dev/null && "$nika" testnet start --dir "$net-l" >/dev/null 2>&1 ||
    fail "a cluster with the ledger"
ledger() { "$nika" client --dir "$net-l" "$@"; }
says 995 ledger transfer 0 1 5
says 1005 ledger balance 1
expect 5 "not enough money" ledger transfer 0 1 100000
expect 5 "belongs to another client" ledger transfer 1 0 5
expect 5 "no such account" ledger balance 9
expect 64 "the cluster runs application ledger" ledger put k v
expect 64 "the cluster runs application ledger" ledger bench
exit "$failed"
