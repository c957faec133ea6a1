/* fuzz/targets/memory_file.h: bytes as a file with a path, for readers that open files. */
#ifndef FUZZ_TARGETS_MEMORY_FILE_H
#define FUZZ_TARGETS_MEMORY_FILE_H

#include "engine/core/types.h"

#define MEMORY_FILE_PATH 64u
/* A file that is nowhere but in memory; the caller closes it. Fails rather than return a negative number. */
int memory_file(struct nika_span bytes, char path[MEMORY_FILE_PATH]);

#endif
