/* tests/museum/directed.h: planted bugs that no run of a cluster need show: each has a test of the part it is in. */
#ifndef TESTS_MUSEUM_DIRECTED_H
#define TESTS_MUSEUM_DIRECTED_H

#include <stdbool.h>
#include <stdint.h>

struct directed {
    const char *id;
    /* What the part did is wrong. With the bug it returns true, without it false; either way it frees what it took. */
    bool (*shows)(void);
};
extern const struct directed directed_parts[]; /* Codec, log, files. */
extern const uint32_t directed_parts_count;
extern const struct directed directed_replica[]; /* One replica and whatever its peers may say. */
extern const uint32_t directed_replica_count;
extern const struct directed directed_explore[]; /* All states of a small cluster. */
extern const uint32_t directed_explore_count;

#endif
