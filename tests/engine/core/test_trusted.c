/* Certificates have one encoding, counters move only forward, and nobody without the key makes a certificate that verifies. */
#include "engine/core/bytes.h"
#include "engine/core/trusted_instance.h"
#include "tests/support/test.h"

static struct nika_trusted_key *key;
static struct nika_trusted_instance instance;
static const uint64_t epochs[3] = {7, 7, 7};

static struct nika_digest digest_of(uint8_t value)
{
    struct nika_digest d;
    memset(&d, value, sizeof d);
    return d;
}
static struct nika_trusted_value at(uint64_t view, uint64_t order)
{
    return (struct nika_trusted_value){view, order};
}
static enum nika_err certify(enum nika_trusted_kind kind, uint32_t counter,
                             struct nika_trusted_value value, uint8_t content,
                             struct nika_trusted_certificate *out)
{
    struct nika_digest d = digest_of(content);
    return nika_trusted_certify(&instance, key, kind, counter, value, &d, out);
}
static bool verifies(const struct nika_trusted_certificate *c, uint8_t content)
{
    struct nika_digest d = digest_of(content);
    return nika_trusted_verify(key, epochs, 3, c, &d);
}

static int setup_hmac(void **state)
{
    (void)state;
    uint8_t secret[NIKA_TRUSTED_SECRET_SIZE];
    memset(secret, 0x42, sizeof secret);
    key = nika_trusted_key_new(secret);
    nika_trusted_instance_init(&instance, 1, 7, 4);
    return key == NULL;
}
static int setup_sim(void **state)
{
    (void)state;
    nika_auth_install_sim(&nika_auth_sim_table);
    struct nika_keyring *ring = nika_keyring_new_derived(NIKA_SUITE_SIM, 3, 1, 5);
    key = nika_trusted_key_of(ring);
    nika_keyring_free(ring);
    nika_trusted_instance_init(&instance, 1, 7, 4);
    return key == NULL;
}
static int teardown(void **state)
{
    (void)state;
    nika_trusted_key_free(key);
    return 0;
}

static void test_an_independent_value_is_used_once(void **state)
{
    (void)state;
    struct nika_trusted_certificate c, second;
    struct nika_trusted_value value;
    uint64_t epoch = 0;
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, at(0, 0), 1, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, at(1, 5), 1, &c), NIKA_OK);
    assert_true(verifies(&c, 1));
    assert_false(verifies(&c, 2));
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, at(1, 5), 2, &second), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, at(1, 4), 2, &second), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, at(0, 9), 2, &second), NIKA_ERR_CONFIG);
    assert_int_equal(nika_trusted_read(&instance, 0, &value, &epoch), NIKA_OK);
    assert_int_equal(nika_trusted_compare(value, at(1, 5)), 0);
    assert_int_equal(epoch, 7);
    /* The view outranks the order, and another counter has a life of its own. */
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, at(2, 1), 2, &second), NIKA_OK);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 1, at(1, 1), 2, &second), NIKA_OK);
}

static void test_a_continuing_certificate_shows_the_exact_previous_value(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 2, at(3, 8), 1, &c), NIKA_OK);
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 2, at(3, 7), 1, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 2, at(4, 0), 1, &c), NIKA_OK);
    assert_int_equal(nika_trusted_compare(c.previous, at(3, 8)), 0);
    assert_true(verifies(&c, 1));
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 2, at(4, 0), 2, &c), NIKA_OK);
    assert_int_equal(nika_trusted_compare(c.previous, at(4, 0)), 0);
    /* The largest value is the last. */
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 2, at(UINT64_MAX, UINT64_MAX), 1, &c),
                     NIKA_OK);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 2, at(0, 0), 1, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 2, at(UINT64_MAX, UINT64_MAX), 1, &c),
                     NIKA_ERR_CONFIG);
}

static void test_a_mac_moves_no_counter_and_passes_for_no_other_kind(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    struct nika_digest d;
    assert_int_equal(certify(NIKA_TRUSTED_MAC, 1, at(0, 0), 1, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_MAC, 0, at(0, 1), 1, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_MAC, 0, at(0, 0), 1, &c), NIKA_OK);
    assert_true(verifies(&c, 1));
    assert_int_equal(nika_trusted_reissue(&instance, 0, &c, &d), NIKA_ERR_NOT_FOUND);
    assert_int_equal(certify(NIKA_TRUSTED_MAC, 0, at(0, 0), 1, &c), NIKA_OK);
    c.kind = NIKA_TRUSTED_CONTINUING;
    assert_false(verifies(&c, 1));
}

static void test_every_field_of_a_certificate_is_bound(void **state)
{
    (void)state;
    struct nika_trusted_certificate good;
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE];
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, at(1, 2), 1, &good), NIKA_OK);
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 0, at(3, 4), 1, &good), NIKA_OK);
    nika_trusted_certificate_encode(&good, bytes);
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        struct nika_trusted_certificate bad;
        bytes[i] ^= 1;
        enum nika_err err =
            nika_trusted_certificate_decode((struct nika_span){bytes, sizeof bytes}, &bad);
        assert_true(err == NIKA_ERR_MALFORMED || !verifies(&bad, 1));
        bytes[i] ^= 1;
    }
    assert_true(verifies(&good, 1));
    good.epoch = 6; /* A stale epoch, and a foreign instance, are not registered. */
    assert_false(verifies(&good, 1));
    good.epoch = 7;
    good.instance = 3;
    assert_false(verifies(&good, 1));
}

static void test_reissue_gives_the_last_certificate_and_its_digest(void **state)
{
    (void)state;
    struct nika_trusted_certificate c, again;
    struct nika_digest d, wanted = digest_of(9);
    assert_int_equal(nika_trusted_reissue(&instance, 3, &again, &d), NIKA_ERR_NOT_FOUND);
    assert_int_equal(nika_trusted_reissue(&instance, 4, &again, &d), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 3, at(1, 1), 8, &c), NIKA_OK);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 3, at(1, 2), 9, &c), NIKA_OK);
    /* A refused call leaves it as it was. */
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 3, at(1, 2), 1, &again), NIKA_ERR_CONFIG);
    assert_int_equal(nika_trusted_reissue(&instance, 3, &again, &d), NIKA_OK);
    assert_memory_equal(&again, &c, sizeof c);
    assert_true(nika_digest_equal(&d, &wanted));
}

static void test_unknown_counters_and_kinds_are_refused(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    struct nika_trusted_value value;
    uint64_t epoch;
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 4, at(1, 1), 1, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, UINT32_MAX, at(1, 1), 1, &c),
                     NIKA_ERR_CONFIG);
    assert_int_equal(certify((enum nika_trusted_kind)4, 0, at(1, 1), 1, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify((enum nika_trusted_kind)0, 0, at(1, 1), 1, &c), NIKA_ERR_CONFIG);
    assert_int_equal(nika_trusted_read(&instance, 4, &value, &epoch), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 3, at(1, 1), 1, &c), NIKA_OK);
}

static void test_what_is_not_used_is_zero(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    size_t empty = nika_trusted_instance_used(&instance);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 1, at(1, 1), 1, &c), NIKA_OK);
    size_t used = nika_trusted_instance_used(&instance);
    assert_int_equal(used, empty + 2 * sizeof(struct nika_trusted_counter));
    const uint8_t *bytes = (const uint8_t *)&instance;
    for (size_t i = used; i < sizeof instance; i++) assert_int_equal(bytes[i], 0);
}

/* ---- the codec ---- */
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

#define BOTH(test)                                                                                 \
    {#test "_hmac", test, setup_hmac, teardown, NULL},                                             \
    {                                                                                              \
#test "_sim", test, setup_sim, teardown, NULL                                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_an_independent_value_is_used_once),
        BOTH(test_a_continuing_certificate_shows_the_exact_previous_value),
        BOTH(test_a_mac_moves_no_counter_and_passes_for_no_other_kind),
        BOTH(test_every_field_of_a_certificate_is_bound),
        BOTH(test_reissue_gives_the_last_certificate_and_its_digest),
        BOTH(test_unknown_counters_and_kinds_are_refused),
        BOTH(test_what_is_not_used_is_zero),
        cmocka_unit_test(test_encoding_is_canonical_and_malformed_bytes_are_refused),
        cmocka_unit_test(test_the_statement_has_the_documented_layout),
        cmocka_unit_test(test_the_view_outranks_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
