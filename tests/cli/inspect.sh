#!/usr/bin/env bash
# cli.inspect: a data directory is shown as it is, in text and JSON; damage is told with file and offset; a look changes nothing.
# Usage: inspect.sh NIKA DATA_DIRS
set -uo pipefail
source "$(dirname "$0")/lib.sh"
made=$("$2" 1) || fail "no data directories"
trap 'rm -rf "$work" "$made"' EXIT
says() { grep -qE -- "$1" "$work/out" || fail "no \"$1\" in: $(head -20 "$work/out")"; }
sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort); }
copy() { # A fresh copy of node 1 in $dir.
    dir="$work/data"
    rm -rf "$dir"
    cp -a "$made/node-1" "$dir"
}
flip() { # FILE OFFSET: invert a byte
    local old
    old=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "\\x$(printf %x $((old ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Whole: identity, segments, records with their frames, certificates, snapshots.
copy
sums "$dir" >"$work/before"
expect 0 "identity   replica 1, group " "$nika" inspect "$dir"
says '^state      intact$'
says 'protocol pbft \(1\), format 1'
says '^log-[0-9]{10}$'
says '^ +[0-9]+ +[0-9]+  0x01 +[0-9]+  proposal'
says 'PRE-PREPARE from 1: view=1 seq=[0-9]+ digest='
says 'PREPARE from [023]: view=1'
says 'BATCH time_ns=[0-9]+ requests=\[[0-9]+\]'
says 'prepared certificate'
says '0x82 +1  entered view'
says 'NEW-VIEW from 1: view=1'
says 'stable checkpoint'
says 'snapshot-[0-9]{20}  intact: [0-9]+ bytes in [0-9]+ chunks, root [0-9a-f]{64}, module'
grep -q malformed "$work/out" && fail "something was not decoded: $(grep -m2 malformed "$work/out")"
expect 0 "all is intact" "$nika" inspect --verify "$dir"
grep -q PRE-PREPARE "$work/out" && fail "--verify lists records"
"$nika" inspect --json "$dir" >"$work/json" || fail "--json"
jq -e '.good and .state == "intact" and .identity.replica == 1 and .identity.protocol_name == "pbft" and
    (.log.segments | length) == (.log.last - .log.first + 1) and
    ([.log.segments[].records[] | select(.what == "prepared certificate")] | length > 0 and all(.frames | length == 3)) and
    ([.log.segments[].records[] | select(.live)] | length > 0) and (.snapshots | length > 0 and all(.intact))' \
    "$work/json" >/dev/null || fail "unexpected JSON: $(head -c 300 "$work/json")"
text=$("$nika" inspect "$dir" | grep -c '^ *[0-9][0-9]* *[0-9][0-9]*  0x')
[[ $text -eq $(jq '[.log.segments[].records[]] | length' "$work/json") ]] || fail "text and JSON list different records"
sums "$dir" | cmp -s - "$work/before" || fail "a look has changed the directory"

# The last segment, a record in its middle: file, offset, exit code 1; the same from JSON. The node itself finds the same.
copy
segment=$(jq -r '.log.segments[-1].name' "$work/json")
offset=$(jq -r '.log.segments[-1].records[1].offset' "$work/json")
flip "$dir/$segment" $((offset + 40))
expect 0 "damaged: $dir/$segment: offset $offset: bad record" "$nika" inspect "$dir"
expect 1 "$segment: offset $offset: bad record" "$nika" inspect --verify "$dir"
says '^verdict    NOT INTACT$'
expect 1 '"state": "damaged"' "$nika" inspect --verify --json "$dir"

# An older segment, a missing one, a lost mark, a snapshot.
copy
flip "$dir/$(jq -r '.log.segments[0].name' "$work/json")" 1000
expect 1 "$(jq -r '.log.segments[0].name' "$work/json"): offset" "$nika" inspect --verify "$dir"
copy
rm "$dir/$(jq -r '.log.segments[0].name' "$work/json")"
expect 1 "is missing" "$nika" inspect --verify "$dir"
copy
rm "$dir/mark"
expect 1 "mark: no intact mark" "$nika" inspect --verify "$dir"
copy
snapshot=$(jq -r '.snapshots[0].name' "$work/json")
flip "$dir/$snapshot" 300
expect 1 "$snapshot  BAD: $dir/$snapshot: offset" "$nika" inspect --verify "$dir"
says '^state      intact$'

# A torn tail that nobody was told of is no damage. A log that was damaged once is told of until the node has learned again.
copy
head -c 77 /dev/zero >>"$dir/$segment"
expect 0 "torn tail of 77 bytes that was never acknowledged" "$nika" inspect --verify "$dir"
copy
echo "it was damaged" >"$dir/forgotten"
expect 1 "not yet learned again" "$nika" inspect --verify "$dir"

# In use: said, and read all the same.
copy
exec 9<"$dir/lock"
flock -n 9 || fail "cannot lock"
expect 0 "in use     by process" "$nika" inspect "$dir"
exec 9<&-

# What is no data directory.
expect 64 "which directory?" "$nika" inspect
expect 64 "one directory at a time" "$nika" inspect a b
expect 64 "No such file or directory; expected the data directory of a node" "$nika" inspect "$work/none"
expect 64 "Not a directory" "$nika" inspect "$work/json"
mkdir "$work/empty"
expect 64 "no data directory of a node" "$nika" inspect "$work/empty"
exit "$failed"
