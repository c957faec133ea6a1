#!/usr/bin/env bash
# cli.until: `nika run --until`: stops at events, times and conditions, and shows the state there. Usage: until.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
silent=(scenarios/pbft/silent-primary.json --seed 3)
state() { "$nika" run "$@" --json >"$work/state.json" 2>"$work/err" || fail "exit $?: run $*: $(cat "$work/err")"; }
is() { jq -e "$1" "$work/state.json" >/dev/null || fail "not so: $1: $(jq -c 'del(.replicas[].digest)' "$work/state.json" | cut -c1-300)"; }

# An event, the same one by its time, and what happens in it. The state is the one that the whole run goes through.
state "$fair" --until 50
well docs/schemas/state.schema.json "$work/state.json"
is '.events == 51 and .reached and (.replicas | length) == 4 and (.clients | length) == 2 and .calm'
is '.replicas | all(has("view") and has("low_mark") and has("high_mark") and has("stable_checkpoint") and has("pending") and has("executed"))'
is '.replicas | all(.high_mark == .low_mark + 32)'
is '.replicas[0].timers | any(.name == "status")'
is '[.replicas[].queue[] | select(.kind == "message") | select(.type != "" and .from != null)] | length > 2'
digest=$(jq -c '[.replicas[].digest]' "$work/state.json")
at=$(jq .virtual_ns "$work/state.json")
state "$fair" --until "${at}ns"
[[ "$(jq -c '[.replicas[].digest]' "$work/state.json")" == "$digest" ]] || fail "another state at ${at}ns than at event 50"
state "$fair" --until 0.3s
is '.virtual_ns <= 300000000'
expect 0 "stopped   at event 78" "$nika" run "$fair" --until sent:commit,seq=2
grep -qE '^ .* r[0-9]  -> all COMMIT view=0 seq=2' "$work/out" || fail "what happened is not told: $(cat "$work/out")"
for word in "watermarks 0..32" "stable checkpoint 0" "pending requests" "timers  status in" "queue   " "waits   for"; do
    grep -qF "$word" "$work/out" || fail "the state has no \"$word\""
done
state "$fair" --until executed,seq=3,replica=2
is '.replicas[2].executed >= 3'
state "${silent[@]}" --until view=1
is '[.replicas[] | select(.view == 1)] | length == 1 and .[0].phase == "view change" and (.[0].timers | any(.name == "view change") | not)'
state "${silent[@]}" --until enters,view=1,replica=2
is '.replicas[2].view == 1 and .replicas[2].active'
state "${silent[@]}" --until timer:request
is '.events > 1'
state crash-before-commit --until crashed
is '[.replicas[] | select(.up | not)] | length == 1 and .[0].phase == "down"'
state scenarios/pbft/two-equivocators.json --seed 7 --until violated:agreement
is '.violations[0].oracle == "O1" and .violations[0].event == .events - 1'
state scenarios/pbft/two-equivocators.json --seed 7 --until fault:equivocate
is '.violations == []'

# A decision log stops where its run does.
"$nika" run scenarios/pbft/two-equivocators.json --seed 7 --log "$work/run.log" >/dev/null
state "$work/run.log" --until violated:O1
is '.violations[0].oracle == "O1"'

# What never comes is no success, and a condition that means nothing is refused with what was meant.
expect 6 "it never came to view=9" "$nika" run "$fair" --until view=9
"$nika" run "$fair" --until 99999999 --json >"$work/state.json"
[[ $? -eq 6 ]] || fail "an event behind the end is reached"
well docs/schemas/state.schema.json "$work/state.json"
is '(.reached | not) and .verdict == "held"'
expect 64 'did you mean "COMMIT"?' "$nika" run "$fair" --until sent:COMIT
expect 64 'did you mean "crashed"?' "$nika" run "$fair" --until crashd
expect 64 'did you mean "O11"' "$nika" run "$fair" --until violated:O111
expect 64 "this run has 4 replicas" "$nika" run "$fair" --until view=1,replica=4
expect 64 "takes a number" "$nika" run "$fair" --until view=x
expect 64 "where and not what" "$nika" run "$fair" --until replica=1
expect 64 "one thing happens at a time" "$nika" run "$fair" --until sent,received
expect 64 "takes no name here" "$nika" run "$fair" --until crashed:now
expect 64 "examples: 120" "$nika" run "$fair" --until 5parsecs
expect 64 "expected an event" "$nika" run "$fair" --until ""
expect 64 "expected an event" "$nika" run "$fair" --until "$(printf 'x%.0s' {1..400})"
expect 64 "stops in the middle" "$nika" run "$fair" --until 5 --log "$work/x.log"
[[ ! -e "$work/x.log" ]] || fail "a refused --log was emptied"

# gdb stands in the handler of that event; without gdb the message says so.
expect 64 "needs --until" "$nika" run "$fair" --gdb
expect 64 "no gdb in PATH" env PATH=/nonexistent "$nika" run "$fair" --until sent:COMMIT --gdb
expect 64 "no module handles event 0" "$nika" run "$fair" --until 0 --gdb
if command -v gdb >/dev/null; then
    echo 'p event->kind' | "$nika" run "${silent[@]}" --until sent:NEW-VIEW --gdb >"$work/out" 2>&1
    if ! grep -q "ptrace: Operation not permitted" "$work/out"; then
        grep -q "common_step (r=" "$work/out" || fail "gdb is not in the handler: $(tail -5 "$work/out")"
        grep -q "NIKA_EVENT_STORED" "$work/out" || fail "gdb is at another event: $(tail -5 "$work/out")"
    fi
else
    echo "no gdb: --gdb is not tried (scripts/setup)"
fi
exit "$failed"
