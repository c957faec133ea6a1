/* faults/rounds.c: communication rounds; see rounds.h. */
#include "faults/rounds.h"

#define SIDES_MAX 16u /* Replicas that a drawn set tells apart; the others follow modulo. */

static bool is_phase(uint32_t message_class)
{
    switch (message_class) {
    case NIKA_MESSAGE_PROPOSE:
    case NIKA_MESSAGE_PREPARE:
    case NIKA_MESSAGE_COMMIT:
    case NIKA_MESSAGE_CHECKPOINT:
    case NIKA_MESSAGE_VIEW_CHANGE:
    case NIKA_MESSAGE_NEW_VIEW:
        return true;
    default:
        return false;
    }
}

uint32_t fault_round(struct fault_rounds *rounds, const struct nika_outgoing *out)
{
    if (nika_is_client(out->from) || out->from >= NIKA_REPLICAS_MAX) return 0;
    struct fault_rounds_node *node = &rounds->node[out->from];
    const struct nika_summary *m = out->summary;
    if (m == NULL || !is_phase(m->message_class)) return node->round;
    bool later = node->round == 0 || m->view > node->view ||
                 (m->view == node->view &&
                  (m->seq > node->seq || (m->seq == node->seq && m->message_class > node->phase)));
    if (later)
        *node = (struct fault_rounds_node){m->view, m->seq, m->message_class, node->round + 1};
    return node->round;
}

static uint32_t draw_round(struct nika_fault *fault, uint32_t which, uint64_t horizon)
{
    uint64_t value = nika_fault_choice(fault, which, 0, 0, 0, horizon + 1);
    return value == 0 ? 0 : (uint32_t)(horizon + 1 - value);
}

static uint64_t draw_side(struct nika_fault *fault, uint32_t which)
{
    uint32_t n = fault->host->config->n;
    uint64_t sides = (UINT64_C(1) << (n < SIDES_MAX ? n : SIDES_MAX)) - 1;
    uint64_t drawn = nika_fault_choice(fault, which, 1, 0, 0, sides), side = 0;
    for (uint32_t i = 0; i < n && i < 64; i++) side |= (drawn >> (i % SIDES_MAX) & 1) << i;
    return side;
}

void fault_round_picks(struct nika_fault *fault, struct fault_round_pick *picks, uint64_t count,
                       uint64_t horizon)
{
    for (uint32_t i = 0; i < count; i++)
        picks[i] = (struct fault_round_pick){draw_round(fault, i, horizon), draw_side(fault, i)};
}
