/* tests/engine/sim/test_queue.c: the event queue against a reference sort, and the order of clipped messages. */
#include "engine/core/stream.h"
#include "engine/sim/internal.h"
#include "tests/engine/sim/toy.h"
#include "tests/support/test.h"

#define EVENTS 3000u

static uint64_t fair(struct nika_chooser *c, const struct nika_choice_name *name, uint64_t n)
{
    (void)c;
    (void)name;
    (void)n;
    return 0;
}
static struct nika_world *quiet(struct nika_world_options *o)
{
    const char *reason = NULL;
    uint64_t number = 0;
    *o = toy_options(0);
    struct nika_world *w = nika_world_new(o, 1, &reason);
    assert_non_null(w);
    w->core->chooser.driver = fair;
    uint64_t time = 0;
    while (sim_queue_next_time(w, &time)) sim_event_free(w, sim_queue_pop(w, &number));
    return w;
}

static void test_the_queue_pops_in_order_of_time_then_insertion(void **state)
{
    (void)state;
    struct nika_world_options o;
    struct nika_world *w = quiet(&o);
    uint64_t last_time = 0, last_number = 0, number = 0, time = 0;
    for (uint32_t i = 0; i < EVENTS; i++)
        (void)sim_schedule(w, SIM_WAKE, 0, nika_stream_below(3, i, 500), i, 0, 0);
    for (uint32_t i = 0; i < EVENTS; i++) {
        assert_true(sim_queue_next_time(w, &time));
        uint32_t slot = sim_queue_pop(w, &number);
        assert_int_equal(time, w->events[slot].time);
        assert_int_equal(time, nika_stream_below(3, w->events[slot].a, 500));
        assert_true(time > last_time || (time == last_time && number > last_number));
        last_time = time;
        last_number = number;
        sim_event_free(w, slot);
    }
    assert_false(sim_queue_next_time(w, &time));
    nika_world_free(w);
    nika_keyring_free(o.keyring);
}

static void test_clipped_messages_keep_their_order_and_others_their_time(void **state)
{
    (void)state;
    struct nika_world_options o;
    struct nika_world *w = quiet(&o);
    uint64_t number = 0, last_original = 0, timers = 0;
    for (uint32_t i = 0; i < EVENTS; i++) {
        uint64_t at = 1 + nika_stream_below(4, i, 100000);
        (void)sim_schedule(w, i % 10 == 0 ? SIM_WAKE : SIM_MESSAGE, 0, at, 0, 0, at);
    }
    assert_true(sim_queue_clip_messages(w, 50000) <= 50000 + EVENTS);
    for (uint32_t i = 0; i < EVENTS; i++) {
        uint32_t slot = sim_queue_pop(w, &number);
        const struct sim_event *e = &w->events[slot];
        if (e->kind == SIM_WAKE) {
            assert_int_equal(e->time, e->token);
            timers++;
        } else {
            assert_true(e->token >= last_original);
            assert_true(e->time <= 50000 + EVENTS);
            last_original = e->token;
        }
        sim_event_free(w, slot);
    }
    assert_int_equal(timers, EVENTS / 10);
    nika_world_free(w);
    nika_keyring_free(o.keyring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_queue_pops_in_order_of_time_then_insertion),
        cmocka_unit_test(test_clipped_messages_keep_their_order_and_others_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
