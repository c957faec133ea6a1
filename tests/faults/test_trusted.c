/* tests/faults/test_trusted.c: the faults of the trusted part in a world: within the model O13 stays silent and the replica sees what it must;
 * out of the model the TRUST ALARM is raised, without any disagreement of replicas (PROTOCOLS.md 2.8, TS1-TS4). */
#include "tests/engine/sim/script.h"

#include "engine/core/trusted_instance.h"
#include "engine/oracle/oracle.h"
#include "faults/registry.h"

#define TRUST_ALARM 12u /* Place of O13 in nika_oracle_list. */

static struct nika_config config;
static struct nika_oracles *oracles;
static uint64_t next_order;
static struct nika_trusted_value found; /* What replica 0 read at its last start. */
static enum nika_err last_err;
static uint32_t good, failed;

/* Replica 0 certifies one value a millisecond, over a digest that follows from the value. */
static void steps(struct nika_replica *r, const struct nika_event *e, struct nika_effects *effects)
{
    const struct nika_trusted_ops *t = r->host->trusted;
    struct nika_trusted_certificate c;
    struct nika_digest d;
    uint64_t epoch;
    if (r->host->self != 0) return;
    if (e->kind != NIKA_EVENT_START && e->kind != NIKA_EVENT_TIMER) return;
    if (e->kind == NIKA_EVENT_START && t->read(r->host->world, 0, 0, &found, &epoch) == NIKA_OK)
        next_order = found.order + 1;
    memset(&d, 0, sizeof d);
    nika_store_le(d.bytes, next_order, 8);
    last_err = t->certify(r->host->world, 0, NIKA_TRUSTED_INDEPENDENT, 0,
                          (struct nika_trusted_value){0, next_order}, &d, &c);
    good += last_err == NIKA_OK;
    failed += last_err != NIKA_OK;
    if (last_err == NIKA_OK) next_order++;
    nika_effects_timer(effects, 0, e->kind == NIKA_EVENT_START ? 1 : e->generation + 1, MS);
}

struct course {
    struct nika_world_options options;
    struct nika_world *world;
    void *memory;
};
static void begin(struct course *c, const char *fault, const char *param, uint64_t value)
{
    const struct nika_fault_ops *ops = nika_fault_find(fault);
    c->options = script_options(steps);
    if (ops == NULL) fail_msg("no fault %s", fault);
    struct nika_fault f = {.ops = ops, .targets = {1}, .to_ns = NIKA_NEVER};
    bool known = param == NULL;
    for (uint32_t i = 0; i < ops->param_count; i++) {
        bool named = param != NULL && strcmp(ops->params[i].name, param) == 0;
        f.params[i] = named ? value : ops->params[i].fallback;
        if (strcmp(ops->params[i].name, "skip") == 0 && !named) f.params[i] = 3;
        known = known || named;
    }
    assert_true(known);
    c->options.faults[0] = f;
    c->options.fault_count = 1;
    next_order = 0;
    good = failed = 0;
    found = (struct nika_trusted_value){0, 0};
    config = c->options.config;
    struct nika_oracle_setup setup = {.config = &config,
                                      .app_ops = c->options.app_ops,
                                      .gst_ns = UINT64_MAX,
                                      .enabled = UINT64_C(1) << TRUST_ALARM};
    assert_string_equal(nika_oracle_list[TRUST_ALARM]->id, "O13");
    c->memory = calloc(1, nika_oracles_size(&setup));
    assert_non_null(c->memory);
    oracles = nika_oracles_init(c->memory, &setup);
    c->world = script_world(&c->options, 1);
    struct nika_watcher watcher = nika_oracles_watcher(oracles);
    nika_world_watch(c->world, &watcher);
}
static void end(struct course *c)
{
    script_end(c->world, &c->options);
    free(c->memory);
}
static void assert_alarm(const char *words)
{
    const struct nika_violation *v = NULL;
    assert_true(nika_oracles_broken(oracles));
    assert_true(nika_oracles_violations(oracles, &v) > 0);
    assert_non_null(strstr(v[0].sentence, "TRUST ALARM"));
    if (strstr(v[0].sentence, words) == NULL) fail_msg("no \"%s\": %s", words, v[0].sentence);
}
static void assert_silent(void)
{
    const struct nika_violation *v = NULL;
    assert_int_equal(nika_oracles_violations(oracles, &v), 0);
}

/* ---- within the model ---- */
static void test_a_crash_after_the_counter_moved_leaves_it_moved(void **state)
{
    (void)state;
    struct course c;
    begin(&c, "trusted-crash", NULL, 0);
    (void)nika_world_run(c.world, 50 * MS);
    assert_int_equal(lives[0], 1);
    assert_int_equal(last_err, NIKA_ERR_IO); /* In its last moment. */
    assert_int_equal(good, 3);
    (void)nika_world_run(c.world, 200 * MS);
    assert_int_equal(lives[0], 2);
    assert_int_equal(found.order, 4); /* One more than was ever answered. */
    assert_true(good > 20);
    assert_silent();
    end(&c);
}

static void test_a_halted_instance_answers_nothing_any_more(void **state)
{
    (void)state;
    struct course c;
    begin(&c, "trusted-halt", NULL, 0);
    (void)nika_world_run(c.world, 50 * MS);
    assert_int_equal(good, 3);
    assert_true(failed > 20);
    assert_int_equal(last_err, NIKA_ERR_IO);
    assert_false(nika_world_is_corrupted(c.world, 0));
    assert_silent();
    end(&c);
}

static void test_a_gap_hurts_only_its_owner(void **state)
{
    (void)state;
    struct course c;
    begin(&c, "trusted-gap", NULL, 0);
    (void)nika_world_run(c.world, 50 * MS);
    assert_int_equal(good, 3);
    assert_true(failed > 20); /* Its module does not know of the gap. */
    assert_int_equal(last_err, NIKA_ERR_CONFIG);
    assert_true(nika_world_is_corrupted(c.world, 0));
    assert_silent();
    end(&c);
}

/* ---- out of the model ---- */
static void test_O13_sees_each_fault_that_is_out_of_model(void **state)
{
    (void)state;
    static const char *const names[] = {"trusted-rollback", "trusted-clone", "trusted-reset",
                                        "trusted-key-leak"};
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct course c;
        begin(&c, names[i], NULL, 0);
        (void)nika_world_run(c.world, 2 * MS + MS / 2);
        assert_int_equal(good, 3);
        assert_silent(); /* It lets three certificates pass. */
        (void)nika_world_run(c.world, 20 * MS);
        assert_alarm("bound counter 0 value [0|4] to two digests");
        assert_true(nika_world_is_corrupted(c.world, 0));
        assert_true(good > 10); /* And its owner need not notice. */
        end(&c);
    }
}

/* What is set back and not used says nothing yet; the module that starts again from it does. */
static void test_a_rollback_that_is_not_used_shows_after_a_restart(void **state)
{
    (void)state;
    struct course c = {.options = script_options(steps)};
    struct nika_fault_ops restart = {.name = "x",
                                     .fault_class = NIKA_FAULT_NODE,
                                     .start = script_fault_start,
                                     .on_wake = script_fault_wake};
    const struct nika_fault_ops *rollback = nika_fault_find("trusted-rollback");
    c.options.faults[0] = (struct nika_fault){
        .ops = rollback, .targets = {1}, .to_ns = NIKA_NEVER, .params = {3, 1, 1000000, 0}};
    c.options.faults[1] = (struct nika_fault){.ops = &restart, .targets = {1}, .to_ns = NIKA_NEVER};
    c.options.fault_count = 2;
    crash_at_ns = 3 * MS + MS / 2; /* Right after the certificate that is taken back. */
    restart_at_ns = 5 * MS;
    next_order = 0;
    good = failed = 0;
    c.world = script_world(&c.options, 1);
    (void)nika_world_run(c.world, 4 * MS);
    assert_int_equal(good, 4);
    (void)nika_world_run(c.world, 20 * MS);
    assert_int_equal(lives[0], 2);
    assert_int_equal(found.order, 3); /* Its log would say 4. */
    end(&c);
}

static void test_repeat_bounds_the_acts(void **state)
{
    (void)state;
    static const uint64_t repeats[] = {1, 5};
    for (uint32_t i = 0; i < ARRAY_COUNT(repeats); i++) {
        struct course c;
        begin(&c, "trusted-clone", "repeat", repeats[i]);
        (void)nika_world_run(c.world, 50 * MS);
        assert_int_equal(nika_world_fault(c.world, 0)->acted, repeats[i]);
        end(&c);
    }
}

static void test_nothing_happens_when_the_rate_is_zero(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        struct course c;
        bool rated = false; /* One that only looks at the calls has no rate. */
        for (uint32_t k = 0; k < nika_fault_list[i]->param_count; k++)
            rated = rated || strcmp(nika_fault_list[i]->params[k].name, "rate_ppm") == 0;
        if (nika_fault_list[i]->on_trusted == NULL || !rated) continue;
        begin(&c, nika_fault_list[i]->name, "rate_ppm", 0);
        (void)nika_world_run(c.world, 30 * MS);
        assert_int_equal(failed, 0);
        assert_true(good >= 29);
        assert_silent();
        end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_after_the_counter_moved_leaves_it_moved),
        cmocka_unit_test(test_a_halted_instance_answers_nothing_any_more),
        cmocka_unit_test(test_a_gap_hurts_only_its_owner),
        cmocka_unit_test(test_O13_sees_each_fault_that_is_out_of_model),
        cmocka_unit_test(test_a_rollback_that_is_not_used_shows_after_a_restart),
        cmocka_unit_test(test_repeat_bounds_the_acts),
        cmocka_unit_test(test_nothing_happens_when_the_rate_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
