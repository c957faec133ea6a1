#!/usr/bin/env bash
# tidy.blind: an adversary, an oracle or a strategy that knows which bug is planted would find it too easily. Outside the modules and
# their codec, log and applications only the tester's own bugs (X..) may be asked for.
# The calls of a data directory (engine/shim/file.c) are the log's.
# Usage: blind.sh [TREE]
set -uo pipefail
cd "${1:-.}"
found=$(grep -rnoE 'NIKA_PLANTED(_[A-Za-z0-9]+|\([A-Za-z0-9]+\))|nika_planted_active' faults fuzz scenarios cli lib engine/oracle engine/sim engine/shim 2>/dev/null |
    grep -vE 'NIKA_PLANTED\(X[0-9]+\)|^engine/shim/file\.c:[0-9]+:NIKA_PLANTED\(I(18|20)\)')
if [[ -n "$found" ]]; then
    echo "$found"
    echo "these look at the planted bug"
    exit 1
fi
