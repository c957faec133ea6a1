/* faults/byzantine/byzzfuzz.c: in single rounds, corrupted replicas send some receivers one small mutation of what they say
 * (Winter et al., OOPSLA '23; ATTACKS.md 11.4).
 *
 * The mutation of a round is drawn once and is the same for all of its receivers. Fields come from the message tables. */
#include "engine/core/stream.h"
#include "faults/fields.h"
#include "faults/rounds.h"

enum { PARAM_ROUNDS, PARAM_HORIZON, PARAM_SCOPE, PARAM_COUNT };
enum { SCOPE_SMALL, SCOPE_ANY, SCOPE_COUNT };
static const char *const scope_names[] = {"small", "any", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    FAULT_PARAM_ROUNDS("Rounds in which corrupted replicas lie (ByzzFuzz's c)."),
    FAULT_PARAM_HORIZON,
    {.name = "scope",
     .doc = "small: one step up or down; any: any value.",
     .low = 0,
     .high = SCOPE_COUNT - 1,
     .fallback = SCOPE_SMALL,
     .names = scope_names},
};
#define HOW_COUNT 256u
struct state {
    struct fault_rounds rounds;
    struct fault_round_pick picks[FAULT_ROUNDS_MAX]; /* side: who is lied to. */
    uint64_t how[FAULT_ROUNDS_MAX];                  /* Which field, and which step. */
};

static void start(struct nika_fault *fault)
{
    struct state *s = fault->state;
    fault_round_picks(fault, s->picks, fault->params[PARAM_ROUNDS], fault->params[PARAM_HORIZON]);
    for (uint32_t i = 0; i < fault->params[PARAM_ROUNDS]; i++)
        s->how[i] = nika_fault_choice(fault, i, 2, 0, 0, HOW_COUNT);
}

/* All draws of one mutation follow from its number, so that all receivers are told the same. */
struct draws {
    uint64_t how, count;
    bool any;
};

static uint64_t below(void *context, uint64_t n)
{
    struct draws *d = context;
    return nika_stream_below(d->how, d->count++, n);
}

static uint64_t number(void *context, uint64_t old)
{
    const struct draws *d = context;
    if (d->any) {
        uint64_t change = below(context, UINT64_MAX), shorter = below(context, 60);
        return old ^ change >> shorter;
    }
    return below(context, 2) == 0 ? old - 1 : old + 1;
}

static bool mutate(struct nika_fault *fault, struct nika_outgoing *out, uint64_t how)
{
    union fault_value value;
    struct draws draws = {.how = how, .any = fault->params[PARAM_SCOPE] == SCOPE_ANY};
    const struct fault_steps steps = {&draws, below, number};
    const struct nika_message_info *info = fault_decode_any(fault, out, &value);
    return info != NULL && fault_mutate(fault, out, info, &value, &steps);
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    uint32_t round = fault_round(&s->rounds, out);
    if (round == 0) return;
    /* Clients are receivers, too: they are told what replica 0 is told. */
    uint32_t to = nika_is_client(out->to) ? 0 : out->to % 64;
    for (uint32_t i = 0; i < fault->params[PARAM_ROUNDS]; i++) {
        if (s->picks[i].round != round || (s->picks[i].side >> to & 1) == 0) continue;
        if (mutate(fault, out, s->how[i])) nika_fault_acted(fault, out->from);
        return;
    }
}

const struct nika_fault_ops nika_fault_byzzfuzz = {
    .name = "byzzfuzz",
    .doc = "In single rounds, corrupted replicas send some receivers one small mutation.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = start,
    .on_send = on_send,
};
