#!/usr/bin/env bash
# cli.shrink: a failing run becomes a small scenario that fails in the same way, and a test in C that compiles. Usage: shrink.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
bad=(two-equivocators --seed 7 --set expect.safety=held --set 'expect.properties={}')

expect 0 "O1 agreement violated" "$nika" shrink "${bad[@]}" --out "$work/small.json" --cmocka "$work/small.c"
expect 1 "O1 agreement" "$nika" run "$work/small.json"
jq -e '.workload.requests == 1 and (.decisions | length) <= 3 and (.faults | length) == 1' "$work/small.json" >/dev/null || fail "not small: $(jq -c . "$work/small.json")"
"$nika" run "${bad[@]}" --json >"$work/before.json"
"$nika" run "$work/small.json" --json >"$work/after.json"
[[ $(jq .requests_completed "$work/after.json") -le 1 && $(jq .events "$work/after.json") -lt $(jq .events "$work/before.json") ]] || fail "the small run is not smaller"
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -I. -fsyntax-only -Wall -Werror "$work/small.c" || fail "the test in C does not compile"

# The same small scenario every time, and from a decision log, too.
expect 0 "decisions" "$nika" shrink "${bad[@]}" --out "$work/again.json" --quiet
cmp -s "$work/small.json" "$work/again.json" || fail "another small scenario the second time"
"$nika" run "${bad[@]}" --log "$work/run.log" >/dev/null
expect 0 "O1 agreement violated" "$nika" shrink "$work/run.log" --out "$work/log.json" --quiet
expect 1 "O1 agreement" "$nika" run "$work/log.json"

# Budgets end it with what there is; what does not fail is not shrunk.
expect 0 "the budget ran out" "$nika" shrink "${bad[@]}" --runs 5 --out "$work/some.json" --quiet
expect 1 "O1 agreement" "$nika" run "$work/some.json"
expect 5 "nothing to shrink" "$nika" shrink "$fair" --seed 1 --out "$work/none.json"
[[ ! -e "$work/none.json" ]] || fail "a scenario of a run that holds was written"
expect 64 "no scenario" "$nika" shrink nothing-like-this
exit "$failed"
