/* tests/protocols/pbft/test_state_transfer.c: fetching a state that others proved correct, ST1-ST6 (PROTOCOLS.md 1.8). */
#include "tests/protocols/pbft/view_build.h"

enum { OBSERVER = 3, TARGET = 12 };

/* A state at 12 that replicas 0 and 1 signed; the observer, at 0 with L = 8, learns of it through CK7. */
struct scene {
    struct cluster *c;
    struct nika_digest app_state;
    uint8_t replies[1024];
    uint32_t replies_size;
    struct common_meta meta;
    struct nika_digest digest;
};

static void deliver(struct scene *s, uint32_t sender, const struct nika_message_info *info,
                    const void *message)
{
    struct cluster_bytes frame = cluster_frame(s->c, sender, OBSERVER, info, message);
    assert_true(cluster_deliver(s->c, OBSERVER, frame));
    free(frame.data);
}

static void make_state(struct scene *s)
{
    struct common_reply_cache cache;
    void *memory = calloc(1, common_reply_cache_size(&s->c->config));
    common_reply_cache_init(&cache, &s->c->config, memory);
    uint8_t result[4] = {1, 2, 3, 4};
    common_reply_cache_set(&cache, 0, 77, TARGET, (struct nika_span){result, sizeof result});
    s->replies_size = common_reply_cache_encoded_size(&cache);
    assert_true(s->replies_size <= sizeof s->replies);
    struct nika_writer w = nika_writer_of(s->replies, sizeof s->replies);
    common_reply_cache_write(&cache, &w);
    free(memory);
    memset(s->app_state.bytes, 0x5a, NIKA_DIGEST_SIZE);
    s->meta = (struct common_meta){.seq = TARGET,
                                   .chunk_count = 1,
                                   .total_size = NIKA_DIGEST_SIZE,
                                   .epoch = s->c->config.epoch};
    struct nika_digest leaf;
    nika_merkle_leaf(0, (struct nika_span){s->app_state.bytes, NIKA_DIGEST_SIZE}, &leaf);
    nika_merkle_root(&leaf, 1, &leaf, &s->meta.root);
    s->meta.reply_chunk_count = 1;
    s->meta.reply_size = s->replies_size;
    nika_merkle_leaf(0, (struct nika_span){s->replies, s->replies_size}, &leaf);
    nika_merkle_root(&leaf, 1, &leaf, &s->meta.reply_root);
}

static void announce(struct scene *s)
{
    common_meta_digest(&s->meta, &s->digest);
    struct pbft_checkpoint m = {.seq = TARGET, .digest = s->digest};
    deliver(s, 0, &pbft_info_checkpoint, &m);
    assert_false(
        cluster_replica(s->c, OBSERVER)->core.transfer.active); /* One replica may be lying. */
    deliver(s, 1, &pbft_info_checkpoint, &m);
    assert_true(cluster_replica(s->c, OBSERVER)->core.transfer.active);
}

static void scene_begin(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->c = cluster_new(4, 1);
    for (uint32_t i = 0; i < 4; i++) s->c->nodes[i].silent = i != OBSERVER;
    make_state(s);
}

static uint32_t source(const struct scene *s)
{
    return s->c->nodes[OBSERVER].replica->core.transfer.source;
}

static uint32_t rejects(const struct scene *s, enum nika_check check)
{
    return s->c->nodes[OBSERVER].rejects[check];
}

static void send_chunk(struct scene *s, uint32_t sender, uint8_t part, uint32_t index,
                       struct nika_span data)
{
    struct common_chunk m = {.seq = TARGET, .part = part, .index = index, .data = data};
    deliver(s, sender, &common_info_chunk, &m);
}

static void send_app_chunk(struct scene *s)
{
    send_chunk(s, source(s), 0, 0, (struct nika_span){s->app_state.bytes, NIKA_DIGEST_SIZE});
}

static void send_reply_chunk(struct scene *s)
{
    send_chunk(s, source(s), 1, 0, (struct nika_span){s->replies, s->replies_size});
}

static void test_a_proven_state_is_installed_after_it_is_durable(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    assert_int_equal(s.c->nodes[OBSERVER].sent[COMMON_TYPE_fetch_meta], 1);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    assert_int_equal(s.c->nodes[OBSERVER].sent[COMMON_TYPE_fetch_chunk], 2);
    send_app_chunk(&s);
    assert_int_equal(r->core.last_executed, 0);
    s.c->nodes[OBSERVER].hold_disk = true;
    send_reply_chunk(&s);
    assert_int_equal(r->core.last_executed, 0); /* Restored, not yet durable. */
    s.c->nodes[OBSERVER].hold_disk = false;
    cluster_disk(s.c, OBSERVER);
    assert_int_equal(r->core.last_executed, TARGET);
    assert_int_equal(r->core.replies.entries[0].last_timestamp, 77);
    assert_false(r->core.transfer.active);
    assert_memory_equal(s.c->nodes[OBSERVER].app.state.bytes, s.app_state.bytes, NIKA_DIGEST_SIZE);
    assert_int_equal(r->core.low_mark, 0); /* Only W signed it: h waits for a certificate. */
    cluster_free(s.c);
}

static void test_st1_meta_must_hash_to_the_signed_digest(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    uint32_t first = source(&s);
    struct common_meta lie = s.meta;
    lie.total_size++;
    deliver(&s, first, &common_info_meta, &lie);
    assert_int_equal(rejects(&s, NIKA_CHECK_ST1), 1);
    assert_int_not_equal(source(&s), first); /* The next source is asked. */
    assert_int_equal(s.c->nodes[OBSERVER].sent[COMMON_TYPE_fetch_meta], 2);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    assert_true(cluster_replica(s.c, OBSERVER)->core.transfer.meta_known);
    cluster_free(s.c);
}

static void test_st5_a_snapshot_beyond_the_limits_is_refused(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    s.meta.total_size = (uint64_t)s.c->config.snapshot_size_max + 1;
    announce(&s);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    assert_int_equal(rejects(&s, NIKA_CHECK_ST5), 1);
    assert_false(cluster_replica(s.c, OBSERVER)->core.transfer.meta_known);
    cluster_free(s.c);
}

static void test_st2_chunk_index_and_length_are_as_meta_says(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    send_chunk(&s, source(&s), 0, 1, (struct nika_span){s.app_state.bytes, NIKA_DIGEST_SIZE});
    assert_int_equal(rejects(&s, NIKA_CHECK_ST2), 1);
    send_chunk(&s, source(&s), 1, 0, (struct nika_span){s.replies, s.replies_size - 1});
    assert_int_equal(rejects(&s, NIKA_CHECK_ST2), 2);
    send_chunk(&s, source(&s), 2, 0, (struct nika_span){s.replies, s.replies_size});
    assert_int_equal(rejects(&s, NIKA_CHECK_ST2), 3);
    assert_int_equal(cluster_replica(s.c, OBSERVER)->core.transfer.received, 0);
    send_reply_chunk(&s);
    assert_int_equal(cluster_replica(s.c, OBSERVER)->core.transfer.received, 1);
    cluster_free(s.c);
}

static void test_st3_a_chunk_needs_its_proof(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    uint32_t first = source(&s);
    uint8_t wrong[NIKA_DIGEST_SIZE] = {1};
    send_chunk(&s, first, 0, 0, (struct nika_span){wrong, sizeof wrong});
    assert_int_equal(rejects(&s, NIKA_CHECK_ST3), 1);
    assert_int_not_equal(source(&s), first);
    send_app_chunk(&s);
    assert_int_equal(cluster_replica(s.c, OBSERVER)->core.transfer.received, 1);
    cluster_free(s.c);
}

static void test_st4_only_what_was_asked_of_whom_it_was_asked(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    send_app_chunk(&s); /* Before META: nothing was asked. */
    assert_int_equal(rejects(&s, NIKA_CHECK_ST4), 1);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    send_chunk(&s, 2, 0, 0, (struct nika_span){s.app_state.bytes, NIKA_DIGEST_SIZE});
    assert_int_equal(rejects(&s, NIKA_CHECK_ST4), 2);
    send_app_chunk(&s);
    send_app_chunk(&s); /* Twice. */
    assert_int_equal(rejects(&s, NIKA_CHECK_ST4), 3);
    assert_int_equal(cluster_replica(s.c, OBSERVER)->core.transfer.received, 1);
    cluster_free(s.c);
}

static void test_st6_an_application_that_refuses_gets_a_fresh_copy(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    s.c->nodes[OBSERVER].app.restoring_bad = true;
    send_app_chunk(&s);
    send_reply_chunk(&s);
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    assert_int_equal(rejects(&s, NIKA_CHECK_ST6), 1);
    assert_int_equal(r->core.last_executed, 0);
    assert_true(r->core.transfer.active);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    send_app_chunk(&s);
    send_reply_chunk(&s);
    assert_int_equal(r->core.last_executed, TARGET);
    cluster_free(s.c);
}

static void test_a_silent_source_is_replaced_and_chunks_are_kept(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    send_app_chunk(&s);
    uint32_t first = source(&s);
    assert_true(cluster_fire(s.c, OBSERVER, COMMON_TIMER_TRANSFER));
    assert_int_not_equal(source(&s), first);
    assert_true(source(&s) == 0 || source(&s) == 1); /* Only signers. */
    assert_int_equal(cluster_replica(s.c, OBSERVER)->core.transfer.received, 1);
    send_reply_chunk(&s);
    assert_int_equal(cluster_replica(s.c, OBSERVER)->core.last_executed, TARGET);
    cluster_free(s.c);
}

static void no_snapshot(struct scene *s, uint64_t seq, uint32_t signers)
{
    uint8_t bytes[4096];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    struct common_no_snapshot m = {.seq = seq};
    for (uint32_t i = 0; i < signers; i++) {
        struct pbft_checkpoint checkpoint = {.seq = seq, .digest = build_digest(9)};
        struct cluster_bytes frame = cluster_frame(s->c, i, 0, &pbft_info_checkpoint, &checkpoint);
        nika_frames_append(&w, &m.checkpoints, cluster_span(frame));
        free(frame.data);
    }
    deliver(s, source(s), &common_info_no_snapshot, &m);
}

static void test_no_snapshot_moves_the_target_only_with_a_certificate(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    no_snapshot(&s, 16, 2);
    assert_int_equal(r->core.transfer.seq, TARGET);
    assert_int_equal(rejects(&s, NIKA_CHECK_ST1), 1);
    no_snapshot(&s, 8, 3); /* Older: only "I have it not". */
    assert_int_equal(r->core.transfer.seq, TARGET);
    assert_int_equal(rejects(&s, NIKA_CHECK_ST1), 1);
    no_snapshot(&s, 16, 3);
    assert_int_equal(r->core.transfer.seq, 16);
    assert_int_not_equal(r->core.transfer.stable_cert, 0);
    cluster_free(s.c);
}

static void test_a_checkpoint_known_for_long_is_still_a_better_target(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    r->core.lag_seq = 16; /* CK6 waits for it already. */
    no_snapshot(&s, 16, 3);
    assert_int_equal(r->core.transfer.seq, 16);
    cluster_free(s.c);
}

static void test_a_disk_that_is_full_delays_the_installation(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    announce(&s);
    deliver(&s, source(&s), &common_info_meta, &s.meta);
    s.c->nodes[OBSERVER].fail_disk = true;
    send_app_chunk(&s);
    send_reply_chunk(&s);
    struct nika_replica *r = cluster_replica(s.c, OBSERVER);
    assert_int_equal(r->core.last_executed, 0);
    s.c->nodes[OBSERVER].fail_disk = false;
    assert_true(cluster_fire(s.c, OBSERVER, COMMON_TIMER_TRANSFER));
    assert_int_equal(r->core.last_executed, TARGET);
    cluster_free(s.c);
}

static bool fourth_is_cut_off(const struct cluster *c, uint32_t from, uint32_t to,
                              const struct nika_frame *frame)
{
    (void)c, (void)frame;
    return from == OBSERVER || to == OBSERVER;
}

/* End to end: a replica that missed a whole window catches up from the others and takes part again. */
static void test_a_replica_that_missed_a_window_catches_up(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    c->drop = fourth_is_cut_off;
    for (uint64_t t = 1; t <= 14; t++) {
        cluster_request(c, 0, t);
        cluster_run(c);
    }
    assert_int_equal(cluster_replica(c, 0)->core.last_executed, 14);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.last_executed, 0);
    c->drop = NULL;
    for (uint32_t k = 0; k < 6; k++) {
        cluster_status(c, 1);
        (void)cluster_fire(c, OBSERVER, COMMON_TIMER_LAG);
        cluster_run(c);
    }
    assert_true(cluster_replica(c, OBSERVER)->core.last_executed >= 14);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.low_mark, 12);
    assert_true(c->nodes[OBSERVER].sent[COMMON_TYPE_fetch_chunk] > 0);
    cluster_request(c, 1, 1);
    cluster_run(c);
    cluster_status(c, 2);
    assert_int_equal(cluster_replica(c, OBSERVER)->core.last_executed, 15);
    cluster_check_agreement(c);
    cluster_free(c);
}

static void test_a_server_answers_within_limits_only(void **state)
{
    (void)state;
    struct cluster *c = cluster_new(4, 1);
    for (uint64_t t = 1; t <= 5; t++) {
        cluster_request(c, 0, t);
        cluster_run(c);
    }
    struct nika_replica *r = cluster_replica(c, OBSERVER);
    assert_int_equal(r->core.low_mark, 4);
    struct scene s = {.c = c};
    struct common_fetch_meta unknown = {.seq = 8};
    deliver(&s, 1, &common_info_fetch_meta, &unknown);
    assert_int_equal(c->nodes[OBSERVER].sent[COMMON_TYPE_no_snapshot], 1);
    struct common_fetch_meta known = {.seq = 4, .digest = r->core.stable_digest};
    deliver(&s, 1, &common_info_fetch_meta, &known);
    assert_int_equal(c->nodes[OBSERVER].sent[COMMON_TYPE_meta], 1);
    struct common_fetch_chunk beyond = {.seq = 4, .index = 99};
    deliver(&s, 1, &common_info_fetch_chunk, &beyond);
    assert_int_equal(c->nodes[OBSERVER].rejects[NIKA_CHECK_ST2], 1);
    struct common_fetch_chunk chunk = {.seq = 4};
    for (uint32_t i = 0; i < 1000; i++) deliver(&s, 1, &common_info_fetch_chunk, &chunk);
    assert_true(c->nodes[OBSERVER].sent[COMMON_TYPE_chunk] > 0);
    assert_true(c->nodes[OBSERVER].sent[COMMON_TYPE_chunk] < 1000);
    assert_true(c->nodes[OBSERVER].rejects[NIKA_CHECK_SA2] > 0);
    cluster_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_proven_state_is_installed_after_it_is_durable),
        cmocka_unit_test(test_st1_meta_must_hash_to_the_signed_digest),
        cmocka_unit_test(test_st5_a_snapshot_beyond_the_limits_is_refused),
        cmocka_unit_test(test_st2_chunk_index_and_length_are_as_meta_says),
        cmocka_unit_test(test_st3_a_chunk_needs_its_proof),
        cmocka_unit_test(test_st4_only_what_was_asked_of_whom_it_was_asked),
        cmocka_unit_test(test_st6_an_application_that_refuses_gets_a_fresh_copy),
        cmocka_unit_test(test_a_silent_source_is_replaced_and_chunks_are_kept),
        cmocka_unit_test(test_no_snapshot_moves_the_target_only_with_a_certificate),
        cmocka_unit_test(test_a_checkpoint_known_for_long_is_still_a_better_target),
        cmocka_unit_test(test_a_disk_that_is_full_delays_the_installation),
        cmocka_unit_test(test_a_replica_that_missed_a_window_catches_up),
        cmocka_unit_test(test_a_server_answers_within_limits_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
