/* The codec accepts exactly one encoding of each message, and nothing else, without leaving its
 * bytes (W1-W4). */
#include "engine/core/stream.h"
#include "tests/engine/core/test_messages.h"
#include "tests/support/test.h"

#define BODY_MAX 1024u

struct sample {
    struct test_all message;
    uint8_t lists[4][BODY_MAX / 4];
    uint8_t body[BODY_MAX];
    uint32_t size;
};

static void make_outers(struct sample *s, uint64_t seed)
{
    struct nika_writer w = nika_writer_of(s->lists[0], sizeof s->lists[0]);
    uint32_t count = (uint32_t)nika_stream_below(seed, 0, 3);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t scratch[128];
        struct nika_writer inner = nika_writer_of(scratch, sizeof scratch);
        struct test_outer outer = {.seq = nika_stream_draw(seed, i)};
        uint32_t inners = (uint32_t)nika_stream_below(seed, 10 + i, 4);
        for (uint32_t k = 0; k < inners; k++) {
            struct test_inner value = {.number = k,
                                       .text = {(const uint8_t *)"0123456789abcdef", k * 5}};
            nika_list_append(&inner, &outer.inners, &test_info_inner, &value);
        }
        nika_list_append(&w, &s->message.outers, &test_info_outer, &outer);
    }
    assert_false(w.failed);
    assert_int_equal(s->message.outers.count, count);
}

static void make(struct sample *s, uint64_t k)
{
    uint64_t seed = nika_stream(1, "codec", k);
    memset(s, 0, sizeof *s);
    struct test_all *m = &s->message;
    m->small = (uint8_t)nika_stream_draw(seed, 100);
    m->flag = (uint8_t)nika_stream_below(seed, 101, 2);
    m->number = (uint32_t)nika_stream_draw(seed, 102);
    m->large = nika_stream_draw(seed, 103);
    m->view = nika_stream_draw(seed, 104);
    m->seq = nika_stream_draw(seed, 105);
    m->time_ns = nika_stream_draw(seed, 106);
    m->replica = (uint32_t)nika_stream_draw(seed, 107);
    m->client = (uint32_t)nika_stream_draw(seed, 108);
    for (uint32_t i = 0; i < NIKA_DIGEST_SIZE; i++)
        m->digest.bytes[i] = (uint8_t)nika_stream_draw(seed, 200 + i);
    m->text =
        (struct nika_span){(const uint8_t *)"abcdefgh", (uint32_t)nika_stream_below(seed, 109, 9)};
    make_outers(s, seed);
    struct nika_writer w = nika_writer_of(s->lists[1], sizeof s->lists[1]);
    uint32_t frames = (uint32_t)nika_stream_below(seed, 110, 3);
    for (uint32_t i = 0; i < frames; i++)
        nika_frames_append(&w, &m->frames, (struct nika_span){(const uint8_t *)"frame", 5 - i});
    struct nika_writer v = nika_writer_of(s->lists[2], sizeof s->lists[2]);
    uint32_t digests = (uint32_t)nika_stream_below(seed, 111, 3);
    for (uint32_t i = 0; i < digests; i++) nika_digests_append(&v, &m->digests, &m->digest);
    struct nika_writer body = nika_writer_of(s->body, sizeof s->body);
    nika_encode(&test_info_all, m, &body);
    assert_false(body.failed);
    s->size = body.at;
}

/* Decode a copy that ends where its memory ends, so that the address sanitizer sees any read past
 * it. */
static enum nika_err decode_exact(const uint8_t *bytes, uint32_t size, struct test_all *out)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, bytes, size);
    enum nika_err err = nika_decode(&test_info_all, (struct nika_span){copy, size}, out);
    if (err == NIKA_OK) {
        uint8_t again[BODY_MAX + 64];
        struct nika_writer w = nika_writer_of(again, sizeof again);
        nika_encode(&test_info_all, out, &w);
        assert_false(w.failed);
        assert_int_equal(w.at, size);
        assert_memory_equal(again, bytes, size);
    }
    free(copy);
    return err;
}

static void test_every_field_survives_a_round_trip(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 200; k++) {
        struct sample s;
        struct test_all got;
        make(&s, k);
        assert_int_equal(nika_encoded_size(&test_info_all, &s.message), s.size);
        assert_int_equal(nika_decode(&test_info_all, (struct nika_span){s.body, s.size}, &got),
                         NIKA_OK);
        assert_int_equal(got.small, s.message.small);
        assert_int_equal(got.flag, s.message.flag);
        assert_int_equal(got.number, s.message.number);
        assert_true(got.large == s.message.large && got.view == s.message.view &&
                    got.seq == s.message.seq);
        assert_true(got.time_ns == s.message.time_ns);
        assert_int_equal(got.replica, s.message.replica);
        assert_int_equal(got.client, s.message.client);
        assert_memory_equal(&got.digest, &s.message.digest, sizeof got.digest);
        assert_int_equal(got.text.size, s.message.text.size);
        assert_memory_equal(got.text.data, s.message.text.data, got.text.size);
        assert_int_equal(got.outers.count, s.message.outers.count);
        assert_int_equal(got.frames.count, s.message.frames.count);
        assert_int_equal(got.digests.count, s.message.digests.count);
        assert_int_equal(decode_exact(s.body, s.size, &got), NIKA_OK);
    }
}

static void test_every_prefix_and_extension_is_rejected(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 20; k++) {
        struct sample s;
        struct test_all got;
        make(&s, k);
        for (uint32_t size = 0; size < s.size; size++) {
            assert_int_equal(decode_exact(s.body, size, &got), NIKA_ERR_MALFORMED);
            assert_int_equal(got.number, 0); /* Nothing half-decoded is left behind. */
        }
        for (uint32_t extra = 1; extra <= 40 && s.size + extra <= BODY_MAX; extra++)
            assert_int_equal(decode_exact(s.body, s.size + extra, &got), NIKA_ERR_MALFORMED);
    }
}

static void test_a_boolean_is_zero_or_one(void **state)
{
    (void)state;
    struct sample s;
    struct test_all got;
    make(&s, 3);
    for (uint32_t value = 0; value < 256; value++) {
        s.body[1] = (uint8_t)value;
        assert_int_equal(decode_exact(s.body, s.size, &got),
                         value <= 1 ? NIKA_OK : NIKA_ERR_MALFORMED);
    }
}

/* Counts of one list field, with as many empty elements as they claim. */
static enum nika_err decode_count(uint32_t field, uint32_t count, uint32_t element_size)
{
    struct test_all empty, got;
    uint8_t body[BODY_MAX];
    memset(&empty, 0, sizeof empty);
    struct nika_list *lists[] = {&empty.outers, &empty.frames, &empty.digests};
    uint8_t zeros[256] = {0};
    lists[field]->count = count;
    lists[field]->span = (struct nika_span){zeros, count * element_size};
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_encode(&test_info_all, &empty, &w);
    assert_false(w.failed);
    return nika_decode(&test_info_all, (struct nika_span){body, w.at}, &got);
}

static void test_list_limits_are_exact(void **state)
{
    (void)state;
    const uint32_t sizes[] = {12, 4, 32};
    for (uint32_t field = 0; field < 3; field++) {
        assert_int_equal(decode_count(field, 2, sizes[field]), NIKA_OK);
        assert_int_equal(decode_count(field, 3, sizes[field]), NIKA_ERR_MALFORMED);
    }
}

static void test_hostile_counts_are_rejected(void **state)
{
    (void)state;
    struct test_all got;
    uint8_t body[BODY_MAX];
    struct test_all empty;
    memset(&empty, 0, sizeof empty);
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_encode(&test_info_all, &empty, &w);
    /* The last four u32 are the empty text and lists. */
    for (uint32_t back = 4; back <= 16; back += 4) {
        uint8_t copy[BODY_MAX];
        memcpy(copy, body, w.at);
        memset(copy + w.at - back, 0xff, 4);
        assert_int_equal(nika_decode(&test_info_all, (struct nika_span){copy, w.at}, &got),
                         NIKA_ERR_MALFORMED);
    }
    assert_int_equal(nika_decode(&test_info_all, (struct nika_span){body, w.at}, &got), NIKA_OK);
}

static void test_lists_walk_to_their_end_and_stop(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 50; k++) {
        struct sample s;
        struct test_all got;
        make(&s, k);
        assert_int_equal(nika_decode(&test_info_all, (struct nika_span){s.body, s.size}, &got),
                         NIKA_OK);
        uint32_t at = 0, count = 0, inners = 0, total = 0;
        struct test_outer outer;
        while (nika_list_next(&got.outers, &test_info_outer, &at, &outer)) {
            struct test_inner inner;
            uint32_t inner_at = 0, number = 0;
            while (nika_list_next(&outer.inners, &test_info_inner, &inner_at, &inner)) {
                assert_int_equal(inner.number, number);
                assert_int_equal(inner.text.size, 5 * number++);
                inners++;
            }
            total += outer.inners.count;
            count++;
        }
        assert_int_equal(count, got.outers.count);
        assert_int_equal(inners, total);
        struct nika_span frame;
        struct nika_digest digest;
        for (at = 0, count = 0; nika_frames_next(&got.frames, &at, &frame); count++)
            assert_int_equal(frame.size, 5 - count);
        assert_int_equal(count, got.frames.count);
        for (at = 0, count = 0; nika_digests_next(&got.digests, &at, &digest); count++)
            assert_memory_equal(&digest, &got.digest, sizeof digest);
        assert_int_equal(count, got.digests.count);
    }
}

/* W1 and W2: whatever still decodes after mutation encodes to the same bytes; decode_exact asserts
 * it. */
static void test_mutated_bodies_are_rejected_or_canonical(void **state)
{
    (void)state;
    uint32_t accepted = 0, rejected = 0;
    for (uint64_t k = 0; k < 6000; k++) {
        struct sample s;
        struct test_all got;
        make(&s, k % 97);
        uint64_t seed = nika_stream(2, "mutate", k);
        uint32_t edits = 1 + (uint32_t)nika_stream_below(seed, 0, 4);
        for (uint32_t i = 0; i < edits; i++) {
            uint32_t at = (uint32_t)nika_stream_below(seed, 1 + 2 * i, s.size);
            s.body[at] = (uint8_t)nika_stream_below(seed, 2 + 2 * i, k % 2 == 0 ? 4 : 256);
        }
        uint32_t size = k % 5 == 0 ? (uint32_t)nika_stream_below(seed, 50, s.size + 8) : s.size;
        if (decode_exact(s.body, size, &got) == NIKA_OK)
            accepted++;
        else
            rejected++;
    }
    assert_true(accepted > 100);
    assert_true(rejected > 100);
}

static void test_text_names_the_fields(void **state)
{
    (void)state;
    struct test_vote vote = {.view = 3, .seq = 17, .digest = {{0xab, 0x12, 0xcd, 0x34}}};
    uint8_t body[64];
    char text[64];
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_encode(&test_info_vote, &vote, &w);
    assert_int_equal(w.at, 48);
    size_t used =
        nika_message_text(&test_info_vote, (struct nika_span){body, w.at}, text, sizeof text);
    assert_string_equal(text, "view=3 seq=17 digest=ab12cd34");
    assert_int_equal(used, strlen(text));
    assert_int_equal(
        nika_message_text(&test_info_vote, (struct nika_span){body, 47}, text, sizeof text), 16);
    assert_string_equal(text, "malformed <47 B>");
    assert_int_equal(nika_message_text(&test_info_vote, (struct nika_span){body, w.at}, text, 8),
                     7);
    assert_string_equal(text, "view=3 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_survives_a_round_trip),
        cmocka_unit_test(test_every_prefix_and_extension_is_rejected),
        cmocka_unit_test(test_a_boolean_is_zero_or_one),
        cmocka_unit_test(test_list_limits_are_exact),
        cmocka_unit_test(test_hostile_counts_are_rejected),
        cmocka_unit_test(test_lists_walk_to_their_end_and_stop),
        cmocka_unit_test(test_mutated_bodies_are_rejected_or_canonical),
        cmocka_unit_test(test_text_names_the_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
