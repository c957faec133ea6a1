/* tests/protocols/common/test_pace.c: slow primaries are suspected, quick ones and lone swings are not (protocols/common/pace.h). */
#include "protocols/common/core.h"
#include "tests/support/test.h"

#define WINDOW 1000000u /* T_pace, ns. */
#define QUICK 10000u
#define SLOW 50000u

struct bench {
    struct nika_config config;
    struct common_core core;
};

/* Replica 5 of n = 7, in `view`, where nobody is tasted any more unless view < 6. */
static struct bench *bench_new(uint64_t view)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    nika_config_default(&b->config);
    b->config.n = 7;
    b->config.f = 2;
    b->config.pace_ns = WINDOW;
    b->core.config = &b->config;
    b->core.n = 7;
    b->core.self = 5;
    b->core.active = true;
    b->core.view = view;
    b->core.now_ns = WINDOW;
    return b;
}

/* One window in which every request waits `wait`. The verdict at its end. */
static bool window(struct bench *b, uint64_t wait)
{
    bool suspect = false;
    uint32_t before = b->core.pace.view == b->core.view ? b->core.pace.windows : 0;
    for (uint32_t i = 0; i < 20 && (i < 2 || b->core.pace.windows == before); i++) {
        b->core.now_ns += WINDOW / 9 + 1;
        common_pace_sample(&b->core, b->core.now_ns - wait);
        suspect = common_pace_judge(&b->core);
    }
    return suspect;
}

static void enter(struct bench *b, uint64_t view)
{
    b->core.view = view;
    assert_false(window(b, 100 * SLOW)); /* The first window of a view does not count. */
}

static void test_a_slow_primary_is_suspected_after_two_windows(void **state)
{
    (void)state;
    struct bench *b = bench_new(7);
    enter(b, 7);
    for (uint32_t i = 0; i < 10; i++) assert_false(window(b, QUICK));
    enter(b, 8);
    assert_false(window(b, SLOW));
    assert_true(window(b, SLOW));
    free(b);
}

static void test_what_is_twice_as_slow_may_stay(void **state)
{
    (void)state;
    struct bench *b = bench_new(7);
    enter(b, 7);
    assert_false(window(b, QUICK));
    enter(b, 8);
    for (uint32_t i = 0; i < 100; i++) assert_false(window(b, 2 * QUICK));
    free(b);
}

static void test_one_slow_window_is_forgiven(void **state)
{
    (void)state;
    struct bench *b = bench_new(7);
    enter(b, 7);
    assert_false(window(b, QUICK));
    enter(b, 8);
    for (uint32_t i = 0; i < 20; i++) {
        assert_false(window(b, SLOW));
        assert_false(window(b, QUICK));
    }
    free(b);
}

static void test_without_another_primary_nothing_is_slow(void **state)
{
    (void)state;
    struct bench *b = bench_new(7);
    enter(b, 7);
    assert_false(window(b, QUICK));
    for (uint32_t i = 0; i < 100; i++) assert_false(window(b, SLOW));
    free(b);
}

static void test_every_replica_leads_once(void **state)
{
    (void)state;
    struct bench *b = bench_new(0);
    for (uint64_t view = 0; view < 6; view++) {
        if (view == b->core.self) continue;
        enter(b, view);
        assert_true(window(b, QUICK));
    }
    enter(b, 6);
    for (uint32_t i = 0; i < 100; i++) assert_false(window(b, QUICK));
    free(b);
}

static void test_patience_doubles_and_returns(void **state)
{
    (void)state;
    struct bench *b = bench_new(7);
    enter(b, 7);
    assert_false(window(b, QUICK));
    uint32_t patience = PACE_PATIENCE;
    for (uint64_t view = 8; view < 20; view++) {
        /* The best of the others must stay known as quick. */
        b->core.pace.mean_ns[(view + 1) % 7] = QUICK;
        if (common_primary(&b->core, view) == b->core.self) continue;
        enter(b, view);
        for (uint32_t i = 1; i < patience; i++) assert_false(window(b, SLOW));
        assert_true(window(b, SLOW));
        if (patience < PACE_PATIENCE << PACE_PATIENCE_DOUBLINGS) patience *= 2;
    }
    assert_int_equal(patience, PACE_PATIENCE << PACE_PATIENCE_DOUBLINGS);
    enter(b, 21);
    for (uint32_t i = 0; i < PACE_CALM; i++) assert_false(window(b, QUICK));
    enter(b, 22);
    assert_false(window(b, SLOW));
    assert_true(window(b, SLOW));
    free(b);
}

static void test_who_leads_lags_or_is_told_not_to_judges_nothing(void **state)
{
    (void)state;
    for (uint32_t how = 0; how < 4; how++) {
        struct bench *b = bench_new(7);
        enter(b, 7);
        assert_false(window(b, QUICK));
        enter(b, 8);
        if (how == 0) b->core.self = 1;
        if (how == 1) b->core.transfer.active = true;
        if (how == 2) b->core.amnesiac = true;
        if (how == 3) b->config.pace_ns = 0;
        for (uint32_t i = 0; i < 10; i++) assert_false(window(b, SLOW));
        free(b);
    }
}

static void test_few_requests_are_no_window(void **state)
{
    (void)state;
    struct bench *b = bench_new(7);
    enter(b, 7);
    assert_false(window(b, QUICK));
    enter(b, 8);
    for (uint32_t i = 0; i < PACE_SAMPLES_MIN - 1; i++) {
        b->core.now_ns += 10 * WINDOW;
        common_pace_sample(&b->core, b->core.now_ns - SLOW);
        assert_false(common_pace_judge(&b->core));
    }
    assert_int_equal(b->core.pace.slow, 0);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slow_primary_is_suspected_after_two_windows),
        cmocka_unit_test(test_what_is_twice_as_slow_may_stay),
        cmocka_unit_test(test_one_slow_window_is_forgiven),
        cmocka_unit_test(test_without_another_primary_nothing_is_slow),
        cmocka_unit_test(test_every_replica_leads_once),
        cmocka_unit_test(test_patience_doubles_and_returns),
        cmocka_unit_test(test_who_leads_lags_or_is_told_not_to_judges_nothing),
        cmocka_unit_test(test_few_requests_are_no_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
