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
# What a fault is at: replicas, or the clients that lie.
expect 0 "on c1       acts" "$nika" run client-equivocates --seed 7
expect 0 "on r0       acts" "$nika" run primary-crash --seed 7

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
# The counts are pinned by tests/fuzz/explore; here that the command tells complete from cut short.
expect 0 "complete: no state" "$nika" explore --corrupt 1
expect 0 "r0 takes REQUEST of client 0" "$nika" explore hybster --views 1 --trace
expect 6 "INCOMPLETE" "$nika" explore --states 100
expect 64 "no planted bugs" "$nika" explore --planted T06
expect 64 'did you mean "pbft"' "$nika" explore pbtf
expect 64 "Hybster" "$nika" explore pbft --corrupt 0
expect 0 "check PP6" "$nika" explain pp6
expect 0 "oracle O1" "$nika" explain O1
expect 0 "exit code 64" "$nika" explain exit-codes
expect 64 "nothing is called" "$nika" explain qqqqqqq
# Every id can be explained: what it means, where it comes from, what tests it; what is misspelt is answered with what was meant.
ids() {
    sed -nE 's/^CHECK\(([A-Z0-9]+),.*/\1/p' engine/core/checks.def
    sed -nE 's/^PROBE\(([a-z0-9_]+),.*/\1/p' engine/core/probes.def
    sed -nE 's/^X\(([A-Z0-9]+)\).*/\1/p' engine/core/planted.def
    printf '%s\n' O{1..13} 0 1 2 3 4 5 6 64 random swarm grammar byzzfuzz pct guided
    "$nika" list faults
}
count=0
for id in $(ids); do
    "$nika" explain "$id" >"$work/out" 2>&1 || fail "explain $id: $(cat "$work/out")"
    grep -qE '^  (comes from|source) ' "$work/out" || fail "explain $id does not say where it comes from"
    grep -qE '^  (test|acts in|shown by) ' "$work/out" || fail "explain $id names no test: $(cat "$work/out")"
    while read -r path; do [[ -e "$path" ]] || fail "explain $id names $path, which is not there"; done \
        < <(sed -nE 's/^  (code|test|acts in) +//p' "$work/out" | sed 's/, /\n/g; s/: test_[A-Za-z0-9_]*//g')
    count=$((count + 1))
done
[[ $count -gt 280 ]] || fail "only $count ids were explained"
for pair in PP66:PP6 agreemnt:agreement equivocte:equivocate grammer:grammar O133:O13 silent-primry:silent-primary hybstr:hybster exit-code:exit-codes; do
    expect 64 "did you mean \"${pair#*:}\"" "$nika" explain "${pair%:*}"
done
exit "$failed"
