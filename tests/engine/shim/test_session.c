/* A session opens only between two nodes of one cluster that hold the identities it names, and delivers exactly the frames that were
 * sent, in order, or ends with the reason. */
#include "engine/core/bytes.h"
#include "engine/shim/session.h"
#include "tests/support/test.h"

#define NODES 4u
#define WIRE_MAX (4u * 1024u * 1024u)
#define FRAME_MAX 200000u
#define SMALL_MAX 1000u /* What a client may send. */
#define CLIENT_0 NIKA_CLIENT_BIT

struct pipe {
    uint8_t *bytes;
    uint32_t size;
};

/* One end: its session, and what it received. */
struct side {
    struct world *world;
    struct nika_session *session;
    uint8_t *received;
    uint32_t received_size, frames;
    bool refuse;
};
struct world {
    struct nika_key secret[NODES + 1], identity[NODES + 1]; /* The last is client 0. */
    struct side a, b;
    struct pipe wire;
    uint8_t *record;
};

static const struct nika_key *identity_of(void *context, uint32_t node)
{
    struct side *side = context;
    if (node == CLIENT_0) return &side->world->identity[NODES];
    return node < NODES ? &side->world->identity[node] : NULL;
}

static uint32_t frame_size_max(void *context, uint32_t node)
{
    (void)context;
    return nika_is_client(node) ? SMALL_MAX : FRAME_MAX;
}

static bool on_frame(void *context, struct nika_span frame)
{
    struct side *side = context;
    assert_true(side->received_size + frame.size <= WIRE_MAX);
    memcpy(side->received + side->received_size, frame.data, frame.size);
    side->received_size += frame.size;
    side->frames++;
    return !side->refuse;
}

static struct nika_session_options options_of(struct side *side, uint32_t self, uint32_t peer)
{
    uint32_t index = self == CLIENT_0 ? NODES : self;
    struct nika_session_options o = {.initiator = peer != NIKA_NODE_NONE,
                                     .self = self,
                                     .peer = peer,
                                     .identity = &side->world->secret[index],
                                     .identity_of = identity_of,
                                     .frame_size_max = frame_size_max,
                                     .on_frame = on_frame,
                                     .context = side};
    memset(o.group.bytes, 0x11, sizeof o.group.bytes);
    memset(o.ephemeral.bytes, (int)(0x20 + index + (o.initiator ? 8 : 0)),
           sizeof o.ephemeral.bytes);
    memset(o.nonce.bytes, (int)(0x40 + index), sizeof o.nonce.bytes);
    return o;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    for (uint32_t i = 0; i <= NODES; i++) {
        memset(w->secret[i].bytes, (int)(i + 1), sizeof w->secret[i].bytes);
        nika_identity_public(&w->secret[i], &w->identity[i]);
    }
    w->a.world = w->b.world = w;
    w->a.received = malloc(WIRE_MAX);
    w->b.received = malloc(WIRE_MAX);
    w->wire.bytes = malloc(WIRE_MAX);
    w->record = malloc(NIKA_SESSION_RECORD_MAX + NIKA_SESSION_RECORD_OVERHEAD);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    nika_session_free(w->a.session);
    nika_session_free(w->b.session);
    free(w->a.received);
    free(w->b.received);
    free(w->wire.bytes);
    free(w->record);
    free(w);
    return 0;
}

static void start(struct world *w, const struct nika_session_options *a,
                  const struct nika_session_options *b)
{
    nika_session_free(w->a.session);
    nika_session_free(w->b.session);
    w->a.received_size = w->b.received_size = w->a.frames = w->b.frames = 0;
    w->a.session = nika_session_new(a);
    w->b.session = nika_session_new(b);
    assert_non_null(w->a.session);
    assert_non_null(w->b.session);
}

/* Move the pending hand-shake bytes of `from` to `to`, flipping `flip` (or none when UINT32_MAX), in pieces of `step` bytes. */
static enum nika_session_end carry(struct nika_session *from, struct nika_session *to,
                                   uint32_t flip, uint32_t step)
{
    uint8_t bytes[512];
    struct nika_span out = nika_session_output(from);
    enum nika_session_end end = NIKA_SESSION_GOING_ON;
    assert_true(out.size <= sizeof bytes);
    memcpy(bytes, out.data, out.size);
    nika_session_sent(from, out.size);
    if (flip != UINT32_MAX) bytes[flip] ^= 1;
    for (uint32_t at = 0; at < out.size && end == NIKA_SESSION_GOING_ON; at += step) {
        uint32_t piece = out.size - at < step ? out.size - at : step;
        end = nika_session_receive(to, bytes + at, piece);
    }
    return end;
}

static void shake(struct world *w, uint32_t step)
{
    assert_int_equal(carry(w->a.session, w->b.session, UINT32_MAX, step), NIKA_SESSION_GOING_ON);
    assert_int_equal(carry(w->b.session, w->a.session, UINT32_MAX, step), NIKA_SESSION_GOING_ON);
    assert_true(nika_session_is_open(w->a.session));
    assert_false(nika_session_is_open(w->b.session));
    assert_int_equal(carry(w->a.session, w->b.session, UINT32_MAX, step), NIKA_SESSION_GOING_ON);
    assert_true(nika_session_is_open(w->b.session));
}

static void open_between(struct world *w, uint32_t a, uint32_t b)
{
    struct nika_session_options from = options_of(&w->a, a, b);
    struct nika_session_options to = options_of(&w->b, b, NIKA_NODE_NONE);
    start(w, &from, &to);
    shake(w, 4096);
}

/* A frame of `size` bytes in all, filled with a pattern. */
static void make_frame(uint8_t *out, uint32_t size, uint8_t seed)
{
    nika_store_le(out, size - 4, 4);
    for (uint32_t i = 4; i < size; i++) out[i] = (uint8_t)(seed + i * 7);
}

/* Seal `bytes` with a's session and append the records to the wire. */
static void send_bytes(struct world *w, const uint8_t *bytes, uint32_t size, uint32_t record_max)
{
    for (uint32_t at = 0; at < size;) {
        uint32_t piece = size - at < record_max ? size - at : record_max;
        memcpy(w->record + NIKA_SESSION_RECORD_HEAD, bytes + at, piece);
        uint32_t sealed = nika_session_seal(w->a.session, w->record, piece);
        assert_int_equal(sealed, piece + NIKA_SESSION_RECORD_OVERHEAD);
        assert_true(w->wire.size + sealed <= WIRE_MAX);
        memcpy(w->wire.bytes + w->wire.size, w->record, sealed);
        w->wire.size += sealed;
        at += piece;
    }
}

static enum nika_session_end deliver(struct world *w, uint32_t step)
{
    enum nika_session_end end = NIKA_SESSION_GOING_ON;
    for (uint32_t at = 0; at < w->wire.size && end == NIKA_SESSION_GOING_ON; at += step) {
        uint32_t piece = w->wire.size - at < step ? w->wire.size - at : step;
        end = nika_session_receive(w->b.session, w->wire.bytes + at, piece);
    }
    w->wire.size = 0;
    return end;
}

static void test_frames_arrive_whole_however_the_stream_is_cut(void **state)
{
    struct world *w = *state;
    static const uint32_t steps[] = {1, 3, 17, 4096, 1u << 20};
    static const uint32_t sizes[] = {5, 30, 1000, 65536, 70000, 199999, 6};
    uint8_t *sent = malloc(WIRE_MAX);
    for (uint32_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct nika_session_options a = options_of(&w->a, 1, 0);
        struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
        start(w, &a, &b);
        shake(w, steps[i] < 16 ? steps[i] : 16);
        assert_int_equal(nika_session_peer(w->a.session), 0);
        assert_int_equal(nika_session_peer(w->b.session), 1);
        uint32_t size = 0;
        for (uint32_t k = 0; k < ARRAY_COUNT(sizes); k++) {
            make_frame(sent + size, sizes[k], (uint8_t)k);
            size += sizes[k];
        }
        send_bytes(w, sent, size, i % 2 == 0 ? NIKA_SESSION_RECORD_MAX : 1001);
        assert_int_equal(deliver(w, steps[i]), NIKA_SESSION_GOING_ON);
        assert_int_equal(w->b.frames, ARRAY_COUNT(sizes));
        assert_int_equal(w->b.received_size, size);
        assert_memory_equal(w->b.received, sent, size);
        assert_int_equal(nika_session_finish(w->b.session), NIKA_SESSION_GOING_ON);
        assert_true(nika_session_is_confirmed(w->b.session));
        assert_false(nika_session_is_confirmed(w->a.session));
    }
    free(sent);
}

static void test_an_empty_record_confirms_and_carries_nothing(void **state)
{
    struct world *w = *state;
    open_between(w, 2, 1);
    assert_int_equal(nika_session_seal(w->a.session, w->record, 0), NIKA_SESSION_RECORD_OVERHEAD);
    memcpy(w->wire.bytes, w->record, NIKA_SESSION_RECORD_OVERHEAD);
    w->wire.size = NIKA_SESSION_RECORD_OVERHEAD;
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_GOING_ON);
    assert_true(nika_session_is_confirmed(w->b.session));
    assert_int_equal(w->b.frames, 0);
}

static void test_every_flipped_bit_of_the_handshake_is_noticed(void **state)
{
    struct world *w = *state;
    for (uint32_t flip = 0; flip < NIKA_SESSION_HELLO_SIZE; flip++) {
        struct nika_session_options a = options_of(&w->a, 1, 0);
        struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
        start(w, &a, &b);
        enum nika_session_end end = carry(w->a.session, w->b.session, flip, 4096);
        /* What the responder cannot notice, the initiator does: the answer signs what arrived. */
        if (end == NIKA_SESSION_GOING_ON) end = carry(w->b.session, w->a.session, UINT32_MAX, 4096);
        assert_int_not_equal(end, NIKA_SESSION_GOING_ON);
    }
    for (uint32_t flip = 0; flip < NIKA_SESSION_HELLO_SIZE + 64; flip++) {
        struct nika_session_options a = options_of(&w->a, 1, 0);
        struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
        start(w, &a, &b);
        assert_int_equal(carry(w->a.session, w->b.session, UINT32_MAX, 4096), 0);
        assert_int_not_equal(carry(w->b.session, w->a.session, flip, 4096), 0);
    }
    for (uint32_t flip = 0; flip < 64; flip++) {
        struct nika_session_options a = options_of(&w->a, 1, 0);
        struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
        start(w, &a, &b);
        assert_int_equal(carry(w->a.session, w->b.session, UINT32_MAX, 4096), 0);
        assert_int_equal(carry(w->b.session, w->a.session, UINT32_MAX, 4096), 0);
        assert_int_equal(carry(w->a.session, w->b.session, flip, 4096), NIKA_SESSION_BAD_SIGNATURE);
        assert_false(nika_session_is_open(w->b.session));
    }
}

/* How the responder 0 (or, if it lets it pass, initiator 1) ends when `a` and `b` are as given. */
static enum nika_session_end ends_with(struct world *w, const struct nika_session_options *a,
                                       const struct nika_session_options *b)
{
    start(w, a, b);
    enum nika_session_end end = carry(w->a.session, w->b.session, UINT32_MAX, 4096);
    if (end == NIKA_SESSION_GOING_ON) end = carry(w->b.session, w->a.session, UINT32_MAX, 4096);
    if (end == NIKA_SESSION_GOING_ON) end = carry(w->a.session, w->b.session, UINT32_MAX, 4096);
    return end;
}

static void test_each_stranger_is_turned_away_with_its_reason(void **state)
{
    struct world *w = *state;
    const struct nika_session_options a = options_of(&w->a, 1, 0);
    const struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
    assert_int_equal(ends_with(w, &a, &b), NIKA_SESSION_GOING_ON);
    struct nika_session_options other = a;
    other.group.bytes[31] ^= 1;
    assert_int_equal(ends_with(w, &other, &b), NIKA_SESSION_OTHER_GROUP);
    other = a;
    other.peer = 2;
    assert_int_equal(ends_with(w, &other, &b), NIKA_SESSION_NOT_FOR_US);
    other = a;
    other.self = 77;
    assert_int_equal(ends_with(w, &other, &b), NIKA_SESSION_UNKNOWN_NODE);
    other.self = NIKA_CLIENT_BIT | 9u;
    assert_int_equal(ends_with(w, &other, &b), NIKA_SESSION_UNKNOWN_NODE);
    /* The keys of another cluster, or of another node of this one. */
    other = a;
    other.identity = &w->secret[2];
    assert_int_equal(ends_with(w, &other, &b), NIKA_SESSION_BAD_SIGNATURE);
    assert_false(nika_session_is_open(w->b.session));
    struct nika_session_options liar = b;
    liar.identity = &w->secret[3];
    assert_int_equal(ends_with(w, &a, &liar), NIKA_SESSION_BAD_SIGNATURE);
    assert_false(nika_session_is_open(w->a.session));
}

static void test_a_hello_of_our_own_id_is_refused(void **state)
{
    struct world *w = *state;
    struct nika_session_options a = options_of(&w->a, 1, 0);
    struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
    a.self = 0;
    a.peer = 1;
    assert_int_equal(ends_with(w, &a, &b), NIKA_SESSION_OUR_ID);
    /* A mirror: the initiator's own HELLO comes back. */
    uint8_t bytes[NIKA_SESSION_HELLO_SIZE + 64] = {0};
    a = options_of(&w->a, 1, 0);
    start(w, &a, &b);
    struct nika_span hello = nika_session_output(w->a.session);
    memcpy(bytes, hello.data, hello.size);
    assert_int_equal(nika_session_receive(w->a.session, bytes, sizeof bytes), NIKA_SESSION_OUR_ID);
}

static void test_another_node_may_not_answer(void **state)
{
    struct world *w = *state;
    struct nika_session_options a = options_of(&w->a, 1, 0);
    struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
    start(w, &a, &b);
    /* Replica 2 relays the HELLO as its own call to 1 would be answered: with its id. */
    assert_int_equal(carry(w->a.session, w->b.session, UINT32_MAX, 4096), 0);
    uint8_t bytes[NIKA_SESSION_HELLO_SIZE + 64];
    struct nika_span answer = nika_session_output(w->b.session);
    assert_int_equal(answer.size, sizeof bytes);
    memcpy(bytes, answer.data, sizeof bytes);
    nika_store_le(bytes + 6, 2, 4);
    assert_int_equal(nika_session_receive(w->a.session, bytes, sizeof bytes),
                     NIKA_SESSION_OTHER_NODE);
}

static void test_an_ephemeral_key_of_low_order_is_refused(void **state)
{
    struct world *w = *state;
    struct nika_session_options a = options_of(&w->a, 1, 0);
    struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
    start(w, &a, &b);
    uint8_t bytes[NIKA_SESSION_HELLO_SIZE];
    memcpy(bytes, nika_session_output(w->a.session).data, sizeof bytes);
    memset(bytes + NIKA_SESSION_HELLO_SIZE - 32, 0, 32);
    assert_int_equal(nika_session_receive(w->b.session, bytes, sizeof bytes), NIKA_SESSION_BAD_KEY);
}

static void test_strangers_are_known_by_their_first_bytes(void **state)
{
    struct world *w = *state;
    struct nika_session_options a = options_of(&w->a, 1, 0);
    struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
    uint8_t http[] = "GET / HTTP/1.1\r\n";
    start(w, &a, &b);
    assert_int_equal(nika_session_receive(w->b.session, http, 3), NIKA_SESSION_GOING_ON);
    assert_int_equal(nika_session_receive(w->b.session, http + 3, 1), NIKA_SESSION_BAD_MAGIC);
    uint8_t version[6] = {0};
    nika_store_le(version, NIKA_SESSION_MAGIC, 4);
    nika_store_le(version + 4, NIKA_SESSION_VERSION + 1, 2);
    start(w, &a, &b);
    assert_int_equal(nika_session_receive(w->b.session, version, 6), NIKA_SESSION_BAD_VERSION);
    /* Ended is ended. */
    assert_int_equal(nika_session_receive(w->b.session, http, 1), NIKA_SESSION_BAD_VERSION);
}

/* Two records of one frame each on the wire; returns the size of the first. */
static uint32_t two_records(struct world *w)
{
    uint8_t frame[100];
    open_between(w, 1, 0);
    make_frame(frame, sizeof frame, 1);
    send_bytes(w, frame, sizeof frame, NIKA_SESSION_RECORD_MAX);
    uint32_t first = w->wire.size;
    make_frame(frame, sizeof frame, 2);
    send_bytes(w, frame, sizeof frame, NIKA_SESSION_RECORD_MAX);
    return first;
}

static void test_altered_replayed_reordered_and_missing_records_end_the_session(void **state)
{
    struct world *w = *state;
    uint32_t first = two_records(w);
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_GOING_ON);
    assert_int_equal(w->b.frames, 2);
    for (uint32_t flip = NIKA_SESSION_RECORD_HEAD; flip < first; flip++) { /* Altered. */
        (void)two_records(w);
        w->wire.bytes[flip] ^= 0x80;
        assert_int_equal(deliver(w, 1u << 20), NIKA_SESSION_BAD_RECORD);
        assert_int_equal(w->b.frames, 0);
    }
    (void)two_records(w); /* Another length, in the authenticated head. */
    w->wire.bytes[0] -= 1;
    assert_int_equal(deliver(w, 1u << 20), NIKA_SESSION_BAD_RECORD);
    (void)two_records(w); /* Replayed. */
    memcpy(w->wire.bytes + first, w->wire.bytes, first);
    assert_int_equal(deliver(w, 1u << 20), NIKA_SESSION_BAD_RECORD);
    assert_int_equal(w->b.frames, 1);
    (void)two_records(w); /* Reordered, or the first is missing. */
    memmove(w->wire.bytes, w->wire.bytes + first, first);
    assert_int_equal(deliver(w, 1u << 20), NIKA_SESSION_BAD_RECORD);
    assert_int_equal(w->b.frames, 0);
}

static void test_a_record_cannot_be_sent_back_to_its_sender(void **state)
{
    struct world *w = *state;
    (void)two_records(w);
    assert_int_equal(nika_session_receive(w->a.session, w->wire.bytes, w->wire.size),
                     NIKA_SESSION_BAD_RECORD);
    w->wire.size = 0;
}

static void test_a_record_of_another_session_does_not_open(void **state)
{
    struct world *w = *state;
    uint8_t frame[100], record[200];
    uint32_t first = two_records(w);
    memcpy(record, w->wire.bytes, first);
    w->wire.size = 0;
    struct nika_session_options a = options_of(&w->a, 1, 0);
    struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
    b.nonce.bytes[0] ^= 1; /* Same keys, same ids, only a fresh nonce. */
    start(w, &a, &b);
    shake(w, 4096);
    make_frame(frame, sizeof frame, 1);
    assert_int_equal(nika_session_receive(w->b.session, record, first), NIKA_SESSION_BAD_RECORD);
}

static void test_truncation_is_told_from_an_end(void **state)
{
    struct world *w = *state;
    uint32_t first = two_records(w);
    w->wire.size = first;
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_GOING_ON);
    assert_int_equal(nika_session_finish(w->b.session), NIKA_SESSION_GOING_ON);
    (void)two_records(w);
    w->wire.size -= 1;
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_GOING_ON);
    assert_int_equal(nika_session_finish(w->b.session), NIKA_SESSION_TRUNCATED);
    uint8_t frame[100]; /* A whole record with half a frame. */
    open_between(w, 1, 0);
    make_frame(frame, sizeof frame, 1);
    send_bytes(w, frame, 50, NIKA_SESSION_RECORD_MAX);
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_GOING_ON);
    assert_int_equal(nika_session_finish(w->b.session), NIKA_SESSION_TRUNCATED);
    struct nika_session_options a = options_of(&w->a, 1, 0);
    struct nika_session_options b = options_of(&w->b, 0, NIKA_NODE_NONE);
    start(w, &a, &b);
    assert_int_equal(nika_session_finish(w->b.session), NIKA_SESSION_TRUNCATED);
}

static void test_sizes_beyond_their_limit_end_the_session_at_once(void **state)
{
    struct world *w = *state;
    uint8_t head[4], frame[8];
    open_between(w, 1, 0);
    nika_store_le(head, NIKA_SESSION_RECORD_MAX + 1, 4);
    assert_int_equal(nika_session_receive(w->b.session, head, 4), NIKA_SESSION_BAD_RECORD_SIZE);
    open_between(w, 1, 0); /* Four bytes in two pieces. */
    assert_int_equal(nika_session_receive(w->b.session, head, 2), NIKA_SESSION_GOING_ON);
    nika_store_le(head, NIKA_SESSION_RECORD_MAX + 1, 4);
    assert_int_equal(nika_session_receive(w->b.session, head + 2, 2), NIKA_SESSION_BAD_RECORD_SIZE);
    static const uint32_t bad[] = {FRAME_MAX - 4 + 1, UINT32_MAX, UINT32_MAX - 3, 0};
    for (uint32_t i = 0; i < ARRAY_COUNT(bad); i++) {
        open_between(w, 1, 0);
        nika_store_le(frame, bad[i], 4);
        send_bytes(w, frame, 8, i % 2 == 0 ? 8 : 3);
        assert_int_equal(deliver(w, 4096), NIKA_SESSION_BAD_FRAME_SIZE);
        assert_int_equal(w->b.frames, 0);
    }
    /* A client has a smaller limit than a replica. */
    uint8_t large[SMALL_MAX + 1];
    open_between(w, CLIENT_0, 0);
    make_frame(large, SMALL_MAX, 1);
    send_bytes(w, large, SMALL_MAX, NIKA_SESSION_RECORD_MAX);
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_GOING_ON);
    make_frame(large, SMALL_MAX + 1, 1);
    send_bytes(w, large, SMALL_MAX + 1, NIKA_SESSION_RECORD_MAX);
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_BAD_FRAME_SIZE);
}

static void test_an_announced_size_takes_no_memory(void **state)
{
    struct world *w = *state;
    uint8_t frame[8];
    open_between(w, 1, 0);
    size_t before = nika_session_memory(w->b.session);
    nika_store_le(frame, FRAME_MAX - 4, 4);
    send_bytes(w, frame, 8, 8);
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_GOING_ON);
    assert_true(nika_session_memory(w->b.session) - before <= 4096);
}

static void test_a_refused_frame_ends_the_session(void **state)
{
    struct world *w = *state;
    (void)two_records(w);
    w->b.refuse = true;
    assert_int_equal(deliver(w, 4096), NIKA_SESSION_REFUSED);
    assert_int_equal(w->b.frames, 1);
    w->b.refuse = false;
}

static void test_every_reason_has_a_text(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NIKA_SESSION_END_COUNT; i++)
        assert_true(strlen(nika_session_end_text((enum nika_session_end)i)) > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_frames_arrive_whole_however_the_stream_is_cut),
        TEST(test_an_empty_record_confirms_and_carries_nothing),
        TEST(test_every_flipped_bit_of_the_handshake_is_noticed),
        TEST(test_each_stranger_is_turned_away_with_its_reason),
        TEST(test_a_hello_of_our_own_id_is_refused),
        TEST(test_another_node_may_not_answer),
        TEST(test_an_ephemeral_key_of_low_order_is_refused),
        TEST(test_strangers_are_known_by_their_first_bytes),
        TEST(test_altered_replayed_reordered_and_missing_records_end_the_session),
        TEST(test_a_record_cannot_be_sent_back_to_its_sender),
        TEST(test_a_record_of_another_session_does_not_open),
        TEST(test_truncation_is_told_from_an_end),
        TEST(test_sizes_beyond_their_limit_end_the_session_at_once),
        TEST(test_an_announced_size_takes_no_memory),
        TEST(test_a_refused_frame_ends_the_session),
        TEST(test_every_reason_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
