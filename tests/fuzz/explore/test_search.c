/* A small cluster of Hybster has no reachable state in which two batches are final at one order, whoever is corrupted; and where there
 * is such a state the search finds it, by a shortest way.
 *
 * The counts are what they are: another count means that the protocol, or what the explorer leaves out, has changed. Find out which. */
#include "fuzz/explore/explore.h"
#include "protocols/common/core.h"
#include "protocols/hybster/messages.h"
#include "tests/support/test.h"

static struct nika_explore_options small(const char *protocol)
{
    return (struct nika_explore_options){.protocol = nika_protocol_find(protocol),
                                         .n = 3,
                                         .f = 1,
                                         .views = 2,
                                         .orders = 1,
                                         .corrupted = NIKA_NODE_NONE,
                                         .states_max = 1000000};
}

/* The trace, if asked for, is the caller's. */
static struct nika_explore_result explore(const struct nika_explore_options *options, char **trace)
{
    const char *reason = NULL;
    size_t size = 0;
    struct nika_explore_result result;
    struct nika_explore *x = nika_explore_new(options, &reason);
    assert_non_null(x);
    nika_explore_run(x, &result);
    if (trace != NULL) {
        FILE *file = open_memstream(trace, &size);
        assert_non_null(file);
        nika_explore_trace(x, file);
        fclose(file);
    }
    nika_explore_free(x);
    return result;
}

static void check_complete(const struct nika_explore_options *options, uint64_t states)
{
    struct nika_explore_result r = explore(options, NULL);
    assert_int_equal(r.end, NIKA_EXPLORE_COMPLETE);
    assert_int_equal(r.looked_at, r.states);
    assert_int_equal(r.states, states);
    /* An empty space has no bad state either. */
    assert_int_equal(r.view_seen, options->views - 1);
    assert_in_range(r.final_seen, 1, r.states - 1);
}

static void test_two_views_are_safe_without_a_corrupted_replica(void **state)
{
    struct nika_explore_options options = small("hybster");
    (void)state;
    check_complete(&options, 284);
    options.certificates = true; /* Finals reach those who missed them. */
    check_complete(&options, 486);
}

static void test_two_views_are_safe_whoever_is_corrupted(void **state)
{
    static const uint64_t states[] = {259, 328, 286};
    struct nika_explore_options options = small("hybster");
    (void)state;
    for (options.corrupted = 0; options.corrupted < 3; options.corrupted++)
        check_complete(&options, states[options.corrupted]);
}

static void test_two_orders_are_safe_with_a_corrupted_new_leader(void **state)
{
    struct nika_explore_options options = small("hybster");
    (void)state;
    options.orders = 2;
    options.corrupted = 1;
    check_complete(&options, 36359);
}

/* What quiet steps leave out is nothing: the same verdict, and a violation as many steps away. */
static void test_quiet_steps_leave_nothing_out(void **state)
{
    struct nika_explore_options options = small("hybster");
    (void)state;
    options.every = true;
    check_complete(&options, 3182);
    for (options.corrupted = 0; options.corrupted < 3; options.corrupted++) {
        options.checkpoint = options.corrupted == 1 ? 1 : 0;
        options.every = true;
        struct nika_explore_result all = explore(&options, NULL);
        options.every = false;
        struct nika_explore_result few = explore(&options, NULL);
        assert_int_equal(all.end, NIKA_EXPLORE_COMPLETE);
        assert_int_equal(few.end, NIKA_EXPLORE_COMPLETE);
        assert_int_equal(few.view_seen, all.view_seen);
        assert_memory_equal(few.lies, all.lies, sizeof all.lies);
        assert_in_range(few.states, 1, all.states / 3);
    }
}

static void test_checkpoints_and_transfers_are_safe(void **state)
{
    static const uint64_t states[] = {2226, 885, 3476, 4904};
    struct nika_explore_options options = small("hybster");
    (void)state;
    options.checkpoint = 1;
    for (uint32_t i = 0; i < 4; i++) {
        options.corrupted = i < 3 ? i : NIKA_NODE_NONE;
        struct nika_explore_result r = explore(&options, NULL);
        assert_int_equal(r.end, NIKA_EXPLORE_COMPLETE);
        assert_int_equal(r.states, states[i]);
        assert_in_range(r.transfers, 1, r.replays);
        assert_int_equal(r.lies[HYBSTER_TYPE_checkpoint] > 0, i < 3);
    }
}

static void test_crashes_at_any_instant_are_safe(void **state)
{
    struct nika_explore_options options = small("hybster");
    (void)state;
    options.views = 1;
    options.crashes = 1;
    struct nika_explore_result r = explore(&options, NULL);
    assert_int_equal(r.end, NIKA_EXPLORE_COMPLETE);
    assert_int_equal(r.states, 753);
    assert_in_range(r.crashes, 1, r.replays);
}

/* Each kind of lie of the corrupted replica is told in some state. */
static void test_every_lie_is_told(void **state)
{
    static const uint8_t types[] = {HYBSTER_TYPE_prepare,     HYBSTER_TYPE_commit,
                                    HYBSTER_TYPE_view_change, HYBSTER_TYPE_new_view,
                                    HYBSTER_TYPE_checkpoint,  HYBSTER_TYPE_new_view_ack,
                                    HYBSTER_TYPE_commit_cert};
    struct nika_explore_options options = small("hybster");
    (void)state;
    options.views = 3;
    options.corrupted = 1;
    options.checkpoint = 1;
    options.certificates = true;
    options.states_max = 4000;
    struct nika_explore_result r = explore(&options, NULL);
    for (uint32_t i = 0; i < ARRAY_COUNT(types); i++) assert_true(r.lies[types[i]] > 0);
    /* A gap in its own orders, after which no VIEW-CHANGE of it would be believed. */
    options.orders = 2;
    options.checkpoint = 0;
    assert_true(explore(&options, NULL).lies_hidden > 0);
}

static void test_a_second_run_finds_the_same(void **state)
{
    struct nika_explore_options options = small("hybster");
    (void)state;
    options.corrupted = 2;
    struct nika_explore_result a = explore(&options, NULL), b = explore(&options, NULL);
    assert_memory_equal(&a, &b, sizeof a);
}

static void test_pbft_is_safe_without_a_corrupted_replica(void **state)
{
    struct nika_explore_options options = small("pbft");
    (void)state;
    options.f = 0;
    options.views = 1;
    check_complete(&options, 37);
    options.n = 2;
    options.views = 2;
    check_complete(&options, 36);
}

/* ---- the tester ---- */

static struct nika_replica_ops hasty_ops;

/* To this one the leader's word alone is final. */
static struct nika_replica *hasty_init(void *memory, const struct nika_config *config,
                                       const struct nika_host *host)
{
    struct nika_replica *r = nika_protocol_find("hybster")->replica->init(memory, config, host);
    ((struct common_core *)(void *)r)->quorum = 1;
    return r;
}

static struct nika_protocol hasty(void)
{
    struct nika_protocol protocol = *nika_protocol_find("hybster");
    hasty_ops = *protocol.replica;
    hasty_ops.init = hasty_init;
    protocol.replica = &hasty_ops;
    return protocol;
}

static void test_finals_of_too_few_are_found_by_a_shortest_way(void **state)
{
    struct nika_protocol protocol = hasty();
    struct nika_explore_options options = small("hybster");
    char *trace = NULL;
    (void)state;
    options.protocol = &protocol;
    struct nika_explore_result r = explore(&options, &trace);
    assert_int_equal(r.end, NIKA_EXPLORE_VIOLATION);
    assert_int_equal(r.depth, 3);
    assert_non_null(strstr(trace, "   3  r1's timer fires: request\n"));
    assert_non_null(strstr(trace, "order 1 is final: a\n"));
    assert_non_null(strstr(trace, "order 1 is final: b\n"));
    free(trace);
}

static void test_a_limit_is_no_result(void **state)
{
    struct nika_explore_options options = small("hybster");
    (void)state;
    options.states_max = 100;
    struct nika_explore_result r = explore(&options, NULL);
    assert_int_equal(r.end, NIKA_EXPLORE_LIMIT);
    assert_true(r.looked_at < r.states);
}

static void refused(struct nika_explore_options options, const char *why)
{
    const char *reason = NULL;
    assert_null(nika_explore_new(&options, &reason));
    assert_non_null(strstr(reason, why));
}

static void test_impossible_options_are_refused(void **state)
{
    struct nika_explore_options options = small("hybster");
    (void)state;
    options.corrupted = 3;
    refused(options, "one of the n");
    options = small("hybster");
    options.views = 6;
    refused(options, "views");
    options = small("hybster");
    options.orders = 0;
    refused(options, "orders");
    options = small("hybster");
    options.checkpoint = 2;
    refused(options, "checkpoint");
    options = small("hybster");
    options.crashes = 3;
    refused(options, "crashes");
    options = small("hybster");
    options.n = 2;
    refused(options, "2f+1");
    options = small("pbft");
    options.f = 0;
    options.corrupted = 0;
    refused(options, "Hybster");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_views_are_safe_without_a_corrupted_replica),
        cmocka_unit_test(test_two_views_are_safe_whoever_is_corrupted),
        cmocka_unit_test(test_two_orders_are_safe_with_a_corrupted_new_leader),
        cmocka_unit_test(test_quiet_steps_leave_nothing_out),
        cmocka_unit_test(test_checkpoints_and_transfers_are_safe),
        cmocka_unit_test(test_crashes_at_any_instant_are_safe),
        cmocka_unit_test(test_every_lie_is_told),
        cmocka_unit_test(test_a_second_run_finds_the_same),
        cmocka_unit_test(test_pbft_is_safe_without_a_corrupted_replica),
        cmocka_unit_test(test_finals_of_too_few_are_found_by_a_shortest_way),
        cmocka_unit_test(test_a_limit_is_no_result),
        cmocka_unit_test(test_impossible_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
