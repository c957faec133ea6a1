#!/usr/bin/env bash
# fuzz.ledger: the account of processor time in docs/fuzzing.md is that of fuzz/ledger.json, and names targets that exist; the limits in
# its table of targets are those of the registry.
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
while read -r target _; do
    at_most=$("$1" options "$target" | sed -n 's/^rss_limit_mb = \(.*\)/\1 MB/p; s/^timeout = \(.*\)/\1 s/p' | paste -sd, | sed 's/,/, /')
    grep -qE "^\|.*\`$target\`.*\| $at_most \|$" docs/fuzzing.md || { echo "FAIL: docs/fuzzing.md does not say that $target may take $at_most"; failed=1; }
done < <("$1" list)
exit "$failed"
