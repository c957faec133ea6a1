#!/usr/bin/env bash
# tidy.symbols: the module libraries call nothing but each other, the core, and memory and string functions: no clock, entropy,
# allocator, thread or file (DESIGN: one code, two worlds).
# Usage: symbols.sh LIBRARY.a...
set -euo pipefail
allow='^(nika_.*|common_.*|pbft_.*|hybster_.*|client_.*|kv_.*|ledger_.*|memcpy|memset|memcmp|memmove|memchr|strlen|strcmp|strncmp|snprintf|vsnprintf|__memcpy_chk|__memset_chk|__memmove_chk|__snprintf_chk|__vsnprintf_chk|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|bcmp|__asan_.*|__ubsan_.*|__msan_.*|__sanitizer_.*|__sancov.*|__gcov_.*|__llvm_.*|__start_.*|__stop_.*)$'
bad=$(nm --undefined-only --format=posix "$@" 2>/dev/null | awk 'NF >= 2 && $2 == "U" {print $1}' | sort -u | grep -vE "$allow" || true)
if [[ -n "$bad" ]]; then
    echo "module libraries call what only a world may call:"
    echo "$bad" | sed 's/^/  /'
    exit 1
fi
