#!/usr/bin/env bash
# cluster.fidelity: one scenario in both worlds; what cannot be had is told, and asking for it is an error; nothing is left behind.
# Usage: fidelity.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
both() { # NAME CODE JQ-CONDITION options...
    local name=$1 code=$2 condition=$3 got
    shift 3
    timeout 60 "$nika" fidelity --json "$@" >"$work/$name.json" 2>"$work/$name.err"
    got=$?
    [[ $got -eq $code ]] || fail "$name: exit $got, not $code: $(head -3 "$work/$name.err")"
    jq -e "$condition" "$work/$name.json" >/dev/null || fail "$name: $(head -c 900 "$work/$name.json")"
}
same='.same_verdict and .real.commits == .simulated.commits and .real.verdict == "held"'

# The primary dies: both worlds replace it. What loopback cannot do is said.
both crash 0 "$same and .real.view >= 1 and .acts >= 1 and .degraded and (.left_out | join(\" \") | test(\"latency_us\"))" primary-crash --network loopback --dir "$work/net"
both pause 0 "$same and .acts == 2 and .real.latency_us.p50 > 0" paused-replica --network loopback --set workload.requests=6
both restarts 0 "$same and .acts == 6" crash-after-commit --network loopback

# Two replicas are away until GST, too long for the time that the real side has: it says so, and that the verdicts differ.
both late 5 '.simulated.verdict == "held" and .real.verdict == "liveness-violated" and .real.commits < .real.expected and (.same_verdict | not)' primary-crash --network loopback --seconds 1 --set 'faults[0].targets=[0,1]' --set expect.allow_beyond_bound=true

expect 64 'expected netem, relay, namespaces or loopback, got "tape"' "$nika" fidelity primary-crash --network tape
expect 64 "choose a scenario without swarm" "$nika" fidelity swarm
expect 64 "workload.requests" "$nika" fidelity primary-crash --set workload.requests=0
if [[ $EUID -ne 0 ]]; then
    expect 6 "run it as root" "$nika" fidelity primary-crash --network namespaces
elif ip netns add "nika-test-$$" 2>/dev/null; then
    ip netns del "nika-test-$$"
    both cut 0 "$same and .acts == 2 and .network != \"loopback\"" partition-heal --set workload.requests=30
    # A frame takes 20 ms: five of them one after the other to an answer. Losing one in four makes the slowest of twenty answers slower, however the
    # dice fall (with one in ten and ten answers it did not always), and nobody wrong.
    lossy=(--set network.loss_ppm=250000 --set workload.requests=10 --set gst_ms=60000)
    slow=(fault-free-hmac --set network.latency_us.median=20000 --set network.latency_us.p99=20000 --set network.latency_us.max=20000 --set workload.requests=5 --network relay)
    both slow 0 "$same and .network == \"relay\" and (.degraded | not) and .real.latency_us.p50 > 99000 and .real.latency_us.p50 < 4 * .simulated.latency_us.p50" "${slow[@]}"
    both lossy 0 ".same_verdict and .real.latency_us.max > 1.5 * $(jq .real.latency_us.max "$work/slow.json")" "${slow[@]}" "${lossy[@]}"
    both parted 0 "$same and .acts == 2" partition-heal --set workload.requests=30 --network relay
    slow=("${slow[@]:0:${#slow[@]}-1}" netem)
    ip netns add "nika-test-$$"
    if tc -n "nika-test-$$" qdisc add dev lo root netem delay 1ms 2>/dev/null; then
        both netem 0 "$same and .network == \"netem\" and (.degraded | not) and .real.latency_us.p50 > 99000 and .real.latency_us.p50 < 4 * .simulated.latency_us.p50" "${slow[@]}"
        both netem_lossy 0 ".same_verdict and .real.latency_us.max > 1.5 * $(jq .real.latency_us.max "$work/netem.json")" "${slow[@]}" "${lossy[@]}"
    else
        echo "fidelity.sh: skipped: this kernel has no netem. What is asked of it is checked, not what it does"
        both no_netem 6 'true' "${slow[@]}" 2>/dev/null
        grep -q 'netem cannot be used' "$work/no_netem.err" || fail "without netem: $(head -3 "$work/no_netem.err")"
        # A tc that takes for done what the kernel alone refuses: the words are those of the real one, for every end of a cable.
        mkdir "$work/bin"
        cat >"$work/bin/tc" <<END
#!/bin/sh
said=\$($(command -v tc) "\$@" 2>&1) || case \$said in *"qdisc kind is unknown"*) ;; *) echo "\$said" >&2; exit 1 ;; esac
echo "\$*" >>"$work/asked"
END
        chmod +x "$work/bin/tc"
        PATH="$work/bin:$PATH" both asked 0 '.network == "netem" and (.degraded | not) and .same_verdict' "${slow[@]}" --set network.loss_ppm=10345 --set gst_ms=60000
        asked=$(sed -nE 's/^-n nika-[0-9]+-(clients|r[0-3]) qdisc replace dev eth0 root netem limit [0-9]+ delay 20000us 0us loss 1\.0345%$/\1/p' "$work/asked" | sort -u | tr '\n' ' ')
        [[ $asked == "clients r0 r1 r2 r3 " ]] || fail "netem is asked for by $asked: $(tail -5 "$work/asked")"
    fi
    ip netns del "nika-test-$$"
    [[ -z $(ip netns list | grep '^nika-[0-9]*-') ]] || fail "namespaces left behind: $(ip netns list)"
fi
pgrep -f "$work/net" >/dev/null && fail "processes left behind"
exit "$failed"
