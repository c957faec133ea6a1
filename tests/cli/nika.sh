#!/usr/bin/env bash
# cli.nika: exit codes, JSON fields and messages of the program. Usage: nika.sh NIKA
set -uo pipefail
nika=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
# expect CODE "words that must appear" command...
expect() {
    local code=$1 words=$2 got
    shift 2
    "$@" >"$work/out" 2>&1 </dev/null
    got=$?
    [[ $got -eq $code ]] || fail "exit $got, not $code: $*: $(head -3 "$work/out")"
    grep -qF -- "$words" "$work/out" || fail "no \"$words\": $*: $(head -3 "$work/out")"
}
fair=scenarios/pbft/fault-free.json

expect 0 "Usage: nika COMMAND" "$nika"
expect 0 "Usage: nika COMMAND" "$nika" --help
expect 0 "nika 0." "$nika" --version
expect 64 'did you mean "replay"' "$nika" reply
for command in run sweep replay list bench schema explain wire man version; do
    expect 0 "Usage: nika $command" "$nika" "$command" --help
    expect 0 ".SH EXIT STATUS" "$nika" man "$command"
done
expect 0 ".SH COMMANDS" "$nika" man

expect 0 "verdict   held" "$nika" run "$fair" --seed 3
expect 0 "verdict   held" "$nika" run fault-free --seed 3
expect 0 "reproduce nika run $fair --seed 3 --set network.loss_ppm=0" "$nika" run fault-free --seed 3 --set network.loss_ppm=0
expect 0 "digest" "$nika" run "$fair" --check-determinism
expect 64 'did you mean "fault-free"' "$nika" run fault-fre
expect 64 "which scenario" "$nika" run
expect 64 "--seed: expected a number" "$nika" run "$fair" --seed x
expect 64 "expected integer 0..1000000" "$nika" run "$fair" --set network.loss_ppm=lots
expect 64 "no such place" "$nika" run "$fair" --set "faults[9].from_ms=1"
expect 64 "impossible cluster" "$nika" run "$fair" --set cluster.n=3
expect 64 "No such file" "$nika" run "$fair" --report /nonexistent/report.md
expect 6 "the event limit ran out" "$nika" run "$fair" --set limits.events=40
expect 5 "completed requests" "$nika" run "$fair" --set expect.requests_min=1000000
printf '{"schema":1,"schema":1}' >"$work/twice.json"
expect 64 "duplicate" "$nika" run "$work/twice.json"
head -c 2000000 /dev/zero >"$work/huge.json"
expect 64 "larger than" "$nika" run "$work/huge.json"

# JSON: one object with what tools rely on.
"$nika" run "$fair" --seed 3 --json >"$work/run.json" 2>/dev/null || fail "run --json"
for key in verdict exit_class scenario seed digest version events messages requests_completed views virtual_ns wall_ns faults \
    violations reproduce; do
    jq -e "has(\"$key\")" "$work/run.json" >/dev/null || fail "no $key in --json"
done
[[ $(jq -r .digest "$work/run.json") =~ ^[0-9a-f]{32}$ ]] || fail "digest is not 32 hex characters"
again=$("$nika" run "$fair" --seed 3 --json | jq -r .digest)
[[ "$again" == "$(jq -r .digest "$work/run.json")" ]] || fail "two runs, two digests"
other=$("$nika" run "$fair" --seed 4 --json | jq -r .digest)
[[ "$again" != "$other" ]] || fail "two seeds, one digest"

# Report, trace, replay.
expect 0 "held" "$nika" run "$fair" --seed 3 --report "$work/report.md"
grep -q "^## Properties" "$work/report.md" || fail "report has no properties"
expect 0 "held" "$nika" run "$fair" --seed 3 --trace "$work/trace.jsonl"
expect 0 "lines are equal" "$nika" replay "$work/trace.jsonl"
expect 0 "lines are equal" "$nika" replay --decisions "$work/trace.jsonl"
sed '$d' "$work/trace.jsonl" >"$work/cut.jsonl"
expect 64 "truncated" "$nika" replay "$work/cut.jsonl"
sed '1s/"version":"[^"]*"/"version":"9.9.9"/' "$work/trace.jsonl" >"$work/version.jsonl"
expect 64 "another version" "$nika" replay "$work/version.jsonl"
sed '1s/^{/[/' "$work/trace.jsonl" >"$work/bad.jsonl"
expect 64 "not a trace" "$nika" replay "$work/bad.jsonl"
expect 64 "No such file" "$nika" replay "$work/none.jsonl"
sed '30s/"t":/"t":1/' "$work/trace.jsonl" >"$work/other.jsonl"
cmp -s "$work/trace.jsonl" "$work/other.jsonl" || expect 4 "line       30 of the trace" "$nika" replay "$work/other.jsonl"

# Lists are plain names when piped; schema and explanations come from the tables.
[[ $("$nika" list scenarios | head -1) == scenarios/* ]] || fail "list scenarios prints no paths"
"$nika" list faults | grep -qx crash || fail "list faults has no crash"
"$nika" list behaviours | grep -qx equivocate || fail "list behaviours has no equivocate"
"$nika" list behaviours | grep -qx crash && fail "crash is no behaviour"
expect 64 'did you mean "oracles"' "$nika" list oracle
"$nika" schema | cmp -s - scenarios/schema.json || fail "scenarios/schema.json is not what nika schema prints"
"$nika" schema --markdown | cmp -s - docs/scenarios.md || fail "docs/scenarios.md is not what nika schema --markdown prints"
"$nika" wire pbft | cmp -s - docs/wire.md || fail "docs/wire.md is not what nika wire pbft prints"
"$nika" wire pbtf >/dev/null 2>&1 && fail "nika wire accepts an unknown protocol"
expect 0 "check PP6" "$nika" explain pp6
expect 0 "oracle O1" "$nika" explain O1
expect 0 "exit code 64" "$nika" explain exit-codes
expect 64 "nothing is called" "$nika" explain qqqqqqq
exit "$failed"
