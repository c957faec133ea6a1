#!/usr/bin/env bash
# tidy.checks: every check id of engine/core/checks.def, and every rule of the simulated trusted subsystem (TS), is cited in the code that enforces
# it and in a test.
# Usage: checks.sh [ROOT]
set -euo pipefail
cd "${1:-.}"
failed=0
while read -r id; do
    if ! grep -rqE "\b(NIKA_CHECK_$id|$id)\b" --include='*.c' --include='*.h' protocols engine/core/fault.h engine/oracle engine/sim scenarios faults 2>/dev/null; then
        echo "$id: no code cites it"
        failed=1
    fi
    if ! grep -rqE "(NIKA_CHECK_$id\b|\b$id\b|test_(${id,,}|$id)_)" --include='*.c' tests 2>/dev/null; then
        echo "$id: no test cites it"
        failed=1
    fi
done < <(
    sed -n 's/^CHECK(\([A-Z0-9]*\),.*/\1/p' engine/core/checks.def
    printf 'TS%s\n' 1 2 3 4 5 # No check of a message (PROTOCOLS.md 2.8).
)
exit "$failed"
