/* faults/network/isolate.c: cuts off the replica that just prepared, or whom it would hurt most, again and again
 * (ATTACKS.md 10.3, targeted partitions).
 *
 * It reads what passes and where replicas stand, and decides at three kinds of moments: when a slot gets its first order, when
 * the first COMMIT for it is sent (somebody has prepared, and perhaps nobody else has), and at regular ticks. */
#include "faults/support.h"

enum { PARAM_HOLD_MS, PARAM_TICK_MS, PARAM_RATE, PARAM_COUNT };
enum { WHOM_COMMITTER = 0, WHOM_PRIMARY, WHOM_AHEAD, WHOM_BEHIND, WHOM_SPLIT, WHOM_COUNT };
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "hold_ms",
     .doc = "How long a cut lasts at most; the length is drawn.",
     .low = 1,
     .high = 3600000,
     .fallback = 400},
    {.name = "tick_ms",
     .doc = "Time between the moments at which it considers a cut without an occasion.",
     .low = 1,
     .high = 3600000,
     .fallback = 150},
    {.name = "rate_ppm",
     .doc = "Probability of a cut at each such moment, in parts per million.",
     .low = 0,
     .high = FAULT_PPM_MAX,
     .fallback = 250000},
};
/* What a cut drops: all between the sides, one kind of vote to everybody but the side, or only votes between the sides. */
enum { MODE_ALL = 0, MODE_PREPARES, MODE_COMMITS, MODE_VOTES, MODE_COUNT };
struct state {
    uint64_t until_ns;
    struct moment {
        uint64_t view, seq;
    } seen[2]; /* The latest slot with a PRE-PREPARE, and with a COMMIT. */
    uint64_t side[2];
    uint64_t mode;
};
#define SUBJECT_TICK 0xff01u

static void add(struct state *s, uint32_t replica)
{
    s->side[replica / 64] |= UINT64_C(1) << (replica % 64);
}

static bool on_side(const struct state *s, uint32_t replica)
{
    return nika_set_has(s->side, replica);
}

/* The highest or lowest by executed sequence number; equal ones: the first. */
static uint32_t extreme(struct nika_fault *fault, bool ahead, uint64_t *view)
{
    uint32_t best = 0;
    uint64_t best_value = 0;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        struct nika_replica_status status = {0};
        fault->host->status(fault->host->world, i, &status);
        if (status.view > *view) *view = status.view;
        bool better = ahead ? status.last_executed > best_value : status.last_executed < best_value;
        if (i != 0 && !better) continue;
        best = i;
        best_value = status.last_executed;
    }
    return best;
}

static void cut(struct nika_fault *fault, uint32_t subject, uint64_t view, uint64_t seq,
                uint32_t committer)
{
    struct state *s = fault->state;
    uint32_t n = fault->host->config->n;
    uint64_t now = fault->host->now_ns(fault->host->world), top = 0;
    uint64_t whom = nika_fault_choice(fault, subject, 0, view, seq, WHOM_COUNT);
    uint32_t ahead = extreme(fault, true, &top), behind = extreme(fault, false, &top);
    s->side[0] = s->side[1] = 0;
    if (whom == WHOM_SPLIT) {
        /* All but the one where everybody is cut off, which cuts nobody off. */
        uint64_t masks = (UINT64_C(1) << (n < 16 ? n : 16)) - 1;
        uint64_t mask = nika_fault_choice(fault, subject, 1, view, seq, masks);
        for (uint32_t i = 0; i < n; i++) {
            if ((mask >> (i % 16) & 1) != 0) add(s, i);
        }
    } else {
        bool known = committer < n;
        add(s, whom == WHOM_PRIMARY           ? (uint32_t)(top % n)
               : whom == WHOM_BEHIND          ? behind
               : whom == WHOM_AHEAD || !known ? ahead
                                              : committer);
    }
    s->mode = nika_fault_choice(fault, subject, 2, view, seq, MODE_COUNT);
    uint64_t quarters = 1 + nika_fault_choice(fault, subject, 3, view, seq, 4);
    s->until_ns = now + fault->params[PARAM_HOLD_MS] * FAULT_MS * quarters / 4;
}

static void tick_later(struct nika_fault *fault)
{
    fault->host->wake(
        fault->host->world, fault,
        fault->host->now_ns(fault->host->world) + fault->params[PARAM_TICK_MS] * FAULT_MS, 0);
}

static void on_wake(struct nika_fault *fault, uint64_t cookie)
{
    const struct state *s = fault->state;
    (void)cookie;
    if (!fault->active) return;
    if (fault->host->now_ns(fault->host->world) >= s->until_ns &&
        fault_rolls_at(fault, SUBJECT_TICK, fault->params[PARAM_RATE]))
        cut(fault, SUBJECT_TICK, 0, 0, NIKA_NODE_NONE);
    tick_later(fault);
}

static uint32_t class_of(const struct nika_outgoing *out)
{
    return out->summary != NULL ? out->summary->message_class : NIKA_MESSAGE_OTHER;
}

static bool dropped(const struct state *s, const struct nika_outgoing *out)
{
    bool apart = on_side(s, out->from) != on_side(s, out->to);
    uint32_t class = class_of(out);
    bool prepare = class == NIKA_MESSAGE_PREPARE, commit = class == NIKA_MESSAGE_COMMIT;
    switch (s->mode) {
    case MODE_ALL:
        return apart;
    case MODE_VOTES:
        return apart && (prepare || commit);
    case MODE_PREPARES:
        return prepare && !on_side(s, out->to);
    default:
        return commit && !on_side(s, out->to);
    }
}

/* The first order of a slot, and the first sign that somebody has prepared it: when to cut so that it hurts. */
static void consider(struct nika_fault *fault, const struct nika_outgoing *out)
{
    struct state *s = fault->state;
    uint32_t class = class_of(out);
    if (class != NIKA_MESSAGE_COMMIT && class != NIKA_MESSAGE_PROPOSE) return;
    struct moment *seen = &s->seen[class == NIKA_MESSAGE_COMMIT];
    if (out->summary->view <= seen->view && out->summary->seq <= seen->seq) return;
    *seen = (struct moment){out->summary->view, out->summary->seq};
    if (nika_fault_choice_ppm(fault, out->from, out->type, seen->view, seen->seq,
                              fault->params[PARAM_RATE]))
        cut(fault, out->from, seen->view, seen->seq, out->from);
}

static void on_link(struct nika_fault *fault, struct nika_outgoing *out)
{
    const struct state *s = fault->state;
    if (nika_is_client(out->from) || nika_is_client(out->to)) return;
    uint64_t now = fault->host->now_ns(fault->host->world);
    if (now >= s->until_ns) consider(fault, out);
    if (now >= s->until_ns || !dropped(s, out)) return;
    out->drop = true;
    nika_fault_acted(fault, out->to);
}

static void stop(struct nika_fault *fault)
{
    struct state *s = fault->state;
    s->until_ns = 0;
}

const struct nika_fault_ops nika_fault_isolate = {
    .name = "isolate",
    .doc = "Cuts off the replica that just prepared, the primary, who is ahead, or a drawn side.",
    .fault_class = NIKA_FAULT_NETWORK,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = tick_later,
    .stop = stop,
    .on_wake = on_wake,
    .on_link = on_link,
    .blind = true,
};
