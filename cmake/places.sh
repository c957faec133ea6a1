#!/usr/bin/env bash
# Where every id is enforced and tested, read from the sources, as the list of cli/places.h. Usage: places.sh SOURCE OUT
# An entry is {kind, "id", "code", "tests"}: at most three places of each, in alphabetical order; empty when there is none.
set -euo pipefail
cd "$1"
out=$2
export LC_ALL=C
# tokens REGEX FOLDERS...: "token<TAB>file", each pair once.
tokens() {
    local regex=$1
    shift
    { grep -rnoE --include='*.c' --include='*.h' --include='*.def' --include='*.json' "$regex" "$@" || true; } |
        sed -E 's/^([^:]+):[0-9]+:(.*)$/\2\t\1/' | sort -u
}
# rows KIND IDS CODE TESTS: files of "id<TAB>..." lines joined.
rows() {
    awk -F'\t' -v kind="$1" '
        FILENAME == ARGV[1] { ids[++n] = $1; next }
        FILENAME == ARGV[2] { if (codes[$1]++ < 3) code[$1] = code[$1] (code[$1] == "" ? "" : ", ") $2; next }
        { if (proofs[$1]++ < 3) proof[$1] = proof[$1] (proof[$1] == "" ? "" : ", ") $2 }
        END { for (i = 1; i <= n; i++) printf "    {CLI_PLACE_%s, \"%s\", \"%s\", \"%s\"},\n", kind, ids[i], code[ids[i]], proof[ids[i]] }
    ' "$2" "$3" "$4"
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Checks: by NIKA_CHECK_id, or the bare id in a comment; tests by their names, test_pp6_..., or the id.
sed -nE 's/^CHECK\(([A-Z0-9]+),.*/\1/p' engine/core/checks.def >"$work/ids"
tokens 'NIKA_CHECK_[A-Z0-9]+' protocols engine faults | sed 's/^NIKA_CHECK_//' >"$work/code"
tokens '\b[A-Z]{1,3}[0-9]?\b' protocols engine/oracle engine/sim | awk -F'\t' 'NR == FNR { has[$1] = 1; next } !($1 in has)' "$work/code" - >"$work/bare"
cat "$work/bare" >>"$work/code"
tokens 'test_[a-z]+[0-9]*_[A-Za-z0-9_]+' tests | awk -F'\t' '{ split($1, part, "_"); print toupper(part[2]) "\t" $2 ": " $1 }' >"$work/tests"
tokens '\b(NIKA_CHECK_)?[A-Z]{1,3}[0-9]?\b' tests | sed 's/^NIKA_CHECK_//' | sort -u |
    awk -F'\t' 'NR == FNR { has[$1] = 1; next } !($1 in has)' "$work/tests" - >"$work/bare"
cat "$work/bare" >>"$work/tests"
{
    printf '/* Made by cmake/places.sh. */\n#include "cli/places.h"\n\nconst struct cli_place cli_place_list[] = {\n'
    rows CHECK "$work/ids" "$work/code" "$work/tests"
    # Oracles: one a file; tests cite the id.
    tokens '\.id = "O[0-9]+"' engine/oracle | sed -E 's/\.id = "(O[0-9]+)"/\1/' >"$work/code"
    cut -f1 "$work/code" >"$work/ids"
    tokens '\bO[0-9]+\b' tests/engine/oracle tests/scenarios >"$work/tests"
    rows ORACLE "$work/ids" "$work/code" "$work/tests"
    # Faults: the file that names it; the scenarios that use it.
    tokens '^    \.name = "[a-z0-9-]+"' faults | sed -E 's/ *\.name = "([a-z0-9-]+)"/\1/' >"$work/code"
    cut -f1 "$work/code" | sort -u >"$work/ids"
    tokens '"name": ?"[a-z0-9-]+"' scenarios | sed -E 's/"name": ?"([a-z0-9-]+)"/\1/' >"$work/tests"
    rows FAULT "$work/ids" "$work/code" "$work/tests"
    # Probes: where they fire; scenarios.coverage demands that each does.
    sed -nE 's/^PROBE\(([a-z0-9_]+),.*/\1/p' engine/core/probes.def >"$work/ids"
    tokens '(REACHED\(|NIKA_PROBE_)[a-z0-9_]+' protocols engine scenarios | sed -E 's/^(REACHED.|NIKA_PROBE_)//' | sort -u >"$work/code"
    tokens '\b(pbft|replica|hybster|client)_[a-z_]+\b' protocols |
        awk -F'\t' 'NR == FNR { has[$1] = 1; next } !($1 in has)' "$work/code" - >"$work/bare"
    cat "$work/bare" >>"$work/code"
    awk '{ print $1 "\ttests/scenarios/test_coverage.c" }' "$work/ids" >"$work/tests"
    rows PROBE "$work/ids" "$work/code" "$work/tests"
    # Strategies.
    tokens '\.name = "[a-z]+"' fuzz/strategies | sed -E 's/\.name = "([a-z]+)"/\1/' >"$work/code"
    cut -f1 "$work/code" >"$work/ids"
    tokens "\\b($(paste -sd'|' "$work/ids"))\\b" tests/fuzz >"$work/tests"
    rows STRATEGY "$work/ids" "$work/code" "$work/tests"
    # Planted bugs: where they sit; the run that finds each.
    sed -nE 's/^X\(([A-Z0-9]+)\).*/\1/p' engine/core/planted.def >"$work/ids"
    tokens 'NIKA_PLANTED\([A-Z0-9]+\)' protocols apps engine scenarios | sed -E 's/NIKA_PLANTED\(([A-Z0-9]+)\)/\1/' >"$work/code"
    find tests/museum/killing -name '*.json' 2>/dev/null | sort | awk -F/ '{ id = $NF; sub(/[.-].*/, "", id); print id "\t" $0 }' >"$work/tests"
    rows PLANTED "$work/ids" "$work/code" "$work/tests"
    printf '};\nconst uint32_t cli_place_count = sizeof cli_place_list / sizeof cli_place_list[0];\n'
} >"$work/out"
cmp -s "$work/out" "$out" || cp "$work/out" "$out"
