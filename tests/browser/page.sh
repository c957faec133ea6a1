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
exit "$failed"
