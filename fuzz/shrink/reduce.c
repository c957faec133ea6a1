/* fuzz/shrink/reduce.c: smaller scenarios (shrink.h).
 *
 * Works on the document, so that what it writes is what a person would have written. A candidate that cannot be loaded costs
 * nothing: what belongs together is for the loader to know. */
#include "fuzz/shrink/shrink.h"

#include <stdio.h>

#define MS UINT64_C(1000000)

/* ---- reading and writing of the document ---- */
static json_t *copy(const struct nika_shrink *s)
{
    return json_deep_copy(s->document);
}

static void set_number(json_t *document, const char *section, const char *key, uint64_t value)
{
    json_t *object = document;
    if (section[0] != '\0') {
        object = json_object_get(document, section);
        if (object == NULL) {
            object = json_object();
            json_object_set_new(document, section, object);
        }
    }
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* Try `document` (taken) by the decisions, then perhaps by the seed. */
static bool try_both(struct nika_shrink *s, json_t *document, bool by_seed,
                     enum nika_shrink_rule rule)
{
    bool good = nika_shrink_try(s, document, &s->decisions, rule) ||
                (by_seed && nika_shrink_try(s, document, NULL, rule));
    json_decref(document);
    return good;
}

/* ---- faults ---- */
static json_t *faults_of(json_t *document)
{
    return json_object_get(document, "faults");
}

/* Faults are numbered; what is behind the one that goes moves up. */
static bool decisions_without_fault(const struct nika_shrink *s, uint32_t fault,
                                    struct nika_decisions *out)
{
    uint32_t always = s->decisions.always, below = (UINT32_C(1) << fault) - 1;
    out->always = (always & below) | (always >> 1 & ~below);
    for (uint32_t i = 0; i < s->decisions.count; i++) {
        struct nika_decision d = s->decisions.list[i];
        if (d.name.kind == NIKA_CHOICE_FAULT && d.name.a == fault) continue;
        if (d.name.kind == NIKA_CHOICE_FAULT && d.name.a > fault) d.name.a--;
        if (nika_decisions_add(out, &d.name, d.value) != NIKA_OK) return false;
    }
    return true;
}

static bool without_fault(struct nika_shrink *s, uint32_t fault, bool by_seed)
{
    struct nika_decisions rest = {0};
    json_t *document = copy(s);
    json_array_remove(faults_of(document), fault);
    if (json_array_size(faults_of(document)) == 0) json_object_del(document, "faults");
    bool good = decisions_without_fault(s, fault, &rest) &&
                (nika_shrink_try(s, document, &rest, NIKA_SHRINK_ANY) ||
                 (by_seed && nika_shrink_try(s, document, NULL, NIKA_SHRINK_ANY)));
    json_decref(document);
    nika_decisions_clear(&rest);
    return good;
}

static bool without_target(struct nika_shrink *s, size_t fault, size_t target)
{
    json_t *document = copy(s);
    json_array_remove(json_object_get(json_array_get(faults_of(document), fault), "targets"),
                      target);
    return try_both(s, document, false, NIKA_SHRINK_ANY);
}

bool nika_shrink_faults(struct nika_shrink *s, bool by_seed)
{
    uint64_t accepted = s->accepted;
    for (uint32_t i = s->scenario->fault_count; i > 0 && !s->stopped; i--)
        (void)without_fault(s, i - 1, by_seed);
    for (size_t i = 0; i < json_array_size(faults_of(s->document)) && !s->stopped; i++) {
        for (size_t k = 64; k > 0 && !s->stopped; k--) {
            const json_t *targets =
                json_object_get(json_array_get(faults_of(s->document), i), "targets");
            if (k - 1 < json_array_size(targets) && json_array_size(targets) > 1)
                (void)without_target(s, i, k - 1);
        }
    }
    return s->accepted > accepted;
}

/* ---- sizes ---- */
/* Targets that a smaller cluster does not have; whom primary-of-view-N means is already a number. */
static void clip_targets(json_t *document, uint64_t replicas, uint64_t clients)
{
    size_t i;
    json_t *fault;
    json_array_foreach(faults_of(document), i, fault)
    {
        json_t *targets = json_object_get(fault, "targets");
        const char *name = json_string_value(json_object_get(fault, "name"));
        bool client = name != NULL && strncmp(name, "client-", 7) == 0;
        for (size_t k = json_array_size(targets); k > 0; k--) {
            uint64_t id = (uint64_t)json_integer_value(json_array_get(targets, k - 1));
            if (id >= (client ? clients : replicas)) json_array_remove(targets, k - 1);
        }
    }
    json_t *regions = json_object_get(json_object_get(document, "network"), "regions");
    while (json_array_size(regions) > replicas)
        json_array_remove(regions, json_array_size(regions) - 1);
}

static bool with_replicas(struct nika_shrink *s, uint64_t n, uint64_t f, bool by_seed)
{
    json_t *document = copy(s);
    set_number(document, "cluster", "n", n);
    set_number(document, "cluster", "f", f);
    clip_targets(document, n, s->scenario->values[NIKA_KEY_CLIENTS]);
    return try_both(s, document, by_seed, NIKA_SHRINK_ANY);
}

static bool fewer_replicas(struct nika_shrink *s, bool by_seed)
{
    uint64_t n = s->scenario->values[NIKA_KEY_N], f = s->scenario->values[NIKA_KEY_F];
    for (uint64_t smaller = 1; smaller < f && !s->stopped; smaller++) {
        if (with_replicas(s, 3 * smaller + 1, smaller, by_seed)) return true;
    }
    if (n > 3 * f + 1 && with_replicas(s, 3 * f + 1, f, by_seed)) return true;
    return n > 1 && with_replicas(s, n - 1, f, by_seed);
}

static bool with_workload(struct nika_shrink *s, enum nika_scenario_key key, uint64_t value,
                          bool by_seed)
{
    json_t *document = copy(s);
    set_number(document, nika_schema[key].section, nika_schema[key].key, value);
    if (key == NIKA_KEY_CLIENTS) clip_targets(document, s->scenario->values[NIKA_KEY_N], value);
    return try_both(s, document, by_seed, NIKA_SHRINK_ANY);
}

/* 1, 2, 4 ... and then one less at a time: few attempts when little is needed. */
static void fewer(struct nika_shrink *s, enum nika_scenario_key key, bool by_seed)
{
    uint64_t low = nika_schema[key].low;
    for (uint64_t value = low; value < s->scenario->values[key] && !s->stopped;
         value = value == 0 ? 1 : value * 2) {
        if (with_workload(s, key, value, by_seed)) break;
    }
    while (s->scenario->values[key] > low && !s->stopped) {
        if (!with_workload(s, key, s->scenario->values[key] - 1, false)) return;
    }
}

bool nika_shrink_sizes(struct nika_shrink *s, bool by_seed)
{
    uint64_t accepted = s->accepted;
    fewer(s, NIKA_KEY_REQUESTS, by_seed);
    fewer(s, NIKA_KEY_CLIENTS, by_seed);
    while (!s->stopped && fewer_replicas(s, by_seed)) continue;
    return s->accepted > accepted;
}

/* ---- times ---- */
static bool with_number(struct nika_shrink *s, const char *section, const char *key, uint64_t value)
{
    json_t *document = copy(s);
    set_number(document, section, key, value);
    return try_both(s, document, false, NIKA_SHRINK_SHORTER);
}

/* A scenario in which something must fail goes on after it has; the rest of the run shows nothing more. A failure that is a finding
 * ends its run, and once it is mended the run needs its time. */
static void shorter_limit(struct nika_shrink *s)
{
    if (s->failure.exit_class != NIKA_EXIT_HELD || s->result.violation_count == 0) return;
    for (uint32_t i = 0; i < s->result.violation_count && !s->stopped; i++) {
        if (with_number(s, "limits", "time_ms", s->result.violations[i].now_ns / MS + 1)) return;
    }
}

static void earlier_gst(struct nika_shrink *s)
{
    uint64_t gst = s->scenario->values[NIKA_KEY_GST_MS];
    if (gst == UINT64_MAX || gst == 0 || with_number(s, "", "gst_ms", 0)) return;
    while (gst > 1 && !s->stopped && with_number(s, "", "gst_ms", gst / 2)) gst /= 2;
}

/* Numbers of faults: windows, pauses, repetitions. */
static void smaller_fault_numbers(struct nika_shrink *s, size_t fault)
{
    for (size_t k = 0; !s->stopped; k++) {
        json_t *object = json_array_get(faults_of(s->document), fault);
        void *at = json_object_iter(object);
        for (size_t i = 0; i < k && at != NULL; i++) at = json_object_iter_next(object, at);
        if (at == NULL) return;
        json_int_t value = json_integer_value(json_object_iter_value(at));
        if (value <= 1) continue;
        json_t *document = copy(s);
        json_object_set_new(json_array_get(faults_of(document), fault), json_object_iter_key(at),
                            json_integer(value / 2));
        if (try_both(s, document, false, NIKA_SHRINK_SHORTER)) k--; /* Once more. */
    }
}

bool nika_shrink_times(struct nika_shrink *s)
{
    uint64_t accepted = s->accepted;
    shorter_limit(s);
    earlier_gst(s);
    for (size_t i = 0; i < json_array_size(faults_of(s->document)) && !s->stopped; i++)
        smaller_fault_numbers(s, i);
    return s->accepted > accepted;
}

/* ---- keys ---- */
/* What a scenario cannot do without, or what says which run it is. */
static bool is_needed(const char *key)
{
    static const char *const needed[] = {"schema", "name", "why", "seed", "faults"};
    for (uint32_t i = 0; i < ARRAY_COUNT(needed); i++) {
        if (strcmp(needed[i], key) == 0) return true;
    }
    return false;
}

/* Where what did not happen was to come from. */
static bool is_cause(const char *key)
{
    return strcmp(key, "workload") == 0 || strcmp(key, "cluster") == 0 ||
           strcmp(key, "expect") == 0;
}

static json_t *descend(json_t *document, const char *const *path, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) document = json_object_get(document, path[i]);
    return document;
}

/* Leave out each key of the object at `path`, then what is inside of those that must stay. */
static void without_keys(struct nika_shrink *s, const char *const *path, uint32_t depth)
{
    const char *inner[3];
    for (size_t k = 0; !s->stopped; k++) {
        json_t *object = descend(s->document, path, depth);
        void *at = json_object_iter(object);
        char key[NIKA_NAME_SIZE];
        for (size_t i = 0; i < k && at != NULL; i++) at = json_object_iter_next(object, at);
        if (at == NULL) return;
        snprintf(key, sizeof key, "%s", json_object_iter_key(at));
        if (depth == 0 && (is_needed(key) || (s->missing && is_cause(key)))) continue;
        json_t *document = copy(s);
        json_object_del(descend(document, path, depth), key);
        if (try_both(s, document, false, NIKA_SHRINK_NOT_LONGER)) {
            k--;
            continue;
        }
        if (depth + 1 >= ARRAY_COUNT(inner) ||
            !json_is_object(json_object_get(descend(s->document, path, depth), key)))
            continue;
        for (uint32_t i = 0; i < depth; i++) inner[i] = path[i];
        inner[depth] = key;
        without_keys(s, inner, depth + 1);
    }
}

static void without_fault_keys(struct nika_shrink *s, size_t fault)
{
    for (size_t k = 0; !s->stopped; k++) {
        json_t *object = json_array_get(faults_of(s->document), fault);
        void *at = json_object_iter(object);
        for (size_t i = 0; i < k && at != NULL; i++) at = json_object_iter_next(object, at);
        if (at == NULL) return;
        const char *key = json_object_iter_key(at);
        if (strcmp(key, "name") == 0 || strcmp(key, "targets") == 0) continue;
        json_t *document = copy(s);
        json_object_del(json_array_get(faults_of(document), fault), key);
        if (try_both(s, document, false, NIKA_SHRINK_NOT_LONGER)) k--;
    }
}

bool nika_shrink_keys(struct nika_shrink *s)
{
    uint64_t accepted = s->accepted;
    without_keys(s, NULL, 0);
    if (s->missing) return s->accepted > accepted;
    for (size_t i = 0; i < json_array_size(faults_of(s->document)) && !s->stopped; i++)
        without_fault_keys(s, i);
    return s->accepted > accepted;
}
