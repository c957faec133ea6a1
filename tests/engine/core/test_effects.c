/* Effects keep what was asked in order and refuse what does not fit; small tables (checks, probes,
 * errors, snapshot descriptions) answer for every value. */
#include "engine/core/app.h"
#include "engine/core/bytes.h"
#include "engine/core/check.h"
#include "engine/core/effects.h"
#include "engine/core/probe.h"
#include "tests/support/test.h"

static struct nika_action actions[8];
static uint8_t area[32];

static struct nika_effects fresh(void)
{
    return (struct nika_effects){
        .actions = actions, .capacity = 8, .bytes = area, .bytes_capacity = sizeof area};
}

static void test_shorthands_fill_their_actions(void **state)
{
    (void)state;
    struct nika_effects e = fresh();
    struct nika_span text = {(const uint8_t *)"abc", 3};
    nika_effects_timer(&e, 2, 9, 77);
    nika_effects_note(&e, NIKA_NOTE_VIEW, 4, 1, (struct nika_span){NULL, 0});
    nika_effects_persist(&e, 11, 3, 17, text);
    nika_effects_send(&e, 1, NIKA_CLASS_BULK, text);
    nika_effects_broadcast(&e, NIKA_CLASS_CONTROL, text);
    assert_int_equal(e.count, 5);
    assert_false(e.overflow);
    assert_int_equal(actions[0].kind, NIKA_ACTION_TIMER);
    assert_int_equal(actions[0].id, 2);
    assert_int_equal(actions[0].token, 9);
    assert_int_equal(actions[0].a, 77);
    assert_int_equal(actions[1].id, NIKA_NOTE_VIEW);
    assert_int_equal(actions[1].b, 1);
    assert_int_equal(actions[2].kind, NIKA_ACTION_PERSIST);
    assert_int_equal(actions[2].a, 17);
    assert_int_equal(actions[2].token, 11);
    assert_int_equal(actions[3].to, 1);
    assert_int_equal(actions[3].send_class, NIKA_CLASS_BULK);
    assert_int_equal(actions[4].kind, NIKA_ACTION_BROADCAST);
    for (uint32_t i = 2; i < 5; i++)
        assert_memory_equal(nika_action_bytes(&e, &actions[i]).data, "abc", 3);
    assert_int_equal(e.bytes_used, 9);
}

static void test_overflow_sticks_until_cleared(void **state)
{
    (void)state;
    struct nika_effects e = fresh();
    uint8_t *bytes = NULL;
    assert_non_null(nika_effects_add(&e, NIKA_ACTION_SEND, 32, &bytes));
    assert_ptr_equal(bytes, area);
    assert_null(nika_effects_add(&e, NIKA_ACTION_SEND, 1, &bytes));
    assert_null(bytes);
    assert_null(nika_effects_add(&e, NIKA_ACTION_TIMER, 0, NULL));
    assert_true(e.overflow);
    assert_int_equal(e.count, 1);
    nika_effects_clear(&e);
    for (uint32_t i = 0; i < 8; i++)
        assert_non_null(nika_effects_add(&e, NIKA_ACTION_TIMER, 0, NULL));
    assert_null(nika_effects_add(&e, NIKA_ACTION_TIMER, 0, NULL));
    assert_true(e.overflow);
}

static void test_every_check_and_error_has_a_name(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NIKA_CHECK_COUNT; i++) {
        assert_non_null(nika_check_name((enum nika_check)i));
        assert_non_null(nika_check_doc((enum nika_check)i));
    }
    assert_string_equal(nika_check_name(NIKA_CHECK_PP6), "PP6");
    assert_string_equal(nika_check_name((enum nika_check)9999), "unknown");
    assert_string_equal(nika_err_text(NIKA_ERR_MALFORMED), "malformed");
    assert_string_equal(nika_err_text((enum nika_err) - 99), "unknown error");
}

static void test_probes_count_only_into_an_installed_table(void **state)
{
    (void)state;
    struct nika_probe_table table = {{0}};
    REACHED(replica_evidence);
    nika_probe_install(&table);
    REACHED(replica_evidence);
    SOMETIMES(replica_evidence, false);
    SOMETIMES(replica_evidence, true);
    nika_probe_install(NULL);
    REACHED(replica_evidence);
    assert_int_equal(table.hits[NIKA_PROBE_replica_evidence], 2);
    assert_string_equal(nika_probe_name(NIKA_PROBE_replica_evidence), "replica_evidence");
    assert_non_null(nika_probe_doc(NIKA_PROBE_replica_evidence));
}

static void test_a_snapshot_description_round_trips(void **state)
{
    (void)state;
    struct nika_snapshot_meta meta = {.seq = 8,
                                      .chunk_count = 3,
                                      .total_size = UINT64_C(1) << 40,
                                      .root = {{1, 2, 3}}},
                              got;
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_snapshot_meta_write(&w, &meta);
    assert_int_equal(w.at, NIKA_SNAPSHOT_META_SIZE);
    struct nika_reader r = nika_reader_of((struct nika_span){bytes, sizeof bytes});
    nika_snapshot_meta_read(&r, &got);
    assert_true(nika_reader_done(&r));
    assert_true(got.seq == 8 && got.chunk_count == 3 && got.total_size == meta.total_size);
    assert_true(nika_digest_equal(&got.root, &meta.root));
    r = nika_reader_of((struct nika_span){bytes, sizeof bytes - 1});
    nika_snapshot_meta_read(&r, &got);
    assert_true(r.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shorthands_fill_their_actions),
        cmocka_unit_test(test_overflow_sticks_until_cleared),
        cmocka_unit_test(test_every_check_and_error_has_a_name),
        cmocka_unit_test(test_probes_count_only_into_an_installed_table),
        cmocka_unit_test(test_a_snapshot_description_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
