/* tests/protocols/common/test_token.c: a completion token gives back the number that went in, wherever numbers have got to. */
#include "protocols/common/core.h"
#include "protocols/common/output.h"
#include "tests/support/test.h"

static void expect_back(uint64_t number, uint64_t near)
{
    uint64_t token = common_token(COMMON_TOKEN_TRANSFER_SAVED, 0xffff, number);
    assert_true(token >> 56 == COMMON_TOKEN_TRANSFER_SAVED);
    assert_true((uint16_t)(token >> 40) == 0xffff);
    assert_true(common_token_number(token, near) == number);
}

static void test_numbers_near_what_the_receiver_knows_come_back(void **state)
{
    (void)state;
    const uint64_t edge = UINT64_C(1) << 40;
    const uint64_t places[] = {0,        1,        1000,           edge - 1,      edge,
                               edge + 1, 5 * edge, UINT64_MAX / 2, UINT64_MAX - 8};
    for (uint32_t i = 0; i < ARRAY_COUNT(places); i++) {
        for (uint64_t step = 0; step < 8; step++) {
            expect_back(places[i] + step, places[i]);
            expect_back(places[i], places[i] + step);
        }
    }
}

static void test_a_place_in_a_table_needs_no_neighbour(void **state)
{
    (void)state;
    expect_back(0, 0);
    expect_back((UINT64_C(1) << 40) - 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_near_what_the_receiver_knows_come_back),
        cmocka_unit_test(test_a_place_in_a_table_needs_no_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
