#!/usr/bin/env bash
# cli.replay: an intact trace replays; a damaged one is refused (64), a changed one is told from the run (4). Usage: replay.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
trace=$work/trace.jsonl
expect 0 "trace     $trace" "$nika" run "$fair" --seed 3 --trace "$trace"
digest=$(sed -n 's/^digest *//p' "$work/out")

# change 'sed script' : a copy of the trace with something else in it.
change() {
    sed "$1" "$trace" >"$work/changed.jsonl"
    cmp -s "$trace" "$work/changed.jsonl" && fail "nothing changed: $1"
}
expect 0 "lines are equal" "$nika" replay "$trace"
grep -qF "$digest" "$work/out" || fail "replay has another digest than the run"
expect 0 "lines are equal" "$nika" replay --decisions "$trace"

# Not a trace, not all of it, or not of this version.
expect 64 "No such file" "$nika" replay "$work/none.jsonl"
expect 64 "Is a directory" "$nika" replay "$work"
: >"$work/empty.jsonl"
expect 64 "not a trace" "$nika" replay "$work/empty.jsonl"
head -c 9000 /dev/urandom >"$work/garbage.jsonl"
expect 64 "not a trace" "$nika" replay "$work/garbage.jsonl"
expect 64 "not a trace" "$nika" replay "$fair"
change '1s/^{/[/'
expect 64 "not a trace" "$nika" replay "$work/changed.jsonl"
change '1s/"nika_trace":1/"nika_trace":2/'
expect 64 "not a trace" "$nika" replay "$work/changed.jsonl"
change '1s/"version":"[^"]*"/"version":"9.9.9"/'
expect 64 "another version" "$nika" replay "$work/changed.jsonl"
change '1s/"seed":3/"seed":-3/'
expect 64 "no seed" "$nika" replay "$work/changed.jsonl"
change '1s/"workload"/"wrokload"/'
expect 64 'did you mean "workload"' "$nika" replay "$work/changed.jsonl"
change '$d'
expect 64 "truncated" "$nika" replay "$work/changed.jsonl"
head -c 3000 "$trace" >"$work/cut.jsonl"
expect 64 "truncated" "$nika" replay "$work/cut.jsonl"
head -c -1 "$trace" >"$work/cut.jsonl"
expect 64 "truncated" "$nika" replay "$work/cut.jsonl"
(cat "$trace" && echo '{"e":1}') >"$work/longer.jsonl"
expect 64 "truncated" "$nika" replay "$work/longer.jsonl"
decision=$(grep -n '^{"d":' "$trace" | sed -n '5s/:.*//p')
change "${decision}s/\"d\":\"[a-z]*/\"d\":\"nonsense/"
expect 64 ":$decision: not a decision" "$nika" replay --decisions "$work/changed.jsonl"
expect 64 "which trace" "$nika" replay

# A run that is not the one of the trace: the first difference is named.
event=$(grep -n '"k":"deliver"' "$trace" | sed -n '20s/:.*//p')
change "${event}s/\"t\":/\"t\":1/"
expect 4 "line       $event of the trace" "$nika" replay "$work/changed.jsonl"
for words in "event " "time " "node       replica" "was  " "is  "; do
    grep -qF "$words" "$work/out" || fail "a divergence without \"$words\""
done
change "${event}d"
expect 4 "line       $event of the trace" "$nika" replay "$work/changed.jsonl"
change "${event}s/.*/garbage/"
expect 4 "was        garbage" "$nika" replay "$work/changed.jsonl"
change '1s/"seed":3/"seed":4/'
expect 4 "not-deterministic" "$nika" replay "$work/changed.jsonl"
change '1s/"requests":[0-9]*/"requests":61/'
expect 4 "not-deterministic" "$nika" replay "$work/changed.jsonl"
change '$s/"digest":"[0-9a-f]/"digest":"z/'
expect 4 "not-deterministic" "$nika" replay "$work/changed.jsonl"

# Packed: a fifth of the size, the same lines, and damage is named by its place.
expect 0 "trace     $work/run.trace" "$nika" run "$fair" --seed 3 --trace "$work/run.trace"
[[ $(($(stat -c %s "$work/run.trace") * 4)) -lt $(stat -c %s "$trace") ]] || fail "packed: $(stat -c %s "$work/run.trace") bytes"
"$nika" replay --print "$work/run.trace" | cmp -s - "$trace" || fail "a packed trace says something else"
expect 0 "lines are equal" "$nika" replay "$work/run.trace"
expect 0 "lines are equal" "$nika" replay --decisions "$work/run.trace"
expect 0 "same      all" "$nika" diff "$work/run.trace" "$trace"
# Without an ending it is packed, too; into a pipe go lines.
expect 0 "trace     $work/run" "$nika" run "$fair" --seed 3 --trace "$work/run"
cmp -s "$work/run" "$work/run.trace" || fail "a name without an ending is not packed"
"$nika" run "$fair" --seed 3 --trace /dev/stderr 2>&1 >/dev/null | cat | cmp -s - "$trace" || fail "a pipe does not get lines"
size=$(stat -c %s "$work/run.trace")
head -c $((size / 2)) "$work/run.trace" >"$work/cut.trace"
expect 64 "truncated" "$nika" replay "$work/cut.trace"
expect 64 "truncated" "$nika" replay --print "$work/cut.trace"
head -c 4 "$work/run.trace" >"$work/cut.trace"
expect 64 "not a trace" "$nika" replay "$work/cut.trace"
(head -c $((size - 1)) "$work/run.trace" && printf '\n') >"$work/cut.trace"
expect 64 "corrupt: no record of a trace at byte $(grep -obaP '\xfe\x04held' "$work/run.trace" | tail -1 | sed 's/:.*//')" "$nika" replay "$work/cut.trace"
expect 64 "corrupt" "$nika" diff "$work/cut.trace" "$trace"

# Overrides are part of the trace.
expect 0 "verdict   held" "$nika" run "$fair" --seed 3 --set network.loss_ppm=20000 --trace "$trace"
expect 0 "lines are equal" "$nika" replay "$trace"
exit "$failed"
