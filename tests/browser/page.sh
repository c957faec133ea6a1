#!/usr/bin/env bash
# browser.*: pages of `nika report` in a real headless Chromium (scripts/setup --browser). Exits 77 without one.
# Usage: page.sh NIKA [FOLDER-FOR-SCREENSHOTS]
set -uo pipefail
nika=$(realpath "$1")
here=$(dirname "$0")
source "$here/lib.sh"
look() {
    local name=$1
    shift
    "$nika" report "$@" -o "$work/$name.html" || { echo "FAIL: no page $name"; failed=1; return; }
    node "$here/report.js" "$work/$name.html" ${shots:+"$shots/$name"} || { echo "FAIL: the page of $name"; failed=1; }
}
shots=${2:-}
[[ -z "$shots" ]] || mkdir -p "$shots/violated" "$shots/held" "$shots/hostile"
look violated scenarios/pbft/two-equivocators.json --seed 7 --set expect.safety=held --set 'expect.properties={}'
look held scenarios/pbft/fault-free.json
look hostile scenarios/pbft/fault-free.json --set 'why="</script><img src=x onerror=alert(1)>"'
"$nika" run scenarios/pbft/fault-free.json --seed 3 --log "$work/log" >"$work/out" || failed=1
# The same decisions up to the middle, and one that is another there.
awk 'NR > 700 && !done && /"latency/ { done = sub(/"value":[0-9]+/, "\"value\":7") } { print }' "$work/log" >"$work/late.log"
# What bands say, and two runs beside each other.
extra() { # NAME SCRIPT WORDS... -- REPORT-ARGUMENTS
    local name=$1 script=$2 words=()
    shift 2
    while [[ $1 != -- ]]; do words+=("$1"); shift; done
    shift
    "$nika" report "$@" -o "$work/$name.html" || { echo "FAIL: no page $name"; failed=1; return; }
    [[ -z "$shots" ]] || mkdir -p "$shots/$name"
    SHOTS=${shots:+$shots/$name} node "$here/$script" "$work/$name.html" "${words[@]}" || { echo "FAIL: the page of $name"; failed=1; }
}
extra cut bands.js "r0|cut off, one-way-in|50.000 ms|2.5000 s" "r1|view change to view 1" "r2|view 0|0 ns" "r1|checkpoint 8, taken until stable" -- \
    scenarios/pbft/one-way-partition.json
extra crash bands.js "r0|down" "r1|view change to view 1" -- scenarios/pbft/primary-crash.json
extra stall stall.js -- scenarios/pbft/silent-primary.json --set 'faults[0].targets=[0,1]' --set expect.liveness=held --set expect.allow_beyond_bound=true --set expect.view_min=0
extra diff diff.js differ -- scenarios/pbft/fault-free.json --seed 3 --diff scenarios/pbft/fault-free.json@4
extra late diff.js late -- scenarios/pbft/fault-free.json --seed 3 --diff "$work/late.log"
extra same diff.js same -- scenarios/pbft/fault-free.json --seed 3 --diff scenarios/pbft/fault-free.json@3
exit "$failed"
