#!/usr/bin/env bash
# Proves that a tidy check can fail: runs it on a small tree without an offence (must pass) and with one (must fail).
# Usage: fires.sh layers|bans|sizes|checks|blind
set -euo pipefail
check=$1
root=$PWD
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{engine/core,engine/sim,protocols/pbft,apps,faults,scenarios,cli,tests}
printf '#include "engine/core/a.h"\nint a;\n' >"$tree/apps/a.c"
printf 'int x;\n' >"$tree/engine/core/a.h"
printf 'int y;\n' >"$tree/engine/sim/world.h"
printf 'CHECK(PP6, "one")\n' >"$tree/engine/core/checks.def"
printf 'int pp6; /* PP6 TS1 TS2 TS3 TS4 TS5 */\n' | tee "$tree/protocols/pbft/a.c" >"$tree/tests/a.c"
"$root/tests/tidy/$check.sh" "$tree"
case "$check" in
layers) printf '#include "engine/sim/world.h"\n' >"$tree/apps/b.c" ;;
bans) printf 'int f(void) { return rand(); }\n' >"$tree/apps/b.c" ;;
checks) printf 'CHECK(PP7, "two")\n' >>"$tree/engine/core/checks.def" ;;
blind) printf 'bool f(void) { return NIKA_PLANTED(B06); }\n' >"$tree/faults/b.c" ;;
sizes) seq -f 'int z%g;' 900 >"$tree/apps/b.c" ;;
esac
if "$root/tests/tidy/$check.sh" "$tree" >/dev/null; then
    echo "tidy.$check did not notice a planted offence"
    exit 1
fi
