/* tests/protocols/common/test_pending.c: pending requests stay in order of arrival and within their bounds (PROTOCOLS.md 1.13). */
#include "protocols/common/pending.h"
#include "tests/support/test.h"

struct bench {
    struct nika_config config;
    struct common_pending pending;
    void *entries;
    struct nika_store *store;
};

static struct bench bench_new(uint32_t clients, uint32_t limit)
{
    struct bench b = {0};
    nika_config_default(&b.config);
    b.config.clients = clients;
    b.config.pending_max = limit;
    b.entries = calloc(1, common_pending_size(&b.config));
    b.store = nika_store_init(aligned_alloc(16, nika_store_size(65536)), 65536);
    common_pending_init(&b.pending, &b.config, b.entries);
    return b;
}

static void bench_free(struct bench *b)
{
    free(b->entries);
    free(b->store);
}

static enum nika_err add(struct bench *b, uint32_t client, uint64_t timestamp)
{
    return common_pending_add(&b->pending, b->store, client, timestamp,
                              (struct nika_span){(const uint8_t *)"x", 1});
}

static void test_requests_leave_in_order_of_arrival(void **state)
{
    (void)state;
    struct bench b = bench_new(4, 4);
    assert_int_equal(add(&b, 2, 1), NIKA_OK);
    assert_int_equal(add(&b, 0, 1), NIKA_OK);
    assert_int_equal(add(&b, 3, 1), NIKA_OK);
    assert_int_equal(common_pending_head(&b.pending), 2);
    assert_int_equal(common_pending_after(&b.pending, 2), 0);
    assert_false(common_pending_executed(&b.pending, b.store, 0, 1)); /* Not the head. */
    assert_int_equal(common_pending_after(&b.pending, 2), 3);
    assert_true(common_pending_executed(&b.pending, b.store, 2, 5));
    assert_int_equal(common_pending_head(&b.pending), 3);
    assert_true(common_pending_executed(&b.pending, b.store, 3, 1));
    assert_int_equal(common_pending_head(&b.pending), NIKA_NODE_NONE);
    assert_int_equal(b.store->in_use, 0);
    bench_free(&b);
}

static void test_r4_the_first_request_of_a_client_and_the_total_hold(void **state)
{
    (void)state;
    struct bench b = bench_new(4, 2);
    assert_int_equal(add(&b, 0, 1), NIKA_OK);
    assert_int_equal(add(&b, 0, 1), NIKA_OK);
    assert_int_equal(b.pending.count, 1);
    assert_int_equal(add(&b, 0, 2), NIKA_ERR_LIMIT);
    assert_int_equal(add(&b, 1, 1), NIKA_OK);
    assert_int_equal(add(&b, 2, 1), NIKA_ERR_LIMIT);
    assert_int_equal(b.pending.count, 2);
    bench_free(&b);
}

static void test_an_older_execution_keeps_a_newer_request(void **state)
{
    (void)state;
    struct bench b = bench_new(1, 1);
    assert_int_equal(add(&b, 0, 7), NIKA_OK);
    assert_false(common_pending_executed(&b.pending, b.store, 0, 6));
    assert_non_null(common_pending_of(&b.pending, 0));
    assert_true(common_pending_executed(&b.pending, b.store, 0, 7));
    assert_null(common_pending_of(&b.pending, 0));
    bench_free(&b);
}

static void test_r4_a_request_in_a_batch_makes_way_for_its_successor(void **state)
{
    (void)state;
    struct bench b = bench_new(2, 2);
    assert_int_equal(add(&b, 0, 5), NIKA_OK);
    assert_int_equal(add(&b, 1, 1), NIKA_OK);
    common_pending_of(&b.pending, 0)->proposed = true;
    assert_int_equal(add(&b, 0, 4), NIKA_ERR_LIMIT); /* Older. */
    assert_int_equal(add(&b, 0, 6), NIKA_OK);        /* Though the total is reached. */
    assert_int_equal(common_pending_of(&b.pending, 0)->timestamp, 6);
    assert_false(common_pending_of(&b.pending, 0)->proposed);
    assert_int_equal(common_pending_head(&b.pending), 1); /* The successor stands at the end. */
    assert_int_equal(b.pending.count, 2);
    assert_int_equal(add(&b, 0, 7), NIKA_ERR_LIMIT); /* 6 is in no batch yet. */
    assert_false(common_pending_executed(&b.pending, b.store, 0, 5));
    assert_int_equal(add(&b, 0, 7), NIKA_ERR_LIMIT);
    common_pending_of(&b.pending, 0)->proposed = true;
    assert_int_equal(add(&b, 0, 7), NIKA_OK);
    assert_true(common_pending_executed(&b.pending, b.store, 1, 1));
    assert_true(common_pending_executed(&b.pending, b.store, 0, 7));
    assert_int_equal(b.pending.count, 0);
    assert_int_equal(b.store->in_use, 0);
    bench_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_leave_in_order_of_arrival),
        cmocka_unit_test(test_r4_the_first_request_of_a_client_and_the_total_hold),
        cmocka_unit_test(test_an_older_execution_keeps_a_newer_request),
        cmocka_unit_test(test_r4_a_request_in_a_batch_makes_way_for_its_successor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
