#!/usr/bin/env bash
# package.tutorial: docs/tutorial.md, followed literally in a clean folder against the installed package. The same program builds by
# pkg-config, and every installed header compiles alone. Usage: tutorial.sh NIKA BUILD-FOLDER COMPILER FLAGS
set -uo pipefail
source "$(dirname "$0")/../cli/lib.sh"
build=$2 compiler=$3 flags=$4
root=$(realpath "$(dirname "$0")/../..")
cmake --build "$build" --target nika_archive nika_sim_archive nika nika_completions >"$work/log" 2>&1 || fail "build: $(tail -5 "$work/log")"
cmake --install "$build" --prefix "$work/first" >"$work/log" 2>&1 || fail "cmake --install: $(tail -5 "$work/log")"
mv "$work/first" "$work/usr"
sim=$(dirname "$(find "$work/usr" -name libnika-sim.a)")
mkdir "$work/clean"
export CMAKE_PREFIX_PATH="$work/usr" CC="$compiler" CFLAGS="$flags"
export PKG_CONFIG_PATH="$sim/pkgconfig"
"$root/tests/package/tutorial.py" "$root/docs/tutorial.md" "$work/clean" "$root/examples/protocol" || failed=1

# The tester: a wrong expectation and a wrong exit code are noticed.
mkdir "$work/wrong" "$work/empty"
for block in '$ echo a\nb' '$ false' '$ true\n[exit 1]'; do
    printf '```console\n%b\n```\n' "$block" >"$work/wrong.md"
    "$root/tests/package/tutorial.py" "$work/wrong.md" "$work/wrong" "$work/empty" >"$work/log" && fail "passed: $block"
    grep -qE '^FAIL: (no line|exit code)' "$work/log" || fail "not noticed: $block"
done

read -ra cflags <<<"$flags $(pkg-config --cflags nika-sim)"
read -ra libs <<<"$(pkg-config --libs nika-sim)"
"$compiler" -std=c11 -I"$work/clean" "${cflags[@]}" "$work"/clean/{main,majority,messages}.c "${libs[@]}" -o "$work/by-pkg-config" \
    >"$work/log" 2>&1 || fail "build by pkg-config: $(tail -5 "$work/log")"
expect 0 "majority-first" "$work/by-pkg-config" list protocols
expect 64 'expected one of "majority", "majority-first", "pbft"' "$work/by-pkg-config" run "$work/clean/majority.json" --set cluster.protocol=majorty

(cd "$work/usr/include/nika/sim" && find . -name '*.h' | sort) >"$work/headers"
[[ $(wc -l <"$work/headers") -gt 50 ]] || fail "only $(wc -l <"$work/headers") headers"
while read -r header; do
    echo "#include \"${header#./}\""
done <"$work/headers" >"$work/all.c"
"$compiler" -std=c11 -fsyntax-only "${cflags[@]}" "$work/all.c" >"$work/log" 2>&1 || fail "headers: $(head -5 "$work/log")"
exit "$failed"
