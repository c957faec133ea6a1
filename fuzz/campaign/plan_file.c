/* fuzz/campaign/plan_file.c: the plan of a campaign as a JSON document, and what of it is still missing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"

static void core_of(const json_t *document, char out[33])
{
    struct nika_digest d;
    json_t *copy = json_deep_copy(document);
    json_object_del(copy, "core");
    json_object_del(copy, "open_end");
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    nika_fingerprint(text != NULL ? text : "", text != NULL ? strlen(text) : 0, &d);
    nika_hex(d.bytes, 16, out);
    free(text);
    json_decref(copy);
}

json_t *nika_plan_document(const struct nika_plan *plan, bool open_end)
{
    char digest[33], core[33];
    json_t *scenarios = json_array();
    for (uint32_t i = 0; i < plan->scenario_count; i++) {
        nika_scenario_digest(plan->scenarios[i], digest);
        json_array_append_new(scenarios,
                              json_pack("{s:s, s:s, s:s}", "name", plan->scenarios[i]->name, "path",
                                        plan->scenarios[i]->path, "digest", digest));
    }
    json_t *document =
        json_pack("{s:i, s:s, s:s, s:I, s:I, s:i, s:o}", "nika_plan", 1, "version", plan->version,
                  "strategy", plan->strategy->name, "first", (json_int_t)plan->first, "last",
                  (json_int_t)plan->last, "block", (int)NIKA_BLOCK_RUNS, "scenarios", scenarios);
    if (document == NULL) return NULL;
    core_of(document, core);
    json_object_set_new(document, "core", json_string(core));
    json_object_set_new(document, "open_end", json_boolean(open_end));
    return document;
}

/* A plan taken apart; texts are borrowed from its document. */
struct parts {
    const char *version;
    const struct nika_strategy *strategy;
    uint64_t first, last;
    const json_t *scenarios;
    bool open_end;
};

static bool take_apart(const json_t *document, struct parts *out)
{
    const char *strategy, *core;
    json_int_t format, first, last, block;
    json_t *scenarios, *scenario;
    json_error_t error;
    size_t i;
    int open_end;
    if (json_unpack_ex((json_t *)(uintptr_t)document, &error, 0,
                       "{s:I, s:s, s:s, s:I, s:I, s:I, s:o, s:s, s:b}", "nika_plan", &format,
                       "version", &out->version, "strategy", &strategy, "first", &first, "last",
                       &last, "block", &block, "scenarios", &scenarios, "core", &core, "open_end",
                       &open_end) != 0)
        return false;
    out->strategy = nika_strategy_find(strategy);
    if (format != 1 || block != NIKA_BLOCK_RUNS || first < 0 || last < first ||
        out->strategy == NULL || !json_is_array(scenarios))
        return false;
    json_array_foreach(scenarios, i, scenario)
    {
        if (!json_is_string(json_object_get(scenario, "name")) ||
            !json_is_string(json_object_get(scenario, "digest")))
            return false;
    }
    out->first = (uint64_t)first;
    out->last = (uint64_t)last;
    out->scenarios = scenarios;
    out->open_end = open_end != 0;
    return true;
}

bool nika_plan_check(const json_t *document, const char *path, struct nika_diagnoses *diagnoses)
{
    char core[33];
    struct parts parts;
    if (!take_apart(document, &parts)) {
        nika_diagnose_plain(diagnoses, "%s: this is no plan of a campaign of this version", path);
        return false;
    }
    core_of(document, core);
    if (strcmp(core, json_string_value(json_object_get(document, "core"))) == 0) return true;
    nika_diagnose_plain(diagnoses, "%s: the plan was changed: its core is %s, it claims %s", path,
                        core, json_string_value(json_object_get(document, "core")));
    return false;
}

uint64_t nika_plan_missing(const json_t *document, const struct nika_results *results,
                           uint64_t *blocks, char *first, size_t size)
{
    struct parts parts;
    const json_t *scenario;
    uint64_t missing = 0;
    size_t i;
    *blocks = 0;
    if (size > 0) first[0] = '\0';
    if (!take_apart(document, &parts) || parts.open_end) return 0;
    json_array_foreach(parts.scenarios, i, scenario)
    {
        struct nika_block block = {.strategy = parts.strategy,
                                   .version = parts.version,
                                   .scenario_digest =
                                       json_string_value(json_object_get(scenario, "digest"))};
        for (uint64_t seed = parts.first; seed <= parts.last; seed += NIKA_BLOCK_RUNS) {
            char id[33];
            uint64_t left = parts.last - seed + 1;
            block.first = seed;
            block.count = left < NIKA_BLOCK_RUNS ? (uint32_t)left : NIKA_BLOCK_RUNS;
            nika_block_id(&block, id);
            ++*blocks;
            if (nika_results_has(results, id) || missing++ > 0) continue;
            snprintf(first, size, "%s seeds %" PRIu64 "..%" PRIu64,
                     json_string_value(json_object_get(scenario, "name")), seed,
                     seed + block.count - 1);
        }
    }
    return missing;
}
