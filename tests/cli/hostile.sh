#!/usr/bin/env bash
# cli.hostile: what a scenario, a file's name or a word says cannot steer a terminal, end a tag, or get out of a shell's quotes; traces, logs and
# result folders that are cut or corrupt are told, and no page or program breaks. Usage: hostile.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
jq '.name = "x\u001b[31m\u202e</th><b>$(id)`id`" | .why = "w\u001b]0;title\u0007 \u009b31m </script><img src=x onerror=alert(1)>" |
    .expect = {"liveness": "may-fail", "allow_beyond_bound": true}' scenarios/pbft/two-equivocators.json >"$work/h.json"
# tame CODE command...: exits so, and nothing that it prints steers.
tame() {
    local code=$1 got
    shift
    "$@" >"$work/said" 2>&1 </dev/null
    got=$?
    [[ $got -eq $code ]] || fail "exit $got, not $code: $*: $(head -c 300 "$work/said" | cat -v)"
    steers "$work/said" && fail "steers: $*: $(LC_ALL=C grep -aP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]' "$work/said" | head -2 | cat -v)"
    return 0
}
steers() { LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]' "$@"; }
steers "$work/h.json" || fail "nothing to tame"

tame 1 "$nika" run "$work/h.json" --report "$work/h.md" --story "$work/h.story" --log "$work/h.log" --trace "$work/h.trace" --annotations
tame 1 "$nika" run "$work/h.json" --json
tame 0 cat "$work/h.md" "$work/h.story"
grep -q '<img\|<b>' "$work/h.md" && fail "HTML in Markdown"
tame 1 "$nika" campaign "$work/h.json" --seeds 1..2 --shrink-budget 100 --out "$work/c" --annotations
tame 0 cat "$work/c/index.html" "$work/c/junit.xml" "$work/c/campaign.json"
grep -q '<img\|<b>' "$work/c/index.html" && grep -q 'x.*&lt;b&gt;' "$work/c/index.html" && fail "a name ends its tag"
xmllint --noout "$work/c/index.html" "$work/c/junit.xml" 2>"$work/xml" || fail "not well-formed: $(head -3 "$work/xml")"
tame 0 cat "$work"/c/shrunk/*.html
tame 1 "$nika" merge "$work/c" --out "$work/m"
for format in text html json junit sarif; do tame 0 "$nika" report "$work/c" -f $format; done
for format in text html json junit sarif chrome; do tame 0 "$nika" report "$work/h.json" -f $format; done
tame 0 "$nika" shrink "$work/h.json" --out "$work/small.json" --runs 50
tame 0 "$nika" replay "$work/h.log"
tame 0 "$nika" replay "$work/h.trace"
tame 0 "$nika" diff "$work/h.log" "$work/h.trace"

# Names of files and words; the line that reproduces is one word for a shell and still works.
name="$work/e"$'\033[31m'"'\$(touch nika-got).json"
cp "$work/h.json" "$name"
tame 1 "$nika" run "$name" --seed 3
line=$(sed -n 's/^reproduce //p' "$work/said")
bash -c "$line" >"$work/again" 2>&1
[[ $? -eq 1 && ! -e nika-got ]] || fail "the line does not repeat it: $line: $(head -3 "$work/again" | cat -v)"
tame 1 "$nika" campaign "$name" --seeds 1..2 --shrink-budget 0 --out "$work/c"$'\033[31m' --set "expect.safety=held"
line=$(sed -n 's/^  reproduce nika //p' "$work/said" | head -1)
bash -c "'$nika' $line" >"$work/again" 2>&1
[[ $? -eq 1 && ! -e nika-got ]] || fail "the line of a campaign does not repeat it: $line"
word=$'x\033[31m'
tame 64 "$nika" run "$work/$word"
tame 64 "$nika" run "$word"
for command in "" explain list man completion report wire; do tame 64 "$nika" $command "$word"; done
tame 64 "$nika" run "$fair" --set "$word=3"
tame 64 "$nika" run "$fair" --set "cluster.app=$word"
# What argp and getopt complain of themselves.
tame 64 "$nika" run "$fair" "$word"
grep -qF 'one scenario at a time, got "x' "$work/said" || fail "a complaint without its word: $(cat -v "$work/said")"
tame 64 "$nika" run "--$word"
tame 64 "$nika" run "$fair" --seed "$word"
tame 64 "$nika" bench "$word"
tame 64 "$nika" diff a b "$word"
tame 64 "$nika" report "$fair" --format "$word"
tame 64 "$nika" report "$fair" --diff "$word" -f html

# Cut and corrupt: said with file and place, nothing written over, no crash.
size=$(stat -c %s "$work/h.trace")
for part in 0 1 100 $((size / 2)) $((size - 2)); do
    head -c "$part" "$work/h.trace" >"$work/cut.trace"
    tame 64 "$nika" replay "$work/cut.trace"
    grep -qF cut.trace "$work/said" || fail "the trace is not named: $(cat "$work/said")"
done
size=$(stat -c %s "$work/h.log")
for part in 1 30 $((size / 2)) $((size - 2)); do
    head -c "$part" "$work/h.log" >"$work/cut.log"
    tame 64 "$nika" replay "$work/cut.log"
    for format in html json text; do tame 64 "$nika" report "$work/cut.log" -f $format; done
    grep -qF cut.log "$work/said" || fail "the log is not named: $(cat "$work/said")"
done
python3 - "$work" <<'PYTHON'
import random, sys
work = sys.argv[1]
random.seed(7)
for name in ("h.log", "c/results.jsonl", "c/plan.json"):
    data = open(f"{work}/{name}", "rb").read()
    for i in range(24):
        at, how = random.randrange(len(data)), i % 4
        new = data[:at] + (bytes([random.randrange(256)]) if how < 2 else b"" if how == 2 else b"\xff\x00\x1b[31m") + data[at + 1:]
        open(f"{work}/{name.split('/')[-1]}.{i}", "wb").write(new)
PYTHON
# Whatever byte is wrong: an error that is said (64, or 4: another run), or what it was (0, 6); never a crash, never silence.
judged=0
for i in $(seq 0 23); do
    "$nika" replay "$work/h.log.$i" >"$work/said" 2>&1 </dev/null
    code=$?
    [[ " 0 1 4 64 " == *" $code "* && -s "$work/said" ]] || fail "h.log.$i: exit $code: $(head -3 "$work/said" | cat -v)"
    for file in results.jsonl plan.json; do
        rm -rf "$work/bad" && mkdir "$work/bad" && cp "$work/c/results.jsonl" "$work/c/plan.json" "$work/bad/" && cp "$work/$file.$i" "$work/bad/$file"
        "$nika" report "$work/bad" -f html >"$work/page" 2>"$work/said" </dev/null
        code=$?
        [[ $code -eq 64 ]] && judged=$((judged + 1))
        [[ $code -eq 0 || ($code -eq 64 && -s "$work/said") || ($code -eq 6 && -s "$work/said") ]] || fail "$file.$i: exit $code: $(head -3 "$work/said" | cat -v)"
        [[ $code -ne 0 ]] || xmllint --noout "$work/page" 2>/dev/null || fail "$file.$i: a page that is none"
        steers "$work/said" && fail "$file.$i: $(head -3 "$work/said" | cat -v)"
    done
done
[[ $judged -ge 20 ]] || fail "only $judged of 48 corrupt folders were noticed"
exit "$failed"
