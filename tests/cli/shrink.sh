#!/usr/bin/env bash
# cli.shrink: a failing run becomes a scenario of a few lines that fails in the same way, from a seed, a log or a scenario; budgets end
# it early with something that still fails. Usage: shrink.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
small=$work/small.json
says() { grep -qE -- "$1" "$work/out" || fail "no \"$1\" in: $(cat "$work/out")"; }
column() { awk -v row="$1" -v at="$2" '$1 == row { print $at }' "$work/out"; }

# By seed: at most a tenth, the same failure, a line that reproduces it.
expect 0 "reproduce $nika run $small --seed 7" "$nika" shrink two-equivocators --seed 7 --out "$small" --cmocka "$work/test.c"
says "as expected, O1 agreement failed"
for row in decisions events; do
    [[ $(($(column $row 3) * 10)) -le $(column $row 2) ]] || fail "$row: $(column $row 2) to $(column $row 3)"
done
[[ $(wc -l <"$small") -le 20 ]] || fail "a scenario of $(wc -l <"$small") lines"
expect 0 "as expected, O1 agreement failed" "$nika" run "$small" --check-determinism
expect 0 "of which 0 were never asked for" "$nika" run "$small"

# Without its decisions it does not fail: they are what it takes.
sed '/"decisions"/,$d' "$small" >"$work/none.json"
echo '  "decisions": {}}' >>"$work/none.json"
expect 5 "must fail in this scenario, but held" "$nika" run "$work/none.json"

# By log: the same bytes. By the small scenario itself: nothing more to take away.
"$nika" run two-equivocators --seed 7 --log "$work/run.log" >/dev/null
expect 0 "scenario  $work/two.json" "$nika" shrink "$work/run.log" --out "$work/two.json"
cmp -s "$small" "$work/two.json" || fail "a log and its seed shrink to different scenarios"
expect 0 "scenario  $work/three.json" "$nika" shrink "$small" --out "$work/three.json"
diff <(grep -v '"name"\|"why"' "$small") <(grep -v '"name"\|"why"' "$work/three.json") >/dev/null ||
    fail "what is small becomes something else when it is shrunk again"
"$nika" run "$small" --log "$work/small.log" >/dev/null
expect 1 "same" "$nika" diff "$work/run.log" "$work/small.log"

# A stall that nothing promises against (exit class 6): several faults, of which two replicas' silence is the one that counts.
cat >"$work/stall.json" <<'END'
{"schema": 1, "name": "stall", "why": "two of four are silent", "gst_ms": 200, "workload": {"requests": 6},
 "network": {"loss_ppm": 5000},
 "faults": [{"name": "silent", "targets": [1, 2]}, {"name": "delay", "targets": [3], "acts": "may"}],
 "expect": {"allow_beyond_bound": true}}
END
expect 6 "liveness cannot be judged" "$nika" run "$work/stall.json" --seed 5
expect 0 "inconclusive (exit code 6)" "$nika" shrink "$work/stall.json" --seed 5 --out "$small"
grep -q '"delay"' "$small" && fail "a fault that does not matter stayed"
expect 6 "O10 liveness violated" "$nika" run "$small"

# Another (exit class 1): an attack that was not supposed to succeed. Fewer events, one request, one fault.
bad=(two-equivocators --seed 7 --set expect.safety=held --set 'expect.properties={}')
expect 0 "O1 agreement violated" "$nika" shrink "${bad[@]}" --out "$small" --cmocka "$work/bad.c"
expect 1 "O1 agreement" "$nika" run "$small"
jq -e '.workload.requests == 1 and (.decisions | length) <= 3 and (.faults | length) == 1' "$small" >/dev/null ||
    fail "not small: $(jq -c . "$small")"

# Budgets: what there is by then is written, and fails.
expect 0 "the budget ran out" "$nika" shrink "$work/stall.json" --seed 5 --runs 3 --out "$small"
expect 6 "O10 liveness violated" "$nika" run "$small"
[[ $("$nika" shrink "$work/stall.json" --seed 5 --quiet --out "$small" 2>&1 >/dev/null | wc -l) -eq 0 ]] || fail "--quiet talks"

# The tests compile (where CMocka is) with the warnings that tests are compiled with.
if echo '#include "tests/support/test.h"' | "${CC:-cc}" -I. -fsyntax-only -xc - 2>/dev/null; then
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -fsyntax-only "$work/test.c" "$work/bad.c" || fail "the tests do not compile"
fi
grep -q "assert_true(result.violation_count > 0)" "$work/test.c" || fail "the test does not look for the violation"

# Nothing to shrink, and what is no run.
expect 5 "nothing to shrink, the run does not fail" "$nika" shrink "$fair" --seed 3 --out "$work/held.json"
[[ -e $work/held.json ]] && fail "a run that holds leaves a file"
expect 64 "which scenario or decision log" "$nika" shrink
expect 64 "one run at a time" "$nika" shrink a b
expect 64 "no scenario" "$nika" shrink zzzzzz
expect 64 "--time: expected a number 1..86400" "$nika" shrink "$fair" --time 0
expect 64 "--runs: expected a number" "$nika" shrink "$fair" --runs x
expect 64 "no --seed or --set" "$nika" shrink "$work/run.log" --seed 3
head -n 9 "$work/run.log" >"$work/cut.log"
expect 64 "truncated" "$nika" shrink "$work/cut.log"
expect 6 "--out $work/none/x.json: No such file or directory" "$nika" shrink two-equivocators --out "$work/none/x.json"
if [[ -e /dev/full ]]; then
    expect 6 "--out /dev/full: No space left" "$nika" shrink two-equivocators --out /dev/full
fi
exit "$failed"
