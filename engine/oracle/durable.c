/* engine/oracle/durable.c: O8: durable before send (PROTOCOLS.md 1.12, D1-D7; ATTACKS.md 9, O-DUR).
 *
 * Durable knowledge comes from STORED taps that did not fail and outlives crashes; what was only asked to be persisted counts
 * for nothing, so a crash needs no bookkeeping. */
#include "engine/oracle/oracle_private.h"

#define VIEWS_KEPT 2u
#define RARE_KEPT 16u
enum vote_record { RECORD_PROPOSAL, RECORD_PREPARED, RECORD_VOTES };
enum rare_record { RECORD_VIEW_CHANGE, RECORD_NEW_VIEW, RECORD_SNAPSHOT, RECORD_RARES };

struct stored_content {
    uint64_t key; /* View plus 1; 0 = free. */
    uint64_t value;
};
struct seq_records {
    uint64_t seq;
    struct stored_content records[RECORD_VOTES][VIEWS_KEPT];
};
struct replica_records {
    uint64_t rare[RECORD_RARES][RARE_KEPT]; /* View or seq plus 1. */
    uint64_t order_view;                    /* Of the newest durable NEW-VIEW ... */
    uint64_t order_high;                    /* ... whose orders reach at most to here. */
};
struct durable {
    const struct nika_config *config;
    uint32_t n, clients, ring_count;
    uint64_t
        high_prepared; /* Highest sequence number for which a correct replica voted: no prepared certificate is above it. */
    size_t clients_offset, ring_offset;
};

static uint32_t ring_count_of(const struct nika_config *config)
{
    return oracle_power_of_two(2 * config->window);
}
static size_t replicas_end(const struct nika_config *config)
{
    return oracle_align(sizeof(struct durable)) + config->n * sizeof(struct replica_records);
}
static size_t clients_end(const struct nika_config *config)
{
    return oracle_align(replicas_end(config) + config->clients * sizeof(uint64_t));
}
static size_t durable_size(const struct nika_oracle_setup *setup)
{
    const struct nika_config *c = setup->config;
    return clients_end(c) + (size_t)c->n * ring_count_of(c) * sizeof(struct seq_records);
}
static size_t durable_used(const void *state)
{
    const struct durable *d = state;
    return d->ring_offset + (size_t)d->n * d->ring_count * sizeof(struct seq_records);
}
static void durable_init(void *state, const struct nika_oracle_setup *setup)
{
    struct durable *d = state;
    d->config = setup->config;
    d->n = setup->config->n;
    d->clients = setup->config->clients;
    d->ring_count = ring_count_of(setup->config);
    d->clients_offset = replicas_end(setup->config);
    d->ring_offset = clients_end(setup->config);
}

static struct replica_records *replica_of(struct durable *d, uint32_t node)
{
    return (struct replica_records *)(void *)((uint8_t *)d + oracle_align(sizeof *d)) + node;
}
static uint64_t *reserved_of(struct durable *d, uint32_t node)
{
    return (uint64_t *)(void *)((uint8_t *)d + d->clients_offset) + nika_client_index(node);
}
static struct seq_records *records_of(struct durable *d, uint32_t node, uint64_t seq)
{
    struct seq_records *base = (struct seq_records *)(void *)((uint8_t *)d + d->ring_offset);
    return &base[(seq & (d->ring_count - 1)) * d->n + node];
}

static void store_vote(struct durable *d, const struct nika_tap *tap, enum vote_record record)
{
    const struct nika_summary *s = tap->summary;
    struct seq_records *r = records_of(d, tap->node, s->seq);
    if (r->seq > s->seq) return;
    if (r->seq < s->seq) {
        memset(r, 0, sizeof *r);
        r->seq = s->seq;
    }
    struct stored_content *kept = r->records[record];
    struct stored_content *place = kept[0].key <= kept[1].key ? &kept[0] : &kept[1];
    if (kept[0].key == s->view + 1) place = &kept[0];
    if (kept[1].key == s->view + 1) place = &kept[1];
    *place = (struct stored_content){.key = s->view + 1, .value = oracle_fingerprint(&s->digest)};
}

static bool has_vote(struct durable *d, const struct nika_tap *tap, enum vote_record record)
{
    const struct nika_summary *s = tap->summary;
    const struct seq_records *r = records_of(d, tap->node, s->seq);
    if (r->seq > s->seq) return true; /* Evicted by a newer window: no longer judged. */
    if (r->seq < s->seq) return false;
    uint64_t value = oracle_fingerprint(&s->digest);
    for (uint32_t i = 0; i < VIEWS_KEPT; i++) {
        if (r->records[record][i].key == s->view + 1 && r->records[record][i].value == value)
            return true;
    }
    return false;
}

static void on_stored(struct durable *d, const struct nika_tap *tap)
{
    const struct nika_summary *s = tap->summary;
    if (s == NULL || tap->a != 0) return;
    uint32_t class = s->message_class;
    if (nika_is_client(tap->node)) {
        uint64_t *reserved = reserved_of(d, tap->node);
        if (class == NIKA_MESSAGE_REQUEST && s->seq > *reserved) *reserved = s->seq;
        return;
    }
    struct replica_records *r = replica_of(d, tap->node);
    if (class == NIKA_MESSAGE_PROPOSE) {
        store_vote(d, tap, RECORD_PROPOSAL);
    } else if (class == NIKA_MESSAGE_PREPARE) {
        store_vote(d, tap, RECORD_PREPARED);
    } else if (class == NIKA_MESSAGE_VIEW_CHANGE) {
        r->rare[RECORD_VIEW_CHANGE][s->view % RARE_KEPT] = s->view + 1;
    } else if (class == NIKA_MESSAGE_NEW_VIEW) {
        r->rare[RECORD_NEW_VIEW][s->view % RARE_KEPT] = s->view + 1;
        r->order_view = s->view;
        r->order_high = d->high_prepared;
    } else if (class == NIKA_MESSAGE_CHECKPOINT) {
        r->rare[RECORD_SNAPSHOT][s->seq / d->config->checkpoint_interval % RARE_KEPT] = s->seq + 1;
    }
}

/* Orders that NEW-VIEW carries are durable with it (D5): those have prepared certificates, so they lie at or below the highest
 * vote of a correct replica at that time. */
static bool ordered_by_new_view(struct durable *d, const struct nika_tap *tap)
{
    const struct replica_records *r = replica_of(d, tap->node);
    return tap->summary->view > 0 && r->order_view == tap->summary->view &&
           tap->summary->seq <= r->order_high;
}

static void report(struct durable *d, const struct nika_tap *tap, const char *rule,
                   const char *sent, const char *lacks)
{
    const struct nika_summary *s = tap->summary;
    nika_oracle_report(d, tap, tap->node, NIKA_NODE_NONE, s->seq,
                       "replica %" PRIu32 " sent %s (digest %08" PRIx32 ") at seq %" PRIu64
                       " in view %" PRIu64 " before %s was durable (%s)",
                       tap->node, sent, oracle_hex8(oracle_fingerprint(&s->digest)), s->seq,
                       s->view, lacks, rule);
}

static void check_rare(struct durable *d, const struct nika_tap *tap, enum rare_record record,
                       uint64_t index, uint64_t key, const char *rule, const char *sent,
                       const char *lacks)
{
    /* A newer entry in the same place means that this one is too old to judge. */
    if (replica_of(d, tap->node)->rare[record][index % RARE_KEPT] < key + 1)
        report(d, tap, rule, sent, lacks);
}

static void check_vote(struct durable *d, const struct nika_tap *tap)
{
    const struct nika_summary *s = tap->summary;
    bool commits = s->message_class == NIKA_MESSAGE_COMMIT;
    if (commits && oracle_hybrid(d->config)) {
        /* There is no prepared certificate: the order itself must be durable (PROTOCOLS.md 2.3). */
        if (!has_vote(d, tap, RECORD_PROPOSAL) && !ordered_by_new_view(d, tap))
            report(d, tap, "D3", "a COMMIT", "the order");
        if (s->seq > d->high_prepared) d->high_prepared = s->seq;
    } else if (!commits) {
        bool proposes = s->message_class == NIKA_MESSAGE_PROPOSE;
        if (!has_vote(d, tap, RECORD_PROPOSAL) && !ordered_by_new_view(d, tap)) {
            report(d, tap, proposes ? "D1" : "D2", proposes ? "a proposal" : "a PREPARE",
                   "the proposal");
        }
        if (!proposes && s->view > 0) {
            check_rare(d, tap, RECORD_NEW_VIEW, s->view, s->view, "D5", "a PREPARE",
                       "the NEW-VIEW of its view");
        }
        if (s->seq > d->high_prepared) d->high_prepared = s->seq;
    } else if (!has_vote(d, tap, RECORD_PREPARED)) {
        report(d, tap, "D3", "a COMMIT", "the prepared certificate");
    }
}

static void check_request(struct durable *d, const struct nika_tap *tap)
{
    const struct nika_summary *s = tap->summary;
    uint64_t reserved = *reserved_of(d, tap->node);
    if (s->seq <= reserved) return;
    nika_oracle_report(d, tap, tap->node, NIKA_NODE_NONE, s->seq,
                       "client %" PRIu32 " sent timestamp %" PRIu64
                       " when only timestamps up to %" PRIu64 " were durable (D7)",
                       nika_client_index(tap->node), s->seq, reserved);
}

static void on_sent(struct durable *d, const struct nika_tap *tap)
{
    const struct nika_summary *s = tap->summary;
    if (s == NULL || !oracle_own_frame(tap)) return;
    uint32_t class = s->message_class;
    if (nika_is_client(tap->node)) {
        if (class == NIKA_MESSAGE_REQUEST) check_request(d, tap);
        return;
    }
    if (class == NIKA_MESSAGE_PREPARE || class == NIKA_MESSAGE_COMMIT ||
        class == NIKA_MESSAGE_PROPOSE) {
        check_vote(d, tap);
    } else if (class == NIKA_MESSAGE_CHECKPOINT) {
        check_rare(d, tap, RECORD_SNAPSHOT, s->seq / d->config->checkpoint_interval, s->seq, "D6",
                   "a CHECKPOINT", "its snapshot");
    } else if (class == NIKA_MESSAGE_VIEW_CHANGE) {
        check_rare(d, tap, RECORD_VIEW_CHANGE, s->view, s->view, "D4", "a VIEW-CHANGE", "it");
    } else if (class == NIKA_MESSAGE_NEW_VIEW) {
        check_rare(d, tap, RECORD_NEW_VIEW, s->view, s->view, "D5", "a NEW-VIEW", "it");
    }
}

static void durable_on_tap(void *state, const struct nika_tap *tap)
{
    if (tap->kind == NIKA_TAP_SENT) {
        on_sent(state, tap);
    } else {
        on_stored(state, tap);
    }
}

const struct nika_oracle_ops oracle_durable = {
    .id = "O8",
    .name = "durable",
    .doc = "What rules D1-D7 demand is durable before a message is sent.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_SENT) | NIKA_TAP_BIT(NIKA_TAP_STORED),
    .size = durable_size,
    .used = durable_used,
    .init = durable_init,
    .on_tap = durable_on_tap,
};
