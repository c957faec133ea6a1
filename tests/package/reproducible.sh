#!/usr/bin/env bash
# package.reproducible: two builds in different folders, at different times, by different users, give packages of the same bytes, and no
# folder of a build is in them. Usage: reproducible.sh FOLDER-FOR-THE-PACKAGES NIKA
set -uo pipefail
if ! command -v dpkg-shlibdeps >/dev/null; then
    echo "no dpkg-dev: scripts/setup --package"
    exit 77
fi
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
scripts/package --out "$1" --check-reproducible || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in "$1"/*.deb; do dpkg-deb -x "$package" "$work/unpacked" || fail "$package does not unpack"; done
grep -rlF -e "$PWD" -e "$HOME/" "$work/unpacked" && fail "folders of the build are in the files above"
[[ -n $(readelf -n "$work/unpacked/usr/bin/nika" | sed -n 's/.*Build ID: //p') ]] || fail "the program has no build id"

# The tester: the same search finds the folder in an ordinary build, and packages of another date are other bytes.
grep -qF "$PWD" "$2" || fail "the search for folders finds none in $2"
(cd build/package && SOURCE_DATE_EPOCH=86400 cpack -G DEB -B "$work/other") >"$work/log" 2>&1 || fail "cpack: $(tail -3 "$work/log")"
for package in "$1"/*.deb; do
    [[ -s "$work/other/${package##*/}" ]] || fail "no second ${package##*/}"
    cmp -s "$package" "$work/other/${package##*/}" && fail "${package##*/} does not depend on the date"
done
dpkg-deb --fsys-tarfile "$1"/nika_*.deb | tar -tv --full-time -f - | awk '{ print $4, $5 }' | sort -u >"$work/dates"
[[ $(wc -l <"$work/dates") -eq 1 ]] || fail "files of several dates: $(tr '\n' ';' <"$work/dates")"
exit "$failed"
