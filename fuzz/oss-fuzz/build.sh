#!/bin/bash -eu
# Builds every fuzz target of the registry with the compiler, flags and engine that the environment names, as OSS-Fuzz and ClusterFuzzLite call
# it: CC, CXX, CFLAGS, CXXFLAGS, LIB_FUZZING_ENGINE, SRC, WORK, OUT. Leaves in $OUT, for each target: fuzz-TARGET, fuzz-TARGET_seed_corpus.zip,
# fuzz-TARGET.options, and fuzz-TARGET.dict where the target has words; and in $OUT/lib the libraries that the machine that runs them lacks.
build="$WORK/nika"
# What MemorySanitizer does not see written is garbage to it. OpenSSL's writes are told to it by hand (engine/core/msan.h); jansson is small.
if [[ "${SANITIZER:-}" == memory ]]; then
    cmake -S "$SRC/jansson" -B "$WORK/jansson" -G Ninja -DCMAKE_BUILD_TYPE=None "-DCMAKE_INSTALL_PREFIX=$WORK/instrumented" -DCMAKE_INSTALL_LIBDIR=lib \
        -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -DJANSSON_BUILD_SHARED_LIBS=OFF -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON -DJANSSON_EXAMPLES=OFF
    cmake --build "$WORK/jansson" --target install
    export PKG_CONFIG_PATH="$WORK/instrumented/lib/pkgconfig"
fi
cmake -S "$SRC/nika" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None -DNIKA_TESTS=OFF -DNIKA_TPM=OFF -DNIKA_FUZZERS=ON \
    "-DNIKA_FUZZING_ENGINE=$LIB_FUZZING_ENGINE" "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags,-rpath,'\$ORIGIN/lib'"
cmake --build "$build" --target nika_fuzzers nika-fuzz

mkdir -p "$OUT/lib"
"$build/nika-fuzz" list >"$build/list"
while read -r target _; do
    name="fuzz-$target"
    cp "$build/fuzzers/$name" "$OUT/"
    # Nothing of the runner's image but the C library.
    ldd "$OUT/$name" | sed -nE 's/^[[:space:]]*(lib[^ ]+) => (\/[^ ]+) .*/\1 \2/p' |
        { grep -vE '^lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+)\.so' || true; } |
        while read -r library path; do cp -n "$path" "$OUT/lib/$library"; done
    rm -f "$OUT/${name}_seed_corpus.zip"
    (cd "$SRC/nika/fuzz/corpora/$target" && zip -q -r "$OUT/${name}_seed_corpus.zip" .)
    { echo '[libfuzzer]' && "$build/nika-fuzz" options "$target"; } >"$OUT/$name.options"
    "$build/nika-fuzz" dictionary "$target" >"$OUT/$name.dict"
    [[ -s "$OUT/$name.dict" ]] || rm "$OUT/$name.dict"
done <"$build/list"
