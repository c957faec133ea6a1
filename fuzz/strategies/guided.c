/* fuzz/strategies/guided.c: the grammar adversary, guided: runs that reached new protocol states are branched where they did
 * (DESIGN.md 7).
 *
 * The corpus is of one block and holds courses, not logs: a course says by which seed each stretch of a run decides, so that a branch
 * is one more turn. Everything that is drawn here comes from the run's own seed. */
#include "engine/core/stream.h"
#include "fuzz/strategies/strategy.h"

#define CORPUS 16u
#define FRESH_OF 4u /* One run in so many starts from nothing. */

struct memory {
    uint32_t count, next;
    struct entry {
        struct nika_course course;
        uint64_t first, last;
        uint32_t fresh;
    } corpus[CORPUS];
};

static void overrides(const struct nika_scenario *scenario, struct nika_strategy_sets *out)
{
    nika_strategy_grammar.overrides(scenario, out);
}

/* By how much was new in a run: those that found much are branched more often. */
static const struct entry *pick(const struct memory *m, uint64_t stream)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < m->count; i++) total += m->corpus[i].fresh;
    uint64_t at = nika_stream_below(stream, 1, total);
    for (uint32_t i = 0; i < m->count; i++) {
        if (at < m->corpus[i].fresh) return &m->corpus[i];
        at -= m->corpus[i].fresh;
    }
    return &m->corpus[0];
}

static void choose(void *memory, uint64_t seed, struct nika_course *out)
{
    const struct memory *m = memory;
    uint64_t stream = nika_stream(seed, "guided", 0);
    *out = (struct nika_course){.seed = seed};
    if (m->count == 0 || nika_stream_below(stream, 0, FRESH_OF) == 0) return;
    const struct entry *e = pick(m, stream);
    /* Between the first and the last new thing: what led there stays, what followed is new. */
    uint64_t from = e->first + nika_stream_below(stream, 2, e->last - e->first + 1);
    *out = e->course;
    while (out->turns > 0 && out->turn[out->turns - 1].from >= from) out->turns--;
    if (out->turns == NIKA_TURNS_MAX) out->turns--;
    out->turn[out->turns++] = (struct nika_turn){from, seed};
}

static void learn(void *memory, const struct nika_course *course, uint32_t fresh, uint64_t first,
                  uint64_t last)
{
    struct memory *m = memory;
    if (fresh == 0) return;
    m->corpus[m->next] = (struct entry){*course, first, last, fresh};
    m->next = (m->next + 1) % CORPUS;
    if (m->count < CORPUS) m->count++;
}

const struct nika_strategy nika_strategy_guided = {
    .name = "guided",
    .doc =
        "The grammar adversary; runs that reached new protocol states are branched where they did.",
    .overrides = overrides,
    .memory_size = sizeof(struct memory),
    .choose = choose,
    .learn = learn,
};
