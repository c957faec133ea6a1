#!/usr/bin/env bash
# package.sbom: the bill of materials is valid SPDX 2.3 and names what the program is linked with. Usage: sbom.sh FOLDER-OF-THE-PACKAGES
set -uo pipefail
validator=build/validators/bin/pyspdxtools
if [[ ! -x "$validator" ]]; then
    echo "no spdx-tools: scripts/setup --package"
    exit 77
fi
failed=0
fail() {
    echo "FAIL: $*"
    failed=1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg-deb -x "$1"/nika_*.deb "$work/unpacked"
bill="$work/unpacked/usr/share/doc/nika/nika.spdx.json"
cmp "$bill" "$1/nika.spdx.json" || fail "the packed bill is another"
cp "$bill" "$work/nika.spdx.json"
"$validator" -i "$work/nika.spdx.json" >"$work/log" 2>&1 || fail "not valid: $(tail -5 "$work/log")"
# The validator notices what is wrong.
jq 'del(.packages[0].name)' "$bill" >"$work/wrong.spdx.json"
"$validator" -i "$work/wrong.spdx.json" >/dev/null 2>&1 && fail "a bill without a name is valid"

linked() { jq -r --arg to "$1" '.relationships[] | select(.relationshipType == $to and .spdxElementId == "SPDXRef-Package-nika") | .relatedSpdxElement' "$bill"; }
dpkg-deb -f "$1"/nika_*.deb Depends | tr ',' '\n' | sed -E 's/^ *([^ ]+).*/\1/' | sort >"$work/depends"
linked DYNAMIC_LINK | sed 's/SPDXRef-Package-//' | sort >"$work/linked"
diff "$work/depends" "$work/linked" || fail "the package depends (<) on other packages than the bill (>) names"
for name in libxxhash-dev libssl-dev; do # Headers with code in them, and headers.
    jq -e --arg name "SPDXRef-Package-$name" '.relationships[] | select(.spdxElementId == $name and .relationshipType == "BUILD_DEPENDENCY_OF")' \
        "$bill" >/dev/null || fail "$name is not named"
done
# Every library that runs has a licence, and the files are these.
[[ -z $(jq -r '.packages[] | select(.primaryPackagePurpose == "LIBRARY" and .licenseDeclared == "NOASSERTION" and (.name | endswith("-dev") | not)) | .name' "$bill") ]] ||
    fail "libraries without a licence"
[[ $(jq -r '.files[] | select(.fileName == "./bin/nika") | .checksums[] | select(.algorithm == "SHA256") | .checksumValue' "$bill") == \
    $(sha256sum "$work/unpacked/usr/bin/nika" | cut -d' ' -f1) ]] || fail "another program than the packed one"
exit "$failed"
