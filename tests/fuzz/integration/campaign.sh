#!/usr/bin/env bash
# fuzz.campaign: scripts/fuzz gives a target the processor time it was told to, round by round, writes what was used into the ledger as each run ends,
# also when a signal ends it, and counts findings of one signature once. The fuzzers here are scripts that count.
set -uo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
mkdir -p "$work"/{bin,scripts,docs,fuzz/corpora,build/fuzz/fuzzers}
cp scripts/fuzz "$work/scripts/"
cp fuzz/signature "$work/fuzz/"
for program in bin/cmake scripts/setup; do printf '#!/bin/sh\n' >"$work/$program"; done
cat >"$work/build/fuzz/nika-fuzz" <<'SH'
#!/bin/sh
case $1 in
    list) printf 'counts x\nbreaks x\n' ;;
    options) printf 'rss_limit_mb = 64\ntimeout = 1\n' ;;
esac
SH
# Counts until its time is up or a signal comes; says so as libFuzzer does.
cat >"$work/build/fuzz/fuzzers/fuzz-counts" <<'SH'
#!/usr/bin/env bash
runs=0 end=1000000
finish() { echo "stat::number_of_executed_units: $runs"; exit "$1"; }
trap 'finish 72' TERM XCPU
for word in "$@"; do case $word in -max_total_time=*) end=${word#*=} ;; esac; done
[[ " $* " == *" -rss_limit_mb=64 -timeout=120 "* ]] || exit 1
while [[ $SECONDS -lt $end ]]; do runs=$((runs + 1)); done
finish 0
SH
# Finds something at once, each time something that looks different.
cat >"$work/build/fuzz/fuzzers/fuzz-breaks" <<'SH'
#!/usr/bin/env bash
for word in "$@"; do case $word in -artifact_prefix=*) echo x >"${word#*=}crash-$$" ;; esac; done
echo "nika-fuzz: finding: it breaks at $$"
echo "stat::number_of_executed_units: 1"
exit 77
SH
chmod 755 "$work"/bin/* "$work"/scripts/* "$work"/build/fuzz/nika-fuzz "$work"/build/fuzz/fuzzers/*
echo '{"nika_fuzz_ledger": 1, "targets": {"counts": {"cpu_seconds": 10, "executions": 5, "findings": 0}}}' >"$work/fuzz/ledger.json"
printf 'before\n\n| target | CPU minutes | executions | findings |\n|---|---|---|---|\n| `counts` | 0.2 | 5 | 0 |\n\nbehind\n' >"$work/docs/fuzzing.md"
export PATH="$work/bin:$PATH"
of() { jq -r ".targets[\"$1\"].$2" "$work/fuzz/ledger.json"; }

"$work/scripts/fuzz" counts --cpu 1 --rounds 2 --ledger >"$work/said" 2>&1 || fail "two rounds: exit code $?: $(tail -3 "$work/said")"
jq -e '.targets.counts.cpu_seconds | . >= 11.4 and . < 14' "$work/fuzz/ledger.json" >/dev/null || fail "twice a second of the processor, and $(of counts cpu_seconds) after 10"
executions=$(of counts executions)
[[ $executions -gt 1000 ]] || fail "$executions executions"
[[ "$(jq -r '.targets[0].executions' "$work/out/fuzz/summary.json")" -eq $((executions - 5)) ]] || fail "the summary has another count than the ledger"
[[ "$(sed -n 5p "$work/docs/fuzzing.md")" == "| \`counts\` | 0.2 | $executions | 0 |" && $(tail -1 "$work/docs/fuzzing.md") == behind ]] || fail "the table: $(cat "$work/docs/fuzzing.md")"

"$work/scripts/fuzz" counts --cpu 600 --ledger >"$work/said" 2>&1 &
until [[ -e "$work/out/fuzz/counts.call.log" && "$work/out/fuzz/counts.call.log" -nt "$work/fuzz/ledger.json" ]]; do sleep 0.1; done
sleep 0.5
kill -TERM $!
wait $!
code=$?
[[ $code -eq 6 ]] || fail "ended by a signal: exit code $code"
[[ $(of counts executions) -gt $executions ]] || fail "what was done until the signal is not in the ledger"

"$work/scripts/fuzz" breaks --time 60 --ledger >"$work/said" 2>&1
code=$?
[[ $code -eq 1 && $(of breaks findings) -eq 1 && $(of breaks executions) -eq 20 ]] || fail "findings: exit code $code, $(of breaks findings) in $(of breaks executions) runs"
grep -q '<failure message="finding: it breaks at N"' "$work/out/fuzz/junit.xml" || fail "junit.xml: $(cat "$work/out/fuzz/junit.xml")"
exit "$failed"
