/* tests/protocols/pbft/test_ordering.c: what the network may do to messages - any order, twice, not at all - and what a checkpoint
 * may do that comes late. The result must be that of the calm run. */
#include "engine/core/stream.h"
#include "tests/protocols/pbft/fixture.h"

#define REQUESTS 14u
#define RUNS 24u

struct weather {
    uint64_t stream, index;
    bool shuffle, twice;
    uint32_t loss_percent;
};

static uint64_t roll(struct weather *w, uint64_t n)
{
    return nika_stream_below(w->stream, w->index++, n);
}

/* Take message number `number` out of the queue. */
static struct cluster_message *take(struct cluster *c, uint64_t number)
{
    struct cluster_message **link = &c->head, *before = NULL;
    for (; number > 0; number--) {
        before = *link;
        link = &(*link)->next;
    }
    struct cluster_message *m = *link;
    *link = m->next;
    if (c->tail == m) c->tail = before;
    return m;
}

static uint64_t queued(const struct cluster *c)
{
    uint64_t count = 0;
    for (const struct cluster_message *m = c->head; m != NULL; m = m->next) count++;
    return count;
}

static void run_in(struct weather *w, struct cluster *c)
{
    for (uint32_t guard = 0; c->head != NULL; guard++) {
        assert_true(guard < 100000);
        struct cluster_message *m = take(c, w->shuffle ? roll(w, queued(c)) : 0);
        bool lost = roll(w, 100) < w->loss_percent;
        for (uint32_t i = 0; i < (w->twice ? 2u : 1u) && !lost; i++)
            (void)cluster_deliver(c, m->to, m->bytes);
        free(m->bytes.data);
        free(m);
    }
}

/* Timers expire in calm weather: what was lost comes back. As many in every run, so that agreed time is the same. */
static void recover(struct cluster *c)
{
    for (uint32_t round = 0; round < 8; round++) {
        cluster_status(c, 1);
        for (uint32_t i = 0; i < 4; i++) {
            (void)cluster_fire(c, i, COMMON_TIMER_FETCH);
            (void)cluster_fire(c, i, COMMON_TIMER_LAG);
            (void)cluster_fire(c, i, COMMON_TIMER_TRANSFER);
            cluster_run(c);
        }
    }
}

/* All replicas execute every request once and end in one state; returns it. */
static struct nika_digest work(struct weather w)
{
    struct cluster *c = cluster_new(4, 1);
    for (uint64_t t = 1; t <= REQUESTS; t++) {
        c->now_ns += 1000000;
        cluster_request(c, 0, t);
        run_in(&w, c);
        recover(c); /* The next request waits for this one, as a client would. */
    }
    for (uint32_t i = 0; i < 4; i++) {
        struct nika_replica *r = cluster_replica(c, i);
        assert_int_equal(r->core.replies.entries[0].last_timestamp, REQUESTS);
        assert_int_equal(r->core.pending.count, 0);
        assert_int_equal(r->core.view, 0);
        assert_int_equal(c->nodes[i].alarms, 0);
        assert_int_equal(c->nodes[i].evidence, 0);
        for (uint32_t s = 1; s <= r->core.last_executed; s++)
            assert_true(c->nodes[i].executed_count[s] <= 1); /* 0 behind a state transfer. */
        assert_memory_equal(&c->nodes[i].app.state, &c->nodes[0].app.state,
                            sizeof c->nodes[0].app.state);
    }
    cluster_check_agreement(c);
    struct nika_digest state = c->nodes[0].app.state;
    cluster_free(c);
    return state;
}

static void test_messages_in_any_order_lead_to_the_same_state(void **state)
{
    (void)state;
    struct nika_digest calm = work((struct weather){0});
    for (uint64_t k = 0; k < RUNS; k++) {
        struct nika_digest end =
            work((struct weather){.stream = nika_stream(k, "reorder", 0), .shuffle = true});
        assert_true(nika_digest_equal(&end, &calm));
    }
}

static void test_every_message_twice_leads_to_the_same_state(void **state)
{
    (void)state;
    struct nika_digest calm = work((struct weather){0});
    struct nika_digest end = work((struct weather){.twice = true});
    assert_true(nika_digest_equal(&end, &calm));
    for (uint64_t k = 0; k < RUNS; k++) {
        end = work(
            (struct weather){.stream = nika_stream(k, "twice", 0), .shuffle = true, .twice = true});
        assert_true(nika_digest_equal(&end, &calm));
    }
}

/* Two of four say everything three times: that is still two, and neither prepares nor executes anything. */
static void test_repeating_oneself_makes_no_quorum(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    c->nodes[2].silent = c->nodes[3].silent = true;
    cluster_request(c, 0, 1);
    for (uint32_t guard = 0; c->head != NULL; guard++) {
        assert_true(guard < 1000);
        struct cluster_message *m = take(c, 0);
        for (uint32_t i = 0; i < 3; i++) (void)cluster_deliver(c, m->to, m->bytes);
        free(m->bytes.data);
        free(m);
    }
    assert_int_equal(c->nodes[1].sent[PBFT_TYPE_prepare], 1); /* Something was said at all. */
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(c->nodes[i].sent[PBFT_TYPE_commit], 0);
        assert_int_equal(cluster_replica(c, i)->core.last_executed, 0);
    }
    cluster_free(c);
}

static void test_missing_messages_come_back_and_the_replicas_agree(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < RUNS; k++) {
        (void)work((struct weather){.stream = nika_stream(k, "loss", 0),
                                    .shuffle = k % 2 == 0,
                                    .loss_percent = 5 + (uint32_t)(k % 4) * 10});
    }
}

/* The snapshot is durable only after the others made the checkpoint stable: nothing is transferred, and h moves once. */
static void test_a_late_own_checkpoint_joins_the_stable_one(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    for (uint64_t s = 1; s <= 3; s++) (void)fixture_execute(&f, s);
    f.node->hold_disk = true;
    struct nika_digest order = fixture_order(&f, 4);
    cluster_disk(f.c, 1);
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_commit(&f, i, 0, 4, &order);
    }
    const struct common_snapshot *own = common_snapshot_find(&fixture_replica(&f)->core, 4);
    assert_non_null(own);
    struct nika_digest d = own->digest;
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_checkpoint(&f, i, 4, &d);
    }
    assert_int_equal(f.node->sent[PBFT_TYPE_checkpoint], 0);
    cluster_disk(f.c, 1);
    cluster_disk(f.c, 1);
    assert_int_equal(fixture_replica(&f)->core.low_mark, 4);
    assert_true(fixture_replica(&f)->core.stable_is_local);
    assert_false(fixture_replica(&f)->core.transfer.active);
    assert_true(f.node->sent[PBFT_TYPE_checkpoint] <= 1);
    f.node->hold_disk = false;
    (void)fixture_execute(&f, 5); /* The window goes on from there. */
    fixture_free(&f);
}

static void ask(struct fixture *f, uint64_t seq, const struct nika_digest *d)
{
    struct common_fetch_meta m = {.seq = seq, .digest = *d};
    f->c->now_ns += 1000000000;
    assert_true(fixture_send(f, 3, &common_info_fetch_meta, &m));
}

/* Execute up to `seq`, a multiple of K, and let it become stable. */
static struct nika_digest make_stable(struct fixture *f, uint64_t seq)
{
    while (fixture_replica(f)->core.last_executed < seq)
        (void)fixture_execute(f, fixture_replica(f)->core.last_executed + 1);
    struct nika_digest d = common_snapshot_find(&fixture_replica(f)->core, seq)->digest;
    fixture_checkpoint(f, 0, seq, &d);
    fixture_checkpoint(f, 2, seq, &d);
    assert_int_equal(fixture_replica(f)->core.low_mark, seq);
    return d;
}

/* Whoever fetches a stable state is not cut off by the next one; older ones go, and who asks for them is told of the newest. */
static void test_the_two_newest_stable_checkpoints_are_served_and_no_older_one(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_digest first = make_stable(&f, 4);
    struct nika_digest second = make_stable(&f, 8);
    ask(&f, 4, &first);
    ask(&f, 8, &second);
    assert_int_equal(f.node->sent[COMMON_TYPE_meta], 2);
    assert_int_equal(f.node->sent[COMMON_TYPE_no_snapshot], 0);
    struct nika_digest third = make_stable(&f, 12);
    ask(&f, 4, &first);
    assert_int_equal(f.node->sent[COMMON_TYPE_meta], 2);
    assert_int_equal(f.node->sent[COMMON_TYPE_no_snapshot], 1);
    ask(&f, 8, &second);
    ask(&f, 12, &third);
    assert_int_equal(f.node->sent[COMMON_TYPE_meta], 4);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_in_any_order_lead_to_the_same_state),
        cmocka_unit_test(test_every_message_twice_leads_to_the_same_state),
        cmocka_unit_test(test_repeating_oneself_makes_no_quorum),
        cmocka_unit_test(test_missing_messages_come_back_and_the_replicas_agree),
        cmocka_unit_test(test_a_late_own_checkpoint_joins_the_stable_one),
        cmocka_unit_test(test_the_two_newest_stable_checkpoints_are_served_and_no_older_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
