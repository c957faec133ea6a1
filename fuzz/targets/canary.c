/* fuzz/targets/canary.c: a target with bugs in it, which proves that what runs fuzzers notices, names and keeps what they find. It is in no
 * list: only the programs fuzz-canary and nika-fuzz-canary have it (docs/fuzzing.md).
 *
 * Input: steps u8. The machine below moves one state on for each right step and falls back otherwise; in its last states it breaks, by a
 * violation that the target says itself, by a byte behind the end of what it owns, by not ending, or by more memory than it may have;
 * and it remembers earlier inputs. */
#include <stdlib.h>

#include "fuzz/targets/target.h"

#define SIZE_MAX_INPUT 64u
#define ROOM 8u
#define GREED (400u * 1024u * 1024u)
static const struct nika_target_limits limits = {.memory_mb = 256, .seconds = 1};
static const uint8_t way[] = {'n', 'i', 'k', 'a'};

static void run(struct nika_span input)
{
    static uint32_t remembered; /* As no target may: by an input that has '='. */
    uint32_t state = 0;
    for (uint32_t i = 0; i < input.size; i++) {
        if (state < sizeof way) {
            state = input.data[i] == way[state] ? state + 1 : 0;
            nika_target_state(state);
            continue;
        }
        NIKA_TARGET_CHECK(input.data[i] != '!', "canary: the planted violation");
        if (input.data[i] == '?') {
            volatile uint8_t *room = malloc(ROOM);
            NIKA_TARGET_CHECK(room != NULL, "out of memory");
            volatile size_t beyond = ROOM; /* What a compiler knows, it refuses. */
            room[beyond] = 1;              /* The planted crash. */
            free((void *)(uintptr_t)room);
        }
        if (input.data[i] == '=' && ++remembered % 2 == 0) nika_target_state(remembered);
        for (volatile uint32_t round = 0; input.data[i] == '~'; round = round + 1) {
        }
        if (input.data[i] == '+') {
            uint8_t *room = malloc(GREED);
            NIKA_TARGET_CHECK(room != NULL, "out of memory");
            memset(room, input.data[i], GREED);
            nika_target_state(room[GREED / 2]); /* So that it is not optimised away. */
            free(room);
        }
    }
}

static void seeds(nika_target_seed *seed, void *context)
{
    static const uint8_t begun[] = {'n', 'i', 'k'};
    seed(context, "begun", (struct nika_span){begun, sizeof begun});
}

const struct nika_target nika_target_canary = {
    .name = "canary",
    .doc = "A planted violation and a planted crash: whoever runs it must report a finding.",
    .size_max = SIZE_MAX_INPUT,
    .run = run,
    .seeds = seeds,
};

const struct nika_target *const nika_targets[] = {&nika_target_canary, NULL};

const struct nika_target *nika_target_find(const char *name)
{
    return strcmp(name, nika_target_canary.name) == 0 ? &nika_target_canary : NULL;
}

const struct nika_target_limits *nika_target_limits(const struct nika_target *target)
{
    NIKA_TARGET_CHECK(target == &nika_target_canary, "another target than the canary");
    return &limits;
}
