/* fuzz/targets/desk_trusted.c: see desk_trusted.h. */
#include "fuzz/targets/desk_trusted.h"

#include "engine/core/digest.h"
#include "protocols/hybster/messages.h"

void desk_trusted_init(struct desk_trusted *t, const struct nika_keyring *keyring,
                       uint32_t replicas, uint32_t self)
{
    t->key = nika_trusted_key_of(keyring);
    NIKA_TARGET_CHECK(t->key != NULL, "out of memory");
    t->replicas = replicas;
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) t->epochs[i] = NIKA_TRUSTED_EPOCH;
    nika_trusted_instance_init(&t->instance, self, NIKA_TRUSTED_EPOCH, NIKA_TRUSTED_COUNTERS_MAX);
}

static bool is_gone(const struct desk_trusted *t)
{
    return t->state.failure == DESK_TRUSTED_GONE && t->state.left == 0;
}

static enum nika_err fails(struct desk_trusted *t, enum nika_err err)
{
    t->state.told = true;
    return err;
}

static enum nika_err issue(struct desk_trusted *t, enum nika_trusted_kind kind, uint32_t counter,
                           struct nika_trusted_value value, const struct nika_digest *digest,
                           struct nika_trusted_certificate *out)
{
    enum nika_err err =
        nika_trusted_certify(&t->instance, t->key, kind, counter, value, digest, out);
    if (err != NIKA_OK) return err;
    NIKA_TARGET_CHECK(t->issued_count < DESK_ISSUED_MAX, "more than %u certificates",
                      DESK_ISSUED_MAX);
    memcpy(t->issued[t->issued_count++], out->mac, NIKA_TRUSTED_MAC_SIZE);
    return NIKA_OK;
}

static enum nika_err certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                             uint32_t counter, struct nika_trusted_value value,
                             const struct nika_digest *digest, struct nika_trusted_certificate *out)
{
    struct desk_trusted *t = desk_trusted_of(world);
    struct desk_trusted_state *s = &t->state;
    NIKA_TARGET_CHECK(self == t->instance.id, "the module asks as %u", self);
    NIKA_TARGET_CHECK(!s->told, "TSG: asks a trusted subsystem that failed it to certify");
    NIKA_TARGET_CHECK(!s->behind, "TSR: asks a trusted subsystem that was set back to certify");
    bool fails_now = s->failure != DESK_TRUSTED_WORKS && s->left == 0;
    if (fails_now && s->moves) {
        s->moves = false;
        struct nika_trusted_certificate lost;
        enum nika_err err = issue(t, kind, counter, value, digest, &lost);
        NIKA_TARGET_CHECK(err == NIKA_OK || err == NIKA_ERR_CONFIG, "no certificate to lose");
    }
    if (fails_now) return fails(t, s->failure == DESK_TRUSTED_GONE ? NIKA_ERR_IO : NIKA_ERR_CONFIG);
    if (s->left > 0) s->left--;
    return issue(t, kind, counter, value, digest, out);
}

static bool verify(void *world, uint32_t self, const struct nika_trusted_certificate *certificate,
                   const struct nika_digest *digest)
{
    struct desk_trusted *t = desk_trusted_of(world);
    (void)self;
    return !is_gone(t) && nika_trusted_verify(t->key, t->epochs, t->replicas, certificate, digest);
}

static enum nika_err read(void *world, uint32_t self, uint32_t counter,
                          struct nika_trusted_value *value, uint64_t *epoch)
{
    struct desk_trusted *t = desk_trusted_of(world);
    (void)self;
    if (is_gone(t)) return fails(t, NIKA_ERR_IO);
    return nika_trusted_read(&t->instance, counter, value, epoch);
}

static enum nika_err reissue(void *world, uint32_t self, uint32_t counter,
                             struct nika_trusted_certificate *out, struct nika_digest *digest)
{
    struct desk_trusted *t = desk_trusted_of(world);
    (void)self;
    if (is_gone(t)) return fails(t, NIKA_ERR_IO);
    return nika_trusted_reissue(&t->instance, counter, out, digest);
}

struct nika_trusted_value desk_trusted_order(const struct desk_trusted *t)
{
    return t->instance.counter[HYBSTER_COUNTER_ORDER].last.value;
}

void desk_trusted_set_back(struct desk_trusted *t, bool to_zero)
{
    t->state.set_back = true;
    if (to_zero)
        nika_trusted_instance_init(&t->instance, t->instance.id, NIKA_TRUSTED_EPOCH,
                                   NIKA_TRUSTED_COUNTERS_MAX);
    else
        t->instance = t->marked;
}

bool desk_trusted_good(const struct desk_trusted *t, const struct nika_replica_ops *ops,
                       const struct nika_config *config, const struct nika_frame *frame)
{
    struct nika_digest digest;
    struct nika_trusted_certificate c;
    struct nika_span all = ops->certified(config, frame->type, frame->body, &digest);
    return nika_trusted_certificate_decode(all, &c) == NIKA_OK && c.instance == t->instance.id &&
           nika_trusted_verify(t->key, t->epochs, t->replicas, &c, &digest);
}

bool desk_trusted_issued(const struct desk_trusted *t, const struct nika_replica_ops *ops,
                         const struct nika_config *config, const struct nika_frame *frame)
{
    struct nika_digest digest;
    struct nika_trusted_certificate c;
    struct nika_span all = ops->certified(config, frame->type, frame->body, &digest);
    if (nika_trusted_certificate_decode(all, &c) != NIKA_OK) return false;
    for (uint32_t i = t->issued_count; i-- > 0;) {
        if (memcmp(t->issued[i], c.mac, sizeof c.mac) == 0) return true;
    }
    return false;
}

const struct nika_trusted_ops desk_trusted_ops = {
    .certify = certify, .verify = verify, .read = read, .reissue = reissue};

/* What a certificate of Hybster is over (PROTOCOLS.md 2.1), restated. */
static void statement(const struct nika_config *config, uint8_t type, struct nika_span content,
                      struct nika_digest *out)
{
    static const uint8_t domain[] = {'N', 'I', 'K', 'A', '-', 'H', 'Y', 'B', 'S', 'T', 'E', 'R'};
    const struct nika_span parts[] = {
        {domain, sizeof domain}, {config->group_id.bytes, NIKA_DIGEST_SIZE}, {&type, 1}, content};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

void desk_statement_of(struct desk *d, uint8_t type, struct nika_span content,
                       struct nika_digest *out)
{
    struct desk_statement *last = &desk_trusted_of(d)->last;
    if (last->size == content.size && last->type == type &&
        memcmp(last->content, content.data, content.size) == 0) {
        *out = last->digest;
        return;
    }
    statement(desk_config(d), type, content, out);
    if (content.size == 0 || content.size > DESK_CONTENT_MAX) return;
    last->type = type;
    last->size = content.size;
    last->digest = *out;
    memcpy(last->content, content.data, content.size);
}

bool desk_certify_body(struct desk *d, uint8_t type, uint8_t *body, uint32_t size)
{
    struct nika_trusted_certificate c;
    struct nika_digest digest;
    uint8_t bytes[NIKA_TRUSTED_STATEMENT_SIZE];
    uint32_t field = 4u + NIKA_TRUSTED_CERTIFICATE_SIZE;
    if (size < field) return false;
    uint8_t *at = body + size - NIKA_TRUSTED_CERTIFICATE_SIZE;
    if (nika_load_le(at - 4, 4) != NIKA_TRUSTED_CERTIFICATE_SIZE) return false;
    if (nika_trusted_certificate_decode((struct nika_span){at, NIKA_TRUSTED_CERTIFICATE_SIZE},
                                        &c) != NIKA_OK)
        return false;
    desk_statement_of(d, type, (struct nika_span){body, size - field}, &digest);
    nika_trusted_statement(&c, &digest, bytes);
    NIKA_TARGET_CHECK(nika_trusted_key_tag(desk_trusted_of(d)->key,
                                           (struct nika_span){bytes, sizeof bytes},
                                           c.mac) == NIKA_OK,
                      "no tag");
    nika_trusted_certificate_encode(&c, at);
    return true;
}

void desk_certify_digest(struct desk *d, struct nika_trusted_certificate *c,
                         const struct nika_digest *digest)
{
    uint8_t bytes[NIKA_TRUSTED_STATEMENT_SIZE];
    nika_trusted_statement(c, digest, bytes);
    NIKA_TARGET_CHECK(nika_trusted_key_tag(desk_trusted_of(d)->key,
                                           (struct nika_span){bytes, sizeof bytes},
                                           c->mac) == NIKA_OK,
                      "no tag");
}
