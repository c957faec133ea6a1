#!/usr/bin/env bash
# fuzz.program: nika-fuzz lists, seeds, shows and replays; a schedule becomes a decision log that nika replays; bad calls are told so.
# Usage: program.sh NIKA-FUZZ NIKA
set -euo pipefail
fuzz=$1 nika=$2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "fuzz.program: $*" >&2; exit 1; }
code_of() { local code=0; "$@" >"$out/stdout" 2>"$out/stderr" || code=$?; echo "$code"; }

[[ $("$fuzz" list | wc -l) -ge 10 ]] || fail "list is short"
for target in $("$fuzz" list | cut -d' ' -f1); do
    "$fuzz" seeds "$target" "$out/$target" >/dev/null
    [[ -n "$(ls "$out/$target")" ]] || fail "$target has no seeds"
    # The same seeds every time.
    "$fuzz" seeds "$target" "$out/again" >/dev/null
    diff -r "$out/$target" "$out/again" || fail "$target: seeds differ from call to call"
    rm -rf "$out/again"
    [[ -d "fuzz/corpora/$target" ]] || fail "$target has no corpus"
done

# A whole-cluster input is a run like any other.
input=$(ls "$out"/schedule-pbft/* | tail -1)
"$fuzz" show schedule-pbft "$input" >"$out/run.log"
"$nika" replay "$out/run.log" >"$out/replay.txt" || fail "nika replay does not follow the log of a schedule"
grep -qF "\"version\":\"$("$nika" --version | sed -nE '1s/^nika ([^ ]+).*/\1/p')\"" "$out/run.log" || fail "the log of a schedule does not say the version that wrote it"
"$fuzz" show handler-pbft "$out/handler-pbft/story-0-8" | grep -q "^new-view" || fail "show handler-pbft"

# The limits of the registry, each with a value that a run can keep.
"$fuzz" list | cut -d' ' -f1 | while read -r target; do
    limits=$(sed -nE "s/^TARGET\(${target//-/_}, ([0-9]+), ([0-9]+)\)$/\1 \2/p" fuzz/targets/targets.def)
    [[ "$("$fuzz" options "$target" | sed -nE 's/^(rss_limit_mb|timeout) = //p' | paste -sd' ')" == "$limits" && "$limits" =~ ^[1-9][0-9]*\ [1-9][0-9]*$ ]] ||
        fail "$target: options without the limits $limits"
done

[[ $(code_of "$fuzz" run nothing x) == 64 ]] || fail "an unknown target must be a usage error"
grep -q "no such target" "$out/stderr" || fail "an unknown target is not named"
[[ $(code_of "$fuzz" run wire-pbft "$out/absent") == 64 ]] || fail "an absent file must be a usage error"
[[ $(code_of "$fuzz") == 64 ]] || fail "no arguments must be a usage error"
[[ $(code_of scripts/fuzz --time x) == 64 ]] || fail "scripts/fuzz takes a number"
[[ $(code_of scripts/fuzz --nonsense) == 64 ]] || fail "scripts/fuzz refuses what it does not know"
