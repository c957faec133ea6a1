/* tests/engine/sim/test_world.c: the world runs, repeats, copies and breaks exactly as its options say. */
#include "tests/engine/sim/toy.h"
#include "tests/support/test.h"

#define MS UINT64_C(1000000)

static struct nika_world *make(const struct nika_world_options *o, uint64_t seed)
{
    const char *reason = NULL;
    struct nika_world *w = nika_world_new(o, seed, &reason);
    assert_non_null(w);
    return w;
}
static void end(struct nika_world *w, const struct nika_world_options *o)
{
    nika_world_free(w);
    nika_keyring_free(o->keyring);
}
static struct nika_replica_status status(const struct nika_world *w, uint32_t replica)
{
    struct nika_replica_status s;
    nika_world_status(w, replica, &s);
    return s;
}

static void test_same_seed_same_digest_and_another_seed_another(void **state)
{
    (void)state;
    char a[33], b[33], c[33];
    struct nika_world_options o = toy_options(TOY_RELAY | TOY_PERSIST);
    struct nika_world *w = make(&o, 7);
    (void)nika_world_run(w, 50 * MS);
    nika_world_digest_text(w, a);
    nika_world_reset(w, 7);
    (void)nika_world_run(w, 50 * MS);
    nika_world_digest_text(w, b);
    nika_world_reset(w, 8);
    (void)nika_world_run(w, 50 * MS);
    nika_world_digest_text(w, c);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    end(w, &o);
}

static size_t nothing_used(const void *extra)
{
    (void)extra;
    return 0;
}

/* The second world lies otherwise, where the first left more than it said. */
static void test_a_world_after_another_is_as_the_first(void **state)
{
    (void)state;
    char first[33], second[33];
    struct nika_world_options o = toy_options(TOY_RELAY | TOY_PERSIST);
    o.extra_bytes = 65536;
    o.extra_used = nothing_used;
    struct nika_world *w = make(&o, 7);
    (void)nika_world_run(w, 50 * MS);
    nika_world_digest_text(w, first);
    memset(nika_world_extra(w), 0xff, o.extra_bytes);
    nika_world_free(w);
    o.extra_bytes = 2 * 65536;
    w = make(&o, 7);
    const uint8_t *extra = nika_world_extra(w);
    for (uint32_t i = 0; i < o.extra_bytes; i++) assert_int_equal(extra[i], 0);
    (void)nika_world_run(w, 50 * MS);
    nika_world_digest_text(w, second);
    assert_string_equal(first, second);
    end(w, &o);
}

static void test_a_restored_run_goes_on_as_the_straight_run(void **state)
{
    (void)state;
    char straight[33], branch[33];
    struct nika_world_options o = toy_options(TOY_RELAY | TOY_PERSIST);
    struct nika_world *w = make(&o, 3);
    (void)nika_world_run(w, 20 * MS);
    struct nika_world_snapshot *s = nika_world_snapshot(w);
    assert_non_null(s);
    (void)nika_world_run(w, 60 * MS);
    nika_world_digest_text(w, straight);
    for (int i = 0; i < 2; i++) {
        nika_world_restore(w, s);
        nika_world_digest_text(w, branch);
        assert_string_not_equal(straight, branch);
        (void)nika_world_run(w, 60 * MS);
        nika_world_digest_text(w, branch);
        assert_string_equal(straight, branch);
    }
    nika_world_snapshot_free(s);
    end(w, &o);
}

static void test_a_snapshot_taken_again_replaces_the_first(void **state)
{
    (void)state;
    char straight[33], branch[33];
    struct nika_digest then, later;
    struct nika_world_options o = toy_options(TOY_RELAY | TOY_PERSIST);
    struct nika_world *w = make(&o, 3);
    struct nika_world_snapshot *s = nika_world_snapshot(w);
    assert_non_null(s);
    (void)nika_world_run(w, 20 * MS);
    nika_world_snapshot_again(w, s);
    assert_true(nika_world_snapshot_bytes(s) > 0);
    nika_world_replica_digest(w, 1, &then);
    (void)nika_world_run(w, 60 * MS);
    nika_world_digest_text(w, straight);
    nika_world_replica_digest(w, 1, &later);
    assert_false(nika_digest_equal(&then, &later));
    nika_world_restore(w, s);
    assert_true(nika_world_now(w) >= 19 * MS); /* Not the beginning, where the first was taken. */
    nika_world_replica_digest(w, 1, &later);
    assert_true(nika_digest_equal(&then, &later));
    (void)nika_world_run(w, 60 * MS);
    nika_world_digest_text(w, branch);
    assert_string_equal(straight, branch);
    nika_world_snapshot_free(s);
    end(w, &o);
}

/* A fault of which the test gives the callbacks. */
static struct nika_world_options with_fault(uint32_t mode, const struct nika_fault_ops *ops)
{
    struct nika_world_options o = toy_options(mode);
    o.faults[0] =
        (struct nika_fault){.ops = ops, .targets = {1}, .from_ns = 0, .to_ns = NIKA_NEVER};
    o.fault_count = 1;
    return o;
}

/* A frame that belongs to no step: it leaves when its record is durable. */
static void tell_when_durable(struct nika_fault *f, uint32_t node, uint32_t kind, uint64_t a,
                              uint64_t b)
{
    (void)a, (void)b;
    uint8_t body[8] = {0};
    if (kind == NIKA_TAP_STORED)
        f->host->inject(f->host->world, node, 1, 1, NIKA_AUTH_SIGNATURE,
                        (struct nika_span){body, sizeof body});
}

static void test_what_a_fault_sends_between_steps_is_restored(void **state)
{
    (void)state;
    char straight[33], branch[33];
    struct nika_fault_ops ops = {
        .name = "x", .fault_class = NIKA_FAULT_BYZANTINE, .on_tap = tell_when_durable};
    struct nika_world_options o = with_fault(TOY_RELAY | TOY_PERSIST, &ops);
    struct nika_world *w = make(&o, 3);
    struct nika_world_snapshot *s = nika_world_snapshot(w);
    assert_non_null(s);
    (void)nika_world_run(w, 20 * MS);
    for (uint32_t i = 0; i < 60; i++) { /* Before any event, that which stores included. */
        assert_int_equal(nika_world_step(w), NIKA_WORLD_RUNNING);
        nika_world_snapshot_again(w, s);
        (void)nika_world_run(w, 40 * MS);
        nika_world_digest_text(w, straight);
        nika_world_restore(w, s);
        (void)nika_world_run(w, 40 * MS);
        nika_world_digest_text(w, branch);
        assert_string_equal(straight, branch);
        nika_world_restore(w, s);
    }
    assert_true(nika_world_now(w) < 40 * MS);
    nika_world_snapshot_free(s);
    end(w, &o);
}

static void crash_start(struct nika_fault *f)
{
    f->host->wake(f->host->world, f, 10 * MS + MS / 100, 1);
    f->host->wake(f->host->world, f, 15 * MS, 2);
}
static void crash_wake(struct nika_fault *f, uint64_t cookie)
{
    if (cookie == 1)
        f->host->crash(f->host->world, 0);
    else
        f->host->restart(f->host->world, 0, false);
    nika_fault_acted(f, 0);
}
static bool tear_nothing(struct nika_fault *f, uint32_t replica, uint32_t unsynced, uint32_t *kept)
{
    (void)f;
    (void)replica;
    assert_true(unsynced > 0);
    *kept = 0;
    return true;
}
static bool tear_half(struct nika_fault *f, uint32_t replica, uint32_t unsynced, uint32_t *kept)
{
    (void)f;
    (void)replica;
    *kept = unsynced / 2;
    return true;
}
static enum nika_disk_fault lose_all(struct nika_fault *f, uint32_t replica, uint32_t kind,
                                     uint64_t *delay)
{
    (void)f;
    (void)replica;
    (void)kind;
    (void)delay;
    return NIKA_DISK_LOST_FSYNC;
}
static uint64_t recovered_after_crash(const struct nika_fault_ops *ops)
{
    struct nika_world_options o = with_fault(TOY_PERSIST, ops);
    struct nika_world *w = make(&o, 1);
    (void)nika_world_run(w, 12 * MS);
    assert_false(nika_world_is_up(w, 0));
    assert_true(nika_world_is_up(w, 1));
    (void)nika_world_run(w, 15 * MS + MS / 10);
    assert_true(nika_world_is_up(w, 0));
    uint64_t recovered = status(w, 0).last_executed;
    assert_int_equal(status(w, 0).wait_detail, 0);
    end(w, &o);
    return recovered;
}

static void test_a_crash_keeps_the_durable_and_loses_the_rest(void **state)
{
    (void)state;
    struct nika_fault_ops ops = {.name = "x",
                                 .fault_class = NIKA_FAULT_DISK,
                                 .start = crash_start,
                                 .on_wake = crash_wake,
                                 .on_tear = tear_nothing};
    assert_int_equal(recovered_after_crash(&ops),
                     10); /* Records at 0..9 ms are durable, that of 10 ms is not. */
    ops.on_tear = tear_half;
    assert_int_equal(recovered_after_crash(&ops),
                     10); /* Half a record is a torn tail: cut, not corrupt. */
    ops.on_disk = lose_all;
    ops.on_tear = tear_nothing;
    assert_int_equal(recovered_after_crash(&ops), 0);
}

static void rot_start(struct nika_fault *f)
{
    f->host->wake(f->host->world, f, 8 * MS, 3);
    crash_start(f);
}
static void rot_wake(struct nika_fault *f, uint64_t cookie)
{
    if (cookie == 3)
        assert_true(f->host->disk_rot(f->host->world, 0, 100000));
    else
        crash_wake(f, cookie);
}
static void test_a_rotten_record_before_good_ones_makes_amnesia(void **state)
{
    (void)state;
    static const struct nika_fault_ops ops = {
        .name = "x", .fault_class = NIKA_FAULT_DISK, .start = rot_start, .on_wake = rot_wake};
    struct nika_world_options o = with_fault(TOY_PERSIST, &ops);
    struct nika_world *w = make(&o, 1);
    (void)nika_world_run(w, 15 * MS + MS / 10);
    assert_int_equal(status(w, 0).wait_detail, 1);
    assert_int_equal(status(w, 0).last_executed, 0);
    end(w, &o);
}

static void again_start(struct nika_fault *f)
{
    rot_start(f);
    for (uint64_t ms = 17; ms <= 26; ms += 9) {
        f->host->wake(f->host->world, f, ms * MS, 1);
        f->host->wake(f->host->world, f, (ms + 1) * MS, 2);
    }
}
/* What it wrote after it lost its log is no whole log: until it is over the loss, every restart is one without memory. */
static void test_amnesia_outlives_a_crash_and_ends_with_its_cause(void **state)
{
    (void)state;
    static const struct nika_fault_ops ops = {
        .name = "x", .fault_class = NIKA_FAULT_DISK, .start = again_start, .on_wake = rot_wake};
    struct nika_world_options o = with_fault(TOY_PERSIST, &ops);
    struct nika_world *w = make(&o, 1);
    (void)nika_world_run(w, 18 * MS + MS / 10);
    assert_true(nika_world_is_up(w, 0));
    assert_int_equal(status(w, 0).wait_detail, 1);
    (void)nika_world_run(w, 27 * MS + MS / 10);
    assert_true(nika_world_is_up(w, 0));
    assert_int_equal(status(w, 0).wait_detail, 0);
    end(w, &o);
}

static void test_a_full_disk_fails_records_and_only_then(void **state)
{
    (void)state;
    struct nika_world_options o = toy_options(TOY_PERSIST);
    o.disk.log_bytes_max = 10 * 117; /* Ten records of 100 bytes. */
    struct nika_world *w = make(&o, 1);
    (void)nika_world_run(w, 9 * MS + MS / 2);
    assert_int_equal(status(w, 0).pending, 0);
    assert_int_equal(status(w, 0).low_mark, 10);
    (void)nika_world_run(w, 12 * MS + MS / 2);
    assert_int_equal(status(w, 0).pending, 3);
    end(w, &o);
}

static uint64_t burst(struct nika_world_options *o, uint64_t *out_of_order)
{
    struct nika_world *w = make(o, 5);
    (void)nika_world_run(w, 1000 * MS);
    uint64_t received = status(w, 1).view;
    *out_of_order = status(w, 1).last_committed;
    end(w, o);
    return received;
}
static void test_links_are_fifo_unless_reorder_is_drawn(void **state)
{
    (void)state;
    uint64_t late = 0;
    struct nika_world_options o = toy_options(TOY_BURST);
    assert_int_equal(burst(&o, &late), 200);
    assert_int_equal(late, 0);
    o = toy_options(TOY_BURST);
    o.network.reorder_ppm = 500000;
    assert_int_equal(burst(&o, &late), 200);
    assert_true(late > 10);
}
static void test_loss_and_duplication_are_about_as_asked(void **state)
{
    (void)state;
    uint64_t late = 0;
    struct nika_world_options o = toy_options(TOY_BURST);
    o.network.loss_ppm = 500000;
    uint64_t received = burst(&o, &late);
    assert_in_range(received, 60, 140);
    o = toy_options(TOY_BURST);
    o.network.duplicate_ppm = 500000;
    received = burst(&o, &late);
    assert_in_range(received, 260, 340);
}
static void test_bandwidth_delays_and_a_full_link_drops(void **state)
{
    (void)state;
    uint64_t late = 0;
    struct nika_world_options o = toy_options(TOY_BURST);
    o.network.bandwidth_bytes_per_s = 5000; /* 200 frames of ~53 bytes take about two seconds. */
    uint64_t received = burst(&o, &late);
    assert_in_range(received, 50, 150);
    o = toy_options(TOY_BURST);
    o.network.link_bytes_max = 1000;
    received = burst(&o, &late);
    assert_in_range(received, 10, 30);
}

static void hold_all(struct nika_fault *f, struct nika_outgoing *out)
{
    if (out->to != 1) return;
    out->drop = true;
    nika_fault_acted(f, out->to);
}
static void test_a_partition_hides_only_its_side_and_ends_at_gst(void **state)
{
    (void)state;
    static const struct nika_fault_ops ops = {
        .name = "x", .fault_class = NIKA_FAULT_NETWORK, .on_link = hold_all};
    struct nika_world_options o = with_fault(TOY_RELAY, &ops);
    o.gst_ns = 50 * MS;
    struct nika_world *w = make(&o, 5);
    (void)nika_world_run(w, 40 * MS);
    assert_int_equal(status(w, 1).view, 0);
    assert_true(status(w, 2).view > 0);
    assert_true(nika_world_fault(w, 0)->acted > 0);
    uint64_t acted = nika_world_fault(w, 0)->acted;
    (void)nika_world_run(w, 60 * MS);
    assert_false(nika_world_fault(w, 0)->active);
    assert_int_equal(nika_world_fault(w, 0)->acted, acted);
    end(w, &o);
}

static void test_a_busy_cpu_queues_and_slows_the_relay(void **state)
{
    (void)state;
    struct nika_world_options o = toy_options(TOY_BURST);
    o.cpu.message_ns = 1000000;
    struct nika_world *w = make(&o, 5);
    (void)nika_world_run(w, 50 * MS);
    assert_in_range(status(w, 1).view, 45, 51);
    (void)nika_world_run(w, 300 * MS);
    assert_int_equal(status(w, 1).view, 200);
    end(w, &o);
    o = toy_options(TOY_BURST);
    o.cpu.message_ns = 1000000;
    o.cpu.inbox_max = 8;
    w = make(&o, 5);
    (void)nika_world_run(w, 300 * MS);
    assert_in_range(status(w, 1).view, 8, 20);
    end(w, &o);
}

static void pause_start(struct nika_fault *f)
{
    f->host->pause(f->host->world, 0, true);
    f->host->clock_set(f->host->world, 1, 0, 500000);
}
static void pause_stop(struct nika_fault *f)
{
    f->host->pause(f->host->world, 0, false);
}
static void test_a_paused_node_waits_and_a_fast_clock_fires_more(void **state)
{
    (void)state;
    static const struct nika_fault_ops ops = {
        .name = "x", .fault_class = NIKA_FAULT_NODE, .start = pause_start, .stop = pause_stop};
    struct nika_world_options o = with_fault(TOY_TIMER, &ops);
    o.faults[0].from_ns = 10 * MS + MS / 2;
    o.faults[0].to_ns = 20 * MS + MS / 2;
    struct nika_world *w = make(&o, 5);
    (void)nika_world_run(w, 20 * MS + MS / 4);
    assert_int_equal(status(w, 0).wait, 10);
    assert_int_equal(status(w, 2).wait, 20);
    (void)nika_world_run(w, 30 * MS + MS / 4);
    assert_in_range(status(w, 0).wait, 19, 21);
    assert_in_range(status(w, 1).wait, 38, 40);
    end(w, &o);
}

static void test_limits_end_the_run(void **state)
{
    (void)state;
    struct nika_world_options o = toy_options(TOY_RELAY);
    o.event_limit = 100;
    struct nika_world *w = make(&o, 5);
    assert_int_equal(nika_world_run(w, NIKA_NEVER), NIKA_WORLD_EVENT_LIMIT);
    assert_int_equal(nika_world_event_index(w), 100);
    end(w, &o);
    o = toy_options(TOY_RELAY);
    o.time_limit_ns = 5 * MS;
    w = make(&o, 5);
    assert_int_equal(nika_world_run(w, NIKA_NEVER), NIKA_WORLD_TIME_LIMIT);
    end(w, &o);
    o = toy_options(0);
    w = make(&o, 5);
    assert_int_equal(nika_world_run(w, NIKA_NEVER), NIKA_WORLD_IDLE);
    end(w, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_digest_and_another_seed_another),
        cmocka_unit_test(test_a_world_after_another_is_as_the_first),
        cmocka_unit_test(test_a_restored_run_goes_on_as_the_straight_run),
        cmocka_unit_test(test_a_snapshot_taken_again_replaces_the_first),
        cmocka_unit_test(test_what_a_fault_sends_between_steps_is_restored),
        cmocka_unit_test(test_a_crash_keeps_the_durable_and_loses_the_rest),
        cmocka_unit_test(test_a_rotten_record_before_good_ones_makes_amnesia),
        cmocka_unit_test(test_amnesia_outlives_a_crash_and_ends_with_its_cause),
        cmocka_unit_test(test_a_full_disk_fails_records_and_only_then),
        cmocka_unit_test(test_links_are_fifo_unless_reorder_is_drawn),
        cmocka_unit_test(test_loss_and_duplication_are_about_as_asked),
        cmocka_unit_test(test_bandwidth_delays_and_a_full_link_drops),
        cmocka_unit_test(test_a_partition_hides_only_its_side_and_ends_at_gst),
        cmocka_unit_test(test_a_busy_cpu_queues_and_slows_the_relay),
        cmocka_unit_test(test_a_paused_node_waits_and_a_fast_clock_fires_more),
        cmocka_unit_test(test_limits_end_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
