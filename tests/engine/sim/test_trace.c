/* tests/engine/sim/test_trace.c: a trace says every event and decision; packed it says the same, whatever became of its bytes. */
#include "engine/sim/trace.h"

#include <stdlib.h>

#include "tests/engine/sim/toy.h"
#include "tests/support/test.h"

#define HEADER "{\"nika_trace\":1}"

struct text {
    char *bytes;
    size_t size;
};

/* The trace of one run: messages, lost ones, records, executions, timers. */
static struct text traced(enum nika_trace_form form, uint64_t events, char digest[33])
{
    struct nika_world_options o = toy_options(TOY_RELAY | TOY_PERSIST | TOY_EXECUTE | TOY_TIMER);
    const char *reason = NULL;
    struct text text;
    o.event_limit = events;
    o.network.loss_ppm = 100000;
    struct nika_world *w = nika_world_new(&o, 5, &reason);
    FILE *file = open_memstream(&text.bytes, &text.size);
    assert_non_null(w);
    assert_non_null(file);
    struct nika_trace *t = nika_trace_new(file, HEADER, form, w);
    assert_non_null(t);
    nika_trace_attach(t);
    nika_world_invoke(w, 0, 9, (struct nika_span){(const uint8_t *)"x", 1}, 0, 10);
    (void)nika_world_run(w, NIKA_NEVER);
    assert_int_equal(nika_trace_end(t, "held"), NIKA_OK);
    nika_world_digest_text(w, digest);
    nika_trace_free(t);
    assert_int_equal(fclose(file), 0);
    nika_world_free(w);
    nika_keyring_free(o.keyring);
    return text;
}

/* What `packed` stands for, and what the reader says of it. The bytes are copied, so that a sanitizer sees a read past them. */
static struct text unpacked(const char *packed, size_t size, enum nika_err *err)
{
    struct text lines;
    size_t at = SIZE_MAX;
    char *exact = malloc(size > 0 ? size : 1);
    FILE *file = open_memstream(&lines.bytes, &lines.size);
    assert_non_null(file);
    assert_non_null(exact);
    memcpy(exact, packed, size);
    *err = nika_trace_unpack(exact, size, file, &at);
    assert_true(at <= size);
    free(exact);
    assert_int_equal(fclose(file), 0);
    return lines;
}

static void test_a_trace_starts_with_its_header_and_ends_with_the_digest(void **state)
{
    (void)state;
    char digest[33], last[1024] = "";
    struct text lines = traced(NIKA_TRACE_LINES, 60, digest);
    unsigned completes = 0, delivers = 0, drops = 0;
    assert_memory_equal(lines.bytes, HEADER "\n", sizeof HEADER);
    for (char *line = lines.bytes, *next; (next = strchr(line, '\n')) != NULL; line = next + 1) {
        *next = '\0';
        if (strstr(line, "\"k\":\"complete\"") != NULL) completes++;
        if (strstr(line, "\"k\":\"deliver\"") != NULL) delivers++;
        if (strstr(line, "\"k\":\"drop\"") != NULL) drops++;
        snprintf(last, sizeof last, "%s", line);
    }
    assert_int_equal(completes, 1);
    assert_true(delivers > 0);
    assert_true(drops > 0);
    assert_non_null(strstr(last, "\"end\":\"held\""));
    assert_non_null(strstr(last, digest));
    free(lines.bytes);
}

static void test_a_packed_trace_is_smaller_and_unpacks_to_the_same_bytes(void **state)
{
    (void)state;
    char digest[33], again[33];
    enum nika_err err;
    struct text lines = traced(NIKA_TRACE_LINES, 4000, digest),
                packed = traced(NIKA_TRACE_PACKED, 4000, again),
                out = unpacked(packed.bytes, packed.size, &err);
    assert_string_equal(digest, again);
    assert_int_equal(err, NIKA_OK);
    assert_true(nika_trace_is_packed(packed.bytes, packed.size));
    assert_false(nika_trace_is_packed(lines.bytes, lines.size));
    assert_int_equal(out.size, lines.size);
    assert_memory_equal(out.bytes, lines.bytes, lines.size);
    assert_true(packed.size * 3 < lines.size);
    free(lines.bytes);
    free(packed.bytes);
    free(out.bytes);
}

static void test_a_packed_trace_that_was_cut_gives_the_lines_before_and_no_last_one(void **state)
{
    (void)state;
    char digest[33];
    enum nika_err err;
    struct text lines = traced(NIKA_TRACE_LINES, 30, digest),
                packed = traced(NIKA_TRACE_PACKED, 30, digest);
    for (size_t size = 8; size < packed.size; size++) {
        struct text out = unpacked(packed.bytes, size, &err);
        assert_int_equal(err, NIKA_OK);
        assert_true(out.size < lines.size);
        assert_memory_equal(out.bytes, lines.bytes, out.size);
        if (out.size > 0) assert_int_equal(out.bytes[out.size - 1], '\n');
        free(out.bytes);
    }
    free(lines.bytes);
    free(packed.bytes);
}

/* Another byte anywhere: other lines or none, all of them printable, or it is said where the damage is. */
static void test_a_damaged_packed_trace_is_refused_or_says_plain_lines(void **state)
{
    (void)state;
    char digest[33];
    unsigned refused = 0;
    struct text packed = traced(NIKA_TRACE_PACKED, 30, digest);
    size_t start = 8 + sizeof HEADER;
    for (size_t i = start; i < packed.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            enum nika_err err;
            packed.bytes[i] = (char)(packed.bytes[i] ^ (1 << bit));
            struct text out = unpacked(packed.bytes, packed.size, &err);
            packed.bytes[i] = (char)(packed.bytes[i] ^ (1 << bit));
            assert_true(err == NIKA_OK || err == NIKA_ERR_MALFORMED);
            refused += err == NIKA_ERR_MALFORMED;
            for (size_t k = 0; k < out.size; k++)
                assert_true(out.bytes[k] == '\n' || (out.bytes[k] >= 0x20 && out.bytes[k] < 0x7f));
            free(out.bytes);
        }
    }
    assert_true(refused > packed.size);
    free(packed.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_trace_starts_with_its_header_and_ends_with_the_digest),
        cmocka_unit_test(test_a_packed_trace_is_smaller_and_unpacks_to_the_same_bytes),
        cmocka_unit_test(test_a_packed_trace_that_was_cut_gives_the_lines_before_and_no_last_one),
        cmocka_unit_test(test_a_damaged_packed_trace_is_refused_or_says_plain_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
