/* faults/network/round_partition.c: the network splits in two for single rounds of communication (ByzzFuzz's network faults;
 * ATTACKS.md 11.4). */
#include "faults/rounds.h"

enum { PARAM_ROUNDS, PARAM_HORIZON, PARAM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    FAULT_PARAM_ROUNDS("Rounds in which the network is split (ByzzFuzz's d)."),
    FAULT_PARAM_HORIZON,
};
struct state {
    struct fault_rounds rounds;
    struct fault_round_pick picks[FAULT_ROUNDS_MAX];
};

static void start(struct nika_fault *fault)
{
    struct state *s = fault->state;
    fault_round_picks(fault, s->picks, fault->params[PARAM_ROUNDS], fault->params[PARAM_HORIZON]);
}

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    uint32_t round = fault_round(&s->rounds, out);
    if (round == 0 || nika_is_client(out->to)) return;
    for (uint32_t i = 0; i < fault->params[PARAM_ROUNDS]; i++) {
        const struct fault_round_pick *pick = &s->picks[i];
        bool apart = ((pick->side >> (out->from % 64) ^ pick->side >> (out->to % 64)) & 1) != 0;
        if (pick->round != round || !apart) continue;
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
    .blind = true,
};
