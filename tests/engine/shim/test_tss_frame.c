/* tests/engine/shim/test_tss_frame.c: frames and state images: one encoding for each value, and no bytes that trouble a decoder. */
#include "tests/engine/shim/tss_fixture.h"

#include "engine/shim/tss_frame.h"

static uint64_t random_state = 88172645463325252u;
static uint64_t dice(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}
static struct nika_trusted_certificate certificate(void)
{
    struct nika_trusted_certificate c = {.kind = NIKA_TRUSTED_CONTINUING,
                                         .instance = 2,
                                         .epoch = 7,
                                         .counter = 3,
                                         .value = {5, 6},
                                         .previous = {5, 1}};
    memset(c.mac, 0xab, sizeof c.mac);
    return c;
}
static struct nika_tss_request requests[5];
static struct nika_tss_reply replies[7];
static void fill(void)
{
    const struct nika_digest d = tss_digest(9);
    const struct nika_trusted_certificate c = certificate();
    requests[0] = (struct nika_tss_request){.operation = NIKA_TSS_HELLO, .tag = 1};
    requests[1] = (struct nika_tss_request){.operation = NIKA_TSS_CERTIFY,
                                            .kind = NIKA_TRUSTED_INDEPENDENT,
                                            .counter = 70000,
                                            .tag = UINT64_MAX,
                                            .value = {1, 2},
                                            .digest = d};
    requests[2] = (struct nika_tss_request){
        .operation = NIKA_TSS_VERIFY, .tag = 3, .digest = d, .certificate = c};
    requests[3] = (struct nika_tss_request){.operation = NIKA_TSS_READ, .counter = 63};
    requests[4] = (struct nika_tss_request){.operation = NIKA_TSS_REISSUE, .counter = 1};
    replies[0] = (struct nika_tss_reply){
        .operation = NIKA_TSS_HELLO, .instance = 2, .epoch = 7, .counters = 64, .group = 3};
    replies[1] = (struct nika_tss_reply){.operation = NIKA_TSS_CERTIFY, .certificate = c};
    replies[2] = (struct nika_tss_reply){.operation = NIKA_TSS_VERIFY, .status = NIKA_TSS_INVALID};
    replies[3] = (struct nika_tss_reply){.operation = NIKA_TSS_READ, .value = {8, 9}};
    replies[4] =
        (struct nika_tss_reply){.operation = NIKA_TSS_REISSUE, .digest = d, .certificate = c};
    replies[5] =
        (struct nika_tss_reply){.operation = NIKA_TSS_REISSUE, .status = NIKA_TSS_NOT_FOUND};
    replies[6] = (struct nika_tss_reply){.operation = NIKA_TSS_CERTIFY, .status = NIKA_TSS_GONE};
}

static void test_every_request_and_reply_comes_back(void **state)
{
    (void)state;
    fill();
    for (uint32_t i = 0; i < ARRAY_COUNT(requests); i++) {
        uint8_t bytes[NIKA_TSS_REQUEST_SIZE], again[NIKA_TSS_REQUEST_SIZE];
        struct nika_tss_request q;
        nika_tss_request_encode(&requests[i], bytes);
        assert_int_equal(nika_tss_request_decode((struct nika_span){bytes, sizeof bytes}, &q),
                         NIKA_OK);
        assert_int_equal(q.operation, requests[i].operation);
        assert_int_equal(q.counter, requests[i].counter);
        assert_int_equal(q.tag, requests[i].tag);
        nika_tss_request_encode(&q, again);
        assert_memory_equal(again, bytes, sizeof bytes);
    }
    for (uint32_t i = 0; i < ARRAY_COUNT(replies); i++) {
        uint8_t bytes[NIKA_TSS_REPLY_SIZE], again[NIKA_TSS_REPLY_SIZE];
        struct nika_tss_reply p;
        nika_tss_reply_encode(&replies[i], bytes);
        assert_int_equal(nika_tss_reply_decode((struct nika_span){bytes, sizeof bytes}, &p),
                         NIKA_OK);
        assert_int_equal(p.status, replies[i].status);
        nika_tss_reply_encode(&p, again);
        assert_memory_equal(again, bytes, sizeof bytes);
    }
}

static void test_what_an_operation_does_not_use_must_be_zero(void **state)
{
    (void)state;
    uint8_t bytes[NIKA_TSS_REQUEST_SIZE];
    struct nika_tss_request q, bad[8];
    fill();
    for (uint32_t i = 0; i < 8; i++) bad[i] = requests[0];
    bad[0].counter = 1;
    bad[1].kind = 1;
    bad[2].value.order = 1;
    bad[3].digest.bytes[31] = 1;
    bad[4].certificate = certificate();
    bad[5].operation = 0;
    bad[6].operation = NIKA_TSS_OPERATIONS;
    bad[7] = requests[1];
    bad[7].kind = NIKA_TRUSTED_MAC + 1;
    for (uint32_t i = 0; i < 8; i++) {
        nika_tss_request_encode(&bad[i], bytes);
        assert_int_equal(nika_tss_request_decode((struct nika_span){bytes, sizeof bytes}, &q),
                         NIKA_ERR_MALFORMED);
    }
    uint8_t out[NIKA_TSS_REPLY_SIZE];
    struct nika_tss_reply p, wrong[6];
    for (uint32_t i = 0; i < 6; i++) wrong[i] = replies[5];
    wrong[0].certificate = certificate(); /* A refusal carries nothing. */
    wrong[1].value.view = 1;
    wrong[2].digest.bytes[0] = 1;
    wrong[3].status = NIKA_TSS_STATUSES;
    wrong[4].group = 3;
    wrong[5].status = NIKA_TSS_OK; /* And a grant is none without a certificate. */
    for (uint32_t i = 0; i < 6; i++) {
        nika_tss_reply_encode(&wrong[i], out);
        assert_int_equal(nika_tss_reply_decode((struct nika_span){out, sizeof out}, &p),
                         NIKA_ERR_MALFORMED);
    }
}

/* Any bytes: refused, or exactly what the encoder makes of them. */
static void test_hostile_bytes_have_one_reading_or_none(void **state)
{
    (void)state;
    uint32_t taken = 0;
    fill();
    for (uint32_t round = 0; round < 60000; round++) {
        uint8_t bytes[NIKA_TSS_REPLY_SIZE + 8] = {0}, again[NIKA_TSS_REPLY_SIZE];
        struct nika_tss_request q;
        struct nika_tss_reply p;
        bool request = (round & 1) == 0;
        uint32_t size = request ? NIKA_TSS_REQUEST_SIZE : NIKA_TSS_REPLY_SIZE;
        if (request)
            nika_tss_request_encode(&requests[dice() % ARRAY_COUNT(requests)], bytes);
        else
            nika_tss_reply_encode(&replies[dice() % ARRAY_COUNT(replies)], bytes);
        for (uint64_t k = dice() % 3; k > 0; k--) bytes[dice() % size] = (uint8_t)dice();
        if (dice() % 16 == 0) size = (uint32_t)(dice() % (sizeof bytes));
        struct nika_span span = {bytes, size};
        enum nika_err err =
            request ? nika_tss_request_decode(span, &q) : nika_tss_reply_decode(span, &p);
        if (err != NIKA_OK) continue;
        taken++;
        assert_int_equal(size, request ? NIKA_TSS_REQUEST_SIZE : NIKA_TSS_REPLY_SIZE);
        if (request)
            nika_tss_request_encode(&q, again);
        else
            nika_tss_reply_encode(&p, again);
        assert_memory_equal(again, bytes, size);
    }
    assert_true(taken > 20000);
    assert_true(taken < 59000);
}

/* ---- state images ---- */
static uint32_t image(struct nika_tss_state *s, struct nika_trusted_key *key,
                      uint8_t out[NIKA_TSS_STATE_MAX])
{
    struct nika_trusted_certificate c;
    struct nika_digest d = tss_digest(3);
    memset(s, 0, sizeof *s);
    nika_trusted_instance_init(&s->instance, 1, 4, NIKA_TRUSTED_COUNTERS_MAX);
    s->group = 3;
    for (uint32_t i = 0; i < 3; i++) s->epochs[i] = 4;
    s->sequence = 17;
    s->life = 16;
    s->bound[7] = tss_value(0, 9);
    for (uint32_t i = 1; i < 6; i += 2)
        assert_int_equal(nika_trusted_certify(&s->instance, key, NIKA_TRUSTED_CONTINUING, i,
                                              tss_value(i, 1), &d, &c),
                         NIKA_OK);
    return nika_tss_state_encode(s, key, out);
}

static void test_an_image_comes_back_and_any_change_is_seen(void **state)
{
    (void)state;
    static struct nika_tss_state s, back;
    static uint8_t bytes[NIKA_TSS_STATE_MAX], again[NIKA_TSS_STATE_MAX];
    struct nika_trusted_key *key = nika_trusted_key_new(tss_secret);
    struct nika_trusted_key *other = nika_trusted_key_new(tss_other_secret);
    uint32_t size = image(&s, key, bytes);
    assert_true(size > 100);
    assert_int_equal(nika_tss_state_decode((struct nika_span){bytes, sizeof bytes}, key, &back),
                     NIKA_OK);
    assert_int_equal(back.sequence, 17);
    assert_int_equal(back.instance.used, 6);
    assert_int_equal(back.life, 16);
    assert_int_equal(back.bound[7].order, 9); /* Of a counter that has not moved. */
    assert_int_equal(back.instance.counter[0].last.kind, 0);
    assert_int_equal(back.instance.counter[5].last.value.view, 5);
    assert_int_equal(nika_tss_state_encode(&back, key, again), size);
    assert_memory_equal(again, bytes, size);
    assert_int_equal(nika_tss_state_decode((struct nika_span){bytes, size}, other, &back),
                     NIKA_ERR_AUTH);
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] ^= 0x10;
        assert_int_not_equal(nika_tss_state_decode((struct nika_span){bytes, size}, key, &back),
                             NIKA_OK);
        bytes[i] ^= 0x10;
        assert_int_not_equal(nika_tss_state_decode((struct nika_span){bytes, i}, key, &back),
                             NIKA_OK);
    }
    nika_trusted_key_free(key);
    nika_trusted_key_free(other);
}

/* The largest state there can be fits. */
static void test_a_full_image_fits(void **state)
{
    (void)state;
    static struct nika_tss_state s, back;
    static uint8_t bytes[NIKA_TSS_STATE_MAX];
    struct nika_trusted_key *key = nika_trusted_key_new(tss_secret);
    struct nika_trusted_certificate c;
    struct nika_digest d = tss_digest(3);
    nika_trusted_instance_init(&s.instance, 1, 4, NIKA_TRUSTED_COUNTERS_MAX);
    s.group = NIKA_REPLICAS_MAX;
    for (uint32_t i = 0; i < s.group; i++) s.epochs[i] = 4;
    for (uint32_t i = 0; i < NIKA_TRUSTED_COUNTERS_MAX; i++)
        assert_int_equal(nika_trusted_certify(&s.instance, key, NIKA_TRUSTED_INDEPENDENT, i,
                                              tss_value(1, i), &d, &c),
                         NIKA_OK);
    uint32_t size = nika_tss_state_encode(&s, key, bytes);
    assert_true(size > 0);
    assert_int_equal(nika_tss_state_decode((struct nika_span){bytes, size}, key, &back), NIKA_OK);
    assert_int_equal(back.instance.used, NIKA_TRUSTED_COUNTERS_MAX);
    nika_trusted_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_request_and_reply_comes_back),
        cmocka_unit_test(test_what_an_operation_does_not_use_must_be_zero),
        cmocka_unit_test(test_hostile_bytes_have_one_reading_or_none),
        cmocka_unit_test(test_an_image_comes_back_and_any_change_is_seen),
        cmocka_unit_test(test_a_full_image_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
