#!/usr/bin/env bash
# fuzz.ledger: the account of processor time in docs/fuzzing.md is that of fuzz/ledger.json, and names targets that exist.
# Usage: ledger.sh NIKA-FUZZ
set -uo pipefail
failed=0
account=$(scripts/fuzz --account)
while read -r line; do
    grep -qxF -- "$line" docs/fuzzing.md || { echo "FAIL: docs/fuzzing.md lacks: $line"; failed=1; }
done <<<"$account"
[[ $(grep -cE '^\| `[a-z-]+` \| [0-9.]+ \| [0-9]+ \| [0-9]+ \|$' docs/fuzzing.md) -eq $(($(wc -l <<<"$account") - 2)) ]] ||
    { echo "FAIL: docs/fuzzing.md has another number of rows"; failed=1; }
diff <(jq -r '.targets | keys[]' fuzz/ledger.json | sort) <("$1" list | cut -d' ' -f1 | sort) || { echo "FAIL: the ledger has other targets than there are"; failed=1; }
exit "$failed"
