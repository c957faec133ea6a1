#!/usr/bin/env bash
# cluster.behaviour: a live replica that lies. Ordinary builds refuse; a build with NIKA_BEHAVIOURS runs each behaviour on the primary: it acts,
# the others go on serving and agree, and one that equivocates leaves evidence. Usage: behaviour.sh NIKA ON|OFF
set -uo pipefail
source "$(dirname "$0")/lib.sh"
if [[ $2 != ON ]]; then
    expect 64 "this build of nika has none" "$nika" node --config x --behaviour silent
    expect 64 "this build of nika has none" "$nika" bench cluster --behaviour silent
    expect 64 "this build of nika has none" "$nika" bench cluster --client-behaviour client-flood
    ! grep -aq 'event=%s behaviour\|nika_behaviour_send' "$nika" || fail "an ordinary build holds behaviours"
    exit "$failed"
fi
expect 64 'no Byzantine behaviour "loss"' "$nika" node --config x --behaviour loss
expect 64 'equivocate has no parameter "colour"' "$nika" node --config x --behaviour equivocate,colour=1
expect 64 "expected PARAMETER=VALUE" "$nika" node --config x --behaviour equivocate,what
expect 64 "split" "$nika" node --config x --behaviour equivocate,split=-1
expect 64 "--on: expected 0..3" "$nika" bench cluster --behaviour silent --on 4
for behaviour in silent equivocate equivocate,what=all omit delay-own mutate replay flood corrupt-reply bad-auth; do
    dir="$work/${behaviour//[=,]/-}"
    "$nika" bench cluster --store memory --clients 4 --seconds 3 --behaviour "$behaviour" --dir "$dir" --json >"$work/json" 2>"$work/error" ||
        fail "$behaviour: exit $?: $(cat "$work/error")"
    jq -e '.requests >= 20 and .digests_agree and .liar == 0' "$work/json" >/dev/null || fail "$behaviour: $(cat "$work/json")"
    grep -q 'event=byzantine' "$dir/replica-0.log" && grep -q 'event=behaved' "$dir/replica-0.log" || fail "$behaviour: replica 0 did not act"
    grep -q 'event=safety_alarm' "$dir"/replica-[123].log && fail "$behaviour: an alarm"
done
# Clients that lie: the others are answered all the same.
expect 64 'no behaviour of clients "equivocate"' "$nika" bench cluster --client-behaviour equivocate
expect 64 "expected fewer than the clients" "$nika" bench cluster --client-behaviour client-flood --clients 3 --lying-clients 3
for behaviour in client-flood client-bad-auth,split=0 client-bad-request client-equivocate,split=0 client-reuse-timestamp; do
    "$nika" bench cluster --store memory --clients 5 --seconds 2 --client-behaviour "$behaviour" --json >"$work/json" 2>"$work/error" ||
        fail "$behaviour: exit $?: $(cat "$work/error")"
    jq -e '.requests >= 20 and .digests_agree and .client_acts > 0' "$work/json" >/dev/null || fail "$behaviour: $(cat "$work/json")"
done
grep -q 'event=evidence.*accused=00000000' "$work"/equivocate/replica-[123].log || fail "nobody noticed who equivocates"
exit "$failed"
