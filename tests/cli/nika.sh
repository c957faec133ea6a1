#!/usr/bin/env bash
# cli.nika: exit codes, JSON fields and messages of the program. Usage: nika.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"

expect 0 "Usage: nika COMMAND" "$nika"
expect 0 "Usage: nika COMMAND" "$nika" --help
expect 0 "nika 0." "$nika" --version
expect 64 'did you mean "replay"' "$nika" reply
for command in run campaign merge replay list bench schema explain wire man version; do
    expect 0 ".SH EXIT STATUS" "$nika" man "$command"
done
expect 0 ".SH COMMANDS" "$nika" man

expect 0 "verdict   held" "$nika" run "$fair" --seed 3
expect 0 "verdict   held" "$nika" run fault-free --seed 3
expect 0 "digest" "$nika" run "$fair" --check-determinism
expect 64 'did you mean "fault-free"' "$nika" run fault-fre

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

# Lists are plain names when piped; schema and explanations come from the tables.
[[ $("$nika" list scenarios | head -1) == scenarios/* ]] || fail "list scenarios prints no paths"
for kind in faults behaviours ""; do "$nika" list $kind >"$work/list.$kind"; done
grep -qx crash "$work/list.faults" || fail "list faults has no crash"
grep -qx equivocate "$work/list.behaviours" || fail "list behaviours has no equivocate"
grep -qx crash "$work/list.behaviours" && fail "crash is no behaviour"
grep -qx "oracle O1" "$work/list." || fail "list does not say kinds"
expect 0 "check PP6" "$nika" explain pp6
expect 0 "oracle O1" "$nika" explain O1
expect 0 "exit code 64" "$nika" explain exit-codes
expect 64 "nothing is called" "$nika" explain qqqqqqq
exit "$failed"
