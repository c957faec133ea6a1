/* faults/network/round_partition.c: the network splits in two for single rounds of communication (ByzzFuzz's network faults;
 * ATTACKS.md 11.4). */
#include "faults/rounds.h"

enum { PARAM_ROUNDS, PARAM_HORIZON, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rounds",
     .doc = "Rounds in which the network is split (ByzzFuzz's d).",
     .low = 1,
     .high = FAULT_ROUNDS_MAX,
     .fallback = 2},
    {.name = "horizon",
     .doc = "Rounds of each sender from which they are drawn.",
     .low = 1,
     .high = 1000,
     .fallback = 8},
};
struct state {
    struct fault_rounds rounds;
    uint32_t round[FAULT_ROUNDS_MAX];
    uint64_t side[FAULT_ROUNDS_MAX];
};

static void start(struct nika_fault *fault)
{
    struct state *s = fault->state;
    for (uint32_t i = 0; i < fault->params[PARAM_ROUNDS]; i++) {
        s->round[i] = fault_round_draw(fault, i, fault->params[PARAM_HORIZON]);
        s->side[i] = fault_round_side(fault, i);
    }
}

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    uint32_t round = fault_round(&s->rounds, out);
    if (round == 0 || nika_is_client(out->to)) return;
    for (uint32_t i = 0; i < fault->params[PARAM_ROUNDS]; i++) {
        bool apart = ((s->side[i] >> (out->from % 64) ^ s->side[i] >> (out->to % 64)) & 1) != 0;
        if (s->round[i] != round || !apart) continue;
        out->drop = true;
        nika_fault_acted(fault, out->to);
        return;
    }
}

const struct nika_fault_ops nika_fault_round_partition = {
    .name = "round-partition",
    .doc = "Splits the network in two for single rounds of communication.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = start,
    .on_link = on_link,
};
