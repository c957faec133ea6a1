/* What is put into a table of an exploration is found again, whatever its hash and however often the table grew. */
#include "fuzz/explore/table.h"
#include "tests/support/test.h"

#define COUNT 20000u

static void test_map_finds_what_was_put_and_nothing_else(void **state)
{
    struct explore_map map = {0};
    uint32_t value = 0;
    (void)state;
    assert_false(explore_map_get(&map, 0, &value));
    for (uint32_t i = 0; i < COUNT; i++) explore_map_put(&map, (uint64_t)i << 20, i);
    explore_map_put(&map, 7u << 20, 99);
    assert_int_equal(map.count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(explore_map_get(&map, (uint64_t)i << 20, &value));
        assert_int_equal(value, i == 7 ? 99 : i);
        assert_false(explore_map_get(&map, ((uint64_t)i << 20) + 1, &value));
    }
    explore_map_free(&map);
}

static void test_set_numbers_each_string_once(void **state)
{
    struct explore_set set = {0};
    char text[32];
    (void)state;
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            int size = snprintf(text, sizeof text, "%x", i);
            assert_int_equal(explore_set_add(&set, text, (size_t)size), i);
        }
    }
    assert_int_equal(set.count, COUNT);
    size_t size = 0;
    assert_memory_equal(explore_set_at(&set, 0x1f, &size), "1f", 2);
    assert_int_equal(size, 2);
    explore_set_free(&set);
}

/* A prefix is another string, and the empty one is a string, too. */
static void test_set_compares_lengths(void **state)
{
    struct explore_set set = {0};
    (void)state;
    assert_int_equal(explore_set_add(&set, "ab", 2), 0);
    assert_int_equal(explore_set_add(&set, "ab", 1), 1);
    assert_int_equal(explore_set_add(&set, "ab", 0), 2);
    assert_int_equal(explore_set_add(&set, "", 0), 2);
    assert_int_equal(explore_set_add(&set, "ab", 2), 0);
    explore_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_finds_what_was_put_and_nothing_else),
        cmocka_unit_test(test_set_numbers_each_string_once),
        cmocka_unit_test(test_set_compares_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
