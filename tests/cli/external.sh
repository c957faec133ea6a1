#!/usr/bin/env bash
# cluster.external: the application in other processes, in Python and in C within one cluster: equal answers and states; one that is killed comes
# back with its state; one that hangs, dies or answers garbage ends its own replica and no other; and a recording replays without it.
# Usage: external.sh NIKA EXAMPLE-KV
set -uo pipefail
source "$(dirname "$0")/lib.sh"
example=$(realpath "$2")
net="$work/net"
declare -a app
trap 'for p in "${app[@]}"; do kill -9 "$p" 2>/dev/null; done; "$nika" testnet stop --dir "$net" >/dev/null 2>&1; rm -rf "$work"' EXIT
client() { "$nika" client --dir "$net" --timeout 20000 "$@"; }
says() { # WORDS COMMAND...: prints exactly that
    local words=$1 got
    shift
    got=$("$@" 2>&1 </dev/null)
    [[ $got == "$words" ]] || fail "\"$got\", not \"$words\": $*"
}
# It listens when this returns: a replica waits for 1.5 s, in which Python need not have begun on a busy machine.
start_app() { # REPLICA COMMAND...
    local i=$1
    shift
    rm -f "$net/app-$i.sock"
    "$@" 2>>"$work/app-$i.log" &
    app[i]=$!
    disown
    until_true test -S "$net/app-$i.sock" || fail "application $i does not listen: $(tail -3 "$work/app-$i.log")"
}
end_app() { kill -9 "${app[$1]}" 2>/dev/null; }
failures() { grep -c 'event=app_failed' "$net/replica-$1.log"; }
running() {
    "$nika" testnet status --dir "$net" --json >"$work/status"
    jq -e ".[$1].reason != \"does not run\"" "$work/status" >/dev/null
}
ends_with_3() { # NODE-FILE
    "$nika" node --config "$1" >"$work/out" 2>&1
    [[ $? -eq 3 ]] || fail "not exit code 3: $(cat "$work/out")"
}
level() { # REPLICA: healthy, and it has executed what replica 0 has
    "$nika" testnet status --dir "$net" --json | jq -e ".[$1].healthy and .[$1].executed == .[0].executed" >/dev/null
}

"$nika" testnet --n 4 --clients 2 --app external --set checkpoint_interval=8 --set window=16 --dir "$net" >"$work/made" 2>&1 || { fail "files: $(cat "$work/made")"; exit 1; }
jq 'del(.application)' "$net/replica-0.json" >"$net/without.json"
expect 64 "application external needs its socket" "$nika" node --config "$net/without.json" --check-config
# Nobody listens: said, and not for ever.
jq '.application.timeout_ms = 200 | .log.file = "nobody.log"' "$net/replica-0.json" >"$net/nobody.json"
ends_with_3 "$net/nobody.json"
grep -q 'event=app_failed .*method=connect reason="No such file' "$net/nobody.log" || fail "nobody listens: $(cat "$net/nobody.log")"

for i in 0 1 2 3; do
    jq '.application.timeout_ms = 1500' "$net/replica-$i.json" >"$net/x" && mv "$net/x" "$net/replica-$i.json"
done
for i in 0 1; do start_app $i python3 examples/kv.py --socket "$net/app-$i.sock"; done
start_app 2 "$example" "$net/app-2.sock"
start_app 3 "$example" "$net/app-3.sock"
"$nika" testnet start --record --dir "$net" >"$work/start" 2>&1 || fail "start: $(cat "$work/start" "$net"/*.log | tail -5)"
says "" client put k v
says v client get k
expect 5 "the key has another value" client cas k wrong w
says "" client cas k v w
says "" client cas fresh "" made
says "" client del fresh
expect 5 "no such key" client get fresh
for i in $(seq 20); do client put "key-$((i * 7 % 20))" "value $i" || fail "put $i"; done
says "value 3" client get key-1
# Past two checkpoints: Python and C told the same state.
"$nika" testnet status --dir "$net" --json | jq -e '(map(.checkpoint_digest) | unique | length) == 1 and .[0].checkpoint >= 8 and all(.healthy)' >/dev/null ||
    fail "states: $("$nika" testnet status --dir "$net" --json | jq -c 'map([.checkpoint, .checkpoint_digest])')"

# The application of replica 3 is killed: its replica ends, the others do not; both come back with the state from the disk.
end_app 3
client put after kill || fail "put without application 3"
until_true test "$(failures 3)" -ge 1 || fail "replica 3 did not notice"
grep -q 'event=app_failed .*reason="\(it ended\|Broken pipe\|Connection reset by peer\)"' "$net/replica-3.log" || fail "$(tail -2 "$net/replica-3.log")"
running 3 && fail "replica 3 goes on without its application"
for i in 0 1 2; do running $i || fail "replica $i ended, too"; done
start_app 3 python3 examples/kv.py --socket "$net/app-3.sock" # In another language this time.
"$nika" testnet start --record --dir "$net" >/dev/null 2>&1
says "" client put after restart
until_true level 3 || fail "replica 3 did not come back"

# Each way to fail, while it recovers: its replica ends, and the others serve.
for mode in garbage oversize other refuse half form die hang unasked; do
    end_app 3
    kill -9 "$(cat "$net/replica-3.pid")" 2>/dev/null
    sleep 0.2
    start_app 3 python3 tests/cli/bad_app.py "$net/app-3.sock" "$mode"
    before=$(failures 3)
    timeout 3 "$nika" testnet start --record --dir "$net" >/dev/null 2>&1 # It waits for health that will not come.
    says "" client put bad "$mode"
    until_true bash -c "[[ \$(grep -c 'event=app_failed' '$net/replica-3.log') -gt $before ]]" || fail "$mode: replica 3 did not notice"
    running 3 && fail "$mode: replica 3 goes on"
    says "$mode" client get bad
    for i in 0 1 2; do running $i || fail "$mode: replica $i ended, too"; done
done
for words in "no answer in time" "an answer of a size that cannot be" "an answer to another request" "it refused" "it spoke unasked" \
    "is not empty"; do
    grep -q "event=app_failed .*$words" "$net/replica-3.log" || fail "no \"$words\" in the log"
done
# Another version is refused when it says hello.
end_app 3
start_app 3 python3 tests/cli/bad_app.py "$net/app-3.sock" hello
sleep 0.3
ends_with_3 "$net/replica-3.json"
grep -q 'method=hello reason="its answer is not nika-app-1"' "$net/replica-3.log" || fail "another version: $(tail -1 "$net/replica-3.log")"
# And it recovers from all of it.
end_app 3
start_app 3 "$example" "$net/app-3.sock"
"$nika" testnet start --record --dir "$net" >/dev/null 2>&1
says "" client put last one
until_true level 3 || fail "replica 3 did not recover"
"$nika" testnet stop --dir "$net" >/dev/null 2>&1
for i in 0 1 2 3; do end_app $i; done

# What was recorded replays without any of them, and a changed recording does not.
for file in "$net/replica-0-0.recording" "$net/replica-2-0.recording" $(ls -t "$net"/replica-3-*.recording | head -1); do
    expect 0 "verdict    held" "$nika" replay "$file"
    grep -q "application external" "$work/out" || fail "$(cat "$work/out")"
done
expect 0 "verdict    held" "$nika" replay "$net/replica-0-0.recording"
grep -Eq '; [1-9][0-9]* requests executed' "$work/out" || fail "nothing was executed: $(grep requests "$work/out")"
exit "$failed"
