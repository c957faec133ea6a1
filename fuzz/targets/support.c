/* fuzz/targets/support.c: what all targets share: failing, states as coverage, draws. */
#include <stdarg.h>
#include <stdlib.h>

#include "engine/core/mix.h"
#include "engine/core/planted.h"
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

/* libFuzzer looks for counters in a section of this name; without it they are plain bytes that nobody reads. The compiler sees no reader
 * either, and would leave them out. */
#define STATES 4096u
#ifdef NIKA_FUZZ_STATES
__attribute__((used, section("__libfuzzer_extra_counters")))
#endif
static uint8_t states[STATES];

/* What libFuzzer sees it clears before every run; what was ever reached is kept beside it. */
static bool reached[STATES], silent;

void nika_target_state(uint64_t state)
{
    uint64_t at = nika_mix(state) % STATES;
    reached[at] = true;
    if (!silent) states[at] = 1;
}

void nika_target_use_states(bool on)
{
    silent = !on;
}

uint32_t nika_target_states(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < STATES; i++) count += reached[i] ? 1 : 0;
    return count;
}

static uint32_t planted;

bool nika_target_plant(const char *name)
{
    const char *known;
    for (uint32_t i = 1; (known = nika_planted_name(i)) != NULL; i++) {
        if (strcmp(known, name) != 0) continue;
        planted = i;
        nika_planted_select(i);
        return true;
    }
    return false;
}

uint32_t nika_target_planted(void)
{
    return planted;
}

uint32_t nika_target_draw(struct nika_target_draw *draw, uint32_t n)
{
    draw->state += NIKA_GOLDEN;
    return (uint32_t)nika_reduce(nika_mix(draw->state), n);
}
