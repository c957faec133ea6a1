#!/usr/bin/env bash
# fuzz.canary: the plain driver reports a violation, a run that does not end, one that takes more memory than it may and, under AddressSanitizer, a
# crash, and holds where there is none of them; no list has the target.
# Usage: canary.sh NIKA-FUZZ-CANARY
set -euo pipefail
canary=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "fuzz.canary: $*" >&2; exit 1; }
run() { code=0; printf '%s' "$1" >"$out/input"; "$canary" run canary "$out/input" >"$out/stdout" 2>"$out/stderr" || code=$?; }

run 'nik!nika.'
[[ $code -eq 0 ]] || fail "a harmless input is a finding: $(tail -1 "$out/stderr")"
run 'xnika!'
[[ $code -ne 0 ]] || fail "the planted violation passes"
[[ "$(fuzz/signature <"$out/stderr")" == "finding: canary: the planted violation" ]] || fail "it is called $(fuzz/signature <"$out/stderr")"
if nm "$canary" | grep -q __asan_init; then
    run 'nika?'
    [[ $code -ne 0 ]] || fail "the planted crash passes"
    [[ "$(fuzz/signature <"$out/stderr")" == "AddressSanitizer heap-buffer-overflow in run"* ]] || fail "it is called $(fuzz/signature <"$out/stderr")"
fi
run 'nika~'
[[ $code -ne 0 && "$(fuzz/signature <"$out/stderr")" == "finding: more than N s of processor time in one run" ]] ||
    fail "a run without end: $code, $(fuzz/signature <"$out/stderr")"
run 'nika+'
[[ $code -ne 0 && "$(fuzz/signature <"$out/stderr")" == "finding: more than N MB of memory" ]] || fail "a greedy run: $code, $(fuzz/signature <"$out/stderr")"
[[ "$("$canary" options canary | tail -2 | paste -sd' ')" == "rss_limit_mb = 256 timeout = 1" ]] || fail "options: $("$canary" options canary)"
if grep -q canary fuzz/targets/targets.def; then fail "the canary is in the list of targets"; fi
