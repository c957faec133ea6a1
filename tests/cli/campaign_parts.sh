#!/usr/bin/env bash
# cli.campaign_parts: what a campaign does by itself with its failures (small scenarios, culprits, a JUnit file that a validator
# accepts), and the contract of shards: plans, missing blocks, what schedulers say. Usage: campaign_parts.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
here=$(dirname "$0")
unset SLURM_ARRAY_TASK_ID JOB_COMPLETION_INDEX CI_NODE_INDEX PARALLEL_SEQ NIKA_SHARDS
some=(fault-free two-equivocators)

valid_junit() { # FILE
    xmllint --noout --schema "$here/junit.xsd" "$1" 2>"$work/xml" || fail "junit.xml is not valid: $(cat "$work/xml")"
}

# ---- failures are made small ----
jq '.name = "planted" | .expect = {"liveness": "may-fail", "allow_beyond_bound": true}' scenarios/pbft/two-equivocators.json >"$work/planted.json"
expect 1 "shrunk    " "$nika" campaign "$work/planted.json" --seeds 1..64 --shrink-budget 2000 --out "$work/found"
grep -q "culprit   replica [01] signed two" "$work/out" || fail "no culprits: $(cat "$work/out")"
[[ $(ls "$work/found/shrunk"/*.json | wc -l) -eq $(jq '.failures | length' "$work/found/campaign.json") ]] || fail "not one small scenario for each kind"
for small in "$work/found/shrunk"/*.json; do
    [[ -s "${small%.json}.html" ]] && grep -qF "shrunk/$(basename "$small" .json).html" "$work/found/index.html" || fail "no page of $small, or no link to it"
    expect 1 "O1 agreement" "$nika" run "$small"
    jq -e '(.decisions | length) <= 3' "$small" >/dev/null || fail "not small: $(cat "$small")"
    expect 0 "same" "$nika" replay "${small%.json}.log"
    grep -q "^size .*before" "${small%.json}.txt" || fail "no sizes: $(cat "${small%.json}.txt")"
done
valid_junit "$work/found/junit.xml"
# The page is well-formed, says what failed first, and its links lead somewhere.
page=$work/found/index.html
xmllint --noout "$page" 2>"$work/xml" || fail "index.html is not well-formed: $(head -3 "$work/xml")"
[[ $(grep -n "O1 agreement" "$page" | head -1 | cut -d: -f1) -lt $(grep -n "by scenario and strategy" "$page" | cut -d: -f1) ]] || fail "failures do not come first"
grep -q "Culprit: replica" "$page" && grep -q '<td class="h[2-5]" title="64 runs' "$page" || fail "no culprits or no heat in index.html"
for link in $(grep -oE 'href="[^"]+"' "$page" | sed 's/href="//; s/"//'); do
    case $link in
    \#*) grep -qF "id=\"${link#\#}\"" "$page" ;;
    *) [[ -e "$work/found/$link" ]] ;;
    esac || fail "index.html: $link leads nowhere"
done
# What never happened is told of the protocol that ran, and of no other.
jq -e '.protocols == {"pbft": 64} and (.never_happened | any(startswith("probe pbft_")) and all(startswith("probe hybster_") | not))' "$work/found/campaign.json" >/dev/null ||
    fail "never happened: $(jq -c '[.protocols, .never_happened]' "$work/found/campaign.json")"
# Every run is on the curves, and the picture is there.
jq -e '.curves | length == 1 and (.random[-1] | .[0] == 64 and .[3] >= 1) and (.random | map(.[1]) | . == sort)' "$work/found/campaign.json" >/dev/null || fail "curves: $(jq -c .curves "$work/found/campaign.json")"
[[ $(grep -c '<svg ' "$page") -eq 3 ]] || fail "no pictures in index.html"
# In runs, the budget gives the same everywhere; once small, it is not done again.
expect 1 "" "$nika" campaign "$work/planted.json" --seeds 1..64 --shrink-budget 2000 --jobs 1 --out "$work/again"
diff -r "$work/found/shrunk" "$work/again/shrunk" --exclude='*.txt' --exclude='*.html' >/dev/null || fail "two campaigns shrink to different scenarios"
touch -d '2001-01-01' "$work/again/shrunk"/*.json
expect 1 "shrunk" "$nika" campaign "$work/planted.json" --seeds 1..64 --resume --out "$work/again"
[[ -n $(find "$work/again/shrunk" -name '*.json' ! -newermt 2002-01-01) ]] || fail "what was small was shrunk again"
expect 1 "" "$nika" campaign "$work/planted.json" --seeds 1..32 --shrink-budget 0 --out "$work/large"
[[ ! -e "$work/large/shrunk" ]] || fail "--shrink-budget 0 shrinks"
expect 64 "expected a time" "$nika" campaign --shrink-budget soon
expect 64 "at most 24h" "$nika" campaign --shrink-budget 99h

# Interrupted with findings: they are there, with exit code 1, the worst.
"$nika" campaign "$work/planted.json" lossy --seeds 1..20000 --jobs 1 --out "$work/stopped" >"$work/stopped.out" 2>&1 &
pid=$!
for _ in $(seq 500); do
    [[ $(cat "$work/stopped/results.jsonl" 2>/dev/null | wc -l) -ge 3 ]] && break
    sleep 0.01
done
kill -INT $pid
wait $pid
[[ $? -eq 1 ]] || fail "an interrupted campaign with findings must exit 1: $(tail -3 "$work/stopped.out")"
grep -q "safety-violated" "$work/stopped.out" && grep -q "not complete" "$work/stopped.out" || fail "an interrupted campaign lost its findings"
jq -e '.failures | length >= 1' "$work/stopped/campaign.json" >/dev/null || fail "no findings in campaign.json"

# A worker that takes too much memory is a finding of its own kind.
jq '.name = "long" | .workload = {"requests": 30000}' "$fair" >"$work/long.json"
expect 3 "ran out of memory: more than 2 MiB" "$nika" campaign "$work/long.json" --seeds 1..2 --jobs 1 --memory 2 --out "$work/memory"
jq -e '.totals.runs == 2 and .totals.failed == 2' "$work/memory/campaign.json" >/dev/null || fail "memory: $(jq -c .totals "$work/memory/campaign.json")"
expect 64 "--memory" "$nika" campaign --memory 0

# The progress of a campaign names rate, states and failures.
script -qec "$nika campaign lossy --seeds 1..9000 --jobs 1 --out $work/tty" /dev/null >"$work/tty.out" 2>&1 &
pid=$!
until_true grep -qE "[0-9]+ of 9000 runs, [0-9]+ runs/s, [0-9]+ states, 0 failures, about [0-9]+ (s|min) left" "$work/tty.out" ||
    fail "no progress: $(tr '\r' '\n' <"$work/tty.out" | head -c 600)"
pkill -INT -f -- "--out $work/tty\$" || true
wait $pid

# ---- the contract of shards ----
expect 0 "verdict   held" "$nika" campaign "${some[@]}" --seeds 1..160 --out "$work/whole"
valid_junit "$work/whole/junit.xml"
plan=$work/whole/plan.json
jq -e '.nika_plan == 1 and .first == 1 and .last == 160 and (.scenarios | length) == 2 and (.core | length) == 32 and (has("shard") | not)' "$plan" >/dev/null || fail "plan: $(cat "$plan")"
for i in 1 2 3 4; do
    expect 0 "verdict" "$nika" campaign "${some[@]}" --seeds 1..160 --shard $i/4 --out "$work/part$i"
    cmp -s "$plan" "$work/part$i/plan.json" || fail "the plan depends on the shard"
done
[[ $(cat "$work"/part[1234]/results.jsonl | wc -l) -eq 10 ]] || fail "shards overlap or miss blocks"
expect 6 "blocks of plan" "$nika" merge "$work"/part[124] --out "$work/partial"
grep -qE "nika: [0-9]+ of 10 blocks .* are missing, the first: (fault-free|two-equivocators) seeds [0-9]+\.\.[0-9]+" "$work/out" || fail "missing blocks are not named: $(cat "$work/out")"
expect 0 "verdict   held" "$nika" merge "$work/partial" "$work/part3" --out "$work/merged"
for file in results.jsonl campaign.json junit.xml plan.json; do
    cmp -s "$work/whole/$file" "$work/merged/$file" || fail "merged parts give another $file"
done
# Another number of shards half-way: what is there stays, the rest is shared out anew.
for i in 1 2; do cp -r "$work/part1" "$work/five$i"; done
for i in 1 2 3 4 5; do
    expect 0 "" "$nika" campaign "${some[@]}" --seeds 1..160 --shard $i/5 --resume --out "$work/five$i"
done
expect 0 "verdict   held" "$nika" merge "$work"/five[12345] --out "$work/fives"
cmp -s "$work/whole/results.jsonl" "$work/fives/results.jsonl" || fail "five shards after four give other bytes"
# A block cut short in one folder and whole in another is not missing.
cp -r "$work/whole" "$work/torn" && printf '{"count":32,"dig' >>"$work/torn/results.jsonl"
expect 0 "cut short" "$nika" merge "$work/torn" --out "$work/x"
sed -i '$d;5d' "$work/torn/results.jsonl"
expect 6 "1 of 10 blocks" "$nika" merge "$work/torn" --out "$work/x"

# Plans that were changed, foreign or of another campaign are said.
cp -r "$work/whole" "$work/changed" && sed -i 's/"last": 160/"last": 192/' "$work/changed/plan.json"
expect 64 "the plan was changed" "$nika" merge "$work/changed" --out "$work/x"
echo '{"nika_plan":1}' >"$work/changed/plan.json"
expect 64 "this is no plan" "$nika" merge "$work/changed" --out "$work/x"
echo '{' >"$work/changed/plan.json"
expect 64 "plan.json:" "$nika" merge "$work/changed" --out "$work/x"
expect 0 "" "$nika" campaign fault-free --seeds 1..32 --out "$work/else"
expect 0 "follow 2 different plans" "$nika" merge "$work/whole" "$work/else" --out "$work/x"
# A campaign that ends by time has no fixed end.
expect 0 "" "$nika" campaign fault-free --budget 1s --out "$work/timed"
expect 0 "verdict" "$nika" merge "$work/timed" --out "$work/x"

# What schedulers say.
of() { # FOLDER: which of four parts it is
    for i in 1 2 3 4; do cmp -s "$work/part$i/results.jsonl" "$1/results.jsonl" && echo $i; done
}
auto() { # PART WORD ENVIRONMENT...
    local part=$1 word=$2
    shift 2
    expect 0 "verdict" env "$@" "$nika" campaign "${some[@]}" --seeds 1..160 --shard auto --out "$work/auto-$word"
    [[ $(of "$work/auto-$word") == "$part" ]] || fail "--shard auto under $* is part $(of "$work/auto-$word"), not $part"
}
auto 2 slurm SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=4
auto 1 slurm0 SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=4
auto 3 slurmagain SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_COUNT=1 NIKA_SHARDS=4
auto 4 kubernetes JOB_COMPLETION_INDEX=3 NIKA_SHARDS=4
auto 3 parallel PARALLEL_SEQ=3 NIKA_SHARDS=4
auto 1 ci CI_NODE_INDEX=1 CI_NODE_TOTAL=4
expect 64 "none of SLURM_ARRAY_TASK_ID" "$nika" campaign --shard auto
expect 64 "NIKA_SHARDS must say" env PARALLEL_SEQ=1 "$nika" campaign --shard auto
expect 64 "expected 1 <= I <= N" env CI_NODE_INDEX=5 CI_NODE_TOTAL=4 "$nika" campaign --shard auto
expect 64 "CI_NODE_INDEX" env CI_NODE_INDEX=two CI_NODE_TOTAL=4 "$nika" campaign --shard auto
expect 64 "or auto" "$nika" campaign --shard some
exit "$failed"
