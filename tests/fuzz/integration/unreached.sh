#!/usr/bin/env bash
# fuzz.unreached: the page of what no target reaches names every missed function under its reason, and a missed function without one is an error.
set -uo pipefail
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
cd "$work" || exit 1
printf '%s\n' "SF:$PWD/engine/core/a.c" FN:1,reached FN:5,part FN:9,missed FNDA:3,reached FNDA:1,part FNDA:0,missed DA:1,3 DA:2,3 DA:5,1 DA:6,0 DA:7,0 \
    DA:9,0 DA:10,0 end_of_record "SF:$PWD/cli/b.c" FN:1,elsewhere FNDA:0,elsewhere DA:1,0 end_of_record >lcov
judge() { "$root/fuzz/unreached.py" lcov reasons page.md >out 2>&1; }
printf 'engine/core/* part: half\nengine/core/a.c miss*: whole\n' >reasons
judge || fail "all is explained: $(cat out)"
grep -qF -- '- `engine/core/a.c`: `part` 6-7' page.md && grep -qF '`missed` (all)' page.md || fail "the page: $(cat page.md)"
grep -qF '3 of 7 lines are reached' out || fail "the count: $(tail -1 out)"
if grep -q elsewhere page.md; then fail "what is not the targets' is counted"; fi
echo 'engine/core/* part: half' >reasons
judge && fail "a function without a reason passes"
grep -q 'missed: lines 9-10' out || fail "it is not named: $(cat out)"
printf 'engine/core/* *: all\nengine/core/* gone: no more\n' >reasons
judge && grep -q 'reasons:2: fits nothing' out || fail "a reason for nothing is not reported"
# What a planted bug would do is told from the source, what stands beside it is not.
mkdir -p engine/core
printf '%s\n' 'void planted(void)' '{' '    if (NIKA_PLANTED(B01)) {' '        one();' '    }' '    two();' '}' >engine/core/p.c
printf '%s\n' "SF:$PWD/engine/core/p.c" FN:1,planted FNDA:3,planted DA:1,3 DA:3,3 DA:4,0 DA:5,0 DA:6,0 end_of_record >lcov
: >reasons
judge && fail "what stands beside a planted bug needs no reason"
grep -q 'planted: lines 6 are not' out || fail "it is named wrongly: $(cat out)"
printf 'engine/core/* planted: beside it\n' >reasons
judge || fail "a planted bug needs a reason: $(cat out)"
grep -qF '## 2 lines: what a planted bug would do' page.md && grep -qF '`planted` 4-5' page.md || fail "the page: $(cat page.md)"
# Every reason of the tree can be read.
cp "$root/fuzz/unreached.txt" reasons
judge
grep -q 'expected "FILE' out && fail "$(cat out)"
exit "$failed"
