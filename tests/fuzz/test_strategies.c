/* Tests fuzz/strategies: each strategy stays within the fault budget, acts, repeats, and never blames the correct modules; the
 * grammar adversary breaks agreement where that is possible, and random does not. */
#include <stdlib.h>

#include "tests/support/test.h"

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/course.h"
#include "fuzz/campaign/coverage.h"
#include "fuzz/campaign/explore.h"
#include "fuzz/museum/museum.h"
#include "scenarios/library.h"

#define HUNT "scenarios/pbft/hunt.json"
#define BEYOND "scenarios/pbft/grammar-beyond-bound.json"

static struct nika_diagnoses diagnoses;
static struct nika_run_result result, again;
static struct nika_strategy_sets sets;

/* The scenario as the strategy changes it; `more` = one override of the test's own, or NULL. */
static struct nika_scenario *changed(const char *path, const struct nika_strategy *strategy,
                                     const char *more)
{
    const char *list[NIKA_STRATEGY_SETS_MAX + 1];
    uint32_t count = 0;
    struct nika_scenario *plain = nika_scenario_load(path, NULL, 0, &diagnoses);
    assert_non_null(plain);
    memset(&sets, 0, sizeof sets);
    strategy->overrides(plain, &sets);
    nika_scenario_free(plain);
    for (uint32_t i = 0; i < sets.count; i++) list[count++] = sets.text[i];
    if (more != NULL) list[count++] = more;
    struct nika_scenario *s = nika_scenario_load(path, list, count, &diagnoses);
    if (s == NULL) fail_msg("%s: %s", strategy->name, diagnoses.lines[0]);
    return s;
}

static void test_every_strategy_fits_every_scenario(void **state)
{
    (void)state;
    struct nika_library *library = nika_library_list();
    assert_non_null(library);
    for (uint32_t k = 0; nika_strategies[k] != NULL; k++) {
        for (uint32_t i = 0; i < library->count; i++)
            nika_scenario_free(changed(library->paths[i], nika_strategies[k], NULL));
        for (uint32_t i = 0; i < nika_museum_count; i++)
            nika_scenario_free(changed(nika_museum[i].scenario, nika_strategies[k], NULL));
    }
    free(library);
}

static uint64_t acts(const struct nika_run_result *r, const char *name)
{
    uint64_t acted = 0;
    for (uint32_t i = 0; i < r->fault_count; i++) {
        if (strcmp(r->faults[i].name, name) == 0) acted += r->faults[i].acted;
    }
    return acted;
}

/* Runs of `strategy` on the hunting ground hold, repeat, and have `fault` act in at least one of two. */
static void holds(const char *strategy, const char *fault)
{
    const char *reason;
    uint32_t acted = 0;
    struct nika_scenario *s = changed(HUNT, nika_strategy_find(strategy), NULL);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    for (uint64_t seed = 1; seed <= 64; seed++) {
        nika_runner_run(runner, seed, &result);
        if (result.exit_class != NIKA_EXIT_HELD)
            fail_msg("%s, seed %d: %s", strategy, (int)seed, result.sentence);
        acted += acts(&result, fault) > 0;
        nika_runner_run(runner, seed, &again);
        assert_string_equal(result.digest, again.digest);
    }
    assert_in_range(acted, 32, 64);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_strategies_act_and_repeat_and_raise_no_false_alarm(void **state)
{
    (void)state;
    holds("grammar", "grammar");
    holds("grammar", "isolate");
    holds("byzzfuzz", "byzzfuzz");
    holds("pct", "priorities");
    holds("twins", "twins");
}

/* Not only a client that two liars fooled with the same false reply. */
static bool breaks_agreement(const struct nika_run_result *r)
{
    for (uint32_t i = 0; i < r->violation_count; i++) {
        if (strcmp(nika_oracle_list[r->violations[i].oracle]->name, "agreement") == 0) return true;
    }
    return false;
}

/* How many of 32 runs with two liars among four replicas break agreement. */
static uint32_t broken_by(const char *fault)
{
    const char *reason;
    char liar[64];
    uint32_t broken = 0;
    snprintf(liar, sizeof liar, "faults[0].name=%s", fault);
    const char *list[] = {liar, "expect.faults_act=false", "expect.safety=may-fail"};
    struct nika_scenario *s = nika_scenario_load(BEYOND, list, ARRAY_COUNT(list), &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    for (uint64_t seed = 1; seed <= 32; seed++) {
        nika_runner_run(runner, seed, &result);
        broken += breaks_agreement(&result);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
    return broken;
}

static void test_grammar_breaks_what_can_be_broken_and_mutation_does_not(void **state)
{
    (void)state;
    uint32_t by_grammar = broken_by("grammar");
    assert_in_range(by_grammar, 2, 32);
    assert_int_equal(broken_by("mutate"), 0);
}

#define TWINS_BEYOND "scenarios/pbft/twins-beyond-bound.json"

/* Runs 1..count of a scenario with changes: how many break agreement, and how many break any rule of safety. */
static uint32_t broken_in(const char *path, const char *const *list, uint32_t size, uint32_t count,
                          uint32_t *unsafe)
{
    const char *reason;
    uint32_t broken = 0;
    struct nika_scenario *s = nika_scenario_load(path, list, size, &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    *unsafe = 0;
    for (uint64_t seed = 1; seed <= count; seed++) {
        nika_runner_run(runner, seed, &result);
        assert_true(acts(&result, "twins") > 0);
        broken += breaks_agreement(&result);
        *unsafe += result.exit_class == NIKA_EXIT_SAFETY || result.exit_class == NIKA_EXIT_CONTRACT;
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
    return broken;
}

static void test_twins_beyond_the_bound_break_agreement_and_one_does_not(void **state)
{
    (void)state;
    uint32_t unsafe;
    const char *plain[] = {"expect.safety=may-fail"};
    /* Three of the first 32 did, and seven of the first 64. */
    assert_in_range(broken_in(TWINS_BEYOND, plain, 1, 64, &unsafe), 3, 32);
    const char *one[] = {"faults[0].targets=[0]", "expect.properties={}", "expect.safety=held"};
    assert_int_equal(broken_in(TWINS_BEYOND, one, ARRAY_COUNT(one), 64, &unsafe), 0);
    assert_int_equal(unsafe, 0);
}

/* Both instances certify with one trusted subsystem, which certifies one statement for each value. */
static void test_a_twin_that_shares_its_trusted_subsystem_breaks_nothing(void **state)
{
    (void)state;
    uint32_t unsafe;
    const char *hybster[] = {"cluster.protocol=hybster", "cluster.n=3",
                             "faults[0].targets=[0]",    "expect.properties={}",
                             "expect.safety=held",       "expect.allow_beyond_bound=false"};
    assert_int_equal(broken_in(TWINS_BEYOND, hybster, ARRAY_COUNT(hybster), 64, &unsafe), 0);
    assert_int_equal(unsafe, 0);
}

/* What the fault of a run plans, as one number. */
struct planned {
    uint64_t hash[128];
    uint32_t run, splits;
};
static void see_plan(void *context, const struct nika_choice_name *name, uint64_t n, uint64_t value)
{
    struct planned *p = context;
    (void)n;
    if (name->kind != NIKA_CHOICE_FAULT || name->type < 0xff00) return;
    p->hash[p->run] = p->hash[p->run] * 65599 + name->type * 31 + name->seq * 7 + value;
    p->splits += name->type >= 0xff02;
}

static void test_no_two_seeds_are_the_same_case_and_the_order_can_be_another(void **state)
{
    (void)state;
    const char *reason;
    static struct planned p;
    const char *orders[] = {"faults[0].order=1", "faults[0].order=2"};
    for (uint32_t k = 0; k < 2; k++) {
        struct nika_scenario *s = nika_scenario_load(TWINS_BEYOND, &orders[k], 1, &diagnoses);
        struct nika_runner *runner = nika_runner_new(s, &reason);
        for (uint64_t seed = 1; seed <= 64; seed++, p.run++) {
            assert_true(nika_runner_begin(runner, seed, &reason));
            struct nika_chooser *chooser = nika_world_chooser(nika_runner_world(runner));
            chooser->tap = see_plan;
            chooser->tap_context = &p;
            nika_runner_finish(runner, &result);
            chooser->tap = NULL;
        }
        nika_runner_free(runner);
        nika_scenario_free(s);
    }
    assert_int_equal(p.splits, 128 * 3); /* One a round. */
    /* Within an order all differ; across orders nearly all of 100,000 cases do. */
    uint32_t equal = 0;
    for (uint32_t i = 0; i < 128; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (i / 64 == j / 64) assert_true(p.hash[i] != p.hash[j]);
            equal += p.hash[i] == p.hash[j];
        }
    }
    assert_in_range(equal, 0, 2);
}

/* Nobody lies in the scenario beyond the bound once it is changed like this: the run holds. */
static void nobody_lies(const char *path, const char *change)
{
    const char *reason;
    const char *list[] = {change, "expect.safety=held", "expect.faults_act=false",
                          "expect.properties={}"};
    struct nika_scenario *s = nika_scenario_load(path, list, ARRAY_COUNT(list), &diagnoses);
    if (s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, 2, &result);
    assert_int_equal(result.exit_class, NIKA_EXIT_HELD);
    assert_int_equal(acts(&result, "grammar") + acts(&result, "twins"), 0);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_without_deviations_the_liar_is_honest(void **state)
{
    (void)state;
    nobody_lies(BEYOND, "decisions={}");
    nobody_lies(TWINS_BEYOND, "decisions={}");
}

static void test_without_liars_nothing_is_done(void **state)
{
    (void)state;
    nobody_lies(BEYOND, "faults[0].targets=[]");
    nobody_lies(TWINS_BEYOND, "faults[0].targets=[]");
}

static void test_coverage_counts_states_and_steps_once(void **state)
{
    (void)state;
    static struct nika_coverage c, other;
    struct nika_replica_status status = {.view = 1, .active = true, .wait = NIKA_WAIT_COMMITS};
    uint32_t a = nika_coverage_state(&status, 4);
    status.wait_detail = 2;
    uint32_t b = nika_coverage_state(&status, 4);
    assert_int_not_equal(a, b);
    nika_coverage_begin(&c);
    assert_true(nika_coverage_see(&c, 0, a));
    assert_false(nika_coverage_see(&c, 0, a));
    assert_true(nika_coverage_see(&c, 0, b));
    assert_true(nika_coverage_see(&c, 1, b)); /* Known state, new way there. */
    nika_coverage_begin(&c);
    assert_false(nika_coverage_see(&c, 0, a));
    assert_int_equal(nika_coverage_count(c.states, NIKA_COVERAGE_STATES), 2);
    json_t *states = nika_coverage_states_json(&c), *steps = nika_coverage_steps_json(&c);
    assert_true(nika_coverage_add_json(&other, states, steps));
    assert_memory_equal(other.states, c.states, sizeof c.states);
    assert_memory_equal(other.steps, c.steps, sizeof c.steps);
    assert_false(nika_coverage_add_json(&other, states, NULL));
    json_decref(states);
    json_decref(steps);
}

static void test_a_course_is_its_first_run_until_it_turns(void **state)
{
    (void)state;
    const char *reason;
    struct nika_scenario *s = changed(HUNT, nika_strategy_find("guided"), NULL);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, 5, &result);
    /* A turn behind the end of the run changes nothing; one in its middle does, and again in the same way. */
    struct nika_course course = {.seed = 5, .turns = 1, .turn = {{UINT64_MAX - 1, 9}}};
    nika_course_run(runner, &course, &again);
    assert_string_equal(result.digest, again.digest);
    course.turn[0].from = 100;
    nika_course_run(runner, &course, &again);
    assert_string_not_equal(result.digest, again.digest);
    result = again;
    nika_course_run(runner, &course, &again);
    assert_string_equal(result.digest, again.digest);
    /* The next run by seed is not touched. */
    nika_runner_run(runner, 5, &again);
    assert_string_not_equal(result.digest, again.digest);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

/* What was found out about two results is the same. */
static void same_findings(const struct nika_run_result *a, const struct nika_run_result *b)
{
    assert_int_equal(a->exit_class, b->exit_class);
    assert_string_equal(a->sentence, b->sentence);
    assert_int_equal(a->liveness, b->liveness);
    assert_string_equal(a->stall, b->stall);
    assert_int_equal(a->accusation.examined, b->accusation.examined);
    assert_int_equal(a->accusation.count, b->accusation.count);
    for (uint32_t i = 0; i < a->accusation.count; i++)
        assert_string_equal(a->accusation.list[i].sentence, b->accusation.list[i].sentence);
}

/* The runner of a scenario that may break safety, so that its runs end as they end. */
static struct nika_runner *open_ended(const char *path, struct nika_scenario **s)
{
    const char *reason, *list[] = {"expect.safety=may-fail", "expect.liveness=may-fail"};
    *s = nika_scenario_load(path, list, ARRAY_COUNT(list), &diagnoses);
    if (*s == NULL) fail_msg("%s", diagnoses.lines[0]);
    struct nika_runner *runner = nika_runner_new(*s, &reason);
    assert_non_null(runner);
    return runner;
}

static void test_what_is_found_out_about_a_course_is_what_is_about_its_run(void **state)
{
    (void)state;
    static const char *const paths[] = {BEYOND, "scenarios/pbft/client-without-quorum.json"};
    uint32_t convicted = 0, stalled = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(paths); i++) {
        struct nika_scenario *s;
        struct nika_runner *runner = open_ended(paths[i], &s);
        for (uint64_t seed = 1; seed <= 8; seed++) {
            const struct nika_course course = {
                .seed = seed, .turns = 1, .turn = {{UINT64_MAX - 1, 9}}};
            nika_runner_run(runner, seed, &result);
            nika_course_run(runner, &course, &again);
            same_findings(&result, &again);
            convicted += result.accusation.count > 0;
            stalled += result.stall[0] != '\0';
        }
        nika_runner_free(runner);
        nika_scenario_free(s);
    }
    assert_true(convicted > 0 && stalled > 0);
}

static bool convicts_alike(const struct nika_accusation *a, const struct nika_accusation *b)
{
    bool alike = a->count == b->count;
    for (uint32_t i = 0; i < a->count && alike; i++)
        alike = strcmp(a->list[i].sentence, b->list[i].sentence) == 0;
    return alike;
}

/* To examine a run is to repeat it: the branch, not the run that it left, where other digests were signed. */
static void test_a_branch_that_breaks_agreement_convicts_as_many_as_it_must(void **state)
{
    (void)state;
    uint32_t broken = 0, others = 0;
    struct nika_scenario *s;
    struct nika_runner *runner = open_ended(BEYOND, &s);
    for (uint64_t seed = 1; seed <= 48; seed++) {
        const struct nika_course course = {.seed = seed, .turns = 1, .turn = {{20, seed + 100}}};
        nika_course_run(runner, &course, &again);
        if (!breaks_agreement(&again)) continue;
        broken++;
        assert_true(again.accusation.examined);
        assert_in_range(again.accusation.count, 2, 2); /* f + 1, and both liars. */
        nika_runner_run(runner, seed, &result);
        others +=
            result.accusation.examined && !convicts_alike(&again.accusation, &result.accusation);
    }
    assert_true(broken > 0 && others > 0);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static void test_guided_branches_what_found_something_within_its_limits(void **state)
{
    (void)state;
    const struct nika_strategy *guided = nika_strategy_find("guided");
    void *memory = calloc(1, guided->memory_size);
    struct nika_course course;
    uint32_t branched = 0;
    assert_non_null(memory);
    guided->choose(memory, 1, &course);
    assert_int_equal(course.seed, 1);
    assert_int_equal(course.turns, 0); /* Nothing was learnt yet. */
    for (uint64_t seed = 1; seed <= 200; seed++) {
        guided->choose(memory, seed, &course);
        assert_in_range(course.turns, 0, NIKA_TURNS_MAX);
        if (course.turns > 0) assert_int_equal(course.turn[course.turns - 1].seed, seed);
        for (uint32_t i = 1; i < course.turns; i++)
            assert_true(course.turn[i].from > course.turn[i - 1].from);
        branched += course.turns > 0;
        guided->learn(memory, &course, 1 + (uint32_t)(seed % 5), seed, seed + 300);
    }
    assert_in_range(branched, 100, 199);
    free(memory);
}

/* A strategy that only looks at what it is told of each run. */
static uint32_t learnt;
static void learn_in_order(void *memory, const struct nika_course *course, uint32_t fresh,
                           uint64_t first, uint64_t last)
{
    (void)memory;
    (void)course;
    if (fresh == 0) return;
    learnt++;
    assert_true(first <= last);
}
static void choose_seed(void *memory, uint64_t seed, struct nika_course *out)
{
    (void)memory;
    *out = (struct nika_course){.seed = seed};
}

/* A run that broke agreement is repeated to convict: what is seen then is of no course, and its decisions are counted from nothing. */
static void test_what_a_repeated_run_shows_is_not_learnt(void **state)
{
    (void)state;
    static struct nika_diagnoses d;
    static const char *const pillars[] = {"cluster.pillars=2"};
    const struct nika_strategy looks = {
        .name = "looks", .memory_size = 1, .choose = choose_seed, .learn = learn_in_order};
    const char *reason;
    struct nika_scenario *s =
        nika_scenario_load("scenarios/hybster/hybster-trusted-equivocate.json", pillars, 1, &d);
    assert_non_null(s);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    struct nika_explorer *explorer = nika_explorer_new(runner, &looks);
    assert_non_null(explorer);
    for (uint64_t seed = 1; seed <= 30; seed++) {
        nika_explorer_run(explorer, seed, &result);
        assert_true(result.violation_count > 0);
    }
    assert_true(learnt >= 3);
    nika_explorer_free(explorer);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static struct nika_slot slot;

static uint64_t no_clock(void)
{
    return 1;
}

/* The first run of a block is repeated; between its end, in view 1, and its beginning lies no step of a replica. */
static void test_the_repeated_run_of_a_block_is_not_counted(void **state)
{
    (void)state;
    const char *reason;
    char digest[33];
    struct nika_scenario *s =
        changed("scenarios/pbft/primary-crash.json", nika_strategy_find("random"), NULL);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    nika_scenario_digest(s, digest);
    const struct nika_block block = {.scenario = s,
                                     .strategy = nika_strategy_find("random"),
                                     .sets = &sets,
                                     .version = "test",
                                     .scenario_digest = digest,
                                     .first = 1,
                                     .count = 1};
    json_t *record = nika_block_run(&block, runner, &slot, no_clock);
    struct nika_explorer *explorer = nika_explorer_new(runner, block.strategy);
    nika_explorer_run(explorer, 1, &result);
    json_t *steps = nika_coverage_steps_json(nika_explorer_coverage(explorer));
    assert_string_equal(json_string_value(steps),
                        json_string_value(json_object_get(record, "steps")));
    nika_explorer_repeat(explorer, 1, &again);
    assert_string_equal(result.digest, again.digest);
    json_decref(steps);
    json_decref(record);
    nika_explorer_free(explorer);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static char *block_of(const char *strategy, uint32_t count)
{
    const char *reason;
    char digest[33];
    struct nika_scenario *s = changed(HUNT, nika_strategy_find(strategy), NULL);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    nika_scenario_digest(s, digest);
    struct nika_block block = {.scenario = s,
                               .strategy = nika_strategy_find(strategy),
                               .sets = &sets,
                               .version = "test",
                               .scenario_digest = digest,
                               .first = 33,
                               .count = count};
    json_t *record = nika_block_run(&block, runner, &slot, no_clock);
    assert_non_null(record);
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(record);
    nika_runner_free(runner);
    nika_scenario_free(s);
    return text;
}

static void test_a_guided_block_is_a_pure_function_of_its_seeds(void **state)
{
    (void)state;
    char *one = block_of("guided", 32), *two = block_of("guided", 32),
         *plain = block_of("grammar", 32);
    assert_string_equal(one, two);
    assert_null(strstr(one, "\"verdict\""));
    /* It really is guided: the same faults and seeds without guidance are other runs. */
    json_t *a = json_loads(one, 0, NULL), *b = json_loads(plain, 0, NULL);
    assert_string_not_equal(json_string_value(json_object_get(a, "digest")),
                            json_string_value(json_object_get(b, "digest")));
    json_decref(a);
    json_decref(b);
    free(one);
    free(two);
    free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_strategy_fits_every_scenario),
        cmocka_unit_test(test_strategies_act_and_repeat_and_raise_no_false_alarm),
        cmocka_unit_test(test_grammar_breaks_what_can_be_broken_and_mutation_does_not),
        cmocka_unit_test(test_twins_beyond_the_bound_break_agreement_and_one_does_not),
        cmocka_unit_test(test_a_twin_that_shares_its_trusted_subsystem_breaks_nothing),
        cmocka_unit_test(test_no_two_seeds_are_the_same_case_and_the_order_can_be_another),
        cmocka_unit_test(test_without_deviations_the_liar_is_honest),
        cmocka_unit_test(test_without_liars_nothing_is_done),
        cmocka_unit_test(test_coverage_counts_states_and_steps_once),
        cmocka_unit_test(test_a_course_is_its_first_run_until_it_turns),
        cmocka_unit_test(test_what_a_repeated_run_shows_is_not_learnt),
        cmocka_unit_test(test_what_is_found_out_about_a_course_is_what_is_about_its_run),
        cmocka_unit_test(test_a_branch_that_breaks_agreement_convicts_as_many_as_it_must),
        cmocka_unit_test(test_guided_branches_what_found_something_within_its_limits),
        cmocka_unit_test(test_the_repeated_run_of_a_block_is_not_counted),
        cmocka_unit_test(test_a_guided_block_is_a_pure_function_of_its_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
