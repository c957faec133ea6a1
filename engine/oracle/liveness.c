/* engine/oracle/liveness.c: O10: after GST every operation of a correct client completes, and every correct replica reaches
 * the highest stable checkpoint, within B (PROTOCOLS.md 1.16; ATTACKS.md 9.2).
 *
 * Judged lazily: one comparison per tap until the earliest deadline has passed. A violation names what each replica waits for and
 * whether the stall is excusable, because more than f replicas are faulty or down. */
#include <stdio.h>

#include "engine/core/planted.h"
#include "engine/oracle/oracle_private.h"

struct outstanding {
    bool active;
    uint64_t token;
    uint64_t since_ns;
};
struct liveness {
    const struct nika_oracle_setup *setup;
    uint64_t bound_ns;
    uint64_t next_check_ns; /* No deadline is before it; UINT64_MAX = nothing is outstanding. */
    uint32_t clients;
    uint64_t stable_seq; /* Highest stable checkpoint of a correct replica. */
    uint64_t target_seq; /* The one that all must reach ... */
    uint64_t target_ns;  /* ... since then; 0 = no target. */
    uint64_t up_since_ns[NIKA_REPLICAS_MAX];
    uint64_t position[NIKA_REPLICAS_MAX]; /* Last executed or restored, when there is no status. */
    struct outstanding operations[];
};

static size_t liveness_size(const struct nika_oracle_setup *setup)
{
    return sizeof(struct liveness) + setup->config->clients * sizeof(struct outstanding);
}
static size_t liveness_used(const void *state)
{
    const struct liveness *l = state;
    return sizeof *l + l->clients * sizeof(struct outstanding);
}
static void liveness_init(void *state, const struct nika_oracle_setup *setup)
{
    struct liveness *l = state;
    l->setup = setup;
    l->clients = setup->config->clients;
    l->next_check_ns = UINT64_MAX;
    l->bound_ns = setup->gst_ns == UINT64_MAX ? UINT64_MAX : nika_liveness_bound(setup);
}

static uint64_t deadline_of(const struct liveness *l, uint64_t since_ns)
{
    uint64_t from = since_ns > l->setup->gst_ns ? since_ns : l->setup->gst_ns;
    return from > UINT64_MAX - l->bound_ns ? UINT64_MAX : from + l->bound_ns;
}

static bool is_up(const struct liveness *l, uint32_t replica)
{
    return l->setup->is_up == NULL || l->setup->is_up(l->setup->world, replica);
}

static uint32_t faulty_or_down(const struct liveness *l)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->setup->config->n; i++) {
        count += nika_set_has(l->setup->corrupted, i) || !is_up(l, i) ? 1 : 0;
    }
    return count;
}

static size_t append_replica(const struct liveness *l, uint32_t replica, char *text, size_t size)
{
    int length;
    struct nika_replica_status s = {0};
    if (!is_up(l, replica)) {
        length = snprintf(text, size, "; replica %" PRIu32 " is down", replica);
    } else {
        if (l->setup->status == NULL) return 0;
        l->setup->status(l->setup->world, replica, &s);
        uint32_t quorum = oracle_order_quorum(l->setup->config);
        uint64_t seq = s.last_executed + 1;
        if (s.wait == NIKA_WAIT_PREPARES || s.wait == NIKA_WAIT_COMMITS) {
            length = snprintf(text, size,
                              "; replica %" PRIu32 " waits for %" PRIu32 " %s at seq %" PRIu64
                              " in view %" PRIu64 " (holds %" PRIu64 ")",
                              replica, s.wait == NIKA_WAIT_COMMITS ? quorum : quorum - 1,
                              nika_wait_text(s.wait), seq, s.view, s.wait_detail);
        } else if (s.wait == NIKA_WAIT_VIEW_CHANGES) {
            length = snprintf(text, size,
                              "; replica %" PRIu32 " waits for %" PRIu32
                              " VIEW-CHANGEs for view %" PRIu64 " (holds %" PRIu32 ")",
                              replica, quorum, s.view, s.view_changes_held);
        } else {
            length =
                snprintf(text, size,
                         "; replica %" PRIu32 " waits for %s at seq %" PRIu64 " in view %" PRIu64,
                         replica, nika_wait_text(s.wait), seq, s.view);
        }
    }
    bool fits = length >= 0 && (size_t)length < size;
    if (!fits) text[0] = '\0'; /* Half of it would say less than nothing. */
    return fits ? (size_t)length : 0;
}

/* "; replica 2 waits for ...": as many correct replicas as fit; then whether somebody is to blame. */
static void describe_stall(const struct liveness *l, char *text, size_t size)
{
    uint32_t bad = faulty_or_down(l);
    size_t used;
    if (bad > l->setup->config->f) {
        used = (size_t)snprintf(
            text, size, " (excusable: %" PRIu32 " of %" PRIu32 " replicas are faulty or down)", bad,
            l->setup->config->n);
    } else {
        used = (size_t)snprintf(text, size, " (not excusable)");
    }
    for (uint32_t i = 0; i < l->setup->config->n && used + 1 < size; i++) {
        if (!nika_set_has(l->setup->corrupted, i))
            used += append_replica(l, i, text + used, size - used);
    }
}

static void check_operations(struct liveness *l, const struct nika_tap *at)
{
    for (uint32_t i = 0; i < l->clients; i++) {
        struct outstanding *op = &l->operations[i];
        if (!op->active) continue;
        uint64_t deadline = deadline_of(l, op->since_ns);
        if (at->now_ns >= deadline) {
            char sentence[NIKA_SENTENCE_SIZE];
            size_t used = (size_t)snprintf(
                sentence, sizeof sentence,
                "client %" PRIu32 " has waited since %" PRIu64 " ms for operation %" PRIu64
                ", past the bound of %" PRIu64 " ms after GST",
                i, op->since_ns / 1000000, op->token, l->bound_ns / 1000000);
            describe_stall(l, sentence + used, sizeof sentence - used);
            nika_oracle_report(l, at, nika_client_node(i), NIKA_NODE_NONE, 0, "%s", sentence);
            op->active = false; /* Reported once. */
        } else if (deadline < l->next_check_ns) {
            l->next_check_ns = deadline;
        }
    }
}

static uint64_t position_of(const struct liveness *l, uint32_t replica)
{
    if (l->setup->status == NULL) return l->position[replica];
    struct nika_replica_status s = {0};
    l->setup->status(l->setup->world, replica, &s);
    return s.last_executed;
}

static void check_replicas(struct liveness *l, const struct nika_tap *at)
{
    uint64_t deadline = deadline_of(l, l->target_ns);
    if (l->target_seq == 0) return;
    if (at->now_ns >= deadline) {
        for (uint32_t i = 0; i < l->setup->config->n; i++) {
            if (nika_set_has(l->setup->corrupted, i) || !is_up(l, i)) continue;
            if (l->up_since_ns[i] > l->target_ns || position_of(l, i) >= l->target_seq) continue;
            char stall[NIKA_SENTENCE_SIZE];
            describe_stall(l, stall, sizeof stall);
            nika_oracle_report(l, at, i, NIKA_NODE_NONE, l->target_seq,
                               "replica %" PRIu32 " is at seq %" PRIu64
                               " and has not reached the stable checkpoint at seq %" PRIu64
                               " within %" PRIu64 " ms%s",
                               i, position_of(l, i), l->target_seq, l->bound_ns / 1000000, stall);
        }
        /* The next target, unless this one is still the highest. */
        l->target_seq = l->stable_seq > l->target_seq ? l->stable_seq : 0;
        l->target_ns = at->now_ns;
        deadline = deadline_of(l, l->target_ns);
    }
    if (l->target_seq != 0 && deadline < l->next_check_ns) l->next_check_ns = deadline;
}

static void check_deadlines(struct liveness *l, const struct nika_tap *at)
{
    if (l->bound_ns == UINT64_MAX || at->now_ns < l->next_check_ns) return;
    l->next_check_ns = UINT64_MAX;
    check_operations(l, at);
    check_replicas(l, at);
}

static void on_stable(struct liveness *l, const struct nika_tap *tap)
{
    if (tap->note->a <= l->stable_seq) return;
    l->stable_seq = tap->note->a;
    if (l->target_seq != 0) return;
    l->target_seq = l->stable_seq;
    l->target_ns = tap->now_ns;
    uint64_t deadline = deadline_of(l, tap->now_ns);
    if (deadline < l->next_check_ns) l->next_check_ns = deadline;
}

static void on_client(struct liveness *l, const struct nika_tap *tap)
{
    struct outstanding *op = &l->operations[nika_client_index(tap->node)];
    if (tap->kind == NIKA_TAP_COMPLETED) {
        if (op->token == tap->token) op->active = false;
        return;
    }
    if ((tap->b & NIKA_OP_NO_REPLY) != 0) return; /* Never completes. */
    *op = (struct outstanding){.active = true, .token = tap->token, .since_ns = tap->now_ns};
    uint64_t deadline = deadline_of(l, tap->now_ns);
    if (deadline < l->next_check_ns) l->next_check_ns = deadline;
}

static void liveness_on_tap(void *state, const struct nika_tap *tap)
{
    struct liveness *l = state;
    check_deadlines(l, tap);
    if (tap->kind == NIKA_TAP_NOTE) {
        if (tap->a == NIKA_NOTE_STABLE && !nika_is_client(tap->node)) on_stable(l, tap);
    } else if (tap->kind == NIKA_TAP_INVOKED || tap->kind == NIKA_TAP_COMPLETED) {
        if (nika_is_client(tap->node)) on_client(l, tap);
    } else if (nika_is_client(tap->node)) {
        return;
    } else if (tap->kind == NIKA_TAP_EXECUTED || tap->kind == NIKA_TAP_RESTORED) {
        l->position[tap->node] = tap->a;
        for (uint32_t i = 0; NIKA_PLANTED(X4) && i < l->clients; i++)
            l->operations[i].active = false;
    } else if (tap->kind == NIKA_TAP_RESTARTED) {
        l->up_since_ns[tap->node] = tap->now_ns;
        l->position[tap->node] = 0;
    }
}

static void liveness_finish(void *state, uint64_t now_ns)
{
    struct nika_tap at = {.node = NIKA_NODE_NONE, .now_ns = now_ns};
    check_deadlines(state, &at);
}

const struct nika_oracle_ops oracle_liveness = {
    .id = "O10",
    .name = "liveness",
    .doc = "After GST each operation of a correct client completes, and each correct replica "
           "catches up, within B.",
    .property_class = NIKA_PROPERTY_LIVENESS,
    .mask = NIKA_TAP_BIT(NIKA_TAP_INVOKED) | NIKA_TAP_BIT(NIKA_TAP_COMPLETED) |
            NIKA_TAP_BIT(NIKA_TAP_TIMER) | NIKA_TAP_BIT(NIKA_TAP_NOTE) |
            NIKA_TAP_BIT(NIKA_TAP_EXECUTED) | NIKA_TAP_BIT(NIKA_TAP_RESTORED) |
            NIKA_TAP_BIT(NIKA_TAP_RESTARTED),
    .size = liveness_size,
    .used = liveness_used,
    .init = liveness_init,
    .on_tap = liveness_on_tap,
    .finish = liveness_finish,
};
