#!/usr/bin/env bash
# cli.diff: equal runs compare equal in whatever form they come; one changed decision is named, with the first event that it changes.
# Usage: diff.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
"$nika" run "$fair" --seed 3 --log "$work/a.log" --trace "$work/a.jsonl" >/dev/null
digest=$("$nika" run "$fair" --seed 3 | sed -n 's/^digest *//p')
says() { grep -qE -- "$1" "$work/out" || fail "no \"$1\" in: $(cat "$work/out")"; }

# The same run as a log, a trace, and a seed.
for b in "$work/a.log" "$work/a.jsonl" "fault-free@3" "$fair@3"; do
    expect 0 "same      all" "$nika" diff "$work/a.log" "$b"
    [[ $(grep -c "digest $digest" "$work/out") -eq 2 ]] || fail "diff has another digest than the run: $b"
done

# One decision: the cause, both sides of the first event, what followed, and both ends.
line=$(grep -n '"at":"latency' "$work/a.log" | sed -n '30s/:.*//p')
name=$(sed -n "${line}s/{\"at\":\"\([^\"]*\)\".*/\1/p" "$work/a.log")
sed "${line}s/\"value\":[0-9]*/\"value\":1/" "$work/a.log" >"$work/b.log"
expect 1 "diverged" "$nika" diff "$work/a.log" "$work/b.log"
says "^  A +$name = [0-9]+$"
says "^  B +$name = 1$"
says "^  A +event [0-9]+, 0\.[0-9]+ s, (r|c)[0-9]+ "
says "^  B +event [0-9]+, 0\.[0-9]+ s, (r|c)[0-9]+ "
says "^events +A +B +only A +only B"
says "^end A +held, .* digest $digest"
same=$(sed -n 's/^same *\([0-9]*\) events at the start/\1/p' "$work/out")
[[ $same -gt 10 ]] || fail "the common start is lost: \"$same\""

# What is before the first difference is equal: the event named is the first that is not.
grep '^{"e"' "$work/a.jsonl" | head -n "$same" >"$work/head.a"
"$nika" replay "$work/b.log" >/dev/null
first=$(grep '^{"e"' "$work/a.jsonl" | sed -n "$((same + 1))s/{\"e\":\([0-9]*\),.*/\1/p")
says "^  A +event $first,"

# A crash: what only one run has is told, as many lines as were asked for.
expect 1 "only A" "$nika" diff primary-crash@1 fault-free@1 --lines 100000
says "only A .*crash"
says "only A .*VIEW-CHANGE view=1"
expect 1 "more (--lines N)" "$nika" diff primary-crash@1 fault-free@1 -n 2
[[ $(grep -c '^  only' "$work/out") -eq 2 ]] || fail "--lines 2 shows $(grep -c '^  only' "$work/out")"

# What is no run.
expect 64 "which two runs" "$nika" diff
expect 64 "which two runs" "$nika" diff "$work/a.log"
expect 64 "two runs at a time" "$nika" diff a b c
expect 64 "no scenario" "$nika" diff "$work/a.log" zzzzzz
expect 64 'did you mean "fault-free"' "$nika" diff fault-fre@3 "$work/a.log"
head -n 20 "$work/a.log" >"$work/cut.log"
expect 64 "truncated" "$nika" diff "$work/a.log" "$work/cut.log"
head -n 20 "$work/a.jsonl" >"$work/cut.jsonl"
expect 64 "truncated" "$nika" diff "$work/cut.jsonl" "$work/a.log"
sed '7s/.*/{"garbage":1}/' "$work/a.jsonl" >"$work/bad.jsonl"
expect 64 ":7: no line of a trace" "$nika" diff "$work/bad.jsonl" "$work/a.log"
exit "$failed"
