/* engine/oracle/self_equivocation.c: O6: a correct replica signs one content per (class, view, seq), ever, also across
 * restarts (PROTOCOLS.md 1.12, 1.16; ATTACKS.md 9, O-SELF). One VIEW-CHANGE content per view (INV-VCU) is a case of it.
 *
 * Nothing is forgotten when a replica crashes. Per sequence number the two newest views are kept: an older view can send
 * nothing any more, which O7 judges. */
#include "engine/oracle/oracle_private.h"

#define VOTE_CLASSES 3u /* PROPOSE, PREPARE, COMMIT */
#define VIEWS_KEPT 2u
#define RARE_CLASSES 3u /* CHECKPOINT, VIEW_CHANGE, NEW_VIEW */
#define RARE_KEPT 16u

struct signed_content {
    uint64_t key; /* View or sequence number plus 1; 0 = free. */
    uint64_t value;
};
struct seq_votes {
    uint64_t seq;
    struct signed_content votes[VOTE_CLASSES][VIEWS_KEPT];
};
struct replica_signed {
    struct signed_content rare[RARE_CLASSES][RARE_KEPT];
};
struct self_equivocation {
    const struct nika_config *config;
    uint32_t n, ring_count;
    size_t votes_offset;
};

static uint32_t votes_count(const struct nika_config *config)
{
    return oracle_power_of_two(2 * config->window);
}
static size_t rare_end(const struct nika_config *config)
{
    return oracle_align(sizeof(struct self_equivocation)) +
           config->n * sizeof(struct replica_signed);
}
static size_t self_equivocation_size(const struct nika_oracle_setup *setup)
{
    const struct nika_config *c = setup->config;
    return rare_end(c) + (size_t)c->n * votes_count(c) * sizeof(struct seq_votes);
}
static size_t self_equivocation_used(const void *state)
{
    const struct self_equivocation *o = state;
    return o->votes_offset + (size_t)o->n * o->ring_count * sizeof(struct seq_votes);
}
static void self_equivocation_init(void *state, const struct nika_oracle_setup *setup)
{
    struct self_equivocation *o = state;
    o->config = setup->config;
    o->n = setup->config->n;
    o->ring_count = votes_count(setup->config);
    o->votes_offset = rare_end(setup->config);
}

static void report(struct self_equivocation *o, const struct nika_tap *tap, const char *class_name,
                   uint64_t first, uint64_t second)
{
    nika_oracle_report(o, tap, tap->node, NIKA_NODE_NONE, tap->summary->seq,
                       "replica %" PRIu32 " signed two %s at view %" PRIu64 " seq %" PRIu64
                       ": first %08" PRIx32 ", now %08" PRIx32,
                       tap->node, class_name, tap->summary->view, tap->summary->seq,
                       oracle_hex8(first), oracle_hex8(second));
}

static void check_vote(struct self_equivocation *o, const struct nika_tap *tap, uint32_t vote,
                       const char *class_name, uint64_t value)
{
    uint64_t seq = tap->summary->seq, key = tap->summary->view + 1;
    struct seq_votes *base = (struct seq_votes *)(void *)((uint8_t *)o + o->votes_offset);
    /* Interleaved by replica, so that a short run touches only the front. */
    struct seq_votes *s = &base[(seq & (o->ring_count - 1)) * o->n + tap->node];
    if (s->seq > seq) return;
    if (s->seq < seq) {
        memset(s, 0, sizeof *s);
        s->seq = seq;
    }
    struct signed_content *kept = s->votes[vote];
    uint32_t oldest = kept[0].key <= kept[1].key ? 0 : 1;
    for (uint32_t i = 0; i < VIEWS_KEPT; i++) {
        if (kept[i].key != key) continue;
        if (kept[i].value != value) report(o, tap, class_name, kept[i].value, value);
        return;
    }
    if (key > kept[oldest].key) kept[oldest] = (struct signed_content){.key = key, .value = value};
}

static void check_rare(struct self_equivocation *o, const struct nika_tap *tap, uint32_t rare,
                       uint64_t index, uint64_t key, const char *class_name, uint64_t value)
{
    struct replica_signed *all =
        (struct replica_signed *)(void *)((uint8_t *)o + oracle_align(sizeof *o));
    struct signed_content *c = &all[tap->node].rare[rare][index % RARE_KEPT];
    if (c->key == key + 1 && c->value != value) report(o, tap, class_name, c->value, value);
    if (c->key < key + 1) *c = (struct signed_content){.key = key + 1, .value = value};
}

static void self_equivocation_on_tap(void *state, const struct nika_tap *tap)
{
    struct self_equivocation *o = state;
    const struct nika_summary *s = tap->summary;
    if (s == NULL || nika_is_client(tap->node) || !oracle_own_frame(tap)) return;
    uint64_t value = oracle_fingerprint(&s->digest);
    if (!s->has_digest) {
        if (tap->frame == NULL) return;
        value = nika_hash64(tap->frame->body.data, tap->frame->body.size, 0);
    }
    uint32_t interval = o->config->checkpoint_interval;
    uint32_t class = s->message_class;
    if (class == NIKA_MESSAGE_PREPARE) {
        check_vote(o, tap, 1, "PREPAREs", value);
    } else if (class == NIKA_MESSAGE_COMMIT) {
        check_vote(o, tap, 2, "COMMITs", value);
    } else if (class == NIKA_MESSAGE_PROPOSE) {
        check_vote(o, tap, 0, "proposals", value);
    } else if (class == NIKA_MESSAGE_CHECKPOINT) {
        check_rare(o, tap, 0, s->seq / interval, s->seq, "CHECKPOINTs", value);
    } else if (class == NIKA_MESSAGE_VIEW_CHANGE) {
        check_rare(o, tap, 1, s->view, s->view, "VIEW-CHANGEs", value);
    } else if (class == NIKA_MESSAGE_NEW_VIEW) {
        check_rare(o, tap, 2, s->view, s->view, "NEW-VIEWs", value);
    }
}

const struct nika_oracle_ops oracle_self_equivocation = {
    .id = "O6",
    .name = "self-equivocation",
    .doc = "A correct replica signs one content per class, view and sequence number, also across "
           "restarts.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_SENT),
    .size = self_equivocation_size,
    .used = self_equivocation_used,
    .init = self_equivocation_init,
    .on_tap = self_equivocation_on_tap,
};
