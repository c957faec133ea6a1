/* tests/protocols/pbft/fixture.c: see fixture.h. */
#include "tests/protocols/pbft/fixture.h"

struct fixture fixture_new(uint32_t self)
{
    struct fixture f = {.c = cluster_new(4, 1), .self = self};
    f.node = &f.c->nodes[self];
    for (uint32_t i = 0; i < 4; i++) f.c->nodes[i].silent = i != self;
    return f;
}

void fixture_free(struct fixture *f)
{
    cluster_free(f->c);
}

struct nika_digest fixture_digest(uint8_t fill)
{
    struct nika_digest d;
    memset(d.bytes, fill, sizeof d.bytes);
    return d;
}

struct cluster_bytes fixture_batch(struct fixture *f, uint32_t client, uint64_t timestamp,
                                   uint64_t time_ns, struct nika_digest *digest)
{
    uint8_t op[4] = {1, 2, 3, (uint8_t)timestamp};
    struct common_request request = {
        .client = client, .timestamp = timestamp, .replier = NIKA_NODE_NONE, .op = {op, sizeof op}};
    struct cluster_bytes frame =
        cluster_frame(f->c, nika_client_node(client), 0, &common_info_request, &request);
    struct cluster_bytes body = {malloc(frame.size + 16), frame.size + 16};
    struct nika_writer w = nika_writer_of(body.data, body.size);
    nika_write_u64(&w, time_ns);
    nika_write_u32(&w, 1);
    nika_write_bytes(&w, cluster_span(frame));
    assert_false(w.failed);
    free(frame.data);
    common_batch_body_digest(cluster_span(body), digest);
    return body;
}

bool fixture_send(struct fixture *f, uint32_t sender, const struct nika_message_info *info,
                  const void *message)
{
    struct cluster_bytes frame = cluster_frame(f->c, sender, f->self, info, message);
    bool ok = cluster_deliver(f->c, f->self, frame);
    free(frame.data);
    return ok;
}

void fixture_pre_prepare(struct fixture *f, uint32_t sender, uint64_t view, uint64_t seq,
                         const struct nika_digest *d)
{
    struct pbft_pre_prepare m = {.view = view, .seq = seq, .digest = *d};
    assert_true(fixture_send(f, sender, &pbft_info_pre_prepare, &m));
}

void fixture_prepare(struct fixture *f, uint32_t sender, uint64_t view, uint64_t seq,
                     const struct nika_digest *d)
{
    struct pbft_prepare m = {.view = view, .seq = seq, .digest = *d};
    assert_true(fixture_send(f, sender, &pbft_info_prepare, &m));
}

void fixture_commit(struct fixture *f, uint32_t sender, uint64_t view, uint64_t seq,
                    const struct nika_digest *d)
{
    struct pbft_commit m = {.view = view, .seq = seq, .digest = *d};
    assert_true(fixture_send(f, sender, &pbft_info_commit, &m));
}

void fixture_checkpoint(struct fixture *f, uint32_t sender, uint64_t seq,
                        const struct nika_digest *d)
{
    struct pbft_checkpoint m = {.seq = seq, .digest = *d};
    assert_true(fixture_send(f, sender, &pbft_info_checkpoint, &m));
}

void fixture_give_batch(struct fixture *f, uint32_t sender, struct cluster_bytes body)
{
    struct cluster_bytes frame = {malloc(nika_frame_size(body.size, 0)),
                                  nika_frame_size(body.size, 0)};
    struct nika_writer w = nika_writer_of(frame.data, frame.size);
    nika_frame_write(&f->c->config, COMMON_TYPE_batch, sender, cluster_span(body), NIKA_AUTH_NONE,
                     (struct nika_span){0}, &w);
    assert_false(w.failed);
    assert_true(cluster_deliver(f->c, f->self, frame));
    free(frame.data);
}

struct nika_digest fixture_order(struct fixture *f, uint64_t seq)
{
    struct nika_digest digest;
    struct cluster_bytes body = fixture_batch(f, 0, seq, f->c->now_ns + seq, &digest);
    fixture_pre_prepare(f, 0, 0, seq, &digest);
    fixture_give_batch(f, 0, body);
    free(body.data);
    return digest;
}

struct nika_digest fixture_execute(struct fixture *f, uint64_t seq)
{
    struct nika_digest digest = fixture_order(f, seq);
    for (uint32_t i = 1; i < 4; i++) {
        if (i != f->self) fixture_prepare(f, i, 0, seq, &digest);
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (i != f->self) fixture_commit(f, i, 0, seq, &digest);
    }
    assert_int_equal(f->node->replica->core.last_executed, seq);
    return digest;
}

uint32_t fixture_rejects(const struct fixture *f, enum nika_check check)
{
    return f->node->rejects[check];
}

struct cluster_bytes fixture_commit_frames(struct fixture *f, const uint32_t *senders,
                                           uint32_t count, uint64_t view, uint64_t seq,
                                           const struct nika_digest *d, struct nika_list *list)
{
    struct cluster_bytes out = {malloc(4096), 4096};
    struct nika_writer w = nika_writer_of(out.data, out.size);
    memset(list, 0, sizeof *list);
    for (uint32_t i = 0; i < count; i++) {
        struct pbft_commit m = {.view = view, .seq = seq, .digest = *d};
        struct cluster_bytes frame = cluster_frame(f->c, senders[i], 0, &pbft_info_commit, &m);
        nika_frames_append(&w, list, cluster_span(frame));
        free(frame.data);
    }
    assert_false(w.failed);
    return out;
}

void fixture_run_requests(struct cluster *c, uint64_t first, uint64_t count)
{
    for (uint64_t t = first; t < first + count; t++) {
        c->now_ns += 1000000;
        cluster_request(c, 0, t);
        cluster_run(c);
    }
}
