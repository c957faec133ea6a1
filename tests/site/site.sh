#!/usr/bin/env bash
# site.build: scripts/site writes a page for each document and manual page, the same every time, without a dead link; and the checker of links
# notices each kind of fault. Usage: site.sh NIKA
set -uo pipefail
source "$(dirname "$0")/../cli/lib.sh"
site="$work/site"
scripts/site "$site" --nika "$nika" >"$work/log" 2>&1 || fail "scripts/site: $(tail -5 "$work/log")"
for file in docs/*.md; do
    page="$site/$(basename "${file,,}" .md).html"
    title=$(sed -n 's/^# //p' "$file" | head -1 | sed 's/[`&<>]/./g')
    grep -qE "<h1 id=\"[^\"]+\">${title//./.+}" "$page" 2>/dev/null || fail "no page of $file with its title"
done
for file in docs/man/*.1; do [[ -s "$site/man/$(basename "$file" .1).html" ]] || fail "no page of $file"; done
for page in "$site"/*.html; do
    grep -q 'id="search"' "$page" || fail "$page: no search"
    grep -nE '```|\{\{[a-z]+\}\}|^\| ' "$page" && fail "$page: not converted"
    grep -qF "[\"${page##*/}\"," "$site/search-index.js" || fail "$page is not in the index of the search"
done
grep -q '<p class="file"><code>majority.c</code></p>' "$site/tutorial.html" || fail "the tutorial does not name its files"
[[ $(grep -c '<svg' "$site/runs.html") -eq $(grep -vc '^#' docs/site/runs.txt) ]] || fail "not a picture for each run"
grep -q 'class="liar"' "$site/runs.html" || fail "no liar in any picture"
[[ $(find "$site" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }') -lt 6000000 ]] || fail "more than 6 MB"
# The same every time; what is of runs says how long they took.
for name in one again; do scripts/site "$work/$name" --no-runs >"$work/log" 2>&1 || fail "without runs: $(tail -3 "$work/log")"; done
diff -rq "$work/one" "$work/again" || fail "two calls differ"
[[ ! -e "$work/one/runs.html" ]] || fail "runs, though none were asked for"

# Nothing of anybody's is replaced.
mkdir "$work/mine"
echo x >"$work/mine/file"
expect 64 "is there and is no site" scripts/site "$work/mine"
[[ -s "$work/mine/file" ]] || fail "a folder that is no site was replaced"
expect 64 "no option --wrong" scripts/site --wrong

# The checker: each fault by itself.
fires() { # "words" PAGE HTML
    cp -r "$work/again" "$work/bad"
    echo "$3" >>"$work/bad/$2"
    docs/site/links.py "$work/bad" . >"$work/out" && fail "passes: $3"
    grep -qF -- "$1" "$work/out" || fail "no \"$1\": $(head -3 "$work/out")"
    rm -rf "$work/bad"
}
docs/site/links.py "$work/again" . >"$work/out" || fail "links: $(head -3 "$work/out")"
fires "design.html: dead link absent.html" design.html '<a href="absent.html">x</a>'
fires "design.html: dead link ../outside.html" design.html '<a href="../outside.html">x</a>'
fires "design.html: no place checks.html#absent" design.html '<a href="checks.html#absent">x</a>'
fires "man/nika.html: dead link files/absent.png" man/nika.html '<img alt="x" src="files/absent.png">'
fires "an image without a description" design.html '<img src="files/report.png">'
fires 'id "content" occurs twice' design.html '<p id="content">'
fires "alone.html: no page leads here" alone.html '<p>x'
fires "names docs/absent.md, which is not there" design.html '<p>see docs/absent.md'
exit "$failed"
