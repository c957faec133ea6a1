#!/usr/bin/env bash
# cluster.hybster: a live Hybster cluster of three whose trusted parts are processes of their own: a killed leader, trusted parts that are killed,
# hang, were rolled back or lost, a lost log; recordings replay to equal states.
# Usage: hybster.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
net="$work/net"
trap '"$nika" testnet stop --dir "$net" >/dev/null 2>&1; "$nika" testnet stop --dir "$work/soft" >/dev/null 2>&1; rm -rf "$work"' EXIT
status() { "$nika" testnet status --dir "$net" --json; }
of() { status | jq -r ".[$1] | $2"; } # REPLICA FILTER
pid() { cat "$net/replica-$1.pid"; }
trusted_pid() { "$nika" testnet status --dir "$net" | sed -n "/^replica $1 /,/^replica/s/^  trusted   pid \([0-9]*\).*/\1/p" | head -1; }
client() { "$nika" client --dir "$net" "$@"; }
metric() { # REPLICA NAME
    exec 8<>"/dev/tcp/127.0.0.1/$(jq -r .http.port "$net/replica-$1.json")" || return 1
    printf 'GET /metrics HTTP/1.0\r\n\r\n' >&8
    tr -d '\r' <&8 | sed -n "s/^nika_$2 //p"
    exec 8>&-
}
gone() { # REPLICA: it stopped voting and says why: status, health, metrics, log
    local i=$1 why=$2
    until_true bash -c "'$nika' testnet status --dir '$net' --json | jq -e '.[$i].trusted | .voting == false and (.gone | contains(\"$why\"))' >/dev/null" ||
        fail "replica $i: no word of \"$why\": $(of "$i" .trusted)"
    [[ $(of "$i" .reason) == *"stopped voting"*TSG* ]] || fail "replica $i: reason $(of "$i" .reason)"
    [[ $(metric "$i" trusted_up) == 0 && $(metric "$i" voting) == 0 ]] || fail "replica $i: metrics of what is gone"
    grep -q 'event=trusted_gone' "$net/replica-$i.log" || fail "replica $i: no event"
}

# Files; what belongs to whom; what does not fit together.
expect 0 "cluster of 3 replicas" "$nika" testnet --protocol hybster --n 3 --clients 3 --dir "$net" --set request_ms=300
[[ $(jq '.cluster.f' "$net/cluster.json") == 1 ]] || fail "f of three replicas"
[[ $(stat -c %a "$net/keys/group.tss") == 600 && $(stat -c %a "$net"/trusted-*/state | sort -u) == 700 ]] || fail "modes of secrets"
expect 0 "protocol hybster" "$nika" node --config "$net/replica-0.json" --check-config
jq 'del(.trusted)' "$net/replica-0.json" >"$net/bare.json"
expect 64 "this protocol needs one" "$nika" node --config "$net/bare.json" --check-config
jq '.trusted.backend = "oracle"' "$net/replica-0.json" >"$net/bare.json"
expect 64 'expected one of none, software, process; got "oracle"' "$nika" node --config "$net/bare.json" --check-config
expect 64 "has no trusted subsystem" "$nika" testnet --trusted process --dir "$work/p"
expect 64 "expected software or process" "$nika" testnet --protocol hybster --n 3 --trusted tape --dir "$work/p"
expect 64 "n >= 2f+1" "$nika" testnet --protocol hybster --n 3 --f 2 --dir "$work/p"
expect 64 "is there already" "$nika" testnet --protocol hybster --n 3 --dir "$net"

cp "$net/replica-2.json" "$work/replica-2.json"
jq '.trusted.timeout_ms = 120000' "$work/replica-2.json" >"$net/replica-2.json" # For the slow one below, on a slow machine.

# Nobody there, or the process of another replica: said, and no start.
expect 64 "No such file" "$nika" node --config "$net/replica-0.json"
expect 0 "replica 2   healthy" "$nika" testnet start --dir "$net" --record
if [[ $(id -u) -eq 0 ]]; then
    [[ $(stat -c %U "/proc/$(trusted_pid 0)") == nobody ]] || fail "the trusted process runs as $(stat -c %U "/proc/$(trusted_pid 0)")"
fi
jq '.trusted.socket = "trusted-1/socket" | .pid_file = "other.pid" | .data = "data/other"' "$net/replica-0.json" >"$net/foreign.json"
expect 64 "is the trusted process of instance 1, epoch 1; expected instance 0, epoch 1" "$nika" node --config "$net/foreign.json"
jq '.replicas[0].trusted_epoch = 2' "$net/cluster.json" >"$net/epoch.json"
jq '.cluster = "epoch.json" | .pid_file = "other.pid" | .data = "data/other"' "$net/replica-0.json" >"$net/stale.json"
expect 64 "expected instance 0, epoch 2" "$nika" node --config "$net/stale.json"

# put, get, kill -9 of the leader, get within 3 s; it comes back.
client put k one || fail "put"
[[ $(client get k) == one ]] || fail "get"
status | jq -e 'all(.trusted | .voting and .backend == "process" and .epoch == 1 and .certified > 0 and (.counters | length == 1 and .[0][1] > 0))' >/dev/null || fail "status: $(status | jq -c '.[].trusted')"
# One that is slow: its replica waits, but its operator does not; nothing is lost when the answer comes.
slow=$(trusted_pid 2)
kill -STOP "$slow"
client put k one || fail "put while a trusted part is slow"
until_true bash -c "'$nika' testnet status --dir '$net' --json | jq -e '.[2].reason | contains(\"is slow\")' >/dev/null" ||
    fail "the operator waits for a slow trusted part: $(of 2 .reason)"
[[ $(metric 2 trusted_up) == 1 ]] || fail "no metrics of a replica that waits"
kill -CONT "$slow"
until_true bash -c "'$nika' testnet status --dir '$net' --json | jq -e '.[2] | .healthy and .trusted.voting' >/dev/null" ||
    fail "it does not go on after a slow answer: $(of 2 .)"
cp "$work/replica-2.json" "$net/replica-2.json"
kill "$(pid 2)"
until_true bash -c "! kill -0 $(pid 2) 2>/dev/null"
expect 0 "replica 2   healthy" "$nika" testnet start --dir "$net" --record
kill -9 "$(pid 0)"
began=$(date +%s%N)
[[ $(client get k) == one ]] || fail "get after kill -9 of the leader"
took=$((($(date +%s%N) - began) / 1000000))
[[ $took -lt 3000 ]] || fail "the first answer of the next view took $took ms"
[[ $(of 1 .view) -ge 1 ]] || fail "nobody left the view of the killed leader"
client put k two || fail "put in the next view"
expect 0 "replica 0   healthy" "$nika" testnet start --dir "$net" --record
until_true bash -c "'$nika' testnet status --dir '$net' --json | jq -e '.[0] | .healthy and .view >= 1' >/dev/null" || fail "the killed leader does not follow: $(of 0 .)"

# kill -9 of a trusted process: its replica stops voting and says why, the others go on; with its state it goes on after a restart.
view=$(of 1 .view)
victim=$(((view + 1) % 3)) leader=$((view % 3))
before=$(of "$victim" .trusted.certified)
kill -9 "$(trusted_pid "$victim")"
gone "$victim" "has closed the connection"
client put k three || fail "put without a trusted part"
client put k four || fail "put without a trusted part"
[[ $(of "$victim" .trusted.certified) == "$before" ]] || fail "it certified without its trusted part"
until_true grep -q 'event=stopped_voting check=TSG reason="trusted process' "$net/replica-$victim.log" || fail "the module did not stop: $(of "$victim" .rejects)"
[[ $(of "$victim" .rejects.TSG) == 1 ]] || fail "TSG is not counted"
expect 0 "replica $victim   healthy" "$nika" testnet start --dir "$net" --record
client put k five || fail "put after the restart"
until_true bash -c "'$nika' testnet status --dir '$net' --json | jq -e '.[$victim].trusted | .voting and .certified > 0' >/dev/null" || fail "it does not vote again: $(of "$victim" .)"

# One that hangs is noticed by its time-out, at work and idle alike; here it is the leader's.
kill -STOP "$(trusted_pid "$leader")"
gone "$leader" "does not answer within"
[[ $(client get k) == five ]] || fail "get while the leader's trusted part hangs"
kill -CONT "$(trusted_pid "$leader")"
sleep 0.3
[[ $(of "$leader" .trusted.voting) == false ]] || fail "it took up again what was gone"
expect 0 "replica $leader   healthy" "$nika" testnet start --dir "$net" --record

# A lost log: silent until it could account for its counter again.
victim=$(((leader + 2) % 3))
kill -9 "$(pid "$victim")"
rm -rf "$net/data/replica-$victim"
client put k six || fail "put without replica $victim"
expect 0 "replica $victim   healthy" "$nika" testnet start --dir "$net" --record
until_true bash -c "'$nika' testnet status --dir '$net' --json | jq -e '.[$victim] | .healthy and (.amnesiac | not)' >/dev/null" || fail "a lost log is not learned again: $(of "$victim" .)"
client put k seven || fail "put after a lost log"
until_true bash -c "'$nika' testnet status --dir '$net' --json | jq -e 'map(.executed) | unique | length == 1' >/dev/null" || fail "not level: $(status | jq -c 'map(.executed)')"

# Every replica is killed at once; what was answered is there.
for i in 0 1 2; do kill -9 "$(pid "$i")"; done
"$nika" testnet start --dir "$net" --record >"$work/out" 2>&1 ||
    fail "all killed, start: $(cat "$work/out") $(status) $(tail -n 8 "$net"/replica-?.log)"
[[ $(client get k) == seven ]] || fail "get after all were killed"

# A trusted part that was set back does not start, and neither does its replica: nothing is ever bound twice.
"$nika" testnet stop --dir "$net" >/dev/null
[[ -z $(trusted_pid 0)$(trusted_pid 1)$(trusted_pid 2) ]] || fail "trusted processes outlive stop"
cp -a "$net/trusted-1/state" "$work/old"
"$nika" testnet start --dir "$net" --record >/dev/null || fail "start"
# More than one step of the disk: one less in one file is what a kill leaves, and the other file mends it.
for word in eins zwei eight; do client put k "$word" || fail "put"; done
"$nika" testnet stop --dir "$net" >/dev/null
cp -a "$net/trusted-1/state" "$work/now"
cp -a "$work/old/state" "$net/trusted-1/state/state"
expect 6 "ROLLBACK" "$nika" testnet start --dir "$net" --record
"$nika" testnet stop --dir "$net" >/dev/null
# Both files set back: it cannot tell, but its replica's log can (TSR).
cp -a "$work/old/." "$net/trusted-1/state/"
"$nika" testnet start --dir "$net" --record >/dev/null
grep -q 'event=stopped_voting check=TSR' "$net/replica-1.log" || fail "a counter behind the log was not noticed"
grep -q 'event=safety_alarm check=TSR' "$net/replica-1.log" || fail "no alarm"
[[ $(of 1 .reason) == *"rolled back (TSR)"* && $(metric 1 voting) == 0 ]] || fail "reason: $(of 1 .reason)"
client put k nine || fail "put beside a replica that was rolled back"
[[ $(of 1 .trusted.certified) == 0 ]] || fail "it certified with a counter that was set back"
"$nika" testnet stop --dir "$net" >/dev/null

# What was recorded leads to the recorded states; among it a view change, a replica without its trusted part, and orderly ends.
views=0 count=0
for recording in "$net"/*.recording; do
    "$nika" replay "$recording" >"$work/out" 2>&1
    code=$?
    # A life that was ended while it began (its neighbour did not start) has done nothing to compare.
    [[ $code -eq 6 ]] && grep -q '^events     0,' "$work/out" && continue
    [[ $code -eq 0 ]] || fail "$recording: exit $code: $(tail -2 "$work/out")"
    grep -q 'verdict    held' "$work/out" || fail "$recording: $(tail -2 "$work/out")"
    grep -q 'entered [1-9]' "$work/out" && views=$((views + 1))
    count=$((count + 1))
done
[[ $count -ge 10 && $views -ge 2 ]] || fail "$count recordings, $views with a view change"
"$nika" inspect "$net/data/replica-0" >"$work/out" 2>&1 || fail "inspect: $(head -3 "$work/out")"
grep -q 'NEW-VIEW from' "$work/out" || fail "inspect shows no NEW-VIEW: $(head -5 "$work/out")"
# A recording whose trusted answers were changed is no longer the run.
recording=$(ls -S "$net"/*.recording | head -1)
"$nika" replay "$recording" | grep '^events' >"$work/before"
cp "$recording" "$work/changed.recording"
flip "$work/changed.recording"
"$nika" replay "$work/changed.recording" >"$work/out" 2>&1
grep '^events' "$work/out" | cmp -s - "$work/before" && fail "a changed recording replays as if it were whole"

# In the replica's own process; and killed at random under load, with either kind.
expect 0 "cluster of 3 replicas" "$nika" testnet --protocol hybster --n 3 --trusted software --suite hmac --dir "$work/soft"
expect 0 "trusted   software" "$nika" testnet start --dir "$work/soft"
"$nika" client --dir "$work/soft" put a b || fail "put, software"
# Its counters are in the replicas' logs: killed all at once, they go on from there, and what was put is there.
kill -9 $(cat "$work"/soft/replica-*.pid)
expect 0 "trusted   software  counter [0|1]" "$nika" testnet start --dir "$work/soft"
[[ $("$nika" client --dir "$work/soft" get a) == b ]] || fail "get, software"
! grep -q trusted_skipped "$work"/soft/replica-*.log || fail "a whole log was not believed"
"$nika" testnet stop --dir "$work/soft" >/dev/null
for kind in software process; do
    "$nika" bench cluster --protocol hybster --n 3 --trusted "$kind" --clients 2 --suite hmac --seconds 1 --json >"$work/bench.json" 2>"$work/err" ||
        fail "bench, $kind: exit $?: $(head -3 "$work/err")"
    jq -e ".digests_agree and .requests > 20 and .trusted == \"$kind\" and .n == 3 and .f == 1 and .certificates_per_1000_requests > 0" "$work/bench.json" >/dev/null ||
        fail "bench, $kind: $(head -c 400 "$work/bench.json")"
    for how in nine lose; do
        "$nika" bench cluster --protocol hybster --n 3 --trusted "$kind" --clients 4 --suite hmac --kills 4 --how "$how" --set request_ms=300 --json >"$work/kill.json" 2>"$work/err"
        jq -e '.kills == 4 and .violations == 0 and .all_answered and .acknowledged == .issued and .acknowledged > 20' "$work/kill.json" >/dev/null ||
            fail "$kind, $how: $(head -c 400 "$work/kill.json") $(head -3 "$work/err")"
    done
done

# Parallel pillars, with clients of each of them: killed at random, too. Not of PBFT.
"$nika" bench cluster --protocol hybster --n 3 --trusted process --clients 4 --suite hmac --kills 4 --set request_ms=300 --set pillars=3 --json >"$work/kill.json" 2>"$work/err"
jq -e '.kills == 4 and .violations == 0 and .all_answered and .acknowledged == .issued and .acknowledged > 20' "$work/kill.json" >/dev/null ||
    fail "pillars: $(head -c 400 "$work/kill.json") $(head -3 "$work/err")"
expect 64 "PBFT has one pillar" "$nika" testnet --dir "$work/pillars" --set pillars=2
exit "$failed"
