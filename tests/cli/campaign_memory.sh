#!/usr/bin/env bash
# cli.campaign_memory: a campaign and its workers take no more memory for many runs than for few, beyond the line in an index that each
# block of 32 runs has. Usage: campaign_memory.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
jq '.name = "tiny" | .cluster = {"clients": 1} | .workload = {"requests": 1} | .expect.requests_min = 1' "$fair" >"$work/tiny.json"

# Prints the largest resident size, in KiB, that the campaign or one of its workers had.
peak() { # LAST-SEED
    python3 -I -S - "$nika" campaign "$work/tiny.json" --seeds "1..$1" --jobs 1 --out "$work/$1" 2>/dev/null <<'END' | tail -1
import os, sys
# What the interpreter itself takes counts until the program begins: no more is imported than this.
environment = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=0:thread_local_quarantine_size_kb=0")
process = os.posix_spawn(sys.argv[1], sys.argv[1:], environment)
_, status, used = os.wait4(process, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
END
}
few=$((sanitized ? 960 : 3200))
many=$((sanitized ? 6400 : 32000))
before=$(peak $few) || fail "a campaign of $few runs does not hold"
after=$(peak $many) || fail "a campaign of $many runs does not hold"
limit=$((sanitized ? 256 : 64))
echo "$few runs: $before KiB at most, $many runs: $after KiB"
[[ $after -lt $((limit * 1024)) ]] || fail "$after KiB, more than $limit MiB"
# 128 bytes a block in the index and its sorted copy, and as much again for the allocator.
grown=$((after - before)) allowed=$(((many - few) / 32 * 256 / 1024 + 512))
[[ $grown -le $allowed ]] || fail "$grown KiB more for $((many - few)) more runs, of which $allowed are explained"
exit "$failed"
