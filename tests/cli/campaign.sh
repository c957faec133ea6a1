#!/usr/bin/env bash
# cli.campaign: campaigns are killed, resumed, split and merged, and end with the same bytes; what fails is found, counted and can be
# repeated; workers that die or hang are findings. Usage: campaign.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
some=(fault-free primary-crash two-equivocators lossy)
beyond=scenarios/pbft/two-equivocators.json
seeds=1..64

# One machine, in one go.
expect 0 "verdict   held" "$nika" campaign "${some[@]}" --seeds $seeds --jobs 2 --out "$work/whole"
whole=$work/whole/results.jsonl
[[ $(wc -l <"$whole") -eq 8 ]] || fail "8 blocks expected, got $(wc -l <"$whole")"
jq -es 'map(.held + .missed + (.failures | length)) | add == 256' "$whole" >/dev/null || fail "runs that are not accounted for"
jq -e '.totals.runs == 256 and .complete and .states >= 20 and .exit_class == 0' "$work/whole/campaign.json" >/dev/null || fail "summary: $(jq -c .totals "$work/whole/campaign.json")"

# The same on another number of workers, in parts, in any order.
expect 0 "verdict   held" "$nika" campaign "${some[@]}" --seeds $seeds --jobs 1 --out "$work/one"
cmp -s "$whole" "$work/one/results.jsonl" || fail "another number of workers gives other bytes"
for i in 1 2 3; do
    expect 0 "verdict" "$nika" campaign "${some[@]}" --seeds $seeds --shard $i/3 --out "$work/part$i"
done
expect 0 "verdict   held" "$nika" merge "$work/part3" "$work/part1" "$work/part2" "$work/part1" --out "$work/merged"
cmp -s "$whole" "$work/merged/results.jsonl" || fail "merged parts give other bytes"
cmp -s "$work/whole/campaign.json" "$work/merged/campaign.json" || fail "merged parts give another summary"

# Killed in the middle, resumed: the same bytes. A line that was cut short is run again.
"$nika" campaign "${some[@]}" --seeds $seeds --jobs 2 --out "$work/killed" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 500); do
    [[ $(cat "$work/killed/results.jsonl" 2>/dev/null | wc -l) -ge 2 ]] && break
    sleep 0.01
done
kill -9 $pid
wait $pid 2>/dev/null
printf '{"count":32,"dig' >>"$work/killed/results.jsonl"
[[ $(wc -l <"$work/killed/results.jsonl") -lt 8 ]] || fail "the campaign was over before it was killed"
expect 64 "--resume goes on" "$nika" campaign "${some[@]}" --seeds $seeds --out "$work/killed"
expect 0 "cut short" "$nika" campaign "${some[@]}" --seeds $seeds --resume --out "$work/killed"
cmp -s "$whole" "$work/killed/results.jsonl" || fail "a resumed campaign gives other bytes"

# SIGINT: what is done is kept, exit code 6, and resuming completes it.
"$nika" campaign "${some[@]}" --seeds $seeds --jobs 1 --out "$work/stopped" >"$work/stopped.out" 2>&1 &
pid=$!
for _ in $(seq 500); do
    [[ $(cat "$work/stopped/results.jsonl" 2>/dev/null | wc -l) -ge 2 ]] && break
    sleep 0.01
done
kill -INT $pid
wait $pid
[[ $? -eq 6 ]] || fail "an interrupted campaign must exit 6: $(tail -3 "$work/stopped.out")"
grep -q "not complete" "$work/stopped.out" || fail "an interrupted campaign does not say so"
expect 0 "verdict   held" "$nika" campaign "${some[@]}" --seeds $seeds --resume --out "$work/stopped"
cmp -s "$whole" "$work/stopped/results.jsonl" || fail "a stopped and resumed campaign gives other bytes"

# A planted failure is found, joined by kind, and its line repeats it.
sed 's/"safety": *"must-fail"/"safety": "held"/; s/"agreement": *"must-fail"/"agreement": "held"/; s/"O1": *"must-fail"/"O1": "held"/' "$beyond" >"$work/planted.json"
cmp -s "$beyond" "$work/planted.json" && fail "nothing was planted"
expect 1 "safety-violated" "$nika" campaign "$work/planted.json" --seeds 1..64 --out "$work/found"
line=$(sed -n 's/^  reproduce nika //p' "$work/out" | head -1)
[[ -n "$line" ]] || fail "no line to reproduce: $(cat "$work/out")"
expect 1 "O1 agreement" bash -c "'$nika' $line"
jq -e '(.failures | length) < .totals.failed and .exit_class == 1' "$work/found/campaign.json" >/dev/null || fail "failures are not joined: $(jq -c '.totals' "$work/found/campaign.json")"
grep -q '<failure type="safety-violated"' "$work/found/junit.xml" || fail "no failure in junit.xml"
python3 -c 'import sys, xml.etree.ElementTree as e; r = e.parse(sys.argv[1]).getroot(); assert r.tag == "testsuites" and int(r.get("failures")) == len(r.findall(".//testcase[failure]")) == 1 and int(r.get("tests")) == len(r.findall(".//testcase"))' "$work/found/junit.xml" || fail "junit.xml is not what it says"
expect 1 "" "$nika" campaign "$work/planted.json" --seeds 1..3200 --jobs 1 --fail-fast --out "$work/fast"
[[ $(wc -l <"$work/fast/results.jsonl") -le 2 ]] || fail "--fail-fast went on"

# The line of a strategy's failure spells out what the strategy changed.
expect 1 "faults[0].acts=may" "$nika" campaign "$work/planted.json" --strategy swarm --seeds 1..64 --out "$work/swarm"
line=$(sed -n 's/^  reproduce nika //p' "$work/out" | head -1)
expect 1 "O1 agreement" bash -c "'$nika' $line"
jq -es 'map(.missed + .held) | add > 0' "$work/swarm/results.jsonl" >/dev/null || fail "swarm never left the fault out"

# A worker that is killed, and one that hangs, are findings with a seed; the rest of the block runs.
runs=$((sanitized ? 192 : 2000))
"$nika" campaign lossy --seeds 1..$runs --jobs 1 --run-limit 1 --out "$work/dead" >"$work/dead.out" 2>&1 &
pid=$!
for signal in KILL STOP; do
    sleep 0.2
    pkill "-$signal" -P $pid || fail "no worker to stop with $signal"
done
wait $pid
[[ $? -eq 3 ]] || fail "dead workers must exit 3: $(tail -5 "$work/dead.out")"
grep -q "was killed by signal 9" "$work/dead.out" || fail "no finding of a killed worker: $(cat "$work/dead.out")"
grep -q "took longer than 1 s and was stopped" "$work/dead.out" || fail "no finding of a hung worker: $(cat "$work/dead.out")"
jq -e ".totals.runs == $runs and .totals.failed == 2" "$work/dead/campaign.json" >/dev/null || fail "dead workers: $(jq -c .totals "$work/dead/campaign.json")"

# Whatever the number of workers that die in one block, each is a finding and the others of its runs are judged.
jq ".workload.requests = $((sanitized ? 400 : 1500))" scenarios/pbft/lossy.json >"$work/long.json"
"$nika" campaign "$work/long.json" --seeds 1..32 --jobs 1 --shrink-budget 0 --out "$work/deadly" >"$work/deadly.out" 2>&1 &
pid=$!
for _ in $(seq 14); do
    sleep 0.1
    pkill -KILL -P $pid || true
done
wait $pid
[[ $? -eq 3 ]] || fail "a block of dead workers must exit 3: $(tail -5 "$work/deadly.out")"
jq -e '.totals.runs == 32 and .totals.failed > 8' "$work/deadly/campaign.json" >/dev/null ||
    fail "a block of dead workers: $(jq -c .totals "$work/deadly/campaign.json")"

# What is wrong is said.
cp -r "$work/whole" "$work/bad" && sed -i '3s/"held":32/"held":31/' "$work/bad/results.jsonl"
expect 64 "results.jsonl:3: this line does not account" "$nika" merge "$work/bad" --out "$work/x"
cp -r "$work/whole" "$work/other" && sed -i '3s/"digest":"....../"digest":"000000/' "$work/other/results.jsonl"
expect 4 "not deterministic" "$nika" merge "$work/whole" "$work/other" --out "$work/x"
sed -i '3s/"first":[0-9]*/"first":7/' "$work/other/results.jsonl"
expect 64 "does not have the identity" "$nika" merge "$work/other" --out "$work/x"
mkdir "$work/foreign" && echo '{"a":1}' >"$work/foreign/results.jsonl"
expect 64 "results.jsonl:1: this line is no record" "$nika" merge "$work/foreign" --out "$work/x"
expect 64 "No such file" "$nika" merge "$work/nowhere" --out "$work/x"
expect 64 "which folders" "$nika" merge
expect 64 "expected I/N" "$nika" campaign --shard 3/2
expect 64 "expected FIRST..LAST" "$nika" campaign --seeds 7
expect 64 "expected a time" "$nika" campaign --budget 9
expect 64 "nika list strategies" "$nika" campaign --strategy swurm
expect 64 "no scenarios of the library below" "$nika" campaign docs
expect 64 "no scenario \"nothing\"" "$nika" campaign nothing
mkdir "$work/zero" && ln -s /dev/zero "$work/zero/results.jsonl"
expect 64 "results.jsonl:1: this line is no record" "$nika" merge "$work/zero" --out "$work/x"
(
    trap '' XFSZ
    ulimit -f 4
    "$nika" campaign fault-free --seeds 1..960 --jobs 1 --out "$work/full" >"$work/full.out" 2>&1
)
[[ $? -eq 6 ]] || fail "a full disk must exit 6: $(tail -3 "$work/full.out")"
grep -q "cannot write" "$work/full.out" || fail "a full disk is not named: $(cat "$work/full.out")"
# Not even there is a finding lost: what has no place is said, and the exit code is its.
(
    trap '' XFSZ
    ulimit -f 1
    "$nika" campaign "$work/planted.json" --seeds 1..64 --jobs 1 --out "$work/fuller" >"$work/full.out" 2>&1
)
[[ $? -eq 1 ]] || fail "a finding on a full disk must exit 1: $(tail -3 "$work/full.out")"
grep -q "not kept: .*planted.json, strategy random, seed [0-9]*: O1 agreement" "$work/full.out" || fail "a finding is lost: $(cat "$work/full.out")"
exit "$failed"
