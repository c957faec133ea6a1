/* scenarios/stall.c: audit, temperature and lasso of a run that stopped making progress. See stall.h. */
#include "scenarios/stall.h"

#include <inttypes.h>
#include <stdio.h>

#include "engine/core/digest.h"

/* A message may wait for its receiver's processor as long as it may travel. */
#define LATE_FACTOR 2u

static const struct {
    const char *name, *doc;
} texts[NIKA_LIVENESS_COUNT] = {
    [NIKA_LIVENESS_UNJUDGED] = {"not-judged", "the network never settled, or no bound was passed"},
    [NIKA_LIVENESS_HELD] = {"held", "every obligation was met within the bound after GST"},
    [NIKA_LIVENESS_VACUOUS] = {"vacuous",
                               "what liveness presupposes was not given: neither pass nor fail"},
    [NIKA_LIVENESS_LASSO] = {"lasso",
                             "the cluster returned to the same state without progress: it loops"},
    [NIKA_LIVENESS_HOT] = {"hot", "more view changes without an execution than any bound needs"},
    [NIKA_LIVENESS_SLOW] = {"slow", "done after the bound, but within ten times the bound"},
    [NIKA_LIVENESS_INCONCLUSIVE] =
        {"inconclusive", "past the bound, and of no kind that could be told before a limit"},
};

const char *nika_liveness_name(uint32_t liveness)
{
    return liveness < NIKA_LIVENESS_COUNT ? texts[liveness].name : "unknown";
}
const char *nika_liveness_doc(uint32_t liveness)
{
    return liveness < NIKA_LIVENESS_COUNT ? texts[liveness].doc : "no such class";
}

void nika_lasso_clear(struct nika_lasso *lasso)
{
    lasso->count = 0;
}

bool nika_lasso_seen(struct nika_lasso *lasso, uint64_t hash, uint64_t now_ns, uint64_t period_ns)
{
    for (uint32_t i = 0; i < lasso->count; i++) {
        if (lasso->states[i].hash == hash) return now_ns - lasso->states[i].since_ns >= period_ns;
    }
    /* So many different states are no loop yet; the oldest stay, because a loop must come back to them or to later ones. */
    if (lasso->count == NIKA_LASSO_STATES) lasso->count = 0;
    lasso->states[lasso->count].hash = hash;
    lasso->states[lasso->count++].since_ns = now_ns;
    return false;
}

uint64_t nika_abstract_state(const struct nika_replica_status *status, uint32_t n,
                             const uint64_t judged[2])
{
    uint64_t lowest = UINT64_MAX, hash = n;
    for (uint32_t i = 0; i < n; i++) {
        if (nika_set_has(judged, i) && status[i].view < lowest) lowest = status[i].view;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!nika_set_has(judged, i)) continue;
        const struct nika_replica_status *s = &status[i];
        bool votes = s->wait == NIKA_WAIT_PREPARES || s->wait == NIKA_WAIT_COMMITS;
        uint64_t parts[] = {i,
                            s->view - lowest,
                            (s->active ? 1u : 0u) | (s->transferring ? 2u : 0u) |
                                (s->amnesiac ? 4u : 0u),
                            s->last_executed - s->low_mark,
                            s->last_committed - s->last_executed,
                            s->pending,
                            s->wait,
                            votes ? s->wait_detail : 0,
                            s->view_changes_held,
                            s->backoff};
        uint8_t bytes[8 * ARRAY_COUNT(parts)];
        for (uint32_t k = 0; k < ARRAY_COUNT(parts); k++) nika_store_le(bytes + 8 * k, parts[k], 8);
        hash = nika_hash64(bytes, sizeof bytes, hash);
    }
    return hash;
}

/* ---- taps ---- */
static bool is_correct(const struct nika_stall *stall, uint32_t node)
{
    const struct nika_oracle_setup *setup = stall->setup;
    if (node == NIKA_NODE_NONE) return false;
    if (nika_is_client(node))
        return !nika_set_has(setup->corrupted_clients, nika_client_index(node));
    return node < setup->config->n && !nika_set_has(setup->corrupted, node);
}

/* Lost by the network or by what a scenario does to it. A full queue and a message that its receiver refuses are the cluster's own
 * doing, and a crashed receiver is counted among the faulty. */
static bool is_loss(uint64_t why)
{
    return why == NIKA_DROP_LOSS || why == NIKA_DROP_PARTITION || why == NIKA_DROP_FAULT;
}

static void on_dropped(struct nika_stall *stall, const struct nika_tap *tap)
{
    if (!is_loss(tap->a) || !is_correct(stall, tap->node) || !is_correct(stall, tap->to)) return;
    if (stall->dropped++ > 0) return;
    stall->dropped_from = tap->node;
    stall->dropped_to = tap->to;
    stall->dropped_ns = tap->now_ns;
}

/* What a node hands on, a request or an order, is its own message: who signed it may have sent it long ago. */
static uint64_t message_hash(const struct nika_tap *tap)
{
    return nika_hash64(tap->frame->raw.data, tap->frame->raw.size, tap->node);
}

static void on_sent(struct nika_stall *stall, const struct nika_tap *tap)
{
    if (tap->frame == NULL || !is_correct(stall, tap->node)) return;
    uint64_t hash = message_hash(tap);
    stall->sent[hash % NIKA_STALL_SENT].hash = hash;
    stall->sent[hash % NIKA_STALL_SENT].sent_ns = tap->now_ns;
}

static void on_delivered(struct nika_stall *stall, const struct nika_tap *tap)
{
    if (tap->frame == NULL) return;
    if (tap->summary != NULL && (tap->summary->message_class == NIKA_MESSAGE_TRANSFER ||
                                 tap->summary->message_class == NIKA_MESSAGE_BATCH))
        stall->progress++;
    if (!is_correct(stall, tap->node) || !is_correct(stall, tap->to)) return;
    uint64_t hash = message_hash(tap), at = hash % NIKA_STALL_SENT;
    if (stall->sent[at].hash != hash) return;
    uint64_t took = tap->now_ns - stall->sent[at].sent_ns;
    if (took <= LATE_FACTOR * stall->setup->delay_bound_ns || stall->late++ > 0) return;
    stall->late_from = tap->node;
    stall->late_to = tap->to;
    stall->late_ns = tap->now_ns;
}

static void on_progress(struct nika_stall *stall)
{
    stall->progress++;
    stall->view_start = stall->view_high;
}

static void on_note(struct nika_stall *stall, const struct nika_tap *tap)
{
    if (tap->a != NIKA_NOTE_VIEW || !is_correct(stall, tap->node)) return;
    if (tap->note->a > stall->view_high) stall->view_high = tap->note->a;
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_stall *stall = context;
    if (tap->kind == NIKA_TAP_NOTE) {
        on_note(stall, tap);
        return;
    }
    if (tap->now_ns < stall->setup->gst_ns) {
        stall->view_start = stall->view_high;
        return;
    }
    if (tap->kind == NIKA_TAP_DROPPED) on_dropped(stall, tap);
    if (tap->kind == NIKA_TAP_SENT) on_sent(stall, tap);
    if (tap->kind == NIKA_TAP_DELIVERED) on_delivered(stall, tap);
    if (tap->kind == NIKA_TAP_EXECUTED || tap->kind == NIKA_TAP_RESTORED) {
        if (is_correct(stall, tap->node)) on_progress(stall);
    }
    /* Something new entered the cluster: a state that comes back after it proves nothing. */
    if (tap->kind == NIKA_TAP_INVOKED || tap->kind == NIKA_TAP_CRASHED ||
        tap->kind == NIKA_TAP_RESTARTED)
        stall->progress++;
}

struct nika_watcher nika_stall_watcher(struct nika_stall *stall,
                                       const struct nika_oracle_setup *setup)
{
    memset(stall, 0, sizeof *stall);
    stall->setup = setup;
    return (struct nika_watcher){
        .context = stall,
        .mask = NIKA_TAP_BIT(NIKA_TAP_NOTE) | NIKA_TAP_BIT(NIKA_TAP_DROPPED) |
                NIKA_TAP_BIT(NIKA_TAP_SENT) | NIKA_TAP_BIT(NIKA_TAP_DELIVERED) |
                NIKA_TAP_BIT(NIKA_TAP_EXECUTED) | NIKA_TAP_BIT(NIKA_TAP_RESTORED) |
                NIKA_TAP_BIT(NIKA_TAP_INVOKED) | NIKA_TAP_BIT(NIKA_TAP_CRASHED) |
                NIKA_TAP_BIT(NIKA_TAP_RESTARTED),
        .on_tap = on_tap};
}

uint64_t nika_stall_temperature(const struct nika_stall *stall)
{
    return stall->view_high - stall->view_start;
}

uint64_t nika_stall_hot_above(const struct nika_oracle_setup *setup)
{
    return nika_liveness_doublings(setup) + UINT64_C(2) * setup->config->f;
}

static const char *node_text(uint32_t node, char out[24])
{
    bool client = nika_is_client(node);
    snprintf(out, 24, "%s %" PRIu32, client ? "client" : "replica",
             client ? nika_client_index(node) : node);
    return out;
}

const char *nika_stall_cluster_vacuous(const struct nika_oracle_setup *setup, uint32_t down,
                                       char *text, size_t size)
{
    uint32_t faulty = setup->byzantine_count + down;
    if (faulty > setup->config->f) {
        snprintf(text, size,
                 "%" PRIu32 " replicas are faulty or down, and the cluster tolerates %" PRIu32,
                 faulty, setup->config->f);
        return text;
    }
    if (nika_liveness_cap_suffices(setup)) return NULL;
    snprintf(text, size,
             "the view-change time-out never grows as long as a view change needs "
             "(cluster.request_ms, cluster.backoff_max)");
    return text;
}

const char *nika_stall_vacuous(const struct nika_stall *stall, uint32_t down, char *text,
                               size_t size)
{
    char from[24], to[24];
    if (nika_stall_cluster_vacuous(stall->setup, down, text, size) != NULL) return text;
    if (stall->dropped > 0) {
        snprintf(text, size,
                 "%" PRIu64 " messages between correct nodes were lost after GST, the first from "
                 "%s to %s at %" PRIu64 " ms",
                 stall->dropped, node_text(stall->dropped_from, from),
                 node_text(stall->dropped_to, to), stall->dropped_ns / 1000000);
    } else if (stall->late > 0) {
        snprintf(text, size,
                 "%" PRIu64 " messages between correct nodes took more than twice the bound of "
                 "%" PRIu64 " us after GST, the first from %s to %s at %" PRIu64 " ms",
                 stall->late, stall->setup->delay_bound_ns / 1000,
                 node_text(stall->late_from, from), node_text(stall->late_to, to),
                 stall->late_ns / 1000000);
    } else {
        return NULL;
    }
    return text;
}
