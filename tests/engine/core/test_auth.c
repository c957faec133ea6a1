/* Every suite: what a node signed verifies for that node and those bytes, and for nothing else; the
 * same seed gives the same bytes, so that runs replay. */
#include "engine/core/auth.h"
#include "engine/core/bytes.h"
#include "engine/core/exchange.h"
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

/* ---- vectors of MACs in place of clients' signatures ---- */
/* The MAC key from `from` to `to`. */
static struct nika_key pair_key(uint32_t from, uint32_t to)
{
    struct nika_key key;
    memset(&key, 0, sizeof key);
    nika_store_le(key.bytes, from, 4);
    nika_store_le(key.bytes + 4, to, 4);
    return key;
}

/* The ring of `self` in a cluster of `replicas`, with its keys to all that it speaks with. */
static struct nika_keyring *vector_ring(uint32_t replicas, uint32_t self)
{
    struct nika_keyring *ring = nika_keyring_new_live(NIKA_SUITE_ED25519, replicas, 2, self, NULL);
    assert_non_null(ring);
    for (uint32_t i = 0; i < replicas + 2; i++) {
        uint32_t node = i < replicas ? i : nika_client_node(i - replicas);
        struct nika_key out = pair_key(self, node), in = pair_key(node, self);
        if (nika_is_client(self) && nika_is_client(node)) continue;
        nika_keyring_add_pair(ring, node, &out, &in);
    }
    return ring;
}

static void test_each_replica_judges_its_own_entry_of_a_vector(void **state)
{
    const uint32_t client = nika_client_node(1);
    struct nika_keyring *signer = vector_ring(4, client);
    struct tag vector = {{0}, NIKA_AUTH_SIZE_MAX};
    (void)state;
    assert_int_equal(nika_keyring_use_vectors(signer), NIKA_OK);
    assert_int_equal(nika_sign(signer, client, message, vector.bytes, &vector.size), NIKA_OK);
    assert_int_equal(vector.size, nika_suite_signature_size(NIKA_SUITE_ED25519));
    for (uint32_t i = 0; i < 4; i++) {
        struct nika_keyring *judge = vector_ring(4, i);
        assert_int_equal(nika_keyring_use_vectors(judge), NIKA_OK);
        assert_int_equal(nika_verify(judge, client, message, span_of(&vector)), NIKA_OK);
        /* Another client, other bytes, another length: for nobody. */
        const struct nika_span other = {message.data, message.size - 1};
        assert_int_equal(nika_verify(judge, nika_client_node(0), message, span_of(&vector)),
                         NIKA_ERR_AUTH);
        assert_int_equal(nika_verify(judge, client, other, span_of(&vector)), NIKA_ERR_AUTH);
        struct tag cut = vector;
        cut.size--;
        assert_int_equal(nika_verify(judge, client, message, span_of(&cut)), NIKA_ERR_AUTH);
        /* The "big MAC": an entry is wrong for its replica and for no other. */
        for (uint32_t k = 0; k < 4; k++) {
            struct tag partly = vector;
            partly.bytes[k * partly.size / 4] ^= 1;
            assert_int_equal(nika_verify(judge, client, message, span_of(&partly)),
                             k == i ? NIKA_ERR_AUTH : NIKA_OK);
        }
        /* A replica makes no vector in the name of a client. */
        struct tag forged = {{0}, NIKA_AUTH_SIZE_MAX};
        assert_int_equal(nika_sign(judge, client, message, forged.bytes, &forged.size),
                         NIKA_ERR_NOT_FOUND);
        nika_keyring_free(judge);
    }
    assert_int_equal(nika_verify(signer, client, message, span_of(&vector)), NIKA_ERR_AUTH);
    nika_keyring_free(signer);
}

static void test_entries_of_a_vector_do_not_become_too_short(void **state)
{
    (void)state;
    struct nika_keyring *eight = vector_ring(8, 0), *nine = vector_ring(9, 0);
    assert_int_equal(nika_keyring_use_vectors(eight), NIKA_OK);
    assert_int_equal(nika_keyring_use_vectors(nine), NIKA_ERR_CONFIG);
    nika_keyring_free(eight);
    nika_keyring_free(nine);
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
        cmocka_unit_test(test_each_replica_judges_its_own_entry_of_a_vector),
        cmocka_unit_test(test_entries_of_a_vector_do_not_become_too_short),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
