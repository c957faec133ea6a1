/* faults/hybster/liar.c: see liar.h. */
#include "faults/hybster/liar.h"

#include "engine/core/digest.h"

/* What Hybster certifies, restated: a fault uses message tables, no protocol code. */
static void statement(const struct nika_config *config, uint8_t type, struct nika_span content,
                      struct nika_digest *out)
{
    static const uint8_t domain[] = {'N', 'I', 'K', 'A', '-', 'H', 'Y', 'B', 'S', 'T', 'E', 'R'};
    const struct nika_span parts[] = {
        {domain, sizeof domain}, {config->group_id.bytes, NIKA_DIGEST_SIZE}, {&type, 1}, content};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

bool liar_open(const struct nika_config *config, struct nika_span raw,
               const struct nika_message_info *info, struct nika_frame *frame, void *out)
{
    return nika_frame_parse(raw, config->epoch, NIKA_MESSAGE_SIZE_MAX, frame) == NIKA_OK &&
           frame->type == info->type && nika_decode(info, frame->body, out) == NIKA_OK;
}

/* Let the trusted subsystem certify `content`; false when it refuses. */
static bool seal_it(const struct liar *liar, uint8_t type, struct nika_span content,
                    struct liar_seal seal, uint8_t out[NIKA_TRUSTED_CERTIFICATE_SIZE])
{
    struct nika_trusted_certificate certificate;
    struct nika_digest digest;
    statement(liar->config, type, content, &digest);
    if (seal.kind == NIKA_TRUSTED_MAC) {
        seal.counter = 0;
        seal.value = (struct nika_trusted_value){0, 0};
    }
    if (liar->certify(liar->world, liar->replica, seal.kind, seal.counter, seal.value, &digest,
                      &certificate) != NIKA_OK)
        return false;
    if (seal.relabel) {
        certificate.kind = NIKA_TRUSTED_INDEPENDENT;
        memset(&certificate.previous, 0, sizeof certificate.previous);
    }
    nika_trusted_certificate_encode(&certificate, out);
    return true;
}

struct nika_span liar_frame(const struct liar *liar, const struct nika_message_info *info,
                            void *message, struct nika_span *field, struct liar_seal seal,
                            struct nika_writer *w)
{
    uint8_t bytes[LIAR_BODY_MAX], blank[NIKA_PILLARS_MAX * NIKA_TRUSTED_CERTIFICATE_SIZE] = {0};
    uint32_t count = seal.unit ? liar->config->pillars : 1;
    uint32_t size = count * NIKA_TRUSTED_CERTIFICATE_SIZE;
    struct nika_span none = {NULL, 0};
    struct nika_writer body = nika_writer_of(bytes, sizeof bytes);
    *field = (struct nika_span){blank, size};
    nika_encode(info, message, &body);
    *field = none;
    if (body.failed || w->failed || w->capacity - w->at < nika_frame_size(body.at, 0)) return none;
    struct nika_span content = {bytes, body.at - size - 4};
    for (uint32_t i = 0; i < count; i++, seal.counter += HYBSTER_COUNTERS_OF_PILLAR) {
        uint8_t *out = bytes + body.at - size + (size_t)i * NIKA_TRUSTED_CERTIFICATE_SIZE;
        if (!seal_it(liar, info->type, content, seal, out)) return none;
    }
    uint8_t *start = w->data + w->at;
    nika_frame_write(liar->config, info->type, liar->replica, (struct nika_span){bytes, body.at},
                     NIKA_AUTH_NONE, none, w);
    return (struct nika_span){start, nika_frame_size(body.at, 0)};
}

struct nika_span liar_order(const struct liar *liar, uint8_t type, uint64_t view, uint64_t seq,
                            const struct nika_digest *digest, struct liar_seal seal,
                            struct nika_writer *w)
{
    if (type == HYBSTER_TYPE_prepare) {
        struct hybster_prepare m = {.view = view, .seq = seq, .digest = *digest};
        return liar_frame(liar, &hybster_info_prepare, &m, &m.certificate, seal, w);
    }
    struct hybster_commit m = {.view = view, .seq = seq, .digest = *digest};
    return liar_frame(liar, &hybster_info_commit, &m, &m.certificate, seal, w);
}

struct nika_span liar_true_order(const struct liar *liar, uint8_t type, uint64_t view, uint64_t seq,
                                 const struct nika_digest *digest, struct nika_writer *w)
{
    struct liar_seal seal = {.kind = NIKA_TRUSTED_INDEPENDENT,
                             .counter = liar_order_counter(liar->config, seq),
                             .value = {view, seq}};
    return liar_order(liar, type, view, seq, digest, seal, w);
}

struct nika_span liar_change(const struct liar *liar, struct hybster_view_change *m,
                             struct nika_writer *w)
{
    struct liar_seal seal = {.kind = NIKA_TRUSTED_CONTINUING,
                             .counter = hybster_order_counter(0),
                             .value = {m->view, 0},
                             .unit = true};
    return liar_frame(liar, &hybster_info_view_change, m, &m->certificate, seal, w);
}

struct nika_span liar_ack(const struct liar *liar, struct hybster_new_view_ack *m,
                          struct nika_writer *w)
{
    struct liar_seal seal = {.kind = NIKA_TRUSTED_MAC};
    return liar_frame(liar, &hybster_info_new_view_ack, m, &m->certificate, seal, w);
}

bool liar_hops(const struct nika_config *config, struct nika_span raw,
               struct hybster_hop out[NIKA_PILLARS_MAX])
{
    struct nika_frame frame;
    struct hybster_view_change m;
    uint32_t size = config->pillars * NIKA_TRUSTED_CERTIFICATE_SIZE;
    if (!liar_open(config, raw, &hybster_info_view_change, &frame, &m) ||
        m.certificate.size != size)
        return false;
    struct nika_span content = {frame.body.data, frame.body.size - size - 4};
    for (uint32_t p = 0; p < config->pillars; p++) {
        statement(config, frame.type, content, &out[p].digest);
        out[p].certificate =
            (struct nika_span){m.certificate.data + (size_t)p * NIKA_TRUSTED_CERTIFICATE_SIZE,
                               NIKA_TRUSTED_CERTIFICATE_SIZE};
    }
    return true;
}

static bool add_history(const struct nika_config *config, const struct nika_list *prepares,
                        struct liar_orders *out)
{
    struct nika_frame frame;
    struct hybster_prepare m;
    struct nika_span raw;
    for (uint32_t at = 0; nika_frames_next(prepares, &at, &raw);) {
        if (!liar_open(config, raw, &hybster_info_prepare, &frame, &m)) return false;
        if (m.seq <= out->min_seq) continue;
        if (m.seq - out->min_seq > LIAR_SPAN_MAX) return false;
        out->digest[m.seq - out->min_seq - 1] = m.digest;
        if (m.seq > out->max_seq) out->max_seq = m.seq;
    }
    return true;
}

bool liar_orders_of(const struct nika_config *config, uint64_t base,
                    const struct nika_list *view_changes, const struct nika_list *acks,
                    struct liar_orders *out)
{
    struct nika_frame frame;
    struct hybster_view_change change;
    struct hybster_new_view_ack ack;
    struct nika_span raw;
    memset(out, 0, sizeof *out);
    for (uint32_t at = 0; nika_frames_next(view_changes, &at, &raw);) {
        if (!liar_open(config, raw, &hybster_info_view_change, &frame, &change)) return false;
        if (change.low_mark > out->min_seq) out->min_seq = change.low_mark;
    }
    for (uint32_t at = 0; nika_frames_next(acks, &at, &raw);) {
        if (!liar_open(config, raw, &hybster_info_new_view_ack, &frame, &ack)) return false;
        if (ack.low_mark > out->min_seq) out->min_seq = ack.low_mark;
    }
    out->max_seq = out->min_seq;
    for (uint32_t at = 0; nika_frames_next(view_changes, &at, &raw);) {
        if (!liar_open(config, raw, &hybster_info_view_change, &frame, &change)) return false;
        if (change.from == base && !add_history(config, &change.prepares, out)) return false;
    }
    for (uint32_t at = 0; nika_frames_next(acks, &at, &raw);) {
        if (!liar_open(config, raw, &hybster_info_new_view_ack, &frame, &ack)) return false;
        if (!add_history(config, &ack.prepares, out)) return false;
    }
    return true;
}

struct nika_span liar_new_view_of(const struct liar *liar, uint64_t view, uint64_t base,
                                  const struct nika_list *view_changes,
                                  const struct nika_list *acks, const struct liar_orders *orders,
                                  struct nika_writer *w)
{
    uint8_t bytes[LIAR_SPAN_MAX * 256u];
    struct nika_writer frames = nika_writer_of(bytes, sizeof bytes);
    struct nika_span none = {NULL, 0};
    struct liar_seal seal = {
        .kind = NIKA_TRUSTED_INDEPENDENT, .counter = HYBSTER_COUNTER_NEW_VIEW, .value = {view, 0}};
    struct hybster_new_view m = {
        .view = view, .base = base, .view_changes = *view_changes, .acks = *acks};
    m.prepares = (struct nika_list){0, {bytes, 0}};
    for (uint64_t s = orders->min_seq + 1; s <= orders->max_seq; s++) {
        uint8_t one[256];
        struct nika_writer order = nika_writer_of(one, sizeof one);
        struct nika_span raw = liar_true_order(liar, HYBSTER_TYPE_prepare, view, s,
                                               &orders->digest[s - orders->min_seq - 1], &order);
        if (raw.size == 0) return none;
        nika_frames_append(&frames, &m.prepares, raw);
    }
    if (frames.failed) return none;
    return liar_frame(liar, &hybster_info_new_view, &m, &m.certificate, seal, w);
}

struct nika_span liar_new_view(const struct liar *liar, uint64_t view, uint64_t base,
                               const struct nika_list *view_changes, const struct nika_list *acks,
                               struct nika_writer *w)
{
    struct liar_orders orders;
    if (!liar_orders_of(liar->config, base, view_changes, acks, &orders))
        return (struct nika_span){NULL, 0};
    return liar_new_view_of(liar, view, base, view_changes, acks, &orders, w);
}
