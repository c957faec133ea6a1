/* engine/sim/auth_host.c: signing and verifying for modules, with their cost, and the verdict cache (DESIGN.md 4).
 *
 * The same bytes, key and signature are verified once; every receiver is charged all the same. The cache remembers a pure
 * function, so it is not part of a snapshot. */
#include "engine/core/mix.h"
#include "engine/core/planted.h"
#include "engine/sim/internal.h"

static void charge(struct nika_world *w, uint32_t index, uint32_t cost_ns, uint32_t size)
{
    if (w->free_cpu) return;
    w->node[index].cost += cost_ns + (uint64_t)w->options.cpu.hash_ns_per_kib * size / 1024u;
}

/* Signed bytes in the scratch space; a MAC binds its receiver, too. */
static struct nika_span signed_bytes(struct nika_world *w, uint8_t type, uint32_t sender,
                                     struct nika_span body, bool mac, uint32_t receiver)
{
    struct nika_writer writer = nika_writer_of(w->scratch, SIM_SCRATCH_BYTES);
    nika_frame_signed_bytes(&w->options.config, type, sender, body, &writer);
    if (mac) nika_write_u32(&writer, receiver);
    NIKA_ASSERT(!writer.failed);
    return (struct nika_span){writer.data, writer.at};
}

static bool verify_cached(struct nika_world *w, uint32_t sender, struct nika_span message,
                          struct nika_span signature)
{
    struct nika_world_stats *stats = &w->core->stats;
    stats->verifications++;
    if (w->cache == NULL)
        return nika_verify(w->options.keyring, sender, message, signature) == NIKA_OK;
    uint64_t low = nika_hash64(message.data, message.size, sender);
    uint64_t high = nika_hash64(signature.data, signature.size, low);
    low = nika_hash64(message.data, message.size, high ^ NIKA_GOLDEN);
    struct sim_cache_entry *entry = &w->cache[low % SIM_CACHE_SLOTS];
    if (entry->verdict != SIM_UNKNOWN && entry->low == low && entry->high == high) {
        stats->verifications_cached++;
        return entry->verdict == SIM_GOOD;
    }
    bool good = nika_verify(w->options.keyring, sender, message, signature) == NIKA_OK;
    *entry =
        (struct sim_cache_entry){.high = high, .low = low, .verdict = good ? SIM_GOOD : SIM_BAD};
    return good;
}

static bool verify_frame(struct nika_world *w, uint32_t index, const struct nika_frame *frame)
{
    uint32_t self = sim_id(w, index);
    if (NIKA_PLANTED(X6)) return true;
    switch ((enum nika_auth_alg)frame->auth_alg) {
    case NIKA_AUTH_NONE:
        return true;
    case NIKA_AUTH_SIGNATURE:
        charge(w, index, w->options.cpu.verify_ns, frame->body.size);
        return verify_cached(w, frame->sender,
                             signed_bytes(w, frame->type, frame->sender, frame->body, false, 0),
                             frame->auth);
    case NIKA_AUTH_MAC:
        charge(w, index, w->options.cpu.mac_ns, frame->body.size);
        w->core->stats.verifications++;
        return nika_mac_verify(w->options.keyring, frame->sender, self,
                               signed_bytes(w, frame->type, frame->sender, frame->body, true, self),
                               frame->auth) == NIKA_OK;
    }
    return false;
}

bool sim_auth_message(struct nika_world *w, uint32_t index, struct sim_message *m)
{
    if (m->frame.auth_alg != NIKA_AUTH_SIGNATURE) return verify_frame(w, index, &m->frame);
    if (m->verdict != SIM_UNKNOWN) {
        charge(w, index, w->options.cpu.verify_ns, m->frame.body.size);
        w->core->stats.verifications++;
        w->core->stats.verifications_cached++;
        return m->verdict == SIM_GOOD;
    }
    m->verdict = verify_frame(w, index, &m->frame) ? SIM_GOOD : SIM_BAD;
    return m->verdict == SIM_GOOD;
}

uint32_t sim_auth_make(struct nika_world *w, uint32_t node, enum nika_auth_alg alg, uint8_t type,
                       uint32_t to, struct nika_span body, uint8_t *auth)
{
    uint32_t size = NIKA_AUTH_SIZE_MAX;
    if (alg == NIKA_AUTH_NONE) return 0;
    bool mac = alg == NIKA_AUTH_MAC;
    struct nika_span message = signed_bytes(w, type, node, body, mac, to);
    enum nika_err err = mac ? nika_mac(w->options.keyring, node, to, message, auth, &size)
                            : nika_sign(w->options.keyring, node, message, auth, &size);
    NIKA_ASSERT(err == NIKA_OK);
    w->core->stats.signatures++;
    return size;
}

static uint32_t host_authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                                  uint32_t to, struct nika_span body, uint8_t *auth)
{
    struct nika_world *w = world;
    const struct nika_cpu_options *cpu = &w->options.cpu;
    charge(w, sim_caller(w, self), alg == NIKA_AUTH_MAC ? cpu->mac_ns : cpu->sign_ns, body.size);
    return sim_auth_make(w, self, alg, type, to, body, auth);
}

static bool host_verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    struct nika_world *w = world;
    return verify_frame(w, sim_caller(w, self), frame);
}

static uint64_t host_jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    struct nika_world *w = world;
    struct nika_choice_name name = {.kind = NIKA_CHOICE_JITTER,
                                    .type = (uint16_t)timer,
                                    .a = sim_choice_id(w, sim_caller(w, self))};
    return n < 2 ? 0 : nika_choice(&w->core->chooser, &name, n);
}

void sim_auth_host(struct nika_world *w, struct nika_host *host, uint32_t node)
{
    *host = (struct nika_host){.world = w,
                               .self = node,
                               .authenticate = host_authenticate,
                               .verify = host_verify,
                               .jitter = host_jitter,
                               .trusted = nika_is_client(node) ? NULL : &sim_trusted_ops,
                               .trusted_later = w->options.trusted_later};
}
