#!/usr/bin/env bash
# cli.tss: the life of a trusted process: its files, what it refuses to start on, kill -9 and restart, and what it may do once it serves.
# Usage: tss.sh NIKA
set -uo pipefail
source "$(dirname "$0")/lib.sh"
processes=()
trap 'kill -KILL "${processes[@]}" 2>/dev/null; rm -rf "$work"' EXIT
serving() { # LOG: at most 20 s
    local i
    for i in $(seq 200); do
        grep -qs "event=tss_ready" "$1" && return 0
        sleep 0.1
    done
    fail "not ready: $(cat "$1")"
}
serve() { # NAME arguments...: start in the background, wait, $pid
    local name=$1
    shift
    "$nika" tss --socket "$work/$name.socket" --log "$work/$name.log" "$@" >"$work/$name.out" 2>&1 &
    pid=$!
    processes+=("$pid")
    serving "$work/$name.log"
}
s=(--key "$work/group.tss" --state "$work/s0")

# Key and state are made once, for their owner alone.
expect 0 "key of a new group" "$nika" tss --make-key "$work/group.tss"
expect 64 "cannot be made" "$nika" tss --make-key "$work/group.tss"
[[ $(stat -c %a "$work/group.tss") == 600 ]] || fail "mode of the key"
expect 0 "instance 0 of 3, epoch 4, 64 counters" "$nika" tss --init "${s[@]}" --instance 0 --epochs 4,5,6
expect 64 "never set back" "$nika" tss --init "${s[@]}" --instance 0 --epochs 4,5,6
[[ $(stat -c %a "$work/s0" "$work/s0/state" "$work/s0/witness" | tr '\n' ' ') == "700 600 600 " ]] || fail "modes of the state"

# Bad arguments and files say what was expected.
expect 64 "which key?" "$nika" tss
expect 64 "where is the state?" "$nika" tss --key x
expect 64 "where to serve?" "$nika" tss "${s[@]}"
expect 64 "whose instance?" "$nika" tss --init "${s[@]}"
expect 64 "which group?" "$nika" tss --init "${s[@]}" --instance 0
expect 64 "expected 0..2" "$nika" tss --init "${s[@]}" --instance 3 --epochs 1,1,1
expect 64 "expected 1..128 numbers" "$nika" tss --init "${s[@]}" --instance 0 --epochs 1,,1
expect 64 "belong to --init" "$nika" tss "${s[@]}" --socket x --epochs 1
expect 64 "unexpected" "$nika" tss serve
expect 64 "no user" "$nika" tss "${s[@]}" --socket "$work/x" --client no-such-user
expect 64 "--init" "$nika" tss --key "$work/group.tss" --state "$work/none" --socket "$work/x"
expect 64 "expected device:PATH" "$nika" tss "${s[@]}" --socket "$work/x" --tpm swtpm:port=1
expect 64 "0x01bfffff" "$nika" tss "${s[@]}" --socket "$work/x" --nv-index 7
expect 64 "TPM" "$nika" tss "${s[@]}" --socket "$work/x" --tpm device:/nonexistent
chmod 644 "$work/group.tss"
expect 64 "mode 0600" "$nika" tss "${s[@]}" --socket "$work/x"
chmod 600 "$work/group.tss"
"$nika" tss --make-key "$work/other.tss" >"$work/out"
expect 64 "foreign" "$nika" tss --key "$work/other.tss" --state "$work/s0" --socket "$work/x"
echo '{"schema": 1, "role": "replica", "secret": "00"}' >"$work/bad.tss"
chmod 600 "$work/bad.tss"
expect 64 "expected trusted" "$nika" tss --key "$work/bad.tss" --state "$work/s0" --socket "$work/x"

# It serves, confined; nobody else on the same state or socket.
serve a "${s[@]}"
grep -q "^Seccomp:[[:space:]]*2" "/proc/$pid/status" || fail "no seccomp"
grep -q "^NoNewPrivs:[[:space:]]*1" "/proc/$pid/status" || fail "may gain rights"
[[ $(stat -c %a "$work/a.socket") == 600 ]] || fail "mode of the socket"
expect 64 "another process serves this instance" "$nika" tss "${s[@]}" --socket "$work/b.socket"
expect 64 "another process serves this socket" "$nika" tss "${s[@]}" --socket "$work/a.socket"

# Killed at any instant, it starts again; a signal ends it in order.
for round in 1 2 3; do
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    rm -f "$work/a.log"
    serve a "${s[@]}"
done
kill -TERM "$pid"
wait "$pid"
[[ $? -eq 0 ]] || fail "exit after SIGTERM"
grep -q "event=tss_end reason=signal" "$work/a.log" || fail "no last line"

# With the witness elsewhere a state directory that was put back is seen.
mkdir "$work/w"
chmod 700 "$work/w"
t=(--key "$work/group.tss" --state "$work/s1" --witness "$work/w")
expect 0 "instance 1 of 3" "$nika" tss --init "${t[@]}" --instance 1 --epochs 4,5,6
[[ -e "$work/w/witness" && ! -e "$work/s1/witness" ]] || fail "place of the witness"
cp -a "$work/s1" "$work/s1.old"
serve c "${t[@]}"
expect 0 "process" "$nika" bench trusted --socket "$work/c.socket" --instance 1 --rounds 5
kill -TERM "$pid"
wait "$pid"
rm -r "$work/s1"
cp -a "$work/s1.old" "$work/s1"
expect 64 "ROLLBACK" "$nika" tss "${t[@]}" --socket "$work/c.socket"

# As root it becomes another user, and only the named one may connect.
if [[ $(id -u) -eq 0 ]]; then
    chmod 711 "$work"
    install -d -m 700 -o nobody "$work/u"
    u=(--key "$work/group.tss" --state "$work/u" --user nobody)
    expect 64 "is root" "$nika" tss "${s[@]}" --socket "$work/x" --user root
    expect 0 "instance 2 of 3" "$nika" tss --init "${u[@]}" --instance 2 --epochs 4,5,6
    [[ $(stat -c %U "$work/u/state") == nobody ]] || fail "owner of the state"
    serve d "${u[@]}" --client daemon
    [[ $(stat -c %U "/proc/$pid/status") == root ]] || fail "its memory can be read by its user"
    grep -qE "^Uid:[[:space:]]+$(id -u nobody)[[:space:]]+$(id -u nobody)[[:space:]]+$(id -u nobody)" "/proc/$pid/status" || fail "user"
    grep -qE "^CapEff:[[:space:]]+0+$" "/proc/$pid/status" || fail "capabilities"
    [[ $(stat -c %U "$work/d.socket") == daemon ]] || fail "owner of the socket"
    expect 6 "closed the connection" "$nika" bench trusted --socket "$work/d.socket" --instance 2 --rounds 1
    kill -TERM "$pid"
    wait "$pid"
fi
exit "$failed"
