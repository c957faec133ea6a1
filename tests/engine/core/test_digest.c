/* Digests are the published ones, and the run digest depends on the bytes alone. */
#include "engine/core/digest.h"
#include "engine/core/stream.h"
#include "tests/support/test.h"

static void check_sha256(const char *text, const char *wanted)
{
    struct nika_digest d;
    char hex[65];
    nika_sha256_one(text, (uint32_t)strlen(text), &d);
    nika_hex(d.bytes, sizeof d.bytes, hex);
    assert_string_equal(hex, wanted);
}

static void test_sha256_matches_published_vectors(void **state)
{
    (void)state;
    check_sha256("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_sha256_of_parts_is_that_of_the_whole(void **state)
{
    (void)state;
    struct nika_digest whole, parts;
    const struct nika_span spans[] = {
        {(const uint8_t *)"a", 1}, {NULL, 0}, {(const uint8_t *)"bc", 2}};
    nika_sha256_one("abc", 3, &whole);
    nika_sha256(spans, 3, &parts);
    assert_true(nika_digest_equal(&whole, &parts));
    nika_sha256(spans, 2, &parts);
    assert_false(nika_digest_equal(&whole, &parts));
}

static void test_crc32c_matches_the_published_vector(void **state)
{
    (void)state;
    const uint8_t zeros[32] = {0};
    assert_int_equal(nika_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(nika_crc32c(0, zeros, sizeof zeros), 0x8a9136aa); /* RFC 3720, B.4 */
    assert_int_equal(nika_crc32c(0, "", 0), 0);
    for (size_t size = 0; size <= sizeof zeros; size++)
        assert_int_equal(nika_crc32c(7, zeros, size), nika_crc32c_portable(7, zeros, size));
    for (size_t cut = 0; cut <= 9; cut++)
        assert_int_equal(nika_crc32c(nika_crc32c(0, "123456789", cut), &"123456789"[cut], 9 - cut),
                         0xe3069283);
}

static void test_hash64_is_xxh3(void **state)
{
    (void)state;
    assert_true(nika_hash64("", 0, 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(nika_hash64("abc", 3, 0) == UINT64_C(0x78af5f94892f3950));
    assert_true(nika_hash64("abc", 3, 1) != nika_hash64("abc", 3, 0));
}

static void text_of(const uint8_t *data, uint32_t size, uint64_t cuts, char out[33])
{
    struct nika_run_digest d;
    nika_run_digest_init(&d);
    for (uint64_t k = 0; size > 0; k++) {
        uint32_t part = 1 + (uint32_t)nika_stream_below(cuts, k, 3000);
        if (cuts == 0 || part > size) part = size;
        nika_run_digest_add(&d, data, part);
        data += part;
        size -= part;
    }
    nika_run_digest_text(&d, out);
}

static void test_run_digest_ignores_how_bytes_were_cut(void **state)
{
    (void)state;
    static uint8_t data[10000];
    for (uint32_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
    char whole[33], cut[33];
    for (uint32_t size = 2040; size < 10000; size += 331) {
        text_of(data, size, 0, whole);
        for (uint64_t k = 1; k < 5; k++) {
            text_of(data, size, k, cut);
            assert_string_equal(whole, cut);
        }
        text_of(data, size - 1, 0, cut);
        assert_string_not_equal(whole, cut);
        data[size / 2] ^= 1;
        text_of(data, size, 0, cut);
        assert_string_not_equal(whole, cut);
        data[size / 2] ^= 1;
    }
}

static void test_reading_the_run_digest_leaves_it(void **state)
{
    (void)state;
    struct nika_run_digest a, b;
    char before[33], after[33];
    uint8_t value[16];
    nika_run_digest_init(&a);
    nika_run_digest_init(&b);
    nika_run_digest_add(&a, "xy", 2);
    nika_run_digest_text(&a, before);
    nika_run_digest_value(&a, value);
    nika_hex(value, sizeof value, after);
    assert_string_equal(before, after);
    nika_run_digest_add(&a, "z", 1);
    nika_run_digest_add(&b, "xyz", 3);
    nika_run_digest_text(&a, before);
    nika_run_digest_text(&b, after);
    assert_string_equal(before, after);
    /* Pinned: the same on every architecture and compiler. */
    assert_string_equal(before, "c71b18d1366361a2cec48f97ca0e5e5b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_matches_published_vectors),
        cmocka_unit_test(test_sha256_of_parts_is_that_of_the_whole),
        cmocka_unit_test(test_crc32c_matches_the_published_vector),
        cmocka_unit_test(test_hash64_is_xxh3),
        cmocka_unit_test(test_run_digest_ignores_how_bytes_were_cut),
        cmocka_unit_test(test_reading_the_run_digest_leaves_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
