/* tests/engine/sim/test_app_port.c: the port between a replica and its application: results, order of completion, snapshots by
 * chunks, and nothing of a former life. */
#include "engine/core/merkle.h"
#include "tests/engine/sim/script.h"

/* Replica 0 executes 20 batches of two at once, and asks a question. */
static void executes(struct nika_replica *r, const struct nika_event *e,
                     struct nika_effects *effects)
{
    static const uint8_t query[] = {0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
    if (r->host->self != 0 || lives[0] > 1 || e->kind != NIKA_EVENT_START) return;
    for (uint64_t s = 1; s <= 20; s++) act_execute(effects, s, 2, 2 * s, s);
    (void)act(effects, NIKA_ACTION_QUERY, 0, 21, (struct nika_span){query, sizeof query});
}

static void test_results_come_in_order_of_issue_whatever_the_delays(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(executes);
    o.app_delay = toy_latency(0, 10 * MS);
    struct nika_world *w = script_world(&o, 3);
    (void)nika_world_run(w, 300 * MS);
    uint64_t next = 1;
    for (uint32_t i = 0; i < seen_count; i++) {
        const struct seen *s = &seen[i];
        if (s->node != 0 || s->kind != NIKA_EVENT_APP) continue;
        assert_int_equal(s->token, next++);
        assert_int_equal(s->status, 0);
        if (s->token == 21) {
            /* The application counts writes; the question is no write. */
            assert_int_equal(nika_load_le(s->bytes, 4), 8);
            assert_int_equal(nika_load_le(s->bytes + 4, 8), 40);
        } else {
            assert_int_equal(nika_load_le(s->bytes, 4), 2);
            assert_int_equal(nika_load_le(s->bytes + 8, 8), 2 * s->token - 1);
            assert_int_equal(nika_load_le(s->bytes + 20, 8), 2 * s->token);
        }
    }
    assert_int_equal(next, 22);
    script_end(w, &o);
}

static void test_completions_that_a_crash_overtook_never_reach_the_next_life(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(executes);
    o.app_delay = toy_latency(10 * MS, 10 * MS);
    script_crash(&o, 5 * MS, 6 * MS);
    struct nika_world *w = script_world(&o, 3);
    (void)nika_world_run(w, 300 * MS);
    assert_int_equal(lives[0], 2);
    assert_int_equal(seen_of(0, 1, NIKA_EVENT_APP, 0), 0);
    assert_int_equal(seen_of(0, 2, NIKA_EVENT_APP, 0), 0);
    assert_int_equal(seen_of(0, 2, NIKA_EVENT_START, 0), 1);
    script_end(w, &o);
}

static void test_execution_costs_are_added_up(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(executes);
    o.cpu.execute_ns = (uint32_t)MS;
    struct nika_world *w = script_world(&o, 3);
    (void)nika_world_run(w, 300 * MS);
    assert_int_equal(seen_last(0, 1, NIKA_EVENT_APP)->now_ns, 1 + 41 * MS);
    script_end(w, &o);
}

/* Replica 0 takes a snapshot and reads its chunk, then one that there is not; replica 1, whose state differs, restores from it. */
static struct nika_snapshot_meta taken;
static uint8_t chunk[256];
static uint32_t chunk_size, spoil;
static bool proof_holds;

static void read_chunk(const struct nika_event *e)
{
    struct nika_reader r = nika_reader_of(e->bytes);
    struct nika_span data = nika_read_bytes(&r, UINT32_MAX);
    struct nika_merkle_proof proof;
    struct nika_digest leaf;
    memset(&proof, 0, sizeof proof);
    proof.count = nika_read_u32(&r);
    assert_true(proof.count <= ARRAY_COUNT(proof.siblings));
    for (uint32_t i = 0; i < proof.count; i++) proof.siblings[i] = nika_read_digest(&r);
    assert_true(nika_reader_done(&r));
    assert_in_range(data.size, 1, sizeof chunk);
    memcpy(chunk, data.data, data.size);
    chunk_size = data.size;
    nika_merkle_leaf(0, data, &leaf);
    proof_holds = nika_merkle_verify(&taken.root, 0, taken.chunk_count, &leaf, &proof) == NIKA_OK;
}

static void restore(struct nika_effects *effects)
{
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE], spoilt[sizeof chunk];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_snapshot_meta_write(&w, &taken);
    memcpy(spoilt, chunk, sizeof spoilt);
    spoilt[0] = (uint8_t)(spoilt[0] ^ spoil);
    (void)act(effects, NIKA_ACTION_RESTORE_BEGIN, 0, 0, (struct nika_span){bytes, w.at});
    (void)act(effects, NIKA_ACTION_RESTORE_CHUNK, 0, 0, (struct nika_span){spoilt, chunk_size});
    (void)act(effects, NIKA_ACTION_RESTORE_END, 0, 50, (struct nika_span){0});
}

static void transfers(struct nika_replica *r, const struct nika_event *e,
                      struct nika_effects *effects)
{
    uint32_t self = r->host->self;
    if (e->kind == NIKA_EVENT_START && self < 2) {
        act_execute(effects, 1, self == 0 ? 3 : 5, 1, 1);
        if (self == 0)
            (void)act(effects, NIKA_ACTION_SNAPSHOT_TAKE, 1, 2, (struct nika_span){0});
        else
            nika_effects_timer(effects, 0, 1, 10 * MS);
    } else if (e->kind == NIKA_EVENT_APP && e->token == 2) {
        struct nika_reader reader = nika_reader_of(e->bytes);
        nika_snapshot_meta_read(&reader, &taken);
        (void)act(effects, NIKA_ACTION_SNAPSHOT_CHUNK, 1, 3, (struct nika_span){0});
        (void)act(effects, NIKA_ACTION_SNAPSHOT_CHUNK, 7, 4, (struct nika_span){0});
    } else if (e->kind == NIKA_EVENT_APP && e->token == 3) {
        read_chunk(e);
    } else if (e->kind == NIKA_EVENT_TIMER) {
        restore(effects);
        act_execute(effects, 2, 1, 9, 51);
    }
}

static void test_a_snapshot_travels_by_chunks_and_restores_the_state(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(transfers);
    spoil = 0;
    proof_holds = false;
    struct nika_world *w = script_world(&o, 3);
    (void)nika_world_run(w, 50 * MS);
    assert_true(proof_holds);
    assert_int_not_equal(seen_last(0, 1, NIKA_EVENT_APP)->status, 0); /* There is no snapshot 7. */
    const struct seen *s = seen_last(1, 1, NIKA_EVENT_APP);
    assert_int_equal(s->token, 51);
    assert_int_equal(nika_load_le(s->bytes + 8, 8), 4); /* Three restored, and one. */
    s--;
    assert_int_equal(s->token, 50);
    assert_int_equal(s->status, 0);
    assert_memory_equal(s->bytes + 20, taken.root.bytes, NIKA_DIGEST_SIZE);
    script_end(w, &o);
}

static void test_a_spoilt_chunk_is_refused(void **state)
{
    (void)state;
    struct nika_world_options o = script_options(transfers);
    spoil = 1;
    struct nika_world *w = script_world(&o, 3);
    (void)nika_world_run(w, 50 * MS);
    const struct seen *s = seen_last(1, 1, NIKA_EVENT_APP) - 1;
    assert_int_equal(s->token, 50);
    assert_int_not_equal(s->status, 0);
    script_end(w, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_come_in_order_of_issue_whatever_the_delays),
        cmocka_unit_test(test_completions_that_a_crash_overtook_never_reach_the_next_life),
        cmocka_unit_test(test_execution_costs_are_added_up),
        cmocka_unit_test(test_a_snapshot_travels_by_chunks_and_restores_the_state),
        cmocka_unit_test(test_a_spoilt_chunk_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
