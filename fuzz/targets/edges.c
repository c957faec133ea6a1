/* fuzz/targets/edges.c: see edges.h. Only programs without a fuzzer have it: a fuzzer takes the counters itself. */
#include "fuzz/targets/edges.h"

#include <string.h>

#include "engine/core/digest.h"

/* What clang's -fsanitize-coverage=inline-8bit-counters calls before main(), by its name; once for each object file, always with the same. */
void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);
static uint8_t *first, *end;

void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop)
{
    first = start;
    end = stop;
}

uint32_t nika_edges_count(void)
{
    return (uint32_t)(end - first);
}

uint64_t nika_edges_take(void)
{
    uint32_t count = nika_edges_count();
    if (count == 0) return 0;
    uint64_t hash = nika_hash64(first, count, 0);
    memset(first, 0, count);
    return hash;
}
