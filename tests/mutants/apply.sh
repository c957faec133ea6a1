#!/usr/bin/env bash
# mutants.apply: every diff in tests/mutants still applies to the tree, so that scripts/mutants means something.
set -euo pipefail
failed=0
for diff in tests/mutants/*.diff; do
    if ! patch --dry-run -s -p1 <"$diff" >/dev/null; then
        echo "$diff no longer applies"
        failed=1
    fi
done
exit "$failed"
