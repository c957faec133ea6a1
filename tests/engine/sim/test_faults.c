/* tests/engine/sim/test_faults.c: what the world does for a fault: hooks on sending, receiving and taps, the keys of corrupted nodes
 * and of no others, and the end of all at GST. */
#include "tests/engine/sim/script.h"

/* Replica 1 broadcasts the number 5 at once and at 10 ms. */
static void sends(struct nika_replica *r, const struct nika_event *e, struct nika_effects *effects)
{
    if (r->host->self != 1) return;
    if (e->kind == NIKA_EVENT_START) nika_effects_timer(effects, 0, 1, 10 * MS);
    if (e->kind == NIKA_EVENT_START || e->kind == NIKA_EVENT_TIMER) toy_send(r, effects, 5);
}

static struct nika_fault_ops byzantine;
static struct nika_world_options corrupted(script_step *step)
{
    struct nika_world_options o = script_options(step);
    byzantine = (struct nika_fault_ops){.name = "x", .fault_class = NIKA_FAULT_BYZANTINE};
    o.faults[0] = (struct nika_fault){.ops = &byzantine, .targets = {2}, .to_ns = NIKA_NEVER};
    o.fault_count = 1;
    return o;
}
static uint64_t number_at(uint32_t node)
{
    return nika_load_le(seen_last(node, 1, NIKA_EVENT_MESSAGE)->bytes, 8);
}
static uint64_t dropped(const struct nika_world *w, enum nika_drop why)
{
    struct nika_world_stats stats;
    nika_world_stats(w, &stats);
    return stats.dropped[why];
}

/* Another number for each receiver, none for replica 3. */
static void on_send(struct nika_fault *f, struct nika_outgoing *out)
{
    uint8_t body[8];
    assert_int_equal(out->from, 1);
    assert_int_equal(out->summary->seq, 5);
    nika_store_le(body, 100 + out->to, 8);
    out->drop = out->to == 3;
    if (!out->drop)
        assert_int_equal(
            f->host->resign(f->host->world, out, out->type, (struct nika_span){body, 8}), NIKA_OK);
    nika_fault_acted(f, out->to);
}
static void test_a_corrupted_sender_tells_each_receiver_another_thing_validly_signed(void **state)
{
    (void)state;
    struct nika_world_options o = corrupted(sends);
    byzantine.on_send = on_send;
    struct nika_world *w = script_world(&o, 1);
    (void)nika_world_run(w, 20 * MS);
    assert_int_equal(number_at(0), 100);
    assert_int_equal(number_at(2), 102);
    assert_int_equal(seen_of(3, 1, NIKA_EVENT_MESSAGE, 0), 0);
    assert_int_equal(dropped(w, NIKA_DROP_AUTH), 0);
    assert_int_equal(dropped(w, NIKA_DROP_FAULT), 2);
    assert_int_equal(nika_world_fault(w, 0)->acted, 6);
    script_end(w, &o);
}

/* The bytes are changed and not signed again. */
static void on_send_unsigned(struct nika_fault *f, struct nika_outgoing *out)
{
    (void)f;
    out->bytes[NIKA_FRAME_HEAD_SIZE] ^= 1;
    out->changed = true;
}
static void test_a_frame_changed_and_not_signed_again_is_dropped(void **state)
{
    (void)state;
    struct nika_world_options o = corrupted(sends);
    byzantine.on_send = on_send_unsigned;
    struct nika_world *w = script_world(&o, 1);
    (void)nika_world_run(w, 20 * MS);
    assert_int_equal(dropped(w, NIKA_DROP_AUTH), 6);
    assert_int_equal(seen_of(0, 1, NIKA_EVENT_MESSAGE, 0), 0);
    script_end(w, &o);
}

static uint8_t recorded[512];
static uint32_t recorded_size;
static void on_send_record(struct nika_fault *f, struct nika_outgoing *out)
{
    (void)f;
    assert_true(out->size <= sizeof recorded);
    memcpy(recorded, out->bytes, out->size);
    recorded_size = out->size;
}
static void inject_start(struct nika_fault *f)
{
    f->host->wake(f->host->world, f, 5 * MS, 0);
}
static void inject_wake(struct nika_fault *f, uint64_t cookie)
{
    (void)cookie;
    uint8_t body[8];
    nika_store_le(body, 77, 8);
    f->host->inject(f->host->world, 1, 2, 1, NIKA_AUTH_SIGNATURE, (struct nika_span){body, 8});
    f->host->inject_raw(f->host->world, 1, 3, (struct nika_span){recorded, recorded_size});
}
static void test_injected_and_replayed_frames_arrive_where_they_are_sent(void **state)
{
    (void)state;
    struct nika_world_options o = corrupted(sends);
    byzantine.on_send = on_send_record;
    byzantine.start = inject_start;
    byzantine.on_wake = inject_wake;
    struct nika_world *w = script_world(&o, 1);
    (void)nika_world_run(w, 8 * MS);
    assert_int_equal(seen_of(0, 1, NIKA_EVENT_MESSAGE, 0), 1);
    assert_int_equal(seen_of(2, 1, NIKA_EVENT_MESSAGE, 0), 2);
    assert_int_equal(number_at(2), 77);
    assert_int_equal(seen_of(3, 1, NIKA_EVENT_MESSAGE, 0), 2);
    assert_int_equal(number_at(3), 5);
    script_end(w, &o);
}

static jmp_buf escaped;
static void escape(void *context, const char *file, int line, const char *expression)
{
    (void)context;
    (void)file;
    (void)line;
    (void)expression;
    longjmp(escaped, 1);
}
static void steal(struct nika_fault *f)
{
    uint8_t body[8] = {0};
    f->host->inject(f->host->world, 0, 2, 1, NIKA_AUTH_SIGNATURE, (struct nika_span){body, 8});
}
static void test_the_keys_of_a_correct_node_cannot_be_used(void **state)
{
    (void)state;
    struct nika_world_options o = corrupted(sends);
    byzantine.start = steal;
    struct nika_world *w = script_world(&o, 1);
    assert_true(nika_world_is_corrupted(w, 1));
    assert_false(nika_world_is_corrupted(w, 0));
    nika_assert_set_handler(escape, NULL);
    if (setjmp(escaped) == 0) {
        (void)nika_world_run(w, MS);
        nika_assert_set_handler(NULL, NULL);
        fail_msg("a fault signed for a correct replica");
    }
    nika_assert_set_handler(NULL, NULL);
    script_end(w, &o);
}

static bool hide(struct nika_fault *f, uint32_t target, const struct nika_frame *frame)
{
    assert_int_equal(target, 1);
    assert_int_equal(frame->type, 1);
    nika_fault_acted(f, target);
    return false;
}
static void first_sends(struct nika_replica *r, const struct nika_event *e,
                        struct nika_effects *effects)
{
    if (r->host->self == 0 && e->kind == NIKA_EVENT_START) toy_send(r, effects, 5);
}
static void test_what_a_behaviour_hides_its_own_module_alone_does_not_see(void **state)
{
    (void)state;
    struct nika_world_options o = corrupted(first_sends);
    byzantine.on_receive = hide;
    struct nika_world *w = script_world(&o, 1);
    (void)nika_world_run(w, 5 * MS);
    assert_int_equal(seen_of(1, 1, NIKA_EVENT_MESSAGE, 0), 0);
    assert_int_equal(seen_of(2, 1, NIKA_EVENT_MESSAGE, 0), 1);
    assert_int_equal(dropped(w, NIKA_DROP_FAULT), 1);
    script_end(w, &o);
}

/* Crash replica 0 at the very action that the tap shows: what follows it in the step must not happen. */
static uint32_t crash_kind;
static void crash_on_tap(struct nika_fault *f, uint32_t node, uint32_t kind, uint64_t a, uint64_t b)
{
    (void)a;
    (void)b;
    if (kind != crash_kind || f->acted > 0) return;
    nika_fault_acted(f, node);
    f->host->crash(f->host->world, node);
}
static void persist_then_send(struct nika_replica *r, const struct nika_event *e,
                              struct nika_effects *effects)
{
    if (r->host->self != 0 || lives[0] > 1) return;
    if (e->kind == NIKA_EVENT_START) act_persist(effects, 1, 1, 1, 20);
    if (e->kind == NIKA_EVENT_START) act_execute(effects, 1, 1, 1, 2);
    if (e->kind == NIKA_EVENT_STORED) toy_send(r, effects, 5);
}
static void test_a_crash_at_a_point_of_persistence_cuts_the_step_there(void **state)
{
    (void)state;
    static const struct {
        uint32_t kind, stored, app, sent, recovered;
    } cases[] = {{NIKA_TAP_PERSIST, 0, 0, 0, 0},
                 {NIKA_TAP_EXECUTED, 0, 0, 0, 0},
                 {NIKA_TAP_STORED, 0, 1, 0, 1},
                 {NIKA_TAP_SENT, 1, 1, 0, 1},
                 {NIKA_TAP_COUNT, 1, 1, 1, 0}};
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct nika_world_options o = script_options(persist_then_send);
        o.gst_ns = 10 * MS;
        script_crash(&o, NIKA_NEVER - 1, NIKA_NEVER - 1);
        script_fault.on_tap = crash_on_tap;
        crash_kind = cases[i].kind;
        struct nika_world *w = script_world(&o, 1);
        (void)nika_world_run(w, 9 * MS);
        assert_int_equal(nika_world_is_up(w, 0), crash_kind == NIKA_TAP_COUNT);
        assert_int_equal(seen_of(0, 1, NIKA_EVENT_STORED, 0), cases[i].stored);
        assert_int_equal(seen_of(0, 1, NIKA_EVENT_APP, 0), cases[i].app);
        assert_int_equal(seen_of(2, 1, NIKA_EVENT_MESSAGE, 0), cases[i].sent);
        /* At GST who is down comes back, with what was durable and nothing else. */
        (void)nika_world_run(w, 12 * MS);
        assert_true(nika_world_is_up(w, 0));
        assert_int_equal(seen_of(0, 2, SEEN_RECOVER, 1), cases[i].recovered);
        assert_int_equal(seen_of(0, 2, NIKA_EVENT_STORED, 0), 0);
        assert_int_equal(seen_of(0, 2, NIKA_EVENT_APP, 0), 0);
        script_end(w, &o);
    }
}

static void slow_and_paused(struct nika_fault *f)
{
    f->host->pause(f->host->world, 2, true);
    f->host->crash(f->host->world, 1);
}
static void test_at_gst_the_paused_resume_and_a_crashed_byzantine_stays_down(void **state)
{
    (void)state;
    for (uint32_t byz = 0; byz < 2; byz++) {
        struct nika_world_options o = corrupted(first_sends);
        if (byz == 0) byzantine.fault_class = NIKA_FAULT_NODE;
        byzantine.start = slow_and_paused;
        o.gst_ns = 10 * MS;
        struct nika_world *w = script_world(&o, 1);
        (void)nika_world_run(w, 9 * MS);
        assert_int_equal(seen_of(2, 1, NIKA_EVENT_START, 0), 0);
        assert_false(nika_world_is_up(w, 1));
        (void)nika_world_run(w, 20 * MS);
        assert_int_equal(seen_of(2, 1, NIKA_EVENT_MESSAGE, 0), 1);
        assert_int_equal(nika_world_is_up(w, 1), byz == 0);
        script_end(w, &o);
    }
}

/* Where one fault on the links wants the bytes, all have them; where none does, nobody copies. */
static uint32_t shown, hidden;
static void look(struct nika_fault *f, struct nika_outgoing *out)
{
    (void)f;
    *(out->bytes != NULL ? &shown : &hidden) += 1;
    if (out->bytes == NULL) assert_int_equal(out->capacity, 0);
}
static void test_bytes_are_copied_for_those_who_look(void **state)
{
    (void)state;
    for (uint32_t seeing = 0; seeing < 2; seeing++) {
        struct nika_fault_ops blind = {
            .name = "b", .fault_class = NIKA_FAULT_NETWORK, .on_link = look, .blind = true};
        struct nika_fault_ops sees = {
            .name = "s", .fault_class = NIKA_FAULT_NETWORK, .on_link = look};
        struct nika_world_options o = script_options(sends);
        o.faults[0] = (struct nika_fault){.ops = &blind, .to_ns = NIKA_NEVER};
        o.faults[1] = (struct nika_fault){.ops = &sees, .from_ns = 5 * MS, .to_ns = NIKA_NEVER};
        o.fault_count = 1 + seeing;
        shown = hidden = 0;
        struct nika_world *w = script_world(&o, 1);
        (void)nika_world_run(w, 20 * MS);
        /* Three receivers each time; the second fault acts on the second time alone, and both are asked then. */
        assert_int_equal(hidden, seeing == 0 ? 6 : 3);
        assert_int_equal(shown, seeing == 0 ? 0 : 6);
        script_end(w, &o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_corrupted_sender_tells_each_receiver_another_thing_validly_signed),
        cmocka_unit_test(test_a_frame_changed_and_not_signed_again_is_dropped),
        cmocka_unit_test(test_injected_and_replayed_frames_arrive_where_they_are_sent),
        cmocka_unit_test(test_the_keys_of_a_correct_node_cannot_be_used),
        cmocka_unit_test(test_what_a_behaviour_hides_its_own_module_alone_does_not_see),
        cmocka_unit_test(test_a_crash_at_a_point_of_persistence_cuts_the_step_there),
        cmocka_unit_test(test_at_gst_the_paused_resume_and_a_crashed_byzantine_stays_down),
        cmocka_unit_test(test_bytes_are_copied_for_those_who_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
