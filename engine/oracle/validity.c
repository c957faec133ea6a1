/* engine/oracle/validity.c: O2: an executed operation of a correct client is one that this client sent (PROTOCOLS.md 1.16,
 * ATTACKS.md 9, O-VAL).
 *
 * What clients sent is read from their own REQUEST frames. Operations of corrupted clients are theirs to choose. */
#include "engine/core/bytes.h"
#include "engine/oracle/oracle_private.h"

/* Requests remembered per client. A correct client has one outstanding, so a first execution is of a recent one. */
#define SENT_MAX 16u

struct sent {
    uint64_t timestamp; /* 0 = free. */
    uint64_t op_hash;
};
struct client_requests {
    uint32_t next;
    uint64_t evicted; /* Highest timestamp forgotten: nothing at or below it is judged. */
    struct sent sent[SENT_MAX];
};
struct validity {
    const struct nika_oracle_setup *setup;
    uint32_t clients, ring_count;
    size_t ring_offset;
};

static struct client_requests *requests_of(struct validity *v, uint32_t client)
{
    return (struct client_requests *)(void *)((uint8_t *)v + oracle_align(sizeof *v)) + client;
}
static struct oracle_claim *ring_of(struct validity *v)
{
    return (struct oracle_claim *)(void *)((uint8_t *)v + v->ring_offset);
}

static size_t requests_end(const struct nika_oracle_setup *setup)
{
    return oracle_align(sizeof(struct validity)) +
           oracle_align(setup->config->clients * sizeof(struct client_requests));
}
static size_t validity_size(const struct nika_oracle_setup *setup)
{
    return requests_end(setup) + oracle_ring_count(setup->config) * sizeof(struct oracle_claim);
}
static size_t validity_used(const void *state)
{
    const struct validity *v = state;
    return v->ring_offset + v->ring_count * sizeof(struct oracle_claim);
}
static void validity_init(void *state, const struct nika_oracle_setup *setup)
{
    struct validity *v = state;
    v->setup = setup;
    v->clients = setup->config->clients;
    v->ring_count = oracle_ring_count(setup->config);
    v->ring_offset = requests_end(setup);
}

static void on_sent(struct validity *v, const struct nika_tap *tap)
{
    if (!nika_is_client(tap->node) || tap->frame == NULL || !oracle_own_frame(tap)) return;
    /* REQUEST has one layout in all protocols: client | timestamp | flags | replier | operation. */
    struct nika_reader r = nika_reader_of(tap->frame->body);
    (void)nika_read_u32(&r);
    uint64_t timestamp = nika_read_u64(&r);
    (void)nika_read_u32(&r);
    (void)nika_read_u32(&r);
    struct nika_span op = nika_read_bytes(&r, NIKA_OP_SIZE_MAX);
    if (r.failed) return;
    struct client_requests *c = requests_of(v, nika_client_index(tap->node));
    uint64_t op_hash = nika_hash64(op.data, op.size, 0);
    const struct sent *newest = &c->sent[(c->next + SENT_MAX - 1) % SENT_MAX];
    if (newest->timestamp == timestamp && newest->op_hash == op_hash) return;
    struct sent *slot = &c->sent[c->next];
    c->next = (c->next + 1) % SENT_MAX;
    if (slot->timestamp > c->evicted) c->evicted = slot->timestamp;
    *slot = (struct sent){.timestamp = timestamp, .op_hash = op_hash};
}

static bool was_sent(const struct client_requests *c, const struct oracle_effect *e)
{
    if (e->timestamp <= c->evicted) return true;
    uint64_t op_hash = nika_hash64(e->op.data, e->op.size, 0);
    for (uint32_t i = 1; i <= SENT_MAX; i++) {
        const struct sent *s = &c->sent[(c->next + SENT_MAX - i) % SENT_MAX];
        if (s->timestamp == e->timestamp && s->op_hash == op_hash) return true;
    }
    return false;
}

static void on_executed(struct validity *v, const struct nika_tap *tap)
{
    struct oracle_execute x;
    if (!oracle_execute_parse(tap->bytes, &x)) return;
    struct oracle_claim *claim;
    if (oracle_claim(ring_of(v), v->ring_count, tap->a, tap->a, x.effects_hash, tap->node,
                     &claim) == ORACLE_CLAIM_SAME) {
        return; /* The same effects were judged at the first replica. */
    }
    struct oracle_effect e;
    for (uint32_t at = 0; oracle_execute_next(&x, &at, &e);) {
        if (e.client < v->clients) {
            if (nika_set_has(v->setup->corrupted_clients, e.client)) continue;
            if (was_sent(requests_of(v, e.client), &e)) continue;
        }
        nika_oracle_report(v, tap, tap->node, nika_client_node(e.client), tap->a,
                           "replica %" PRIu32 " executed at seq %" PRIu64 " (digest %08" PRIx32
                           ") a request of client %" PRIu32 " with timestamp %" PRIu64
                           " that this client never sent",
                           tap->node, tap->a, oracle_hex8(oracle_fingerprint(&x.digest)), e.client,
                           e.timestamp);
    }
}

static void validity_on_tap(void *state, const struct nika_tap *tap)
{
    if (tap->kind == NIKA_TAP_EXECUTED) {
        on_executed(state, tap);
    } else if (tap->summary != NULL && tap->summary->message_class == NIKA_MESSAGE_REQUEST) {
        on_sent(state, tap);
    }
}

const struct nika_oracle_ops oracle_validity = {
    .id = "O2",
    .name = "validity",
    .doc = "Every executed operation of a correct client was sent by that client.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_SENT) | NIKA_TAP_BIT(NIKA_TAP_EXECUTED),
    .size = validity_size,
    .used = validity_used,
    .init = validity_init,
    .on_tap = validity_on_tap,
};
