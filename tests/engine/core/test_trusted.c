/* Trusted certificates have one encoding, and what they state has a fixed layout (PROTOCOLS.md 2.8). */
#include "engine/core/bytes.h"
#include "engine/core/trusted.h"
#include "tests/support/test.h"

static struct nika_trusted_value at(uint64_t view, uint64_t order)
{
    return (struct nika_trusted_value){view, order};
}

static struct nika_digest digest_of(uint8_t value)
{
    struct nika_digest d;
    memset(&d, value, sizeof d);
    return d;
}

static enum nika_err decode(const struct nika_trusted_certificate *c, uint32_t size)
{
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE + 1] = {0};
    struct nika_trusted_certificate out;
    nika_trusted_certificate_encode(c, bytes);
    return nika_trusted_certificate_decode((struct nika_span){bytes, size}, &out);
}

static void test_encoding_is_canonical_and_malformed_bytes_are_refused(void **state)
{
    (void)state;
    const uint32_t size = NIKA_TRUSTED_CERTIFICATE_SIZE;
    struct nika_trusted_certificate c = {.kind = NIKA_TRUSTED_CONTINUING,
                                         .instance = 2,
                                         .epoch = 7,
                                         .counter = 3,
                                         .value = {5, 6},
                                         .previous = {4, 1}};
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE], again[NIKA_TRUSTED_CERTIFICATE_SIZE];
    struct nika_trusted_certificate out;
    memset(c.mac, 0xab, sizeof c.mac);
    nika_trusted_certificate_encode(&c, bytes);
    assert_int_equal(nika_trusted_certificate_decode((struct nika_span){bytes, size}, &out),
                     NIKA_OK);
    nika_trusted_certificate_encode(&out, again);
    assert_memory_equal(bytes, again, size);
    assert_int_equal(decode(&c, size - 1), NIKA_ERR_MALFORMED);
    assert_int_equal(decode(&c, size + 1), NIKA_ERR_MALFORMED);
    assert_int_equal(decode(&c, 0), NIKA_ERR_MALFORMED);
    struct nika_trusted_certificate bad = c;
    bad.previous = at(5, 7); /* After the value. */
    assert_int_equal(decode(&bad, size), NIKA_ERR_MALFORMED);
    bad.previous = at(5, 6);
    assert_int_equal(decode(&bad, size), NIKA_OK);
    bad = c;
    bad.counter = NIKA_TRUSTED_COUNTERS_MAX;
    assert_int_equal(decode(&bad, size), NIKA_ERR_MALFORMED);
    bad = c;
    bad.kind = NIKA_TRUSTED_INDEPENDENT; /* Which has no previous value. */
    assert_int_equal(decode(&bad, size), NIKA_ERR_MALFORMED);
    bad.previous = at(0, 0);
    assert_int_equal(decode(&bad, size), NIKA_OK);
    bad.kind = NIKA_TRUSTED_MAC; /* Which has neither counter nor value. */
    assert_int_equal(decode(&bad, size), NIKA_ERR_MALFORMED);
    bad.counter = 0;
    assert_int_equal(decode(&bad, size), NIKA_ERR_MALFORMED);
    bad.value = at(0, 0);
    assert_int_equal(decode(&bad, size), NIKA_OK);
    bad.kind = 0;
    assert_int_equal(decode(&bad, size), NIKA_ERR_MALFORMED);
    bad.kind = 4;
    assert_int_equal(decode(&bad, size), NIKA_ERR_MALFORMED);
}

/* Peers in other languages rely on these offsets. */
static void test_the_statement_has_the_documented_layout(void **state)
{
    (void)state;
    struct nika_trusted_certificate c = {.kind = NIKA_TRUSTED_CONTINUING,
                                         .instance = 0x01020304,
                                         .epoch = 0x1112131415161718,
                                         .counter = 9,
                                         .value = {5, 6},
                                         .previous = {4, 1}};
    struct nika_digest d = digest_of(0xee);
    uint8_t s[NIKA_TRUSTED_STATEMENT_SIZE];
    nika_trusted_statement(&c, &d, s);
    assert_memory_equal(s, "TSS1\x02\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11\x09", 18);
    assert_int_equal(nika_load_le(s + 21, 8), 5);
    assert_int_equal(nika_load_le(s + 29, 8), 6);
    assert_int_equal(nika_load_le(s + 37, 8), 4);
    assert_int_equal(nika_load_le(s + 45, 8), 1);
    assert_memory_equal(s + 53, d.bytes, sizeof d.bytes);
    assert_int_equal(sizeof s, 85);
}

static void test_the_view_outranks_the_order(void **state)
{
    (void)state;
    assert_true(nika_trusted_compare(at(1, 9), at(2, 0)) < 0);
    assert_true(nika_trusted_compare(at(2, 0), at(1, 9)) > 0);
    assert_true(nika_trusted_compare(at(2, 3), at(2, 4)) < 0);
    assert_int_equal(nika_trusted_compare(at(2, 4), at(2, 4)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding_is_canonical_and_malformed_bytes_are_refused),
        cmocka_unit_test(test_the_statement_has_the_documented_layout),
        cmocka_unit_test(test_the_view_outranks_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
