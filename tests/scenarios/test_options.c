/* Tests scenarios/options.c: what a scenario and a seed become. */
#include "tests/support/test.h"

#include "scenarios/options.h"

#define HEAD "{\"schema\":1,\"name\":\"x\",\"why\":\"y\""

static struct nika_diagnoses diagnoses;

static struct nika_scenario *parse(const char *text)
{
    struct nika_scenario *s =
        nika_scenario_parse("x.json", text, strlen(text), NULL, 0, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    return s;
}

static void test_latency_passes_through_min_median_p99_and_max(void **state)
{
    (void)state;
    static struct nika_world_options options;
    struct nika_scenario *s = parse(
        HEAD
        ",\"network\":{\"latency_us\":{\"min\":100,\"median\":500,\"p99\":1284,\"max\":9000}}}");
    assert_null(nika_options_world(s, 0, &options));
    const uint64_t *q = options.network.latency[0].quantile_ns;
    assert_int_equal(q[0], 100000);
    assert_int_equal(q[8], 500000);
    assert_int_equal(q[9], 600000);
    assert_int_equal(q[15], 1200000);
    assert_int_equal(q[16], 9000000);
    for (uint32_t i = 1; i < NIKA_LATENCY_POINTS; i++) assert_true(q[i] >= q[i - 1]);
    nika_scenario_free(s);
}

static void test_regions_add_latency_between_them_only(void **state)
{
    (void)state;
    static struct nika_world_options options;
    struct nika_scenario *s =
        parse(HEAD ",\"network\":{\"regions\":[0,0,1,2],\"cross_region_us\":1000}}");
    assert_null(nika_options_world(s, 0, &options));
    assert_int_equal(options.network.replica_class[0][1], 0);
    assert_int_equal(options.network.replica_class[0][2], 1);
    assert_int_equal(options.network.latency[1].quantile_ns[0],
                     options.network.latency[0].quantile_ns[0] + 1000000);
    nika_scenario_free(s);
}

static void test_swarm_draws_stay_in_range_and_differ_by_seed(void **state)
{
    (void)state;
    static struct nika_scenario drawn;
    uint32_t present;
    uint64_t first = 0;
    bool differs = false;
    struct nika_scenario *s =
        parse(HEAD ",\"swarm\":[{\"path\":\"network.loss_ppm\",\"low\":10,\"high\":90}]}");
    assert_true(nika_options_depend_on_seed(s));
    for (uint64_t seed = 0; seed < 50; seed++) {
        nika_options_draw(s, seed, &drawn, &present);
        assert_in_range(drawn.values[NIKA_KEY_LOSS_PPM], 10, 90);
        if (seed == 0) first = drawn.values[NIKA_KEY_LOSS_PPM];
        differs = differs || drawn.values[NIKA_KEY_LOSS_PPM] != first;
    }
    assert_true(differs);
    nika_scenario_free(s);
}

static void test_one_by_seed_is_one_and_each_in_turn(void **state)
{
    (void)state;
    static struct nika_scenario drawn;
    uint32_t present;
    uint64_t seen = 0;
    struct nika_scenario *s =
        parse(HEAD ",\"faults\":[{\"name\":\"silent\",\"targets\":\"one-by-seed\"}]}");
    for (uint64_t seed = 0; seed < 64; seed++) {
        nika_options_draw(s, seed, &drawn, &present);
        assert_int_equal(__builtin_popcountll(drawn.faults[0].targets[0]), 1);
        assert_int_equal(present, 1);
        seen |= drawn.faults[0].targets[0];
    }
    assert_int_equal(seen, 0xf);
    nika_scenario_free(s);
    s = parse(HEAD ",\"faults\":[{\"name\":\"silent\",\"targets\":\"one-of-first-2\"}]}");
    seen = 0;
    for (uint64_t seed = 0; seed < 64; seed++) {
        nika_options_draw(s, seed, &drawn, &present);
        assert_int_equal(__builtin_popcountll(drawn.faults[0].targets[0]), 1);
        seen |= drawn.faults[0].targets[0];
    }
    assert_int_equal(seen, 3);
    nika_scenario_free(s);
}

static void test_the_rest_is_who_is_corrupted_and_more_up_to_f(void **state)
{
    (void)state;
    static struct nika_scenario drawn;
    uint32_t present;
    uint64_t seen = 0, together = 0, apart = 0;
    struct nika_scenario *s =
        parse(HEAD ",\"cluster\":{\"n\":7,\"f\":2},\"faults\":["
                   "{\"name\":\"omit\",\"targets\":\"one-by-seed\"},"
                   "{\"name\":\"silent\",\"targets\":\"rest-by-seed\",\"from_ms\":2000,"
                   "\"probability_ppm\":500000,\"acts\":\"may\"}]}");
    assert_true(nika_options_depend_on_seed(s));
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct nika_oracle_setup setup = {0};
        nika_options_draw(s, seed, &drawn, &present);
        uint64_t rest = drawn.faults[1].targets[0], liar = drawn.faults[0].targets[0];
        assert_int_equal(__builtin_popcountll(rest), 2);
        assert_int_equal(rest & liar, liar);
        nika_options_corrupted(&drawn, present, &setup);
        assert_int_equal(setup.byzantine_count, (present & 2) != 0 ? 2 : 1);
        seen |= rest;
        together += (present & 2) != 0;
        apart += (present & 2) == 0;
    }
    assert_int_equal(seen, 0x7f);
    assert_true(together > 70 && apart > 70); /* About half of the runs. */
    nika_scenario_free(s);
    static const char clients[] =
        HEAD ",\"faults\":[{\"name\":\"client-flood\",\"targets\":\"rest-by-seed\"}]}";
    diagnoses.count = 0;
    assert_null(nika_scenario_parse("x.json", clients, sizeof clients - 1, NULL, 0, &diagnoses));
    assert_non_null(strstr(diagnoses.lines[0], "expected an array of ids"));
}

static void test_an_absent_fault_keeps_the_index_of_the_next(void **state)
{
    (void)state;
    static struct nika_scenario drawn;
    static struct nika_world_options options;
    uint32_t present;
    struct nika_scenario *s = parse(HEAD ",\"faults\":[{\"name\":\"silent\",\"targets\":[1],"
                                         "\"probability_ppm\":0},{\"name\":\"loss\"}]}");
    nika_options_draw(s, 1, &drawn, &present);
    assert_int_equal(present, 2);
    assert_null(nika_options_world(&drawn, present, &options));
    assert_int_equal(options.fault_count, 1);
    assert_int_equal(options.faults[0].index, 1);
    struct nika_oracle_setup setup = {0};
    nika_options_corrupted(&drawn, present, &setup);
    assert_int_equal(setup.byzantine_count, 0);
    nika_options_corrupted(&drawn, 3, &setup);
    assert_int_equal(setup.corrupted[0], 2);
    nika_scenario_free(s);
}

static void test_amnesia_counts_as_a_fault_and_a_plain_crash_does_not(void **state)
{
    (void)state;
    struct nika_oracle_setup setup = {0};
    struct nika_scenario *s = parse(HEAD ",\"faults\":[{\"name\":\"crash\",\"targets\":[1]},{"
                                         "\"name\":\"crash\",\"targets\":[2],\"amnesia\":true}]}");
    nika_options_corrupted(s, 3, &setup);
    assert_int_equal(setup.corrupted[0], 4);
    nika_scenario_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latency_passes_through_min_median_p99_and_max),
        cmocka_unit_test(test_regions_add_latency_between_them_only),
        cmocka_unit_test(test_swarm_draws_stay_in_range_and_differ_by_seed),
        cmocka_unit_test(test_one_by_seed_is_one_and_each_in_turn),
        cmocka_unit_test(test_the_rest_is_who_is_corrupted_and_more_up_to_f),
        cmocka_unit_test(test_an_absent_fault_keeps_the_index_of_the_next),
        cmocka_unit_test(test_amnesia_counts_as_a_fault_and_a_plain_crash_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
