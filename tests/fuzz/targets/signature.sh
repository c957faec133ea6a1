#!/usr/bin/env bash
# fuzz.signature: findings of one cause have one signature, of two causes two.
# Usage: signature.sh (in the root of the tree)
set -euo pipefail
fail() { echo "fuzz.signature: $*" >&2; exit 1; }
of() { fuzz/signature <<<"$1"; }

a=$(of $'INFO: x\nnika-fuzz: finding: O6: two messages of class 7 for view 12, sequence number 3')
b=$(of 'nika-fuzz: finding: O6: two messages of class 7 for view 0, sequence number 900')
[[ -n "$a" && "$a" == "$b" ]] || fail "numbers make another finding: $a / $b"
[[ "$a" != "$(of 'nika-fuzz: finding: INV-VCM: a vote in view 1')" ]] || fail "two violations are one"
[[ "$(of 'finding: O1: digest 76cac34c at seq 4')" == "$(of 'finding: O1: digest 0badcafe at seq 4')" ]] || fail "digests make another finding"
c=$(of 'nika-fuzz: finding: protocols/pbft/slots.c:120: broken invariant: slot->view == 1')
[[ "$c" == "invariant: slots.c:120: broken invariant: slot->view == 1" ]] || fail "an invariant is: $c"

report() {
    printf '==7==ERROR: AddressSanitizer: %s on address 0x6020%s at pc 0x55\n' "$1" "$2"
    printf '    #0 0x55d0a1 in %s protocols/pbft/prepare.c:%s:3\n    #1 0x55d0b2 in prepare_check protocols/pbft/prepare.c:9:1\n' "$3" "$2"
    printf '    #2 0x55d0c3 in __libc_start_main (/lib/x86_64-linux-gnu/libc.so.6+0x2)\n'
}
d=$(of "$(report heap-buffer-overflow 11 read_vote)")
[[ "$d" == "AddressSanitizer heap-buffer-overflow in read_vote prepare_check" ]] || fail "a report of a sanitizer is: $d"
[[ "$d" == "$(of "$(report heap-buffer-overflow 99 read_vote)")" ]] || fail "addresses and lines make another finding"
[[ "$d" != "$(of "$(report heap-buffer-overflow 11 read_other)")" ]] || fail "another function is the same finding"
[[ -z "$(of 'Done 100 runs in 1 second(s)')" ]] || fail "a run without a finding has a signature"
