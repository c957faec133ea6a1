/* tests/engine/oracle/test_quorum.c: the restated quorum arithmetic has the facts of PROTOCOLS.md 0. */
#include "tests/engine/oracle/fixture.h"

static void test_two_quorums_share_a_correct_replica_and_one_is_always_up(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 40; n++) {
        for (uint32_t f = 0; 3 * f + 1 <= n; f++) {
            uint32_t q = oracle_quorum(n, f);
            assert_true(2 * q - n >= f + 1);
            assert_true(q <= n - f);
            assert_true(oracle_weak(f) <= n - f);
            assert_int_equal(q, (n + f + 2) / 2); /* ceil((n+f+1)/2), the paper's own form. */
            assert_true(2 * (q - 1) < n + f + 1); /* One fewer would not do. */
        }
    }
    assert_int_equal(oracle_quorum(5, 1), 4); /* 2f+1 = 3 would be unsafe. */
}

static void test_every_oracle_is_described_and_ids_are_unique(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        const struct nika_oracle_ops *o = nika_oracle_list[i];
        assert_non_null(o->doc);
        assert_int_equal(o->mask & NIKA_TAP_BIT(NIKA_TAP_DELIVERED),
                         0); /* The hottest tap stays free. */
        for (uint32_t j = 0; j < i; j++) assert_string_not_equal(o->id, nika_oracle_list[j]->id);
    }
    assert_int_equal(nika_oracle_count, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_quorums_share_a_correct_replica_and_one_is_always_up),
        cmocka_unit_test(test_every_oracle_is_described_and_ids_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
