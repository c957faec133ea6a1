/* report/machine.c: the verdict of a run for other machines: JUnit for CI servers, SARIF 2.1.0 for code scanning. */
#include <inttypes.h>
#include <string.h>

#include "engine/oracle/oracle.h"
#include "report/report.h"
#include "report/sheet.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static bool failed(const struct nika_report *report)
{
    return json_integer_value(json_object_get(report->run, "exit_class")) != 0;
}

/* The first violation of an oracle. NULL: it held, or the scenario wants it broken. */
static const json_t *violation_of(const struct nika_report *report, const char *id)
{
    size_t i;
    json_t *one;
    if (!failed(report)) return NULL;
    json_array_foreach(json_object_get(report->run, "violations"), i, one)
    {
        if (strcmp(text_of(one, "oracle"), id) == 0) return one;
    }
    return NULL;
}

static void junit_case(FILE *file, const char *name, const char *class_name, const char *type,
                       const char *sentence, const char *line)
{
    fputs("  <testcase name=\"", file);
    nika_report_xml(file, name);
    fputs("\" classname=\"", file);
    nika_report_xml(file, class_name);
    fputs("\"", file);
    if (sentence == NULL) {
        fputs("/>\n", file);
        return;
    }
    fputs("><failure type=\"", file);
    nika_report_xml(file, type);
    fputs("\" message=\"", file);
    nika_report_xml(file, sentence);
    fputs("\">", file);
    nika_report_xml(file, sentence);
    fputs("\nreproduce: ", file);
    nika_report_xml(file, line);
    fputs("</failure></testcase>\n", file);
}

void nika_report_junit(const struct nika_report *report, FILE *file)
{
    const json_t *run = report->run;
    const char *name = text_of(run, "name"), *line = text_of(run, "reproduce");
    char label[200];
    uint32_t failures = failed(report) ? 1 : 0;
    for (uint32_t i = 0; i < nika_oracle_count; i++)
        failures += violation_of(report, nika_oracle_list[i]->id) != NULL;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"", file);
    nika_report_xml(file, name);
    fprintf(file, "\" tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"0\" skipped=\"0\">\n",
            nika_oracle_count + 1, failures);
    junit_case(file, "verdict", name, text_of(run, "verdict"),
               failed(report) ? text_of(run, "sentence") : NULL, line);
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        const json_t *violation = violation_of(report, nika_oracle_list[i]->id);
        snprintf(label, sizeof label, "%s %s", nika_oracle_list[i]->id, nika_oracle_list[i]->name);
        junit_case(file, label, name, nika_oracle_list[i]->name,
                   violation != NULL ? text_of(violation, "sentence") : NULL, line);
    }
    fputs("</testsuite>\n", file);
}

static json_t *sarif_rules(const struct nika_report *report)
{
    json_t *rules = json_array();
    for (uint32_t i = 0; i < nika_oracle_count; i++)
        json_array_append_new(rules,
                              json_pack("{s:s, s:s, s:{s:s}}", "id", nika_oracle_list[i]->id,
                                        "name", nika_oracle_list[i]->name, "shortDescription",
                                        "text", nika_oracle_list[i]->doc));
    const char *verdict = text_of(report->run, "verdict");
    json_array_append_new(rules,
                          json_pack("{s:s, s:s, s:{s:s}}", "id", verdict, "name", verdict,
                                    "shortDescription", "text", "The verdict on the whole run."));
    return rules;
}

static json_t *sarif_result(const struct nika_report *report, const char *rule, uint32_t index,
                            const char *sentence)
{
    const json_t *run = report->run;
    json_t *one = json_pack(
        "{s:s, s:i, s:s, s:{s:s}, s:[{s:{s:{s:s}, s:{s:i}}}], s:{s:s}, s:{s:s, s:O}}", "ruleId",
        rule, "ruleIndex", (int)index, "level", "error", "message", "text", sentence, "locations",
        "physicalLocation", "artifactLocation", "uri", text_of(run, "scenario"), "region",
        "startLine", 1, "partialFingerprints", "nikaDigest/v1", text_of(run, "digest"),
        "properties", "reproduce", text_of(run, "reproduce"), "seed", json_object_get(run, "seed"));
    return one;
}

/* Takes over both lists. */
static void sarif_write(json_t *rules, json_t *results, const char *version, FILE *file)
{
    json_t *root = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema",
                             "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0",
                             "runs", "tool", "driver", "name", "nika", "version", version, "rules",
                             rules, "columnKind", "utf16CodeUnits", "results", results);
    if (root != NULL) (void)json_dumpf(root, file, JSON_INDENT(1) | JSON_SORT_KEYS);
    fputc('\n', file);
    json_decref(root);
}

void nika_report_sarif(const struct nika_report *report, FILE *file)
{
    json_t *results = json_array();
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        const json_t *violation = violation_of(report, nika_oracle_list[i]->id);
        if (violation != NULL)
            json_array_append_new(results, sarif_result(report, nika_oracle_list[i]->id, i,
                                                        text_of(violation, "sentence")));
    }
    if (failed(report) && json_array_size(results) == 0)
        json_array_append_new(results,
                              sarif_result(report, text_of(report->run, "verdict"),
                                           nika_oracle_count, text_of(report->run, "sentence")));
    sarif_write(sarif_rules(report), results, text_of(report->run, "version"), file);
}

void nika_report_sarif_campaign(const json_t *summary, const char *version, FILE *file)
{
    json_t *results = json_array(), *rules = json_array(), *one;
    const char *signature;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(summary, "failures"), signature, one)
    {
        const char *verdict = text_of(one, "verdict");
        size_t index = 0, count = json_array_size(rules);
        while (index < count && strcmp(text_of(json_array_get(rules, index), "id"), verdict) != 0)
            index++;
        if (index == count)
            json_array_append_new(rules, json_pack("{s:s, s:s, s:{s:s}}", "id", verdict, "name",
                                                   verdict, "shortDescription", "text",
                                                   "The verdict on a run of the campaign."));
        json_array_append_new(
            results,
            json_pack("{s:s, s:i, s:s, s:{s:s}, s:[{s:{s:{s:s}, s:{s:i}}}], s:{s:s}}", "ruleId",
                      verdict, "ruleIndex", (int)index, "level", "error", "message", "text",
                      text_of(one, "sentence"), "locations", "physicalLocation", "artifactLocation",
                      "uri", text_of(one, "path"), "region", "startLine", 1, "partialFingerprints",
                      "nikaFailure/v1", signature));
    }
    sarif_write(rules, results, version, file);
}
