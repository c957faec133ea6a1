/* tests/engine/sim/test_disk.c: what a crash leaves of a disk: snapshots replaced atomically, trims that wait for what they rely on,
 * records torn, lost and rotten, and a log that compaction keeps small. */
#include "engine/sim/internal.h"
#include "tests/engine/sim/script.h"

#define SLOT 1u
#define STATE (NIKA_RECORD_LATEST | 2u)

/* Replica 0: three records and snapshot 1 at once, snapshot 2 with a trim in one step at 5 ms. Group commits take 1 ms. */
static void snapshots(struct nika_replica *r, const struct nika_event *e,
                      struct nika_effects *effects)
{
    if (r->host->self != 0 || lives[0] > 1) return;
    if (e->kind == NIKA_EVENT_START) {
        for (uint64_t s = 1; s <= 3; s++) act_persist(effects, SLOT, s, s, 50);
        act_execute(effects, 1, 2, 1, 100);
        (void)act(effects, NIKA_ACTION_SNAPSHOT_TAKE, 1, 101, (struct nika_span){0});
        (void)act(effects, NIKA_ACTION_SNAPSHOT_SAVE, 1, 102,
                  (struct nika_span){(const uint8_t *)"one", 3});
        nika_effects_timer(effects, 0, 1, 5 * MS);
    } else if (e->kind == NIKA_EVENT_TIMER) {
        act_execute(effects, 2, 3, 3, 103);
        (void)act(effects, NIKA_ACTION_SNAPSHOT_TAKE, 2, 104, (struct nika_span){0});
        (void)act(effects, NIKA_ACTION_SNAPSHOT_SAVE, 2, 105,
                  (struct nika_span){(const uint8_t *)"two", 3});
        (void)act(effects, NIKA_ACTION_LOG_TRIM, 2, 0, (struct nika_span){0});
        (void)act(effects, NIKA_ACTION_SNAPSHOT_DROP, 2, 0, (struct nika_span){0});
    }
}

static struct nika_digest restored_root;
static uint64_t restored_seq;
static void on_restored(void *context, const struct nika_tap *tap)
{
    (void)context;
    restored_seq = tap->a;
    restored_root = *tap->digest;
}

/* Runs `step` with a crash of replica 0 and a restart at 20 ms; the second life has begun at the end. */
static void crash_with(struct nika_world_options *o, uint64_t crash_ns)
{
    struct nika_watcher watcher = {NULL, NIKA_TAP_BIT(NIKA_TAP_RESTORED), on_restored};
    bool faulted = o->fault_count > 0;
    enum nika_disk_fault (*on_disk)(struct nika_fault *, uint32_t, uint32_t, uint64_t *) =
        faulted ? script_fault.on_disk : NULL;
    bool (*on_tear)(struct nika_fault *, uint32_t, uint32_t, uint32_t *) =
        faulted ? script_fault.on_tear : script_tear_all;
    script_crash(o, crash_ns, 20 * MS);
    script_fault.on_disk = on_disk;
    script_fault.on_tear = on_tear;
    restored_seq = 0;
    struct nika_world *w = script_world(o, 1);
    nika_world_watch(w, &watcher);
    (void)nika_world_run(w, 25 * MS);
    assert_int_equal(lives[0], 2);
    script_end(w, o);
}

static struct nika_world_options slow_fsync(script_step *step)
{
    struct nika_world_options o = script_options(step);
    o.disk.fsync = toy_latency(MS, MS);
    return o;
}

static void test_a_crash_during_a_save_leaves_the_old_snapshot_and_its_log(void **state)
{
    (void)state;
    struct nika_world_options o = slow_fsync(snapshots);
    crash_with(&o, 5 * MS + MS / 2);
    assert_int_equal(restored_seq, 1);
    assert_int_equal(seen_last(0, 2, SEEN_RECOVER)->record, SLOT);
    assert_int_equal(seen_of(0, 2, SEEN_RECOVER, NIKA_RECORD_SNAPSHOT), 1);
    /* The trim came with the save and must not outlive it. */
    assert_int_equal(seen_of(0, 2, SEEN_RECOVER, SLOT), 3);
}

static void test_a_crash_after_a_save_leaves_the_new_snapshot_and_what_was_not_trimmed(void **state)
{
    (void)state;
    struct nika_world_options o = slow_fsync(snapshots);
    crash_with(&o, 7 * MS);
    assert_int_equal(restored_seq, 2);
    assert_int_equal(seen_of(0, 2, SEEN_RECOVER, SLOT), 1);
    const struct seen *s = seen_last(0, 2, SEEN_RECOVER);
    assert_int_equal(s->seq, 3);
    /* The older one is kept as well, and comes first. */
    assert_int_equal(seen_of(0, 2, SEEN_RECOVER, NIKA_RECORD_SNAPSHOT), 2);
}

static void test_the_module_gets_the_bytes_it_saved_with_the_snapshot(void **state)
{
    (void)state;
    struct nika_world_options o = slow_fsync(snapshots);
    crash_with(&o, 7 * MS);
    uint32_t found = 0;
    for (uint32_t i = 0; i < seen_count; i++) {
        if (seen[i].kind != SEEN_RECOVER || seen[i].record != NIKA_RECORD_SNAPSHOT) continue;
        const char *saved = found == 0 ? "one" : "two";
        assert_int_equal(seen[i].seq, ++found);
        assert_int_equal(seen[i].size, 3);
        assert_memory_equal(seen[i].bytes, saved, 3);
    }
    assert_int_equal(found, 2);
}

/* From the second snapshot on the disk lies. */
static enum nika_disk_fault lie_late(struct nika_fault *f, uint32_t replica, uint32_t kind,
                                     uint64_t *delay)
{
    (void)replica;
    (void)kind;
    (void)delay;
    return f->host->now_ns(f->host->world) >= 5 * MS ? NIKA_DISK_LOST_FSYNC : NIKA_DISK_OK;
}
static void test_a_save_whose_fsync_was_lost_leaves_the_old_snapshot_and_its_log(void **state)
{
    (void)state;
    struct nika_world_options o = slow_fsync(snapshots);
    script_crash(&o, 0, 0);
    script_fault.on_disk = lie_late;
    crash_with(&o, 7 * MS);
    /* It was reported as stored, and neither the trim nor the drop may have taken effect. */
    assert_int_equal(seen_last(0, 1, NIKA_EVENT_STORED)->token, 105);
    assert_int_equal(restored_seq, 1);
    assert_int_equal(seen_of(0, 2, SEEN_RECOVER, SLOT), 3);
}

static void rot_object(struct nika_world *w, uint32_t which)
{
    const struct sim_disk *disk = &w->node[0].disk;
    assert_true(which < disk->saved_count);
    struct nika_span object = nika_store_span(w->snapshots[0], disk->saved[which].object);
    ((uint8_t *)(uintptr_t)object.data)[object.size - 1] ^= 1;
}
static void two_saves(struct nika_replica *r, const struct nika_event *e,
                      struct nika_effects *effects)
{
    if (r->host->self != 0 || lives[0] > 1 || e->kind != NIKA_EVENT_START) return;
    for (uint64_t s = 1; s <= 2; s++) {
        act_execute(effects, s, 1, s, 100);
        (void)act(effects, NIKA_ACTION_SNAPSHOT_TAKE, s, 101, (struct nika_span){0});
        (void)act(effects, NIKA_ACTION_SNAPSHOT_SAVE, s, 102, (struct nika_span){0});
    }
}
static void test_a_rotten_snapshot_is_passed_over_for_the_one_before(void **state)
{
    (void)state;
    for (uint32_t rotten = 0; rotten <= 2; rotten++) {
        struct nika_world_options o = slow_fsync(two_saves);
        struct nika_watcher watcher = {NULL, NIKA_TAP_BIT(NIKA_TAP_RESTORED), on_restored};
        script_crash(&o, 5 * MS, 10 * MS);
        restored_seq = 0;
        struct nika_world *w = script_world(&o, 1);
        nika_world_watch(w, &watcher);
        (void)nika_world_run(w, 4 * MS);
        for (uint32_t i = 0; i < rotten; i++) rot_object(w, 1 - i);
        (void)nika_world_run(w, 12 * MS);
        assert_int_equal(restored_seq, 2 - rotten);
        assert_int_equal(seen_of(0, 2, SEEN_RECOVER, NIKA_RECORD_SNAPSHOT), 2 - rotten);
        script_end(w, &o);
    }
}

/* One fsync runs for the first record; two more wait for the next when the crash comes. */
static void three_records(struct nika_replica *r, const struct nika_event *e,
                          struct nika_effects *effects)
{
    if (r->host->self != 0 || lives[0] > 1) return;
    if (e->kind == NIKA_EVENT_START) {
        act_persist(effects, SLOT, 1, 1, 50);
        nika_effects_timer(effects, 0, 1, MS / 2);
    } else if (e->kind == NIKA_EVENT_TIMER) {
        act_persist(effects, SLOT, 2, 2, 50);
        act_persist(effects, SLOT, 3, 3, 50);
    }
}
static uint32_t keep;
static bool tear_to(struct nika_fault *f, uint32_t replica, uint32_t unsynced, uint32_t *kept)
{
    (void)f;
    (void)replica;
    assert_int_equal(unsynced, 2 * (50 + NIKA_WAL_OVERHEAD));
    *kept = keep;
    return true;
}
static void test_a_torn_tail_keeps_whole_records_only(void **state)
{
    (void)state;
    uint32_t record = 50 + NIKA_WAL_OVERHEAD;
    for (keep = 0; keep <= 2 * record; keep++) {
        struct nika_world_options o = slow_fsync(three_records);
        script_crash(&o, 0, 0);
        script_fault.on_tear = tear_to;
        crash_with(&o, MS + MS / 2);
        assert_int_equal(seen_of(0, 2, SEEN_RECOVER, SLOT), 1 + keep / record);
        assert_int_equal(seen_of(0, 2, SEEN_RECOVER, NIKA_RECORD_AMNESIA), 0);
    }
}

static void test_a_record_that_a_crash_overtook_is_never_reported_to_the_next_life(void **state)
{
    (void)state;
    struct nika_world_options o = slow_fsync(three_records);
    crash_with(&o, MS + MS / 2);
    assert_int_equal(seen_of(0, 1, NIKA_EVENT_STORED, 0), 1);
    assert_int_equal(seen_of(0, 2, NIKA_EVENT_STORED, 0), 0);
}

/* A record of each kind every 100 us; what is older than ten records is trimmed. */
static void endless(struct nika_replica *r, const struct nika_event *e,
                    struct nika_effects *effects)
{
    if (r->host->self != 0 || lives[0] > 1) return;
    if (e->kind == NIKA_EVENT_STORED && e->status != 0) r->failed++;
    if (e->kind != NIKA_EVENT_START && e->kind != NIKA_EVENT_TIMER) return;
    uint64_t s = ++r->persisted;
    act_persist(effects, SLOT, s, s, 1000);
    act_persist(effects, STATE, s, s, 1000);
    if (s > 10) (void)act(effects, NIKA_ACTION_LOG_TRIM, s - 10, 0, (struct nika_span){0});
    nika_effects_timer(effects, 0, s, MS / 10);
}
static void test_a_trimmed_log_never_fills_and_keeps_what_lives(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(endless);
    struct nika_replica_status status;
    o.disk.log_bytes_max = 40000;
    script_crash(&o, 200 * MS + MS / 20, 210 * MS);
    struct nika_world *w = script_world(&o, 1);
    (void)nika_world_run(w, 200 * MS);
    nika_world_status(w, 0, &status);
    assert_int_equal(status.pending, 0); /* No record failed of some 4,000 KiB. */
    (void)nika_world_run(w, 215 * MS);
    assert_int_equal(seen_of(0, 2, SEEN_RECOVER, STATE), 1);
    assert_in_range(seen_of(0, 2, SEEN_RECOVER, SLOT), 10, 12);
    assert_int_equal(seen_of(0, 2, SEEN_RECOVER, NIKA_RECORD_AMNESIA), 0);
    script_end(w, &o);
}

/* The second record is asked for by a step that takes 10 ms of processor time, while an fsync of 1 ms runs for the first. */
static void late_record(struct nika_replica *r, const struct nika_event *e,
                        struct nika_effects *effects)
{
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    if (r->host->self != 0) return;
    if (e->kind == NIKA_EVENT_START) {
        act_persist(effects, SLOT, 1, 1, 50);
        nika_effects_timer(effects, 0, 1, MS / 2);
    } else if (e->kind == NIKA_EVENT_TIMER) {
        (void)r->host->authenticate(r->host->world, 0, NIKA_AUTH_SIGNATURE, 1, NIKA_NODE_NONE,
                                    (struct nika_span){(const uint8_t *)"12345678", 8}, auth);
        act_persist(effects, SLOT, 2, 2, 50);
    }
}
static void test_an_fsync_covers_no_record_that_the_processor_has_not_handed_over(void **state)
{
    (void)state;
    struct nika_world_options o = slow_fsync(late_record);
    o.cpu.sign_ns = 10 * MS;
    struct nika_world *w = script_world(&o, 1);
    (void)nika_world_run(w, 30 * MS);
    const struct seen *s = seen_last(0, 1, NIKA_EVENT_STORED);
    assert_int_equal(s->token, 2);
    assert_int_equal(s->now_ns, 1 + MS / 2 + 10 * MS + MS);
    script_end(w, &o);
}

static void test_a_snapshot_over_the_bound_fails_and_leaves_the_old_one(void **state)
{
    (void)state;
    struct nika_world_options o = slow_fsync(snapshots);
    o.disk.snapshot_bytes_max = 8; /* Less than a description. */
    struct nika_world *w = script_world(&o, 1);
    (void)nika_world_run(w, 10 * MS);
    assert_int_equal(seen_last(0, 1, NIKA_EVENT_STORED)->token, 105);
    assert_int_not_equal(seen_last(0, 1, NIKA_EVENT_STORED)->status, 0);
    script_end(w, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_during_a_save_leaves_the_old_snapshot_and_its_log),
        cmocka_unit_test(
            test_a_crash_after_a_save_leaves_the_new_snapshot_and_what_was_not_trimmed),
        cmocka_unit_test(test_the_module_gets_the_bytes_it_saved_with_the_snapshot),
        cmocka_unit_test(test_a_save_whose_fsync_was_lost_leaves_the_old_snapshot_and_its_log),
        cmocka_unit_test(test_a_rotten_snapshot_is_passed_over_for_the_one_before),
        cmocka_unit_test(test_a_torn_tail_keeps_whole_records_only),
        cmocka_unit_test(test_a_record_that_a_crash_overtook_is_never_reported_to_the_next_life),
        cmocka_unit_test(test_a_trimmed_log_never_fills_and_keeps_what_lives),
        cmocka_unit_test(test_an_fsync_covers_no_record_that_the_processor_has_not_handed_over),
        cmocka_unit_test(test_a_snapshot_over_the_bound_fails_and_leaves_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
