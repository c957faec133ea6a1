/* fuzz/shrink/write.c: the smallest failing run as a scenario file and as a test (shrink.h). */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fuzz/shrink/shrink.h"

#define COLUMNS 100u

/* A value on one line, `{"a": 1, "b": 2}`. */
static void put_value(const json_t *value, FILE *file)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    fputs(text != NULL ? text : "null", file);
    free(text);
}

static void put_faults(const json_t *faults, FILE *file)
{
    size_t i;
    json_t *fault;
    fputs("[", file);
    json_array_foreach((json_t *)(uintptr_t)faults, i, fault)
    {
        fputs(i > 0 ? ",\n    " : "\n    ", file);
        put_value(fault, file);
    }
    fputs("\n  ]", file);
}

static void put_decisions(const struct nika_decisions *decisions, FILE *file)
{
    char name[NIKA_DECISION_TEXT_SIZE];
    const char *comma = "";
    fputs("  \"decisions\": {", file);
    for (uint32_t i = 0; i < NIKA_FAULTS_MAX; i++) {
        if ((decisions->always >> i & 1) == 0) continue;
        fprintf(file, "%s\n    \"fault %" PRIu32 " *\": \"always\"", comma, i);
        comma = ",";
    }
    for (uint32_t i = 0; i < decisions->count; i++) {
        (void)nika_choice_name_text(&decisions->list[i].name, name, sizeof name);
        fprintf(file, "%s\n    \"%s\": %" PRIu64, comma, name, decisions->list[i].value);
        comma = ",";
    }
    fputs(comma[0] != '\0' ? "\n  }\n}\n" : "}\n}\n", file);
}

/* What the scenario was, and what happened: the name stays recognisable after several rounds of shrinking. */
static void describe(const struct nika_shrink *s, json_t *document)
{
    static const char suffix[] = "-shrunk";
    char name[NIKA_NAME_SIZE], why[NIKA_WHY_SIZE];
    const char *base = s->scenario->name, *end = strstr(base, suffix);
    int length = end != NULL ? (int)(end - base) : (int)strlen(base);
    if (length > (int)(sizeof name - sizeof suffix)) length = (int)(sizeof name - sizeof suffix);
    snprintf(name, sizeof name, "%.*s%s", length, base, suffix);
    snprintf(why, sizeof why, "Shrunk from seed %" PRIu64 " of %.60s: %.280s", s->seed,
             s->scenario->name, s->result.sentence);
    /* The cut may have gone through a character of several bytes; sentences are plain text. */
    for (char *c = why; *c != '\0'; c++) {
        if (!isprint((unsigned char)*c)) *c = '?';
    }
    json_object_set_new(document, "name", json_string(name));
    if (end == NULL) json_object_set_new(document, "why", json_string(why));
    json_object_set_new(document, "seed", json_integer((json_int_t)s->seed));
}

/* A finding: once it is mended, an act that does not come is no failure of its own. */
static void allow_idle_faults(const struct nika_shrink *s, json_t *document)
{
    int class = s->failure.exit_class;
    bool finding = class == NIKA_EXIT_SAFETY || class == NIKA_EXIT_LIVENESS ||
                   class == NIKA_EXIT_CONTRACT || class == NIKA_EXIT_INCONCLUSIVE;
    if (!finding || s->scenario->fault_count == 0) return;
    json_t *expect = json_object_get(document, "expect");
    if (expect == NULL) {
        expect = json_object();
        json_object_set_new(document, "expect", expect);
    }
    json_object_set_new(expect, "faults_act", json_false());
}

char *nika_shrink_scenario_text(const struct nika_shrink *s)
{
    static const char *const first[] = {"schema", "name", "why", "seed"};
    char *text = NULL;
    size_t size = 0;
    const char *key;
    json_t *value, *document = json_deep_copy(s->document);
    FILE *file = document != NULL ? open_memstream(&text, &size) : NULL;
    if (file == NULL) {
        json_decref(document);
        return NULL;
    }
    describe(s, document);
    allow_idle_faults(s, document);
    fputs("{\n", file);
    for (uint32_t i = 0; i < ARRAY_COUNT(first); i++) {
        fprintf(file, "  \"%s\": ", first[i]);
        put_value(json_object_get(document, first[i]), file);
        fputs(",\n", file);
        json_object_del(document, first[i]);
    }
    json_object_foreach(document, key, value)
    {
        fprintf(file, "  \"%s\": ", key);
        if (strcmp(key, "faults") == 0 && json_is_array(value)) {
            put_faults(value, file);
        } else {
            put_value(value, file);
        }
        fputs(",\n", file);
    }
    put_decisions(&s->decisions, file);
    json_decref(document);
    return fclose(file) == 0 ? text : NULL;
}

/* ---- a test ---- */
/* C text: each line of the scenario a string of its own, long ones cut. */
static void put_c_text(const char *text, FILE *file)
{
    uint32_t column = 0;
    for (; *text != '\0'; text++) {
        if (column == 0) column = (uint32_t)fprintf(file, "    \"");
        if (*text == '\n') {
            fputs("\\n\"\n", file);
            column = 0;
            continue;
        }
        column += (uint32_t)fprintf(file, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
        if (column < COLUMNS - 4) continue;
        fputs("\"\n", file);
        column = 0;
    }
    if (column != 0) fputs("\"\n", file);
}

/* "two_equivocators_shrunk": what a function may be called. */
static void identifier(const char *name, char *out, size_t size)
{
    size_t used = 0;
    for (; *name != '\0' && used + 1 < size; name++)
        out[used++] =
            isalnum((unsigned char)*name) != 0 ? (char)tolower((unsigned char)*name) : '_';
    out[used] = '\0';
}

static const char test_body[] =
    "static struct nika_diagnoses diagnoses;\n"
    "static struct nika_run_result result;\n"
    "\n"
    "static void test_%s(void **state)\n"
    "{\n"
    "    (void)state;\n"
    "    const char *reason;\n"
    "    struct nika_scenario *s = nika_scenario_parse(\"%s.json\", scenario_text,\n"
    "                                                  strlen(scenario_text), NULL, 0, "
    "&diagnoses);\n"
    "    if (s == NULL) fail_msg(\"%%s\", diagnoses.lines[0]);\n"
    "    struct nika_runner *runner = nika_runner_new(s, &reason);\n"
    "    assert_non_null(runner);\n"
    "    nika_runner_run(runner, s->values[NIKA_KEY_SEED], &result);\n"
    "    nika_runner_free(runner);\n"
    "    nika_scenario_free(s);\n"
    "    /* %s */\n"
    "    if (result.exit_class != NIKA_EXIT_HELD) fail_msg(\"%%s\", result.sentence);\n"
    "%s"
    "}\n"
    "\n"
    "int main(void)\n"
    "{\n"
    "    const struct CMUnitTest tests[] = {cmocka_unit_test(test_%s)};\n"
    "    return cmocka_run_group_tests(tests, NULL, NULL);\n"
    "}\n";

char *nika_shrink_cmocka_text(const struct nika_shrink *s, const char *scenario_text)
{
    char *text = NULL, name[NIKA_NAME_SIZE];
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    bool must = s->failure.exit_class == NIKA_EXIT_HELD;
    if (file == NULL) return NULL;
    identifier(s->scenario->name, name, sizeof name);
    fprintf(
        file,
        "/* A failure of the scenario %s, shrunk by nika shrink: the run below must %s.\n *\n * ",
        s->scenario->name, must ? "still be seen to fail" : "not fail (again)");
    for (const char *c = s->result.sentence; *c != '\0'; c++)
        fputc(*c == '/' && c[1] == '*' ? ' ' : *c == '*' && c[1] == '/' ? ' ' : *c, file);
    fputs("\n */\n#include \"tests/support/test.h\"\n\n#include \"scenarios/runner.h\"\n\n"
          "static const char scenario_text[] =\n",
          file);
    put_c_text(scenario_text, file);
    fputs("    \"\";\n\n", file);
    fprintf(file, test_body, name, name,
            must ? "The scenario says what must fail: it holds when that is seen."
                 : "Anything but \"held\" is the failure, or another in its place.",
            must ? "    assert_true(result.violation_count > 0);\n" : "", name);
    return fclose(file) == 0 ? text : NULL;
}
