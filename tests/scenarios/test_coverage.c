/* Tests that the library reaches what it claims to reach: every registered fault acts, every probe fires, every oracle is there to
 * judge, and hostile messages are refused by every check that faces the wire. Seeds 1..N (first argument). What silently does
 * nothing is the commonest lie of a testbed. */
#include "tests/support/test.h"

#include "engine/core/check.h"
#include "faults/registry.h"
#include "scenarios/library.h"
#include "scenarios/runner.h"

#define FAULTS_KNOWN_MAX 128u

/* Checks that no scenario makes reject, each with the reason. All others must reject somewhere in the library. Their unit tests are
 * named after them (tidy.checks). */
static const struct {
    enum nika_check check;
    const char *reason;
} exceptions[] = {
    /* Authentication stops the message at ingress, before a module could reject it. */
    {NIKA_CHECK_R2, "ingress"},
    {NIKA_CHECK_FB1, "ingress"},
    {NIKA_CHECK_SA1, "ingress"},
    /* What a replica demands of itself: nothing on the wire breaks it. */
    {NIKA_CHECK_B1, "own duty"},
    {NIKA_CHECK_B2, "own duty"},
    {NIKA_CHECK_B3, "own duty"},
    {NIKA_CHECK_B4, "own duty"},
    {NIKA_CHECK_X1, "own duty"},
    {NIKA_CHECK_X2, "own duty"},
    {NIKA_CHECK_CC4, "own duty"},
    {NIKA_CHECK_CK6, "own duty"},
    {NIKA_CHECK_CK7, "own duty"},
    {NIKA_CHECK_D1, "own duty"},
    {NIKA_CHECK_D2, "own duty"},
    {NIKA_CHECK_D3, "own duty"},
    {NIKA_CHECK_D4, "own duty"},
    {NIKA_CHECK_D5, "own duty"},
    {NIKA_CHECK_D6, "own duty"},
    {NIKA_CHECK_D7, "own duty"},
    {NIKA_CHECK_VCM, "own duty"},
    {NIKA_CHECK_AMN, "own duty"},
    /* More than f replicas must lie, or quorums must have failed, before the check can reject. */
    {NIKA_CHECK_BA3, "beyond the bound"},
    {NIKA_CHECK_CC3, "beyond the bound"},
    {NIKA_CHECK_NV8, "beyond the bound"},
    {NIKA_CHECK_ST5, "beyond the bound"},
    {NIKA_CHECK_ST6, "beyond the bound"},
    /* Only a sender that knows the code would try: no behaviour of the library does, hand-made messages of unit tests do. */
    {NIKA_CHECK_PP4, "unit test"},
    {NIKA_CHECK_PP5, "unit test"},
    {NIKA_CHECK_PP7, "unit test"},
    {NIKA_CHECK_BA1, "unit test"},
    {NIKA_CHECK_VC7, "unit test"},
    {NIKA_CHECK_VC8, "unit test"},
    {NIKA_CHECK_NV4, "unit test"},
    {NIKA_CHECK_NV6, "unit test"},
    {NIKA_CHECK_NV7, "unit test"},
    {NIKA_CHECK_RO1, "unit test"},
};

static uint64_t seeds = 8;
static uint64_t acted[FAULTS_KNOWN_MAX], probes[NIKA_PROBE_COUNT], rejects[NIKA_CHECK_COUNT];
static uint32_t must_hold[NIKA_ORACLES_MAX];

static uint32_t fault_index(const char *name)
{
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        if (strcmp(nika_fault_list[i]->name, name) == 0) return i;
    }
    fail_msg("%s is not registered", name);
    return 0;
}

static void add(const struct nika_run_result *r)
{
    for (uint32_t i = 0; i < r->fault_count; i++)
        acted[fault_index(r->faults[i].name)] += r->faults[i].acted;
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) probes[i] += r->probes[i];
    for (uint32_t i = 0; i < NIKA_CHECK_COUNT; i++) rejects[i] += r->stats.rejects[i];
}

static enum nika_expect expected(const struct nika_scenario *s, uint32_t oracle)
{
    if (s->properties[oracle] != NIKA_EXPECT_UNSET) return s->properties[oracle];
    bool liveness = nika_oracle_list[oracle]->property_class == NIKA_PROPERTY_LIVENESS;
    return (enum nika_expect)s->values[liveness ? NIKA_KEY_LIVENESS : NIKA_KEY_SAFETY];
}

static void run_all(const char *path)
{
    static struct nika_diagnoses d;
    static struct nika_run_result r;
    const char *reason;
    struct nika_scenario *s = nika_scenario_load(path, NULL, 0, &d);
    if (s == NULL) fail_msg("%s", d.lines[0]);
    for (uint32_t i = 0; i < nika_oracle_count; i++)
        must_hold[i] += expected(s, i) == NIKA_EXPECT_HELD;
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        nika_runner_run(runner, seed, &r);
        add(&r);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
}

static int run_library(void **state)
{
    (void)state;
    struct nika_library *library = nika_library_list();
    if (library == NULL || nika_fault_count > FAULTS_KNOWN_MAX) return -1;
    for (uint32_t i = 0; i < library->count; i++) run_all(library->paths[i]);
    free(library);
    return 0;
}

static void test_every_registered_fault_acts(void **state)
{
    (void)state;
    uint32_t idle = 0;
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        if (acted[i] > 0) continue;
        /* PBFT, whose scenarios these are, calls no trusted instance; tests/faults/test_trusted.c lets each of these act. */
        if (nika_fault_list[i]->on_trusted != NULL) continue;
        print_error("fault %s never acted in the library\n", nika_fault_list[i]->name);
        idle++;
    }
    assert_int_equal(idle, 0);
}

static void test_every_probe_fires(void **state)
{
    (void)state;
    uint32_t idle = 0;
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        if (probes[i] > 0) continue;
        print_error("probe %s never fired: %s\n", nika_probe_name((enum nika_probe)i),
                    nika_probe_doc((enum nika_probe)i));
        idle++;
    }
    assert_int_equal(idle, 0);
}

static void test_every_oracle_is_listed_and_must_hold_somewhere(void **state)
{
    (void)state;
    assert_int_equal(nika_oracle_count, 13);
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        char id[8];
        snprintf(id, sizeof id, "O%u", i + 1);
        assert_string_equal(nika_oracle_list[i]->id, id);
        assert_true(must_hold[i] > 0);
    }
}

static const char *excepted(enum nika_check check)
{
    for (size_t i = 0; i < ARRAY_COUNT(exceptions); i++) {
        if (exceptions[i].check == check) return exceptions[i].reason;
    }
    return NULL;
}

static void test_every_check_that_faces_the_wire_rejects(void **state)
{
    (void)state;
    uint32_t idle = 0;
    for (uint32_t i = NIKA_CHECK_NONE + 1; i < NIKA_CHECK_COUNT; i++) {
        const char *reason = excepted((enum nika_check)i);
        if (rejects[i] > 0 || reason != NULL) continue;
        print_error("check %s never rejected in the library: %s\n",
                    nika_check_name((enum nika_check)i), nika_check_doc((enum nika_check)i));
        idle++;
    }
    assert_int_equal(idle, 0);
}

/* What a replica demands of itself, and what takes more than f liars, must stay silent, or the library does not test what it says. */
static void test_checks_that_need_more_than_f_liars_stay_silent(void **state)
{
    (void)state;
    for (uint32_t i = NIKA_CHECK_NONE + 1; i < NIKA_CHECK_COUNT; i++) {
        const char *reason = excepted((enum nika_check)i);
        if (reason == NULL || strcmp(reason, "unit test") == 0) continue;
        if (rejects[i] != 0)
            fail_msg("%s rejected %llu times, but is listed as: %s",
                     nika_check_name((enum nika_check)i), (unsigned long long)rejects[i], reason);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_registered_fault_acts),
        cmocka_unit_test(test_every_probe_fires),
        cmocka_unit_test(test_every_oracle_is_listed_and_must_hold_somewhere),
        cmocka_unit_test(test_every_check_that_faces_the_wire_rejects),
        cmocka_unit_test(test_checks_that_need_more_than_f_liars_stay_silent),
    };
    if (argc > 1) seeds = strtoull(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, run_library, NULL);
}
