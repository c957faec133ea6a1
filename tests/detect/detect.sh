#!/usr/bin/env bash
# museum.detect: `nika-museum bench detect` from end to end. Usage: detect.sh NIKA-MUSEUM
set -uo pipefail
here=$(dirname "$0")/../cli
source "$here/lib.sh"
detect=("$nika" bench detect --jobs 2)
small=(--bugs B10,W13,C01 --strategies random,grammar,guided --campaigns 4 --limit 20 --outpaced 4 --sound 120 --shrink-runs 60)
# Everything but the CPU times, which are the machine's.
core() { jq -S 'walk(if type == "object" then with_entries(select(.key | startswith("cpu_us") | not)) else . end)' "$1"; }

# Two bugs that random finds at once, one of which breaks a contract; a canary is left out.
expect 0 "B10" "${detect[@]}" "${small[@]}" --out "$work/a"
for python in python3 /usr/bin/python3; do
    "$python" "$here/check_schema.py" docs/schemas/detect.schema.json "$work/a/detect.json" >"$work/invalid" 2>&1
    code=$?
    [[ $code -eq 77 ]] || break
done
[[ $code -eq 0 || $code -eq 77 ]] || fail "detect.json is not valid: $(cat "$work/invalid")"
jq -e '(.complete) and (.sound.alarms == 0) and (.sound.runs > 0) and (.left_out | keys == ["C01"])
    and ([.cells[] | select(.strategy == "random") | .found == 4] | length == 2 and all)' "$work/a/detect.json" >/dev/null ||
    fail "detect.json: $(head -c 600 "$work/a/detect.json")"
# Random hits with every run: who has not hit in 3 x 4 runs is a fourth as good at most, and given up.
jq -e '[.cells[] | select(.strategy != "random" and .found == 0)] | length > 0 and all(.outpaced and .runs == 12 and .campaigns == 1)' "$work/a/detect.json" >/dev/null ||
    fail "given up: $(jq -c '[.cells[] | {bug, strategy, found, runs, campaigns, outpaced}]' "$work/a/detect.json")"
jq -e '.bugs[] | select(.bug == "B10") | .shrunk.after.events <= .shrunk.before.events and .shrunk.lines > 0' "$work/a/detect.json" >/dev/null ||
    fail "B10 was not made small"
grep -q '^B10,random,invented-request,0,1,20,1,' "$work/a/detect.csv" || fail "detect.csv: $(head -3 "$work/a/detect.csv")"
xmllint --noout "$work/a/detect.svg" 2>"$work/out" || fail "detect.svg: $(cat "$work/out")"

# `nika report` makes a page of the folder.
"$nika" report "$work/a" -o "$work/a.html" >"$work/out" 2>&1 || fail "no page: $(head -3 "$work/out")"
grep -q "<svg" "$work/a.html" || fail "the page has no curves"

# A detecting seed repeats by the line that its cell says.
seed=$(jq '.cells[] | select(.bug == "B10" and .strategy == "random") | .seeds[0]' "$work/a/detect.json")
"$nika" run scenarios/pbft/invented-request.json --set planted=B10 --seed "$seed" >"$work/out" 2>&1 && fail "seed $seed holds"

# Another number of workers, and killed twice on the way: the same records.
expect 0 "B10" "${detect[@]}" "${small[@]}" --jobs 1 --out "$work/b"
[[ "$(core "$work/a/detect.json")" == "$(core "$work/b/detect.json")" ]] || fail "other records with one worker"
for lines in 3 9; do
    mkdir -p "$work/c"
    head -"$lines" "$work/a/detect.jsonl" >"$work/c/detect.jsonl"
    printf '{"bug": "B10", "cut' >>"$work/c/detect.jsonl"
    expect 0 "cut short" "${detect[@]}" "${small[@]}" --resume --out "$work/c"
    [[ "$(core "$work/a/detect.json")" == "$(core "$work/c/detect.json")" ]] || fail "other records after a resume at line $lines"
done

# A bug that is not found within the limit is said to be so; a cell is given up.
expect 5 "0/2" "${detect[@]}" --bugs B17 --strategies random --campaigns 9 --patience 2 --limit 2 --sound 0 --shrink-runs 0 --out "$work/d"
# Without a limit a campaign has the budget of its bug: here 100 runs. Runs of the sound modules are shared out.
expect 0 "0/1" "${detect[@]}" --bugs B06,B07 --ground hunt --strategies random,grammar --campaigns 1 --sound 50 --shrink-runs 0 --out "$work/f"
jq -e '([.cells[] | select(.strategy == "random") | .limit == 100 and .runs == 100] == [true, true]) and .sound.runs == 50' "$work/f/detect.json" >/dev/null ||
    fail "budgets: $(jq -c '.cells, .sound' "$work/f/detect.json")"

# Bad input.
expect 64 'no planted bug "B99"' "${detect[@]}" --bugs B99 --out "$work/e"
expect 64 'no strategy "luck"' "${detect[@]}" --strategies luck --out "$work/e"
expect 64 "is there already" "${detect[@]}" "${small[@]}" --out "$work/a"
expect 64 "other settings" "${detect[@]}" --bugs B10 --limit 21 --resume --out "$work/a"
expect 64 "Not a directory" "${detect[@]}" --bugs B10 --out "$work/a/detect.csv/x"
exit "$failed"
