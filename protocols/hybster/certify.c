/* protocols/hybster/certify.c: a replica and its trusted subsystem (PROTOCOLS.md 2.1, 2.8; HP4, HP7, TSG, TSR).
 *
 * What is certified is always the fixed-size digest of a message's type, group and fields, so that no certificate passes for
 * another. A replica whose trusted subsystem fails it stops voting: it neither guesses nor goes on without. */
#include "engine/core/digest.h"
#include "engine/core/planted.h"
#include "protocols/hybster/describe.h"
#include "protocols/hybster/state.h"

static const uint8_t domain[] = {'N', 'I', 'K', 'A', '-', 'H', 'Y', 'B', 'S', 'T', 'E', 'R'};

void hybster_statement(const struct nika_config *config, uint8_t type, struct nika_span content,
                       struct nika_digest *out)
{
    const struct nika_span parts[] = {
        {domain, sizeof domain}, {config->group_id.bytes, NIKA_DIGEST_SIZE}, {&type, 1}, content};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

void hybster_alarm(struct nika_replica *r, enum nika_check check, uint64_t seq)
{
    uint64_t bit = UINT64_C(1) << ((unsigned)check % 64);
    if ((r->alarmed & bit) != 0) return;
    r->alarmed |= bit;
    common_alarm(&r->core, check, seq);
}

void hybster_halt(struct nika_replica *r, enum nika_check why, uint64_t seq)
{
    if (r->halted) return;
    r->halted = true;
    r->deaf = why == NIKA_CHECK_TSG;
    REACHED(hybster_trusted_lost);
    common_timer_stop(&r->core, COMMON_TIMER_REQUEST);
    if (why == NIKA_CHECK_TSR) hybster_alarm(r, why, seq);
    common_reject(&r->core, why, r->core.self);
}

/* The content of a certified message: everything before its last field, which has `count` certificates. */
static bool split(struct nika_span body, uint32_t count, struct nika_span *content,
                  struct nika_span *certificates)
{
    uint32_t size = count * NIKA_TRUSTED_CERTIFICATE_SIZE;
    if (body.size < HYBSTER_CERTIFICATES_FIELD(count)) return false;
    *content = (struct nika_span){body.data, body.size - HYBSTER_CERTIFICATES_FIELD(count)};
    *certificates = (struct nika_span){body.data + body.size - size, size};
    return nika_load_le(content->data + content->size, 4) == size;
}

struct nika_span hybster_certificates(const struct nika_config *config, uint8_t type,
                                      struct nika_span body, struct nika_digest *digest)
{
    struct nika_span content, certificates, none = {0};
    uint32_t count = type == HYBSTER_TYPE_view_change ? config->pillars : 1;
    bool certified = type == HYBSTER_TYPE_prepare || type == HYBSTER_TYPE_commit ||
                     type == HYBSTER_TYPE_checkpoint || type == HYBSTER_TYPE_view_change ||
                     type == HYBSTER_TYPE_new_view || type == HYBSTER_TYPE_new_view_ack;
    if (!certified || !split(body, count, &content, &certificates)) return none;
    hybster_statement(config, type, content, digest);
    return certificates;
}

/* Let the trusted subsystem certify; it is lost when it refuses what a correct replica asks for. */
static bool certify(struct nika_replica *r, enum nika_trusted_kind kind, uint32_t counter,
                    struct nika_trusted_value value, const struct nika_digest *digest,
                    uint8_t out[NIKA_TRUSTED_CERTIFICATE_SIZE])
{
    struct nika_trusted_certificate certificate;
    const struct nika_host *host = r->core.host;
    if (r->halted) return false;
    enum nika_err err = host->trusted->certify(host->world, r->core.self, kind, counter, value,
                                               digest, &certificate);
    if (err != NIKA_OK) {
        hybster_halt(r, NIKA_CHECK_TSG, value.order);
        return false;
    }
    uint32_t pillar = counter / HYBSTER_COUNTERS_OF_PILLAR;
    if (kind != NIKA_TRUSTED_MAC && counter == hybster_order_counter(pillar))
        r->pillars[pillar].counter = value;
    nika_trusted_certificate_encode(&certificate, out);
    return true;
}

/* A frame of one's own in the store whose last field has room for `count` certificates; `digest` is what they are over, `place` where they
 * belong. Handle or 0. */
static uint32_t blank_frame(struct nika_replica *r, const struct nika_message_info *info,
                            void *message, struct nika_span *field, uint32_t count,
                            struct nika_digest *digest, uint8_t **place)
{
    static const uint8_t blank[NIKA_TRUSTED_CERTIFICATE_SIZE * NIKA_PILLARS_MAX] = {0};
    struct nika_frame frame;
    struct nika_span content, certificates;
    *field = (struct nika_span){blank, count * NIKA_TRUSTED_CERTIFICATE_SIZE};
    uint32_t handle = common_store_frame(&r->core, info, message);
    if (handle == 0) return 0;
    enum nika_err err = nika_frame_parse(nika_store_span(r->core.store, handle),
                                         r->core.config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame);
    bool whole = err == NIKA_OK && split(frame.body, count, &content, &certificates);
    NIKA_ASSERT(whole);
    hybster_statement(r->core.config, info->type, content, digest);
    *place = nika_store_at(r->core.store, handle) + (uint32_t)(certificates.data - frame.raw.data);
    return handle;
}

/* The same for one certificate in a frame that is in the store already. */
static uint8_t *draft_place(struct nika_replica *r, uint32_t handle, struct nika_digest *digest)
{
    struct nika_frame frame;
    struct nika_span content, certificates;
    enum nika_err err = nika_frame_parse(nika_store_span(r->core.store, handle),
                                         r->core.config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame);
    bool whole = err == NIKA_OK && split(frame.body, 1, &content, &certificates);
    NIKA_ASSERT(whole);
    hybster_statement(r->core.config, frame.type, content, digest);
    return nika_store_at(r->core.store, handle) + (uint32_t)(certificates.data - frame.raw.data);
}

uint32_t hybster_draft_frame(struct nika_replica *r, const struct nika_message_info *info,
                             void *message, struct nika_span *field)
{
    struct nika_digest digest;
    uint8_t *place = NULL;
    return blank_frame(r, info, message, field, 1, &digest, &place);
}

bool hybster_certify_draft(struct nika_replica *r, uint32_t handle, enum nika_trusted_kind kind,
                           uint32_t counter, struct nika_trusted_value value)
{
    struct nika_digest digest;
    uint8_t *place = draft_place(r, handle, &digest);
    return certify(r, kind, counter, value, &digest, place);
}

bool hybster_reissue_draft(struct nika_replica *r, uint32_t handle, uint32_t counter,
                           struct nika_trusted_value value)
{
    struct nika_trusted_certificate certificate;
    struct nika_digest issued, expected;
    uint8_t *place = draft_place(r, handle, &expected);
    if (r->halted || !hybster_counter_last(r, counter, &certificate, &issued)) return false;
    if (certificate.kind != NIKA_TRUSTED_INDEPENDENT ||
        nika_trusted_compare(certificate.value, value) != 0 ||
        !nika_digest_equal(&issued, &expected))
        return false;
    REACHED(hybster_reissued);
    nika_trusted_certificate_encode(&certificate, place);
    return true;
}

/* `count` certificates of the ordering counters of as many pillars, from `counter` on; one of any counter when count is 1. */
static uint32_t certify_frame(struct nika_replica *r, const struct nika_message_info *info,
                              void *message, struct nika_span *field, enum nika_trusted_kind kind,
                              uint32_t counter, uint32_t count, struct nika_trusted_value value)
{
    struct nika_digest digest;
    uint8_t *place = NULL;
    bool whole = true;
    if (r->halted) return 0;
    uint32_t handle = blank_frame(r, info, message, field, count, &digest, &place);
    if (handle == 0) return 0;
    for (uint32_t i = 0; i < count && whole; i++)
        whole = certify(r, kind, counter + i * HYBSTER_COUNTERS_OF_PILLAR, value, &digest,
                        place + (size_t)i * NIKA_TRUSTED_CERTIFICATE_SIZE);
    if (whole) return handle;
    nika_store_free(r->core.store, handle);
    return 0;
}

uint32_t hybster_certify_frame(struct nika_replica *r, const struct nika_message_info *info,
                               void *message, struct nika_span *field, enum nika_trusted_kind kind,
                               uint32_t counter, struct nika_trusted_value value)
{
    return certify_frame(r, info, message, field, kind, counter, 1, value);
}

uint32_t hybster_certify_unit(struct nika_replica *r, const struct nika_message_info *info,
                              void *message, struct nika_span *field,
                              struct nika_trusted_value value)
{
    return certify_frame(r, info, message, field, NIKA_TRUSTED_CONTINUING, hybster_order_counter(0),
                         r->core.pillars, value);
}

bool hybster_ask(struct nika_replica *r, struct hybster_slot *slot, uint8_t type)
{
    struct hybster_commit m = {
        .view = r->entered, .seq = slot->base.seq, .digest = slot->base.digest};
    const struct nika_message_info *info =
        type == HYBSTER_TYPE_prepare ? &hybster_info_prepare : &hybster_info_commit;
    uint32_t pillar = common_pillar_of(&r->core, m.seq);
    struct nika_digest digest;
    uint8_t *place = NULL;
    NIKA_ASSERT(slot->asked == 0);
    slot->asked = blank_frame(r, info, &m, &m.certificate, 1, &digest, &place);
    if (slot->asked == 0) return false;
    r->pillars[pillar].awaited++;
    nika_effects_certify(r->core.effects,
                         common_token(HYBSTER_TOKEN_ORDER, r->view_generation, m.seq),
                         hybster_order_counter(pillar), m.view, m.seq, &digest);
    return true;
}

uint32_t hybster_take_asked(struct nika_replica *r, struct hybster_slot *slot,
                            struct nika_span certificate)
{
    uint32_t handle = slot == NULL ? 0 : slot->asked;
    if (handle == 0) return 0;
    slot->asked = 0;
    NIKA_ASSERT(certificate.size == NIKA_TRUSTED_CERTIFICATE_SIZE);
    memcpy(nika_store_at(r->core.store, handle) + NIKA_FRAME_HEAD_SIZE + HYBSTER_ORDER_SIZE -
               NIKA_TRUSTED_CERTIFICATE_SIZE,
           certificate.data, certificate.size);
    return handle;
}

enum nika_err hybster_counter_read(struct nika_replica *r, uint32_t counter,
                                   struct nika_trusted_value *value)
{
    const struct nika_host *host = r->core.host;
    uint64_t epoch;
    /* In parentheses: this is the trusted subsystem's call, not the system's of that name. */
    enum nika_err err = (host->trusted->read)(host->world, r->core.self, counter, value, &epoch);
    if (err != NIKA_OK) hybster_halt(r, NIKA_CHECK_TSG, r->pillars[0].counter.order);
    return err;
}

bool hybster_counter_last(struct nika_replica *r, uint32_t counter,
                          struct nika_trusted_certificate *out, struct nika_digest *digest)
{
    const struct nika_host *host = r->core.host;
    enum nika_err err = host->trusted->reissue(host->world, r->core.self, counter, out, digest);
    if (err == NIKA_ERR_IO) hybster_halt(r, NIKA_CHECK_TSG, r->pillars[0].counter.order);
    return err == NIKA_OK;
}

bool hybster_certificate_check(struct nika_replica *r, struct nika_span certificate,
                               uint32_t sender, enum nika_trusted_kind kind, uint32_t counter,
                               const struct nika_trusted_value *value,
                               const struct nika_digest *digest,
                               struct nika_trusted_certificate *out)
{
    const struct nika_host *host = r->core.host;
    if (nika_trusted_certificate_decode(certificate, out) != NIKA_OK) return false;
    if (out->instance != sender || out->counter != counter) return false;
    bool continuing = NIKA_PLANTED(T02) && out->kind == NIKA_TRUSTED_CONTINUING;
    bool mac = NIKA_PLANTED(T03) && out->kind == NIKA_TRUSTED_MAC;
    if (out->kind != kind && !continuing && !mac) return false;
    if (!mac && value != NULL && nika_trusted_compare(*value, out->value) != 0) return false;
    if (host->trusted->verify(host->world, r->core.self, out, digest)) return true;
    /* None, or nobody there to say so? Who cannot ask cannot vote either. */
    struct nika_trusted_value present;
    (void)hybster_counter_read(r, HYBSTER_COUNTER_ORDER, &present);
    return false;
}

bool hybster_message_check(struct nika_replica *r, const struct nika_frame *frame,
                           enum nika_trusted_kind kind, uint32_t counter,
                           const struct nika_trusted_value *value,
                           struct nika_trusted_certificate *out)
{
    struct nika_span content, certificate;
    struct nika_digest digest;
    if (!split(frame->body, 1, &content, &certificate)) return false;
    hybster_statement(r->core.config, frame->type, content, &digest);
    return hybster_certificate_check(r, certificate, frame->sender, kind, counter, value, &digest,
                                     out);
}

bool hybster_unit_check(struct nika_replica *r, const struct nika_frame *frame,
                        const struct nika_trusted_value *value,
                        struct nika_trusted_certificate out[NIKA_PILLARS_MAX])
{
    struct nika_span content, certificates;
    struct nika_digest digest;
    if (!split(frame->body, r->core.pillars, &content, &certificates)) return false;
    hybster_statement(r->core.config, frame->type, content, &digest);
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        struct nika_span one = {certificates.data + (size_t)p * NIKA_TRUSTED_CERTIFICATE_SIZE,
                                NIKA_TRUSTED_CERTIFICATE_SIZE};
        if (!hybster_certificate_check(r, one, frame->sender, NIKA_TRUSTED_CONTINUING,
                                       hybster_order_counter(p), value, &digest, &out[p]))
            return false;
    }
    return true;
}

bool hybster_order_certified(struct nika_replica *r, const struct nika_frame *frame,
                             const struct hybster_order *order)
{
    struct nika_trusted_certificate certificate;
    struct nika_trusted_value value = {order->view, order->seq};
    uint32_t counter = hybster_order_counter(common_pillar_of(&r->core, order->seq));
    return hybster_message_check(r, frame, NIKA_TRUSTED_INDEPENDENT, counter, &value, &certificate);
}

bool hybster_order_decode(struct nika_span body, struct hybster_order *out)
{
    struct nika_span content;
    if (body.size != HYBSTER_ORDER_SIZE || !split(body, 1, &content, &out->certificate))
        return false;
    out->view = nika_load_le(body.data, 8);
    out->seq = nika_load_le(body.data + 8, 8);
    memcpy(out->digest.bytes, body.data + 16, NIKA_DIGEST_SIZE);
    return true;
}

uint32_t hybster_reissue_order(struct nika_replica *r, uint8_t type, uint64_t seq,
                               const struct nika_digest *digest)
{
    struct nika_trusted_certificate certificate;
    struct nika_digest issued, expected;
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE], body[HYBSTER_ORDER_SIZE];
    uint32_t counter = hybster_order_counter(common_pillar_of(&r->core, seq));
    if (r->halted || !hybster_counter_last(r, counter, &certificate, &issued)) return 0;
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_write_u64(&w, r->entered);
    nika_write_u64(&w, seq);
    nika_write_digest(&w, digest);
    hybster_statement(r->core.config, type, (struct nika_span){body, w.at}, &expected);
    bool same = certificate.kind == NIKA_TRUSTED_INDEPENDENT &&
                certificate.value.view == r->entered && certificate.value.order == seq &&
                nika_digest_equal(&issued, &expected);
    if (!same) return 0;
    REACHED(hybster_reissued);
    nika_trusted_certificate_encode(&certificate, bytes);
    nika_write_bytes(&w, (struct nika_span){bytes, sizeof bytes});
    uint32_t handle = nika_store_alloc(r->core.store, HYBSTER_ORDER_FRAME_SIZE);
    if (handle == 0) return 0;
    struct nika_writer out =
        nika_writer_of(nika_store_at(r->core.store, handle), HYBSTER_ORDER_FRAME_SIZE);
    nika_frame_write(r->core.config, type, r->core.self, (struct nika_span){body, w.at},
                     NIKA_AUTH_NONE, (struct nika_span){0}, &out);
    NIKA_ASSERT(!out.failed && out.at == HYBSTER_ORDER_FRAME_SIZE);
    return handle;
}
