/* tests/fuzz/test_record.c: what makes two blocks, two failures or two verdicts the same. */
#include "fuzz/campaign/campaign.h"
#include "tests/support/test.h"

static void sign(const char *sentence, int exit_class, char out[17])
{
    nika_failure_signature(exit_class, sentence, out);
}

static void test_a_signature_ignores_which_replica_and_which_number(void **state)
{
    (void)state;
    char a[17], b[17];
    sign("O1 agreement violated: replica 2 committed digest 9a70838d at seq 1 (view 0)", 1, a);
    sign("O1 agreement violated: replica 0 committed digest ffee0011 at seq 117 (view 12)", 1, b);
    assert_string_equal(a, b);
}

static void test_a_signature_tells_oracles_sentences_and_classes_apart(void **state)
{
    (void)state;
    char a[17], b[17], c[17], d[17];
    sign("O1 agreement violated: replica 2", 1, a);
    sign("O3 agreement violated: replica 2", 1, b);
    sign("O1 agreement violated: client 2", 1, c);
    sign("O1 agreement violated: replica 2", 2, d);
    assert_string_not_equal(a, b);
    assert_string_not_equal(a, c);
    assert_string_not_equal(a, d);
    assert_int_equal(strlen(a), 16);
}

static void test_a_block_is_its_scenario_strategy_version_and_seeds(void **state)
{
    (void)state;
    const struct nika_block base = {.strategy = nika_strategies[0],
                                    .version = "1",
                                    .scenario_digest = "aa",
                                    .first = 1,
                                    .count = 32};
    struct nika_block other[5] = {base, base, base, base, base};
    char id[33], different[33];
    other[0].strategy = &nika_strategy_swarm;
    other[1].version = "2";
    other[2].scenario_digest = "ab";
    other[3].first = 2;
    other[4].count = 31;
    nika_block_id(&base, id);
    for (uint32_t i = 0; i < 5; i++) {
        nika_block_id(&other[i], different);
        assert_string_not_equal(id, different);
    }
    struct nika_block same = base;
    same.skip_count = 1; /* What killed a worker is a result, not an identity. */
    nika_block_id(&same, different);
    assert_string_equal(id, different);
}

static void test_safety_outweighs_all_and_held_nothing(void **state)
{
    (void)state;
    static const int ascending[] = {0, 6, 5, 2, 4, 3, 1};
    for (uint32_t i = 0; i < ARRAY_COUNT(ascending); i++) {
        for (uint32_t k = i; k < ARRAY_COUNT(ascending); k++) {
            assert_int_equal(nika_exit_worse(ascending[i], ascending[k]), ascending[k]);
            assert_int_equal(nika_exit_worse(ascending[k], ascending[i]), ascending[k]);
        }
    }
}

static struct nika_scenario *load(const char *const *sets, uint32_t count)
{
    struct nika_diagnoses d;
    return nika_scenario_load("scenarios/pbft/equivocating-primary.json", sets, count, &d);
}

static void test_swarm_halves_every_fault_and_asks_none_to_act(void **state)
{
    (void)state;
    struct nika_strategy_sets sets;
    const char *list[NIKA_STRATEGY_SETS_MAX];
    struct nika_scenario *plain = load(NULL, 0);
    assert_non_null(plain);
    assert_true(plain->fault_count > 0);
    memset(&sets, 0, sizeof sets);
    nika_strategy_swarm.overrides(plain, &sets);
    for (uint32_t i = 0; i < sets.count; i++) list[i] = sets.text[i];
    struct nika_scenario *changed = load(list, sets.count);
    assert_non_null(changed);
    for (uint32_t i = 0; i < changed->fault_count; i++) {
        assert_true(changed->faults[i].probability_ppm <= 500000);
        assert_true(changed->faults[i].may);
    }
    char a[33], b[33];
    nika_scenario_digest(plain, a);
    nika_scenario_digest(changed, b);
    assert_string_not_equal(a, b);
    nika_scenario_free(plain);
    nika_scenario_free(changed);
}

static void test_strategies_are_found_by_name_only(void **state)
{
    (void)state;
    assert_ptr_equal(nika_strategy_find("swarm"), &nika_strategy_swarm);
    assert_non_null(nika_strategy_find("random"));
    assert_null(nika_strategy_find("swar"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signature_ignores_which_replica_and_which_number),
        cmocka_unit_test(test_a_signature_tells_oracles_sentences_and_classes_apart),
        cmocka_unit_test(test_a_block_is_its_scenario_strategy_version_and_seeds),
        cmocka_unit_test(test_safety_outweighs_all_and_held_nothing),
        cmocka_unit_test(test_swarm_halves_every_fault_and_asks_none_to_act),
        cmocka_unit_test(test_strategies_are_found_by_name_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
