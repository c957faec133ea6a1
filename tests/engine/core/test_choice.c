/* Decisions follow from names; a log of them replays the run; names have exactly one text. */
#include "engine/core/choice.h"
#include "engine/core/stream.h"
#include "tests/support/test.h"

static struct nika_chooser one, two;

static struct nika_choice_name random_name(uint64_t k)
{
    uint64_t seed = nika_stream(4, "names", k);
    /* Small and huge values, zeros, and the special party numbers. */
    uint64_t mask = k % 3 == 0 ? UINT64_MAX : k % 3 == 1 ? 15 : 0;
    struct nika_choice_name name = {.kind = (uint16_t)(k % 16),
                                    .type = (uint16_t)(nika_stream_draw(seed, 1) & mask),
                                    .a = (uint32_t)(nika_stream_draw(seed, 2) & mask),
                                    .b = (uint32_t)(nika_stream_draw(seed, 3) & mask),
                                    .k = (uint32_t)(nika_stream_draw(seed, 4) & mask),
                                    .view = nika_stream_draw(seed, 5) & mask,
                                    .seq = nika_stream_draw(seed, 6) & mask};
    if (k % 11 == 0) name.a = NIKA_NODE_NONE;
    if (k % 7 == 0) name.b = nika_client_node((uint32_t)(k % 5));
    if (k % 13 == 0) name.seq = UINT64_MAX;
    return name;
}

static void test_name_text_round_trips(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 20000; k++) {
        struct nika_choice_name name = random_name(k), got;
        char text[192], again[192];
        size_t used = nika_choice_name_text(&name, text, sizeof text);
        assert_int_equal(used, strlen(text));
        assert_int_equal(nika_choice_name_parse(text, &got), NIKA_OK);
        (void)nika_choice_name_text(&got, again, sizeof again);
        assert_string_equal(text, again);
        assert_true(got.kind == name.kind && got.type == name.type && got.a == name.a &&
                    got.b == name.b);
        assert_true(got.k == name.k && got.view == name.view && got.seq == name.seq);
    }
}

static void test_name_text_reads_as_documented(void **state)
{
    (void)state;
    char text[64];
    struct nika_choice_name name = {
        .kind = NIKA_CHOICE_LATENCY, .type = 5, .a = 2, .b = 0, .k = 1, .view = 3, .seq = 17};
    (void)nika_choice_name_text(&name, text, sizeof text);
    assert_string_equal(text, "latency 2>0 t5 v3 s17 #1");
    struct nika_choice_name plain = {.kind = NIKA_CHOICE_FAULT, .a = 1, .b = NIKA_NODE_NONE};
    (void)nika_choice_name_text(&plain, text, sizeof text);
    assert_string_equal(text, "fault 1>- #0");
    assert_int_equal(nika_choice_name_text(&name, text, 8), 7);
    assert_string_equal(text, "latency");
}

static void test_texts_that_are_no_names_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "latency",
                               "latency 2>0",
                               "latency 2>0 ",
                               "latency 2>0 #",
                               "latency 2>0 #1 ",
                               "latency 2>0 v3 t5 #1",
                               "latency 02>0 #1",
                               "latency 2>0 t0 #1",
                               "latency 2>0 #4294967296",
                               "latency 2>0 t65536 #1",
                               "latency 2>0 v18446744073709551616 #1",
                               "lateness 2>0 #1",
                               "latency 2-0 #1",
                               "kind1 2>0 #0",
                               "latency 4294967295>0 #0",
                               "latency -1>0 #0"};
    struct nika_choice_name name;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(nika_choice_name_parse(bad[i], &name), NIKA_ERR_MALFORMED);
    assert_int_equal(nika_choice_name_parse("latency 2>0 #1", &name), NIKA_OK);
}

static void test_a_range_of_one_asks_nobody(void **state)
{
    (void)state;
    nika_chooser_init_seed(&one, 1);
    assert_int_equal(nika_choice(&one, &(struct nika_choice_name){.kind = 1}, 1), 0);
    assert_false(nika_choice_ppm(&one, &(struct nika_choice_name){.kind = 1}, 0));
    assert_int_equal(one.count, 0);
    (void)nika_choice(&one, &(struct nika_choice_name){.kind = 1}, 2);
    assert_int_equal(one.count, 1);
}

static void test_seed_decides_and_neighbours_differ(void **state)
{
    (void)state;
    uint32_t same = 0;
    nika_chooser_init_seed(&one, 7);
    nika_chooser_init_seed(&two, 8);
    for (uint64_t k = 0; k < 2000; k++) {
        struct nika_choice_name name = {.kind = NIKA_CHOICE_LATENCY, .a = 1, .b = 2, .seq = k / 2};
        if (nika_choice(&one, &name, 1024) == nika_choice(&two, &name, 1024)) same++;
    }
    assert_true(same < 20);
    nika_chooser_init_seed(&two, 7);
    nika_chooser_init_seed(&one, 7);
    for (uint64_t k = 0; k < 2000; k++) {
        struct nika_choice_name name = random_name(k);
        assert_true(nika_choice(&one, &name, k + 2) == nika_choice(&two, &name, k + 2));
    }
}

/* Pinned: a change here changes every recorded run, on every architecture. */
static void test_values_never_change(void **state)
{
    (void)state;
    struct nika_choice_name name = {
        .kind = NIKA_CHOICE_LATENCY, .type = 5, .a = 2, .b = 3, .view = 1, .seq = 17};
    nika_chooser_init_seed(&one, 42);
    assert_int_equal(nika_choice(&one, &name, 1000000000), 808238928);
    assert_int_equal(nika_choice(&one, &name, 1000000000), 73131477);
}

static void test_removing_one_decision_shifts_no_other(void **state)
{
    (void)state;
    nika_chooser_init_seed(&one, 7);
    nika_chooser_init_seed(&two, 7);
    uint32_t shifted = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        struct nika_choice_name name = {.kind = NIKA_CHOICE_LOSS, .a = 1, .b = 2, .seq = k};
        uint64_t value = nika_choice(&one, &name, 1000000);
        if (k != 10 && value != nika_choice(&two, &name, 1000000)) shifted++;
    }
    assert_true(shifted <= 1); /* At most what shared the removed name's counter. */
}

static void test_repeated_names_are_told_apart(void **state)
{
    (void)state;
    uint64_t seen = 0;
    nika_chooser_init_seed(&one, 9);
    for (uint32_t k = 0; k < 300; k++)
        seen |= UINT64_C(1) << nika_choice(&one,
                                           &(struct nika_choice_name){.kind = NIKA_CHOICE_TIE}, 64);
    assert_true(__builtin_popcountll(seen) > 60);
}

static void test_draws_are_even(void **state)
{
    (void)state;
    uint32_t bins[16] = {0};
    nika_chooser_init_seed(&one, 3);
    for (uint64_t k = 0; k < 16000; k++)
        bins[nika_choice(
            &one, &(struct nika_choice_name){.kind = 2, .a = (uint32_t)k % 4, .b = 1, .seq = k / 4},
            16)]++;
    for (uint32_t i = 0; i < 16; i++) assert_in_range(bins[i], 850, 1150);
}

static void test_ppm_is_a_probability_and_its_log_value_an_act(void **state)
{
    (void)state;
    uint32_t yes = 0;
    nika_chooser_init_seed(&one, 5);
    for (uint64_t k = 0; k < 20000; k++)
        yes += nika_choice_ppm(&one, &(struct nika_choice_name){.kind = 2, .seq = k}, 100000);
    assert_in_range(yes, 1800, 2200);
    yes = 0;
    for (uint64_t k = 0; k < 1000; k++)
        yes += nika_choice_ppm(&one, &(struct nika_choice_name){.kind = 3, .seq = k}, 1000000);
    assert_in_range(yes, 999, 1000);
}

static void record(void *context, const struct nika_choice_name *name, uint64_t n, uint64_t value)
{
    assert_true(value < n);
    if (value != 0) assert_int_equal(nika_choice_log_add(context, name, value), NIKA_OK);
}

/* Mixed decisions of a pretended run, as a fingerprint. */
static uint64_t run(struct nika_chooser *c, uint64_t length)
{
    uint64_t print = 0;
    for (uint64_t k = 0; k < length; k++) {
        struct nika_choice_name name = {
            .kind = (uint16_t)(1 + k % 12), .a = (uint32_t)(k % 5), .b = 1, .seq = k / 100};
        uint64_t got = k % 2 == 0 ? nika_choice(c, &name, 2 + k % 9)
                                  : (uint64_t)nika_choice_ppm(c, &name, 50000);
        print = print * 31 + got;
    }
    return print;
}

static void test_a_log_replays_the_run(void **state)
{
    (void)state;
    struct nika_choice_log *log = nika_choice_log_new();
    nika_chooser_init_seed(&one, 77);
    one.tap = record;
    one.tap_context = log;
    uint64_t wanted = run(&one, 20000);
    nika_chooser_init_log(&two, log);
    assert_true(run(&two, 20000) == wanted);
    assert_int_equal(nika_choice_log_unused(log), 0);
    nika_choice_log_free(log);
}

static void test_a_log_gives_the_fair_value_to_what_it_does_not_list(void **state)
{
    (void)state;
    struct nika_choice_log *log = nika_choice_log_new();
    struct nika_choice_name name = {.kind = NIKA_CHOICE_LOSS, .a = 1, .seq = 4};
    struct nika_choice_name never = {.kind = NIKA_CHOICE_LOSS, .a = 1, .seq = 5};
    assert_int_equal(nika_choice_log_add(log, &name, 3), NIKA_OK);
    assert_int_equal(nika_choice_log_add(log, &name, 2), NIKA_OK); /* Replaces. */
    assert_int_equal(nika_choice_log_add(log, &never, 9), NIKA_OK);
    nika_chooser_init_log(&one, log);
    assert_int_equal(nika_choice(&one, &name, 10), 2);
    assert_int_equal(nika_choice(&one, &name, 10), 0); /* #1 is not listed. */
    assert_int_equal(nika_choice_log_unused(log), 1);
    assert_int_equal(nika_choice(&one, &never, 4), 3); /* Out of range by now: still a deviation. */
    assert_int_equal(nika_choice_log_unused(log), 0);
    nika_choice_log_free(log);
}

static void test_bytes_drive_until_they_end(void **state)
{
    (void)state;
    const uint8_t input[] = {5, 0x01, 0x02, 9};
    struct nika_choice_bytes bytes = {.input = {input, sizeof input}};
    struct nika_choice_name name = {.kind = 1};
    nika_chooser_init_bytes(&one, &bytes);
    assert_int_equal(nika_choice(&one, &name, 10), 5);
    assert_int_equal(nika_choice(&one, &name, 0x10000), 0x0201);
    assert_int_equal(nika_choice(&one, &name, 0x10000), 0); /* One byte is too few. */
    assert_int_equal(nika_choice(&one, &name, 10), 0);
    assert_int_equal(bytes.at, sizeof input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_text_round_trips),
        cmocka_unit_test(test_name_text_reads_as_documented),
        cmocka_unit_test(test_texts_that_are_no_names_are_refused),
        cmocka_unit_test(test_a_range_of_one_asks_nobody),
        cmocka_unit_test(test_seed_decides_and_neighbours_differ),
        cmocka_unit_test(test_values_never_change),
        cmocka_unit_test(test_removing_one_decision_shifts_no_other),
        cmocka_unit_test(test_repeated_names_are_told_apart),
        cmocka_unit_test(test_draws_are_even),
        cmocka_unit_test(test_ppm_is_a_probability_and_its_log_value_an_act),
        cmocka_unit_test(test_a_log_replays_the_run),
        cmocka_unit_test(test_a_log_gives_the_fair_value_to_what_it_does_not_list),
        cmocka_unit_test(test_bytes_drive_until_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
