#!/usr/bin/env bash
# cluster.memory: what a replica takes with 10 clients and a checkpoint every 1000 requests (200 batches of about five): 2 MiB of its own, 6 MiB
# resident, with every suite (docs/performance.md).
# Usage: memory.sh NIKA COMPILER-FLAGS HTTP-ALONE
set -uo pipefail
source "$(dirname "$0")/lib.sh"
if [[ $2 == *-fsanitize* ]]; then
    echo "memory.sh: skipped: a sanitizer takes several times as much"
    exit 77
fi
if [[ -z $3 ]]; then
    echo "memory.sh: skipped: libmicrohttpd has no archive here that links without GnuTLS"
    exit 77
fi
grep -q gnutls <(ldd "$nika") && fail "GnuTLS comes along: 240 KiB in each replica (engine/shim/http_alone.c)"
while read -r suite private resident; do
    "$nika" bench cluster --json --clients 10 --suite "$suite" --store memory --seconds 2 --set checkpoint_interval=200 --set window=400 \
        --set pipeline=1 >"$work/$suite.json" 2>"$work/$suite.err" || fail "$suite: exit $?: $(head -3 "$work/$suite.err")"
    jq -e ".requests > 500 and (.private_kib | max) <= $private and (.rss_kib | max) <= $resident" "$work/$suite.json" >/dev/null ||
        fail "$suite: $(jq -c '[.requests, .private_kib, .rss_kib]' "$work/$suite.json")"
done <<<"hmac 2048 6144
ed25519 2048 6144
ecdsa-p256 2048 6144
rsa-2048 2048 6144"
exit "$failed"
