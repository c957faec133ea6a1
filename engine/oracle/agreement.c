/* engine/oracle/agreement.c: O1: all correct replicas execute the same batch at each sequence number, in order, and no two
 * commit certificates disagree (PROTOCOLS.md 1.16; ATTACKS.md 9, O-AGR, O-PFX and the signer count of O-CERT).
 *
 * Certificates count as soon as a replica claims one: disagreement shows before anybody executes. */
#include "engine/core/planted.h"
#include "engine/oracle/oracle_private.h"

struct position {
    uint64_t last;  /* Last executed or restored. */
    uint64_t high;  /* Highest over all lives. */
    bool restarted; /* The next batch continues an older snapshot, which is not shown. */
};
struct agreement {
    const struct nika_config *config;
    uint32_t ring_count;
    struct position positions[NIKA_REPLICAS_MAX];
    struct oracle_claim ring[];
};

static size_t agreement_size(const struct nika_oracle_setup *setup)
{
    return sizeof(struct agreement) +
           oracle_ring_count(setup->config) * sizeof(struct oracle_claim);
}

static size_t agreement_used(const void *state)
{
    const struct agreement *a = state;
    return sizeof *a + a->ring_count * sizeof(struct oracle_claim);
}

static void agreement_init(void *state, const struct nika_oracle_setup *setup)
{
    struct agreement *a = state;
    a->config = setup->config;
    a->ring_count = oracle_ring_count(setup->config);
}

static void check_digest(struct agreement *a, const struct nika_tap *tap, uint64_t seq,
                         uint64_t view, const struct nika_digest *digest, const char *did)
{
    struct oracle_claim *c;
    uint64_t value = oracle_fingerprint(digest);
    if (oracle_claim(a->ring, a->ring_count, seq, seq, value, tap->node, &c) != ORACLE_CLAIM_OTHER)
        return;
    if (NIKA_PLANTED(X1)) {
        *c = (struct oracle_claim){.seq = seq, .value = value, .node = tap->node};
        return;
    }
    nika_oracle_report(
        a, tap, tap->node, c->node, seq,
        "replica %" PRIu32 " %s digest %08" PRIx32 " at seq %" PRIu64 " (view %" PRIu64
        "), but replica %" PRIu32 " holds digest %08" PRIx32 " there",
        tap->node, did, oracle_hex8(value), seq, view, c->node, oracle_hex8(c->value));
}

static void check_order(struct agreement *a, const struct nika_tap *tap, uint64_t seq)
{
    struct position *p = &a->positions[tap->node];
    /* After a restart the application continues from a durable snapshot at or below what it had executed. */
    bool in_order = p->restarted ? seq <= p->high + 1 : seq == p->last + 1;
    uint64_t expected = (p->restarted ? p->high : p->last) + 1;
    p->restarted = false;
    p->last = seq;
    if (seq > p->high) p->high = seq;
    if (in_order) return;
    nika_oracle_report(a, tap, tap->node, NIKA_NODE_NONE, seq,
                       "replica %" PRIu32 " executed seq %" PRIu64 " where seq %" PRIu64
                       " was next, without a state transfer",
                       tap->node, seq, expected);
}

static void check_certificate(struct agreement *a, const struct nika_tap *tap)
{
    struct nika_digest digest;
    struct nika_span bytes = oracle_note_bytes(tap);
    if (!oracle_span_digest(bytes, &digest)) return;
    uint64_t seq = tap->note->a;
    check_digest(a, tap, seq, tap->note->b, &digest, "committed");
    uint32_t signers = 0;
    for (uint32_t i = NIKA_DIGEST_SIZE; i < bytes.size; i++) {
        signers += (uint32_t)__builtin_popcount(bytes.data[i]);
    }
    uint32_t quorum = oracle_order_quorum(a->config);
    /* No signer at all means that the module does not tell them. */
    if (signers == 0 || signers >= quorum) return;
    nika_oracle_report(a, tap, tap->node, NIKA_NODE_NONE, seq,
                       "replica %" PRIu32 " committed digest %08" PRIx32 " at seq %" PRIu64
                       " (view %" PRIu64 ") with %" PRIu32 " signer%s of the %" PRIu32 " needed",
                       tap->node, oracle_hex8(oracle_fingerprint(&digest)), seq, tap->note->b,
                       signers, signers == 1 ? "" : "s", quorum);
}

static void agreement_on_tap(void *state, const struct nika_tap *tap)
{
    struct agreement *a = state;
    if (nika_is_client(tap->node)) return;
    if (tap->kind == NIKA_TAP_EXECUTED) {
        check_digest(a, tap, tap->a, 0, tap->digest, "executed");
        check_order(a, tap, tap->a);
    } else if (tap->kind == NIKA_TAP_NOTE) {
        if (tap->a == NIKA_NOTE_COMMITTED) check_certificate(a, tap);
    } else if (tap->kind == NIKA_TAP_RESTORED) {
        struct position *p = &a->positions[tap->node];
        p->last = tap->a;
        if (tap->a > p->high) p->high = tap->a;
        p->restarted = false;
    } else if (tap->kind == NIKA_TAP_RESTARTED) {
        a->positions[tap->node].restarted = true;
    }
}

const struct nika_oracle_ops oracle_agreement = {
    .id = "O1",
    .name = "agreement",
    .doc =
        "All correct replicas execute and commit the same batch at each sequence number, in order.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_EXECUTED) | NIKA_TAP_BIT(NIKA_TAP_NOTE) |
            NIKA_TAP_BIT(NIKA_TAP_RESTORED) | NIKA_TAP_BIT(NIKA_TAP_RESTARTED),
    .size = agreement_size,
    .used = agreement_used,
    .init = agreement_init,
    .on_tap = agreement_on_tap,
};
