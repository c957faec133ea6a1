#!/usr/bin/env bash
# fuzz.afl: AFL++ drives every target: built by its compiler through the same build script, from the same seeds, a few seconds each; it runs
# inputs, sees coverage and finds no crash, by its own mutations and by the target's; and it finds the crash that is planted.
# Usage: afl.sh [SECONDS]
set -uo pipefail
seconds=${1:-4}
driver=/usr/lib/afl/libAFLDriver.a
if [[ ! -e $driver ]] || ! command -v afl-clang-fast >/dev/null; then
    echo "no afl++: scripts/setup --fuzz"
    exit 77
fi
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/src" "$work/work" "$work/out" "$work/found"
ln -s "$PWD" "$work/src/nika"
cflags="-O2 -g -fno-omit-frame-pointer"
env -i PATH="$PATH" HOME="$work" AFL_QUIET=1 SRC="$work/src" WORK="$work/work" OUT="$work/out" FUZZING_ENGINE=afl FUZZING_LANGUAGE=c \
    LIB_FUZZING_ENGINE=$driver CC=afl-clang-fast CXX=afl-clang-fast++ CFLAGS="$cflags" CXXFLAGS="$cflags" \
    bash -eu fuzz/oss-fuzz/build.sh >"$work/log" 2>&1 || { tail -40 "$work/log"; echo "FAIL: build.sh"; exit 1; }

cmake -S . -B "$work/plain" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER=clang-14 -DCMAKE_C_FLAGS=-O2 -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DNIKA_TESTS=OFF -DNIKA_TPM=OFF -DNIKA_AFL_MUTATORS=ON >"$work/log" 2>&1 && cmake --build "$work/plain" --target nika_afl_mutators >>"$work/log" 2>&1 ||
    { tail -40 "$work/log"; echo "FAIL: mutators"; exit 1; }

export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_FORKSRV_INIT_TMOUT=30000 AFL_QUIET=1
stat_of() { sed -n "s/^$2 *: *//p" "$work/found/$1/default/fuzzer_stats"; }
fuzz() { # NAME PROGRAM SEEDS [OPTIONS]
    local name=$1 program=$2 seeds=$3
    shift 3
    timeout -s INT $((seconds * 10 + 60)) afl-fuzz -V "$seconds" -t 10000 -m none -i "$seeds" -o "$work/found/$name" "$@" -- "$program" >"$work/$name.log" 2>&1
    [[ -s "$work/found/$name/default/fuzzer_stats" ]] || { fail "$name: $(tail -5 "$work/$name.log")"; return 1; }
}
mapfile -t known < <(sed -nE 's/^TARGET\(([a-z_]+),.*/\1/p' fuzz/targets/targets.def | tr _ -)
printf '%-16s %10s %8s %8s %8s %8s %s\n' target executions exec/s edges inputs found-by-own crashes
found=0
for target in "${known[@]}"; do
    # A tenth of the seeds, so that most of the seconds are fuzzing.
    mkdir -p "$work/seeds/$target"
    find "fuzz/corpora/$target" -type f -size -4096c | sort | awk 'NR % 10 == 1' | head -40 | xargs cp -t "$work/seeds/$target"
    words=()
    [[ ! -e "$work/out/fuzz-$target.dict" ]] || words=(-x "$work/out/fuzz-$target.dict")
    fuzz "$target" "$work/out/fuzz-$target" "$work/seeds/$target" "${words[@]}" || continue
    # Once more, by the target's own steps alone: they make inputs, and these find what is new.
    AFL_CUSTOM_MUTATOR_LIBRARY="$work/plain/mutators/libafl-$target.so" AFL_CUSTOM_MUTATOR_ONLY=1 \
        fuzz "$target.own" "$work/out/fuzz-$target" "$work/seeds/$target" || continue
    own=$(stat_of "$target.own" execs_done) new=$(stat_of "$target.own" corpus_found)
    [[ $own -ge 50 && $(stat_of "$target.own" saved_crashes) -eq 0 ]] || fail "$target: $own runs by its own mutator, $(stat_of "$target.own" saved_crashes) crashes"
    crashes=$(stat_of "$target" saved_crashes) runs=$(stat_of "$target" execs_done) edges=$(stat_of "$target" edges_found)
    found=$((found + new))
    printf '%-16s %10s %8s %8s %8s %8s %s\n' "$target" "$runs" "$(stat_of "$target" execs_per_sec)" "$edges" "$(stat_of "$target" corpus_count)" "$new" "$crashes"
    [[ $runs -ge 100 ]] || fail "$target: $runs runs"
    [[ $edges -ge 30 ]] || fail "$target: $edges edges"
    [[ $crashes -eq 0 ]] || fail "$target: $crashes crashes"
done
[[ $found -ge 20 ]] || fail "the targets' own mutators found $found inputs"

# The tester: the same driver and options find a crash behind two comparisons; however busy the machine, for it ends at the first.
cat >"$work/canary.c" <<'C'
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 && data[0] == 'n' && data[1] == 'i') abort();
    return 0;
}
C
mkdir "$work/one"
echo na >"$work/one/seed"
afl-clang-fast -O1 "$work/canary.c" $driver -o "$work/canary" >"$work/log" 2>&1 || fail "canary: $(tail -3 "$work/log")"
AFL_BENCH_UNTIL_CRASH=1 seconds=120 fuzz canary "$work/canary" "$work/one" && [[ $(stat_of canary saved_crashes) -ge 1 ]] || fail "a planted crash is not found"
exit "$failed"
