/* fuzz/campaign/summary.c: what the records of a campaign add up to, as JSON, JUnit XML and text. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/coverage.h"
#include "protocols/registry.h"
#include "report/sheet.h"

#define SEEDS_SHOWN 5u

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static void add(json_t *object, const char *key, json_int_t value)
{
    json_object_set_new(object, key, json_integer(integer(object, key) + value));
}

/* The member `key` of `object`, made empty when it is not there. */
static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
    json_t *value = json_object_get(object, key);
    if (value != NULL) return value;
    json_object_set_new(object, key, make());
    return json_object_get(object, key);
}

static void add_failure(json_t *failures, const json_t *record, const json_t *failure)
{
    json_t *entry = member(failures, text(failure, "signature"), json_object);
    json_int_t seed = integer(failure, "seed");
    if (json_object_size(entry) == 0) {
        json_object_set_new(entry, "scenario", json_string(text(record, "scenario")));
        json_object_set_new(entry, "path", json_string(text(record, "path")));
        json_object_set(entry, "sets", json_object_get(record, "sets"));
        json_object_set_new(entry, "given", json_integer(integer(record, "given")));
        json_object_set_new(entry, "strategy", json_string(text(record, "strategy")));
        json_object_set_new(entry, "block", json_integer(integer(record, "first")));
        json_object_set_new(entry, "verdict", json_string(text(failure, "verdict")));
        json_object_set_new(entry, "exit_class", json_integer(integer(failure, "exit_class")));
        json_object_set_new(entry, "sentence", json_string(text(failure, "sentence")));
        json_object_set_new(entry, "seeds", json_array());
        static const char *const findings[] = {"liveness", "stall", "culprits", "process"};
        for (size_t i = 0; i < ARRAY_COUNT(findings); i++) {
            if (json_object_get(failure, findings[i]) != NULL)
                json_object_set(entry, findings[i], json_object_get(failure, findings[i]));
        }
    }
    add(entry, "count", 1);
    /* Records come in the order of scenarios and seeds: the first are the lowest of the first scenario. */
    json_t *seeds = json_object_get(entry, "seeds");
    if (json_array_size(seeds) < SEEDS_SHOWN &&
        strcmp(text(entry, "scenario"), text(record, "scenario")) == 0)
        json_array_append_new(seeds, json_integer(seed));
}

static void add_record(json_t *summary, json_t *totals, const json_t *record,
                       struct nika_coverage *coverage)
{
    char key[256];
    snprintf(key, sizeof key, "%s [%s]", text(record, "scenario"), text(record, "strategy"));
    json_t *cases = json_object_get(summary, "cases"), *failure, *fault, *probe;
    json_t *one = member(cases, key, json_object);
    const char *name;
    size_t i;
    add(totals, "runs", integer(record, "count"));
    add(json_object_get(summary, "strategies"), text(record, "strategy"), integer(record, "count"));
    add(json_object_get(summary, "protocols"), text(record, "protocol"), integer(record, "count"));
    add(totals, "held", integer(record, "held"));
    add(totals, "missed", integer(record, "missed"));
    add(one, "runs", integer(record, "count"));
    add(one, "held", integer(record, "held"));
    add(one, "missed", integer(record, "missed"));
    json_object_set(one, "path", json_object_get(record, "path"));
    json_t *worst = member(one, "failures", json_object);
    json_array_foreach(json_object_get(record, "failures"), i, failure)
    {
        add(totals, "failed", 1);
        add(one, "failed", 1);
        add_failure(json_object_get(summary, "failures"), record, failure);
        add_failure(worst, record, failure);
        json_object_set_new(summary, "exit_class",
                            json_integer(nika_exit_worse((int)integer(summary, "exit_class"),
                                                         (int)integer(failure, "exit_class"))));
    }
    json_t *acted = member(one, "faults", json_object);
    json_array_foreach(json_object_get(record, "faults"), i, fault)
    {
        char label[96];
        snprintf(label, sizeof label, "%zu %s", i, text(fault, "name"));
        add(acted, label, integer(fault, "acted"));
    }
    json_object_foreach((json_t *)json_object_get(record, "probes"), name, probe)
        add(json_object_get(summary, "probes"), name, json_integer_value(probe));
    (void)nika_coverage_add_json(coverage, json_object_get(record, "states"),
                                 json_object_get(record, "steps"));
}

/* Could it have happened? What is of one protocol alone begins with its name. */
static bool there(const json_t *summary, const char *probe)
{
    for (uint32_t i = 0; i < nika_protocol_count; i++) {
        const char *name = nika_protocol_list[i].name;
        size_t length = strlen(name);
        if (strncmp(probe, name, length) == 0 && probe[length] == '_')
            return integer(json_object_get(summary, "protocols"), name) > 0;
    }
    return true;
}

/* What never happened, although it was there to happen: the commonest lie of a testbed. */
static void add_silent(json_t *summary)
{
    json_t *silent = json_array(), *one;
    const char *name, *fault;
    json_t *count;
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        const char *probe = nika_probe_name(i);
        if (there(summary, probe) && integer(json_object_get(summary, "probes"), probe) == 0)
            json_array_append_new(silent, json_sprintf("probe %s", probe));
    }
    json_object_foreach(json_object_get(summary, "cases"), name, one)
    {
        json_object_foreach(json_object_get(one, "faults"), fault, count)
        {
            if (json_integer_value(count) == 0)
                json_array_append_new(silent, json_sprintf("fault %s of %s", fault, name));
        }
        /* An attack that must succeed and never did. */
        bool random = strstr(name, "[random]") != NULL;
        if (!random || integer(one, "missed") < integer(one, "runs") || integer(one, "runs") == 0)
            continue;
        json_array_append_new(silent, json_sprintf("failure that %s must show", name));
        json_object_set_new(one, "never", json_true());
        json_object_set_new(summary, "exit_class",
                            json_integer(nika_exit_worse((int)integer(summary, "exit_class"),
                                                         NIKA_EXIT_EXPECTATION)));
    }
    json_object_set_new(summary, "never_happened", silent);
}

json_t *nika_campaign_summary(const struct nika_results *results, bool complete)
{
    struct nika_coverage coverage = {0};
    json_t *summary = json_pack(
        "{s:i, s:i, s:b, s:{}, s:{}, s:{}, s:{}, s:{}, s:{s:i, s:i, s:i, s:i}}", "nika_campaign", 1,
        "exit_class", NIKA_EXIT_HELD, "complete", complete ? 1 : 0, "cases", "failures", "probes",
        "protocols", "strategies", "totals", "runs", 0, "held", 0, "missed", 0, "failed", 0);
    struct nika_result_line *sorted = nika_results_sorted(results);
    if (summary == NULL || sorted == NULL) {
        json_decref(summary);
        free(sorted);
        return NULL;
    }
    for (uint32_t i = 0; i < results->count; i++) {
        json_t *record = nika_results_record(results, &sorted[i]);
        add_record(summary, json_object_get(summary, "totals"), record, &coverage);
        json_decref(record);
    }
    free(sorted);
    add_silent(summary);
    json_object_set_new(summary, "curves",
                        nika_campaign_curves(results, json_object_get(summary, "strategies")));
    json_object_set_new(summary, "states",
                        json_integer(nika_coverage_count(coverage.states, NIKA_COVERAGE_STATES)));
    json_object_set_new(summary, "steps",
                        json_integer(nika_coverage_count(coverage.steps, NIKA_COVERAGE_STEPS)));
    if (!complete)
        json_object_set_new(summary, "exit_class",
                            json_integer(nika_exit_worse((int)integer(summary, "exit_class"),
                                                         NIKA_EXIT_INCONCLUSIVE)));
    json_object_set_new(summary, "verdict",
                        json_string(nika_exit_name((int)integer(summary, "exit_class"))));
    return summary;
}

void nika_failure_reproduce(const json_t *failure, char *out, size_t size)
{
    size_t i;
    json_t *set;
    char *end = out;
    json_int_t seed = json_integer_value(json_array_get(json_object_get(failure, "seeds"), 0));
    const struct nika_strategy *strategy = nika_strategy_find(text(failure, "strategy"));
    bool learns = strategy != NULL && strategy->memory_size > 0;
    /* A strategy that is named adds its own again. */
    json_int_t given = learns ? integer(failure, "given") : INT64_MAX;
    snprintf(out, size, "nika %s ", learns ? "campaign" : "run");
    nika_report_shell(out, size, text(failure, "path"));
    end += strlen(out);
    if (learns)
        snprintf(end, size - (size_t)(end - out),
                 " --strategy %s --seeds %" JSON_INTEGER_FORMAT "..%" JSON_INTEGER_FORMAT
                 " --out out/again",
                 strategy->name, integer(failure, "block"), seed);
    else
        snprintf(end, size - (size_t)(end - out), " --seed %" JSON_INTEGER_FORMAT, seed);
    json_array_foreach(json_object_get(failure, "sets"), i, set)
    {
        if ((json_int_t)i >= given) break;
        end = out + strlen(out);
        snprintf(end, size - (size_t)(end - out), " --set ");
        nika_report_shell(out, size, json_string_value(set));
    }
}

static void junit_case(FILE *file, const char *name, const json_t *one)
{
    const char *signature;
    json_t *failure;
    char line[NIKA_REPRODUCE_SIZE];
    fputs("    <testcase classname=\"nika\" name=\"", file);
    nika_report_xml(file, name);
    fputs("\">\n", file);
    json_object_foreach((json_t *)json_object_get(one, "failures"), signature, failure)
    {
        fputs("      <failure type=\"", file);
        nika_report_xml(file, text(failure, "verdict"));
        fputs("\" message=\"", file);
        nika_report_xml(file, text(failure, "sentence"));
        fputs("\">", file);
        nika_failure_reproduce(failure, line, sizeof line);
        nika_report_xml(file, line);
        fprintf(file, " (%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " runs)</failure>\n",
                integer(failure, "count"), integer(one, "runs"));
    }
    if (json_is_true(json_object_get(one, "never")))
        fputs("      <failure type=\"expectation-unmet\" message=\"what must fail here never "
              "did\"></failure>\n",
              file);
    fputs("    </testcase>\n", file);
}

bool nika_campaign_junit(const json_t *summary, FILE *file)
{
    const char *name;
    json_t *one;
    const json_t *cases = json_object_get(summary, "cases");
    size_t bad = 0;
    json_object_foreach((json_t *)cases, name, one) bad +=
        json_object_size(json_object_get(one, "failures")) > 0 ||
        json_is_true(json_object_get(one, "never"));
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%zu\" "
            "failures=\"%zu\">\n  <testsuite name=\"nika campaign\" tests=\"%zu\" failures=\"%zu\" "
            "errors=\"0\" skipped=\"0\">\n",
            json_object_size(cases), bad, json_object_size(cases), bad);
    json_object_foreach((json_t *)cases, name, one) junit_case(file, name, one);
    fputs("  </testsuite>\n</testsuites>\n", file);
    return fflush(file) == 0 && ferror(file) == 0;
}

static void text_findings(const json_t *failure, FILE *file)
{
    size_t i;
    json_t *culprit;
    if (json_object_get(failure, "liveness") != NULL)
        fprintf(file, "  liveness  %s: %s\n", nika_report_plain_text(text(failure, "liveness")),
                nika_report_plain_text(text(failure, "stall")));
    json_array_foreach(json_object_get(failure, "culprits"), i, culprit)
        fprintf(file, "  culprit   %s\n", nika_report_plain_text(json_string_value(culprit)));
}

void nika_campaign_text(const json_t *summary, FILE *file)
{
    const json_t *totals = json_object_get(summary, "totals");
    const char *signature;
    json_t *failure, *silent;
    char line[NIKA_REPRODUCE_SIZE];
    size_t i;
    json_object_foreach((json_t *)json_object_get(summary, "failures"), signature, failure)
    {
        nika_failure_reproduce(failure, line, sizeof line);
        fprintf(file,
                "\n%s (%s), %" JSON_INTEGER_FORMAT " times, first in %s\n  %s\n  reproduce %s\n",
                nika_report_plain_text(text(failure, "verdict")), nika_report_plain_text(signature),
                integer(failure, "count"), nika_report_plain_text(text(failure, "scenario")),
                nika_report_plain_text(text(failure, "sentence")), line);
        text_findings(failure, file);
    }
    json_array_foreach(json_object_get(summary, "never_happened"), i, silent)
        fprintf(file, "%snever happened: %s\n", i == 0 ? "\n" : "",
                nika_report_plain_text(json_string_value(silent)));
    fprintf(file,
            "\nverdict   %s (exit code %" JSON_INTEGER_FORMAT ")\nruns      %" JSON_INTEGER_FORMAT
            ": %" JSON_INTEGER_FORMAT " held, %" JSON_INTEGER_FORMAT
            " missed their attack, %" JSON_INTEGER_FORMAT
            " failed in %zu ways\nstates    %" JSON_INTEGER_FORMAT
            " protocol states and %" JSON_INTEGER_FORMAT " steps between them seen%s\n",
            text(summary, "verdict"), integer(summary, "exit_class"), integer(totals, "runs"),
            integer(totals, "held"), integer(totals, "missed"), integer(totals, "failed"),
            json_object_size(json_object_get(summary, "failures")), integer(summary, "states"),
            integer(summary, "steps"),
            json_is_true(json_object_get(summary, "complete")) ? "" : "; not complete");
}
