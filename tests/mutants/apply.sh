#!/usr/bin/env bash
# mutants.apply: every diff in tests/mutants still applies to the tree and leaves something that compiles, so that scripts/mutants
# means something.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
for diff in tests/mutants/*.diff; do
    rm -rf "${scratch:?}"/*
    cp -r engine protocols apps faults "$scratch"
    if ! patch -s -p1 -d "$scratch" <"$diff" >/dev/null; then
        echo "$diff no longer applies"
        failed=1
        continue
    fi
    for file in $(sed -n 's,^+++ b/\(.*\.c\)$,\1,p' "$diff"); do
        if ! "${CC:-cc}" -std=c11 -D_GNU_SOURCE -fsyntax-only -Werror=implicit-function-declaration \
            -I"$scratch" "$scratch/$file"; then
            echo "$diff: $file no longer compiles"
            failed=1
        fi
    done
done
exit "$failed"
