#!/usr/bin/env bash
# cli.docs: the pages that the program can print are those in the tree, and roff takes the manual pages. Usage: docs.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
scripts/docs "$nika" "$work/made" || fail "scripts/docs"
while read -r file; do
    cmp -s "$work/made/$file" "$file" || fail "$file is not what the program prints: run scripts/docs NIKA"
done < <(cd "$work/made" && find . -type f | sed 's|^\./||' | sort)
for file in docs/man/*.1; do
    [[ -e "$work/made/$file" ]] || fail "$file: no such command"
    grep -q '^.SH NAME' "$file" && grep -q '^.SH EXIT STATUS' "$file" || fail "$file has no name or no exit status"
    if command -v groff >/dev/null; then
        groff -ww -man -Tascii "$file" 2>&1 >/dev/null | grep . && fail "$file: groff complains"
    fi
done

# Every command and every option is in --help and in its manual page.
for command in $("$nika" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    expect 0 "Usage: nika $command" "$nika" "$command" --help
    for option in $(grep -oE '^ +(-., )?--[a-z-]+' "$work/out" | grep -oE '[a-z-]{3,}$' | sed 's/^--//' | grep -vxE 'usage'); do
        grep -qF -- "\\-\\-${option//-/\\-}" "docs/man/nika-$command.1" || fail "nika-$command.1 has no --$option"
    done
done

# Everything that has a name can be listed and explained.
while read -r kind name; do
    [[ $kind == suite ]] && continue
    "$nika" explain "$name" >/dev/null 2>&1 || fail "nika explain $name ($kind)"
done < <("$nika" list)
for code in 0 1 2 3 4 5 6 64; do expect 0 "exit code $code" "$nika" explain "$code"; done
expect 0 "expectation-unmet" "$nika" explain expectation-unmet
expect 0 "scenario key network.loss_ppm" "$nika" explain network.loss_ppm
exit "$failed"
