/* faults/byzantine/twins.c: two instances of the real module under each target's keys, over a network that splits anew in each phase of
 * the first rounds (Bano et al., "Twins: BFT Systems Made Robust", OPODIS '20; ATTACKS.md 10).
 *
 * Neither instance lies: what they say together is equivocation, double votes and amnesia of every kind that the protocol itself can
 * produce. A round is a view; views are left out by cutting off who leads them, so that who leads a round is part of the case.
 * VIEW-CHANGEs are never cut: views must pass. The seed of the run is the number of its case: see twins_space.h. */
#include "engine/core/permute.h"
#include "faults/support.h"
#include "faults/twins_space.h"

enum { PARAM_ROUNDS, PARAM_PHASES, PARAM_SKIPS, PARAM_BLOCKS, PARAM_ORDER, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rounds",
     .doc = "Rounds that are planned; behind them the network is whole.",
     .low = 1,
     .high = TWINS_ROUNDS_MAX,
     .fallback = 3},
    {.name = "phases",
     .doc = "Splits of each round: 1, 2 (COMMITs have their own) or 3 (so have PREPAREs).",
     .low = 1,
     .high = TWINS_PHASES_MAX,
     .fallback = 2},
    {.name = "skips",
     .doc = "Views left out before a round at most, so that another replica leads it.",
     .low = 0,
     .high = TWINS_SKIPS_MAX,
     .fallback = 1},
    {.name = "blocks",
     .doc = "Parts that a split has at most; fewer where there are too many instances.",
     .low = 2,
     .high = TWINS_BLOCKS_MAX,
     .fallback = 2},
    {.name = "order",
     .doc = "In which order seeds go through the cases.",
     .low = 0,
     .high = UINT32_MAX,
     .fallback = 1},
};
/* What decisions are about. */
enum { SUBJECT_TWIN = 0xff00, SUBJECT_SKIPS, SUBJECT_SPLIT };

struct state {
    uint32_t rounds, phases;
    uint64_t views[TWINS_ROUNDS_MAX]; /* Of each round, ascending. */
    /* The block of each replica in the first half, of each twin in the second; which blocks are none of these is never asked. */
    uint8_t block[TWINS_ROUNDS_MAX][TWINS_PHASES_MAX][2 * NIKA_REPLICAS_MAX];
};

static uint64_t planned(struct nika_fault *fault, uint32_t target, uint16_t subject, uint64_t round,
                        uint64_t n, uint64_t given)
{
    struct nika_choice_name name = {
        .kind = NIKA_CHOICE_FAULT, .type = subject, .a = fault->index, .b = target, .seq = round};
    return nika_choice_given(fault->host->chooser, &name, n, given);
}

static void place(struct nika_fault *fault, const struct twins_space *space, uint32_t split,
                  uint8_t *block)
{
    uint32_t n = fault->host->config->n, twins = 0;
    for (uint32_t i = 0; i < n; i++) {
        block[i] = (uint8_t)twins_block(space, split, i);
        if (nika_fault_targets(fault, i))
            block[NIKA_REPLICAS_MAX + i] = (uint8_t)twins_block(space, split, n + twins++);
    }
}

static void plan(struct nika_fault *fault)
{
    struct state *s = fault->state;
    struct twins_space space;
    struct twins_case c;
    uint64_t number = fault->host->chooser->origin, view = 0;
    s->rounds = (uint32_t)fault->params[PARAM_ROUNDS];
    s->phases = (uint32_t)fault->params[PARAM_PHASES];
    twins_space_init(&space, fault->host->config->n, fault->targets, s->rounds, s->phases,
                     (uint32_t)fault->params[PARAM_SKIPS], (uint32_t)fault->params[PARAM_BLOCKS]);
    /* Neighbouring seeds have their twins elsewhere, and otherwise the same case. */
    if (fault->drawn_among > 1) number /= fault->drawn_among;
    number = nika_permute(number % space.count, space.count, fault->params[PARAM_ORDER]);
    twins_space_case(&space, number, &c);
    for (uint32_t i = 0; i < s->rounds; i++) {
        if (i > 0)
            view += 1 + planned(fault, NIKA_NODE_NONE, SUBJECT_SKIPS, i,
                                fault->params[PARAM_SKIPS] + 1, c.skips[i]);
        s->views[i] = view;
        for (uint32_t k = 0; k < s->phases; k++) {
            uint64_t split = planned(fault, NIKA_NODE_NONE, (uint16_t)(SUBJECT_SPLIT + k), i,
                                     space.split_count, c.split[i][k]);
            place(fault, &space, (uint32_t)split, s->block[i][k]);
        }
    }
}

static void start(struct nika_fault *fault)
{
    if ((fault->targets[0] | fault->targets[1]) == 0) return;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i) || planned(fault, i, SUBJECT_TWIN, 0, 2, 1) == 0)
            continue;
        fault->host->twin(fault->host->world, fault, i);
        nika_fault_acted(fault, i);
    }
    plan(fault);
}

/* Which phase of a round the message belongs to; TWINS_PHASES_MAX = none. */
static uint32_t phase_of(const struct state *s, const struct nika_outgoing *out)
{
    if (out->summary == NULL) return TWINS_PHASES_MAX;
    switch (out->summary->message_class) {
    case NIKA_MESSAGE_PROPOSE:
    case NIKA_MESSAGE_NEW_VIEW:
        return 0;
    case NIKA_MESSAGE_PREPARE:
        return s->phases == 3 ? 1 : 0;
    case NIKA_MESSAGE_COMMIT:
        return s->phases - 1;
    default:
        return TWINS_PHASES_MAX;
    }
}

static uint32_t place_of(uint32_t replica, bool twin)
{
    return twin ? NIKA_REPLICAS_MAX + replica : replica;
}

/* Is the message cut: across the split of its round, or from or to who leads a view that is left out? */
static bool cut(const struct nika_fault *fault, const struct nika_outgoing *out, uint32_t phase)
{
    const struct state *s = fault->state;
    uint64_t view = out->summary->view;
    uint32_t i = 0;
    while (i < s->rounds && s->views[i] < view) i++;
    if (i == s->rounds) return false;
    if (s->views[i] == view)
        return s->block[i][phase][place_of(out->from, out->from_twin)] !=
               s->block[i][phase][place_of(out->to, out->to_twin)];
    uint64_t primary = view % fault->host->config->n;
    return out->from == primary || out->to == primary;
}

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    if (nika_is_client(out->from) || nika_is_client(out->to)) return;
    uint32_t phase = phase_of(fault->state, out);
    if (phase == TWINS_PHASES_MAX || !cut(fault, out, phase)) return;
    if (fault->host->settled(fault->host->world)) return;
    out->drop = true;
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_twins = {
    .name = "twins",
    .doc = "Two instances of the module run under a target's keys; the network splits anew in each "
           "round.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .twins = true,
    .state_size = sizeof(struct state),
    .start = start,
    .on_link = on_link,
};
