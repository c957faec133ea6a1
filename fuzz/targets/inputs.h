/* fuzz/targets/inputs.h: the files that a replay runs, sorted by name. Owns what it read. */
#ifndef FUZZ_TARGETS_INPUTS_H
#define FUZZ_TARGETS_INPUTS_H

#include "engine/core/types.h"

#define NIKA_INPUTS_MAX 100000u

struct nika_input {
    char *path;
    uint8_t *data; /* Exactly `size` bytes, so that a sanitizer sees a read beyond. */
    uint32_t size;
};
struct nika_inputs {
    uint32_t count, capacity;
    struct nika_input *list;
};
/* A file, or all files of a folder; those longer than `size_max` are left out. False with errno. */
bool nika_inputs_add(struct nika_inputs *inputs, const char *path, uint32_t size_max);
void nika_inputs_free(struct nika_inputs *inputs);

#endif
