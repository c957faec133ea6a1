/* engine/shim/tss_state.c: see tss_state.h. */
#include "engine/shim/tss_state.h"

#include <string.h>

#include "engine/core/digest.h"

static const uint8_t magic[8] = {'N', 'I', 'K', 'A', 'T', 'S', 'S', '2'};

#define RECORD_SIZE (NIKA_TRUSTED_CERTIFICATE_SIZE + NIKA_DIGEST_SIZE)
#define BOUND_SIZE 16u
#define HEAD_SIZE (8u + 4u + 4u + 8u + 4u + 4u + 8u + 1u + 8u + 8u + 4u)
#define TAIL_SIZE (NIKA_TRUSTED_MAC_SIZE + 4u)
_Static_assert(HEAD_SIZE + NIKA_REPLICAS_MAX * 8u +
                       NIKA_TRUSTED_COUNTERS_MAX * (RECORD_SIZE + BOUND_SIZE) + TAIL_SIZE <=
                   NIKA_TSS_STATE_MAX,
               "the largest state fits");

/* What is authenticated begins with the magic: no statement of a certificate does (trusted.h). */
static bool tag(struct nika_trusted_key *key, const uint8_t *bytes, uint32_t size,
                uint8_t mac[NIKA_TRUSTED_MAC_SIZE])
{
    return nika_trusted_key_tag(key, (struct nika_span){bytes, size}, mac) == NIKA_OK;
}

static bool is_bounded(const struct nika_tss_state *state, uint32_t counter)
{
    return state->bound[counter].view != 0 || state->bound[counter].order != 0;
}

uint32_t nika_tss_state_encode(const struct nika_tss_state *state, struct nika_trusted_key *key,
                               uint8_t out[NIKA_TSS_STATE_MAX])
{
    const struct nika_trusted_instance *instance = &state->instance;
    struct nika_writer w = nika_writer_of(out, NIKA_TSS_STATE_MAX);
    uint8_t mac[NIKA_TRUSTED_MAC_SIZE];
    nika_write_raw(&w, magic, sizeof magic);
    nika_write_u32(&w, 0); /* The size, once it is known. */
    nika_write_u32(&w, instance->id);
    nika_write_u64(&w, instance->epoch);
    nika_write_u32(&w, instance->counters);
    nika_write_u32(&w, state->group);
    for (uint32_t i = 0; i < state->group; i++) nika_write_u64(&w, state->epochs[i]);
    nika_write_u64(&w, state->sequence);
    nika_write_u8(&w, state->anchored ? 1 : 0);
    nika_write_u64(&w, state->anchor);
    nika_write_u64(&w, state->life);
    uint32_t used = instance->used;
    for (uint32_t i = used; i < instance->counters; i++)
        if (is_bounded(state, i)) used = i + 1;
    nika_write_u32(&w, used);
    for (uint32_t i = 0; i < used; i++) {
        uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE] = {0};
        if (instance->counter[i].last.kind != 0)
            nika_trusted_certificate_encode(&instance->counter[i].last, bytes);
        nika_write_raw(&w, bytes, sizeof bytes);
        nika_write_digest(&w, &instance->counter[i].digest);
        nika_write_u64(&w, state->bound[i].view);
        nika_write_u64(&w, state->bound[i].order);
    }
    nika_store_le(out + sizeof magic, w.at + TAIL_SIZE, 4);
    if (!tag(key, out, w.at, mac)) return 0;
    nika_write_raw(&w, mac, sizeof mac);
    nika_write_u32(&w, nika_crc32c(0, out, w.at));
    return w.failed ? 0 : w.at;
}

/* One counter: what the instance could have certified for itself, or nothing at all. */
static bool read_counter(struct nika_reader *r, const struct nika_trusted_instance *instance,
                         uint32_t number, struct nika_trusted_counter *out)
{
    static const uint8_t never[RECORD_SIZE];
    const uint8_t *bytes = nika_read_raw(r, RECORD_SIZE);
    if (bytes == NULL) return false;
    if (memcmp(bytes, never, RECORD_SIZE) == 0) return true;
    if (nika_trusted_certificate_decode((struct nika_span){bytes, NIKA_TRUSTED_CERTIFICATE_SIZE},
                                        &out->last) != NIKA_OK)
        return false;
    memcpy(out->digest.bytes, bytes + NIKA_TRUSTED_CERTIFICATE_SIZE, NIKA_DIGEST_SIZE);
    return out->last.kind != NIKA_TRUSTED_MAC && out->last.instance == instance->id &&
           out->last.epoch == instance->epoch && out->last.counter == number;
}

static bool read_body(struct nika_reader *r, struct nika_tss_state *out)
{
    struct nika_trusted_instance *instance = &out->instance;
    instance->id = nika_read_u32(r);
    instance->epoch = nika_read_u64(r);
    instance->counters = nika_read_u32(r);
    out->group = nika_read_u32(r);
    if (out->group == 0 || out->group > NIKA_REPLICAS_MAX || instance->id >= out->group ||
        instance->counters > NIKA_TRUSTED_COUNTERS_MAX)
        return false;
    for (uint32_t i = 0; i < out->group; i++) out->epochs[i] = nika_read_u64(r);
    out->sequence = nika_read_u64(r);
    uint8_t anchored = nika_read_u8(r);
    out->anchored = anchored == 1;
    out->anchor = nika_read_u64(r);
    out->life = nika_read_u64(r);
    uint32_t used = nika_read_u32(r);
    if (r->failed || anchored > 1 || used > instance->counters) return false;
    if (out->epochs[instance->id] != instance->epoch) return false;
    for (uint32_t i = 0; i < used; i++) {
        if (!read_counter(r, instance, i, &instance->counter[i])) return false;
        out->bound[i].view = nika_read_u64(r);
        out->bound[i].order = nika_read_u64(r);
        if (instance->counter[i].last.kind != 0) instance->used = i + 1;
        /* One encoding: there is none behind the last that moved or may have. */
        if (i + 1 == used && instance->used != used && !is_bounded(out, i)) return false;
    }
    return nika_reader_done(r);
}

enum nika_err nika_tss_state_decode(struct nika_span bytes, struct nika_trusted_key *key,
                                    struct nika_tss_state *out)
{
    memset(out, 0, sizeof *out);
    if (bytes.size < HEAD_SIZE + TAIL_SIZE) return NIKA_ERR_MALFORMED;
    if (memcmp(bytes.data, magic, sizeof magic - 1) != 0) return NIKA_ERR_MALFORMED;
    if (bytes.data[sizeof magic - 1] != magic[sizeof magic - 1]) return NIKA_ERR_VERSION;
    uint32_t size = (uint32_t)nika_load_le(bytes.data + sizeof magic, 4);
    if (size < HEAD_SIZE + TAIL_SIZE || size > bytes.size || size > NIKA_TSS_STATE_MAX)
        return NIKA_ERR_MALFORMED;
    if (nika_crc32c(0, bytes.data, size - 4) != (uint32_t)nika_load_le(bytes.data + size - 4, 4))
        return NIKA_ERR_MALFORMED;
    uint32_t body = size - TAIL_SIZE;
    if (nika_trusted_key_check(key, (struct nika_span){bytes.data, body}, bytes.data + body) !=
        NIKA_OK)
        return NIKA_ERR_AUTH;
    struct nika_reader r = nika_reader_of((struct nika_span){bytes.data + 12, body - 12});
    return read_body(&r, out) ? NIKA_OK : NIKA_ERR_MALFORMED;
}

void nika_tss_step_encode(const struct nika_tss_step *step, uint8_t out[NIKA_TSS_STEP_SIZE])
{
    struct nika_writer w = nika_writer_of(out, NIKA_TSS_STEP_SIZE);
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
    nika_trusted_certificate_encode(&step->counter.last, bytes);
    nika_write_u64(&w, step->life);
    nika_write_raw(&w, bytes, sizeof bytes);
    nika_write_digest(&w, &step->counter.digest);
}

enum nika_err nika_tss_step_decode(struct nika_span bytes, struct nika_tss_step *out)
{
    struct nika_reader r = nika_reader_of(bytes);
    memset(out, 0, sizeof *out);
    if (bytes.size != NIKA_TSS_STEP_SIZE) return NIKA_ERR_MALFORMED;
    out->life = nika_read_u64(&r);
    const uint8_t *certificate = nika_read_raw(&r, NIKA_TRUSTED_CERTIFICATE_SIZE);
    out->counter.digest = nika_read_digest(&r);
    enum nika_err err = nika_trusted_certificate_decode(
        (struct nika_span){certificate, NIKA_TRUSTED_CERTIFICATE_SIZE}, &out->counter.last);
    if (err == NIKA_OK && out->counter.last.kind == NIKA_TRUSTED_MAC) err = NIKA_ERR_MALFORMED;
    return err;
}
