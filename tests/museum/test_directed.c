/* Each planted bug that says "directed" in fuzz/museum has a test of the part it is in: with the bug the part does wrong, without it
 * does not. Names as arguments test those bugs alone. */
#include "engine/core/planted.h"
#include "fuzz/museum/museum.h"
#include "tests/museum/directed.h"
#include "tests/support/test.h"

static struct CMUnitTest tests[256];

static const struct directed *directed_find(const char *id)
{
    for (uint32_t i = 0; i < directed_parts_count; i++)
        if (strcmp(directed_parts[i].id, id) == 0) return &directed_parts[i];
    for (uint32_t i = 0; i < directed_replica_count; i++)
        if (strcmp(directed_replica[i].id, id) == 0) return &directed_replica[i];
    for (uint32_t i = 0; i < directed_explore_count; i++)
        if (strcmp(directed_explore[i].id, id) == 0) return &directed_explore[i];
    return NULL;
}

static void test_bug(void **state)
{
    const struct nika_museum_bug *bug = *state;
    const struct directed *directed = directed_find(bug->id);
    nika_planted_select(0);
    if (directed->shows()) fail_msg("%s shows without the bug", bug->id);
    nika_planted_select(nika_schema_name_index(nika_planted_name, bug->id));
    bool shown = directed->shows();
    nika_planted_select(0);
    if (!shown) fail_msg("%s does not show: %s", bug->id, bug->title);
}

static void check_listed(const struct directed *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct nika_museum_bug *bug = nika_museum_find(list[i].id);
        if (bug == NULL || !nika_museum_directed(bug))
            fail_msg("%s has a directed test, but fuzz/museum does not say so", list[i].id);
    }
}

static void test_none_was_left_out(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_museum_count; i++) {
        if (nika_museum_directed(&nika_museum[i]) && directed_find(nika_museum[i].id) == NULL)
            fail_msg("%s has no directed test", nika_museum[i].id);
    }
    check_listed(directed_parts, directed_parts_count);
    check_listed(directed_replica, directed_replica_count);
    check_listed(directed_explore, directed_explore_count);
}

int main(int argc, char **argv)
{
    uint32_t count = 0;
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_none_was_left_out);
    for (uint32_t i = 0; i < nika_museum_count && count < ARRAY_COUNT(tests); i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted = wanted || strcmp(argv[k], nika_museum[i].id) == 0;
        if (!wanted || !nika_museum_directed(&nika_museum[i])) continue;
        if (directed_find(nika_museum[i].id) == NULL) continue; /* The first test says so. */
        tests[count++] = (struct CMUnitTest){.name = nika_museum[i].id,
                                             .test_func = test_bug,
                                             .initial_state = (void *)(uintptr_t)&nika_museum[i]};
    }
    return _cmocka_run_group_tests("directed", tests, count, NULL, NULL);
}
