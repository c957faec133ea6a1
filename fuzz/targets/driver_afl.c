/* fuzz/targets/driver_afl.c: the mutator of one target as a module for AFL++ (AFL_CUSTOM_MUTATOR_LIBRARY), which does not ask a fuzzer for the
 * one of libFuzzer's interface. The build names the target in NIKA_TARGET. It lives in the process of afl-fuzz, not in the one that is fuzzed. */
#include <stdlib.h>

#include "engine/core/assert.h"
#include "fuzz/targets/target.h"

#define STRINGIFY(x) #x
#define TO_TEXT(x) STRINGIFY(x)

struct mutator {
    const struct nika_target *target;
    struct nika_target_draw draw;
    uint8_t *out; /* AFL++ reads it until the next call. */
    uint32_t capacity;
};

#define EXPORT __attribute__((visibility("default")))
EXPORT void *afl_custom_init(void *afl, unsigned seed);
EXPORT size_t afl_custom_fuzz(void *context, uint8_t *in, size_t in_size, uint8_t **out,
                              uint8_t *other, size_t other_size, size_t size_max);
EXPORT void afl_custom_deinit(void *context);

void *afl_custom_init(void *afl, unsigned seed)
{
    (void)afl;
    struct mutator *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->target = nika_target_find(TO_TEXT(NIKA_TARGET));
    NIKA_TARGET_CHECK(m->target != NULL, "no target %s", TO_TEXT(NIKA_TARGET));
    m->draw.state = seed;
    m->capacity = m->target->size_max;
    m->out = malloc(m->capacity + 1u);
    if (m->out != NULL) return m;
    free(m);
    return NULL;
}

/* Of a target without steps of its own, and one time in eight: a few bytes, as AFL++ itself would do it. */
static uint32_t of_bytes(struct mutator *m, uint32_t size)
{
    uint32_t count = 1 + nika_target_draw(&m->draw, 4);
    for (uint32_t i = 0; i < count && size > 0; i++)
        m->out[nika_target_draw(&m->draw, size)] = (uint8_t)nika_target_draw(&m->draw, 256);
    return size;
}

size_t afl_custom_fuzz(void *context, uint8_t *in, size_t in_size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t size_max)
{
    struct mutator *m = context;
    uint32_t capacity = size_max < m->capacity ? (uint32_t)size_max : m->capacity;
    uint32_t size = in_size < capacity ? (uint32_t)in_size : capacity;
    *out = m->out;
    if (nika_target_crosses(m->target) && other_size > 0 && nika_target_draw(&m->draw, 4) == 0) {
        uint32_t seed = nika_target_draw(&m->draw, UINT32_MAX);
        struct nika_span first = {in, size};
        struct nika_span second = {other,
                                   other_size < m->capacity ? (uint32_t)other_size : m->capacity};
        uint32_t crossed = nika_target_cross(m->target, first, second, m->out, capacity, seed);
        if (crossed > 0) return crossed;
    }
    memcpy(m->out, in, size);
    if (!nika_target_mutates(m->target) || nika_target_draw(&m->draw, 8) == 0)
        return of_bytes(m, size);
    return nika_target_mutate(m->target, m->out, size, capacity,
                              nika_target_draw(&m->draw, UINT32_MAX));
}

void afl_custom_deinit(void *context)
{
    struct mutator *m = context;
    free(m->out);
    free(m);
}
