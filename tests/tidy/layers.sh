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
engine/shim: engine/core
protocols/common: engine/core
protocols/pbft: engine/core protocols/common
protocols/client: engine/core protocols/common
protocols: engine/core protocols/common protocols/pbft protocols/client
lib: engine/core engine/shim protocols include
apps: engine/core
faults: engine/core protocols/messages
scenarios: engine/core engine/sim engine/oracle protocols apps faults
fuzz: engine/core engine/sim engine/oracle protocols apps faults scenarios report
report: engine/core engine/sim engine/oracle
fuzz/targets: engine/core engine/sim engine/oracle engine/shim protocols apps faults scenarios report fuzz
cli: engine/core engine/sim engine/oracle engine/shim protocols apps faults scenarios fuzz report include
RULES
}

failed=0
# file:line:path, then judged in one pass: the rule of a file is the longest folder that it is in.
includes=$(grep -rnoE '#include "[^"]*"' engine protocols lib apps faults scenarios fuzz report cli --include='*.c' --include='*.h' --include='*.def' \
    2>/dev/null | sed -E 's|#include "([^"]*)"|\1|' || true)
while read -r path; do
    if [[ -n "$path" && ! -e "$path" ]]; then
        grep -F ":$path" <<<"$includes" | sed "s|:[^:]*$|: \"$path\" is not a path from the root of the tree|"
        failed=1
    fi
done < <(cut -d: -f3 <<<"$includes" | sort -u)
rules | awk -F: -v list="$includes" '
    { order[++n] = $1; allow[$1] = $2 }
    function under(path, folder) { return index(path, folder "/") == 1 }
    # Faults see message tables and batch digests, no protocol code.
    function tables(path) { return path ~ "^protocols/[^/]*/messages[.](h|def)$" || path ~ "^protocols/common/[^/]*[.]h$" }
    END {
        count = split(list, lines, "\n")
        for (i = 1; i <= count; i++) {
            if (split(lines[i], part, ":") < 3) continue
            folder = ""
            for (k = 1; k <= n; k++)
                if (under(part[1], order[k]) && length(order[k]) > length(folder)) folder = order[k]
            if (folder == "") continue
            good = under(part[3], folder)
            targets = split(allow[folder], target, " ")
            for (k = 1; k <= targets; k++)
                good = good || (target[k] == "protocols/messages" ? tables(part[3]) : under(part[3], target[k]))
            if (good) continue
            printf "%s:%s: %s may not include %s\n", part[1], part[2], folder, part[3]
            bad = 1
        }
        exit bad
    }' || failed=1

# Only these see OpenSSL; the one of the fuzzers gives it memory and asks nothing of it.
while read -r file; do
    case "$file" in
    engine/core/auth*.c | engine/core/digest.c | engine/shim/link_tls.c | fuzz/targets/openssl_memory.c) ;;
    cli/bench_pattern_node.c) ;; # A yardstick stands beside what it measures.
    *)
        echo "$file: only engine/core/auth*.c, digest.c, engine/shim/link_tls.c and fuzz/targets/openssl_memory.c may include OpenSSL"
        failed=1
        ;;
    esac
done < <(grep -rlE '#include <openssl/' engine protocols apps faults scenarios fuzz report cli 2>/dev/null || true)
exit "$failed"
