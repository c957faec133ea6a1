#!/usr/bin/env bash
# cli.campaign_memory: neither a campaign nor its worker takes more memory after many runs than after few, beyond the line in an index that
# each block of 32 runs has. Usage: campaign_memory.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
# What is freed under a sanitizer is free at once.
export ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0
jq '.name = "tiny" | .cluster = {"clients": 1} | .workload = {"requests": 1} | .expect.requests_min = 1' "$fair" >"$work/tiny.json"
few=60
many=$((sanitized ? 260 : 860))
"$nika" campaign "$work/tiny.json" --seeds 1..1000000 --jobs 1 --out "$work/out" >"$work/log" 2>&1 &
pid=$!
blocks() { [[ $(cat "$work/out/results.jsonl" 2>/dev/null | wc -l) -ge $1 ]]; }
resident() { # PROCESS: KiB
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}
until_true blocks $few || fail "no $few blocks: $(tail -3 "$work/log")"
worker=$(pgrep -P $pid)
before=("$(resident $pid)" "$(resident "$worker")")
until_true blocks $many || fail "no $many blocks: $(tail -3 "$work/log")"
after=("$(resident $pid)" "$(resident "$worker")")
kill -INT $pid
wait $pid
[[ $? -eq 6 ]] || fail "the campaign did not end as one that is stopped: $(tail -3 "$work/log")"
# 64 bytes a block, twice while the index grows, and as much again for the allocator. That of a sanitizer spreads what it gives out over
# ever more pages, and takes a thousand blocks to come to rest; a record that is not given back is 14 KiB a block.
allowed=$(((many - few) * 256 / 1024 + (sanitized ? 1536 : 384)))
for i in 0 1; do
    who=$([[ $i -eq 0 ]] && echo campaign || echo worker)
    echo "$who: ${before[i]} KiB after $few blocks, ${after[i]} after $many"
    [[ ${after[i]} -lt $(((sanitized ? 256 : 64) * 1024)) ]] || fail "the $who has ${after[i]} KiB"
    [[ $((after[i] - before[i])) -le $allowed ]] || fail "the $who has grown by more than $allowed KiB"
done
exit "$failed"
