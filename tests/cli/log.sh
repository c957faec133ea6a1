#!/usr/bin/env bash
# cli.log: a decision log replays to the same digest; a damaged one is refused (64); a changed one is told from the run (4), with the
# place where its names stop meaning something. Usage: log.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
log=$work/run.log
expect 0 "log       $log" "$nika" run "$fair" --seed 3 --log "$log"
digest=$(sed -n 's/^digest *//p' "$work/out")

change() {
    sed "$1" "$log" >"$work/changed.log"
    cmp -s "$log" "$work/changed.log" && fail "nothing changed: $1"
}
expect 0 "the same run" "$nika" replay "$log"
grep -qF "$digest" "$work/out" || fail "replay has another digest than the run"

# A log and a trace of one run; with overrides; of a drawn scenario.
expect 0 "trace     $work/run.jsonl" "$nika" run "$fair" --seed 3 --log "$work/two.log" --trace "$work/run.jsonl" --check-determinism
cmp -s "$log" "$work/two.log" || fail "a trace changes the log"
expect 0 "lines are equal" "$nika" replay "$work/run.jsonl"
expect 0 "verdict   held" "$nika" run swarm --seed 4 --set workload.requests=3 --log "$work/swarm.log"
expect 0 "the same run" "$nika" replay "$work/swarm.log"
grep -q '"swarm":' <(head -1 "$work/swarm.log") && fail "the log leaves a draw to the seed"

# Not a log, not all of it, or of another format.
change '1s/"nika_log":1/"nika_log":2/'
expect 64 ":1: a decision log of format 2; this version reads format 1" "$nika" replay "$work/changed.log"
change '1s/"nika_log":1/"nika_log":"x"/'
expect 64 "not a decision log" "$nika" replay "$work/changed.log"
change '1s/"nika_log"/"nika_lag"/'
expect 64 "not a trace or decision log" "$nika" replay "$work/changed.log"
change '1s/"seed":3/"seed":-3/'
expect 64 ":1: the header has no seed" "$nika" replay "$work/changed.log"
change '1s/"workload"/"wrokload"/'
expect 64 'did you mean "workload"' "$nika" replay "$work/changed.log"
change '5s/"at":"[a-z]*/"at":"nonsense/'
expect 64 ":5: not a decision" "$nika" replay "$work/changed.log"
change '5s/"value":[0-9]*/"value":0/'
expect 64 ":5: not a decision" "$nika" replay "$work/changed.log"
change '5s/^{/[/'
expect 64 ":5: corrupt: not JSON" "$nika" replay "$work/changed.log"
change '5d'
expect 64 "corrupt: it has" "$nika" replay "$work/changed.log"
change '$d'
expect 64 "truncated" "$nika" replay "$work/changed.log"
head -c -1 "$log" >"$work/cut.log"
expect 64 "truncated" "$nika" replay "$work/cut.log"
head -c 3000 "$log" >"$work/cut.log"
expect 64 "truncated" "$nika" replay "$work/cut.log"
(cat "$log" && echo '{"at":"latency 2>0 #0","value":1}') >"$work/longer.log"
expect 64 "a line behind the last one" "$nika" replay "$work/longer.log"
expect 64 "No such file or directory" "$nika" run "$fair" --log "$work/none/run.log"
if [[ -e /dev/full ]]; then
    expect 6 "--log /dev/full: cannot write" "$nika" run "$fair" --log /dev/full
fi

# Another run than the log's.
change '9s/"value":[0-9]*/"value":1/'
expect 4 "this run is not the one of the log" "$nika" replay "$work/changed.log"
change '1s/"version":"[^"]*"/"version":"0.0.9"/'
expect 0 "the same run" "$nika" replay "$work/changed.log"
change '1s/"version":"[^"]*"/"version":"0.0.9"/;9s/ t[0-9]*/ t999/'
expect 4 "written by another version" "$nika" replay "$work/changed.log"
grep -qE "^stopped at 8 of .* t999" "$work/out" || fail "the name that means nothing is not shown: $(cat "$work/out")"
grep -q "the one before was made in event" "$work/out" || fail "no place"

# Decisions in a scenario.
sed 's/"schema": *1,/&"decisions":{"latency c0>0 t1 s1 #0":900,"latency 3>2 t77 #4":5},/' "$fair" >"$work/decided.json"
expect 0 "decisions 2 by the scenario, of which 1 were never asked for" "$nika" run "$work/decided.json"
sed -i 's/latency 3>2 t77/latancy 3>2 t77/' "$work/decided.json"
expect 64 "not the name of a decision" "$nika" run "$work/decided.json"
exit "$failed"
