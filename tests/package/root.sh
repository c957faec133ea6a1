#!/usr/bin/env bash
# package.root: in a root made from nothing but Debian, the packages install with what they depend on, the program runs an installed scenario
# and a live cluster, docs/tutorial.md can be followed literally, and what is removed is gone. Needs root, mmdebstrap and this machine's
# package mirror. Usage: root.sh FOLDER-OF-THE-PACKAGES NIKA
set -uo pipefail
if [[ $(id -u) -ne 0 ]] || ! command -v mmdebstrap >/dev/null; then
    echo "not root or no mmdebstrap: scripts/setup --package"
    exit 77
fi
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
packages=$(realpath "$1")
work=$(mktemp -d)
root="$work/unpacked"
end() {
    mountpoint -q "$root/proc" && umount "$root/proc"
    mountpoint -q "$root/dev" && umount "$root/dev"
    rm -rf --one-file-system "$work"
}
trap end EXIT

# The mirror that this machine uses, whichever that is.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mapfile -t sources < <(grep -lE "\b$release\b" /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null | grep -v disabled)
mmdebstrap --quiet --mode=root --variant=apt "$release" "$root" "${sources[@]}" >"$work/log" 2>&1 || {
    echo "FAIL: mmdebstrap: $(tail -5 "$work/log")"
    exit 1
}
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev" || fail "mount"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
install() { inside apt-get install -y -q --no-install-recommends "$@" >"$work/log" 2>&1 || { fail "apt-get install $*: $(tail -8 "$work/log")"; exit 1; }; }
shows() { # "words" COMMAND...
    local words=$1
    shift
    inside "$@" >"$work/out" 2>&1 || fail "exit $?: $*: $(tail -3 "$work/out")"
    grep -qF -- "$words" "$work/out" || fail "no \"$words\": $*: $(head -3 "$work/out")"
}
inside sh -c 'command -v nika python3 gcc' && fail "the root is not clean"
inside apt-get update -q >"$work/log" 2>&1 || fail "apt-get update: $(tail -3 "$work/log")"

# The program alone.
cp "$packages"/*.deb "$root/tmp/"
name=$(basename "$packages"/nika_*.deb)
install "/tmp/$name"
shows "nika 0." nika version
shows "verdict   held" nika run fault-free --seed 3
grep -q '^scenario  .*share/nika/scenarios/pbft/fault-free.json' "$work/out" || fail "another library: $(grep ^scen "$work/out")"
line=$(sed -n 's/^reproduce //p' "$work/out")
shows "verdict   held" sh -c "$line"
# Another build on another system ran the same.
digest=$(sed -n 's/^digest *//p' "$work/out")
[[ -n $digest && $digest == "$("$2" run fault-free --seed 3 | sed -n 's/^digest *//p')" ]] || fail "digest $digest is not that of $2"
shows "<!doctype html>" sh -c 'nika report two-equivocators --seed 7 -o /tmp/r.html && head -c 400 /tmp/r.html | tr A-Z a-z'
shows "0 failed" sh -c 'nika campaign fault-free primary-crash --seeds 1..5 --out /tmp/c 2>&1'
shows "value" sh -c 'nika testnet --n 4 --clients 1 --app kv --dir /tmp/net && nika testnet start --dir /tmp/net && nika client --dir /tmp/net put key value &&
    nika client --dir /tmp/net get key; code=$?; nika testnet stop --dir /tmp/net; exit $code'
shows "--seed" bash -c 'source /usr/share/bash-completion/completions/nika; COMP_WORDS=(nika run --se) COMP_CWORD=2; _nika; echo "${COMPREPLY[@]}"'
inside dpkg --verify nika >"$work/out" && [[ ! -s "$work/out" ]] || fail "dpkg --verify: $(cat "$work/out")"

# The user of the unit comes with systemd's tool.
install systemd-standalone-sysusers
shows "nika" sh -c 'dpkg-reconfigure nika && getent passwd nika'

# The tutorial, against the packages.
install "/tmp/$(basename "$packages"/libnika-dev_*.deb)" gcc libc6-dev cmake make pkg-config python3
mkdir -p "$root/tmp/tutorial/clean"
cp tests/package/tutorial.py docs/tutorial.md "$root/tmp/tutorial/"
cp -r examples/protocol "$root/tmp/tutorial/example"
inside /tmp/tutorial/tutorial.py /tmp/tutorial/tutorial.md /tmp/tutorial/clean /tmp/tutorial/example || fail "the tutorial"
for module in nika nika-sim; do
    shows "-l$module" pkg-config --libs "$module"
    shows "/include" sh -c "for f in \$(PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 pkg-config --cflags-only-I $module | sed 's/-I//g'); do test -d \$f || exit 1; echo \$f; done"
done
cp tests/cli/outside/outside.c "$root/tmp/outside.c"
inside sh -c 'cc /tmp/outside.c $(pkg-config --cflags --libs nika) -o /tmp/outside' >"$work/log" 2>&1 || fail "libnika by pkg-config: $(tail -3 "$work/log")"

# What is removed is gone; what an operator put there is not.
inside dpkg -L nika libnika-dev | sort -u >"$work/files"
mkdir -p "$root/etc/nika"
echo '{}' >"$root/etc/nika/replica-0.json"
inside apt-get purge -y -q nika libnika-dev >"$work/log" 2>&1 || fail "purge: $(tail -5 "$work/log")"
while read -r file; do
    [[ -d "$root$file" || ! -e "$root$file" ]] || fail "left: $file"
done <"$work/files"
[[ ! -e "$root/usr/share/nika" && -s "$root/etc/nika/replica-0.json" ]] || fail "a purge left scenarios or took a node file"
exit "$failed"
