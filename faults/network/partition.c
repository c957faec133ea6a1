/* faults/network/partition.c: cuts its targets (the minority) off from everybody else, in one or both directions. */
#include "engine/core/planted.h"
#include "faults/support.h"

enum { PARAM_KIND, PARAM_TYPE, PARAM_CLIENTS, PARAM_RATE, PARAM_COUNT };
enum { KIND_SYMMETRIC, KIND_ONE_WAY_IN, KIND_ONE_WAY_OUT, KIND_COUNT };
static const char *const kind_names[] = {"symmetric", "one-way-in", "one-way-out", NULL};
static const char *const client_names[] = {"majority", "both", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "kind",
     .doc = "What is lost: both ways, into the minority, or out of it.",
     .low = 0,
     .high = KIND_COUNT - 1,
     .fallback = KIND_SYMMETRIC,
     .names = kind_names},
    FAULT_PARAM_TYPE,
    {.name = "clients",
     .doc = "Which side the clients reach.",
     .low = 0,
     .high = 1,
     .fallback = 0,
     .names = client_names},
    FAULT_PARAM_RATE,
};
struct state {
    bool cut;
};

/* One decision for the whole partition: a shrunk log then has one line for it, not one a message. */
static void start(struct nika_fault *fault)
{
    struct state *s = fault->state;
    s->cut = fault_rolls_at(fault, NIKA_NODE_NONE, fault->params[PARAM_RATE]);
}

static void stop(struct nika_fault *fault)
{
    struct state *s = fault->state;
    s->cut = false;
}

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    const struct state *s = fault->state;
    if (!s->cut) return;
    bool from = nika_fault_targets(fault, out->from), to = nika_fault_targets(fault, out->to);
    if (from == to) return;
    if (fault->params[PARAM_CLIENTS] == 1 && (nika_is_client(out->from) || nika_is_client(out->to)))
        return;
    if (fault->params[PARAM_KIND] == KIND_ONE_WAY_IN && from) return;
    if (fault->params[PARAM_KIND] == KIND_ONE_WAY_OUT && to) return;
    if (!fault_type_matches(fault, out, fault->params[PARAM_TYPE])) return;
    /* X2 has a list of types, and forgets some. */
    bool forgotten = fault_type_matches(fault, out, NIKA_MESSAGE_REQUEST) ||
                     fault_type_matches(fault, out, NIKA_MESSAGE_PROPOSE) ||
                     fault_type_matches(fault, out, NIKA_MESSAGE_BATCH) ||
                     fault_type_matches(fault, out, NIKA_MESSAGE_PREPARE) ||
                     fault_type_matches(fault, out, NIKA_MESSAGE_COMMIT);
    if (NIKA_PLANTED(X2) && forgotten) return;
    out->drop = true;
    nika_fault_acted(fault, out->to);
}

const struct nika_fault_ops nika_fault_partition = {
    .name = "partition",
    .doc = "Cuts its targets off from everybody else, in one or both directions.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = start,
    .stop = stop,
    .on_link = on_link,
    .blind = true,
};
