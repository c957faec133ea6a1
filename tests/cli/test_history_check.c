/* The checker of histories says what a search through all orders says, and names what is wrong. */
#include "tests/support/test.h"

#include "cli/history_check.h"
#include "engine/core/stream.h"

#define OPS_MAX 6u
#define HISTORIES 60000u

static char why[256];

static enum cli_history_verdict check(const struct cli_history_op *ops, size_t count)
{
    struct cli_history_op copy[16];
    uint64_t zones[17][3];
    assert_true(count <= 16);
    memcpy(copy, ops, count * sizeof *ops);
    why[0] = '\0';
    return cli_history_check(copy, count, zones, why, sizeof why);
}

/* Every order in which nothing comes before what ended before it began; what was never answered may be left out. */
static bool search(const struct cli_history_op *ops, uint32_t count, uint32_t left,
                   const char *state)
{
    bool over = true;
    for (uint32_t i = 0; i < count; i++)
        over = over && ((left & 1u << i) == 0 || ops[i].return_ns == CLI_HISTORY_NEVER);
    if (over) return true;
    for (uint32_t i = 0; i < count; i++) {
        bool first = (left & 1u << i) != 0;
        for (uint32_t k = 0; k < count && first; k++)
            first = (left & 1u << k) == 0 || ops[k].return_ns >= ops[i].call_ns;
        if (!first) continue;
        if (!ops[i].write && ops[i].return_ns != CLI_HISTORY_NEVER &&
            (state == NULL ? ops[i].value != NULL
                           : ops[i].value == NULL || strcmp(state, ops[i].value) != 0))
            continue;
        if (search(ops, count, left & ~(1u << i), ops[i].write ? ops[i].value : state)) return true;
    }
    return false;
}

static void test_it_agrees_with_a_search_through_all_orders(void **context)
{
    static const char *const values[] = {"a", "b", "c"};
    uint32_t good = 0, bad = 0;
    (void)context;
    for (uint64_t k = 0; k < HISTORIES; k++) {
        struct cli_history_op ops[OPS_MAX];
        uint64_t stream = nika_stream(7, "history", k), at = 0;
        uint32_t count = 2 + (uint32_t)nika_stream_below(stream, at++, OPS_MAX - 1), writes = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint64_t call = 1 + nika_stream_below(stream, at++, 12);
            uint64_t length = nika_stream_below(stream, at++, 8);
            bool write = writes < 3 && nika_stream_below(stream, at++, 2) == 0;
            uint64_t value = nika_stream_below(stream, at++, 4);
            bool answered = nika_stream_below(stream, at++, 6) != 0;
            ops[i] =
                (struct cli_history_op){.key = "k", .write = write, .client = i, .call_ns = call};
            ops[i].value = write ? values[writes++] : value == 3 ? NULL : values[value];
            ops[i].return_ns = answered ? call + length : CLI_HISTORY_NEVER;
        }
        bool expected = search(ops, count, (1u << count) - 1, NULL);
        enum cli_history_verdict got = check(ops, count);
        if ((got == CLI_HISTORY_LINEARIZABLE) != expected) {
            for (uint32_t i = 0; i < count; i++)
                print_error("%s %s %lu..%lu\n", ops[i].write ? "put" : "get",
                            ops[i].value ? ops[i].value : "-", (unsigned long)ops[i].call_ns,
                            (unsigned long)ops[i].return_ns);
            fail_msg("history %lu: the search says %d: %s", (unsigned long)k, expected, why);
        }
        *(expected ? &good : &bad) += 1;
    }
    assert_true(good > HISTORIES / 10 && bad > HISTORIES / 10);
}

static void test_a_lost_write_is_named(void **context)
{
    (void)context;
    const struct cli_history_op ops[] = {
        {"k", "one", true, 0, 1, 2}, {"k", "two", true, 0, 3, 4}, {"k", "one", false, 1, 5, 6}};
    assert_int_equal(check(ops, 2), CLI_HISTORY_LINEARIZABLE);
    assert_int_equal(check(ops, 3), CLI_HISTORY_VIOLATED);
    assert_non_null(strstr(why, "value one was there before two and after it"));
}

static void test_a_forgotten_write_is_named(void **context)
{
    (void)context;
    const struct cli_history_op ops[] = {{"k", "one", true, 0, 1, 2}, {"k", NULL, false, 1, 3, 4}};
    assert_int_equal(check(ops, 2), CLI_HISTORY_VIOLATED);
    assert_non_null(strstr(why, "(absent)"));
}

static void test_a_value_of_nobody_is_named(void **context)
{
    (void)context;
    struct cli_history_op op = {"k", "x", false, 4, 1, 2};
    assert_int_equal(check(&op, 1), CLI_HISTORY_VIOLATED);
    assert_non_null(strstr(why, "client 4 read x, which nobody had written"));
    op.return_ns = CLI_HISTORY_NEVER;
    assert_int_equal(check(&op, 1), CLI_HISTORY_LINEARIZABLE);
}

static void test_keys_are_judged_apart(void **context)
{
    (void)context;
    const struct cli_history_op ops[] = {{"k", "one", true, 0, 1, 2},
                                         {"l", "one", true, 0, 3, 4},
                                         {"k", "one", false, 1, 5, 6},
                                         {"l", NULL, false, 1, 1, 2}};
    assert_int_equal(check(ops, 4), CLI_HISTORY_LINEARIZABLE);
}

static void test_what_cannot_be_judged_is_said(void **context)
{
    (void)context;
    const struct cli_history_op twice[] = {{"k", "one", true, 0, 1, 2},
                                           {"k", "one", true, 0, 3, 4}};
    const struct cli_history_op back = {"k", "one", true, 0, 5, 4};
    assert_int_equal(check(twice, 2), CLI_HISTORY_UNDECIDED);
    assert_non_null(strstr(why, "written twice"));
    assert_int_equal(check(&back, 1), CLI_HISTORY_UNDECIDED);
    assert_non_null(strstr(why, "ends before it begins"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_agrees_with_a_search_through_all_orders),
        cmocka_unit_test(test_a_lost_write_is_named),
        cmocka_unit_test(test_a_forgotten_write_is_named),
        cmocka_unit_test(test_a_value_of_nobody_is_named),
        cmocka_unit_test(test_keys_are_judged_apart),
        cmocka_unit_test(test_what_cannot_be_judged_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
