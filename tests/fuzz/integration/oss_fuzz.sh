#!/usr/bin/env bash
# fuzz.oss_fuzz.*: the integration files of OSS-Fuzz and ClusterFuzzLite build what they would build, and what comes out passes the checks that
# they would make. There is no container here: the script is called with the environment of their image (clang 14 in place of theirs), from a
# copy of the tree, and what it leaves is moved elsewhere before it runs. Usage: oss_fuzz.sh address|undefined|memory|coverage [KEEP-OUT-IN]
set -uo pipefail
sanitizer=$1 root=$PWD
for tool in clang++-14 zip unzip; do
    command -v $tool >/dev/null || { echo "no $tool: scripts/setup --fuzz"; exit 77; }
done
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/src/nika" "$work/work" "$work/out"
git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -c -T - | tar -x -C "$work/src/nika"

# The files themselves: what a container would be made of is there, and each package is one that Debian knows, too.
for folder in fuzz/oss-fuzz .clusterfuzzlite; do
    for file in Dockerfile build.sh project.yaml; do [[ -s "$folder/$file" ]] || fail "no $folder/$file"; done
    bash -n "$folder/build.sh" || fail "$folder/build.sh is no shell script"
    /usr/bin/python3 -c 'import sys, yaml; y = yaml.safe_load(open(sys.argv[1])); assert y["language"] == "c" and y["base_os_version"]' "$folder/project.yaml" ||
        fail "$folder/project.yaml"
    packages=$(sed -n '/apt-get install/,/&&/p' "$folder/Dockerfile" | grep -oE '\b[a-z0-9+.-]+-(dev|build|config)\b|\b(cmake|zip)\b' | sort -u)
    [[ $(wc -w <<<"$packages") -ge 8 ]] || fail "$folder/Dockerfile installs few packages"
    for package in $packages; do dpkg-query -W "$package" >/dev/null 2>&1 || fail "$folder/Dockerfile installs $package, with which nothing is built here"; done
done
diff <(sed -n '/apt-get install/,/rm -rf/p' fuzz/oss-fuzz/Dockerfile) <(sed -n '/apt-get install/,/rm -rf/p' .clusterfuzzlite/Dockerfile) ||
    fail "the two images differ"
[[ $sanitizer == coverage ]] || grep -qx "  - $sanitizer" fuzz/oss-fuzz/project.yaml || fail "project.yaml does not list $sanitizer"

# What the image has besides, for MemorySanitizer.
if [[ $sanitizer == memory ]]; then
    mkdir -p "$work/apt/lists/partial" "$work/src/jansson"
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    for file in /etc/apt/sources.list.d/*.sources; do
        grep -qE "^Suites:.*\b$release\b" "$file" 2>/dev/null && sed 's/^Types: .*/Types: deb-src/' "$file" && echo
    done >"$work/apt/here.sources"
    [[ ! -e /etc/apt/sources.list ]] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$work/apt/here.list"
    mapfile -t lists < <(find "$work/apt" -maxdepth 1 -name 'here.*' -size +0)
    [[ ${#lists[@]} -ge 1 ]] || { echo "no sources of apt that this script can read"; exit 77; }
    apt=(-q -o "Dir::Etc::sourcelist=${lists[0]}" -o Dir::Etc::sourceparts=/nonexistent -o "Dir::State::lists=$work/apt/lists" -o APT::Sandbox::User=root)
    (cd "$work/apt" && apt-get "${apt[@]}" update && apt-get "${apt[@]}" source --download-only jansson &&
        tar -xf jansson_*.orig.tar.* -C "$work/src/jansson" --strip-components=1) >"$work/log" 2>&1 || { echo "FAIL: no source of jansson: $(tail -3 "$work/log")"; exit 1; }
fi

# Their environment.
cover="-fsanitize=fuzzer-no-link"
case "$sanitizer" in
    address) flags="-fsanitize=address -fsanitize-address-use-after-scope" ;;
    undefined)
        kinds=array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size,return,returns-nonnull-attribute,shift
        kinds+=,signed-integer-overflow,unreachable,vla-bound,vptr
        flags="-fsanitize=$kinds,unsigned-integer-overflow -fno-sanitize-recover=$kinds" ;;
    memory) flags="-fsanitize=memory -fsanitize-memory-track-origins" ;;
    coverage) flags="" cover="-fprofile-instr-generate -fcoverage-mapping -pthread" ;;
    *) echo "usage: oss_fuzz.sh address|undefined|memory|coverage" >&2; exit 64 ;;
esac
cflags="-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION $flags $cover"
cd "$work" || exit 1
env -i PATH="$PATH" HOME="$work" SRC="$work/src" WORK="$work/work" OUT="$work/out" SANITIZER="$sanitizer" FUZZING_ENGINE=libfuzzer FUZZING_LANGUAGE=c \
    ARCHITECTURE=x86_64 LIB_FUZZING_ENGINE=-fsanitize=fuzzer CC=clang-14 CXX=clang++-14 CFLAGS="$cflags" CXXFLAGS="$cflags" \
    bash -eu "$work/src/nika/.clusterfuzzlite/build.sh" >"$work/log" 2>&1 || { tail -40 "$work/log"; echo "FAIL: build.sh"; exit 1; }

# Elsewhere, without source, build folder and environment.
mkdir "$work/runner"
mv "$work/out" "$work/runner/there"
rm -rf "$work/src" "$work/work"
out="$work/runner/there"
export UBSAN_OPTIONS=silence_unsigned_overflow=1:print_stacktrace=1 LLVM_PROFILE_FILE="$work/profiles/%m.profraw"
mapfile -t known < <(sed -nE 's/^TARGET\(([a-z_]+),.*/\1/p' "$root/fuzz/targets/targets.def" | tr _ -)
found=$(find "$out" -maxdepth 1 -type f -perm -u+x | wc -l)
[[ $found -eq ${#known[@]} && $found -ge 10 ]] || fail "$found programs for ${#known[@]} targets"
calls() { objdump -d "$1" | grep -cE "callq?\s+[0-9a-f]+ <__$2"; }
start() { # NAME PROGRAM: it runs from elsewhere without an environment, and sees that it is instrumented
    local edges
    (cd "$work/runner" && env -i PATH=/usr/bin:/bin UBSAN_OPTIONS="$UBSAN_OPTIONS" "$2" -seed=1337 -runs=100 "-artifact_prefix=$work/") >"$work/$1.log" 2>&1
    grep -q "Done 100 runs" "$work/$1.log" || { fail "$1 does not start: $(tail -5 "$work/$1.log")"; return 1; }
    edges=$(grep -oE 'Loaded [0-9]+ modules +\([0-9]+ inline 8-bit counters\)' "$work/$1.log" | grep -oE '\([0-9]+' | tr -d '(')
    [[ ${edges:-0} -ge 100 ]] || fail "$1: ${edges:-0} edges are instrumented"
    ! grep -q "no interesting inputs" "$work/$1.log" || fail "$1 is not instrumented"
}
check() { # TARGET: what bad_build_check looks at
    local name="fuzz-$1" program="$out/fuzz-$1" options=()
    [[ -x "$program" ]] || { fail "no $name"; return; }
    grep -q LLVMFuzzerTestOneInput "$program" || fail "$name would not be seen as a fuzz target"
    ldd "$program" | grep -E 'not found|/(tmp|usr/local)/' | grep -v "$out/lib" && fail "$name is linked with the above"
    ldd "$program" | grep '=> /' | grep -vE "=> $out/lib/|lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+)\.so" && fail "$name needs the above of the runner's image"
    if [[ $sanitizer == coverage ]]; then # No counters for the engine: this build only runs seeds.
        rm -rf "$work/profiles"
    else
        start "$name" "$program" || return
    fi
    case "$sanitizer" in
        address) [[ $(calls "$program" asan) -ge 1000 && $(calls "$program" msan) -le 3 && $(calls "$program" ubsan) -le 200 ]] || fail "$name: mixed sanitizers" ;;
        undefined) [[ $(calls "$program" ubsan) -ge 168 && $(calls "$program" asan) -eq 0 ]] || fail "$name: mixed sanitizers" ;;
        memory) [[ $(calls "$program" msan) -ge 1000 && $(calls "$program" asan) -eq 0 ]] || fail "$name: mixed sanitizers" ;;
    esac
    # The seeds, with the options and words that would be taken.
    mkdir "$work/seeds"
    unzip -q "$out/${name}_seed_corpus.zip" -d "$work/seeds" || fail "$name: no seeds"
    [[ $(find "$work/seeds" -type f | wc -l) -eq $(find "$root/fuzz/corpora/$1" -type f | wc -l) ]] || fail "$name: other seeds than the corpus"
    mapfile -t options < <(sed -nE 's/^([a-z_]+) = (.*)/-\1=\2/p' "$out/$name.options")
    [[ ${#options[@]} -ge 1 && $(head -1 "$out/$name.options") == "[libfuzzer]" ]] || fail "$name.options"
    [[ ! -e "$out/$name.dict" ]] || options+=("-dict=$out/$name.dict")
    "$program" "${options[@]}" -rss_limit_mb=2560 -timeout=25 -runs=0 "-artifact_prefix=$work/" "$work/seeds" >"$work/$1.log" 2>&1 || fail "$name: its seeds: $(tail -15 "$work/$1.log")"
    rm -rf "$work/seeds"
    if [[ $sanitizer == coverage ]]; then
        llvm-profdata-14 merge -o "$work/$1.profdata" "$work"/profiles/*.profraw && llvm-cov-14 report "$program" "-instr-profile=$work/$1.profdata" \
            >"$work/$1.report" 2>/dev/null
        [[ $(tail -1 "$work/$1.report" | awk '{ print $2 - $3 }') -ge 100 ]] || fail "$name: its seeds cover nothing that llvm-cov can see"
    fi
}
for target in "${known[@]}"; do check "$target"; done
[[ $(find "$out" -name '*.dict' | wc -l) -ge 1 ]] || fail "no target has words"

# The tester: a program that is no fuzzer of this build is noticed.
first=${known[0]} before=$failed
cp "$out/fuzz-$first" "$work/good"
cp /bin/true "$out/fuzz-$first"
check "$first" >"$work/said" 2>&1
grep -q 'FAIL: .*would not be seen' "$work/said" || { echo "FAIL: a program that is no fuzzer passes"; before=1; }
failed=$before
cp "$work/good" "$out/fuzz-$first"
[[ -z ${2:-} ]] || cp -r "$out" "$2"
exit "$failed"
