/* cli/history_check.h: is what clients saw of a key-value store linearizable?
 *
 * Each key is one register; every value is written to it at most once. Then the operations of one value form a block, with its write first,
 * and the question has an exact answer in n log n (Gibbons and Korach, Testing Shared Memories, SIAM J. Comput. 26(4), 1997, section 4):
 * with f the earliest end and s the latest start of a block's operations, no two blocks may have f1 < s2 and f2 < s1. Owns nothing. */
#ifndef CLI_HISTORY_CHECK_H
#define CLI_HISTORY_CHECK_H

#include "engine/core/types.h"

#define CLI_HISTORY_NEVER UINT64_MAX

/* One operation, in nanoseconds of one clock. Text is borrowed. */
struct cli_history_op {
    const char *key;
    const char *value; /* Written or read; NULL: the key was absent. */
    bool write;
    uint32_t client;
    uint64_t call_ns;
    uint64_t
        return_ns; /* CLI_HISTORY_NEVER: no answer. A write may then have happened at any time after; a read says nothing. */
};
enum cli_history_verdict {
    CLI_HISTORY_LINEARIZABLE,
    CLI_HISTORY_VIOLATED,
    CLI_HISTORY_UNDECIDED, /* A value was written to one key twice, or an operation ends before it begins. */
};
/* Sorts `ops` by key and value. `zones` has room for `count` + 1 elements of 3 numbers each. What is wrong first, in words, into
 * why[0..why_size). */
enum cli_history_verdict cli_history_check(struct cli_history_op *ops, size_t count,
                                           uint64_t (*zones)[3], char *why, size_t why_size);

#endif
