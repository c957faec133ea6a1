/* Every suite: what a node signed verifies for that node and those bytes, and for nothing else; the
 * same seed gives the same bytes, so that runs replay. */
#include "engine/core/auth.h"
#include "tests/support/test.h"

static const enum nika_suite suites[] = {NIKA_SUITE_ED25519, NIKA_SUITE_ECDSA_P256,
                                         NIKA_SUITE_RSA_2048, NIKA_SUITE_HMAC, NIKA_SUITE_SIM};
static const struct nika_span message = {(const uint8_t *)"what is signed", 14};

static int setup(void **state)
{
    (void)state;
    nika_auth_install_sim(&nika_auth_sim_table);
    return 0;
}

struct tag {
    uint8_t bytes[NIKA_AUTH_SIZE_MAX + 1];
    uint32_t size;
};

static struct nika_span span_of(const struct tag *tag)
{
    return (struct nika_span){tag->bytes, tag->size};
}

static struct tag sign(struct nika_keyring *ring, uint32_t node, struct nika_span text)
{
    struct tag tag = {{0}, NIKA_AUTH_SIZE_MAX};
    assert_int_equal(nika_sign(ring, node, text, tag.bytes, &tag.size), NIKA_OK);
    assert_int_equal(tag.size, nika_suite_signature_size(nika_keyring_suite(ring)));
    return tag;
}

static void test_a_signature_verifies_for_its_signer_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(suites); i++) {
        struct nika_keyring *ring = nika_keyring_new_derived(suites[i], 4, 2, 1);
        const uint32_t nodes[] = {0, 3, nika_client_node(1)};
        for (size_t k = 0; k < ARRAY_COUNT(nodes); k++) {
            struct tag tag = sign(ring, nodes[k], message);
            assert_int_equal(nika_verify(ring, nodes[k], message, span_of(&tag)), NIKA_OK);
            assert_int_equal(nika_verify(ring, 2, message, span_of(&tag)), NIKA_ERR_AUTH);
            assert_int_equal(nika_verify(ring, 4, message, span_of(&tag)), NIKA_ERR_AUTH);
            assert_int_equal(nika_verify(ring, nodes[k], message, span_of(&tag)), NIKA_OK);
        }
        struct tag none = {{0}, NIKA_AUTH_SIZE_MAX};
        assert_int_equal(nika_sign(ring, 4, message, none.bytes, &none.size), NIKA_ERR_NOT_FOUND);
        assert_int_equal(nika_sign(ring, nika_client_node(2), message, none.bytes, &none.size),
                         NIKA_ERR_NOT_FOUND);
        nika_keyring_free(ring);
    }
}

static void test_every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(suites); i++) {
        struct nika_keyring *ring = nika_keyring_new_derived(suites[i], 4, 0, 1);
        struct tag tag = sign(ring, 1, message);
        for (uint32_t at = 0; at < tag.size; at++) {
            tag.bytes[at] ^= (uint8_t)(1u << at % 8);
            assert_int_equal(nika_verify(ring, 1, message, span_of(&tag)), NIKA_ERR_AUTH);
            tag.bytes[at] ^= (uint8_t)(1u << at % 8);
        }
        uint8_t other[14];
        for (uint32_t at = 0; at < sizeof other; at++) {
            memcpy(other, message.data, sizeof other);
            other[at] ^= 0x10;
            assert_int_equal(
                nika_verify(ring, 1, (struct nika_span){other, sizeof other}, span_of(&tag)),
                NIKA_ERR_AUTH);
        }
        assert_int_equal(nika_verify(ring, 1, message, span_of(&tag)), NIKA_OK);
        nika_keyring_free(ring);
    }
}

static void test_other_lengths_are_rejected(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(suites); i++) {
        struct nika_keyring *ring = nika_keyring_new_derived(suites[i], 4, 0, 1);
        struct tag tag = sign(ring, 1, message);
        uint32_t size = tag.size;
        for (tag.size = 0; tag.size <= size + 1; tag.size++)
            assert_int_equal(nika_verify(ring, 1, message, span_of(&tag)),
                             tag.size == size ? NIKA_OK : NIKA_ERR_AUTH);
        nika_keyring_free(ring);
    }
}

static void test_the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(suites); i++) {
        struct nika_keyring *a = nika_keyring_new_derived(suites[i], 4, 1, 5);
        struct nika_keyring *b = nika_keyring_new_derived(suites[i], 4, 1, 5);
        struct nika_keyring *c = nika_keyring_new_derived(suites[i], 4, 1, 6);
        struct tag first = sign(a, 1, message);
        (void)sign(b, 0, message); /* What was signed before does not matter. */
        struct tag second = sign(b, 1, message), other = sign(c, 1, message);
        assert_memory_equal(first.bytes, second.bytes, first.size);
        assert_int_equal(nika_verify(b, 1, message, span_of(&first)), NIKA_OK);
        /* RSA's pool does not depend on the seed. */
        enum nika_err wanted = suites[i] == NIKA_SUITE_RSA_2048 ? NIKA_OK : NIKA_ERR_AUTH;
        assert_int_equal(nika_verify(a, 1, message, span_of(&other)), wanted);
        nika_keyring_free(a);
        nika_keyring_free(b);
        nika_keyring_free(c);
    }
}

/* A repeated nonce would give the key away, even if only in a simulator. */
static void test_ecdsa_nonces_differ_between_messages(void **state)
{
    (void)state;
    struct nika_keyring *ring = nika_keyring_new_derived(NIKA_SUITE_ECDSA_P256, 1, 0, 5);
    struct tag a = sign(ring, 0, message), b = sign(ring, 0, (struct nika_span){message.data, 13});
    assert_memory_not_equal(a.bytes, b.bytes, 32);
    for (uint32_t k = 0; k < 300; k++) { /* Short and long integers in DER. */
        uint8_t text[4] = {(uint8_t)k, (uint8_t)(k >> 8), 0, 0};
        struct tag tag = sign(ring, 0, (struct nika_span){text, sizeof text});
        assert_int_equal(nika_verify(ring, 0, (struct nika_span){text, sizeof text}, span_of(&tag)),
                         NIKA_OK);
    }
    struct tag zero = {{0}, 64};
    assert_int_equal(nika_verify(ring, 0, message, span_of(&zero)), NIKA_ERR_AUTH);
    nika_keyring_free(ring);
}

static void test_a_mac_is_for_one_ordered_pair(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(suites); i++) {
        struct nika_keyring *ring = nika_keyring_new_derived(suites[i], 4, 1, 1);
        struct tag tag = {{0}, NIKA_AUTH_SIZE_MAX};
        assert_int_equal(nika_mac(ring, 0, 1, message, tag.bytes, &tag.size), NIKA_OK);
        assert_int_equal(tag.size, suites[i] == NIKA_SUITE_SIM ? 16 : 32);
        assert_int_equal(nika_mac_verify(ring, 0, 1, message, span_of(&tag)), NIKA_OK);
        assert_int_equal(nika_mac_verify(ring, 1, 0, message, span_of(&tag)), NIKA_ERR_AUTH);
        assert_int_equal(nika_mac_verify(ring, 0, 2, message, span_of(&tag)), NIKA_ERR_AUTH);
        assert_int_equal(nika_mac_verify(ring, 0, nika_client_node(0), message, span_of(&tag)),
                         NIKA_ERR_AUTH);
        assert_int_equal(nika_mac_verify(ring, 0, 9, message, span_of(&tag)), NIKA_ERR_AUTH);
        assert_int_equal(
            nika_mac_verify(ring, 0, 1, (struct nika_span){message.data, 13}, span_of(&tag)),
            NIKA_ERR_AUTH);
        tag.size--;
        assert_int_equal(nika_mac_verify(ring, 0, 1, message, span_of(&tag)), NIKA_ERR_AUTH);
        tag.size++;
        tag.bytes[tag.size - 1] ^= 0x80;
        assert_int_equal(nika_mac_verify(ring, 0, 1, message, span_of(&tag)), NIKA_ERR_AUTH);
        assert_int_equal(nika_mac(ring, 0, NIKA_NODE_NONE, message, tag.bytes, &tag.size),
                         NIKA_ERR_NOT_FOUND);
        nika_keyring_free(ring);
    }
}

static void test_suite_sim_needs_the_simulator(void **state)
{
    (void)state;
    struct nika_keyring *ring = nika_keyring_new_derived(NIKA_SUITE_SIM, 4, 0, 1);
    struct tag tag = sign(ring, 1, message);
    struct tag again = {{0}, NIKA_AUTH_SIZE_MAX};
    nika_auth_install_sim(NULL);
    assert_int_equal(nika_sign(ring, 1, message, again.bytes, &again.size), NIKA_ERR_AUTH);
    assert_int_equal(nika_verify(ring, 1, message, span_of(&tag)), NIKA_ERR_AUTH);
    assert_int_equal(nika_mac_verify(ring, 0, 1, message, span_of(&tag)), NIKA_ERR_AUTH);
    nika_auth_install_sim(&nika_auth_sim_table);
    assert_int_equal(nika_verify(ring, 1, message, span_of(&tag)), NIKA_OK);
    nika_keyring_free(ring);
}

static void test_suite_names_parse_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(suites); i++)
        assert_int_equal(nika_suite_parse(nika_suite_name(suites[i])), suites[i]);
    assert_int_equal(nika_suite_parse("none"), NIKA_SUITE_NONE);
    assert_int_equal(nika_suite_parse("ED25519"), NIKA_SUITE_NONE);
    assert_string_equal(nika_suite_name(NIKA_SUITE_ECDSA_P256), "ecdsa-p256");
    assert_int_equal(nika_suite_signature_size(NIKA_SUITE_NONE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signature_verifies_for_its_signer_only),
        cmocka_unit_test(test_every_flipped_byte_is_noticed),
        cmocka_unit_test(test_other_lengths_are_rejected),
        cmocka_unit_test(test_the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(test_ecdsa_nonces_differ_between_messages),
        cmocka_unit_test(test_a_mac_is_for_one_ordered_pair),
        cmocka_unit_test(test_suite_sim_needs_the_simulator),
        cmocka_unit_test(test_suite_names_parse_back),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
