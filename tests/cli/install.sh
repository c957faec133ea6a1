#!/usr/bin/env bash
# cli.install: what `cmake --install` puts somewhere works there. Usage: install.sh NIKA BUILD-FOLDER
set -uo pipefail
source "$(dirname "$0")/lib.sh"
cmake --install "$2" --prefix "$work/usr" >"$work/log" 2>&1 || fail "cmake --install: $(tail -3 "$work/log")"
cd "$work" || exit 1
[[ -s usr/share/man/man1/nika.1 && -s usr/share/man/man1/nika-run.1 ]] || fail "no manual pages"
expect 0 "nika 0." usr/bin/nika version
expect 0 "verdict   held" usr/bin/nika run fault-free --seed 3
grep -q "^scenario  .*/usr/bin/../share/nika/scenarios/pbft/fault-free.json" out || fail "another library: $(grep ^scen out)"
line=$(sed -n 's/^reproduce //p' out)
grep -q '^verdict   held' <(bash -c "$line") || fail "the line to paste does not run: $line"
exit "$failed"
