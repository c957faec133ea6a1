/* tests/report/test_trace.c: the model of a run holds what happened, each message once, causes before effects; writers survive the worst. */
#include "report/report.h"

#include "tests/engine/sim/toy.h"
#include "tests/support/test.h"

#define MS UINT64_C(1000000)

static struct nika_world *make(const struct nika_world_options *o)
{
    const char *reason = NULL;
    struct nika_world *w = nika_world_new(o, 7, &reason);
    assert_non_null(w);
    return w;
}

/* A run of `ms` milliseconds, watched. */
static struct nika_report_trace *watch(uint32_t mode, uint64_t ms, uint64_t *delivered)
{
    struct nika_world_options o = toy_options(mode);
    struct nika_world *w = make(&o);
    struct nika_report_trace *t = nika_report_trace_new(w, &toy_messages);
    assert_non_null(t);
    (void)nika_world_run(w, ms * MS);
    struct nika_world_stats stats;
    nika_world_stats(w, &stats);
    *delivered = stats.messages_delivered;
    nika_report_trace_close(t);
    nika_world_free(w);
    nika_keyring_free(o.keyring);
    return t;
}

static void test_the_model_holds_each_delivery_and_each_message_once(void **state)
{
    (void)state;
    uint64_t delivered, seen = 0;
    struct nika_report_trace *t = watch(TOY_RELAY, 50, &delivered);
    for (uint32_t i = 0; i < nika_report_event_count(t); i++) {
        const struct nika_report_event *e = nika_report_event_at(t, i);
        if (i > 0) assert_true(e->now_ns >= nika_report_event_at(t, i - 1)->now_ns);
        if (e->cause != NIKA_REPORT_NONE) assert_true(e->cause < i);
        if (e->kind != NIKA_TAP_DELIVERED) continue;
        seen++;
        assert_true(e->cause != NIKA_REPORT_NONE);
        const struct nika_report_event *send = nika_report_event_at(t, e->cause);
        assert_int_equal(send->kind, NIKA_TAP_SENT);
        assert_int_equal(send->node, e->peer);
        assert_int_equal(send->message, e->message);
    }
    assert_true(seen > 10);
    assert_int_equal(seen, delivered);
    assert_int_equal(nika_report_lost(t), 0);
    for (uint32_t i = 0; i < nika_report_message_count(t); i++) {
        const struct nika_report_message *m = nika_report_message_at(t, i);
        struct nika_span raw = nika_report_frame(t, i);
        assert_int_equal(raw.size, m->size);
        assert_int_equal(nika_load_le(raw.data + NIKA_FRAME_HEAD_SIZE, 8), m->seq);
        assert_string_equal(nika_report_info(t, i)->name, "TOY");
        for (uint32_t k = 0; k < i; k++)
            assert_false(nika_report_message_at(t, k)->seq == m->seq &&
                         nika_report_message_at(t, k)->sender == m->sender);
    }
    nika_report_trace_free(t);
}

static void test_a_write_leads_to_its_end(void **state)
{
    (void)state;
    uint64_t delivered, stored = 0;
    struct nika_report_trace *t = watch(TOY_PERSIST, 50, &delivered);
    for (uint32_t i = 0; i < nika_report_event_count(t); i++) {
        const struct nika_report_event *e = nika_report_event_at(t, i);
        if (e->kind != NIKA_TAP_STORED) continue;
        stored++;
        assert_true(e->cause != NIKA_REPORT_NONE);
        const struct nika_report_event *order = nika_report_event_at(t, e->cause);
        assert_int_equal(order->kind, NIKA_TAP_PERSIST);
        assert_int_equal(order->node, e->node);
        assert_int_equal(order->b, e->b);
    }
    assert_true(stored > 0);
    nika_report_trace_free(t);
}

static void test_what_happens_after_close_is_another_run(void **state)
{
    (void)state;
    struct nika_world_options o = toy_options(TOY_RELAY);
    struct nika_world *w = make(&o);
    struct nika_report_trace *t = nika_report_trace_new(w, &toy_messages);
    (void)nika_world_run(w, 10 * MS);
    nika_report_trace_close(t);
    uint32_t before = nika_report_event_count(t);
    assert_true(before > 0);
    (void)nika_world_run(w, 50 * MS);
    assert_int_equal(nika_report_event_count(t), before);
    nika_world_free(w);
    nika_keyring_free(o.keyring);
    nika_report_trace_free(t);
    nika_report_trace_free(NULL);
}

static void test_lanes_are_replicas_then_clients_then_none(void **state)
{
    (void)state;
    uint64_t delivered;
    struct nika_report_trace *t = watch(TOY_RELAY, 5, &delivered);
    uint32_t n = nika_report_replicas(t);
    assert_int_equal(nika_report_lane(t, 0), 0);
    assert_int_equal(nika_report_lane(t, n - 1), n - 1);
    assert_int_equal(nika_report_lane(t, n), -1);
    assert_int_equal(nika_report_lane(t, NIKA_NODE_NONE), -1);
    assert_int_equal(nika_report_lane(t, NIKA_CLIENT_BIT | 1000), -1);
    nika_report_trace_free(t);
}

/* What a writer writes, as text: the caller frees it. */
static char *written(const struct nika_report *report, enum nika_report_format format, size_t *size)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, size);
    assert_non_null(file);
    assert_true(nika_report_write(report, format, file));
    fclose(file);
    return text;
}

static void test_every_writer_survives_an_empty_run_with_hostile_words(void **state)
{
    (void)state;
    uint64_t delivered;
    struct nika_report_trace *t = watch(0, 0, &delivered);
    json_t *run = json_pack("{s:s, s:i, s:s, s:[], s:[{s:s, s:s}]}", "name",
                            "]]></x>\x01\x1b[31m\"'&\xc3\xa9", "exit_class", 1, "sentence",
                            "</script><script>alert(1)</script>", "story", "violations", "oracle",
                            "O1", "sentence", "a<b>&\"c\"\x7f");
    struct nika_report report = {.run = run, .scenario = run, .trace = t};
    assert_non_null(run);
    for (uint32_t i = NIKA_REPORT_TEXT + 1; i < NIKA_REPORT_FORMAT_COUNT; i++) {
        size_t size = 0;
        char *text = written(&report, (enum nika_report_format)i, &size);
        assert_true(size > 0);
        if (i != NIKA_REPORT_PCAPNG) {
            assert_null(memchr(text, 0x1b, size));
            assert_null(memchr(text, 0x01, size));
        }
        if (i == NIKA_REPORT_HTML || i == NIKA_REPORT_JUNIT || i == NIKA_REPORT_JSON)
            assert_null(strstr(text, "<script>alert"));
        if (i == NIKA_REPORT_JSON || i == NIKA_REPORT_CHROME || i == NIKA_REPORT_SARIF) {
            json_t *back = json_loads(text, 0, NULL);
            assert_non_null(back);
            json_decref(back);
        }
        free(text);
    }
    json_decref(run);
    nika_report_trace_free(t);
}

static void test_a_full_disk_and_a_format_without_writer_are_failures(void **state)
{
    (void)state;
    uint64_t delivered;
    struct nika_report_trace *t = watch(TOY_RELAY, 20, &delivered);
    struct nika_report report = {.trace = t};
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL) skip();
    assert_false(nika_report_write(&report, NIKA_REPORT_JSON, full));
    assert_false(nika_report_write(&report, NIKA_REPORT_TEXT, full));
    assert_false(nika_report_write(&report, NIKA_REPORT_FORMAT_COUNT, full));
    fclose(full);
    nika_report_trace_free(t);
}

static void test_formats_are_found_by_name_and_by_file(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum nika_report_format format;
    } files[] = {{"a.html", NIKA_REPORT_HTML},         {"a.b.json", NIKA_REPORT_JSON},
                 {"a.trace.json", NIKA_REPORT_CHROME}, {"a.junit.xml", NIKA_REPORT_JUNIT},
                 {"a.sarif", NIKA_REPORT_SARIF},       {"a.pcapng", NIKA_REPORT_PCAPNG},
                 {"a.txt", NIKA_REPORT_TEXT}};
    enum nika_report_format format;
    for (uint32_t i = 0; i < ARRAY_COUNT(files); i++) {
        assert_true(nika_report_format_of_file(files[i].path, &format));
        assert_int_equal(format, files[i].format);
    }
    assert_false(nika_report_format_of_file(".html", &format));
    assert_false(nika_report_format_of_file("", &format));
    assert_false(nika_report_format_of_file("html", &format));
    for (uint32_t i = 0; i < NIKA_REPORT_FORMAT_COUNT; i++) {
        assert_true(nika_report_format_find(nika_report_format_name(i), &format));
        assert_int_equal(format, i);
    }
    assert_null(nika_report_format_name(NIKA_REPORT_FORMAT_COUNT));
    assert_false(nika_report_format_find("htm", &format));
}

static void test_a_string_is_safe_inside_a_script(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    nika_report_string(file, "a\"\\</s&\n\xc3\xa9z");
    fclose(file);
    assert_string_equal(text, "\"a\\\"\\\\\\u003c/s\\u0026\\u000a\\ufffdz\"");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_model_holds_each_delivery_and_each_message_once),
        cmocka_unit_test(test_a_write_leads_to_its_end),
        cmocka_unit_test(test_what_happens_after_close_is_another_run),
        cmocka_unit_test(test_lanes_are_replicas_then_clients_then_none),
        cmocka_unit_test(test_every_writer_survives_an_empty_run_with_hostile_words),
        cmocka_unit_test(test_a_full_disk_and_a_format_without_writer_are_failures),
        cmocka_unit_test(test_formats_are_found_by_name_and_by_file),
        cmocka_unit_test(test_a_string_is_safe_inside_a_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
