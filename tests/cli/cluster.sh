#!/usr/bin/env bash
# cluster.*: real clusters under load: kill -9 at random instants, lost disks, rolling restarts; what clients were answered shows that nothing
# was lost or done twice; recordings of it, with view changes and restarts, replay to equal states.
# Usage: cluster.sh NIKA KILLS
set -uo pipefail
source "$(dirname "$0")/lib.sh"
kills=$2
few=$((kills / 4 > 4 ? kills / 4 : 4))
bench() { # NAME CODE JQ-CONDITION options...
    local name=$1 code=$2 condition=$3 got
    shift 3
    "$nika" bench cluster --json "$@" >"$work/$name.json" 2>"$work/$name.err"
    got=$?
    [[ $got -eq $code ]] || fail "$name: exit $got, not $code: $(head -3 "$work/$name.err")"
    jq -e "$condition" "$work/$name.json" >/dev/null || fail "$name: $(head -c 600 "$work/$name.json")"
}
whole=".violations == 0 and .all_answered and .acknowledged == .issued and .highest == .issued and .acknowledged > 50"

# The normal case: everyone executed the same.
bench normal 0 '.digests_agree and .requests > 10 and (.rss_kib | length) == 4 and .latency_us.p50 > 0' --clients 4 --suite hmac --seconds 1

# Two clients connect and carry the frames of the other six; every answer reaches the client that asked, through restarts, too.
bench carried 0 '.digests_agree and .requests > 10 and .sessions == 2' --clients 8 --sessions 2 --suite hmac --seconds 1
bench carried_nine 0 "$whole and .kills == $few" --clients 8 --sessions 2 --suite hmac --kills "$few"

bench nine 0 "$whole and .kills == $kills" --clients 6 --suite ed25519 --kills "$kills" --seed 11 --record --dir "$work/nine" --set request_ms=150 --set client_ms=120
bench threads 0 "$whole and .kills == $few" --clients 6 --suite ed25519 --kills "$few" --verify-threads 2
[[ -z $(cat "$work"/nine/*.out) ]] || fail "replicas print: $(cat "$work"/nine/*.out | head -5)"
bench term 0 "$whole and .kills == $few" --clients 6 --suite hmac --kills "$few" --how term
bench lose 0 "$whole and .kills == $few" --clients 6 --suite hmac --kills "$few" --how lose
bench ledger 64 'true' --app kv --kills 1 2>/dev/null

# Every recording leads to the recorded states; together they hold view changes, restarts and orderly ends.
views=0 ended=0 killed=0
for recording in "$work"/nine/*.recording; do
    "$nika" replay "$recording" >"$work/out" 2>&1 || fail "$recording: exit $?: $(tail -2 "$work/out")"
    grep -q 'verdict    held' "$work/out" || fail "$recording: $(tail -2 "$work/out")"
    grep -q 'entered [1-9]' "$work/out" && views=$((views + 1))
    grep -q 'ended in order' "$work/out" && ended=$((ended + 1))
    grep -q 'was killed' "$work/out" && killed=$((killed + 1))
done
[[ $ended -eq 4 ]] || fail "$ended recordings of orderly ends, not 4"
[[ $killed -ge $((kills - 4)) ]] || fail "$killed recordings of killed replicas"
[[ $views -ge 1 || $kills -lt 5 ]] || fail "no recording of a view change"

# A byte of a recording is changed: where it stops being whole it ends, or it is told that it diverges; never silently the same events.
recording=$(ls -S "$work"/nine/*.recording | head -1)
"$nika" replay "$recording" | grep '^events' >"$work/before"
cp "$recording" "$work/changed.recording"
flip "$work/changed.recording"
"$nika" replay "$work/changed.recording" >"$work/out" 2>&1
grep '^events' "$work/out" | cmp -s - "$work/before" && fail "a changed recording replays as if it were whole"
head -c 100 /dev/urandom >"$work/none.recording"
expect 64 "none.recording" "$nika" replay "$work/none.recording"
exit "$failed"
