#!/usr/bin/env bash
# cli.schemas: what commands print with --json is what docs/schemas says, and every command that has --json has a schema. What needs a live
# cluster is in cluster.schemas (second argument). Usage: schemas.sh NIKA DATA_DIRS|--cluster
set -uo pipefail
here=$(dirname "$0")
source "$here/lib.sh"
bad=(scenarios/pbft/two-equivocators.json --seed 7 --set expect.safety=held --set 'expect.properties={}')
: >"$work/seen"
# schema NAME CODE command...: it exits with CODE and prints one valid object of that schema.
schema() {
    local name=$1 code=$2 got python
    shift 2
    "$@" >"$work/json" 2>"$work/err" </dev/null
    got=$?
    [[ $got -eq $code ]] || fail "exit $got, not $code: $*: $(head -3 "$work/err")"
    echo "$name" >>"$work/seen"
    [[ -s "docs/schemas/$name.schema.json" ]] || { fail "no schema docs/schemas/$name.schema.json"; return; }
    for python in python3 /usr/bin/python3; do
        "$python" "$here/check_schema.py" "docs/schemas/$name.schema.json" "$work/json" >"$work/invalid" 2>&1
        got=$?
        [[ $got -eq 77 ]] && continue
        [[ $got -eq 0 ]] || fail "$name: $*: $(cat "$work/invalid")"
        return
    done
    echo "no python3-jsonschema: scripts/setup"
    exit 1
}

if [[ "${2:-}" == --cluster ]]; then
    net="$work/net"
    trap '"$nika" testnet stop --dir "$net" >/dev/null 2>&1; rm -rf "$work"' EXIT
    "$nika" testnet --n 4 --dir "$net" --app kv --record >/dev/null || fail "testnet"
    schema testnet 6 "$nika" testnet status --dir "$net" --json
    "$nika" testnet start --dir "$net" --record >"$work/out" 2>&1 || fail "start: $(cat "$work/out")"
    schema testnet 0 "$nika" testnet status --dir "$net" --json
    schema client-bench 0 "$nika" client --dir "$net" bench --seconds 1 --history "$work/seen.jsonl" --json
    schema history 0 "$nika" history "$work/seen.jsonl" --json
    "$nika" testnet stop --dir "$net" >/dev/null || fail "stop"
    schema inspect 0 "$nika" inspect --json "$(find "$net" -name identity -printf "%h\n" | sort | head -1)"
    schema replay 0 "$nika" replay --json "$(ls "$net"/*.recording | head -1)"
    schema bench-cluster 0 "$nika" bench cluster --json --seconds 1 --clients 2 --store memory
    schema bench-pattern 0 "$nika" bench pattern --json
    expect 0 "64 outstanding" "$nika" bench pattern
    schema bench-trusted 0 "$nika" bench trusted --json --rounds 20 --dir "$work"
    schema fidelity 0 "$nika" fidelity fault-free --json --network loopback
    exit "$failed"
fi

schema run 0 "$nika" run "$fair" --json
schema run 1 "$nika" run "${bad[@]}" --json --log "$work/bad.log" --trace "$work/bad.jsonl"
schema run 0 "$nika" run primary-crash --json
schema state 0 "$nika" run "$fair" --until 50 --json
schema state 6 "$nika" run "$fair" --until view=7 --json
schema campaign 1 "$nika" campaign "${bad[0]}" "${bad[@]:3}" lossy --seeds 1..32 --shrink-budget 0 --out "$work/campaign" --json
schema merge 1 "$nika" merge "$work/campaign" --out "$work/merged" --json
"$nika" report "$work/campaign" -f json >"$work/again" && cmp -s <(jq -S . "$work/again") <(jq -S . "$work/campaign/campaign.json") || fail "the report of a campaign is another"
schema campaign 0 "$nika" report "$work/campaign" -f json
schema report 0 "$nika" report "${bad[@]}" -f json
schema shrink 0 "$nika" shrink "${bad[@]}" --runs 300 --out "$work/small.json" --cmocka "$work/small.c" --json
schema replay 0 "$nika" replay "$work/bad.log" --json
schema replay 0 "$nika" replay "$work/bad.jsonl" --json
sed '200s/"t":[0-9]*/"t":1/' "$work/bad.jsonl" >"$work/other.jsonl"
schema replay 4 "$nika" replay "$work/other.jsonl" --json
sed 's/"digest":"..../"digest":"0000/' "$work/bad.log" >"$work/other.log"
schema replay 4 "$nika" replay "$work/other.log" --json
schema diff 0 "$nika" diff "$work/bad.log" "$work/bad.jsonl" --json
schema diff 1 "$nika" diff fault-free@3 fault-free@4 --json
jq -e '.same | not' "$work/json" >/dev/null && jq -e '.followed | length == 20' "$work/json" >/dev/null || fail "diff: $(head -c 300 "$work/json")"
schema list 0 "$nika" list --json
for kind in protocol app suite fault oracle check probe scenario strategy planted; do
    jq -e --arg k $kind '.items | any(.kind == $k)' "$work/json" >/dev/null || fail "list --json has no $kind"
done
schema list 0 "$nika" list behaviours --json
schema explain 0 "$nika" explain PP6 --json
jq -e '.text | contains("PP6")' "$work/json" >/dev/null || fail "explain --json: $(cat "$work/json")"
schema explain 0 "$nika" explain --json
for protocol in $("$nika" list protocols); do schema wire 0 "$nika" wire "$protocol" --json; done
schema version 0 "$nika" version --json
schema explore 0 "$nika" explore --json --checkpoint 1 --corrupt 1
jq -e '.lies | (.PREPARE and .COMMIT and .CHECKPOINT and ."VIEW-CHANGE" and ."NEW-VIEW")' "$work/json" >/dev/null || fail "explore: $(head -c 300 "$work/json")"
schema explore 6 "$nika" explore --json --trace --states 100
schema bench-sim 0 "$nika" bench sim --json --rounds 1
# Pillars are processors of their own: four of them order at least twice as fast as one.
schema bench-sim 0 "$nika" bench sim --protocol hybster --n 3 --pillars 4 --json --rounds 1
jq -e '[.by_pillars[].pillars] == [1, 2, 4] and .by_pillars[2].requests_per_virtual_s > 2 * .by_pillars[0].requests_per_virtual_s' "$work/json" >/dev/null ||
    fail "pillars do not scale: $(cat "$work/json")"
expect 6 "PBFT has one pillar" "$nika" bench sim --pillars 2 --rounds 1
printf '{"client":0,"op":"put","key":"k","value":"v","call":1,"return":2}\n{"client":1,"op":"get","key":"k","value":null,"call":3,"return":4}\n' >"$work/stale"
schema history 1 "$nika" history "$work/stale" --json
head -1 "$work/stale" >"$work/fresh"
schema history 0 "$nika" history "$work/fresh" --json
python3 "$here/detect_sample.py" "$work/museum" # Real results: detect.detect.
schema detect 0 "$nika" report "$work/museum" -f json
made=$("$2" 1) || fail "no data directories"
trap 'rm -rf "$work" "$made"' EXIT
for dir in "$made"/node-*; do schema inspect 0 "$nika" inspect --json "$dir"; done
log=$(find "$made/node-1" -name 'log-*' | sort | head -1)
printf 'x' | dd of="$log" bs=1 seek=150 conv=notrunc status=none
schema inspect 1 "$nika" inspect --verify --json "$made/node-1"
jq -e '.good | not' "$work/json" >/dev/null || fail "damage is good"

# Annotations, on request: what failed, at its file, one line each, beside whatever else is printed.
said() { grep -qE -- "$1" "$work/err" || fail "no annotation $1: $(head -c 300 "$work/err")"; }
schema run 1 "$nika" run "${bad[@]}" --json --annotations
said '^::error file=scenarios/pbft/two-equivocators.json,line=1,title=safety-violated::O1 agreement violated: .*%0Areproduce: .*nika run scenarios/pbft/two-equivocators.json --seed 7'
"$nika" run "$fair" --annotations >"$work/out" 2>"$work/err"
[[ ! -s "$work/err" ]] || fail "an annotation of a run that held: $(cat "$work/err")"
schema campaign 1 "$nika" campaign "${bad[0]}" "${bad[@]:3}" --seeds 1..4 --shrink-budget 0 --out "$work/annotated" --json --annotations
said '^::error file=scenarios/pbft/two-equivocators.json,line=1,title=safety-violated::4 times: O1 agreement'
schema merge 1 "$nika" merge "$work/annotated" --out "$work/merged2" --json --annotations
said '^::error file=scenarios/pbft/two-equivocators.json,line=1,title=safety-violated::4 times: O1 agreement'
schema shrink 0 "$nika" shrink "${bad[@]}" --runs 50 --quiet --out "$work/small,1.json" --json --annotations
said '^::error file=.*small%2C1.json,line=1,title=safety-violated::O1 agreement'
jq '.why = "a\n::error ::b%"' "$fair" | jq '.expect.safety = "must-fail"' >"$work/unmet.json"
schema run 5 "$nika" run "$work/unmet.json" --json --annotations
said '^::error file=.*title=expectation-unmet::'
[[ $(grep -c '^::' "$work/err") -eq 1 ]] || fail "a text begins a command of its own: $(cat "$work/err")"

# A value of the wrong type, and a key that nobody documented, are noticed.
"$nika" version --json | jq '.version = 1' >"$work/wrong"
for python in python3 /usr/bin/python3; do
    "$python" "$here/check_schema.py" docs/schemas/version.schema.json "$work/wrong" >/dev/null 2>&1
    [[ $? -eq 77 ]] || { [[ $? -ne 0 ]] || fail "the validator lets a number pass as text"; }
done

# Every command with --json has a schema, every schema says what it is, and belongs to something that this test or cluster.schemas runs.
for command in $("$nika" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    "$nika" "$command" --help | grep -q -- '--json' || continue
    compgen -G "docs/schemas/$command.schema.json" >/dev/null || compgen -G "docs/schemas/$command-*.schema.json" >/dev/null ||
        fail "nika $command --json has no schema in docs/schemas"
done
# museum.detect checks a folder of nika-museum against schema detect (tests/detect), for this build has no planted bugs.
for file in docs/schemas/*.schema.json; do
    name=$(basename "$file" .schema.json)
    jq -e '(.title | length > 10) and ([.. | objects | select(has("const")) | .const] | any(. == 1))' "$file" >/dev/null || fail "$file: no title or no number of its format"
    grep -qx "$name" "$work/seen" || grep -q "schema $name " "$0" || fail "$file: nothing is checked against it"
done
exit "$failed"
