/* engine/oracle/monotone.c: O7: view, low mark and last executed never go back within a life, nor below what was durable across
 * restarts; and no vote for a view below the last VIEW-CHANGE (INV-VCM) (PROTOCOLS.md 1.7, 1.16; ATTACKS.md 9, O-MONO).
 *
 * INV-VCU, one VIEW-CHANGE content per view, is judged by O6 together with every other signed content. */
#include "engine/oracle/oracle_private.h"

struct marks {
    /* Of this life. */
    uint64_t view, low_mark, last_executed;
    bool fresh; /* Nothing executed since the restart. */
    /* Over all lives. */
    uint64_t durable_view; /* Highest view of a durable VIEW-CHANGE or NEW-VIEW. */
    uint64_t durable_seq;  /* Highest CHECKPOINT sent: its snapshot was durable before (D6). */
    uint64_t left_below;   /* View of the last VIEW-CHANGE sent: all below it are left for ever. */
};
struct monotone {
    uint32_t n;
    struct marks marks[];
};

static size_t monotone_size(const struct nika_oracle_setup *setup)
{
    return sizeof(struct monotone) + setup->config->n * sizeof(struct marks);
}
static size_t monotone_used(const void *state)
{
    const struct monotone *m = state;
    return sizeof *m + m->n * sizeof(struct marks);
}
static void monotone_init(void *state, const struct nika_oracle_setup *setup)
{
    ((struct monotone *)state)->n = setup->config->n;
}

static void report_back(struct monotone *m, const struct nika_tap *tap, const char *what,
                        uint64_t from, uint64_t to, const char *why)
{
    nika_oracle_report(m, tap, tap->node, NIKA_NODE_NONE, to,
                       "replica %" PRIu32 " went back from %s %" PRIu64 " to %" PRIu64 " %s",
                       tap->node, what, from, to, why);
}

static void on_note(struct monotone *m, struct marks *k, const struct nika_tap *tap)
{
    uint64_t value = tap->note->a;
    if (tap->a == NIKA_NOTE_VIEW) {
        if (value < k->view) {
            report_back(m, tap, "view", k->view, value, "within one life");
        } else if (value < k->durable_view) {
            report_back(m, tap, "view", k->durable_view, value,
                        "although the higher one was durable");
        } else {
            k->view = value;
        }
    } else if (tap->a == NIKA_NOTE_STABLE) {
        if (value < k->low_mark) {
            report_back(m, tap, "low mark", k->low_mark, value, "within one life");
        } else {
            k->low_mark = value;
        }
    }
}

static void on_executed(struct monotone *m, struct marks *k, const struct nika_tap *tap)
{
    if (tap->a < k->last_executed) {
        report_back(m, tap, "executed seq", k->last_executed, tap->a, "within one life");
    } else {
        k->last_executed = tap->a;
    }
    if (k->fresh && tap->a <= k->durable_seq) {
        report_back(m, tap, "durable checkpoint seq", k->durable_seq, tap->a, "after a restart");
    }
    k->fresh = false;
}

static void on_sent(struct monotone *m, struct marks *k, const struct nika_tap *tap)
{
    const struct nika_summary *s = tap->summary;
    if (s == NULL || !oracle_own_frame(tap)) return;
    uint32_t class = s->message_class;
    if (class == NIKA_MESSAGE_PREPARE || class == NIKA_MESSAGE_COMMIT ||
        class == NIKA_MESSAGE_PROPOSE) {
        if (s->view >= k->left_below) return;
        nika_oracle_report(m, tap, tap->node, NIKA_NODE_NONE, s->seq,
                           "replica %" PRIu32 " sent a %s (digest %08" PRIx32 ") at seq %" PRIu64
                           " in view %" PRIu64 " after its VIEW-CHANGE for view %" PRIu64,
                           tap->node,
                           class == NIKA_MESSAGE_PREPARE  ? "PREPARE"
                           : class == NIKA_MESSAGE_COMMIT ? "COMMIT"
                                                          : "proposal",
                           oracle_hex8(oracle_fingerprint(&s->digest)), s->seq, s->view,
                           k->left_below);
    } else if (class == NIKA_MESSAGE_VIEW_CHANGE) {
        if (s->view > k->left_below) k->left_below = s->view;
    } else if (class == NIKA_MESSAGE_CHECKPOINT) {
        if (s->seq > k->durable_seq) k->durable_seq = s->seq;
    }
}

static void on_stored(struct marks *k, const struct nika_tap *tap)
{
    const struct nika_summary *s = tap->summary;
    if (s == NULL || tap->a != 0) return;
    if (s->message_class != NIKA_MESSAGE_VIEW_CHANGE && s->message_class != NIKA_MESSAGE_NEW_VIEW)
        return;
    if (s->view > k->durable_view) k->durable_view = s->view;
}

static void on_restarted(struct marks *k, const struct nika_tap *tap)
{
    k->view = 0;
    k->low_mark = 0;
    k->last_executed = 0;
    k->fresh = true;
    if (tap->a != 1) return;
    /* Its log was lost: that it forgets is the fault that was injected. */
    k->durable_view = 0;
    k->durable_seq = 0;
    k->left_below = 0;
}

static void monotone_on_tap(void *state, const struct nika_tap *tap)
{
    struct monotone *m = state;
    if (nika_is_client(tap->node)) return;
    struct marks *k = &m->marks[tap->node];
    if (tap->kind == NIKA_TAP_SENT) {
        on_sent(m, k, tap);
    } else if (tap->kind == NIKA_TAP_NOTE) {
        on_note(m, k, tap);
    } else if (tap->kind == NIKA_TAP_EXECUTED) {
        on_executed(m, k, tap);
    } else if (tap->kind == NIKA_TAP_STORED) {
        on_stored(k, tap);
    } else if (tap->kind == NIKA_TAP_RESTARTED) {
        on_restarted(k, tap);
    } else if (tap->a > k->last_executed) { /* RESTORED */
        k->last_executed = tap->a;
    }
}

const struct nika_oracle_ops oracle_monotone = {
    .id = "O7",
    .name = "monotone",
    .doc = "View, low mark and last executed never go back, and no vote follows a VIEW-CHANGE for "
           "a higher view.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_SENT) | NIKA_TAP_BIT(NIKA_TAP_NOTE) |
            NIKA_TAP_BIT(NIKA_TAP_EXECUTED) | NIKA_TAP_BIT(NIKA_TAP_STORED) |
            NIKA_TAP_BIT(NIKA_TAP_RESTARTED) | NIKA_TAP_BIT(NIKA_TAP_RESTORED),
    .size = monotone_size,
    .used = monotone_used,
    .init = monotone_init,
    .on_tap = monotone_on_tap,
};
