/* A frame is accepted only whole, in its one encoding, from a sender who may send it. */
#include "engine/core/stream.h"
#include "tests/engine/core/test_messages.h"
#include "tests/support/test.h"

#define FRAME_MAX 512u

static struct nika_config config;

static int setup(void **state)
{
    (void)state;
    nika_config_default(&config);
    config.clients = 3;
    config.epoch = 7;
    return nika_config_seal(&config, NULL);
}

struct built {
    uint8_t bytes[FRAME_MAX];
    uint32_t size;
};

static struct built build(uint8_t type, uint32_t sender, enum nika_auth_alg alg)
{
    struct built b = {{0}, 0};
    uint8_t auth[64];
    memset(auth, 0x5a, sizeof auth);
    struct nika_writer w = nika_writer_of(b.bytes, sizeof b.bytes);
    struct nika_span tag = {auth, alg == NIKA_AUTH_NONE ? 0 : sizeof auth};
    nika_frame_write(&config, type, sender, (struct nika_span){(const uint8_t *)"the body", 8}, alg,
                     tag, &w);
    assert_false(w.failed);
    b.size = w.at;
    return b;
}

static enum nika_err ingress(const struct built *b, struct nika_frame *out)
{
    return nika_ingress(&config, &test_messages, (struct nika_span){b->bytes, b->size}, out);
}

static enum nika_err parse_exact(const uint8_t *bytes, uint32_t size, struct nika_frame *out)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, bytes, size);
    enum nika_err err =
        nika_frame_parse((struct nika_span){copy, size}, config.epoch, FRAME_MAX, out);
    free(copy);
    return err;
}

static void test_a_written_frame_parses_back(void **state)
{
    (void)state;
    struct built b = build(1, 2, NIKA_AUTH_SIGNATURE);
    struct nika_frame frame;
    assert_int_equal(b.size, nika_frame_size(8, 64));
    assert_int_equal(nika_frame_parse((struct nika_span){b.bytes, b.size}, 7, FRAME_MAX, &frame),
                     NIKA_OK);
    assert_int_equal(frame.type, 1);
    assert_int_equal(frame.auth_alg, NIKA_AUTH_SIGNATURE);
    assert_int_equal(frame.epoch, 7);
    assert_int_equal(frame.sender, 2);
    assert_int_equal(frame.key_id, 2);
    assert_int_equal(frame.body.size, 8);
    assert_memory_equal(frame.body.data, "the body", 8);
    assert_int_equal(frame.auth.size, 64);
    assert_int_equal(frame.raw.size, b.size);
}

static void test_every_prefix_and_extension_is_rejected(void **state)
{
    (void)state;
    struct built b = build(1, 2, NIKA_AUTH_SIGNATURE);
    struct nika_frame frame;
    for (uint32_t size = 0; size <= b.size + 8; size++)
        assert_int_equal(parse_exact(b.bytes, size, &frame),
                         size == b.size ? NIKA_OK : NIKA_ERR_MALFORMED);
}

static void test_each_head_and_tail_field_has_one_value(void **state)
{
    (void)state;
    /* length, magic, version, flags, epoch, body length; type and sender (7, 14..17) are free. */
    const uint32_t fixed[] = {0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 18, 19, 20, 21};
    struct nika_frame frame;
    for (uint32_t i = 0; i < ARRAY_COUNT(fixed); i++) {
        struct built b = build(1, 2, NIKA_AUTH_SIGNATURE);
        b.bytes[fixed[i]] ^= 1;
        assert_int_equal(parse_exact(b.bytes, b.size, &frame), NIKA_ERR_MALFORMED);
    }
    /* Tail: key id and auth length, one bit at a time; an algorithm out of range. */
    for (uint32_t i = NIKA_FRAME_HEAD_SIZE + 8 + 1;
         i < NIKA_FRAME_HEAD_SIZE + 8 + NIKA_FRAME_TAIL_SIZE; i++) {
        struct built b = build(1, 2, NIKA_AUTH_SIGNATURE);
        b.bytes[i] ^= 1;
        assert_int_equal(parse_exact(b.bytes, b.size, &frame), NIKA_ERR_MALFORMED);
    }
    struct built b = build(1, 2, NIKA_AUTH_SIGNATURE);
    b.bytes[NIKA_FRAME_HEAD_SIZE + 8] = 3;
    assert_int_equal(parse_exact(b.bytes, b.size, &frame), NIKA_ERR_MALFORMED);
    b.bytes[NIKA_FRAME_HEAD_SIZE + 8] = NIKA_AUTH_NONE; /* No algorithm, yet 64 bytes of it. */
    assert_int_equal(parse_exact(b.bytes, b.size, &frame), NIKA_ERR_MALFORMED);
    b.bytes[NIKA_FRAME_HEAD_SIZE + 8] = NIKA_AUTH_MAC;
    assert_int_equal(parse_exact(b.bytes, b.size, &frame), NIKA_OK);
}

static void test_a_frame_above_the_limit_is_rejected(void **state)
{
    (void)state;
    struct built b = build(1, 2, NIKA_AUTH_SIGNATURE);
    struct nika_frame frame;
    struct nika_span span = {b.bytes, b.size};
    assert_int_equal(nika_frame_parse(span, 7, b.size, &frame), NIKA_OK);
    assert_int_equal(nika_frame_parse(span, 7, b.size - 1, &frame), NIKA_ERR_MALFORMED);
}

/* Whatever a mutated frame parses to is written back to the same bytes. */
static void test_mutated_frames_are_rejected_or_canonical(void **state)
{
    (void)state;
    uint32_t accepted = 0, rejected = 0;
    for (uint64_t k = 0; k < 6000; k++) {
        uint64_t seed = nika_stream(3, "frame", k);
        struct built b =
            build((uint8_t)(k % 7), (uint32_t)(k % 5), k % 3 == 0 ? NIKA_AUTH_NONE : NIKA_AUTH_MAC);
        uint32_t edits = 1 + (uint32_t)nika_stream_below(seed, 0, 3);
        for (uint32_t i = 0; i < edits; i++)
            b.bytes[nika_stream_below(seed, 1 + 2 * i, b.size)] =
                (uint8_t)nika_stream_below(seed, 2 + 2 * i, 8);
        uint32_t size = k % 4 == 0 ? (uint32_t)nika_stream_below(seed, 9, b.size + 4) : b.size;
        uint8_t *copy = malloc(size == 0 ? 1 : size);
        memcpy(copy, b.bytes, size);
        struct nika_frame f;
        if (nika_frame_parse((struct nika_span){copy, size}, config.epoch, FRAME_MAX, &f) ==
            NIKA_OK) {
            uint8_t again[FRAME_MAX];
            struct nika_writer w = nika_writer_of(again, sizeof again);
            nika_frame_write(&config, f.type, f.sender, f.body, (enum nika_auth_alg)f.auth_alg,
                             f.auth, &w);
            assert_int_equal(w.at, size);
            assert_memory_equal(again, copy, size);
            accepted++;
        } else {
            assert_null(f.body.data);
            rejected++;
        }
        struct nika_frame in;
        if (nika_ingress(&config, &test_messages, (struct nika_span){copy, size}, &in) == NIKA_OK) {
            assert_true(in.type < test_messages.count && test_messages.messages[in.type] != NULL);
            assert_true(in.sender < config.n);
        }
        free(copy);
    }
    assert_true(accepted > 100);
    assert_true(rejected > 100);
}

static void test_signed_bytes_bind_type_sender_group_and_epoch(void **state)
{
    (void)state;
    uint8_t base[128], other[128];
    struct nika_span body = {(const uint8_t *)"xyz", 3};
    struct nika_writer w = nika_writer_of(base, sizeof base);
    nika_frame_signed_bytes(&config, 1, 2, body, &w);
    assert_int_equal(w.at, NIKA_SIGNED_HEAD_SIZE + 3);
    assert_memory_equal(base, "nika-v1", 7);
    for (uint32_t variant = 0; variant < 6; variant++) {
        struct nika_config changed = config;
        if (variant == 2) changed.epoch++;
        if (variant == 3) changed.group_id.bytes[31] ^= 1;
        if (variant == 4) changed.suite = NIKA_SUITE_SIM;
        struct nika_writer v = nika_writer_of(other, sizeof other);
        nika_frame_signed_bytes(&changed, variant == 0 ? 2 : 1, variant == 1 ? 3 : 2, body, &v);
        assert_int_equal(v.at, w.at);
        assert_int_equal(memcmp(base, other, w.at) == 0, variant == 5);
    }
}

static void test_identity_ignores_only_the_authentication(void **state)
{
    (void)state;
    struct built plain = build(1, 2, NIKA_AUTH_NONE);
    struct built with_tag = build(1, 2, NIKA_AUTH_SIGNATURE);
    struct built other = build(1, 3, NIKA_AUTH_SIGNATURE);
    struct nika_frame a, b, c;
    struct nika_digest da, db, dc;
    assert_int_equal(
        nika_frame_parse((struct nika_span){plain.bytes, plain.size}, 7, FRAME_MAX, &a), NIKA_OK);
    assert_int_equal(
        nika_frame_parse((struct nika_span){with_tag.bytes, with_tag.size}, 7, FRAME_MAX, &b),
        NIKA_OK);
    assert_int_equal(
        nika_frame_parse((struct nika_span){other.bytes, other.size}, 7, FRAME_MAX, &c), NIKA_OK);
    nika_frame_digest(&a, &da);
    nika_frame_digest(&b, &db);
    nika_frame_digest(&c, &dc);
    assert_true(nika_digest_equal(&da, &db));
    assert_false(nika_digest_equal(&db, &dc));
}

static void test_ingress_admits_the_right_sender_and_algorithm_only(void **state)
{
    (void)state;
    const struct {
        uint8_t type;
        uint32_t sender;
        enum nika_auth_alg alg;
        enum nika_err wanted;
    } cases[] = {
        {1, 3, NIKA_AUTH_SIGNATURE, NIKA_OK},
        {1, 4, NIKA_AUTH_SIGNATURE, NIKA_ERR_AUTH},               /* no replica 4 */
        {1, NIKA_CLIENT_BIT, NIKA_AUTH_SIGNATURE, NIKA_ERR_AUTH}, /* clients do not vote */
        {1, 3, NIKA_AUTH_MAC, NIKA_ERR_AUTH},                     /* weaker than the type demands */
        {1, 3, NIKA_AUTH_NONE, NIKA_ERR_AUTH},
        {3, NIKA_CLIENT_BIT | 2, NIKA_AUTH_SIGNATURE, NIKA_OK},
        {3, NIKA_CLIENT_BIT | 3, NIKA_AUTH_SIGNATURE, NIKA_ERR_AUTH}, /* no client 3 */
        {3, 0, NIKA_AUTH_SIGNATURE, NIKA_ERR_AUTH},                   /* replicas do not request */
        {5, 0, NIKA_AUTH_NONE, NIKA_OK},
        {5, 0, NIKA_AUTH_SIGNATURE, NIKA_ERR_AUTH},
        {5, NIKA_NODE_NONE, NIKA_AUTH_NONE, NIKA_ERR_AUTH},
        {0, 0, NIKA_AUTH_SIGNATURE, NIKA_ERR_MALFORMED}, /* holes and unknown types */
        {4, 0, NIKA_AUTH_SIGNATURE, NIKA_ERR_MALFORMED},
        {6, 0, NIKA_AUTH_SIGNATURE, NIKA_ERR_MALFORMED},
        {255, 0, NIKA_AUTH_SIGNATURE, NIKA_ERR_MALFORMED},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct built b = build(cases[i].type, cases[i].sender, cases[i].alg);
        struct nika_frame frame;
        assert_int_equal(ingress(&b, &frame), cases[i].wanted);
        assert_int_equal(frame.body.data != NULL, cases[i].wanted == NIKA_OK);
    }
}

static enum nika_err ingress_sized(uint8_t type, uint32_t sender, enum nika_auth_alg alg,
                                   uint32_t size)
{
    uint32_t overhead = nika_frame_size(0, alg == NIKA_AUTH_NONE ? 0 : 64);
    uint8_t *body = calloc(1, size);
    uint8_t *bytes = calloc(1, size);
    const uint8_t tag[64] = {0};
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_frame_write(&config, type, sender, (struct nika_span){body, size - overhead}, alg,
                     (struct nika_span){tag, alg == NIKA_AUTH_NONE ? 0 : 64}, &w);
    assert_int_equal(w.at, size);
    struct nika_frame frame;
    enum nika_err err =
        nika_ingress(&config, &test_messages, (struct nika_span){bytes, size}, &frame);
    free(body);
    free(bytes);
    return err;
}

static void test_ingress_bounds_each_class_by_itself(void **state)
{
    (void)state;
    const uint32_t control = NIKA_CONTROL_SIZE_MAX, batch = NIKA_BATCH_BYTES_MAX,
                   op = NIKA_OP_SIZE_MAX;
    assert_int_equal(ingress_sized(1, 0, NIKA_AUTH_SIGNATURE, control), NIKA_OK);
    assert_int_equal(ingress_sized(1, 0, NIKA_AUTH_SIGNATURE, control + 1), NIKA_ERR_MALFORMED);
    assert_int_equal(ingress_sized(2, 0, NIKA_AUTH_SIGNATURE, NIKA_MESSAGE_SIZE_MAX), NIKA_OK);
    assert_int_equal(ingress_sized(2, 0, NIKA_AUTH_SIGNATURE, NIKA_MESSAGE_SIZE_MAX + 1),
                     NIKA_ERR_MALFORMED);
    assert_int_equal(ingress_sized(5, 0, NIKA_AUTH_NONE, batch + 4096), NIKA_OK);
    assert_int_equal(ingress_sized(5, 0, NIKA_AUTH_NONE, 4 * batch), NIKA_ERR_MALFORMED);
    assert_int_equal(ingress_sized(3, NIKA_CLIENT_BIT, NIKA_AUTH_SIGNATURE, op + 512), NIKA_OK);
    assert_int_equal(ingress_sized(3, NIKA_CLIENT_BIT, NIKA_AUTH_SIGNATURE, 2 * op),
                     NIKA_ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_written_frame_parses_back),
        cmocka_unit_test(test_every_prefix_and_extension_is_rejected),
        cmocka_unit_test(test_each_head_and_tail_field_has_one_value),
        cmocka_unit_test(test_a_frame_above_the_limit_is_rejected),
        cmocka_unit_test(test_mutated_frames_are_rejected_or_canonical),
        cmocka_unit_test(test_signed_bytes_bind_type_sender_group_and_epoch),
        cmocka_unit_test(test_identity_ignores_only_the_authentication),
        cmocka_unit_test(test_ingress_admits_the_right_sender_and_algorithm_only),
        cmocka_unit_test(test_ingress_bounds_each_class_by_itself),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
