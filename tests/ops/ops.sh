#!/usr/bin/env bash
# cluster.ops: what an operator gets with the program fits the program: dashboard and alerts use metrics that /metrics exports, every alert
# has its section in docs/operating.md, the unit starts the program and is hardened, the container has what the program is linked with.
# promtool and systemd-analyze judge by themselves where they are installed.
# The threat model names tests that exist.
# Usage: ops.sh NIKA BUILD-FOLDER
set -uo pipefail
source "$(dirname "$0")/../cli/lib.sh"
net="$work/net"
trap '"$nika" testnet stop --dir "$net" >/dev/null 2>&1; rm -rf "$work"' EXIT
rules=ops/prometheus-rules.yml dashboard=ops/grafana-dashboard.json

"$nika" testnet --n 4 --clients 1 --dir "$net" >/dev/null && "$nika" testnet start --dir "$net" >/dev/null 2>&1 || fail "no cluster"
exec 8<>"/dev/tcp/127.0.0.1/$(jq -r .http.port "$net/replica-0.json")" || fail "no operator port"
printf 'GET /metrics HTTP/1.0\r\n\r\n' >&8
cat <&8 >"$work/metrics"
exec 8>&-
# The names under which Prometheus stores them.
sed -nE 's/^# TYPE (nika_[a-z_]+) gauge\r?$/\1/p; s/^# TYPE (nika_[a-z_]+) counter\r?$/\1_total/p; s/^# TYPE (nika_[a-z_]+) info\r?$/\1_info/p' \
    "$work/metrics" | sort -u >"$work/exported"
[[ $(wc -l <"$work/exported") -ge 40 ]] || fail "few metrics: $(wc -l <"$work/exported")"

unknown() { # FILE...: names of metrics that are used and not exported. Recorded ones are nobody's export.
    grep -ohE '(cluster:)?\bnika_[a-z_]+' "$@" | grep -v '^cluster:' | sort -u | comm -23 - "$work/exported"
}
# The expressions, not the words around them.
jq -r '.. | objects | .expr? // .definition? // empty' "$dashboard" >"$work/dashboard" || fail "$dashboard is no JSON"
awk '/^ *expr: \|$/ { inside = 1; next } inside { print; inside = 0 }' "$rules" >"$work/rules"
for file in "$work/dashboard" "$work/rules"; do
    [[ $(grep -c nika_ "$file") -ge 15 ]] || fail "too few expressions in ${file##*/}"
    [[ -z $(unknown "$file") ]] || fail "${file##*/} uses what is not exported: $(unknown "$file" | tr '\n' ' ')"
done
# The test of this test.
echo 'rate(nika_invented_total[1m])' >"$work/wrong"
[[ $(unknown "$work/wrong") == nika_invented_total ]] || fail "an invented metric is not noticed"
# What is exported is shown somewhere.
unseen=$(cat "$work/dashboard" "$work/rules" | grep -oE 'nika_[a-z_]+' | sort -u | comm -13 - "$work/exported")
[[ -z $unseen ]] || fail "neither dashboard nor rules use $unseen"
[[ $(jq '[.panels[].id] | length == (unique | length)' "$dashboard") == true ]] || fail "panels with one id"

# Alerts: each is complete and has its section.
alerts=$(sed -nE 's/^ *- alert: (.*)/\1/p' "$rules")
count=$(wc -w <<<"$alerts")
for key in 'for: [0-9]+[smh]' 'severity: (page|ticket)' 'summary: .+' 'description: .*docs/operating\.md'; do
    [[ $(grep -cE "^ *$key" "$rules") -eq $count ]] || fail "not every alert has \"$key\""
done
for alert in $alerts; do
    grep -qE "^### .*\b$alert\b" docs/operating.md || grep -A12 "alert: $alert\$" "$rules" | grep -q 'section Upgrade' ||
        fail "docs/operating.md has no section $alert"
    grep -q "alertname: $alert" ops/prometheus-rules-test.yml || fail "ops/prometheus-rules-test.yml does not test $alert"
done
if command -v promtool >/dev/null; then
    (cd ops && promtool check config prometheus.yml && promtool check rules "${rules#ops/}" && promtool test rules prometheus-rules-test.yml) \
        >"$work/log" 2>&1 || fail "promtool: $(tail -20 "$work/log")"
    sed 's/nika_executed_seq > 512/nika_executed_seq > 5120/' "$rules" >"$work/prometheus-rules.yml"
    cp ops/prometheus-rules-test.yml "$work/"
    (cd "$work" && promtool test rules prometheus-rules-test.yml) >/dev/null 2>&1 && fail "a wrong threshold passes the tests of the rules"
else
    echo "no promtool (scripts/setup --package): rules were checked for names and parts only"
fi

# The unit.
unit="ops/nika@.service"
for line in NoNewPrivileges=yes ProtectSystem=strict LimitCORE=0 CapabilityBoundingSet= UMask=0077; do
    grep -qx -- "$line" "$unit" || fail "$unit: no $line"
done
if command -v systemd-analyze >/dev/null; then
    sed "s|/usr/bin/nika|$nika|; /^Documentation=/d" "$unit" >"$work/nika@.service"
    systemd-analyze verify "$work/nika@.service" >"$work/log" 2>&1 || fail "systemd-analyze verify: $(cat "$work/log")"
    if systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
        systemd-analyze security --offline=yes --threshold=20 --no-pager "$work/nika@.service" >"$work/log" 2>&1 ||
            fail "exposed more than 2.0: $(tail -1 "$work/log")"
        grep -v '^\(NoNew\|Protect\|Private\|SystemCall\|Restrict\|Capab\)' "$work/nika@.service" >"$work/soft@.service"
        systemd-analyze security --offline=yes --threshold=20 --no-pager "$work/soft@.service" >/dev/null 2>&1 && fail "a soft unit passes"
    fi
    echo 'Restart=sometimes' >>"$work/nika@.service"
    sed 's/^Type=exec/Type=none/' "$work/nika@.service" >"$work/bad@.service"
    [[ -n $(systemd-analyze verify "$work/bad@.service" 2>&1) ]] || fail "a bad unit passes"
fi

# The container: what is copied is there, what the program is linked with is installed, and it is not root.
declare -A package=([libjansson.so.4]=libjansson4 [libmicrohttpd.so.12]=libmicrohttpd12 [libcrypto.so.3]=libssl3 [libseccomp.so.2]=libseccomp2)
last=$(sed -n '/^FROM/h;/^FROM/!H;${x;p}' ops/Containerfile)
for library in $(readelf -d "$nika" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p'); do
    [[ -z ${package[$library]:-} ]] || grep -qw "${package[$library]}" <<<"$last" || fail "the container lacks ${package[$library]}"
done
grep -q '^USER [1-9]' <<<"$last" || fail "the container runs as root"
hadolint=build/validators/bin/hadolint
if [[ -x $hadolint ]]; then # scripts/setup --package. Versions are not pinned: whoever builds wants Debian's newest fixes.
    "$hadolint" --no-color --ignore DL3008 ops/Containerfile fuzz/oss-fuzz/Dockerfile .clusterfuzzlite/Dockerfile >"$work/log" 2>&1 || fail "hadolint: $(cat "$work/log")"
    sed 's/^USER .*/USER root/' ops/Containerfile >"$work/Containerfile"
    "$hadolint" --no-color --ignore DL3008 "$work/Containerfile" >/dev/null 2>&1 && fail "a container that runs as root passes"
fi
for name in $(sed -nE '/^FROM.* AS build/,/^FROM/s/.*-D(NIKA_[A-Z]+)=.*/\1/p' ops/Containerfile); do
    grep -q "option($name" CMakeLists.txt || fail "the container builds with $name, which is no option"
done

# The tests that the threat model names, and the words that the table of errors explains, are there.
ctest --test-dir "$2" -N | sed -nE 's/^ *Test +#[0-9]+: //p' | sort >"$work/tests"
sed -n '/^## Claims/,/^## Not claimed/p' docs/threat-model.md | grep -oE '`[a-z_.]+`' | tr -d '`' | sort -u >"$work/named"
[[ $(wc -l <"$work/named") -ge 20 ]] || fail "the threat model names few tests"
[[ -z $(comm -23 "$work/named" "$work/tests") ]] || fail "the threat model names no test: $(comm -23 "$work/named" "$work/tests" | tr '\n' ' ')"
for event in $(grep -ohE 'event=[a-z_]+' docs/operating.md | sort -u); do
    grep -rqF "\"${event#event=}\"" engine/shim || fail "docs/operating.md explains $event, which nothing logs"
done
sed -n '/^## Errors/,$p' docs/operating.md | sed -nE 's/^\| `(.*)` \|.*\|.*\|$/\1/p' | sed 's/`, `/\n/g' | grep -v '^event=\|Address already' >"$work/words"
[[ $(wc -l <"$work/words") -ge 15 ]] || fail "few errors are explained"
while read -r words; do
    # Numbers and names stand in the place of a format.
    pattern=$(sed -E 's/(0[0-9]{3}|[0-9]|replica|client)\b/.*/g' <<<"$words")
    grep -rqE -- "$pattern" engine cli lib --include='*.c' || fail "docs/operating.md explains \"$words\", which nothing says"
done <"$work/words"
"$nika" testnet stop --dir "$net" >/dev/null 2>&1 || fail "stop"
exit "$failed"
