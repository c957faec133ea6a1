/* tests/engine/shim/test_tss_logged.c: a trusted instance whose steps are made durable by its replica's log (tss_vault.h): with the log it goes
 * on exactly where it was, without it behind everything that it may have said. */
#include "tests/engine/shim/tss_fixture.h"

static char dir[64];
static struct tss_steps steps;
static struct nika_disk_store_error error;
static uint8_t record[NIKA_TSS_STEP_SIZE];

static struct nika_tss_vault_options options(bool logged)
{
    return (struct nika_tss_vault_options){.dir = dir,
                                           .secret = tss_secret,
                                           .logged = logged,
                                           .file_ops = &tss_files,
                                           .file_context = &steps};
}
static void make(void)
{
    struct nika_tss_vault_options o = options(true);
    struct nika_tss_identity id = tss_identity(1);
    steps = (struct tss_steps){0};
    disk_faults_folder(dir);
    assert_int_equal(nika_tss_vault_make(&o, &id, &error), NIKA_OK);
}
static struct nika_tss_vault *open_vault(bool logged)
{
    struct nika_tss_vault_options o = options(logged);
    struct nika_tss_vault *v = NULL;
    if (nika_tss_vault_open(&o, &v, &error) != NIKA_OK) fail_msg("%s", error.text);
    return v;
}
/* From this record, or from none. Were counters skipped? */
static bool resume(struct nika_tss_vault *v, const uint8_t *from, bool whole)
{
    struct nika_tss_step step;
    bool skipped = false;
    if (from != NULL)
        assert_int_equal(nika_tss_step_decode((struct nika_span){from, sizeof record}, &step),
                         NIKA_OK);
    assert_int_equal(nika_tss_vault_resume(v, &step, from != NULL ? 1 : 0, whole, &skipped, &error),
                     NIKA_OK);
    return skipped;
}
static struct nika_tss_vault *begin(void)
{
    make();
    struct nika_tss_vault *v = open_vault(true);
    assert_false(resume(v, NULL, true));
    return v;
}
static enum nika_err use(struct nika_tss_vault *v, uint64_t order, uint8_t content)
{
    struct nika_tss_wish wish = {.kind = NIKA_TRUSTED_INDEPENDENT,
                                 .counter = 2,
                                 .value = tss_value(0, order),
                                 .digest = tss_digest(content)};
    enum nika_err err = nika_tss_vault_step(v, &wish, record);
    assert_int_equal(wish.err, err);
    if (err == NIKA_OK) assert_true(nika_tss_vault_verify(v, &wish.certificate, &wish.digest));
    return err;
}
static void must(struct nika_tss_vault *v, uint64_t order)
{
    assert_int_equal(use(v, order, (uint8_t)order), NIKA_OK);
}
static uint64_t order_of(struct nika_tss_vault *v)
{
    struct nika_trusted_value value;
    uint64_t epoch;
    assert_int_equal(nika_tss_vault_read(v, 2, &value, &epoch), NIKA_OK);
    return value.order;
}
/* The process dies: nothing more gets into the files. */
static void crash(struct nika_tss_vault *v)
{
    steps = (struct tss_steps){.fail_at = 1};
    nika_tss_vault_close(v);
    steps = (struct tss_steps){0};
}
static void end(struct nika_tss_vault *v)
{
    nika_tss_vault_close(v);
    disk_faults_remove_tree(dir);
}

static void test_a_step_costs_no_sync_and_the_log_brings_it_back(void **state)
{
    (void)state;
    struct nika_tss_vault *v = begin();
    must(v, 1); /* The files say how far the log may lead. */
    uint32_t before = steps.done;
    for (uint64_t order = 2; order <= 5; order++) must(v, order);
    assert_int_equal(steps.done, before);
    crash(v);
    v = open_vault(true);
    assert_false(resume(v, record, true));
    assert_int_equal(order_of(v), 5);
    struct nika_trusted_certificate again;
    struct nika_digest digest;
    assert_int_equal(nika_tss_vault_reissue(v, 2, &again, &digest), NIKA_OK);
    assert_int_equal(digest.bytes[0], 5);
    assert_true(nika_tss_vault_verify(v, &again, &digest));
    assert_int_equal(use(v, 5, 9), NIKA_ERR_CONFIG);
    must(v, 6);
    end(v);
}

static void assert_behind(struct nika_tss_vault *v, uint64_t bound)
{
    struct nika_trusted_certificate again;
    struct nika_digest digest;
    assert_int_equal(order_of(v), bound);
    /* It must not say that nothing lies between what it knows and here. */
    assert_int_equal(nika_tss_vault_reissue(v, 2, &again, &digest), NIKA_OK);
    assert_int_equal(again.kind, NIKA_TRUSTED_INDEPENDENT);
    assert_true(nika_digest_is_null(&digest));
}

static void test_without_its_log_it_goes_on_behind_all_it_may_have_said(void **state)
{
    (void)state;
    for (uint32_t way = 0; way < 3; way++) {
        struct nika_tss_vault *v = begin();
        must(v, 1);
        must(v, 7);
        crash(v);
        v = open_vault(way != 2); /* 2: by who knows of no log, such as the process `nika tss`. */
        if (way == 0) assert_true(resume(v, NULL, true));
        if (way == 1)
            assert_true(
                resume(v, record, false)); /* A damaged log has the step, or an older one. */
        assert_behind(v, 1 + NIKA_TSS_LEAD);
        if (way != 2) {
            assert_int_equal(use(v, 1 + NIKA_TSS_LEAD, 9), NIKA_ERR_CONFIG);
            must(v, 2 + NIKA_TSS_LEAD);
        }
        end(v);
    }
}

/* A log that was put back is of another life. */
static void test_steps_of_another_life_or_key_count_for_nothing(void **state)
{
    (void)state;
    uint8_t old[NIKA_TSS_STEP_SIZE];
    struct nika_tss_vault *v = begin();
    must(v, 3);
    memcpy(old, record, sizeof old);
    crash(v);
    v = open_vault(true);
    assert_false(resume(v, old, true));
    must(v, 4);
    crash(v);
    v = open_vault(true);
    assert_true(resume(v, old, true));
    assert_behind(v, 4 + NIKA_TSS_LEAD);
    end(v);
    v = begin();
    must(v, 3);
    record[sizeof record - 1] ^= 1;
    crash(v);
    v = open_vault(true);
    assert_true(resume(v, record, true));
    end(v);
}

/* Nobody was told, so the value is free again; what went before it stays. */
static void test_a_step_that_the_log_refused_was_none(void **state)
{
    (void)state;
    struct nika_tss_vault *v = begin();
    must(v, 2);
    struct nika_trusted_counter before = nika_tss_vault_state(v)->instance.counter[2];
    must(v, 3);
    nika_tss_vault_unstep(v, 2, &before);
    assert_int_equal(order_of(v), 2);
    assert_int_equal(use(v, 2, 9), NIKA_ERR_CONFIG);
    assert_int_equal(use(v, 3, 9), NIKA_OK);
    crash(v);
    v = open_vault(true);
    assert_false(resume(v, record, true));
    assert_int_equal(order_of(v), 3);
    end(v);
}

static void test_a_stop_that_is_asked_for_leaves_all_in_the_files(void **state)
{
    (void)state;
    struct nika_tss_vault *v = begin();
    must(v, 2);
    must(v, 3);
    nika_tss_vault_close(v);
    v = open_vault(false);
    assert_int_equal(order_of(v), 3);
    end(v);
}

/* Steps beside the log, such as that of a VIEW-CHANGE, go to the files as ever; a bound that was passed means nothing. */
static void test_steps_beside_the_log_are_exact_without_it(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    struct nika_digest digest = tss_digest(8);
    struct nika_tss_vault *v = begin();
    must(v, 2);
    assert_int_equal(
        nika_tss_vault_certify(v, NIKA_TRUSTED_CONTINUING, 2, tss_value(1, 0), &digest, &c),
        NIKA_OK);
    assert_int_equal(c.previous.order, 2);
    crash(v);
    v = open_vault(true);
    assert_false(resume(v, record, true)); /* The log's step is the older one. */
    assert_int_equal(order_of(v), 0);
    assert_int_equal(use(v, 9, 1), NIKA_ERR_CONFIG);
    end(v);
}

static void test_the_bound_is_moved_before_it_is_reached(void **state)
{
    (void)state;
    struct nika_tss_vault *v = begin();
    must(v, 1);
    must(v, 1 + NIKA_TSS_LEAD);
    uint32_t before = steps.done;
    must(v, 2 + NIKA_TSS_LEAD);
    assert_true(steps.done > before);
    assert_int_equal(use(v, UINT64_MAX, 1), NIKA_OK);
    crash(v);
    v = open_vault(true);
    assert_true(resume(v, NULL, true));
    assert_behind(v, UINT64_MAX);
    end(v);
}

/* The files fail in their k-th step, for every k: whatever the log then says or does not say, no value is bound twice. */
static void test_a_stop_at_every_step_binds_no_value_twice(void **state)
{
    (void)state;
    bool stopped = true;
    uint32_t k = 1;
    for (; stopped; k++) {
        for (uint32_t lost = 0; lost < 2; lost++) {
            uint64_t said = 0;
            uint8_t newest[NIKA_TSS_STEP_SIZE];
            struct nika_tss_vault *v = begin();
            steps = (struct tss_steps){.fail_at = k};
            stopped = false;
            for (uint64_t order = 1; order < 4 * NIKA_TSS_LEAD && !stopped; order += 500) {
                stopped = use(v, order, 1) != NIKA_OK;
                if (stopped) break;
                said = order;
                memcpy(newest, record, sizeof newest);
            }
            crash(v);
            v = open_vault(true);
            bool skipped = resume(v, lost == 0 && said > 0 ? newest : NULL, true);
            if (lost == 0 && said > 0) assert_false(skipped);
            if (said > 0) assert_int_equal(use(v, said, 2), NIKA_ERR_CONFIG);
            if (lost == 0 && said > 0) assert_int_equal(order_of(v), said);
            end(v);
        }
    }
    assert_true(k > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_costs_no_sync_and_the_log_brings_it_back),
        cmocka_unit_test(test_without_its_log_it_goes_on_behind_all_it_may_have_said),
        cmocka_unit_test(test_steps_of_another_life_or_key_count_for_nothing),
        cmocka_unit_test(test_a_step_that_the_log_refused_was_none),
        cmocka_unit_test(test_a_stop_that_is_asked_for_leaves_all_in_the_files),
        cmocka_unit_test(test_steps_beside_the_log_are_exact_without_it),
        cmocka_unit_test(test_the_bound_is_moved_before_it_is_reached),
        cmocka_unit_test(test_a_stop_at_every_step_binds_no_value_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
