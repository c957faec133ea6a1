/* scenarios/load.c: from the bytes of a scenario file to a checked struct nika_scenario. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/core/msan.h"
#include "engine/core/planted.h"
#include "protocols/registry.h"
#include "scenarios/options.h"
#include "scenarios/scenario.h"

struct candidates {
    const char *section;
    bool top;
};

const char *nika_scenario_value_text(const json_t *value, char *out, size_t size)
{
    char *text =
        json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    if (text == NULL) {
        snprintf(out, size, "?");
    } else if (strlen(text) >= size || strlen(text) > 60) {
        snprintf(out, size, "%.50s...", text);
    } else {
        snprintf(out, size, "%s", text);
    }
    free(text);
    return out;
}

bool nika_scenario_integer(const json_t *value, uint64_t low, uint64_t high,
                           const struct nika_json_path *path, struct nika_diagnoses *d,
                           uint64_t *out)
{
    char text[80];
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= 0 && (uint64_t)number >= low &&
        (uint64_t)number <= high) {
        *out = (uint64_t)number;
        return true;
    }
    nika_diagnose(d, path, false, "expected integer %llu..%llu, got %s", (unsigned long long)low,
                  (unsigned long long)high, nika_scenario_value_text(value, text, sizeof text));
    return false;
}

static void names_text(const char *(*names)(uint32_t), char *out, size_t size)
{
    out[0] = '\0';
    for (uint32_t i = 0; names(i) != NULL; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s\"%s\"", i > 0 ? ", " : "", names(i));
    }
}

static void load_value(struct nika_scenario *s, uint32_t index, const json_t *value,
                       const struct nika_json_path *path, struct nika_diagnoses *d)
{
    const struct nika_schema_key *key = &nika_schema[index];
    char text[80], names[160];
    nika_scenario_value_text(value, text, sizeof text);
    switch (key->kind) {
    case NIKA_KIND_TIME:
        if (json_is_string(value) && strcmp(json_string_value(value), "never") == 0) {
            s->values[index] = UINT64_MAX;
            return;
        }
        nika_scenario_integer(value, key->low, key->high, path, d, &s->values[index]);
        return;
    case NIKA_KIND_INT:
        nika_scenario_integer(value, key->low, key->high, path, d, &s->values[index]);
        return;
    case NIKA_KIND_BOOL:
        if (!json_is_boolean(value))
            nika_diagnose(d, path, false, "expected true or false, got %s", text);
        s->values[index] = json_is_true(value);
        return;
    case NIKA_KIND_NAME:
        if (json_is_string(value)) {
            uint32_t found = nika_schema_name_index(key->names, json_string_value(value));
            s->values[index] = found;
            if (found != UINT32_MAX) return;
            s->values[index] = key->fallback;
        }
        if (index == NIKA_KEY_PLANTED && nika_planted_name(1) == NULL) {
            nika_diagnose(d, path, false,
                          "%s: this program holds no planted bugs; use nika-museum "
                          "(docs/museum.md)",
                          text);
            return;
        }
        if (index == NIKA_KEY_PLANTED) {
            nika_diagnose(d, path, false, "no planted bug %s; nika-museum list planted names them",
                          text);
            return;
        }
        names_text(key->names, names, sizeof names);
        nika_diagnose(d, path, false, "expected one of %s, got %s", names, text);
        return;
    }
}

/* The names allowed in a section, for "did you mean". */
static const char *candidate_at(const void *context, uint32_t index)
{
    const struct candidates *c = context;
    static const char *const top[] = {"name",    "why",          "seed",     "schema",  "gst_ms",
                                      "planted", "cluster",      "workload", "network", "disk",
                                      "cpu",     "app_delay_us", "faults",   "swarm",   "expect",
                                      "limits",  "decisions"};
    static const char *const network[] = {"latency_us", "regions"};
    if (c->top) return index < ARRAY_COUNT(top) ? top[index] : NULL;
    uint32_t found = 0;
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        if (strcmp(nika_schema[i].section, c->section) == 0 && found++ == index)
            return nika_schema[i].key;
    }
    uint32_t extra = index - found;
    if (strcmp(c->section, "network") == 0 && extra < ARRAY_COUNT(network)) return network[extra];
    if (strcmp(c->section, "disk") == 0 && extra == 0) return "fsync_us";
    if (strcmp(c->section, "expect") == 0 && extra == 0) return "properties";
    return NULL;
}

static void unknown_key(const char *section, const char *key, const struct nika_json_path *path,
                        struct nika_diagnoses *d)
{
    struct candidates candidates = {section, section[0] == '\0'};
    const char *near = nika_did_you_mean(key, candidate_at, &candidates);
    if (near != NULL) {
        nika_diagnose(d, path, true, "unknown key, did you mean \"%s\"?", near);
    } else {
        nika_diagnose(d, path, true, "unknown key");
    }
}

static void load_text(const json_t *value, char *out, size_t size,
                      const struct nika_json_path *path, struct nika_diagnoses *d)
{
    char text[80];
    const char *string = json_string_value(value);
    if (string == NULL || string[0] == '\0' || strlen(string) >= size) {
        nika_diagnose(d, path, false, "expected a text of 1..%zu bytes, got %s", size - 1,
                      nika_scenario_value_text(value, text, sizeof text));
        return;
    }
    snprintf(out, size, "%s", string);
    nika_text_defuse(out);
}

static void load_regions(struct nika_scenario *s, const json_t *array,
                         const struct nika_json_path *path, struct nika_diagnoses *d)
{
    if (!json_is_array(array) || json_array_size(array) > NIKA_REPLICAS_MAX) {
        nika_diagnose(d, path, false, "expected an array with one region number a replica");
        return;
    }
    s->region_count = (uint32_t)json_array_size(array);
    for (uint32_t i = 0; i < s->region_count && !nika_diagnoses_full(d); i++) {
        struct nika_json_path at = nika_path_index(*path, i);
        uint64_t region = 0;
        nika_scenario_integer(json_array_get(array, i), 0, NIKA_REGIONS_MAX - 1, &at, d, &region);
        s->regions[i] = (uint8_t)region;
    }
}

static const char *oracle_at(const void *context, uint32_t index)
{
    (void)context;
    return index < nika_oracle_count ? nika_oracle_list[index]->id : NULL;
}

static const char *oracle_name_at(const void *context, uint32_t index)
{
    (void)context;
    return index < nika_oracle_count ? nika_oracle_list[index]->name : NULL;
}

/* The id that was meant; who writes a name, or nearly one, means its id. */
static const char *oracle_meant(const char *word)
{
    const char *name = nika_did_you_mean(word, oracle_name_at, NULL);
    for (uint32_t i = 0; name != NULL && i < nika_oracle_count; i++) {
        if (strcmp(nika_oracle_list[i]->name, name) == 0) return nika_oracle_list[i]->id;
    }
    return nika_did_you_mean(word, oracle_at, NULL);
}

static void load_properties(struct nika_scenario *s, const json_t *object,
                            const struct nika_json_path *path, struct nika_diagnoses *d)
{
    const char *id;
    json_t *value;
    if (!json_is_object(object)) {
        nika_diagnose(d, path, false, "expected an object of oracle ids");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)object, id, value)
    {
        struct nika_json_path at = nika_path_key(*path, id);
        uint32_t oracle = 0;
        if (nika_diagnoses_full(d)) return;
        while (oracle < nika_oracle_count && strcmp(nika_oracle_list[oracle]->id, id) != 0)
            oracle++;
        if (oracle == nika_oracle_count) {
            const char *near = oracle_meant(id);
            nika_diagnose(d, &at, true, "unknown oracle%s%s", near != NULL ? ", did you mean " : "",
                          near != NULL ? near : "");
            continue;
        }
        const char *text = json_string_value(value);
        uint32_t expect =
            text != NULL ? nika_schema_name_index(nika_schema_expect_name, text) : UINT32_MAX;
        if (expect == UINT32_MAX) {
            nika_diagnose(d, &at, false, "expected \"held\", \"may-fail\" or \"must-fail\"");
        } else {
            s->properties[oracle] = (enum nika_expect)expect;
        }
    }
}

static void load_decisions(struct nika_scenario *s, const json_t *object,
                           const struct nika_json_path *path, struct nika_diagnoses *d)
{
    s->decisions = calloc(1, sizeof *s->decisions);
    if (s->decisions == NULL) {
        nika_diagnose_plain(d, "%s: out of memory", d->file);
        return;
    }
    /* Its diagnoses are what makes the scenario fail to load. */
    (void)!nika_decisions_read(object, path, d, s->decisions);
}

static bool load_special(struct nika_scenario *s, const char *section, const char *key,
                         const json_t *value, const struct nika_json_path *path,
                         struct nika_diagnoses *d)
{
    if (section[0] == '\0' && strcmp(key, "name") == 0) {
        load_text(value, s->name, sizeof s->name, path, d);
    } else if (section[0] == '\0' && strcmp(key, "why") == 0) {
        load_text(value, s->why, sizeof s->why, path, d);
    } else if (strcmp(section, "network") == 0 && strcmp(key, "regions") == 0) {
        load_regions(s, value, path, d);
    } else if (strcmp(section, "expect") == 0 && strcmp(key, "properties") == 0) {
        load_properties(s, value, path, d);
    } else if (section[0] == '\0' && strcmp(key, "decisions") == 0) {
        load_decisions(s, value, path, d);
    } else {
        /* Lists come last: they refer to what the sections say. */
        return section[0] == '\0' && (strcmp(key, "faults") == 0 || strcmp(key, "swarm") == 0);
    }
    return true;
}

/* One object of the document. Sections nest at most once, so the recursion is two deep. */
static void load_section(struct nika_scenario *s, const char *section, const json_t *object,
                         struct nika_json_path path, struct nika_diagnoses *d)
{
    const char *key;
    json_t *value;
    char inner[80];
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (nika_diagnoses_full(d)) return;
        struct nika_json_path at = nika_path_key(path, key);
        uint32_t index = nika_schema_find(section, key);
        snprintf(inner, sizeof inner, "%s%s%.40s", section, section[0] != '\0' ? "." : "", key);
        if (index < NIKA_KEY_COUNT) {
            load_value(s, index, value, &at, d);
        } else if (path.depth < 2 && strlen(key) <= 40 && strchr(key, '.') == NULL &&
                   nika_schema_is_section(inner)) {
            if (json_is_object(value)) {
                load_section(s, inner, value, at, d);
            } else {
                nika_diagnose(d, &at, false, "expected an object");
            }
        } else if (!load_special(s, section, key, value, &at, d)) {
            unknown_key(section, key, &at, d);
        }
    }
}

static void check_required(const struct nika_scenario *s, struct nika_diagnoses *d)
{
    struct nika_json_path root = {0};
    struct nika_json_path schema = nika_path_key(root, "schema"),
                          name = nika_path_key(root, "name");
    struct nika_json_path why = nika_path_key(root, "why");
    if (json_object_get(s->document, "schema") == NULL)
        nika_diagnose(d, &schema, false, "required: the format's version, 1");
    if (json_object_get(s->document, "name") == NULL)
        nika_diagnose(d, &name, false, "required: a short name");
    if (json_object_get(s->document, "why") == NULL) {
        nika_diagnose(d, &why, false, "required: one sentence that says what the scenario is for");
    }
}

static void check_ascending(const struct nika_scenario *s, const char *section,
                            const uint32_t *keys, uint32_t count, struct nika_diagnoses *d)
{
    for (uint32_t i = 1; i < count; i++) {
        if (s->values[keys[i - 1]] > s->values[keys[i]]) {
            nika_diagnose_plain(d, "%s: $.%s.%s: expected at least %s (%llu), got %llu", d->file,
                                section, nika_schema[keys[i]].key, nika_schema[keys[i - 1]].key,
                                (unsigned long long)s->values[keys[i - 1]],
                                (unsigned long long)s->values[keys[i]]);
        }
    }
}

static void check_relations(const struct nika_scenario *s, struct nika_diagnoses *d)
{
    static const uint32_t latency[] = {NIKA_KEY_LATENCY_MIN, NIKA_KEY_LATENCY_MEDIAN,
                                       NIKA_KEY_LATENCY_P99, NIKA_KEY_LATENCY_MAX};
    static const uint32_t fsync[] = {NIKA_KEY_FSYNC_MIN, NIKA_KEY_FSYNC_MAX};
    static const uint32_t app[] = {NIKA_KEY_APP_MIN, NIKA_KEY_APP_MAX};
    check_ascending(s, "network.latency_us", latency, 4, d);
    check_ascending(s, "disk.fsync_us", fsync, 2, d);
    check_ascending(s, "app_delay_us", app, 2, d);
    struct nika_json_path root = {0};
    struct nika_json_path decisions = nika_path_key(root, "decisions");
    if (s->decisions != NULL && (uint64_t)s->decisions->always >> s->fault_count != 0)
        nika_diagnose(d, &decisions, false, "a fault that always acts is not in $.faults");
    struct nika_json_path cluster = nika_path_key(root, "cluster");
    struct nika_json_path regions = nika_path_key(nika_path_key(root, "network"), "regions");
    if (s->region_count != 0 && s->region_count != s->values[NIKA_KEY_N]) {
        nika_diagnose(d, &regions, false, "expected %llu entries, one a replica, got %u",
                      (unsigned long long)s->values[NIKA_KEY_N], s->region_count);
    }
    if (d->count > 0) return;
    struct nika_config config;
    const char *reason = nika_options_config(s, &config);
    if (reason != NULL) nika_diagnose(d, &cluster, true, "impossible cluster: %s", reason);
}

static void set_defaults(struct nika_scenario *s)
{
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) s->values[i] = nika_schema[i].fallback;
    for (uint32_t i = 0; i < NIKA_ORACLES_MAX; i++) s->properties[i] = NIKA_EXPECT_UNSET;
    /* By name, so that a registry may grow at either end. */
    s->values[NIKA_KEY_APP] = nika_schema_name_index(nika_schema[NIKA_KEY_APP].names, "kv");
    if (s->values[NIKA_KEY_APP] == UINT32_MAX) s->values[NIKA_KEY_APP] = 0;
}

#ifdef NIKA_MSAN
static void *zeroed(size_t size)
{
    return calloc(1, size);
}
#endif
/* Under MemorySanitizer the parser's memory counts as written from the start, as its writes cannot be seen. */
static void prepare_json(void)
{
#ifdef NIKA_MSAN
    json_set_alloc_funcs(zeroed, free);
#endif
}

static json_t *parse_document(const char *path, const char *text, size_t size,
                              struct nika_diagnoses *d)
{
    json_error_t error;
    if (size > NIKA_SCENARIO_SIZE_MAX) {
        nika_diagnose_plain(d, "%s: larger than %u bytes", path, NIKA_SCENARIO_SIZE_MAX);
        return NULL;
    }
    /* The parser would pass over it in silence, as if the text around it stood together. */
    const char *nul = memchr(text, '\0', size);
    if (nul != NULL) {
        unsigned line = 1;
        for (const char *at = text; at < nul; at++) line += *at == '\n';
        nika_diagnose_plain(d, "%s:%u: a NUL byte at offset %zu: expected text", path, line,
                            (size_t)(nul - text));
        return NULL;
    }
    if (nika_json_depth(text, size) > NIKA_SCENARIO_DEPTH_MAX) {
        nika_diagnose_plain(d, "%s: nested deeper than %u", path, NIKA_SCENARIO_DEPTH_MAX);
        return NULL;
    }
    json_object_seed(1);
    prepare_json();
    nika_msan_enter();
    json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    nika_msan_leave();
    nika_msan_written(&error, sizeof error);
    if (document == NULL) {
        for (char *c = error.text; *c != '\0'; c++) {
            if ((unsigned char)*c < 32 || (unsigned char)*c > 126) *c = '?';
        }
        nika_diagnose_plain(d, "%s:%d:%d: %s", path, error.line, error.column, error.text);
        return NULL;
    }
    if (!json_is_object(document)) {
        nika_diagnose_plain(d, "%s:1:1: $: expected an object", path);
        json_decref(document);
        return NULL;
    }
    return document;
}

struct nika_scenario *nika_scenario_parse(const char *path, const char *text, size_t size,
                                          const char *const *overrides, uint32_t override_count,
                                          struct nika_diagnoses *d)
{
    struct nika_json_path root = {0};
    memset(d, 0, sizeof *d);
    d->file = path;
    json_t *document = parse_document(path, text, size, d);
    if (document == NULL) return NULL;
    struct nika_scenario *s = calloc(1, sizeof *s);
    if (s == NULL) {
        json_decref(document);
        nika_diagnose_plain(d, "%s: out of memory", path);
        return NULL;
    }
    s->document = document;
    snprintf(s->path, sizeof s->path, "%s", path);
    for (uint32_t i = 0; i < override_count; i++) nika_scenario_override(document, overrides[i], d);
    d->text = text;
    d->text_size = size;
    set_defaults(s);
    check_required(s, d);
    load_section(s, "", document, root, d);
    if (d->count == 0) nika_scenario_load_faults(s, json_object_get(document, "faults"), d);
    if (d->count == 0) nika_scenario_load_swarm(s, json_object_get(document, "swarm"), d);
    if (d->count == 0) check_relations(s, d);
    d->text = NULL;
    if (d->count > 0) {
        nika_scenario_free(s);
        return NULL;
    }
    return s;
}

struct nika_scenario *nika_scenario_load(const char *path, const char *const *overrides,
                                         uint32_t override_count, struct nika_diagnoses *d)
{
    memset(d, 0, sizeof *d);
    d->file = path;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        nika_diagnose_plain(d, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(NIKA_SCENARIO_SIZE_MAX + 1);
    size_t size = text != NULL ? fread(text, 1, NIKA_SCENARIO_SIZE_MAX + 1, file) : 0;
    bool failed = text == NULL || ferror(file) != 0;
    int error = errno;
    fclose(file);
    struct nika_scenario *s = NULL;
    if (failed) {
        nika_diagnose_plain(d, "%s: %s", path, strerror(error));
    } else {
        s = nika_scenario_parse(path, text, size, overrides, override_count, d);
    }
    free(text);
    return s;
}

void nika_scenario_free(struct nika_scenario *scenario)
{
    if (scenario == NULL) return;
    if (scenario->decisions != NULL) nika_decisions_clear(scenario->decisions);
    free(scenario->decisions);
    json_decref(scenario->document);
    free(scenario);
}
