#!/usr/bin/env bash
# browser.campaign: the pages of a campaign and of the museum in a real headless Chromium (scripts/setup --browser). Exits 77 without one.
# Usage: campaign.sh NIKA [FOLDER-FOR-SCREENSHOTS]
set -uo pipefail
nika=$(realpath "$1")
here=$(dirname "$0")
source "$here/lib.sh"
shots=${2:-}
[[ -z "$shots" ]] || mkdir -p "$shots"
# A name that would do harm, a scenario that fails under two strategies, others that hold.
jq '.name = "</th><img src=x onerror=alert(2)>\u001b[31m"' scenarios/pbft/fault-free.json >"$work/hostile.json"
jq '.name = "planted" | .expect = {"liveness": "may-fail", "allow_beyond_bound": true}' scenarios/pbft/two-equivocators.json >"$work/planted.json"
for strategy in random swarm; do
    "$nika" campaign "$work/planted.json" "$work/hostile.json" lossy primary-crash --seeds 1..64 --strategy "$strategy" --shrink-budget 400 \
        --out "$work/$strategy" >"$work/out" 2>&1
    [[ $? -eq 1 ]] || { echo "FAIL: no campaign that fails: $(tail -3 "$work/out")"; exit 1; }
done
"$nika" merge "$work/random" "$work/swarm" --out "$work/all" >"$work/out" 2>&1
cp -r "$work/random/shrunk" "$work/all/"
"$nika" report "$work/all" -o "$work/all/index.html" || failed=1
node "$here/sheet.js" "$work/all/index.html" ${shots:+"$shots"} || { echo "FAIL: the page of a campaign"; failed=1; }
python3 "$here/../cli/detect_sample.py" "$work/museum"
"$nika" report "$work/museum" -o "$work/museum.html" || failed=1
[[ -z "$shots" ]] || mkdir -p "$shots/museum"
node "$here/sheet.js" "$work/museum.html" ${shots:+"$shots/museum"} || { echo "FAIL: the page of the museum"; failed=1; }
exit "$failed"
