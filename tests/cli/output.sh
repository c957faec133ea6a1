#!/usr/bin/env bash
# cli.output: what a run prints and writes: text, JSON, report, story; to pipes and to full disks. Usage: output.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
beyond=scenarios/pbft/two-equivocators.json
bad=(--set expect.safety=held --set 'expect.properties={}')

# A line that reproduces a run works when it is pasted, with everything that was set.
for arguments in "$fair --seed 3" "fault-free --seed 3 --set network.loss_ppm=0" "$beyond --seed 7 --set expect.safety=held --set expect.properties={}"; do
    # shellcheck disable=SC2086 # Words are meant to be parted.
    "$nika" run $arguments >"$work/one"
    first=$?
    line=$(sed -n 's/^reproduce //p' "$work/one")
    [[ "$line" == "$nika run scenarios/"* ]] || fail "the line does not name the program as it was called: $line"
    bash -c "$line" >"$work/two"
    [[ $? -eq $first ]] || fail "another exit code: $line"
    cmp -s <(grep '^digest' "$work/one") <(grep '^digest' "$work/two") || fail "another digest: $line"
done
mkdir "$work/a b" && ln -s "$nika" "$work/a b/nika" && cp "$fair" "$work/a b/it's.json"
line=$("$work/a b/nika" run "$work/a b/it's.json" | sed -n 's/^reproduce //p')
grep -q '^verdict   held' <(bash -c "$line") || fail "a quoted line does not run: $line"

# A failure says property, replicas, sequence number, time and event.
expect 1 "property  O1 agreement: replica" "$nika" run "$beyond" "${bad[@]}"
grep -qE '^property  O1 .*replica [0-9] and replica [0-9], sequence [0-9]+, at [0-9.]+ s, event [0-9]+' "$work/out" || fail "footer: $(grep ^prop "$work/out")"
grep -qE '^story .* fault equivocate acts' "$work/out" || fail "no story in the output"
expect 0 "as expected, O1" "$nika" run "$beyond"
expect 6 "stalled   replica 0" "$nika" run silent-primary --set 'faults[0].targets=[0,1]' --set expect.allow_beyond_bound=true
expect 6 "the event limit ran out" "$nika" run "$fair" --set limits.events=40
expect 5 "completed requests" "$nika" run "$fair" --set expect.requests_min=1000000

# JSON names the same.
"$nika" run "$beyond" --json >"$work/run.json" || fail "run --json of a must-fail scenario"
jq -e '.violations[0] | .oracle == "O1" and .property == "agreement" and (.replicas | length) == 2 and .sequence >= 1 and .virtual_ns > 0' \
    "$work/run.json" >/dev/null || fail "violations in --json: $(jq -c '.violations[0]' "$work/run.json")"
jq -e '.replicas | length == 4 and (.[0] | has("view") and has("executed") and .corrupted)' "$work/run.json" >/dev/null || fail "replicas in --json"
jq -e '.story | any(.text == "fault equivocate acts")' "$work/run.json" >/dev/null || fail "story in --json"
[[ $(wc -l <"$work/run.json") -eq 1 ]] || fail "--json prints more than one line"

# A report holds all of it.
expect 1 "report    $work/report.md" "$nika" run "$beyond" "${bad[@]}" --report "$work/report.md"
for words in "# two-equivocators, seed 7: safety-violated" "To reproduce:" "## Faults" "## What happened" "## Violations" \
    "### 1. O1 agreement: replica" "that concern sequence number" "-> all PRE-PREPARE view=0 seq=" "has committed" "## Options" \
    "## Properties" "**violated**" "## Replicas at the end" "## Messages" "## Rejections by check" "## Reached"; do
    grep -qF -- "$words" "$work/report.md" || fail "the report has no \"$words\""
done
expect 0 "report" "$nika" run swarm --seed 5 --report "$work/report.md"
grep -qF "drawn by the seed" "$work/report.md" || fail "the report does not say what the seed drew"

# A story is readable; neither it nor a trace or a report changes the run.
expect 0 "story     $work/story.txt" "$nika" run "$fair" --seed 3 --story "$work/story.txt" --trace "$work/trace.jsonl" --report "$work/report.md"
grep -qE '^ *[0-9]+ us  r0  -> all PRE-PREPARE view=0 seq=1 digest=[0-9a-f]{8}$' "$work/story.txt" || fail "no proposal in the story"
watched=$(sed -n 's/^digest *//p' "$work/out")
[[ "$watched" == "$("$nika" run "$fair" --seed 3 --json | jq -r .digest)" ]] || fail "to watch a run changes it"
expect 0 "digest    $watched" "$nika" run "$fair" --seed 3 --check-determinism --story "$work/story.txt"

# Nothing but text goes to a pipe; a terminal may have colours, unless NO_COLOR is set.
grep -q $'\033' <("$nika" run "$beyond" "${bad[@]}") && fail "escapes in a pipe"
grep -q $'\033' <("$nika" list) && fail "escapes in a list"

# What a file says of itself is text: no control character of it reaches a terminal, and the line that reproduces it still works.
hostile=$work/$'a\033[31mb.json'
printf '{"schema":1,"name":"n\\u001b[31m","why":"w\\u001b]0;x\\u0007\\u009b31m","gst_ms":0,"workload":{"requests":2}}' >"$hostile"
printf '{"schema":1,"name":"x","why":"y","\\u001b[31m":1}' >"$work/worse.json"
"$nika" run "$hostile" --log "$work/hostile.log" >"$work/said" || fail "hostile names do not run"
line=$(sed -n 's/^reproduce //p' "$work/said")
bash -c "$line" >>"$work/said" || fail "the line of a hostile name does not run: $line"
sed -i 's/"sentence":"/"sentence":"\\u001b[31m/' "$work/hostile.log"
"$nika" replay "$work/hostile.log" >>"$work/said" 2>&1 || fail "the log of a hostile scenario"
"$nika" report "$hostile" --format text >>"$work/said" 2>&1
"$nika" run "$hostile" --until 5 >>"$work/said" 2>&1
"$nika" run "$work/worse.json" >>"$work/said" 2>&1
echo start | "$nika" step "$hostile" >>"$work/said" 2>&1
LC_ALL=C grep -v "^\(log\|report\)  *$work" "$work/said" | LC_ALL=C grep -q $'[\001-\010\013-\037\177]\|\xc2\x9b' && fail "a control character reaches the terminal: $(cat -v "$work/said" | head -5)"
grep -qF 'w?' "$work/said" || fail "the text is gone"
if command -v script >/dev/null; then
    grep -q $'\033\[32m' <(script -qec "$nika run $fair" /dev/null </dev/null) || fail "no colour on a terminal"
    grep -q $'\033' <(NO_COLOR=1 script -qec "$nika run $fair" /dev/null </dev/null) && fail "NO_COLOR has no effect"
fi

# A reader that goes away is no error; a disk that is full is one.
(
    trap '' PIPE
    for _ in {1..20}; do "$nika" schema 2>>"$work/pipe" | head -1 >/dev/null; done
)
[[ ! -s "$work/pipe" ]] || fail "a closed pipe is complained about: $(head -1 "$work/pipe")"
for option in trace story report; do
    expect 6 "--$option /dev/full: cannot write: No space left on device" "$nika" run "$fair" "--$option" /dev/full
    expect 64 "--$option /nonexistent/file: No such file" "$nika" run "$fair" "--$option" /nonexistent/file
done
expect 1 "No space left" "$nika" run "$beyond" "${bad[@]}" --report /dev/full
"$nika" run "$fair" >/dev/full 2>"$work/err"
[[ $? -eq 6 ]] || fail "a full disk behind standard output is no error"
grep -qF "standard output: No space left" "$work/err" || fail "no word about the full standard output"
exit "$failed"
