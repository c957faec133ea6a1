/* faults/twins_space.c: counting and numbering the cases of `twins`; see twins_space.h. */
#include "faults/twins_space.h"

#include "engine/core/assert.h"
#include "engine/core/mix.h"

#define COUNT_MAX (UINT64_C(1) << 62)
#define FREE_MAX 4u /* Correct replicas whose order is looked at. */

/* ---- splits ---- */
static uint64_t nibble(uint32_t instance, uint64_t block)
{
    return block << (60 - 4 * instance);
}

static uint32_t block_of(uint64_t split, uint32_t instance)
{
    return (uint32_t)(split >> (60 - 4 * instance)) & 15;
}

uint32_t twins_block(const struct twins_space *space, uint32_t split, uint32_t instance)
{
    return block_of(space->splits[split], instance % TWINS_INSTANCES_MAX);
}

/* The next one in ascending order: the last instance that can go one block higher does, those behind it return to block 0. False
 * behind the last. */
static bool split_next(uint64_t *split, uint32_t instances, uint32_t blocks)
{
    for (uint32_t i = instances; i-- > 1;) {
        uint32_t most = 0, block = block_of(*split, i);
        for (uint32_t k = 0; k < i; k++)
            most = block_of(*split, k) > most ? block_of(*split, k) : most;
        if (block > most || block + 1 >= blocks) continue;
        uint64_t kept = ~(UINT64_MAX >> (4 * i));
        *split = (*split & kept) | nibble(i, block + 1);
        return true;
    }
    return false;
}

static bool list_splits(struct twins_space *s, uint32_t blocks)
{
    uint64_t split = 0;
    s->split_count = 0;
    do {
        if (s->split_count == TWINS_SPLITS_MAX) return false;
        s->splits[s->split_count++] = split;
    } while (split_next(&split, s->instances, blocks));
    return true;
}

static uint32_t find_split(const struct twins_space *s, uint64_t split)
{
    uint32_t low = 0, high = s->split_count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (s->splits[middle] < split)
            low = middle + 1;
        else
            high = middle;
    }
    NIKA_ASSERT(s->splits[low] == split);
    return low;
}

/* ---- the group ---- */
static uint64_t renamed(uint64_t split, const uint8_t *to, uint32_t instances)
{
    uint64_t moved = 0, out = 0;
    uint8_t number[16];
    uint8_t next = 0;
    memset(number, 0xff, sizeof number);
    for (uint32_t i = 0; i < instances; i++) moved |= nibble(to[i], block_of(split, i));
    for (uint32_t i = 0; i < instances; i++) {
        uint32_t block = block_of(moved, i);
        if (number[block] == 0xff) number[block] = next++;
        out |= nibble(i, number[block]);
    }
    return out;
}

static void group_add(struct twins_space *s, const uint8_t *to)
{
    NIKA_ASSERT(s->group_size < TWINS_GROUP_MAX);
    uint32_t at = s->group_size++;
    s->fixed[at] = 0;
    for (uint32_t i = 0; i < s->split_count; i++) {
        s->image[at][i] = (uint16_t)find_split(s, renamed(s->splits[i], to, s->instances));
        s->fixed[at] += s->image[at][i] == i;
    }
}

/* The `which`-th order of `count` free replicas. */
static void permute_free(const uint8_t *list, uint32_t count, uint32_t which, uint8_t *to)
{
    uint8_t left[FREE_MAX];
    memcpy(left, list, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = which % (count - i);
        which /= count - i;
        to[list[i]] = left[at];
        for (uint32_t k = at; k + 1 < count - i; k++) left[k] = left[k + 1];
    }
}

static bool has_twin(const struct twins_space *s, uint32_t replica)
{
    for (uint32_t i = 0; i < s->twins; i++) {
        if (s->twin_of[i] == replica) return true;
    }
    return false;
}

/* All renamings that nobody can tell when the first `views` views are led: the identity comes first. */
static void make_group(struct twins_space *s, uint32_t views)
{
    uint8_t list[FREE_MAX] = {0}, to[TWINS_INSTANCES_MAX];
    uint32_t count = 0, orders = 1, swaps = s->twins < 2 ? s->twins : 2;
    if (s->group_views == views) return;
    s->group_views = views;
    s->group_size = 0;
    for (uint32_t i = views; i < s->n && count < FREE_MAX; i++) {
        if (has_twin(s, i)) continue;
        list[count++] = (uint8_t)i;
        orders *= count;
    }
    for (uint32_t which = 0; which < orders; which++) {
        for (uint32_t swap = 0; swap < 1u << swaps; swap++) {
            for (uint32_t i = 0; i < s->instances; i++) to[i] = (uint8_t)i;
            permute_free(list, count, which, to);
            for (uint32_t i = 0; i < swaps; i++) {
                uint8_t twin = (uint8_t)(s->instances - s->twins + i);
                if ((swap >> i & 1) == 0) continue;
                to[s->twin_of[i]] = twin;
                to[twin] = s->twin_of[i];
            }
            group_add(s, to);
        }
    }
}

/* ---- counting ---- */
/* Classes of `steps` splits under a subgroup, by Burnside's lemma: 512^12 and 96 elements are below 2^115. */
static uint64_t classes_of(const struct twins_space *s, const uint8_t *group, uint32_t size,
                           uint32_t steps)
{
    nika_u128 sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        nika_u128 product = 1;
        for (uint32_t k = 0; k < steps; k++) product *= s->fixed[group[i]];
        sum += product;
    }
    sum /= size;
    return sum < COUNT_MAX ? (uint64_t)sum : COUNT_MAX;
}

static uint32_t whole_group(const struct twins_space *s, uint8_t *group)
{
    for (uint32_t i = 0; i < s->group_size; i++) group[i] = (uint8_t)i;
    return s->group_size;
}

/* How the views before each round are left out, as digits of a number; the views that are led then. */
static uint32_t views_of(const struct twins_space *s, uint32_t which, uint8_t *skips)
{
    uint32_t views = s->rounds;
    skips[0] = 0;
    for (uint32_t i = 1; i < s->rounds; i++) {
        skips[i] = (uint8_t)(which % (s->skips + 1));
        which /= s->skips + 1;
        views += skips[i];
    }
    return views;
}

static uint32_t skip_count(const struct twins_space *s)
{
    uint32_t count = 1;
    for (uint32_t i = 1; i < s->rounds; i++) count *= s->skips + 1;
    return count;
}

static uint64_t classes_with(struct twins_space *s, uint32_t views)
{
    uint8_t group[TWINS_GROUP_MAX];
    if (s->classes[views] != 0) return s->classes[views];
    make_group(s, views);
    uint32_t size = whole_group(s, group);
    return s->classes[views] = classes_of(s, group, size, s->steps);
}

void twins_space_init(struct twins_space *s, uint32_t n, const uint64_t set[2], uint32_t rounds,
                      uint32_t phases, uint32_t skips, uint32_t blocks)
{
    NIKA_ASSERT(rounds >= 1 && rounds <= TWINS_ROUNDS_MAX);
    NIKA_ASSERT(phases >= 1 && phases <= TWINS_PHASES_MAX);
    NIKA_ASSERT(skips <= TWINS_SKIPS_MAX && blocks >= 2 && blocks <= TWINS_BLOCKS_MAX);
    memset(s, 0, sizeof *s);
    s->rounds = rounds;
    s->phases = phases;
    s->skips = skips;
    s->steps = rounds * phases;
    s->n = n;
    for (uint32_t i = 0; i < n && s->twins < TWINS_INSTANCES_MAX / 2; i++) {
        if (nika_set_has(set, i) && i < TWINS_INSTANCES_MAX) s->twin_of[s->twins++] = (uint8_t)i;
    }
    s->instances = n + s->twins;
    /* Places modulo the bound are no renaming that nobody can tell: no symmetry then. */
    if (s->instances > TWINS_INSTANCES_MAX) {
        s->instances = TWINS_INSTANCES_MAX;
        s->twins = 0;
        s->n = 0;
    }
    while (!list_splits(s, blocks)) blocks--;
    uint8_t digits[TWINS_ROUNDS_MAX];
    for (uint32_t which = 0; which < skip_count(s); which++) {
        uint64_t more = classes_with(s, views_of(s, which, digits));
        s->count = more > COUNT_MAX - s->count ? COUNT_MAX : s->count + more;
    }
}

/* ---- numbering ---- */
/* Is `split` the least of its class under the subgroup? Then those that leave it alone are in `stabiliser`. */
static bool is_least(const struct twins_space *s, const uint8_t *group, uint32_t size,
                     uint32_t split, uint8_t *stabiliser, uint32_t *stabilisers)
{
    *stabilisers = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t image = s->image[group[i]][split];
        if (image < split) return false;
        if (image == split) stabiliser[(*stabilisers)++] = group[i];
    }
    return true;
}

void twins_space_case(struct twins_space *s, uint64_t index, struct twins_case *out)
{
    uint8_t group[TWINS_GROUP_MAX], stabiliser[TWINS_GROUP_MAX];
    uint32_t which = 0, stabilisers = 0;
    NIKA_ASSERT(index < s->count);
    memset(out, 0, sizeof *out);
    for (;; which++) {
        uint64_t classes = classes_with(s, views_of(s, which, out->skips));
        if (index < classes) break;
        index -= classes;
    }
    make_group(s, views_of(s, which, out->skips));
    uint32_t size = whole_group(s, group);
    for (uint32_t step = 0; step < s->steps; step++) {
        for (uint32_t split = 0;; split++) {
            NIKA_ASSERT(split < s->split_count);
            if (!is_least(s, group, size, split, stabiliser, &stabilisers)) continue;
            uint64_t classes = classes_of(s, stabiliser, stabilisers, s->steps - step - 1);
            out->split[step / s->phases][step % s->phases] = (uint16_t)split;
            if (index < classes) break;
            index -= classes;
        }
        memcpy(group, stabiliser, stabilisers);
        size = stabilisers;
    }
}
