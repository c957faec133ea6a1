#!/usr/bin/env bash
# tidy.sizes: a file has at most 800 lines, a function at most 70, a line at most 160 columns.
# Usage: sizes.sh [ROOT]
set -euo pipefail
cd "${1:-.}"
failed=0
mapfile -t files < <(find engine lib include protocols apps faults scenarios fuzz report cli examples tests \( -name '*.c' -o -name '*.h' \) -type f 2>/dev/null | sort)
for file in "${files[@]}"; do
    case "$file" in engine/core/auth_test_keys.c) continue ;; esac
    awk -v file="$file" '
        length($0) > 160 { printf "%s:%d: %d columns (at most 160)\n", file, NR, length($0); bad = 1 }
        /^{$/ { start = NR; open = 1 }
        /^}/ && open { if (NR - start > 71) { printf "%s:%d: function of %d lines (at most 70)\n", file, start, NR - start - 1; bad = 1 } open = 0 }
        END { if (NR > 800) { printf "%s: %d lines (at most 800)\n", file, NR; bad = 1 } exit bad }
    ' "$file" || failed=1
done
exit "$failed"
