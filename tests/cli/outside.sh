#!/usr/bin/env bash
# cluster.outside: libnika as `cmake --install` leaves it, moved to another folder: a program outside the tree builds against it by
# find_package and by pkg-config, and each talks to a cluster. Usage: outside.sh NIKA BUILD-FOLDER COMPILER FLAGS
set -uo pipefail
source "$(dirname "$0")/lib.sh"
build=$2 compiler=$3 flags=$4
net="$work/net"
trap '"$nika" testnet stop --dir "$net" >/dev/null 2>&1; rm -rf "$work"' EXIT
source=$(realpath "$(dirname "$0")/outside")
run() { # "what" COMMAND...
    local what=$1
    shift
    "$@" >"$work/log" 2>&1 || {
        fail "$what: $(tail -5 "$work/log")"
        exit 1
    }
}
run "build" cmake --build "$build" --target nika_archive
run "cmake --install" cmake --install "$build" --prefix "$work/first"
mv "$work/first" "$work/usr"
archive=$(find "$work/usr" -name libnika.a)
lib=$(dirname "$archive")
[[ -s "$work/usr/include/nika/client.h" ]] || fail "no header"

# Exactly the functions of the header can be seen.
grep -oE 'nika_client_[a-z_]+\(' "$work/usr/include/nika/client.h" | tr -d '(' | sort -u >"$work/said"
nm -g --defined-only "$archive" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -v '^__odr_asan\|^__asan\|^__start\|^__stop' | sort -u >"$work/seen"
[[ $(wc -l <"$work/said") -ge 9 ]] || fail "too few functions in the header: $(cat "$work/said")"
diff "$work/said" "$work/seen" >"$work/log" || fail "symbols, header (<) and archive (>): $(cat "$work/log")"

run "configure by find_package" cmake -S "$source" -B "$work/by-cmake" -DCMAKE_PREFIX_PATH="$work/usr" \
    -DCMAKE_C_COMPILER="$compiler" -DCMAKE_C_FLAGS="$flags"
run "build by find_package" cmake --build "$work/by-cmake"
export PKG_CONFIG_PATH="$lib/pkgconfig"
read -ra cflags <<<"$flags $(pkg-config --cflags nika)"
read -ra libs <<<"$(pkg-config --libs nika)"
run "build by pkg-config" "$compiler" "${cflags[@]}" "$source/outside.c" "${libs[@]}" -o "$work/by-pkg-config"
[[ $(pkg-config --modversion nika) == "$("$nika" version | sed -n 's/^nika \([0-9.]*\).*/\1/p')" ]] || fail "version: $(pkg-config --modversion nika)"
# A version that does not exist yet is not found.
sed 's/nika 0.1/nika 9.0/' "$source/CMakeLists.txt" >"$work/CMakeLists.txt"
cp "$source/outside.c" "$work/"
cmake -S "$work" -B "$work/none" -DCMAKE_PREFIX_PATH="$work/usr" -DCMAKE_C_COMPILER="$compiler" >"$work/log" 2>&1 && fail "version 9.0 was found"

run "files" "$nika" testnet --n 4 --clients 2 --dir "$net"
run "start" "$nika" testnet start --dir "$net"
got=$("$work/by-cmake/outside" "$net/cluster.json" "$net/keys/client-0.key" one 2>&1) || fail "by find_package: exit $?: $got"
[[ $got == one ]] || fail "by find_package: \"$got\""
got=$("$work/by-pkg-config" "$net/cluster.json" "$net/keys/client-1.key" two 2>&1) || fail "by pkg-config: exit $?: $got"
[[ $got == two ]] || fail "by pkg-config: \"$got\""
[[ $("$nika" client --dir "$net" get key) == two ]] || fail "the cluster has another value"
"$work/by-cmake/outside" "$net/cluster.json" "$net/keys/replica-0.key" x >"$work/log" 2>&1 && fail "keys of a replica were taken"
grep -q "keys of a replica" "$work/log" || fail "refused without a reason: $(cat "$work/log")"
exit "$failed"
