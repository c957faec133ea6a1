#!/usr/bin/env bash
# tidy.no_planted: neither the modules nor the program hold the switch of the planted bugs.
# Usage: no_planted.sh OBJECT...
set -uo pipefail
failed=0
for object in "$@"; do
    symbols=$(nm "$object" 2>/dev/null) && [[ -n "$symbols" ]] || { echo "$object: nm shows nothing"; failed=1; continue; }
    if grep -E 'nika_planted_active|ask_without_leaving|new_view_said|address_byte|room_for_span' <<<"$symbols"; then
        echo "$object holds planted bugs"
        failed=1
    fi
done
exit "$failed"
