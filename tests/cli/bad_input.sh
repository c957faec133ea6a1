#!/usr/bin/env bash
# cli.bad_input: what cannot be a scenario ends with exit code 64 and a message that says what and where. Usage: bad_input.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"

# refuse "words of the message" 'scenario text'
refuse() {
    printf '%s' "$2" >"$work/bad.json"
    expect 64 "$1" "$nika" run "$work/bad.json"
    [[ $(wc -l <"$work/out") -le 20 ]] || fail "more than 20 lines about: ${2:0:60}"
}
# In a scenario that is good but for the rest of it.
refuse_in() { refuse "$1" "{\"schema\":1,\"name\":\"a\",\"why\":\"b\",$2}"; }
printf '{"schema":1,"name":"a","why":"b"}' >"$work/good.json"
expect 0 "verdict   held" "$nika" run "$work/good.json"

# Not a file.
expect 64 "no such file" "$nika" run "$work/none.json"
expect 64 'did you mean "fault-free"' "$nika" run scenarios/pbft/fault-fre.json
expect 64 "is a directory" "$nika" run "$work"
expect 64 "is not a regular file" "$nika" run /dev/null
mkfifo "$work/pipe"
expect 64 "is not a regular file" "$nika" run "$work/pipe"
expect 64 'no scenario "zzzzzz"' "$nika" run zzzzzz
expect 64 'no scenario ""' "$nika" run ""

# Not JSON, or more of it than anybody would write.
refuse "expected near end of file" ""
refuse ":1:1: $: expected an object" "[]"
refuse "end of file expected near 'x'" '{"schema":1,"name":"a","why":"b"} x'
refuse ":1:40: invalid token near 'NaN'" '{"schema":1,"name":"a","why":"b","a":NaN}'
refuse "invalid token near 'Infinity'" '{"schema":1,"name":"a","why":"b","a":Infinity}'
refuse "real number overflow" '{"schema":1,"name":"a","why":"b","a":1e400}'
refuse "too big integer" '{"schema":1,"name":"a","why":"b","a":99999999999999999999}'
head -c 5000 /dev/zero | tr '\0' '\377' >"$work/binary.json"
expect 64 "binary.json:1:" "$nika" run "$work/binary.json"
head -c 5000 "$nika" >"$work/program.json"
expect 64 "program.json:1:" "$nika" run "$work/program.json"
(printf '{"schema":1,"name":"a","why":"' && head -c 2097152 /dev/zero | tr '\0' x && printf '"}') >"$work/huge.json"
expect 64 "larger than" "$nika" run "$work/huge.json"
refuse "nested deeper than 32" "$(printf '[%.0s' {1..200})$(printf ']%.0s' {1..200})"
refuse "nested deeper than 32" "$(printf '[%.0s' {1..100000})"

# JSON that says nothing sensible.
refuse "required: the format's version" '{}'
refuse "expected integer 1..1, got 2" '{"schema":2,"name":"a","why":"b"}'
refuse "expected a text of 1..63 bytes" '{"schema":1,"name":"","why":"b"}'
refuse "duplicate object key" '{"schema":1,"schema":1}'
refuse_in ':1:34: $.clutser: unknown key, did you mean "cluster"?' '"clutser":{}'
refuse_in 'did you mean "loss_ppm"' '"network":{"los_ppm":1}'
refuse_in "unknown fault, did you mean crash" '"faults":[{"name":"crsh"}]'
refuse_in "duplicate object key" '"cluster":{"n":4,"n":5}'
refuse_in "expected an object" '"cluster":[]'
refuse_in 'expected integer 1..128, got "4"' '"cluster":{"n":"4"}'
refuse_in "expected integer 1..128, got 4.5" '"cluster":{"n":4.5}'
refuse_in "expected integer 1..128, got 4.0" '"cluster":{"n":4.0}'
refuse_in "expected integer 1..128, got null" '"cluster":{"n":null}'
refuse_in "expected integer 1..128, got 1000000000" '"cluster":{"n":1000000000}'
refuse_in "expected integer 0..100000000, got -1" '"workload":{"requests":-1}'
refuse_in 'got "maybe"' '"expect":{"safety":"maybe"}'
refuse_in "expected at least min (9), got 3" '"network":{"latency_us":{"min":9,"median":3}}'

# Clusters that cannot be, unless the scenario says that it means it.
refuse_in "impossible cluster: PBFT needs n >= 3f+1" '"cluster":{"n":3}'
refuse_in "impossible cluster: PBFT needs n >= 3f+1" '"cluster":{"n":6,"f":2}'
refuse_in "2 replicas may be faulty, f is 1" '"faults":[{"name":"equivocate","targets":[0,1]}]'
refuse_in "expected integer 0..3, got 9" '"faults":[{"name":"crash","targets":[9]}]'
sed 's/"why":"b"/&,"gst_ms":500,"faults":[{"name":"silent","targets":[0,1]}],"expect":{"liveness":"may-fail","allow_beyond_bound":true}/' \
    "$work/good.json" >"$work/beyond.json"
expect 0 "verdict   held" "$nika" run "$work/beyond.json"

# Several mistakes are all named at once; so are those of --set.
refuse_in "network.los_ppm" '"network":{"los_ppm":1},"cluster":{"n":"x"}'
grep -qF "cluster.n" "$work/out" || fail "only the first of two mistakes is named"
expect 64 "expected integer 0..1000000" "$nika" run "$fair" --set network.loss_ppm=lots
expect 64 "no such place" "$nika" run "$fair" --set "faults[9].from_ms=1"
expect 64 "unknown key" "$nika" run "$fair" --set network.nothing=1
expect 64 "--set" "$nika" run "$fair" --set network.loss_ppm
expect 64 "impossible cluster" "$nika" run "$fair" --set cluster.n=3

# The command line itself.
expect 64 "which scenario" "$nika" run
expect 64 "one scenario at a time" "$nika" run "$fair" "$fair"
for seed in x -1 1.5 "" 99999999999999999999 0x7 " 7"; do
    expect 64 "--seed: expected a number" "$nika" run "$fair" "--seed=$seed"
done
expect 64 "unrecognized option" "$nika" run "$fair" --sed 7
expect 64 "requires an argument" "$nika" run "$fair" --trace
expect 64 'did you mean "replay"' "$nika" reply
expect 64 'did you mean "pbft"' "$nika" wire pbtf
expect 64 'did you mean "oracles"' "$nika" list oracle
expect 64 'did you mean "campaign"' "$nika" man campain
expect 64 'did you mean "equivocate"' "$nika" explain equivocat
expect 64 "takes no arguments" "$nika" schema x
expect 64 "takes no arguments" "$nika" version x
exit "$failed"
