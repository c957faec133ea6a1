/* tests/engine/sim/test_trusted.c: the world's trusted instances (PROTOCOLS.md 2.8): TS1 out of reach of the replica, TS2 untouched by
 * a crash or a lost disk, TS4 every certificate is seen; their price, and what a snapshot, a fault and the run digest make of them. */
#include "tests/engine/sim/script.h"

#include "engine/core/trusted_instance.h"

#define TAPS_MAX 256u
static struct {
    struct nika_trusted_certificate certificate;
    struct nika_digest digest;
} taps[TAPS_MAX];
static uint32_t tap_count;
static enum nika_err results[TAPS_MAX];
static uint32_t result_count, verified, refused;
static uint64_t order; /* What replica 0 certifies next. */
static struct nika_trusted_value read_back;
static uint64_t read_epoch;
static struct nika_trusted_certificate last;

static void on_trusted_tap(void *context, const struct nika_tap *tap)
{
    (void)context;
    assert_true(tap_count < TAPS_MAX);
    taps[tap_count].certificate = *tap->certificate;
    taps[tap_count++].digest = *tap->digest;
}
static struct nika_digest digest_of(uint8_t value)
{
    struct nika_digest d;
    memset(&d, value, sizeof d);
    return d;
}
static enum nika_err use(struct nika_replica *r, uint64_t value, uint8_t content)
{
    struct nika_digest d = digest_of(content);
    enum nika_err err =
        r->host->trusted->certify(r->host->world, r->host->self, NIKA_TRUSTED_INDEPENDENT, 0,
                                  (struct nika_trusted_value){0, value}, &d, &last);
    results[result_count++] = err;
    return err;
}

/* Every replica certifies at its start; replica 0 then once per ms and persists what it did, all others check its certificate. */
static void steps(struct nika_replica *r, const struct nika_event *e, struct nika_effects *effects)
{
    const struct nika_trusted_ops *t = r->host->trusted;
    if (r->host->self != 0) return;
    if (e->kind == NIKA_EVENT_START) {
        assert_int_equal(t->read(r->host->world, 0, 0, &read_back, &read_epoch), NIKA_OK);
        order = read_back.order;
    }
    if (e->kind == NIKA_EVENT_START || e->kind == NIKA_EVENT_TIMER) {
        if (use(r, order + 1, (uint8_t)order) == NIKA_OK) {
            struct nika_digest d = digest_of((uint8_t)order), other = digest_of(255);
            verified += t->verify(r->host->world, 0, &last, &d);
            refused += !t->verify(r->host->world, 0, &last, &other);
            order++;
            act_persist(effects, 1, order, order, 16);
        }
        nika_effects_timer(effects, 0, e->kind == NIKA_EVENT_START ? 1 : e->generation + 1, MS);
    }
}
static struct nika_world *world(const struct nika_world_options *o)
{
    struct nika_world *w = script_world(o, 1);
    struct nika_watcher watcher = {.mask = NIKA_TAP_BIT(NIKA_TAP_TRUSTED),
                                   .on_tap = on_trusted_tap};
    nika_world_watch(w, &watcher);
    tap_count = result_count = verified = refused = 0;
    order = 0;
    return w;
}

static void test_every_certificate_is_valid_and_seen(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(steps);
    struct nika_world *w = world(&o);
    (void)nika_world_run(w, 10 * MS + MS / 2);
    assert_true(result_count >= 10);
    assert_int_equal(tap_count, result_count);
    assert_int_equal(verified, result_count);
    assert_int_equal(refused, result_count);
    for (uint32_t i = 0; i < tap_count; i++) {
        assert_int_equal(taps[i].certificate.instance, 0);
        assert_int_equal(taps[i].certificate.value.order, i + 1);
        assert_int_equal(taps[i].digest.bytes[0], i);
    }
    script_end(w, &o);
}

static void restart_amnesiac(struct nika_fault *f, uint64_t cookie)
{
    if (cookie == 1) f->host->crash(f->host->world, 0);
    if (cookie == 2) f->host->restart(f->host->world, 0, true);
}
static void test_TS2_a_crash_and_a_lost_disk_leave_the_instance_intact(void **state)
{
    (void)state;
    for (uint32_t amnesia = 0; amnesia < 2; amnesia++) {
        struct nika_world_options o = script_options(steps);
        script_crash(&o, 5 * MS + MS / 2, 7 * MS);
        if (amnesia == 1) script_fault.on_wake = restart_amnesiac;
        struct nika_world *w = world(&o);
        (void)nika_world_run(w, 5 * MS + MS / 2 - 1);
        uint64_t before = order;
        assert_true(before > 3);
        (void)nika_world_run(w, 20 * MS);
        assert_int_equal(lives[0], 2);
        assert_int_equal(read_back.order, before);
        assert_int_equal(read_epoch, NIKA_TRUSTED_EPOCH);
        assert_true(order > before + 5);
        script_end(w, &o);
    }
}

static void test_a_snapshot_takes_the_counters_along(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(steps);
    struct nika_world *w = world(&o);
    char first[33], second[33];
    (void)nika_world_run(w, 5 * MS + MS / 2);
    struct nika_world_snapshot *s = nika_world_snapshot(w);
    uint64_t at = order;
    assert_non_null(s);
    (void)nika_world_run(w, 10 * MS);
    nika_world_digest_text(w, first);
    nika_world_restore(w, s);
    order = at; /* The script keeps it outside of the world. */
    uint32_t before = result_count;
    (void)nika_world_run(w, 10 * MS);
    nika_world_digest_text(w, second);
    assert_true(result_count > before);
    for (uint32_t i = 0; i < result_count; i++) assert_int_equal(results[i], NIKA_OK);
    assert_string_equal(first, second);
    nika_world_snapshot_free(s);
    /* And a reset starts them from zero. */
    nika_world_reset(w, 1);
    (void)nika_world_run(w, MS / 2);
    assert_int_equal(read_back.order, 0);
    script_end(w, &o);
}

/* Another content for one certificate, nothing else changes. */
static uint8_t content;
static void one_certificate(struct nika_replica *r, const struct nika_event *e,
                            struct nika_effects *effects)
{
    (void)effects;
    if (e->kind == NIKA_EVENT_START && r->host->self == 1) (void)use(r, 1, content);
}
static void test_certificates_are_part_of_the_run_digest(void **state)
{
    (void)state;
    char text[2][33];
    for (uint32_t i = 0; i < 2; i++) {
        struct nika_world_options o = script_options(one_certificate);
        struct nika_world *w = world(&o);
        content = (uint8_t)i;
        (void)nika_world_run(w, MS);
        assert_int_equal(tap_count, 1);
        nika_world_digest_text(w, text[i]);
        script_end(w, &o);
    }
    assert_string_not_equal(text[0], text[1]);
}

static void test_a_call_costs_its_node_time(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(steps);
    o.cpu.trusted_ns = 2 * MS; /* Four calls a step: 8 ms. */
    struct nika_world *w = world(&o);
    (void)nika_world_run(w, 80 * MS);
    assert_true(result_count >= 8);
    assert_true(result_count <= 14);
    script_end(w, &o);
}

/* ---- faults ---- */
static uint32_t calls_seen, fail_from;
static bool kill_it;
static enum nika_err on_trusted(struct nika_fault *f, uint32_t replica,
                                struct nika_trusted_call *call)
{
    assert_int_equal(replica, 0);
    if (call->operation != NIKA_TRUSTED_CERTIFY) return NIKA_OK;
    if (kill_it && call->after && call->value.order == 4) {
        call->crash = true;
        f->host->wake(f->host->world, f, f->host->now_ns(f->host->world) + MS, 2);
    }
    calls_seen += !call->after;
    return fail_from != 0 && calls_seen >= fail_from ? NIKA_ERR_IO : NIKA_OK;
}
static struct nika_world_options disturbed(void)
{
    struct nika_world_options o = script_options(steps);
    script_fault = (struct nika_fault_ops){.name = "x",
                                           .fault_class = NIKA_FAULT_NODE,
                                           .on_trusted = on_trusted,
                                           .on_wake = script_fault_wake};
    o.faults[0] = (struct nika_fault){.ops = &script_fault, .targets = {1}, .to_ns = NIKA_NEVER};
    o.fault_count = 1;
    calls_seen = fail_from = 0;
    kill_it = false;
    return o;
}

static void test_a_failed_call_moves_nothing(void **state)
{
    (void)state;
    struct nika_world_options o = disturbed();
    struct nika_world *w = world(&o);
    fail_from = 4;
    (void)nika_world_run(w, 8 * MS);
    assert_int_equal(tap_count, 3);
    assert_int_equal(results[2], NIKA_OK);
    assert_int_equal(results[3], NIKA_ERR_IO);
    fail_from = 0; /* It is back: the same value is still free. */
    (void)nika_world_run(w, 10 * MS);
    assert_true(tap_count > 3);
    assert_int_equal(taps[3].certificate.value.order, 4);
    script_end(w, &o);
}

static void test_a_crash_between_counter_and_store_loses_only_the_replicas_copy(void **state)
{
    (void)state;
    struct nika_world_options o = disturbed();
    struct nika_world *w = world(&o);
    kill_it = true;
    (void)nika_world_run(w, 20 * MS);
    assert_int_equal(lives[0], 2);
    assert_int_equal(results[3], NIKA_ERR_IO);
    assert_int_equal(read_back.order, 4); /* The instance knows what the log does not. */
    assert_int_equal(taps[3].certificate.value.order, 4);
    assert_int_equal(seen_of(0, 2, SEEN_RECOVER, 1), 3);
    script_end(w, &o);
}

/* TS1: a Byzantine behaviour calls the instance, which then refuses the module; TS3: only class TRUSTED sets it back. */
static void behave(struct nika_fault *f)
{
    struct nika_trusted_certificate c;
    struct nika_digest d = digest_of(77);
    assert_int_equal(f->host->trusted_certify(f->host->world, 0, NIKA_TRUSTED_INDEPENDENT, 0,
                                              (struct nika_trusted_value){0, 3}, &d, &c),
                     NIKA_OK);
    assert_int_equal(f->host->trusted_certify(f->host->world, 0, NIKA_TRUSTED_INDEPENDENT, 0,
                                              (struct nika_trusted_value){0, 3}, &d, &c),
                     NIKA_ERR_CONFIG);
}
static void test_TS1_a_behaviour_may_only_call(void **state)
{
    (void)state;
    struct nika_world_options o = disturbed();
    script_fault =
        (struct nika_fault_ops){.name = "x", .fault_class = NIKA_FAULT_BYZANTINE, .start = behave};
    struct nika_world *w = world(&o);
    (void)nika_world_run(w, MS / 2);
    assert_true(tap_count >= 1);
    assert_int_equal(taps[0].certificate.value.order, 3);
    assert_int_equal(taps[0].digest.bytes[0], 77);
    assert_int_equal(read_back.order, 3); /* The module finds its counter moved. */
    script_end(w, &o);
}

static void set_back(struct nika_fault *f)
{
    struct nika_trusted_instance state, clone;
    struct nika_trusted_certificate c = {0};
    struct nika_digest d = digest_of(78);
    const struct nika_trusted_value three = {0, 3};
    f->host->trusted_copy(f->host->world, f, 0, &state);
    clone = state;
    behave(f);
    f->host->trusted_put(f->host->world, f, 0, &state);
    behave(f);
    assert_int_equal(f->host->trusted_clone(f->host->world, f, &clone, NIKA_TRUSTED_INDEPENDENT, 0,
                                            three, &d, &c),
                     NIKA_OK);
    c.value.order = 9;
    f->host->trusted_forge(f->host->world, f, &c, &d);
}
static void test_TS3_out_of_model_faults_break_the_instance_and_are_seen(void **state)
{
    (void)state;
    struct nika_world_options o = disturbed();
    script_fault =
        (struct nika_fault_ops){.name = "x", .fault_class = NIKA_FAULT_TRUSTED, .start = set_back};
    struct nika_world *w = world(&o);
    (void)nika_world_run(w, MS / 2);
    assert_true(nika_world_is_corrupted(w, 0));
    assert_true(tap_count >= 4);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(taps[i].certificate.value.order, 3);
    assert_int_equal(taps[2].digest.bytes[0], 78);
    assert_int_equal(taps[3].certificate.value.order, 9);
    script_end(w, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_certificate_is_valid_and_seen),
        cmocka_unit_test(test_TS2_a_crash_and_a_lost_disk_leave_the_instance_intact),
        cmocka_unit_test(test_a_snapshot_takes_the_counters_along),
        cmocka_unit_test(test_certificates_are_part_of_the_run_digest),
        cmocka_unit_test(test_a_call_costs_its_node_time),
        cmocka_unit_test(test_a_failed_call_moves_nothing),
        cmocka_unit_test(test_a_crash_between_counter_and_store_loses_only_the_replicas_copy),
        cmocka_unit_test(test_TS1_a_behaviour_may_only_call),
        cmocka_unit_test(test_TS3_out_of_model_faults_break_the_instance_and_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
