/* tests/apps/test_kv.c: what each key-value operation means, its limits, and chunks that depend on contents alone. */
#include "tests/apps/app_fixture.h"

#include "apps/kv.h"

static struct nika_span text(const char *s)
{
    return (struct nika_span){(const uint8_t *)s, (uint32_t)strlen(s)};
}
static uint32_t run(struct app_fixture *f, struct nika_kv_op op, uint8_t reply[256])
{
    static uint8_t bytes[4096];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_kv_write(&w, &op);
    assert_false(w.failed);
    return app_run(f, 0, (struct nika_span){bytes, w.at}, reply);
}
static enum nika_kv_status status(struct app_fixture *f, struct nika_kv_op op)
{
    uint8_t reply[256];
    assert_true(run(f, op, reply) >= 1);
    return (enum nika_kv_status)reply[0];
}
static enum nika_kv_status put(struct app_fixture *f, const char *key, const char *value)
{
    return status(f,
                  (struct nika_kv_op){.kind = NIKA_KV_PUT, .key = text(key), .value = text(value)});
}
static enum nika_kv_status del(struct app_fixture *f, const char *key)
{
    return status(f, (struct nika_kv_op){.kind = NIKA_KV_DEL, .key = text(key)});
}
static enum nika_kv_status cas(struct app_fixture *f, const char *key, const char *expected,
                               const char *value)
{
    return status(f, (struct nika_kv_op){.kind = NIKA_KV_CAS,
                                         .key = text(key),
                                         .value = text(value),
                                         .expect_present = expected != NULL,
                                         .expected = expected == NULL ? (struct nika_span){0}
                                                                      : text(expected)});
}
static void assert_value(struct app_fixture *f, const char *key, const char *value)
{
    uint8_t reply[256];
    uint32_t size = run(f, (struct nika_kv_op){.kind = NIKA_KV_GET, .key = text(key)}, reply);
    if (value == NULL) {
        assert_int_equal(size, 1);
        assert_int_equal(reply[0], NIKA_KV_NOT_FOUND);
        return;
    }
    assert_int_equal(reply[0], NIKA_KV_OK);
    assert_int_equal(size, 5 + strlen(value));
    assert_memory_equal(reply + 5, value, strlen(value));
}

static void test_put_get_delete(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_kv, 2048, 1, 0);
    assert_value(&f, "a", NULL);
    assert_int_equal(put(&f, "a", "one"), NIKA_KV_OK);
    assert_int_equal(put(&f, "b", ""), NIKA_KV_OK);
    assert_value(&f, "a", "one");
    assert_value(&f, "b", "");
    assert_int_equal(put(&f, "a", "longer than before"), NIKA_KV_OK);
    assert_value(&f, "a", "longer than before");
    assert_int_equal(del(&f, "a"), NIKA_KV_OK);
    assert_int_equal(del(&f, "a"), NIKA_KV_NOT_FOUND);
    assert_value(&f, "a", NULL);
    app_close(&f);
}

static void test_cas_writes_only_over_what_it_expects(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_kv, 2048, 1, 0);
    assert_int_equal(cas(&f, "a", "x", "y"), NIKA_KV_NOT_FOUND);
    assert_value(&f, "a", NULL);
    assert_int_equal(cas(&f, "a", NULL, "one"), NIKA_KV_OK);
    assert_int_equal(cas(&f, "a", NULL, "two"), NIKA_KV_MISMATCH);
    assert_int_equal(cas(&f, "a", "on", "two"), NIKA_KV_MISMATCH);
    assert_value(&f, "a", "one");
    assert_int_equal(cas(&f, "a", "one", "two"), NIKA_KV_OK);
    assert_value(&f, "a", "two");
    app_close(&f);
}

static void assert_range(struct app_fixture *f, const char *first, const char *last, uint32_t limit,
                         const char *keys, bool more)
{
    uint8_t reply[256];
    uint32_t size =
        run(f,
            (struct nika_kv_op){
                .kind = NIKA_KV_RANGE, .key = text(first), .value = text(last), .limit = limit},
            reply);
    struct nika_reader r = nika_reader_of((struct nika_span){reply, size});
    assert_int_equal(nika_read_u8(&r), NIKA_KV_OK);
    assert_int_equal(nika_read_u32(&r), strlen(keys));
    for (; *keys != 0; keys++) {
        struct nika_span key = nika_read_bytes(&r, 64), value = nika_read_bytes(&r, 64);
        assert_int_equal(key.size, 1);
        assert_int_equal(key.data[0], *keys);
        assert_int_equal(value.data[0], *keys);
    }
    assert_int_equal(nika_read_u8(&r), more);
    assert_true(nika_reader_done(&r));
}
static void test_range_is_ordered_half_open_and_limited(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_kv, 2048, 1, 0);
    assert_range(&f, "", "", 16, "", false);
    for (const char *at = "gcaebfd"; *at != 0; at++) {
        char key[2] = {*at, 0};
        assert_int_equal(put(&f, key, key), NIKA_KV_OK);
    }
    assert_range(&f, "", "", 16, "abcdefg", false);
    assert_range(&f, "", "", 7, "abcdefg", false);
    assert_range(&f, "", "", 3, "abc", true);
    assert_range(&f, "b", "e", 16, "bcd", false);
    assert_range(&f, "bb", "", 2, "cd", true);
    assert_range(&f, "e", "b", 16, "", false);
    app_close(&f);
}

static void test_limits_give_error_results(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_kv, 2048, 1, 0);
    static uint8_t big[NIKA_KV_VALUE_MAX + 1];
    struct nika_kv_op op = {
        .kind = NIKA_KV_PUT, .key = text("k"), .value = {big, NIKA_KV_VALUE_MAX}};
    assert_int_equal(status(&f, op), NIKA_KV_OK);
    assert_int_equal(status(&f, (struct nika_kv_op){.kind = NIKA_KV_GET, .key = text("k")}),
                     NIKA_KV_REPLY_LIMIT);
    op.value.size++;
    assert_int_equal(status(&f, op), NIKA_KV_BAD);
    op.value.size = 1;
    op.key = (struct nika_span){big, NIKA_KV_KEY_MAX};
    assert_int_equal(status(&f, op), NIKA_KV_OK);
    op.key.size++;
    assert_int_equal(status(&f, op), NIKA_KV_BAD);
    op.key.size = 0;
    assert_int_equal(status(&f, op), NIKA_KV_BAD);
    assert_int_equal(
        status(&f, (struct nika_kv_op){.kind = NIKA_KV_RANGE, .limit = NIKA_KV_RANGE_MAX}),
        NIKA_KV_OK);
    assert_int_equal(
        status(&f, (struct nika_kv_op){.kind = NIKA_KV_RANGE, .limit = NIKA_KV_RANGE_MAX + 1}),
        NIKA_KV_BAD);
    assert_int_equal(status(&f, (struct nika_kv_op){.kind = NIKA_KV_RANGE, .limit = 0}),
                     NIKA_KV_BAD);
    app_close(&f);
}

static void test_full_store_refuses_changes_nothing_and_recovers_by_deleting(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_kv, 2048, 1, 0);
    struct nika_snapshot_meta before, after;
    static uint8_t value[NIKA_KV_VALUE_MAX];
    char key[16];
    uint32_t stored = 0;
    for (uint32_t i = 0; i < 400;
         i++) { /* With a snapshot every few, so that pages are shared all along. */
        snprintf(key, sizeof key, "key-%u", i);
        struct nika_kv_op op = {
            .kind = NIKA_KV_PUT, .key = text(key), .value = {value, sizeof value}};
        stored += status(&f, op) == NIKA_KV_OK;
        if (i % 5 == 0) f.ops->snapshot_take(f.app, i, &before);
    }
    assert_int_equal(stored, 16); /* A bucket of 2048 bytes has room for one such entry. */
    f.ops->snapshot_take(f.app, 1000, &before);
    assert_true(before.total_size <= 16 + 16 * 2048);
    struct nika_kv_op op = {
        .kind = NIKA_KV_PUT, .key = text("late"), .value = {value, sizeof value}};
    assert_int_equal(status(&f, op), NIKA_KV_FULL);
    f.ops->snapshot_take(f.app, 1001, &after);
    assert_memory_equal(&before.root, &after.root, sizeof before.root);
    for (uint32_t i = 0; i < 400; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        stored -= del(&f, key) == NIKA_KV_OK;
    }
    assert_int_equal(stored, 0);
    assert_int_equal(status(&f, op), NIKA_KV_OK);
    assert_true(f.ops->used(f.app) <= f.ops->size(&f.config));
    app_close(&f);
}

static void test_chunks_do_not_depend_on_the_order_of_insertion(void **state)
{
    (void)state;
    struct app_fixture a = app_open(&nika_app_kv, 2048, 1, 0),
                       b = app_open(&nika_app_kv, 2048, 1, 0);
    struct nika_snapshot_meta ma, mb;
    char key[16];
    for (uint32_t i = 0; i < 60; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        assert_int_equal(put(&a, key, key), NIKA_KV_OK);
        snprintf(key, sizeof key, "key-%u", 59 - i);
        assert_int_equal(put(&b, key, "another"), NIKA_KV_OK);
        assert_int_equal(put(&b, "passing", key), NIKA_KV_OK);
        if (i % 7 == 0) b.ops->snapshot_take(b.app, i, &mb);
        assert_int_equal(put(&b, key, key), NIKA_KV_OK);
        if (i % 3 == 0) assert_int_equal(del(&b, "passing"), NIKA_KV_OK);
    }
    a.ops->snapshot_take(a.app, 100, &ma);
    b.ops->snapshot_take(b.app, 100, &mb);
    assert_memory_not_equal(&ma.root, &mb.root, sizeof ma.root); /* One entry more. */
    assert_int_equal(del(&b, "passing"), NIKA_KV_OK);
    b.ops->snapshot_take(b.app, 100, &mb);
    assert_memory_equal(&ma.root, &mb.root, sizeof ma.root);
    assert_int_equal(ma.chunk_count, mb.chunk_count);
    app_close(&a), app_close(&b);
}

static void test_every_prefix_and_extension_of_an_operation_is_malformed(void **state)
{
    (void)state;
    const struct nika_kv_op ops[] = {
        {.kind = NIKA_KV_PUT, .key = text("k"), .value = text("v")},
        {.kind = NIKA_KV_GET, .key = text("k")},
        {.kind = NIKA_KV_DEL, .key = text("k")},
        {.kind = NIKA_KV_CAS,
         .key = text("k"),
         .value = text("v"),
         .expect_present = true,
         .expected = text("e")},
        {.kind = NIKA_KV_RANGE, .key = text("k"), .value = text("v"), .limit = 2},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(ops); i++) {
        uint8_t bytes[64] = {0}, again[64];
        struct nika_kv_op parsed;
        struct nika_writer w = nika_writer_of(bytes, sizeof bytes),
                           v = nika_writer_of(again, sizeof again);
        nika_kv_write(&w, &ops[i]);
        for (uint32_t size = 0; size <= w.at + 1; size++) {
            assert_int_equal(nika_kv_parse((struct nika_span){bytes, size}, &parsed),
                             size == w.at ? NIKA_OK : NIKA_ERR_MALFORMED);
        }
        assert_int_equal(nika_kv_parse((struct nika_span){bytes, w.at}, &parsed), NIKA_OK);
        nika_kv_write(&v, &parsed);
        assert_int_equal(v.at, w.at);
        assert_memory_equal(again, bytes, w.at);
    }
}

static void test_query_refuses_to_write(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_kv, 2048, 1, 0);
    uint8_t bytes[64], reply[256];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    struct nika_kv_op op = {.kind = NIKA_KV_PUT, .key = text("k"), .value = text("v")};
    nika_kv_write(&w, &op);
    struct nika_op query = {.bytes = {bytes, w.at}};
    assert_int_equal(f.ops->query(f.app, &query, reply, sizeof reply), 1);
    assert_int_equal(reply[0], NIKA_KV_NOT_READ_ONLY);
    assert_value(&f, "k", NULL);
    assert_int_equal(app_run(&f, 0, query.bytes, reply), 1);
    assert_value(&f, "k", "v");
    app_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get_delete),
        cmocka_unit_test(test_cas_writes_only_over_what_it_expects),
        cmocka_unit_test(test_range_is_ordered_half_open_and_limited),
        cmocka_unit_test(test_limits_give_error_results),
        cmocka_unit_test(test_full_store_refuses_changes_nothing_and_recovers_by_deleting),
        cmocka_unit_test(test_chunks_do_not_depend_on_the_order_of_insertion),
        cmocka_unit_test(test_every_prefix_and_extension_of_an_operation_is_malformed),
        cmocka_unit_test(test_query_refuses_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
