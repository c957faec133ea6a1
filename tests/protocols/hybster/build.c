/* tests/protocols/hybster/build.c: see build.h. */
#include "tests/protocols/hybster/build.h"

#define SCRATCH (256u * 1024u)

struct nika_digest build_digest(uint8_t fill)
{
    struct nika_digest d;
    memset(d.bytes, fill, sizeof d.bytes);
    return d;
}

/* The group's key says whatever a test wants: what the instance of a correct replica would, and what none ever does. */
static void certify(struct fixture *f, struct nika_trusted_certificate c, enum build_flaw flaw,
                    const struct nika_digest *digest, uint8_t out[NIKA_TRUSTED_CERTIFICATE_SIZE])
{
    uint8_t statement[NIKA_TRUSTED_STATEMENT_SIZE];
    struct nika_digest over = *digest;
    c.epoch = NIKA_TRUSTED_EPOCH;
    if (flaw == FLAW_KIND) {
        bool mac = c.kind == NIKA_TRUSTED_MAC;
        if (mac) c.value = (struct nika_trusted_value){1, 1};
        c.kind =
            c.kind == NIKA_TRUSTED_INDEPENDENT ? NIKA_TRUSTED_CONTINUING : NIKA_TRUSTED_INDEPENDENT;
        if (c.kind == NIKA_TRUSTED_INDEPENDENT) memset(&c.previous, 0, sizeof c.previous);
    }
    if (flaw == FLAW_COUNTER) c.counter++;
    if (flaw == FLAW_VALUE) c.value.order++;
    if (flaw == FLAW_INSTANCE) c.instance = (c.instance + 1) % FIXTURE_REPLICAS;
    if (flaw == FLAW_EPOCH) c.epoch++;
    if (flaw == FLAW_DIGEST) over.bytes[0] ^= 1;
    nika_trusted_statement(&c, &over, statement);
    assert_int_equal(
        nika_trusted_key_tag(f->key, (struct nika_span){statement, sizeof statement}, c.mac),
        NIKA_OK);
    if (flaw == FLAW_MAC) c.mac[5] ^= 1;
    nika_trusted_certificate_encode(&c, out);
}

/* Encode a message whose last field is `count` certificates of zeros, certify what comes before, frame it. The flaw is in one of them. */
static struct fixture_bytes certified_unit(struct fixture *f, uint32_t sender,
                                           const struct nika_message_info *info,
                                           const void *message,
                                           const struct nika_trusted_certificate *certificates,
                                           uint32_t count, uint32_t flawed, enum build_flaw flaw)
{
    uint32_t size = nika_encoded_size(info, message);
    uint32_t content = size - HYBSTER_CERTIFICATES_FIELD(count);
    uint8_t *body = malloc(size);
    struct nika_digest digest;
    struct nika_writer w = nika_writer_of(body, size);
    nika_encode(info, message, &w);
    assert_false(w.failed);
    hybster_statement(&f->config, info->type, (struct nika_span){body, content}, &digest);
    for (uint32_t i = 0; i < count; i++) {
        struct nika_trusted_certificate c = certificates[i];
        c.instance = sender;
        certify(f, c, i == flawed ? flaw : FLAW_NONE, &digest,
                body + content + 4 + (size_t)i * NIKA_TRUSTED_CERTIFICATE_SIZE);
    }
    struct fixture_bytes frame = fixture_frame(f, sender, info, (struct nika_span){body, size});
    free(body);
    return frame;
}

static struct fixture_bytes certified(struct fixture *f, uint32_t sender,
                                      const struct nika_message_info *info, const void *message,
                                      struct nika_trusted_certificate certificate,
                                      enum build_flaw flaw)
{
    return certified_unit(f, sender, info, message, &certificate, 1, 0, flaw);
}

static const uint8_t blank_bytes[NIKA_PILLARS_MAX * NIKA_TRUSTED_CERTIFICATE_SIZE];
static const struct nika_span blank = {blank_bytes, NIKA_TRUSTED_CERTIFICATE_SIZE};

struct fixture_bytes build_order(struct fixture *f, const struct build_order *spec)
{
    uint32_t pillar = (uint32_t)(spec->seq % f->config.pillars);
    struct nika_trusted_certificate c = {.kind = NIKA_TRUSTED_INDEPENDENT,
                                         .counter = hybster_order_counter(pillar),
                                         .value = {spec->view, spec->seq}};
    struct hybster_prepare prepare = {
        .view = spec->view, .seq = spec->seq, .digest = spec->digest, .certificate = blank};
    struct hybster_commit commit = {
        .view = spec->view, .seq = spec->seq, .digest = spec->digest, .certificate = blank};
    if (spec->commit)
        return certified(f, spec->sender, &hybster_info_commit, &commit, c, spec->flaw);
    return certified(f, spec->sender, &hybster_info_prepare, &prepare, c, spec->flaw);
}

struct fixture_bytes build_checkpoint(struct fixture *f, const struct build_checkpoint *spec)
{
    struct nika_trusted_certificate c = {.kind = NIKA_TRUSTED_MAC};
    struct hybster_checkpoint m = {
        .seq = spec->seq, .digest = build_digest(spec->state), .certificate = blank};
    return certified(f, spec->sender, &hybster_info_checkpoint, &m, c, spec->flaw);
}

static void append(struct nika_writer *w, struct nika_list *list, struct fixture_bytes frame)
{
    nika_frames_append(w, list, fixture_span(frame));
    assert_false(w->failed);
    free(frame.data);
}

/* A writer over the next third of a scratch buffer. */
static struct nika_writer third(uint8_t *scratch, uint32_t which)
{
    return nika_writer_of(scratch + which * SCRATCH, SCRATCH);
}

static struct nika_list orders(struct fixture *f, const struct build_order *specs, uint32_t count,
                               struct nika_writer *w)
{
    struct nika_list list = {0};
    for (uint32_t i = 0; i < count; i++) append(w, &list, build_order(f, &specs[i]));
    return list;
}

static struct nika_list checkpoints(struct fixture *f, const struct build_checkpoint *specs,
                                    uint32_t count, struct nika_writer *w)
{
    struct nika_list list = {0};
    for (uint32_t i = 0; i < count; i++) append(w, &list, build_checkpoint(f, &specs[i]));
    return list;
}

void build_void(struct fixture *f, uint64_t view, struct nika_digest *digest)
{
    uint8_t content[8];
    struct nika_writer w = nika_writer_of(content, sizeof content);
    nika_write_u64(&w, view);
    hybster_statement(&f->config, HYBSTER_TYPE_new_view, (struct nika_span){content, w.at}, digest);
}

static struct nika_list hops(struct fixture *f, const struct build_view_change *spec,
                             struct nika_writer *w)
{
    struct nika_list list = {0};
    for (uint32_t i = 0; i < spec->hop_count; i++) {
        const struct build_hop *hop = &spec->hops[i];
        uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
        struct nika_trusted_certificate c = {
            .kind = NIKA_TRUSTED_CONTINUING,
            .instance = spec->sender,
            .counter = hop->opening ? HYBSTER_COUNTER_NEW_VIEW : hybster_order_counter(hop->pillar),
            .value = hop->value,
            .previous = hop->previous};
        struct hybster_hop m = {.digest = build_digest((uint8_t)(0x40 + i)),
                                .certificate = {bytes, sizeof bytes}};
        if (hop->opening && !hop->unsaid) build_void(f, hop->value.view, &m.digest);
        certify(f, c, hop->flaw, &m.digest, bytes);
        nika_list_append(w, &list, &hybster_info_hop, &m);
        assert_false(w->failed);
    }
    return list;
}

struct fixture_bytes build_view_change(struct fixture *f, const struct build_view_change *spec)
{
    uint8_t *scratch = malloc(3u * SCRATCH);
    struct nika_writer c = third(scratch, 0), p = third(scratch, 1), h = third(scratch, 2);
    struct nika_trusted_certificate certificates[NIKA_PILLARS_MAX];
    uint32_t count = f->config.pillars - spec->fewer;
    for (uint32_t i = 0; i < count; i++)
        certificates[i] = (struct nika_trusted_certificate){.kind = NIKA_TRUSTED_CONTINUING,
                                                            .counter = hybster_order_counter(i),
                                                            .value = {spec->view, 0},
                                                            .previous = i == 0 ? spec->previous
                                                                               : spec->others[i]};
    struct hybster_view_change m = {
        .view = spec->view,
        .low_mark = spec->low_mark,
        .from = spec->from,
        .certificate = {blank_bytes, count * NIKA_TRUSTED_CERTIFICATE_SIZE}};
    m.checkpoints = checkpoints(f, spec->checkpoints, spec->checkpoint_count, &c);
    if (spec->junk > 0)
        append(&c, &m.checkpoints, (struct fixture_bytes){calloc(1, spec->junk), spec->junk});
    m.prepares = orders(f, spec->prepares, spec->prepare_count, &p);
    m.hops = hops(f, spec, &h);
    struct fixture_bytes frame = certified_unit(f, spec->sender, &hybster_info_view_change, &m,
                                                certificates, count, spec->flawed, spec->flaw);
    free(scratch);
    return frame;
}

struct fixture_bytes build_ack(struct fixture *f, const struct build_ack *spec)
{
    uint8_t *scratch = malloc(3u * SCRATCH);
    struct nika_writer c = third(scratch, 0), p = third(scratch, 1);
    struct nika_trusted_certificate certificate = {.kind = NIKA_TRUSTED_MAC};
    struct hybster_new_view_ack m = {
        .view = spec->view, .low_mark = spec->low_mark, .base = spec->base, .certificate = blank};
    m.checkpoints = checkpoints(f, spec->checkpoints, spec->checkpoint_count, &c);
    m.prepares = orders(f, spec->prepares, spec->prepare_count, &p);
    struct fixture_bytes frame =
        certified(f, spec->sender, &hybster_info_new_view_ack, &m, certificate, spec->flaw);
    free(scratch);
    return frame;
}

struct fixture_bytes build_new_view(struct fixture *f, const struct build_new_view *spec)
{
    uint8_t *scratch = malloc(3u * SCRATCH);
    struct nika_writer c = third(scratch, 0), a = third(scratch, 1), p = third(scratch, 2);
    struct nika_trusted_certificate certificate = {.kind = NIKA_TRUSTED_INDEPENDENT,
                                                   .counter = HYBSTER_COUNTER_NEW_VIEW,
                                                   .value = {spec->view, 0}};
    struct hybster_new_view m = {.view = spec->view, .base = spec->base, .certificate = blank};
    for (uint32_t i = 0; i < spec->change_count; i++)
        append(&c, &m.view_changes, build_view_change(f, &spec->changes[i]));
    for (uint32_t i = 0; i < spec->ack_count; i++)
        append(&a, &m.acks, build_ack(f, &spec->acks[i]));
    m.prepares = orders(f, spec->prepares, spec->prepare_count, &p);
    struct fixture_bytes frame =
        certified(f, spec->sender, &hybster_info_new_view, &m, certificate, spec->flaw);
    free(scratch);
    return frame;
}

struct fixture_bytes build_request(struct fixture *f, uint32_t client, uint64_t timestamp)
{
    uint8_t op[4] = {1, 2, 3, (uint8_t)timestamp}, bytes[256];
    struct common_request request = {
        .client = client, .timestamp = timestamp, .replier = NIKA_NODE_NONE, .op = {op, sizeof op}};
    struct nika_writer encoded = nika_writer_of(bytes, sizeof bytes);
    nika_encode(&common_info_request, &request, &encoded);
    assert_false(encoded.failed);
    return fixture_frame(f, nika_client_node(client), &common_info_request,
                         (struct nika_span){bytes, encoded.at});
}

struct fixture_bytes build_batch(struct fixture *f, uint64_t timestamp, uint64_t time_ns,
                                 bool forged, struct nika_digest *digest)
{
    struct fixture_bytes frame = build_request(f, 0, timestamp);
    if (forged) frame.data[frame.size - 1] ^= 1;
    struct fixture_bytes body = {malloc(frame.size + 16), frame.size + 16};
    struct nika_writer w = nika_writer_of(body.data, body.size);
    nika_write_u64(&w, time_ns);
    nika_write_u32(&w, 1);
    nika_write_bytes(&w, fixture_span(frame));
    assert_false(w.failed);
    free(frame.data);
    common_batch_body_digest(fixture_span(body), digest);
    return body;
}

void build_give_batch(struct fixture *f, uint32_t sender, struct fixture_bytes body)
{
    assert_true(fixture_give(f, fixture_frame(f, sender, &common_info_batch, fixture_span(body))));
    free(body.data);
}

struct nika_digest build_ordered(struct fixture *f, uint64_t seq)
{
    struct build_order spec = {.sender = 0, .seq = seq};
    struct fixture_bytes body = build_batch(f, seq, f->now_ns + seq, false, &spec.digest);
    assert_true(fixture_give(f, build_order(f, &spec)));
    build_give_batch(f, 0, body);
    return spec.digest;
}

void build_leave(struct fixture *f, uint64_t view)
{
    struct build_view_change spec = {.view = view};
    for (spec.sender = 0; spec.sender < FIXTURE_REPLICAS; spec.sender++)
        if (spec.sender != f->self) assert_true(fixture_give(f, build_view_change(f, &spec)));
    assert_int_equal(f->replica->core.view, view);
}

void build_commit(struct fixture *f, uint32_t sender, uint64_t view, uint64_t seq,
                  const struct nika_digest *digest)
{
    struct build_order spec = {
        .commit = true, .sender = sender, .view = view, .seq = seq, .digest = *digest};
    assert_true(fixture_give(f, build_order(f, &spec)));
}
