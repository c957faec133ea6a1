/* Numbers as digits are what printf writes, at every length, and reach no further than their room. */
#include "engine/core/decimal.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/support/test.h"

static void check(uint64_t value)
{
    char want[32], got[NIKA_DECIMAL_SIZE + 1];
    got[NIKA_DECIMAL_SIZE] = '!';
    uint32_t size = nika_decimal(got, value);
    assert_int_equal(got[NIKA_DECIMAL_SIZE], '!');
    assert_int_equal(snprintf(want, sizeof want, "%" PRIu64, value), size);
    assert_memory_equal(got, want, size);
}

static void test_digits_are_those_of_printf(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (uint32_t digits = 1; digits <= 20; digits++) {
        for (uint64_t k = 0; k < 3; k++) {
            check(power - 1 + k);
            check(power * 9 + k);
        }
        if (digits < 20) power *= 10;
    }
    for (uint64_t value = 0; value < 20000; value++) check(value);
    check(UINT64_MAX);
    check(UINT64_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits_are_those_of_printf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
