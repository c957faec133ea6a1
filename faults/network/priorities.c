/* faults/network/priorities.c: links have priorities, and at a few moments of a run the one in use falls to the lowest (PCT: Burckhardt
 * et al., ASPLOS '10, over deliveries).
 *
 * A priority is a delay: what a link of low priority carries arrives behind all that was sent in the meantime elsewhere. A bug that
 * needs d deliveries in one order is met with a probability that falls with the d-1 change points it needs, not with the length
 * of the run. */
#include "faults/support.h"

enum { PARAM_LEVELS, PARAM_STEP_US, PARAM_CHANGES, PARAM_MESSAGES, PARAM_COUNT };
#define CHANGES_MAX 16u
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "levels", .doc = "Priorities.", .low = 2, .high = 64, .fallback = 8},
    {.name = "step_us",
     .doc = "Delay between two neighbouring priorities.",
     .low = 1,
     .high = 60000000,
     .fallback = 15000},
    {.name = "changes",
     .doc = "Change points in a run (PCT's d - 1).",
     .low = 0,
     .high = CHANGES_MAX,
     .fallback = 3},
    {.name = "messages",
     .doc = "Messages of a run from which the change points are drawn (PCT's k).",
     .low = 1,
     .high = 1000000,
     .fallback = 300},
};
struct state {
    uint64_t sent;
    uint64_t change[CHANGES_MAX];                        /* Message numbers from 1; 0 = none. */
    uint8_t level[NIKA_REPLICAS_MAX][NIKA_REPLICAS_MAX]; /* Level + 1; 0 = not drawn yet. */
};

static void start(struct nika_fault *fault)
{
    struct state *s = fault->state;
    for (uint32_t i = 0; i < fault->params[PARAM_CHANGES]; i++)
        s->change[i] = nika_fault_choice(fault, i, 1, 0, 0, fault->params[PARAM_MESSAGES] + 1);
}

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    uint64_t levels = fault->params[PARAM_LEVELS];
    if (nika_is_client(out->from) || nika_is_client(out->to)) return;
    uint8_t *level = &s->level[out->from][out->to];
    if (*level == 0)
        *level = (uint8_t)(1 + nika_fault_choice(fault, fault_link_code(out->from, out->to), 0, 0,
                                                 0, levels));
    s->sent++;
    for (uint32_t i = 0; i < fault->params[PARAM_CHANGES]; i++) {
        if (s->change[i] == s->sent) *level = (uint8_t)(levels + 1 + i);
    }
    if (*level == 1) return;
    out->delay_ns += (*level - 1u) * fault->params[PARAM_STEP_US] * 1000u;
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_priorities = {
    .name = "priorities",
    .doc = "Gives links priorities, and lets the one in use fall to the lowest at drawn moments.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = start,
    .on_link = on_link,
    .blind = true,
};
