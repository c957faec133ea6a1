#!/usr/bin/env bash
# package.lint: what Debian's own checker says of the packages, the parts that they must have, and that every file of the tree has a licence.
# Usage: lint.sh FOLDER-OF-THE-PACKAGES
set -uo pipefail
if ! command -v lintian >/dev/null || ! command -v reuse >/dev/null; then
    echo "no lintian or no reuse: scripts/setup --package"
    exit 77
fi
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
judge() { lintian --allow-root --tag-display-limit 0 "$@" 2>&1; }
judge "$1"/*.deb >"$work/said"
# The tracker of a distribution that it is not in.
grep -E '^[EW]:' "$work/said" | grep -v initial-upload-closes-no-bugs && fail "lintian: see above"

has() { # PACKAGE FILE...
    local package=$1 file
    dpkg-deb -c "$1" | awk '{ print $6 }' >"$work/list"
    shift
    for file in "$@"; do grep -qxF -- "./$file" "$work/list" || fail "${package##*/}: no $file"; done
}
has "$1"/nika_*.deb usr/bin/nika usr/share/man/man1/nika.1.gz usr/share/man/man1/nika-run.1.gz usr/share/bash-completion/completions/nika \
    usr/share/zsh/vendor-completions/_nika usr/share/fish/vendor_completions.d/nika.fish usr/lib/systemd/system/nika@.service \
    usr/lib/sysusers.d/nika.conf usr/share/nika/scenarios/pbft/fault-free.json usr/share/nika/schemas/report.schema.json \
    usr/share/doc/nika/copyright usr/share/doc/nika/changelog.gz usr/share/doc/nika/changelog.Debian.gz usr/share/doc/nika/nika.spdx.json
[[ $(grep -c 'scenarios/.*\.json$' "$work/list") -eq $(find scenarios -name '*.json' | wc -l) ]] || fail "not all scenarios"
[[ $(grep -c 'man1/.*\.gz$' "$work/list") -eq $(find docs/man -name '*.1' | wc -l) ]] || fail "not all manual pages"
has "$1"/libnika-dev_*.deb usr/include/nika/client.h usr/include/nika/testbed.h usr/share/doc/libnika-dev/copyright
for library in libssl3 libjansson4 libmicrohttpd12 libseccomp2 libc6; do
    dpkg-deb -f "$1"/nika_*.deb Depends | grep -qE "(^|, )$library\b" || fail "nika does not depend on $library"
done

# The tester: a package without its copyright file and with a broken version fails.
dpkg-deb -R "$1"/nika_*.deb "$work/broken"
rm "$work/broken/usr/share/doc/nika/copyright"
dpkg-deb --root-owner-group -b "$work/broken" "$work/broken.deb" >/dev/null
judge "$work/broken.deb" >"$work/said"
grep -q '^E: .*no-copyright-file' "$work/said" || fail "a package without a copyright file passes"

# Licences of the tree's own files.
reuse lint >"$work/reuse" 2>&1 || fail "reuse lint: $(tail -25 "$work/reuse")"
mkdir "$work/bare"
echo 'int x;' >"$work/bare/x.c"
reuse --root "$work/bare" lint >/dev/null 2>&1 && fail "a file without a licence passes"
exit "$failed"
