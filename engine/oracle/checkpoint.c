/* engine/oracle/checkpoint.c: O4: correct replicas have equal state at each checkpoint (PROTOCOLS.md 1.6, 1.16; ATTACKS.md 9,
 * O-CKPT).
 *
 * State digests come from own, stable and transferred checkpoints; application roots from restores are compared among
 * themselves, because the state digest covers more than the application. */
#include "engine/oracle/oracle_private.h"

#define CHECKPOINTS_KEPT 64u

struct checkpoint {
    const struct nika_config *config;
    struct oracle_claim states[CHECKPOINTS_KEPT]; /* By seq / K. */
    struct oracle_claim roots[CHECKPOINTS_KEPT];
};

static size_t checkpoint_size(const struct nika_oracle_setup *setup)
{
    (void)setup;
    return sizeof(struct checkpoint);
}
static size_t checkpoint_used(const void *state)
{
    (void)state;
    return sizeof(struct checkpoint);
}
static void checkpoint_init(void *state, const struct nika_oracle_setup *setup)
{
    ((struct checkpoint *)state)->config = setup->config;
}

static void check_state(struct checkpoint *k, const struct nika_tap *tap, struct oracle_claim *ring,
                        uint64_t seq, const struct nika_digest *digest, const char *what)
{
    struct oracle_claim *c;
    uint64_t value = oracle_fingerprint(digest);
    uint64_t slot = seq / k->config->checkpoint_interval;
    if (oracle_claim(ring, CHECKPOINTS_KEPT, slot, seq, value, tap->node, &c) != ORACLE_CLAIM_OTHER)
        return;
    nika_oracle_report(k, tap, tap->node, c->node, seq,
                       "replica %" PRIu32 " has %s %08" PRIx32 " at seq %" PRIu64
                       ", but replica %" PRIu32 " has %08" PRIx32 " there",
                       tap->node, what, oracle_hex8(value), seq, c->node, oracle_hex8(c->value));
}

static void check_signers(struct checkpoint *k, const struct nika_tap *tap, struct nika_span bytes)
{
    uint32_t signers = 0;
    for (uint32_t i = NIKA_DIGEST_SIZE; i < bytes.size; i++) {
        signers += (uint32_t)__builtin_popcount(bytes.data[i]);
    }
    uint32_t quorum = oracle_stable_quorum(k->config);
    if (signers == 0 || signers >= quorum) return;
    nika_oracle_report(k, tap, tap->node, NIKA_NODE_NONE, tap->note->a,
                       "replica %" PRIu32 " took the checkpoint at seq %" PRIu64
                       " as stable with %" PRIu32 " signer%s of the %" PRIu32 " needed",
                       tap->node, tap->note->a, signers, signers == 1 ? "" : "s", quorum);
}

static void checkpoint_on_tap(void *state, const struct nika_tap *tap)
{
    struct checkpoint *k = state;
    if (tap->kind == NIKA_TAP_RESTORED) {
        check_state(k, tap, k->roots, tap->a, tap->digest, "restored application root");
        return;
    }
    struct nika_digest digest;
    struct nika_span bytes = oracle_note_bytes(tap);
    bool own = tap->a == NIKA_NOTE_CHECKPOINT;
    bool stable = tap->a == NIKA_NOTE_STABLE;
    bool transferred = tap->a == NIKA_NOTE_TRANSFER && tap->note->b == 1;
    if (!own && !stable && !transferred) return;
    if (!oracle_span_digest(bytes, &digest)) return;
    const char *what = own ? "own state" : stable ? "stable state" : "transferred state";
    check_state(k, tap, k->states, tap->note->a, &digest, what);
    if (stable) check_signers(k, tap, bytes);
}

const struct nika_oracle_ops oracle_checkpoint = {
    .id = "O4",
    .name = "checkpoint",
    .doc = "Correct replicas have equal state digests at each checkpoint.",
    .property_class = NIKA_PROPERTY_SAFETY,
    .mask = NIKA_TAP_BIT(NIKA_TAP_NOTE) | NIKA_TAP_BIT(NIKA_TAP_RESTORED),
    .size = checkpoint_size,
    .used = checkpoint_used,
    .init = checkpoint_init,
    .on_tap = checkpoint_on_tap,
};
