/* Tests scenarios/diagnose.c: positions of values, paths as text, nearest words. */
#include "tests/support/test.h"

#include <jansson.h>

#include "scenarios/diagnose.h"

static const char text[] =
    "{\n  \"a\": 1,\n  \"b\": {\"c\\u0064\": [true, \"}],{\", {\"e\" :\t-5}]},\n  \"f\": null\n}\n";

static struct nika_json_path path_cd(uint32_t index)
{
    struct nika_json_path root = {0};
    return nika_path_index(nika_path_key(nika_path_key(root, "b"), "cd"), index);
}

static void expect_at(struct nika_json_path path, bool key, uint32_t line, uint32_t column)
{
    uint32_t got_line = 0, got_column = 0;
    assert_true(nika_json_locate(text, sizeof text - 1, &path, key, &got_line, &got_column));
    assert_int_equal(got_line, line);
    assert_int_equal(got_column, column);
}

static void test_values_are_found_by_path(void **state)
{
    (void)state;
    struct nika_json_path root = {0};
    expect_at(root, false, 1, 1);
    expect_at(nika_path_key(root, "a"), false, 2, 8);
    expect_at(nika_path_key(root, "a"), true, 2, 3);
    expect_at(nika_path_key(root, "f"), false, 4, 8);
}

static void test_escaped_keys_and_brackets_in_strings_do_not_confuse(void **state)
{
    (void)state;
    expect_at(path_cd(0), false, 3, 21);
    expect_at(path_cd(1), false, 3, 27);
    expect_at(nika_path_key(path_cd(2), "e"), false, 3, 42);
}

static void test_what_is_not_there_is_not_found(void **state)
{
    (void)state;
    uint32_t line, column;
    struct nika_json_path root = {0};
    struct nika_json_path none = nika_path_key(root, "g"), beyond = path_cd(3),
                          wrong = nika_path_index(root, 0);
    assert_false(nika_json_locate(text, sizeof text - 1, &none, false, &line, &column));
    assert_false(nika_json_locate(text, sizeof text - 1, &beyond, false, &line, &column));
    assert_false(nika_json_locate(text, sizeof text - 1, &wrong, false, &line, &column));
}

static void test_paths_are_printed_with_odd_keys_quoted(void **state)
{
    (void)state;
    char out[64];
    struct nika_json_path root = {0};
    struct nika_json_path path =
        nika_path_key(nika_path_index(nika_path_key(root, "faults"), 3), "a.\033b");
    nika_path_text(&path, out, sizeof out);
    assert_string_equal(out, "$.faults[3][\"a.?b\"]");
}

static void test_depth_counts_brackets_outside_strings(void **state)
{
    (void)state;
    assert_int_equal(nika_json_depth(text, sizeof text - 1), 4);
    assert_int_equal(nika_json_depth("\"[[[[\"", 6), 0);
    assert_int_equal(nika_json_depth("[[[", 3), 3);
}

static const char *word_at(const void *context, uint32_t index)
{
    static const char *const words[] = {"loss_ppm", "latency_us", "n", NULL};
    (void)context;
    return words[index];
}

static void test_a_near_word_is_suggested_and_a_far_one_is_not(void **state)
{
    (void)state;
    assert_string_equal(nika_did_you_mean("los_ppm", word_at, NULL), "loss_ppm");
    assert_string_equal(nika_did_you_mean("latencyus", word_at, NULL), "latency_us");
    assert_null(nika_did_you_mean("something_else", word_at, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_found_by_path),
        cmocka_unit_test(test_escaped_keys_and_brackets_in_strings_do_not_confuse),
        cmocka_unit_test(test_what_is_not_there_is_not_found),
        cmocka_unit_test(test_paths_are_printed_with_odd_keys_quoted),
        cmocka_unit_test(test_depth_counts_brackets_outside_strings),
        cmocka_unit_test(test_a_near_word_is_suggested_and_a_far_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
