#!/usr/bin/env bash
# tidy.layers: each folder includes only from the folders that docs/design.md allows it.
# Usage: layers.sh [ROOT]
set -euo pipefail
cd "${1:-.}"

# folder: what it may include (itself is always allowed)
rules() {
    cat <<'RULES'
engine/core:
engine/sim: engine/core
engine/oracle: engine/core
protocols/common: engine/core
protocols/pbft: engine/core protocols/common
protocols/client: engine/core protocols/common
protocols: engine/core protocols/common protocols/pbft protocols/client
apps: engine/core
faults: engine/core protocols/messages
scenarios: engine/core engine/sim engine/oracle protocols apps faults
cli: engine/core engine/sim engine/oracle protocols apps faults scenarios
RULES
}

allowed_for() { # longest rule whose folder is a prefix of $1
    local file=$1 best="" line folder
    while read -r line; do
        folder=${line%%:*}
        if [[ "$file" == "$folder"/* && ${#folder} -gt ${#best} ]]; then best=$folder; fi
    done < <(rules)
    echo "$best"
}

failed=0
while IFS=: read -r file line include; do
    path=$(sed -n 's/.*#include "\([^"]*\)".*/\1/p' <<<"$include")
    [[ -n "$path" ]] || continue
    if [[ ! -e "$path" ]]; then
        echo "$file:$line: \"$path\" is not a path from the root of the tree"
        failed=1
        continue
    fi
    folder=$(allowed_for "$file")
    [[ -n "$folder" ]] || continue
    ok=0
    [[ "$path" == "$folder"/* ]] && ok=1
    allow=$(rules | sed -n "s|^$folder:||p")
    for target in $allow; do
        if [[ "$target" == protocols/messages ]]; then
            # Faults see message tables and batch digests, no protocol code.
            [[ "$path" == protocols/*/messages.h || "$path" == protocols/*/messages.def || "$path" == protocols/common/*.h ]] && ok=1
        elif [[ "$path" == "$target"/* ]]; then
            ok=1
        fi
    done
    if [[ $ok -eq 0 ]]; then
        echo "$file:$line: $folder may not include $path"
        failed=1
    fi
done < <(grep -rnE '#include "' engine protocols apps faults scenarios cli --include='*.c' --include='*.h' --include='*.def' 2>/dev/null || true)

# Only these see OpenSSL.
while read -r file; do
    case "$file" in
    engine/core/auth*.c | engine/core/digest.c) ;;
    *)
        echo "$file: only engine/core/auth*.c and digest.c may include OpenSSL"
        failed=1
        ;;
    esac
done < <(grep -rlE '#include <openssl/' engine protocols apps faults scenarios cli 2>/dev/null || true)
exit "$failed"
