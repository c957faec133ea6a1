/* fuzz/targets/desk_trusted.c: see desk_trusted.h. */
#include "fuzz/targets/desk_trusted.h"

#include "engine/core/digest.h"

void desk_trusted_init(struct desk_trusted *t, const struct nika_keyring *keyring,
                       uint32_t replicas, uint32_t self)
{
    t->key = nika_trusted_key_of(keyring);
    NIKA_TARGET_CHECK(t->key != NULL, "out of memory");
    t->replicas = replicas;
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) t->epochs[i] = NIKA_TRUSTED_EPOCH;
    nika_trusted_instance_init(&t->instance, self, NIKA_TRUSTED_EPOCH, NIKA_TRUSTED_COUNTERS_MAX);
}

static enum nika_err certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                             uint32_t counter, struct nika_trusted_value value,
                             const struct nika_digest *digest, struct nika_trusted_certificate *out)
{
    struct desk_trusted *t = desk_trusted_of(world);
    NIKA_TARGET_CHECK(self == t->instance.id, "the module asks as %u", self);
    return nika_trusted_certify(&t->instance, t->key, kind, counter, value, digest, out);
}

static bool verify(void *world, uint32_t self, const struct nika_trusted_certificate *certificate,
                   const struct nika_digest *digest)
{
    struct desk_trusted *t = desk_trusted_of(world);
    (void)self;
    return nika_trusted_verify(t->key, t->epochs, t->replicas, certificate, digest);
}

static enum nika_err read(void *world, uint32_t self, uint32_t counter,
                          struct nika_trusted_value *value, uint64_t *epoch)
{
    (void)self;
    return nika_trusted_read(&desk_trusted_of(world)->instance, counter, value, epoch);
}

static enum nika_err reissue(void *world, uint32_t self, uint32_t counter,
                             struct nika_trusted_certificate *out, struct nika_digest *digest)
{
    (void)self;
    return nika_trusted_reissue(&desk_trusted_of(world)->instance, counter, out, digest);
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
