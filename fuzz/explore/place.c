/* fuzz/explore/place.c: where modules run: their memory, their keys, and what a world does for them at once (model.h). */
#include <stdlib.h>

#include "apps/registry.h"
#include "fuzz/explore/model.h"

#define EFFECT_BYTES (4u * 1024u * 1024u)
#define EFFECT_COUNT 4096u

/* ---- the host ---- */

static struct nika_span signed_bytes(struct explore_model *m, uint8_t type, uint32_t sender,
                                     struct nika_span body)
{
    static uint8_t bytes[1024 * 1024];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_frame_signed_bytes(&m->config, type, sender, body, &w);
    NIKA_ASSERT(!w.failed);
    return (struct nika_span){bytes, w.at};
}

static uint32_t authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                             uint32_t to, struct nika_span body, uint8_t *auth)
{
    struct explore_model *m = world;
    uint32_t size = NIKA_AUTH_SIZE_MAX;
    if (alg == NIKA_AUTH_NONE) return 0;
    struct nika_span content = signed_bytes(m, type, self, body);
    enum nika_err err = alg == NIKA_AUTH_MAC ? nika_mac(m->keyring, self, to, content, auth, &size)
                                             : nika_sign(m->keyring, self, content, auth, &size);
    NIKA_ASSERT(err == NIKA_OK);
    return size;
}

static bool verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    struct explore_model *m = world;
    if (frame->auth_alg == NIKA_AUTH_NONE) return true;
    struct nika_span content = signed_bytes(m, frame->type, frame->sender, frame->body);
    if (frame->auth_alg == NIKA_AUTH_MAC)
        return nika_mac_verify(m->keyring, frame->sender, self, content, frame->auth) == NIKA_OK;
    return nika_verify(m->keyring, frame->sender, content, frame->auth) == NIKA_OK;
}

static uint64_t jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    (void)world, (void)self, (void)timer, (void)n;
    return 0;
}

static enum nika_err trusted_certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                                     uint32_t counter, struct nika_trusted_value value,
                                     const struct nika_digest *digest,
                                     struct nika_trusted_certificate *out)
{
    struct explore_model *m = world;
    return nika_trusted_certify(&m->place[self].trusted, m->key, kind, counter, value, digest, out);
}

static bool trusted_verify(void *world, uint32_t self,
                           const struct nika_trusted_certificate *certificate,
                           const struct nika_digest *digest)
{
    struct explore_model *m = world;
    (void)self;
    return nika_trusted_verify(m->key, m->epochs, m->config.n, certificate, digest);
}

static enum nika_err trusted_read(void *world, uint32_t self, uint32_t counter,
                                  struct nika_trusted_value *value, uint64_t *epoch)
{
    struct explore_model *m = world;
    return nika_trusted_read(&m->place[self].trusted, counter, value, epoch);
}

static enum nika_err trusted_reissue(void *world, uint32_t self, uint32_t counter,
                                     struct nika_trusted_certificate *out,
                                     struct nika_digest *digest)
{
    struct explore_model *m = world;
    return nika_trusted_reissue(&m->place[self].trusted, counter, out, digest);
}

static const struct nika_trusted_ops trusted_ops = {.certify = trusted_certify,
                                                    .verify = trusted_verify,
                                                    .read = trusted_read,
                                                    .reissue = trusted_reissue};

/* ---- opening ---- */

static uint8_t *zeroed(size_t size)
{
    uint8_t *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    if (memory != NULL) memset(memory, 0, size);
    return memory;
}

static bool open_place(struct explore_model *m, uint32_t index)
{
    struct explore_place *p = &m->place[index];
    uint32_t self = index < m->config.n ? index : 0;
    p->host = (struct nika_host){.world = m,
                                 .self = self,
                                 .authenticate = authenticate,
                                 .verify = verify,
                                 .jitter = jitter,
                                 .trusted = m->ops->hybrid ? &trusted_ops : NULL};
    p->memory = zeroed(m->memory_size);
    p->app_memory = zeroed(m->app_size);
    if (p->memory == NULL || p->app_memory == NULL) return false;
    p->replica = m->ops->init(p->memory, &m->config, &p->host);
    p->app = nika_app_null.init(p->app_memory, &m->config, 0);
    nika_trusted_instance_init(&p->trusted, self, NIKA_TRUSTED_EPOCH, NIKA_TRUSTED_COUNTERS_MAX);
    p->holds = EXPLORE_NONE;
    return true;
}

bool explore_places_open(struct explore_model *m)
{
    nika_auth_install_sim(&nika_auth_sim_table);
    m->keyring = nika_keyring_new_derived(NIKA_SUITE_SIM, m->config.n, m->config.clients, 1);
    if (m->keyring == NULL) return false;
    m->key = nika_trusted_key_of(m->keyring);
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) m->epochs[i] = NIKA_TRUSTED_EPOCH;
    m->memory_size = m->ops->size(&m->config);
    m->app_size = nika_app_null.size(&m->config);
    m->effects = (struct nika_effects){.capacity = EFFECT_COUNT, .bytes_capacity = EFFECT_BYTES};
    m->effects.actions = malloc(EFFECT_COUNT * sizeof *m->effects.actions);
    m->effects.bytes = malloc(EFFECT_BYTES);
    m->answers = malloc(EXPLORE_ANSWER_BYTES);
    if (m->key == NULL || m->effects.actions == NULL || m->effects.bytes == NULL ||
        m->answers == NULL)
        return false;
    for (uint32_t i = 0; i <= m->config.n; i++) {
        if (!open_place(m, i)) return false;
    }
    return true;
}

void explore_places_close(struct explore_model *m)
{
    for (uint32_t i = 0; i <= m->config.n; i++) {
        free(m->place[i].memory);
        free(m->place[i].app_memory);
    }
    free(m->effects.actions);
    free(m->effects.bytes);
    free(m->answers);
    nika_trusted_key_free(m->key);
    nika_keyring_free(m->keyring);
}
