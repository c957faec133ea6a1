/* tests/protocols/pbft/test_hostile.c: bytes that an adversary chose, under authentication that holds. Whatever a registered node
 * signs, a replica neither crashes nor grows; and while no more than f of them lie, the others go on. */
#include "engine/core/stream.h"
#include "tests/protocols/pbft/fixture.h"

#define BODY_MAX 8192u
#define DRAWN_NAME "hostile"

static uint64_t times = 1; /* As many worlds, for a longer search: first argument. */

/* A generator of bodies: draws in order from one stream. */
struct dice {
    struct cluster *c;
    uint64_t stream, index;
    uint32_t keys;    /* Bit i: replica i signs nested frames. */
    uint64_t seq_max; /* Of small integers; larger ones appear only when `wild`. */
    bool wild;
    struct nika_span
        real; /* A frame that a correct replica once sent, to be nested; may be empty. */
};

static uint64_t roll(struct dice *d, uint64_t n)
{
    return nika_stream_below(d->stream, d->index++, n);
}

static uint32_t roll_signer(struct dice *d)
{
    for (;;) {
        uint32_t node = (uint32_t)roll(d, d->c->config.n);
        if ((d->keys >> node & 1u) != 0) return node;
    }
}

static uint64_t roll_integer(struct dice *d)
{
    if (!d->wild) return roll(d, d->seq_max + 1);
    switch (roll(d, 8)) {
    case 0:
        return UINT64_MAX - roll(d, 3);
    case 1:
        return nika_stream_draw(d->stream, d->index++);
    case 2:
        return UINT64_C(1) << roll(d, 64);
    default:
        return roll(d, d->seq_max + 1);
    }
}

static void write_body(struct dice *d, const struct nika_message_info *info, struct nika_writer *w,
                       uint32_t depth);

static struct cluster_bytes signed_frame(struct dice *d, uint32_t sender, uint32_t to,
                                         const struct nika_message_info *info, uint32_t depth)
{
    uint8_t body[BODY_MAX];
    struct nika_writer w = nika_writer_of(body, sizeof body);
    write_body(d, info, &w, depth);
    if (w.failed) w.at = 0;
    return cluster_raw_frame(d->c, sender, to, info, (struct nika_span){body, w.at});
}

/* A frame of any type, most often of one that belongs into certificates. */
static void write_frame(struct dice *d, struct nika_writer *w, uint32_t depth)
{
    static const struct nika_message_info *const usual[] = {
        &pbft_info_pre_prepare, &pbft_info_prepare,     &pbft_info_commit,
        &pbft_info_checkpoint,  &pbft_info_view_change, &common_info_request};
    if (d->real.size > 0 && roll(d, 4) == 0) {
        nika_write_bytes(w, d->real);
        return;
    }
    const struct nika_message_info *info = usual[roll(d, ARRAY_COUNT(usual))];
    uint32_t sender = info == &common_info_request
                          ? nika_client_node((uint32_t)roll(d, d->c->config.clients))
                          : roll_signer(d);
    struct cluster_bytes frame = signed_frame(d, sender, 0, info, depth + 1);
    if (roll(d, 16) == 0) frame.data[roll(d, frame.size)] ^= 1;
    nika_write_bytes(w, cluster_span(frame));
    free(frame.data);
}

static void write_list(struct dice *d, const struct nika_field *field, struct nika_writer *w,
                       uint32_t depth)
{
    uint32_t count = depth > 2 ? 0 : (uint32_t)roll(d, 5);
    if (count > field->limit) count = field->limit;
    nika_write_u32(w, count);
    for (uint32_t i = 0; i < count; i++) {
        struct nika_digest digest = fixture_digest((uint8_t)roll(d, 3));
        if (field->kind == NIKA_FIELD_LIST)
            write_body(d, field->element, w, depth + 1);
        else if (field->kind == NIKA_FIELD_FRAMES)
            write_frame(d, w, depth);
        else
            nika_write_digest(w, &digest);
    }
}

static void write_bytes(struct dice *d, const struct nika_field *field, struct nika_writer *w,
                        uint32_t depth)
{
    uint8_t bytes[64];
    if (strcmp(field->name, "pre_prepare") == 0) {
        write_frame(d, w, depth);
        return;
    }
    uint32_t size = (uint32_t)roll(d, sizeof bytes);
    if (size > field->limit) size = field->limit;
    for (uint32_t i = 0; i < size; i++) bytes[i] = (uint8_t)roll(d, 256);
    nika_write_bytes(w, (struct nika_span){bytes, size});
}

static void write_field(struct dice *d, const struct nika_field *field, struct nika_writer *w,
                        uint32_t depth)
{
    struct nika_digest digest;
    switch (field->kind) {
    case NIKA_FIELD_U8:
    case NIKA_FIELD_BOOL:
        nika_write_u8(w, (uint8_t)roll(d, 2));
        break;
    case NIKA_FIELD_U32:
    case NIKA_FIELD_REPLICA:
    case NIKA_FIELD_CLIENT:
        nika_write_u32(w, (uint32_t)roll_integer(d));
        break;
    case NIKA_FIELD_U64:
    case NIKA_FIELD_VIEW:
    case NIKA_FIELD_SEQ:
    case NIKA_FIELD_TIME:
        nika_write_u64(w, roll_integer(d));
        break;
    case NIKA_FIELD_DIGEST:
        digest = fixture_digest((uint8_t)roll(d, 3));
        nika_write_digest(w, &digest);
        break;
    case NIKA_FIELD_BYTES:
        write_bytes(d, field, w, depth);
        break;
    case NIKA_FIELD_LIST:
    case NIKA_FIELD_FRAMES:
    case NIKA_FIELD_DIGESTS:
        write_list(d, field, w, depth);
        break;
    }
}

static void write_body(struct dice *d, const struct nika_message_info *info, struct nika_writer *w,
                       uint32_t depth)
{
    for (uint32_t i = 0; i < info->field_count; i++) write_field(d, &info->fields[i], w, depth);
}

/* A body in one of three qualities: well-formed, well-formed and then damaged, or noise. */
static uint32_t make_body(struct dice *d, const struct nika_message_info *info, uint8_t *body)
{
    uint64_t quality = roll(d, 4);
    struct nika_writer w = nika_writer_of(body, BODY_MAX);
    if (quality != 0) write_body(d, info, &w, 0);
    if (w.failed || quality == 0) {
        uint32_t size = (uint32_t)roll(d, 200);
        for (uint32_t i = 0; i < size; i++) body[i] = (uint8_t)roll(d, 256);
        return size;
    }
    if (quality != 1 || w.at == 0) return w.at;
    for (uint64_t i = roll(d, 3) + 1; i > 0; i--)
        body[roll(d, w.at)] ^= (uint8_t)(1u << roll(d, 8));
    return roll(d, 4) == 0 ? (uint32_t)roll(d, w.at) : w.at;
}

/* Every decoder of the protocol, on bodies of its own type and of others: refused, or the same bytes come out again. */
static void test_whatever_decodes_encodes_to_the_same_bytes(void **state)
{
    (void)state;
    static uint8_t body[BODY_MAX], again[BODY_MAX];
    static uint64_t value[64];
    struct cluster *c = cluster_new(4, 1);
    uint32_t accepted[32] = {0}, rejected[32] = {0};
    assert_true(pbft_messages.count <= 32);
    for (uint64_t k = 0; k < 20000 * times; k++) {
        struct dice d = {.c = c,
                         .stream = nika_stream(k, DRAWN_NAME, 0),
                         .keys = 15,
                         .seq_max = 16,
                         .wild = true};
        uint32_t type = 1 + (uint32_t)roll(&d, pbft_messages.count - 1);
        const struct nika_message_info *info = pbft_messages.messages[type], *made = info;
        if (info == NULL) continue;
        const struct nika_message_info *other =
            pbft_messages.messages[1 + roll(&d, pbft_messages.count - 1)];
        if (roll(&d, 8) == 0 && other != NULL) made = other;
        uint32_t size = make_body(&d, made, body);
        assert_true(info->struct_size <= sizeof value);
        if (nika_decode(info, (struct nika_span){body, size}, value) != NIKA_OK) {
            rejected[type]++;
            continue;
        }
        accepted[type]++;
        struct nika_writer w = nika_writer_of(again, sizeof again);
        assert_int_equal(nika_encoded_size(info, value), size);
        nika_encode(info, value, &w);
        assert_false(w.failed);
        assert_int_equal(w.at, size);
        assert_memory_equal(again, body, size);
    }
    for (uint32_t type = 1; type < pbft_messages.count; type++) {
        if (pbft_messages.messages[type] == NULL) continue;
        assert_true(accepted[type] > 50);
        assert_true(rejected[type] > 50);
    }
    cluster_free(c);
}

/* Bounds of PROTOCOLS.md 1.13 that show in the state. */
static void expect_bounded(const struct cluster *c, uint32_t node)
{
    const struct nika_replica *r = c->nodes[node].replica;
    assert_true(r->core.store->peak <= c->config.store_bytes);
    assert_true(nika_replica_pbft.used(r) <= nika_replica_pbft.size(&c->config));
    assert_true(r->core.pending.count <= c->config.pending_max);
    assert_true(r->core.highest_slot <= r->core.low_mark + c->config.window);
}

/* One message of a random type to `to`; a request comes from a client, everything else from a replica that signs. */
static void attack(struct dice *d, uint32_t to)
{
    static uint8_t body[BODY_MAX];
    const struct nika_message_info *info = NULL;
    while (info == NULL) info = pbft_messages.messages[1 + roll(d, pbft_messages.count - 1)];
    uint32_t sender = roll_signer(d);
    if (info == &common_info_request) sender = nika_client_node(1);
    uint32_t size = make_body(d, info, body);
    struct cluster_bytes frame =
        cluster_raw_frame(d->c, sender, to, info, (struct nika_span){body, size});
    (void)cluster_deliver(d->c, to, frame);
    free(frame.data);
    cluster_run(d->c);
}

static void fire_something(struct dice *d)
{
    uint32_t node = (uint32_t)roll(d, d->c->config.n);
    d->c->now_ns += roll(d, 40000000);
    if (!d->c->nodes[node].silent)
        (void)cluster_fire(d->c, node, (uint32_t)roll(d, COMMON_TIMER_COUNT));
    cluster_run(d->c);
}

/* Replica 3 and client 1 say what they like. The other three execute every request of client 0 all the same, once, and agree. */
static void test_one_liar_stops_nobody_and_fills_nothing(void **state)
{
    (void)state;
    uint32_t rejected = 0;
    for (uint64_t k = 0; k < 12 * times; k++) {
        struct cluster *c = cluster_new(4, 1);
        c->nodes[3].silent = true;
        struct dice d = {.c = c,
                         .stream = nika_stream(k, DRAWN_NAME, 1),
                         .keys = 1u << 3,
                         .seq_max = 12,
                         .wild = true};
        for (uint64_t t = 1; t <= 12; t++) {
            for (uint32_t i = 0; i < 40; i++) {
                struct cluster_bytes *sent =
                    &c->nodes[roll(&d, 3)].last[PBFT_TYPE_prepare + roll(&d, 2)];
                d.real = (struct nika_span){sent->data, sent->data != NULL ? sent->size : 0};
                if (d.real.size > 0 && roll(&d, 2) == 0) d.real.size = 0;
                attack(&d, (uint32_t)roll(&d, 3));
            }
            cluster_request(c, 0, t);
            cluster_run(c);
            cluster_status(c, 1);
        }
        for (uint32_t round = 0; round < 4; round++) cluster_status(c, 1);
        for (uint32_t i = 0; i < 3; i++) {
            struct nika_replica *r = cluster_replica(c, i);
            assert_int_equal(r->core.replies.entries[0].last_timestamp, 12);
            assert_int_equal(c->nodes[i].alarms, 0);
            expect_bounded(c, i);
            for (uint32_t check = 0; check < NIKA_CHECK_COUNT; check++)
                rejected += c->nodes[i].rejects[check];
        }
        cluster_check_agreement(c);
        cluster_free(c);
    }
    assert_true(rejected > 1000);
}

/* Every key but its own against one replica: nothing can be promised but that it stands and stays within its memory. */
static void test_a_replica_survives_when_everybody_else_lies(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 24 * times; k++) {
        uint32_t self = (uint32_t)(k % 4);
        struct cluster *c = cluster_new(4, 1);
        for (uint32_t i = 0; i < 4; i++) c->nodes[i].silent = i != self;
        struct dice d = {.c = c,
                         .stream = nika_stream(k, DRAWN_NAME, 2),
                         .keys = 15u & ~(1u << self),
                         .seq_max = 10,
                         .wild = false};
        uint64_t timestamp = 0;
        for (uint32_t i = 0; i < 600; i++) {
            attack(&d, self);
            if (roll(&d, 8) == 0) fire_something(&d);
            if (roll(&d, 50) == 0) cluster_request(c, 0, ++timestamp);
            if (roll(&d, 300) == 0) cluster_crash_restart(c, self);
            cluster_run(c);
            expect_bounded(c, self);
        }
        cluster_free(c);
    }
}

/* The body with a few bits changed, signed again by its sender, who lies; the frame as it was when he does not. */
static struct cluster_bytes lie_about(struct dice *d, uint32_t to, struct cluster_bytes bytes)
{
    uint8_t body[BODY_MAX];
    struct nika_frame frame;
    assert_int_equal(
        nika_frame_parse(cluster_span(bytes), d->c->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame),
        NIKA_OK);
    bool lies = frame.sender < 32 && (d->keys >> frame.sender & 1u) != 0 && roll(d, 6) == 0;
    if (!lies || frame.body.size == 0 || frame.body.size > sizeof body) return bytes;
    memcpy(body, frame.body.data, frame.body.size);
    for (uint64_t i = roll(d, 2) + 1; i > 0; i--)
        body[roll(d, frame.body.size)] ^= (uint8_t)(1u << roll(d, roll(d, 2) == 0 ? 3 : 8));
    struct cluster_bytes lie =
        cluster_raw_frame(d->c, frame.sender, to, pbft_messages.messages[frame.type],
                          (struct nika_span){body, frame.body.size});
    free(bytes.data);
    return lie;
}

/* Deliver what is under way, some of it changed, lost, or kept for the end of the queue. */
static void deliver_some(struct dice *d, uint32_t count)
{
    struct cluster *c = d->c;
    while (c->head != NULL && count-- > 0) {
        struct cluster_message *m = c->head;
        c->head = m->next;
        if (c->head == NULL) c->tail = NULL;
        m->next = NULL;
        uint64_t fate = roll(d, 24);
        if (fate == 0 && c->tail != NULL) {
            c->tail->next = m;
            c->tail = m;
            continue;
        }
        m->bytes = lie_about(d, m->to, m->bytes);
        if (fate != 1) (void)cluster_deliver(c, m->to, m->bytes);
        free(m->bytes.data);
        free(m);
    }
}

/* A cluster at work in which every message of the replicas `liars` may be changed. Deeper than noise: view changes, checkpoints,
 * transfers and recoveries run on changed messages. Returns what went through: views and executed numbers. */
static void work_among_liars(uint64_t k, uint32_t liars, uint64_t *views, uint64_t *executed)
{
    struct cluster *c = cluster_new(4, 1);
    struct dice d = {.c = c, .stream = nika_stream(k, DRAWN_NAME, liars), .keys = liars};
    uint64_t timestamp = 0;
    for (uint32_t i = 0; i < 400; i++) {
        if (roll(&d, 6) == 0) cluster_request(c, (uint32_t)roll(&d, 2), ++timestamp);
        deliver_some(&d, 60);
        uint32_t node = (uint32_t)roll(&d, 4);
        c->now_ns += roll(&d, 60000000);
        uint64_t what = roll(&d, 10);
        if (what < 5) (void)cluster_fire(c, node, COMMON_TIMER_STATUS);
        if (what == 5) (void)cluster_fire(c, node, COMMON_TIMER_REQUEST);
        if (what == 6) (void)cluster_fire(c, node, (uint32_t)roll(&d, COMMON_TIMER_COUNT));
        if (what == 7 && roll(&d, 8) == 0) cluster_crash_restart(c, node);
        if (what == 8 && roll(&d, 8) == 0) c->nodes[node].silent = !c->nodes[node].silent;
    }
    deliver_some(&d, 100000);
    for (uint32_t i = 0; i < 4; i++) {
        expect_bounded(c, i);
        *views += cluster_replica(c, i)->core.view;
        *executed += cluster_replica(c, i)->core.last_executed;
        if (liars == 8 && i < 3) assert_int_equal(c->nodes[i].alarms, 0);
    }
    if (liars == 8) {
        memset(c->nodes[3].executed_count, 0, sizeof c->nodes[3].executed_count);
        cluster_check_agreement(c);
    }
    cluster_free(c);
}

static void test_one_working_liar_breaks_no_agreement(void **state)
{
    (void)state;
    uint64_t views = 0, executed = 0;
    for (uint64_t k = 0; k < 12 * times; k++) work_among_liars(k, 8, &views, &executed);
    assert_true(views > 12 * times);
    assert_true(executed > 12 * 4 * 4 * times);
}

static void test_a_cluster_of_liars_breaks_no_replica(void **state)
{
    (void)state;
    uint64_t views = 0, executed = 0;
    for (uint64_t k = 0; k < 12 * times; k++) work_among_liars(k, 15, &views, &executed);
    assert_true(views > 12 * times);
    assert_true(executed > 12 * 4 * times);
}

/* The same bytes in the same order lead to the same state: hostility is no source of chance. */
static void test_the_same_attack_leads_to_the_same_state(void **state)
{
    (void)state;
    struct nika_digest digests[2];
    for (uint32_t run = 0; run < 2; run++) {
        struct cluster *c = cluster_new(4, 1);
        c->nodes[3].silent = true;
        struct dice d = {.c = c,
                         .stream = nika_stream(5, DRAWN_NAME, 3),
                         .keys = 8,
                         .seq_max = 12,
                         .wild = true};
        for (uint32_t i = 0; i < 400; i++) attack(&d, 1);
        nika_replica_pbft.digest(cluster_replica(c, 1), &digests[run]);
        cluster_free(c);
    }
    assert_memory_equal(&digests[0], &digests[1], sizeof digests[0]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whatever_decodes_encodes_to_the_same_bytes),
        cmocka_unit_test(test_one_liar_stops_nobody_and_fills_nothing),
        cmocka_unit_test(test_a_replica_survives_when_everybody_else_lies),
        cmocka_unit_test(test_one_working_liar_breaks_no_agreement),
        cmocka_unit_test(test_a_cluster_of_liars_breaks_no_replica),
        cmocka_unit_test(test_the_same_attack_leads_to_the_same_state),
    };
    if (argc > 1) times = strtoull(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
