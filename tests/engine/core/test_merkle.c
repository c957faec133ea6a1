/* A proof shows one leaf at one place in a tree of one size, and nothing else. */
#include "engine/core/digest.h"
#include "engine/core/merkle.h"
#include "tests/support/test.h"

#define LEAVES_MAX 70u

static struct nika_digest leaves[LEAVES_MAX], scratch[LEAVES_MAX];

static int setup(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LEAVES_MAX; i++) {
        uint8_t data[4] = {(uint8_t)i, 1, 2, 3};
        nika_merkle_leaf(i, (struct nika_span){data, sizeof data}, &leaves[i]);
    }
    return 0;
}

static void test_every_leaf_of_every_size_proves_itself(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= LEAVES_MAX; count++) {
        struct nika_digest root;
        nika_merkle_root(leaves, count, scratch, &root);
        for (uint32_t i = 0; i < count; i++) {
            struct nika_merkle_proof proof;
            nika_merkle_prove(leaves, count, i, scratch, &proof);
            assert_int_equal(nika_merkle_verify(&root, i, count, &leaves[i], &proof), NIKA_OK);
            assert_int_equal(nika_merkle_verify(&root, i + 1, count, &leaves[i], &proof),
                             NIKA_ERR_MALFORMED);
            assert_int_equal(
                nika_merkle_verify(&root, i, count, &leaves[(i + 1) % LEAVES_MAX], &proof),
                NIKA_ERR_MALFORMED);
            if (proof.count > 0) {
                proof.siblings[proof.count - 1].bytes[0] ^= 1;
                assert_int_equal(nika_merkle_verify(&root, i, count, &leaves[i], &proof),
                                 NIKA_ERR_MALFORMED);
                proof.siblings[proof.count - 1].bytes[0] ^= 1;
                proof.count--;
                assert_int_equal(nika_merkle_verify(&root, i, count, &leaves[i], &proof),
                                 NIKA_ERR_MALFORMED);
                proof.count++;
            }
            if (proof.count < NIKA_MERKLE_DEPTH_MAX) proof.count++;
            assert_int_equal(nika_merkle_verify(&root, i, count, &leaves[i], &proof),
                             NIKA_ERR_MALFORMED);
            proof.count = UINT32_MAX;
            assert_int_equal(nika_merkle_verify(&root, i, count, &leaves[i], &proof),
                             NIKA_ERR_MALFORMED);
        }
    }
}

static void test_roots_of_known_shapes(void **state)
{
    (void)state;
    struct nika_digest root, node, wanted;
    nika_merkle_root(leaves, 0, scratch, &root);
    nika_sha256_one("\0", 1, &wanted);
    assert_true(nika_digest_equal(&root, &wanted));
    nika_merkle_root(leaves, 1, scratch, &root);
    assert_true(nika_digest_equal(&root, &leaves[0]));
    nika_merkle_root(leaves, 3, scratch, &root); /* The third is promoted unchanged. */
    nika_merkle_node(&leaves[0], &leaves[1], &node);
    nika_merkle_node(&node, &leaves[2], &wanted);
    assert_true(nika_digest_equal(&root, &wanted));
}

static void test_the_root_may_be_computed_in_place(void **state)
{
    (void)state;
    struct nika_digest copy[LEAVES_MAX], root, wanted;
    memcpy(copy, leaves, sizeof copy);
    nika_merkle_root(leaves, 37, scratch, &wanted);
    nika_merkle_root(copy, 37, copy, &root);
    assert_true(nika_digest_equal(&root, &wanted));
}

static void test_a_leaf_binds_index_and_length(void **state)
{
    (void)state;
    struct nika_digest a, b, c;
    nika_merkle_leaf(0, (struct nika_span){(const uint8_t *)"aa", 2}, &a);
    nika_merkle_leaf(1, (struct nika_span){(const uint8_t *)"aa", 2}, &b);
    nika_merkle_leaf(0, (struct nika_span){(const uint8_t *)"aa", 1}, &c);
    assert_false(nika_digest_equal(&a, &b));
    assert_false(nika_digest_equal(&a, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_leaf_of_every_size_proves_itself),
        cmocka_unit_test(test_roots_of_known_shapes),
        cmocka_unit_test(test_the_root_may_be_computed_in_place),
        cmocka_unit_test(test_a_leaf_binds_index_and_length),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
