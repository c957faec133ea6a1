/* fuzz/campaign/coverage.c: coarse protocol states and the steps between them; see coverage.h. */
#include "fuzz/campaign/coverage.h"

#include <string.h>

#include "engine/core/effects.h"
#include "engine/core/mix.h"

#define STEP_DIGITS (NIKA_COVERAGE_STEPS / 4)

static uint32_t least(uint64_t value, uint32_t most)
{
    return value < most ? (uint32_t)value : most;
}

uint32_t nika_coverage_state(const struct nika_replica_status *s, uint64_t interval)
{
    uint32_t lag = least((s->last_executed - s->low_mark) / interval, 3);
    bool voting = s->wait == NIKA_WAIT_PREPARES || s->wait == NIKA_WAIT_COMMITS;
    uint32_t votes = voting
                         ? least(s->wait_detail, 3)
                         : (s->wait == NIKA_WAIT_VIEW_CHANGES ? least(s->view_changes_held, 3) : 0);
    return least(s->view, 3) | (s->active ? 4u : 0) | (s->transferring || s->amnesiac ? 8u : 0) |
           lag << 4 | least(s->wait, 15) << 6 | votes << 10;
}

void nika_coverage_begin(struct nika_coverage *coverage)
{
    memset(coverage->last, 0, sizeof coverage->last);
}

/* True when the bit was not set. */
static bool set(uint64_t *bits, uint32_t at)
{
    uint64_t mask = UINT64_C(1) << (at % 64);
    bool fresh = (bits[at / 64] & mask) == 0;
    bits[at / 64] |= mask;
    return fresh;
}

bool nika_coverage_see(struct nika_coverage *coverage, uint32_t replica, uint32_t state)
{
    uint32_t last = coverage->last[replica];
    if (last == state + 1) return false;
    coverage->last[replica] = state + 1;
    bool fresh = set(coverage->states, state);
    uint64_t step = nika_mix((uint64_t)last << 32 | state);
    return set(coverage->steps, (uint32_t)(step % NIKA_COVERAGE_STEPS)) || fresh;
}

uint32_t nika_coverage_count(const uint64_t *bits, uint32_t size)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < size / 64; i++) count += (uint32_t)__builtin_popcountll(bits[i]);
    return count;
}

json_t *nika_coverage_states_json(const struct nika_coverage *coverage)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < NIKA_COVERAGE_STATES; i++) {
        if ((coverage->states[i / 64] >> (i % 64) & 1) != 0)
            json_array_append_new(array, json_integer(i));
    }
    return array;
}

json_t *nika_coverage_steps_json(const struct nika_coverage *coverage)
{
    char text[STEP_DIGITS];
    for (uint32_t i = 0; i < STEP_DIGITS; i++)
        text[i] = "0123456789abcdef"[coverage->steps[i / 16] >> (i % 16 * 4) & 15];
    return json_stringn(text, sizeof text);
}

bool nika_coverage_add_json(struct nika_coverage *coverage, const json_t *states,
                            const json_t *steps)
{
    json_t *state;
    size_t k;
    if (!json_is_array(states) || !json_is_string(steps)) return false;
    const char *text = json_string_value(steps);
    if (json_string_length(steps) != STEP_DIGITS || strspn(text, "0123456789abcdef") != STEP_DIGITS)
        return false;
    json_array_foreach((json_t *)(uintptr_t)states, k, state)
    {
        json_int_t value = json_integer_value(state);
        if (!json_is_integer(state) || value < 0 || value >= NIKA_COVERAGE_STATES) return false;
        set(coverage->states, (uint32_t)value);
    }
    for (uint32_t i = 0; i < STEP_DIGITS; i++) {
        uint64_t digit = (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
        coverage->steps[i / 16] |= digit << (i % 16 * 4);
    }
    return true;
}
