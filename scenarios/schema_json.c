/* scenarios/schema_json.c: the JSON Schema and the reference page, both from the table and the fault registry. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/oracle/oracle.h"
#include "faults/registry.h"
#include "scenarios/scenario.h"

static json_t *integer_type(uint64_t low, uint64_t high, const char *doc)
{
    return json_pack("{s:s, s:I, s:I, s:s}", "type", "integer", "minimum", (json_int_t)low,
                     "maximum", (json_int_t)high, "description", doc);
}

static json_t *names_type(const char *(*names)(uint32_t), const char *doc)
{
    json_t *list = json_array();
    for (uint32_t i = 0; names(i) != NULL; i++) json_array_append_new(list, json_string(names(i)));
    return json_pack("{s:o, s:s}", "enum", list, "description", doc);
}

static json_t *key_type(const struct nika_schema_key *key)
{
    json_t *type = NULL;
    switch (key->kind) {
    case NIKA_KIND_INT:
        type = integer_type(key->low, key->high, key->doc);
        json_object_set_new(type, "default", json_integer((json_int_t)key->fallback));
        break;
    case NIKA_KIND_BOOL:
        type = json_pack("{s:s, s:b, s:s}", "type", "boolean", "default", (int)key->fallback,
                         "description", key->doc);
        break;
    case NIKA_KIND_NAME:
        type = names_type(key->names, key->doc);
        json_object_set_new(type, "default", json_string(key->names((uint32_t)key->fallback)));
        break;
    case NIKA_KIND_TIME:
        type = json_pack("{s:[o, {s:s}], s:I, s:s}", "anyOf",
                         integer_type(key->low, key->high, "milliseconds"), "const", "never",
                         "default", (json_int_t)key->fallback, "description", key->doc);
        break;
    }
    return type;
}

static json_t *object_type(json_t *properties)
{
    return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
                     "additionalProperties", 0);
}

/* Properties of the object at `path` ("network.latency_us") under `root`, made when missing. */
static json_t *section_properties(json_t *root, const char *path)
{
    char name[64];
    json_t *properties = json_object_get(root, "properties");
    while (path[0] != '\0') {
        size_t size = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)size, path);
        path += size + (path[size] == '.');
        json_t *child = json_object_get(properties, name);
        if (child == NULL) {
            json_object_set_new(properties, name, object_type(json_object()));
            child = json_object_get(properties, name);
        }
        properties = json_object_get(child, "properties");
    }
    return properties;
}

static json_t *targets_type(void)
{
    return json_pack("{s:[{s:s, s:{s:s, s:i}}, {s:[s, s, s]}, {s:s, s:s}], s:s}", "anyOf", "type",
                     "array", "items", "type", "integer", "minimum", 0, "enum", "all",
                     "one-by-seed", "rest-by-seed", "type", "string", "pattern",
                     "^(primary-of-view|one-of-first)-[0-9]{1,6}$", "description",
                     "replicas (clients for faults of clients) that it strikes");
}

/* What every fault may say, written once and referred to. */
static json_t *shared_types(void)
{
    json_t *types = json_object();
    json_object_set_new(types, "targets", targets_type());
    json_object_set_new(types, "from_ms", integer_type(0, 86400000, "when it begins"));
    json_object_set_new(
        types, "to_ms",
        integer_type(0, 86400000, "when it ends; without it at the end, or at GST"));
    json_object_set_new(types, "probability_ppm",
                        integer_type(0, 1000000, "that it is part of a run at all"));
    json_object_set_new(types, "acts",
                        json_pack("{s:[s, s], s:s}", "enum", "must", "may", "description",
                                  "may: not acting is no finding"));
    return types;
}

static json_t *fault_type(const struct nika_fault_ops *ops)
{
    json_t *properties = json_object();
    json_object_set_new(properties, "name", json_pack("{s:s}", "const", ops->name));
    static const char *const shared[] = {"targets", "from_ms", "to_ms", "probability_ppm", "acts"};
    for (uint32_t i = 0; i < ARRAY_COUNT(shared); i++) {
        json_object_set_new(properties, shared[i],
                            json_pack("{s:s+}", "$ref", "#/$defs/", shared[i]));
    }
    for (uint32_t i = 0; i < ops->param_count; i++) {
        const struct nika_fault_param *param = &ops->params[i];
        json_t *type = integer_type(param->low, param->high, param->doc);
        json_object_set_new(type, "default", json_integer((json_int_t)param->fallback));
        if (param->names != NULL) {
            json_t *list = json_array();
            for (uint32_t k = 0; param->names[k] != NULL; k++)
                json_array_append_new(list, json_string(param->names[k]));
            json_decref(type);
            type = json_pack("{s:o, s:s, s:s}", "enum", list, "default",
                             param->names[param->fallback], "description", param->doc);
        } else if (param->low == 0 && param->high == 1) {
            json_object_del(type, "minimum");
            json_object_del(type, "maximum");
            json_object_set_new(type, "type", json_pack("[s, s]", "integer", "boolean"));
        }
        json_object_set_new(properties, param->name, type);
    }
    json_t *type = object_type(properties);
    json_object_set_new(type, "title", json_string(ops->name));
    json_object_set_new(type, "description", json_string(ops->doc));
    json_object_set_new(type, "required", json_pack("[s]", "name"));
    return type;
}

static json_t *properties_type(void)
{
    json_t *properties = json_object();
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        json_object_set_new(properties, nika_oracle_list[i]->id,
                            names_type(nika_schema_expect_name, nika_oracle_list[i]->doc));
    }
    return object_type(properties);
}

static void add_lists(json_t *root)
{
    json_t *top = json_object_get(root, "properties"), *faults = json_array();
    for (uint32_t i = 0; i < nika_fault_count; i++)
        json_array_append_new(faults, fault_type(nika_fault_list[i]));
    json_object_set_new(top, "name",
                        json_pack("{s:s, s:i, s:i, s:s}", "type", "string", "minLength", 1,
                                  "maxLength", (int)NIKA_NAME_SIZE - 1, "description",
                                  "short name"));
    json_object_set_new(top, "why",
                        json_pack("{s:s, s:i, s:i, s:s}", "type", "string", "minLength", 1,
                                  "maxLength", (int)NIKA_WHY_SIZE - 1, "description",
                                  "one sentence that says what it is for"));
    json_object_set_new(top, "faults",
                        json_pack("{s:s, s:i, s:{s:o}}", "type", "array", "maxItems",
                                  (int)NIKA_FAULTS_MAX, "items", "oneOf", faults));
    json_t *range = object_type(json_pack("{s:{s:s}, s:{s:s}, s:{s:s}}", "path", "type", "string",
                                          "low", "type", "integer", "high", "type", "integer"));
    json_object_set_new(range, "required", json_pack("[s, s, s]", "path", "low", "high"));
    json_object_set_new(range, "description",
                        json_string("a number that the seed draws, both ends included"));
    json_object_set_new(top, "swarm",
                        json_pack("{s:s, s:i, s:o}", "type", "array", "maxItems",
                                  (int)NIKA_SWARM_MAX, "items", range));
    json_object_set_new(
        top, "decisions",
        json_pack("{s:s, s:{s:[o, {s:s}]}, s:s}", "type", "object", "additionalProperties", "anyOf",
                  integer_type(1, INT64_MAX, "what was decided"), "const", "always", "description",
                  "decisions by name, such as \"latency 2>0 t5 v3 s17 #1\", that take the place of "
                  "the seed's; \"fault 1 *\": \"always\" makes that fault act whenever it can; all "
                  "others are the fair ones"));
    json_object_set_new(section_properties(root, "network"), "regions",
                        json_pack("{s:s, s:o, s:s}", "type", "array", "items",
                                  integer_type(0, NIKA_REGIONS_MAX - 1, "region"), "description",
                                  "the region of each replica"));
    json_object_set_new(section_properties(root, "expect"), "properties", properties_type());
    json_object_set_new(root, "required", json_pack("[s, s, s]", "schema", "name", "why"));
}

char *nika_schema_json(void)
{
    json_t *root = object_type(json_object());
    json_object_set_new(root, "$schema",
                        json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(root, "title", json_string("Nika scenario"));
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        json_object_set_new(section_properties(root, nika_schema[i].section), nika_schema[i].key,
                            key_type(&nika_schema[i]));
    }
    add_lists(root);
    json_object_set_new(root, "$defs", shared_types());
    char *text = json_dumps(root, JSON_SORT_KEYS | JSON_INDENT(2));
    json_decref(root);
    return text;
}

static void markdown_range(const struct nika_schema_key *key, FILE *file)
{
    if (key->kind == NIKA_KIND_NAME) {
        for (uint32_t i = 0; key->names(i) != NULL; i++)
            fprintf(file, "%s`%s`", i > 0 ? ", " : "", key->names(i));
        fprintf(file, " | `%s`", key->names((uint32_t)key->fallback));
    } else if (key->kind == NIKA_KIND_BOOL) {
        fprintf(file, "`true`, `false` | `%s`", key->fallback != 0 ? "true" : "false");
    } else {
        fprintf(file, "%llu..%llu%s | %llu", (unsigned long long)key->low,
                (unsigned long long)key->high, key->kind == NIKA_KIND_TIME ? ", `\"never\"`" : "",
                (unsigned long long)key->fallback);
    }
}

static void markdown_fault(const struct nika_fault_ops *ops, FILE *file)
{
    fprintf(file, "\n### `%s`\n\n%s\n", ops->name, ops->doc);
    if (ops->param_count > 0)
        fprintf(file, "\n| parameter | range | default | meaning |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < ops->param_count; i++) {
        const struct nika_fault_param *p = &ops->params[i];
        fprintf(file, "| `%s` | ", p->name);
        if (p->names != NULL) {
            for (uint32_t k = 0; p->names[k] != NULL; k++)
                fprintf(file, "%s`%s`", k > 0 ? ", " : "", p->names[k]);
            fprintf(file, " | `%s` | %s |\n", p->names[p->fallback], p->doc);
        } else {
            fprintf(file, "%llu..%llu | %llu | %s |\n", (unsigned long long)p->low,
                    (unsigned long long)p->high, (unsigned long long)p->fallback, p->doc);
        }
    }
}

void nika_schema_markdown(FILE *file)
{
    fprintf(file, "# Scenario reference\n\nGenerated by `nika schema --markdown`. A scenario is a "
                  "JSON object; `schema`, `name` and `why` are required, "
                  "everything else has a default.\nNumbers are integers. The seed decides "
                  "everything that is not said.\n\n"
                  "| key | values | default | meaning |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        const struct nika_schema_key *key = &nika_schema[i];
        fprintf(file, "| `%s%s%s` | ", key->section, key->section[0] != '\0' ? "." : "", key->key);
        markdown_range(key, file);
        fprintf(file, " | %s |\n", key->doc);
    }
    fprintf(file, "| `network.regions` | array of region numbers | one region | the region of each "
                  "replica |\n"
                  "| `expect.properties` | object: oracle id to `held`, `may-fail` or `must-fail` "
                  "| that of its class | overrides for single oracles |\n"
                  "| `swarm` | array of `{path, low, high}` | none | numbers that the seed draws, "
                  "both ends included |\n"
                  "| `decisions` | object: name of a decision to its value | the seed decides | "
                  "what is not decided in the fair way (docs/shrinking.md); `\"fault 1 *\": "
                  "\"always\"`: that fault acts whenever it can; an empty object: all is fair |\n"
                  "\n## Faults\n\nEach entry of `faults` has `name`, `targets` (ids, `\"all\"`, "
                  "`\"one-by-seed\"`, `\"one-of-first-N\"`, `\"rest-by-seed\"`: all but a correct "
                  "core of n-f, or "
                  "`\"primary-of-view-N\"`), and may have `from_ms`,\n`to_ms`, `probability_ppm` "
                  "(that it is part of a run), "
                  "`acts` (`\"may\"`: not acting is no finding) and the fault's own parameters.\n");
    for (uint32_t i = 0; i < nika_fault_count; i++) markdown_fault(nika_fault_list[i], file);
}
