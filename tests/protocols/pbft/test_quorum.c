/* tests/protocols/pbft/test_quorum.c: the facts about quorums that everything rests on (PROTOCOLS.md 0). */
#include "protocols/common/quorum.h"
#include "tests/support/test.h"

static void test_quorums_intersect_in_a_correct_replica_and_are_reachable(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 40; n++) {
        for (uint32_t f = 0; 3 * f + 1 <= n; f++) {
            uint32_t q = common_quorum(n, f);
            assert_true(2 * q - n >= f + 1);
            assert_true(q <= n - f);
            assert_true(common_weak(f) <= n - f);
            /* And it is the smallest such number. */
            assert_true(q == 0 || 2 * (q - 1) < n + f + 1);
        }
    }
    assert_int_equal(common_quorum(4, 1), 3);
    assert_int_equal(common_quorum(5, 1), 4); /* 2f+1 = 3 would be unsafe. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quorums_intersect_in_a_correct_replica_and_are_reachable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
