/* Without HV4, HV7, the SUP rule (HN4) or a full commit quorum Hybster loses agreement in the small space that `nika explore` visits
 * whole, and the nearest violation is as many steps away as stands here; the sound module holds in the same space. */
#include "engine/core/planted.h"
#include "fuzz/explore/explore.h"
#include "tests/support/test.h"

#define COMPLETE 0u

/* Steps to the nearest violation by corrupted replica, COMPLETE = there is none. */
struct expected {
    const char *bug;
    uint32_t views, steps[3];
};

static void select_bug(const char *name)
{
    uint32_t index = 0;
    while (strcmp(nika_planted_name(index), name) != 0) index++;
    nika_planted_select(index);
}

static void check(const struct expected *e)
{
    for (uint32_t corrupted = 0; corrupted < 3; corrupted++) {
        const char *reason = NULL;
        struct nika_explore_result r;
        struct nika_explore_options options = {.protocol = nika_protocol_find("hybster"),
                                               .n = 3,
                                               .f = 1,
                                               .views = e->views,
                                               .orders = 1,
                                               .corrupted = corrupted,
                                               .states_max = 1000000};
        select_bug(e->bug);
        struct nika_explore *x = nika_explore_new(&options, &reason);
        assert_non_null(x);
        nika_explore_run(x, &r);
        nika_explore_free(x);
        select_bug("none");
        print_message("%s, %u views, r%u corrupted: %u states, depth %u\n", e->bug, e->views,
                      corrupted, (unsigned)r.states, r.depth);
        bool violated = e->steps[corrupted] != COMPLETE;
        assert_int_equal(r.end, violated ? NIKA_EXPLORE_VIOLATION : NIKA_EXPLORE_COMPLETE);
        if (violated) assert_int_equal(r.depth, e->steps[corrupted]);
    }
}

static void test_the_sound_module_holds(void **state)
{
    const struct expected e = {"none", 3, {COMPLETE, COMPLETE, COMPLETE}};
    (void)state;
    check(&e);
}

static void test_t06_a_hidden_hop_needs_three_views(void **state)
{
    const struct expected two = {"T06", 2, {COMPLETE, COMPLETE, COMPLETE}};
    const struct expected three = {"T06", 3, {9, 10, 12}};
    (void)state;
    check(&two);
    check(&three);
}

static void test_t07_hidden_orders_need_two_views(void **state)
{
    const struct expected one = {"T07", 1, {COMPLETE, COMPLETE, COMPLETE}};
    const struct expected two = {"T07", 2, {6, 9, 7}};
    (void)state;
    check(&one);
    check(&two);
}

static void test_t09_a_forged_base_needs_three_views(void **state)
{
    const struct expected two = {"T09", 2, {COMPLETE, COMPLETE, COMPLETE}};
    const struct expected three = {"T09", 3, {7, 8, 10}};
    (void)state;
    check(&two);
    check(&three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_sound_module_holds),
        cmocka_unit_test(test_t06_a_hidden_hop_needs_three_views),
        cmocka_unit_test(test_t07_hidden_orders_need_two_views),
        cmocka_unit_test(test_t09_a_forged_base_needs_three_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
