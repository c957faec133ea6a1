/* tests/protocols/common/test_order.c: which batches a slot keeps and gives up, orders that wait for theirs, agreed time (order.h); what is
 * news about a number (window.h) and about a view (views.h). */
#include "protocols/common/order.h"

#include "protocols/common/status.h"
#include "protocols/common/views.h"
#include "protocols/common/window.h"
#include "tests/support/test.h"

#define STORE_SIZE 65536u
#define WINDOW 8u

/* The least protocol: a slot is a common slot, and what it accepts it only notes. */
struct bench {
    struct nika_config config;
    struct common_core core; /* Replica 1 of n = 4, backup of view 0. */
    struct common_slot slots[WINDOW];
    struct common_view_change view_changes[4];
    struct nika_effects effects;
    struct nika_action actions[64];
    uint8_t bytes[4096];
    uint32_t accepted, frame;
    bool ordering;
    void *memory;
};
static struct bench *present;

static void slot_release(struct common_core *core, struct common_slot *slot)
{
    common_slot_drop(core, slot);
    memset(slot, 0, sizeof *slot);
}

static void slot_accept(struct common_core *core, struct common_slot *slot, uint32_t frame)
{
    slot->order = frame;
    present->accepted++;
    present->frame = frame;
    common_order_judge_time(core, slot, NIKA_CHECK_PP9);
}

static bool slot_ordering(const struct common_slot *slot)
{
    (void)slot;
    return present->ordering;
}

static const struct common_hooks hooks = {
    .slot_release = slot_release, .slot_accept = slot_accept, .slot_ordering = slot_ordering};

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    nika_config_default(&b->config);
    b->config.window = WINDOW;
    b->memory = aligned_alloc(64, (nika_store_size(STORE_SIZE) + 63) / 64 * 64);
    assert_non_null(b->memory);
    b->effects = (struct nika_effects){.actions = b->actions,
                                       .capacity = ARRAY_COUNT(b->actions),
                                       .bytes = b->bytes,
                                       .bytes_capacity = sizeof b->bytes};
    b->core = (struct common_core){.hooks = &hooks,
                                   .config = &b->config,
                                   .self = 1,
                                   .n = 4,
                                   .f = 1,
                                   .pillars = 1,
                                   .quorum = 3,
                                   .active = true,
                                   .now_ns = 1000000,
                                   .effects = &b->effects,
                                   .slots = (uint8_t *)b->slots,
                                   .slot_size = sizeof b->slots[0],
                                   .view_changes = b->view_changes,
                                   .store = nika_store_init(b->memory, STORE_SIZE)};
    present = b;
    return b;
}

static void bench_free(struct bench *b)
{
    free(b->memory);
    free(b);
}

static struct nika_digest digest_of(uint8_t name)
{
    struct nika_digest d = {{0}};
    d.bytes[0] = name;
    return d;
}

/* Eight bytes of agreed time, and a number that tells one batch from another. */
static uint32_t put(struct bench *b, uint64_t time_ns, uint8_t name)
{
    uint8_t body[9];
    for (uint32_t i = 0; i < 8; i++) body[i] = (uint8_t)(time_ns >> (8 * i));
    body[8] = name;
    uint32_t handle = nika_store_put(b->core.store, (struct nika_span){body, sizeof body});
    assert_int_not_equal(handle, 0);
    return handle;
}

static void give(struct bench *b, struct common_slot *slot, uint8_t name)
{
    struct nika_digest d = digest_of(name);
    common_slot_set_digest(&b->core, slot, &d);
    slot->batch = put(b, 1, name);
    slot->batch_ok = true;
}

static void test_a_batch_is_kept_while_something_refers_to_it(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct common_slot *slot = common_slot_at(&b->core, 3);
    struct nika_digest a = digest_of('a'), c = digest_of('c'), x = digest_of('x');
    give(b, slot, 'a');
    slot->carry = true;
    slot->carry_digest = a;
    give(b, slot, 'c');
    assert_int_not_equal(slot->carry_batch, 0);
    slot->committed = true;
    slot->commit_digest = c;
    give(b, slot, 'x');
    assert_int_not_equal(slot->commit_batch, 0);
    const char names[] = {'a', 'c', 'x'};
    const struct nika_digest digests[] = {a, c, x};
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t handle = common_slot_batch(slot, &digests[i]);
        assert_int_not_equal(handle, 0);
        assert_int_equal(nika_store_at(b->core.store, handle)[8], names[i]);
    }
    /* Nothing refers to x: it goes, and the kept one is the slot's again. */
    common_slot_set_digest(&b->core, slot, &c);
    assert_true(slot->batch_ok);
    assert_int_equal(slot->commit_batch, 0);
    assert_int_equal(common_slot_batch(slot, &x), 0);
    assert_true(common_slot_commit_ready(slot));
    bench_free(b);
}

static void test_an_unchecked_batch_is_none(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct common_slot *slot = common_slot_at(&b->core, 1);
    struct nika_digest a = digest_of('a');
    give(b, slot, 'a');
    slot->batch_ok = false;
    assert_int_equal(common_slot_batch(slot, &a), 0);
    bench_free(b);
}

static bool spared(struct bench *b, struct common_slot *slot)
{
    bool any = common_spare_batches(&b->core);
    assert_int_equal(any, slot->batch == 0);
    return any;
}

static void test_a_full_store_takes_only_what_nobody_needs(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct common_slot *slot = common_slot_at(&b->core, 2);
    struct nika_digest a = digest_of('a');
    give(b, slot, 'a');
    slot->order = put(b, 0, 'o');
    assert_false(spared(b, slot));
    common_slot_forget_order(&b->core, slot);
    slot->parked = put(b, 0, 'p');
    b->core.parked_count = 1;
    assert_false(spared(b, slot));
    common_slot_unpark(&b->core, slot);
    assert_int_equal(b->core.parked_count, 0);
    b->ordering = true;
    assert_false(spared(b, slot));
    b->ordering = false;
    slot->carry = true;
    slot->carry_digest = a;
    assert_false(spared(b, slot));
    common_slot_forget_carried(&b->core, slot);
    slot->committed = true;
    slot->commit_digest = a;
    assert_false(spared(b, slot));
    slot->committed = false;
    assert_true(spared(b, slot));
    bench_free(b);
}

static void test_an_order_waits_for_its_batch(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct common_slot *slot = common_slot_at(&b->core, 1);
    struct nika_digest a = digest_of('a'), null = {{0}};
    common_order_take(&b->core, slot, &a, put(b, 0, 'o'), NIKA_NODE_NONE);
    assert_int_equal(b->accepted, 0);
    assert_int_equal(b->core.parked_count, 1);
    assert_true(b->core.fetches[0].active);
    assert_memory_equal(common_order_digest(slot), &a, sizeof a);
    assert_true(common_order_known(slot));
    assert_ptr_equal(common_order_known_frame(&b->core, slot).data,
                     nika_store_span(b->core.store, slot->parked).data);
    /* Bytes that are no batch: the order stays as what the primary said, and is never voted for. */
    uint8_t garbage[5] = {1, 2, 3, 4, 5};
    struct nika_span body = {garbage, sizeof garbage};
    assert_int_equal(common_order_resume(&b->core, slot, body), NIKA_CHECK_PP7);
    assert_true(slot->withheld);
    assert_int_equal(common_order_resume(&b->core, slot, body), NIKA_CHECK_NONE);
    assert_int_equal(b->accepted, 0);
    assert_int_not_equal(slot->parked, 0);
    /* The null batch is always at hand. */
    slot = common_slot_at(&b->core, 2);
    uint32_t frame = put(b, 0, 'n');
    slot->from_new_view = true;
    common_order_take(&b->core, slot, &null, frame, NIKA_NODE_NONE);
    assert_int_equal(b->accepted, 1);
    assert_int_equal(b->frame, frame);
    assert_true(slot->batch_ok);
    assert_int_equal(slot->nondet_ns, 0);
    bench_free(b);
}

/* As a certificate: u32 length + the frame, and more. */
static void test_an_order_within_a_certificate_is_kept_once(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct common_slot *slot = common_slot_at(&b->core, 1);
    struct nika_digest null = {{0}};
    const uint8_t block[] = {3, 0, 0, 0, 'o', 'r', 'd', 9, 9};
    common_order_take(&b->core, slot, &null, put(b, 0, 'o'), NIKA_NODE_NONE);
    uint32_t before = b->core.store->in_use;
    uint32_t handle = nika_store_put(b->core.store, (struct nika_span){block, sizeof block});
    uint32_t own = b->core.store->in_use - before;
    common_order_keep_within(&b->core, slot, handle);
    assert_in_range(b->core.store->in_use, own,
                    before + own - 1); /* The frame of its own is gone. */
    struct nika_span frame = common_order_frame(&b->core, slot);
    assert_int_equal(frame.size, 3);
    assert_memory_equal(frame.data, "ord", 3);
    common_slot_forget_order(&b->core, slot);
    assert_false(common_order_known(slot));
    assert_int_equal(nika_store_length(b->core.store, handle), sizeof block); /* Its owner's. */
    nika_store_free(b->core.store, handle);
    common_order_take(&b->core, slot, &null, put(b, 0, 'p'), NIKA_NODE_NONE);
    assert_ptr_equal(common_order_frame(&b->core, slot).data,
                     nika_store_span(b->core.store, slot->order).data);
    bench_free(b);
}

/* An order at `seq` whose batch says this time. */
static struct common_slot *order_at(struct bench *b, uint64_t seq, uint64_t time_ns)
{
    struct common_slot *slot = common_slot_at(&b->core, seq);
    struct nika_digest d = digest_of((uint8_t)seq);
    slot->view = b->core.view;
    give(b, slot, (uint8_t)seq);
    nika_store_free(b->core.store, slot->batch);
    slot->batch = put(b, time_ns, (uint8_t)seq);
    common_order_take(&b->core, slot, &d, put(b, 0, 'o'), NIKA_NODE_NONE);
    assert_int_equal(slot->nondet_ns, time_ns);
    return slot;
}

static void test_agreed_time_may_be_late_but_not_early(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    uint64_t reach = b->core.now_ns + b->config.time_skew_ns;
    b->core.last_time_ns = 10;
    assert_true(order_at(b, 1, 10)->untimely); /* Time did not move (PP9). */
    assert_false(order_at(b, 2, reach)->withheld);
    struct common_slot *early = order_at(b, 3, reach + 2);
    assert_true(early->withheld && early->untimely);
    assert_true(
        order_at(b, 4, reach + 3)->withheld); /* Nor does an early one vouch for the next. */
    /* When clocks were ahead, time moves by as little as there is. */
    b->core.last_time_ns = reach + 100;
    assert_false(order_at(b, 6, reach + 101)->withheld);
    assert_false(order_at(b, 7, reach + 102)->withheld);
    assert_true(order_at(b, 8, reach + 104)->withheld);
    /* Time cures it. */
    b->core.last_time_ns = 10;
    common_order_reconsider(&b->core, early);
    assert_true(early->withheld);
    b->core.now_ns += 2;
    common_order_reconsider(&b->core, early);
    assert_false(early->withheld || early->untimely);
    bench_free(b);
}

static void test_pillars_order_times_that_do_not_follow_numbers(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    b->core.pillars = 2;
    b->core.last_time_ns = 10;
    assert_false(order_at(b, 1, 9)->withheld);
    assert_true(order_at(b, 2, b->core.now_ns + b->config.time_skew_ns + 1)->withheld);
    bench_free(b);
}

static void test_what_is_final_stays(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct common_slot *slot = common_slot_at(&b->core, 1);
    struct nika_digest a = digest_of('a'), c = digest_of('c');
    uint64_t signers[2] = {7, 0};
    assert_true(common_cert_news(&b->core, 1, &a));
    assert_true(common_slot_commit(&b->core, slot, 0, &a, signers));
    assert_true(common_slot_commit(&b->core, slot, 2, &a, signers));
    assert_int_equal(slot->commit_view, 0);
    assert_false(common_slot_commit(&b->core, slot, 2, &c, signers));
    assert_memory_equal(&slot->commit_digest, &a, sizeof a);
    assert_false(common_cert_news(&b->core, 1, &a));
    assert_true(common_cert_news(&b->core, 1, &c));
    /* Executed, but from a log: the digest is not known any more. */
    b->core.last_executed = 2;
    assert_false(common_cert_news(&b->core, 2, &c));
    bench_free(b);
}

static enum common_news hear(struct bench *b, uint32_t sender, uint64_t view, uint8_t content)
{
    uint8_t bytes[128];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    struct nika_frame frame;
    nika_frame_write(&b->config, 7, sender, (struct nika_span){&content, 1}, NIKA_AUTH_NONE,
                     (struct nika_span){0}, &w);
    struct nika_span raw = {bytes, w.at};
    assert_int_equal(nika_frame_parse(raw, b->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame),
                     NIKA_OK);
    enum common_news news = common_view_change_news(&b->core, &frame, view);
    if (news == COMMON_NEWS_FRESH) assert_true(common_view_change_store(&b->core, &frame, view, 0));
    return news;
}

static void test_a_view_change_is_news_once(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    b->core.view = 1;
    assert_int_equal(hear(b, 2, 0, 'a'), COMMON_NEWS_NONE); /* VC3 */
    assert_int_equal(hear(b, 2, 1, 'a'), COMMON_NEWS_NONE); /* Active already. */
    assert_int_equal(hear(b, 2, 3, 'a'), COMMON_NEWS_FRESH);
    assert_int_equal(hear(b, 2, 3, 'a'), COMMON_NEWS_NONE);  /* A retransmission. */
    assert_int_equal(hear(b, 2, 3, 'b'), COMMON_NEWS_OTHER); /* INV-VCU */
    assert_int_equal(hear(b, 2, 2, 'z'), COMMON_NEWS_NONE);  /* It wanted a later one before. */
    assert_int_equal(hear(b, 2, 4, 'b'), COMMON_NEWS_FRESH);
    assert_int_equal(b->view_changes[2].view, 4);
    b->core.active = false;
    assert_int_equal(hear(b, 3, 1, 'a'), COMMON_NEWS_FRESH);
    bench_free(b);
}

static void test_only_the_primary_abdicates(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    b->core.view = 2;
    assert_true(common_view_abdicated(&b->core, 2, 3));
    assert_false(common_view_abdicated(&b->core, 3, 3));
    assert_false(common_view_abdicated(&b->core, 2, 2));
    b->core.active = false;
    assert_false(common_view_abdicated(&b->core, 2, 3));
    bench_free(b);
}

static bool is_odd(const struct common_core *core, const struct common_slot *slot)
{
    (void)core;
    return slot->seq % 2 == 1;
}

static void test_the_bitmaps_of_a_status(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct common_status_bits bits = {0};
    b->core.low_mark = b->core.last_executed = 2;
    for (uint64_t s = 3; s <= 10; s += s == 5 ? 2 : 1) (void)common_slot_at(&b->core, s);
    common_slot_at(&b->core, 4)->committed = true;
    assert_int_equal(common_status_numbers(&b->core, is_odd, &bits), 1);
    struct nika_span has = {bits.prepared, 1}, committed = {bits.committed, 1};
    for (uint64_t s = 3; s <= 10; s++) {
        assert_int_equal(common_status_has(has, 2, s), s % 2 == 1);
        assert_int_equal(common_status_has(committed, 2, s), s == 4);
    }
    assert_false(common_status_has(has, 2, 11)); /* Beyond its end. */
    assert_true(common_status_names(committed, 1));
    assert_false(common_status_names(committed, 8));
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_is_kept_while_something_refers_to_it),
        cmocka_unit_test(test_an_unchecked_batch_is_none),
        cmocka_unit_test(test_a_full_store_takes_only_what_nobody_needs),
        cmocka_unit_test(test_an_order_waits_for_its_batch),
        cmocka_unit_test(test_an_order_within_a_certificate_is_kept_once),
        cmocka_unit_test(test_agreed_time_may_be_late_but_not_early),
        cmocka_unit_test(test_pillars_order_times_that_do_not_follow_numbers),
        cmocka_unit_test(test_what_is_final_stays),
        cmocka_unit_test(test_a_view_change_is_news_once),
        cmocka_unit_test(test_only_the_primary_abdicates),
        cmocka_unit_test(test_the_bitmaps_of_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
