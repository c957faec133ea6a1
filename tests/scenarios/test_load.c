/* Tests scenarios/load.c, load_lists.c and override.c: good scenarios load, and each kind of bad input is named with its place. */
#include "tests/support/test.h"

#include "engine/core/stream.h"
#include "scenarios/library.h"
#include "scenarios/scenario.h"

#define HEAD "{\"schema\":1,\"name\":\"x\",\"why\":\"y\""

static struct nika_diagnoses diagnoses;

static struct nika_scenario *parse(const char *text, const char *const *sets, uint32_t count)
{
    return nika_scenario_parse("x.json", text, strlen(text), sets, count, &diagnoses);
}

static void expect_error(const char *text, const char *line)
{
    struct nika_scenario *s = parse(text, NULL, 0);
    assert_null(s);
    assert_true(diagnoses.count > 0);
    assert_string_equal(diagnoses.lines[0], line);
}

static void expect_error_has(const char *text, const char *part)
{
    assert_null(parse(text, NULL, 0));
    assert_true(diagnoses.count > 0);
    if (strstr(diagnoses.lines[0], part) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", diagnoses.lines[0], part);
}

static void test_a_small_scenario_gets_all_defaults(void **state)
{
    (void)state;
    struct nika_scenario *s = parse(HEAD "}", NULL, 0);
    assert_non_null(s);
    assert_int_equal(s->values[NIKA_KEY_N], 4);
    assert_int_equal(s->values[NIKA_KEY_GST_MS], 2000);
    assert_int_equal(s->fault_count, 0);
    nika_scenario_free(s);
}

static void test_values_faults_and_ranges_are_taken(void **state)
{
    (void)state;
    struct nika_scenario *s = parse(
        HEAD
        ",\"gst_ms\":\"never\",\"cluster\":{\"n\":7,\"f\":2,\"read_only\":true},"
        "\"network\":{\"latency_us\":{\"max\":9000}},"
        "\"faults\":[{\"name\":\"crash\",\"targets\":[1,5],\"from_ms\":10,\"point\":\"commit\"}],"
        "\"swarm\":[{\"path\":\"network.loss_ppm\",\"low\":3,\"high\":5},"
        "{\"path\":\"faults[0].from_ms\",\"low\":1,\"high\":2}],"
        "\"expect\":{\"properties\":{\"O1\":\"may-fail\"}}}",
        NULL, 0);
    assert_non_null(s);
    assert_int_equal(s->values[NIKA_KEY_N], 7);
    assert_int_equal(s->values[NIKA_KEY_READ_ONLY], 1);
    assert_true(s->values[NIKA_KEY_GST_MS] == UINT64_MAX);
    assert_int_equal(s->values[NIKA_KEY_LATENCY_MAX], 9000);
    assert_int_equal(s->faults[0].targets[0], 0x22);
    assert_int_equal(s->faults[0].from_ms, 10);
    assert_int_equal(s->swarm_count, 2);
    assert_int_equal(s->swarm[1].field, NIKA_FIELD_FROM_MS);
    nika_scenario_free(s);
}

static void test_each_wrong_value_is_named_with_its_place(void **state)
{
    (void)state;
    expect_error(HEAD ",\n\"network\":{\"loss_ppm\":\"lots\"}}",
                 "x.json:2:23: $.network.loss_ppm: expected integer 0..1000000, got \"lots\"");
    expect_error(HEAD ",\n\"network\":{\"loss_ppm\":0.5}}",
                 "x.json:2:23: $.network.loss_ppm: expected integer 0..1000000, got 0.5");
    expect_error(HEAD ",\n\"network\":{\"loss_ppm\":-1}}",
                 "x.json:2:23: $.network.loss_ppm: expected integer 0..1000000, got -1");
    expect_error(HEAD ",\n\"cluster\":{\"n\":1000000000000}}",
                 "x.json:2:16: $.cluster.n: expected integer 1..128, got 1000000000000");
    expect_error(HEAD ",\n\"cluster\":{\"read_only\":1}}",
                 "x.json:2:24: $.cluster.read_only: expected true or false, got 1");
    expect_error(HEAD ",\n\"cluster\":[]}", "x.json:2:11: $.cluster: expected an object");
    expect_error(HEAD ",\n\"faults\":[{\"name\":\"loss\",\"rate_ppm\":\"lots\"}]}",
                 "x.json:2:37: $.faults[0].rate_ppm: expected integer 0..1000000, got \"lots\"");
    expect_error_has(HEAD ",\n\"cluster\":{\"suite\":\"rot13\"}}",
                     "x.json:2:20: $.cluster.suite: expected one of \"ed25519\"");
    expect_error_has(HEAD ",\n\"gst_ms\":\"soon\"}", "x.json:2:10: $.gst_ms: expected integer");
}

static void test_unknown_keys_are_named_with_the_nearest(void **state)
{
    (void)state;
    expect_error(HEAD ",\n\"netwrok\":{}}",
                 "x.json:2:1: $.netwrok: unknown key, did you mean \"network\"?");
    expect_error(HEAD ",\n\"network\":{\"los_ppm\":1}}",
                 "x.json:2:12: $.network.los_ppm: unknown key, did you mean \"loss_ppm\"?");
    expect_error(HEAD ",\n\"zzzzzzzzzzzz\":0}", "x.json:2:1: $.zzzzzzzzzzzz: unknown key");
    expect_error_has(HEAD ",\n\"faults\":[{\"name\":\"crsh\"}]}",
                     "x.json:2:19: $.faults[0].name: unknown fault, did you mean crash");
    expect_error_has(HEAD ",\n\"faults\":[{\"name\":\"loss\",\"rat_ppm\":1}]}",
                     "$.faults[0].rat_ppm: unknown key of fault loss, did you mean rate_ppm");
    expect_error_has(HEAD ",\"expect\":{\"properties\":{\"O99\":\"held\"}}}",
                     "$.expect.properties.O99: unknown oracle");
}

static void test_what_must_be_there_is_demanded(void **state)
{
    (void)state;
    expect_error_has("{\"schema\":1,\"name\":\"x\"}", "$.why: required");
    expect_error_has("{\"schema\":2,\"name\":\"x\",\"why\":\"y\"}",
                     "$.schema: expected integer 1..1, got 2");
    expect_error_has(HEAD ",\"faults\":[{\"name\":\"crash\"}]}", "$.faults[0].targets: required");
    expect_error_has(HEAD ",\"faults\":[{}]}",
                     "$.faults[0]: expected an object with the \"name\" of a fault");
}

static void test_syntax_errors_and_duplicates_have_a_place(void **state)
{
    (void)state;
    expect_error_has("{\n\"schema\":1,,}", "x.json:2:");
    expect_error_has("", "x.json:");
    expect_error_has("[]", "x.json:1:1: $: expected an object");
    expect_error_has("{\"schema\":1,\"schema\":1}", "duplicate");
    char deep[80];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    expect_error_has(deep, "nested deeper than 32");
}

static void test_absurd_sizes_are_refused(void **state)
{
    (void)state;
    size_t size = NIKA_SCENARIO_SIZE_MAX + 1;
    char *text = calloc(size, 1);
    memset(text, ' ', size);
    assert_null(nika_scenario_parse("x.json", text, size, NULL, 0, &diagnoses));
    assert_non_null(strstr(diagnoses.lines[0], "larger than"));
    free(text);
    assert_null(nika_scenario_load("/nonexistent/x.json", NULL, 0, &diagnoses));
    assert_non_null(strstr(diagnoses.lines[0], "No such file"));
}

static void test_impossible_clusters_need_permission(void **state)
{
    (void)state;
    expect_error_has(HEAD ",\"cluster\":{\"n\":3}}", "$.cluster: impossible cluster");
    expect_error_has(HEAD ",\"cluster\":{\"window\":9}}", "$.cluster: impossible cluster");
    expect_error_has(HEAD ",\"faults\":[{\"name\":\"silent\",\"targets\":[0,1]}]}",
                     "2 replicas may be faulty, f is 1");
    struct nika_scenario *s = parse(HEAD ",\"faults\":[{\"name\":\"silent\",\"targets\":[0,1]}],"
                                         "\"expect\":{\"allow_beyond_bound\":true}}",
                                    NULL, 0);
    assert_non_null(s);
    nika_scenario_free(s);
}

static void test_distributions_must_ascend(void **state)
{
    (void)state;
    expect_error_has(HEAD ",\"network\":{\"latency_us\":{\"min\":900,\"median\":100}}}",
                     "$.network.latency_us.median: expected at least min (900)");
    expect_error_has(HEAD ",\"network\":{\"regions\":[0,1]}}",
                     "$.network.regions: expected 4 entries");
}

static void test_overrides_reach_every_place(void **state)
{
    (void)state;
    static const char *const sets[] = {"network.loss_ppm=77", "faults[0].from_ms=5", "gst_ms=never",
                                       "$.cluster.clients=3"};
    struct nika_scenario *s =
        parse(HEAD ",\"faults\":[{\"name\":\"crash\",\"targets\":[1]}]}", sets, 4);
    assert_non_null(s);
    assert_int_equal(s->values[NIKA_KEY_LOSS_PPM], 77);
    assert_int_equal(s->faults[0].from_ms, 5);
    assert_true(s->values[NIKA_KEY_GST_MS] == UINT64_MAX);
    assert_int_equal(s->values[NIKA_KEY_CLIENTS], 3);
    nika_scenario_free(s);
}

static void test_bad_overrides_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "network.loss_ppm=lots", "nonsense",         "=1", "a..b=1", "faults[7].from_ms=1",
        "faults[x]=1",           "network.los_ppm=1"};
    for (uint32_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_null(parse(HEAD "}", &bad[i], 1));
        assert_true(diagnoses.count > 0);
    }
}

/* Whatever the bytes are: a scenario or at least one diagnosis, never a crash. */
static void check_total(const char *text, size_t size)
{
    struct nika_scenario *s = nika_scenario_parse("x.json", text, size, NULL, 0, &diagnoses);
    assert_true((s != NULL) == (diagnoses.count == 0));
    nika_scenario_free(s);
}

static void test_random_bytes_never_crash_the_loader(void **state)
{
    (void)state;
    char text[64];
    for (uint64_t round = 0; round < 3000; round++) {
        uint64_t stream = nika_stream(round, "bytes", 0);
        size_t size = nika_stream_below(stream, 0, sizeof text);
        for (size_t i = 0; i < size; i++)
            text[i] = "{}[]\",:0 1ae.\\\n"[nika_stream_below(stream, i + 1, 15)];
        check_total(text, size);
    }
}

/* A fuzzer's finding: the parser skips the byte, and the search for the place of the mistake never ended. */
static void test_a_nul_byte_is_refused_and_ends_no_scan(void **state)
{
    static const char text[] = HEAD ",\"faults\":[{\"a\":80\0},{\"name\":\"x\"}]}";
    (void)state;
    assert_null(nika_scenario_parse("x.json", text, sizeof text - 1, NULL, 0, &diagnoses));
    assert_non_null(strstr(diagnoses.lines[0], "x.json:1: a NUL byte at offset "));
    struct nika_json_path path = {0};
    uint32_t line, column;
    path = nika_path_key(nika_path_index(nika_path_key(path, "faults"), 1), "name");
    assert_true(nika_json_locate(text, sizeof text - 1, &path, false, &line, &column));
}

static void test_mutations_never_crash_the_loader(void **state)
{
    (void)state;
    struct nika_library *library = nika_library_list();
    assert_non_null(library);
    assert_true(library->count > 20);
    for (uint32_t k = 0; k < library->count; k++) {
        char text[4096];
        FILE *file = fopen(library->paths[k], "rb");
        assert_non_null(file);
        size_t size = fread(text, 1, sizeof text, file);
        fclose(file);
        for (uint64_t round = 0; round < 60; round++) {
            char copy[4096];
            uint64_t stream = nika_stream(round, "mutation", k);
            memcpy(copy, text, size);
            for (uint32_t i = 0; i < 1 + round % 4; i++) {
                copy[nika_stream_below(stream, 2 * i, size)] =
                    (char)nika_stream_below(stream, 2 * i + 1, 256);
            }
            check_total(copy, round % 5 == 0 ? nika_stream_below(stream, 99, size) : size);
        }
    }
    free(library);
}

/* Each mistake costs a walk through the text to say where it is: a file full of them must not cost their product. */
static void test_a_file_full_of_mistakes_is_read_no_further_than_it_is_reported(void **state)
{
    static const char *const lists[][2] = {
        {HEAD, "}"},
        {HEAD ",\"cluster\":{\"n\":4", "}}"},
        {HEAD ",\"decisions\":{\"x\":1", "}}"},
        {HEAD ",\"expect\":{\"properties\":{\"x\":1", "}}}"},
        {HEAD ",\"faults\":[{\"name\":\"crash\"", "}]}"},
    };
    (void)state;
    static char text[900000];
    for (uint32_t i = 0; i < ARRAY_COUNT(lists); i++) {
        size_t used = (size_t)snprintf(text, sizeof text, "%s", lists[i][0]);
        for (uint32_t k = 0; used < sizeof text - 100; k++)
            used += (size_t)snprintf(text + used, sizeof text - used, ",\"bad%u\":[0]", k);
        memcpy(text + used, lists[i][1], strlen(lists[i][1]) + 1);
        assert_null(parse(text, NULL, 0));
        assert_int_equal(diagnoses.count, NIKA_DIAGNOSES_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_scenario_gets_all_defaults),
        cmocka_unit_test(test_values_faults_and_ranges_are_taken),
        cmocka_unit_test(test_each_wrong_value_is_named_with_its_place),
        cmocka_unit_test(test_unknown_keys_are_named_with_the_nearest),
        cmocka_unit_test(test_what_must_be_there_is_demanded),
        cmocka_unit_test(test_syntax_errors_and_duplicates_have_a_place),
        cmocka_unit_test(test_absurd_sizes_are_refused),
        cmocka_unit_test(test_impossible_clusters_need_permission),
        cmocka_unit_test(test_distributions_must_ascend),
        cmocka_unit_test(test_overrides_reach_every_place),
        cmocka_unit_test(test_bad_overrides_are_refused),
        cmocka_unit_test(test_random_bytes_never_crash_the_loader),
        cmocka_unit_test(test_a_nul_byte_is_refused_and_ends_no_scan),
        cmocka_unit_test(test_mutations_never_crash_the_loader),
        cmocka_unit_test(test_a_file_full_of_mistakes_is_read_no_further_than_it_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
