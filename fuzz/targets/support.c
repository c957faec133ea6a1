/* fuzz/targets/support.c: what all targets share: failing, states as coverage, draws. */
#include <stdarg.h>
#include <stdlib.h>

#include "engine/core/mix.h"
#include "fuzz/targets/target.h"

void nika_target_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("nika-fuzz: finding: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

/* libFuzzer looks for counters in a section of this name; without it they are plain bytes that nobody reads. */
#define STATES 4096u
#ifdef NIKA_FUZZ_STATES
__attribute__((section("__libfuzzer_extra_counters")))
#endif
static uint8_t states[STATES];

void nika_target_state(uint64_t state)
{
    states[nika_mix(state) % STATES] = 1;
}

uint32_t nika_target_draw(struct nika_target_draw *draw, uint32_t n)
{
    draw->state += NIKA_GOLDEN;
    return (uint32_t)nika_reduce(nika_mix(draw->state), n);
}
