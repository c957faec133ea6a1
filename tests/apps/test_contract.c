/* tests/apps/test_contract.c: what engine/core/app.h promises holds for every application of the registry. */
#include "tests/apps/app_fixture.h"

#define CHUNK 2048u

static void test_registry_finds_every_application_and_nothing_else(void **state)
{
    (void)state;
    assert_true(nika_app_count >= 3);
    for (uint32_t i = 0; i < nika_app_count; i++) {
        assert_ptr_equal(nika_app_find(nika_app_list[i]->name), nika_app_list[i]);
    }
    assert_null(nika_app_find("no-such-application"));
}

static void test_two_runs_of_the_same_operations_agree_and_other_operations_differ(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_app_count; i++) {
        struct app_fixture a = app_open(nika_app_list[i], CHUNK, 3, 0),
                           b = app_open(nika_app_list[i], CHUNK, 3, 0);
        struct app_fixture c = app_open(nika_app_list[i], CHUNK, 3, 0);
        struct nika_snapshot_meta ma, mb, mc;
        assert_true(app_work(&a, 1, 500, 0) == app_work(&b, 1, 500, 0));
        (void)app_work(&c, 2, 333, 0);
        a.ops->snapshot_take(a.app, 8, &ma);
        b.ops->snapshot_take(b.app, 8, &mb);
        c.ops->snapshot_take(c.app, 8, &mc);
        assert_memory_equal(&ma.root, &mb.root, sizeof ma.root);
        assert_memory_not_equal(&ma.root, &mc.root, sizeof ma.root);
        assert_true(a.ops->used(a.app) <= a.ops->size(&a.config));
        app_close(&a), app_close(&b), app_close(&c);
    }
}

static void test_snapshot_moves_to_fresh_memory_and_both_go_on_alike(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_app_count; i++) {
        struct app_fixture a = app_open(nika_app_list[i], CHUNK, 3, 0),
                           b = app_open(nika_app_list[i], CHUNK, 3, 0);
        struct nika_snapshot_meta meta, restored, later;
        (void)app_work(&a, 1, 400, 0);
        (void)app_work(&b, 9, 100, 0); /* Restoring replaces what was there. */
        a.ops->snapshot_take(a.app, 8, &meta);
        assert_int_equal(app_copy(&a, &b, &meta, i % 2 == 0, &restored), NIKA_OK);
        assert_memory_equal(&meta.root, &restored.root, sizeof meta.root);
        assert_int_equal(restored.seq, 8);
        struct app_fixture c = app_open(nika_app_list[i], CHUNK, 3, 0);
        assert_int_equal(app_copy(&b, &c, &restored, false, &later),
                         NIKA_OK); /* It is kept by its new owner. */
        assert_true(app_work(&a, 3, 200, 0) == app_work(&b, 3, 200, 0));
        app_close(&a), app_close(&b), app_close(&c);
    }
}

static void test_kept_snapshots_stay_readable_while_the_state_moves_on(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_app_count; i++) {
        struct app_fixture a = app_open(nika_app_list[i], CHUNK, 3, 0),
                           b = app_open(nika_app_list[i], CHUNK, 3, 0);
        struct nika_snapshot_meta metas[NIKA_SNAPSHOTS_MAX + 1], out;
        uint8_t chunk[CHUNK];
        uint32_t size;
        struct nika_merkle_proof proof;
        uint32_t kept = nika_config_snapshots(&a.config);
        for (uint32_t s = 0; s <= kept; s++) {
            (void)app_work(&a, s + 1, 300, 0);
            a.ops->snapshot_take(a.app, 8 * (s + 1), &metas[s]);
        }
        (void)app_work(&a, 7, 300, 0);
        assert_int_equal(a.ops->snapshot_chunk(a.app, 8, 0, chunk, &size, &proof),
                         NIKA_ERR_NOT_FOUND);
        assert_int_equal(app_copy(&a, &b, &metas[1], false, &out), NIKA_OK);
        assert_int_equal(app_copy(&a, &b, &metas[kept], true, &out), NIKA_OK);
        assert_int_equal(
            a.ops->snapshot_chunk(a.app, 16, metas[1].chunk_count, chunk, &size, &proof),
            NIKA_ERR_NOT_FOUND);
        a.ops->snapshot_drop(a.app, 24);
        assert_int_equal(a.ops->snapshot_chunk(a.app, 16, 0, chunk, &size, &proof),
                         NIKA_ERR_NOT_FOUND);
        assert_int_equal(a.ops->snapshot_chunk(a.app, 24, 0, chunk, &size, &proof), NIKA_OK);
        app_close(&a), app_close(&b);
    }
}

static void test_restore_refuses_changed_chunks_and_leaves_the_application_empty(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_app_count; i++) {
        struct app_fixture a = app_open(nika_app_list[i], CHUNK, 3, 0),
                           b = app_open(nika_app_list[i], CHUNK, 3, 0);
        struct app_fixture fresh = app_open(nika_app_list[i], CHUNK, 3, 0);
        struct nika_snapshot_meta meta, out, empty, initial;
        uint8_t chunk[CHUNK];
        uint32_t size;
        struct nika_merkle_proof proof;
        (void)app_work(&a, 1, 400, 0);
        a.ops->snapshot_take(a.app, 8, &meta);
        assert_int_equal(
            a.ops->snapshot_chunk(a.app, 8, meta.chunk_count - 1, chunk, &size, &proof), NIKA_OK);
        for (uint32_t bit = 0; bit < 8 * size; bit += 5) {
            chunk[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(b.ops->restore_begin(b.app, &meta), NIKA_OK);
            for (uint32_t k = 0; k + 1 < meta.chunk_count;
                 k++) { /* Only the last chunk is at fault. */
                uint8_t good[CHUNK];
                uint32_t good_size;
                assert_int_equal(a.ops->snapshot_chunk(a.app, 8, k, good, &good_size, &proof),
                                 NIKA_OK);
                assert_int_equal(
                    b.ops->restore_chunk(b.app, k, (struct nika_span){good, good_size}), NIKA_OK);
            }
            enum nika_err err =
                b.ops->restore_chunk(b.app, meta.chunk_count - 1, (struct nika_span){chunk, size});
            if (err == NIKA_OK) err = b.ops->restore_end(b.app, &out);
            assert_int_equal(err, NIKA_ERR_MALFORMED);
            chunk[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        struct nika_snapshot_meta huge = meta;
        huge.total_size = UINT64_MAX;
        assert_int_equal(b.ops->restore_begin(b.app, &huge), NIKA_ERR_MALFORMED);
        assert_int_equal(b.ops->restore_end(b.app, &out), NIKA_ERR_MALFORMED);
        b.ops->snapshot_take(b.app, 1, &empty);
        fresh.ops->snapshot_take(fresh.app, 1, &initial);
        assert_memory_equal(&empty.root, &initial.root, sizeof empty.root);
        assert_int_equal(app_copy(&a, &b, &meta, false, &out),
                         NIKA_OK); /* The true chunks still work. */
        app_close(&a), app_close(&b), app_close(&fresh);
    }
}

/* Hostile operations have results, break no invariant, and a query leaves no trace. */
static void test_random_operations_are_answered_and_queries_change_nothing(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_app_count; i++) {
        struct app_fixture a = app_open(nika_app_list[i], CHUNK, 3, 0);
        struct nika_snapshot_meta before, after;
        uint64_t draws = 1;
        for (uint32_t k = 0; k < 4000; k++) {
            uint8_t op[96], reply[256];
            bool read_only = false;
            uint64_t d = app_draw(&draws), e = app_draw(&draws);
            uint32_t size =
                a.ops->workload_op(d, e, k % 3, k, 20, 300000, 0, op, sizeof op, &read_only);
            if (size > 0) op[(d >> 8) % size] ^= (uint8_t)(1u << (e % 8));
            if (k % 3 == 0) size = (uint32_t)(e % (size + 1));
            if (k % 7 == 0)
                for (uint32_t at = 0; at < sizeof op; at++) op[at] = (uint8_t)app_draw(&draws);
            uint32_t reply_max = (uint32_t)(d % 40);
            struct nika_op run = {.client = k % 3, .timestamp = k + 1, .bytes = {op, size}};
            assert_true(a.ops->execute(a.app, &run, 0, reply, reply_max) <= reply_max);
            if (k % 16 == 0) {
                a.ops->snapshot_take(a.app, 1, &before);
                assert_true(a.ops->query(a.app, &run, reply, reply_max) <= reply_max);
                a.ops->snapshot_take(a.app, 2, &after);
                assert_memory_equal(&before.root, &after.root, sizeof before.root);
            }
            if (a.ops->invariant != NULL) assert_null(a.ops->invariant(a.app));
        }
        app_close(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry_finds_every_application_and_nothing_else),
        cmocka_unit_test(test_two_runs_of_the_same_operations_agree_and_other_operations_differ),
        cmocka_unit_test(test_snapshot_moves_to_fresh_memory_and_both_go_on_alike),
        cmocka_unit_test(test_kept_snapshots_stay_readable_while_the_state_moves_on),
        cmocka_unit_test(test_restore_refuses_changed_chunks_and_leaves_the_application_empty),
        cmocka_unit_test(test_random_operations_are_answered_and_queries_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
