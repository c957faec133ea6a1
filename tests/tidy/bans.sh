#!/usr/bin/env bash
# tidy.bans: what no file, or no module, may use. A line may opt out with a trailing "tidy: reason".
# Usage: bans.sh [ROOT]
set -euo pipefail
cd "${1:-.}"
failed=0
ban() { # ban "what" regex folders...
    local what=$1 pattern=$2
    shift 2
    local hits
    hits=$(grep -rnE --include='*.c' --include='*.h' --include='*.def' "$pattern" "$@" 2>/dev/null |
        grep -vE '^[^:]+:[0-9]+:[[:space:]]*(\*|/\*|//|static const )' | grep -v 'tidy: ' || true)
    if [[ -n "$hits" ]]; then
        echo "$hits" | sed "s|^|banned ($what): |"
        failed=1
    fi
}
modules=(protocols apps faults engine/oracle)
decides=(engine protocols apps faults)
all=(engine lib include protocols apps faults scenarios fuzz report cli examples tests)

ban "clock" '\b(time|clock|clock_gettime|gettimeofday|localtime|gmtime|nanosleep|usleep|sleep)\(' engine protocols apps faults scenarios tests
ban "entropy" '\b(rand|srand|random|srandom|drand48|getrandom|getentropy|arc4random)\(' "${all[@]}"
ban "environment" '\b(getenv|secure_getenv|setlocale)\(' engine protocols apps faults scenarios
ban "floating point" '\b(float|double|long double)\b' "${decides[@]}"
ban "allocation in a module" '\b(malloc|calloc|realloc|free|strdup|alloca)\(' "${modules[@]}"
ban "input and output in a module" '\b(fopen|fprintf|printf|fwrite|open|read|write|socket)\(' "${modules[@]}"
# The shim runs its disk on a thread of its own; nothing that decides is in it.
ban "threads" '\b(pthread_[a-z]+|thrd_[a-z]+)\(' engine/core engine/sim engine/oracle protocols apps faults
ban "sort without a total order" '\bqsort\(' "${decides[@]}"
ban "unbounded copy" '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\(' "${all[@]}"
ban "address as text" '%p' "${decides[@]}"
ban "static mutable data in a module" '^[[:space:]]*static [a-z][a-z0-9_ ]*[ *][a-z0-9_]+(\[[^]]*\])?( = [^(]*)?;' protocols apps faults
ban "wire overlay" '__attribute__\(\(packed\)\)' "${all[@]}"
marker='FIX''ME|TO''DO|X''XX'
ban "leftover marker" "\\b($marker)\\b" "${all[@]}"
exit "$failed"
