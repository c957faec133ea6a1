# What the tests of the program share: $nika, a scratch folder $work, and expectations that count failures. Sourced.
nika=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# A build with sanitizers runs some fifteen times slower: what has to last a while lasts long enough there with fewer runs.
sanitized=0
grep -qa __asan_init "$nika" && sanitized=1
fair=scenarios/pbft/fault-free.json
fail() {
    echo "FAIL: $*"
    failed=1
}
# expect CODE "words that must appear" command...
expect() {
    local code=$1 words=$2 got
    shift 2
    "$@" >"$work/out" 2>&1 </dev/null
    got=$?
    [[ $got -eq $code ]] || fail "exit $got, not $code: $*: $(head -3 "$work/out")"
    grep -qF -- "$words" "$work/out" || fail "no \"$words\": $*: $(head -3 "$work/out")"
}
# flip FILE: its middle byte is another afterwards, whatever it was.
flip() {
    local at=$(($(stat -c %s "$1") / 2)) byte
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    printf "\\x$(printf %02x $((byte ^ 255)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}
# valid SCHEMA FILE: by JSON Schema, with any Python that has a validator.
valid() {
    local python code
    for python in python3 /usr/bin/python3; do
        command -v "$python" >/dev/null || continue
        "$python" "$(dirname "${BASH_SOURCE[0]}")/check_schema.py" "$1" "$2" >"$work/invalid" 2>&1
        code=$?
        [[ $code -eq 77 ]] || return "$code"
    done
    echo "no python3-jsonschema: $2 is not checked against $1 (scripts/setup)"
}
well() { valid "$1" "$2" || fail "$2 is not valid: $(cat "$work/invalid")"; }
# until_true COMMAND...: tries it for 30 s at most; what it prints does not matter.
until_true() {
    local i
    for i in $(seq 300); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}
