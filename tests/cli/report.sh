#!/usr/bin/env bash
# cli.report: `nika report` in every format, read back by other programs. Usage: report.sh NIKA
set -uo pipefail
here=$(dirname "$0")
source "$here/lib.sh"
beyond=(scenarios/pbft/two-equivocators.json --seed 7)
quiet() { "$@" >"$work/out" 2>&1 </dev/null && [[ ! -s "$work/out" ]] || fail "$*: $(head -3 "$work/out")"; }
bad=(--set expect.safety=held --set 'expect.properties={}')

# Every format, of a run that fails and of one that holds; whatever the verdict, the exit code is 0.
for format in text json html junit sarif chrome pcapng; do
    quiet "$nika" report "${beyond[@]}" "${bad[@]}" -f "$format" -o "$work/bad.$format"
    quiet "$nika" report "$fair" -f "$format" -o "$work/good.$format"
    [[ -s "$work/bad.$format" && -s "$work/good.$format" ]] || fail "an empty report: $format"
done
"$nika" report "$fair" -f chrome >"$work/piped" && cmp -s "$work/piped" "$work/good.chrome" || fail "another report in a pipe"

# JSON: by its schema, columns of equal length, causes before effects, and the same run as `nika run`.
for which in good bad; do
    well docs/schemas/report.schema.json "$work/$which.json"
    jq -e '(.events.count as $n | .events | del(.count) | all(length == $n)) and (.messages.count as $n | .messages | del(.count, .orders) | all(length == $n))' \
        "$work/$which.json" >/dev/null || fail "columns of unequal length in $which.json"
    jq -e '.events as $e | (.replicas + .clients) as $lanes | .messages.count as $m | .kinds as $k | [range($e.count)] |
        all(. as $i | $e.back[$i] <= $i and $e.lane[$i] < $lanes and $e.message[$i] < $m and $e.kind[$i] < ($k | length))' \
        "$work/$which.json" >/dev/null || fail "an index out of range in $which.json"
done
jq -e '.timers.replica[1] == "view change" and .timers.client[0] == "retransmission"' "$work/good.json" >/dev/null || fail "timers have no names"
jq '.end = 1' "$work/good.json" >"$work/wrong.json"
valid docs/schemas/report.schema.json "$work/wrong.json" >"$work/said" && [[ ! -s "$work/said" ]] && fail "the validator lets pass what the schema forbids"
[[ "$(jq -r .run.digest "$work/good.json")" == "$("$nika" run "$fair" --json | jq -r .digest)" ]] || fail "to report on a run changes it"
jq -e '.run.verdict == "safety-violated" and .lost == 0' "$work/bad.json" >/dev/null || fail "the verdict in bad.json"

# JUnit: by its schema, and the counts are those of the cases.
for which in good bad; do
    xmllint --noout --schema "$here/junit.xsd" "$work/$which.junit" 2>"$work/xml" || fail "$which.junit is not valid: $(cat "$work/xml")"
    [[ "$(xmllint --xpath 'count(//testcase)=/testsuite/@tests and count(//failure)=/testsuite/@failures' "$work/$which.junit")" == true ]] || fail "counts of $which.junit"
done
[[ "$(xmllint --xpath 'count(//failure)' "$work/good.junit")" == 0 ]] || fail "failures of a run that holds"
grep -q '<testcase name="O1 agreement" classname="two-equivocators"><failure type="agreement"' "$work/bad.junit" || fail "no failure of O1 in JUnit"

# SARIF: the standard's demands, and each result points at its rule.
for which in good bad; do
    well "$here/sarif.schema.json" "$work/$which.sarif"
    jq -e '.runs[0] | .tool.driver.rules as $rules | .results | all(. as $r | $rules[$r.ruleIndex].id == $r.ruleId)' "$work/$which.sarif" >/dev/null || fail "rules of $which.sarif"
done
[[ "$(jq '.runs[0].results | length' "$work/good.sarif")" == 0 ]] || fail "results of a run that holds"
jq -e '.runs[0].results | any(.ruleId == "O1" and .level == "error")' "$work/bad.sarif" >/dev/null || fail "no O1 in SARIF"

# Chrome's format: names of all threads, times in order for each, and each arrow has both ends.
jq -e '.traceEvents | (map(select(.ph == "M" and .name == "thread_name")) | length) as $threads | $threads >= 5 and
    all(has("ph") and has("pid") and has("tid")) and all(.ph == "M" or (.ts | type == "number")) and
    all(.ph != "X" or .dur > 0) and all(.ph != "i" or .s == "t") and
    ([.[] | select(.ph == "s") | .id] | sort) == ([.[] | select(.ph == "f") | .id] | sort) and any(.ph == "s") and
    (INDEX(.[] | select(.ph == "s"); .id) as $starts | [.[] | select(.ph == "f")] | all($starts[.id | tostring].ts <= .ts))' \
    "$work/bad.chrome" >/dev/null || fail "Chrome's trace format"

# pcapng: by tshark with the generated dissector: as many packets as deliveries and losses, and the same fields.
if command -v tshark >/dev/null; then
    "$nika" wire --dissector >"$work/nika.lua" || fail "wire --dissector"
    for which in good bad; do
        shark() { tshark -X "lua_script:$work/nika.lua" -r "$work/$which.pcapng" "$@" 2>"$work/shark.err"; }
        shark -T fields -E occurrence=f -e nika.type -e nika.pre_prepare.view -e nika.pre_prepare.seq >"$work/shark.txt" || fail "tshark: $(head -3 "$work/shark.err")"
        jq -r '(.kinds | to_entries | map(select(.value == "deliver" or .value == "drop").key)) as $packets | .types as $types | .messages as $m | .events as $e |
            range($e.count) | select((.  as $i | $packets | any(. == $e.kind[$i])) and $e.message[.] >= 0 and $e.peer[.] >= 0) | $e.message[.] |
            ($types[$m.type[.]].name == "PRE-PREPARE") as $p | [$m.type[.], (if $p then $m.view[.] else "" end), (if $p then $m.seq[.] else "" end)] | @tsv' \
            "$work/$which.json" >"$work/model.txt"
        cmp -s "$work/shark.txt" "$work/model.txt" || fail "tshark reads other fields of $which.pcapng: $(diff "$work/shark.txt" "$work/model.txt" | head -4)"
        [[ -s "$work/shark.txt" ]] || fail "no packets in $which.pcapng"
        [[ -z "$(shark -Y nika.malformed)" ]] || fail "malformed frames in $which.pcapng"
        [[ -z "$(shark -o ip.check_checksum:TRUE -Y 'ip.checksum.status == "Bad"')" ]] || fail "bad checksums in $which.pcapng"
    done
else
    echo "no tshark: the packets are not checked (scripts/setup --browser)"
fi

# The page: one file that loads nothing; what a scenario says cannot end its script or reach a terminal.
quiet "$nika" report "$fair" --set 'why="</script><img src=x onerror=alert(1)>\u001b[31m"' -o "$work/hostile.html"
grep -qE '<img|<script src|<link|https?://[a-z]' "$work/hostile.html" && fail "the page loads or runs what it should not"
[[ $(grep -c '</script>' "$work/hostile.html") -eq $(grep -c '</script>' "$work/good.html") ]] || fail "a scenario ends the page's script"
grep -q $'\033' "$work/hostile.html" && fail "an escape in the page"

# A decision log, by itself; a campaign's folder; the format by the file's name.
expect 0 "" "$nika" run "$fair" --log "$work/run.log"
quiet "$nika" report "$work/run.log" -o "$work/log.json"
# The trace, which keeps texts of messages for a while, says of each message what the model says, which has each message once.
"$nika" run "$fair" --trace "$work/texts.jsonl" >"$work/said" || fail "no trace"
jq -r '. as $r | [(.kinds | index("send")), (.kinds | index("deliver"))] as $k | .events | range(.count) as $i
    | select((.kind[$i] | IN($k[])) and .message[$i] >= 0) | $r.messages.text[.message[$i]]' "$work/good.json" >"$work/texts.model"
jq -r 'select(.k == "send" or .k == "deliver") | .f' "$work/texts.jsonl" >"$work/texts.trace"
[[ $(wc -l <"$work/texts.trace") -gt 1000 ]] && cmp "$work/texts.model" "$work/texts.trace" || fail "texts of a trace differ from those of the model"
# What a view change says of numbers: who was cut off had prepared some, and the NEW-VIEW gives each its order of the old view again.
quiet "$nika" report scenarios/pbft/one-way-partition.json -o "$work/moved.json"
well docs/schemas/report.schema.json "$work/moved.json"
jq -e '.messages as $m | .types as $t | [$m.orders[] | {type: $t[$m.type[.[0]]].name, field: .[1], view: .[2], seq: .[3], digest: .[4]}]
    | ([.[] | select(.type == "VIEW-CHANGE" and .field == "prepared" and .view == 0) | [.seq, .digest]] | unique) as $held
    | ([.[] | select(.type == "NEW-VIEW" and .field == "pre_prepares" and .view == 1) | [.seq, .digest]] | unique) as $given
    | ($held | length > 0) and $held == $given and all(.digest | length == 8)' "$work/moved.json" >/dev/null ||
    fail "orders of a view change: $(jq -c '.messages.orders' "$work/moved.json" | head -c 400)"
# Beside another run: both models, and what nika diff says of them.
quiet "$nika" report "$fair" --seed 3 --diff "$fair@4" -o "$work/pair.json"
well docs/schemas/report.schema.json "$work/pair.json"
"$nika" diff "$fair@3" "$fair@4" --json >"$work/diff.json"
for key in same same_events decided diverged kinds a b; do
    [[ "$(jq -c ".diff.$key" "$work/pair.json")" == "$(jq -c ".$key" "$work/diff.json")" ]] || fail "another $key than that of nika diff"
done
[[ "$(jq -r .other.run.digest "$work/pair.json")" == "$("$nika" run "$fair" --seed 4 --json | jq -r .digest)" ]] || fail "the other run is another"
[[ "$(jq -c .other.messages.type "$work/pair.json")" != "$(jq -c .messages.type "$work/pair.json")" ]] || fail "one run twice"
quiet "$nika" report "$work/run.log" --diff "$work/run.log" -o "$work/pair.html"
grep -q '"same":true' "$work/pair.html" || fail "a log differs from itself"
expect 64 "html or json, not junit" "$nika" report "$fair" --diff "$fair@4" -f junit
expect 64 "html or json, not text" "$nika" report "$fair" --diff "$fair@4"
echo before >"$work/kept.html"
expect 64 'did you mean "fault-free"' "$nika" report fault-free --diff fault-freee -o "$work/kept.html"
grep -q before "$work/kept.html" || fail "a file was emptied for a run that is none"
[[ "$(jq -r .run.digest "$work/log.json")" == "$(jq -r .run.digest "$work/good.json")" ]] || fail "the report of a log is of another run"
"$nika" campaign "${beyond[0]}" "${bad[@]}" --seeds 1..3 --shrink-budget 0 --out "$work/campaign" >/dev/null 2>&1
[[ $? -eq 1 ]] || fail "the campaign finds nothing"
for end in xml sarif html json txt; do
    quiet "$nika" report "$work/campaign" -o "$work/campaign.$end"
    [[ -s "$work/campaign.$end" ]] || fail "an empty report of a campaign: $end"
done
xmllint --noout --schema "$here/junit.xsd" "$work/campaign.xml" 2>"$work/xml" || fail "JUnit of a campaign: $(cat "$work/xml")"
well "$here/sarif.schema.json" "$work/campaign.sarif"
jq -e ".runs[0].results | length > 0" "$work/campaign.sarif" >/dev/null || fail "no results in the SARIF of a campaign that failed"

# The museum's results: a page with a curve for each strategy, well-formed whatever the names; the figures again as JSON.
python3 "$here/detect_sample.py" "$work/museum"
well docs/schemas/detect.schema.json "$work/museum/detect.json"
quiet "$nika" report "$work/museum" -o "$work/museum.html"
xmllint --noout "$work/museum.html" 2>"$work/xml" || fail "the museum's page is not well-formed: $(head -3 "$work/xml")"
grep -q "3 of 4 found</span> 2 within their budget; 0 false alarms in 9000 runs of the sound modules and 120 seeds that found a bug, run without it" "$work/museum.html" || fail "the museum's page counts otherwise: $(grep -o '<h1>.*</h1>' "$work/museum.html")"
cp -r "$work/museum" "$work/unsound"
jq '.sound.runs = 0' "$work/museum/detect.json" >"$work/unsound/detect.json"
quiet "$nika" report "$work/unsound" -o "$work/unsound.html"
grep -q "0 false alarms, no campaign of the sound modules was asked for, in 120 seeds" "$work/unsound.html" || fail "runs that were not made: $(grep -o '<h1>.*</h1>' "$work/unsound.html")"
[[ $(grep -c '<figure>' "$work/museum.html") -eq 5 ]] || fail "not a picture for all bugs and for each: $(grep -c '<figure>' "$work/museum.html")"
grep -q $'\033' "$work/museum.html" && fail "an escape in the museum's page"
quiet "$nika" report "$work/museum" -o "$work/museum.json"
cmp -s <(jq -S . "$work/museum.json") <(jq -S . "$work/museum/detect.json") || fail "other figures"
expect 64 "html or json, not junit" "$nika" report "$work/museum" -f junit
sed -i '3s/.*/{"bug":/' "$work/museum/detect.jsonl"
expect 64 "detect.jsonl:3: this line is no record" "$nika" report "$work/museum" -f html
rm "$work/museum/detect.jsonl"
expect 0 "no curves" "$nika" report "$work/museum" -f html
echo '{"nika_detect": 2}' >"$work/museum/detect.json"
expect 64 "format 1" "$nika" report "$work/museum" -f html
head -c 100 "$work/museum.json" >"$work/museum/detect.json"
expect 64 "detect.json:" "$nika" report "$work/museum" -f html

# Bad input: what, where, what was expected.
expect 64 'did you mean "html"' "$nika" report "$fair" -f htm
expect 64 "expected html, json, text, junit, sarif, chrome or pcapng" "$nika" report "$fair" -f xyzzy
expect 64 'did you mean "fault-free"' "$nika" report fault-freee
expect 64 "which run" "$nika" report
expect 64 "not the folder of a campaign" "$nika" report docs -f html
expect 64 "a campaign is no single run" "$nika" report "$work/campaign" -f chrome
expect 64 "-o /nonexistent/x: No such file" "$nika" report "$fair" -o /nonexistent/x
expect 6 "No space left on device" "$nika" report "$fair" -f json -o /dev/full
grep -qi success "$work/out" && fail "an error called success: $(cat "$work/out")"
head -c 300 "$work/run.log" >"$work/cut.log"
expect 64 "cut.log:" "$nika" report "$work/cut.log" -f json
head -c 40 "$work/campaign/results.jsonl" >"$work/cut.jsonl" && mkdir "$work/broken" && { cat "$work/cut.jsonl"; echo; } >"$work/broken/results.jsonl"
expect 64 "results.jsonl:1" "$nika" report "$work/broken" -f html
exit "$failed"
