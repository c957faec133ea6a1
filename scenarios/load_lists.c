/* scenarios/load_lists.c: the lists of a scenario: faults and swarm ranges. */
#include <stdio.h>
#include <stdlib.h>

#include "faults/registry.h"
#include "scenarios/scenario.h"

static const char *fault_name_at(const void *context, uint32_t index)
{
    (void)context;
    return index < nika_fault_count ? nika_fault_list[index]->name : NULL;
}

static const char *fault_key_at(const void *context, uint32_t index)
{
    const struct nika_fault_ops *ops = context;
    static const char *const own[] = {"name",  "targets",         "from_ms",
                                      "to_ms", "probability_ppm", "acts"};
    if (index < ARRAY_COUNT(own)) return own[index];
    index -= (uint32_t)ARRAY_COUNT(own);
    return index < ops->param_count ? ops->params[index].name : NULL;
}

static uint32_t target_count(const struct nika_scenario *s, const struct nika_fault_ops *ops)
{
    uint64_t count =
        ops->fault_class == NIKA_FAULT_CLIENT ? s->values[NIKA_KEY_CLIENTS] : s->values[NIKA_KEY_N];
    return count > NIKA_REPLICAS_MAX ? NIKA_REPLICAS_MAX : (uint32_t)count;
}

static void add_target(struct nika_scenario_fault *fault, uint64_t target)
{
    fault->targets[target / 64] |= UINT64_C(1) << (target % 64);
}

static bool named_targets(struct nika_scenario_fault *fault, const char *text, uint32_t count,
                          uint64_t n)
{
    char *end;
    bool one = strcmp(text, "one-by-seed") == 0, rest = strcmp(text, "rest-by-seed") == 0;
    /* Clients have no core: nothing depends on n-f of them. */
    if (rest && fault->ops->fault_class == NIKA_FAULT_CLIENT) return false;
    if (strcmp(text, "all") == 0 || one || rest) {
        fault->draw_one = one;
        fault->draw_rest = rest;
        for (uint32_t i = 0; i < count; i++) add_target(fault, i);
        return true;
    }
    /* The primaries of the first views: who matters most in a short run. */
    static const char first[] = "one-of-first-";
    if (strncmp(text, first, sizeof first - 1) == 0) {
        uint64_t last = strtoull(text + sizeof first - 1, &end, 10);
        if (text[sizeof first - 1] < '1' || text[sizeof first - 1] > '9' || *end != '\0' ||
            last > count)
            return false;
        fault->draw_one = true;
        for (uint32_t i = 0; i < last; i++) add_target(fault, i);
        return true;
    }
    static const char prefix[] = "primary-of-view-";
    const char *digits = text + sizeof prefix - 1;
    if (strncmp(text, prefix, sizeof prefix - 1) != 0 || *digits < '0' || *digits > '9' ||
        strlen(digits) > 6)
        return false;
    uint64_t view = strtoull(digits, &end, 10);
    if (*end != '\0') return false;
    add_target(fault, view % n);
    return true;
}

static void load_targets(struct nika_scenario *s, struct nika_scenario_fault *fault,
                         const json_t *value, const struct nika_json_path *path,
                         struct nika_diagnoses *d)
{
    uint32_t count = target_count(s, fault->ops);
    char text[80];
    if (json_is_string(value)) {
        if (named_targets(fault, json_string_value(value), count, s->values[NIKA_KEY_N])) return;
    } else if (json_is_array(value) && json_array_size(value) <= count) {
        for (uint32_t i = 0; i < json_array_size(value) && !nika_diagnoses_full(d); i++) {
            struct nika_json_path at = nika_path_index(*path, i);
            uint64_t target;
            if (nika_scenario_integer(json_array_get(value, i), 0, count - 1, &at, d, &target))
                add_target(fault, target);
        }
        return;
    }
    nika_diagnose(d, path, false,
                  "expected an array of ids 0..%u, \"all\", \"one-by-seed\", \"one-of-first-N\", "
                  "\"rest-by-seed\" (of replicas) or "
                  "\"primary-of-view-N\", got %s",
                  count - 1, nika_scenario_value_text(value, text, sizeof text));
}

static void load_param(struct nika_scenario_fault *fault, uint32_t index, const json_t *value,
                       const struct nika_json_path *path, struct nika_diagnoses *d)
{
    const struct nika_fault_param *param = &fault->ops->params[index];
    char list[200] = "", text[80];
    if (param->names == NULL) {
        if (json_is_boolean(value) && param->low == 0 && param->high == 1) {
            fault->params[index] = json_is_true(value);
        } else {
            nika_scenario_integer(value, param->low, param->high, path, d, &fault->params[index]);
        }
        return;
    }
    const char *string = json_string_value(value);
    for (uint32_t i = 0; param->names[i] != NULL; i++) {
        if (string != NULL && strcmp(param->names[i], string) == 0) {
            fault->params[index] = i;
            return;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s\"%s\"", i > 0 ? ", " : "", param->names[i]);
    }
    nika_diagnose(d, path, false, "expected one of %s, got %s", list,
                  nika_scenario_value_text(value, text, sizeof text));
}

static void load_fault_key(struct nika_scenario *s, struct nika_scenario_fault *fault,
                           const char *key, const json_t *value, const struct nika_json_path *path,
                           struct nika_diagnoses *d)
{
    if (strcmp(key, "name") == 0) return;
    if (strcmp(key, "targets") == 0) {
        load_targets(s, fault, value, path, d);
    } else if (strcmp(key, "from_ms") == 0) {
        nika_scenario_integer(value, 0, 86400000, path, d, &fault->from_ms);
    } else if (strcmp(key, "to_ms") == 0) {
        nika_scenario_integer(value, 0, 86400000, path, d, &fault->to_ms);
    } else if (strcmp(key, "probability_ppm") == 0) {
        nika_scenario_integer(value, 0, 1000000, path, d, &fault->probability_ppm);
    } else if (strcmp(key, "acts") == 0) {
        const char *text = json_string_value(value);
        fault->may = text != NULL && strcmp(text, "may") == 0;
        if (text == NULL || (!fault->may && strcmp(text, "must") != 0)) {
            nika_diagnose(d, path, false, "expected \"must\" or \"may\"");
        }
    } else {
        for (uint32_t i = 0; i < fault->ops->param_count; i++) {
            if (strcmp(fault->ops->params[i].name, key) == 0) {
                load_param(fault, i, value, path, d);
                return;
            }
        }
        const char *near = nika_did_you_mean(key, fault_key_at, fault->ops);
        nika_diagnose(d, path, true, "unknown key of fault %s%s%s", fault->ops->name,
                      near != NULL ? ", did you mean " : "", near != NULL ? near : "");
    }
}

static void load_fault(struct nika_scenario *s, const json_t *object, struct nika_json_path path,
                       struct nika_diagnoses *d)
{
    struct nika_scenario_fault *fault = &s->faults[s->fault_count];
    const char *key, *name = json_string_value(json_object_get(object, "name"));
    json_t *value;
    struct nika_json_path name_path = nika_path_key(path, "name");
    if (name == NULL) {
        nika_diagnose(d, &path, false,
                      "expected an object with the \"name\" of a fault (nika list faults)");
        return;
    }
    fault->ops = nika_fault_find(name);
    if (fault->ops == NULL) {
        const char *near = nika_did_you_mean(name, fault_name_at, NULL);
        nika_diagnose(d, &name_path, false, "unknown fault%s%s (nika list faults)",
                      near != NULL ? ", did you mean " : "", near != NULL ? near : "");
        return;
    }
    fault->to_ms = UINT64_MAX;
    fault->probability_ppm = 1000000;
    for (uint32_t i = 0; i < fault->ops->param_count; i++)
        fault->params[i] = fault->ops->params[i].fallback;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (nika_diagnoses_full(d)) return;
        struct nika_json_path at = nika_path_key(path, key);
        load_fault_key(s, fault, key, value, &at, d);
    }
    if (json_object_get(object, "targets") == NULL &&
        fault->ops->fault_class != NIKA_FAULT_NETWORK) {
        struct nika_json_path at = nika_path_key(path, "targets");
        nika_diagnose(d, &at, true, "required: whom the fault %s strikes", fault->ops->name);
    }
    if (fault->to_ms < fault->from_ms) {
        struct nika_json_path at = nika_path_key(path, "to_ms");
        nika_diagnose(d, &at, false, "expected at least from_ms (%llu)",
                      (unsigned long long)fault->from_ms);
    }
    s->fault_count++;
}

bool nika_fault_corrupts(const struct nika_scenario_fault *fault)
{
    if (fault->ops->fault_class == NIKA_FAULT_BYZANTINE ||
        fault->ops->fault_class == NIKA_FAULT_TRUSTED)
        return true;
    /* A lost fsync and a rotten log both let a replica forget votes that it has sent: no better than a liar. */
    if (strcmp(fault->ops->name, "lost-fsync") == 0 || strcmp(fault->ops->name, "bit-rot") == 0)
        return true;
    for (uint32_t i = 0; i < fault->ops->param_count; i++) {
        if (strcmp(fault->ops->params[i].name, "amnesia") == 0 && fault->params[i] != 0)
            return true;
    }
    return false;
}

/* Union of fixed targets, plus one for each fault whose target the seed draws. */
static uint32_t corrupted_count(const struct nika_scenario *s)
{
    uint64_t fixed[2] = {0, 0};
    uint32_t drawn = 0;
    for (uint32_t i = 0; i < s->fault_count; i++) {
        const struct nika_scenario_fault *fault = &s->faults[i];
        /* The rest is never more than f, and has in it whoever is corrupted besides. */
        if (!nika_fault_corrupts(fault) || fault->draw_rest) continue;
        if (fault->draw_one) {
            drawn++;
            continue;
        }
        fixed[0] |= fault->targets[0];
        fixed[1] |= fault->targets[1];
    }
    return (uint32_t)(__builtin_popcountll(fixed[0]) + __builtin_popcountll(fixed[1])) + drawn;
}

void nika_scenario_load_faults(struct nika_scenario *s, const json_t *array,
                               struct nika_diagnoses *d)
{
    struct nika_json_path root = {0};
    struct nika_json_path path = nika_path_key(root, "faults");
    if (array == NULL) return;
    if (!json_is_array(array) || json_array_size(array) > NIKA_FAULTS_MAX) {
        nika_diagnose(d, &path, false, "expected an array of at most %u faults", NIKA_FAULTS_MAX);
        return;
    }
    for (uint32_t i = 0; i < json_array_size(array); i++) {
        load_fault(s, json_array_get(array, i), nika_path_index(path, i), d);
    }
    if (d->count > 0) return;
    uint32_t corrupted = corrupted_count(s);
    if (corrupted > s->values[NIKA_KEY_F] && s->values[NIKA_KEY_ALLOW_BEYOND_BOUND] == 0) {
        nika_diagnose(
            d, &path, false,
            "%u replicas may be faulty, f is %llu (expect.allow_beyond_bound accepts that)",
            corrupted, (unsigned long long)s->values[NIKA_KEY_F]);
    }
}

/* "faults[3].rate_ppm": a field or an integer parameter of a fault. */
static bool resolve_fault_path(const struct nika_scenario *s, const char *text,
                               struct nika_swarm *swarm, uint64_t *low, uint64_t *high)
{
    char key[64];
    unsigned index;
    int end = 0;
    if (sscanf(text, "faults[%3u].%63[a-z0-9_]%n", &index, key, &end) != 2 || text[end] != '\0')
        return false;
    if (index >= s->fault_count) return false;
    swarm->key = NIKA_KEY_COUNT;
    swarm->fault = index;
    *low = 0;
    *high = 86400000;
    swarm->field = NIKA_FIELD_FROM_MS;
    if (strcmp(key, "from_ms") == 0) return true;
    swarm->field = NIKA_FIELD_TO_MS;
    if (strcmp(key, "to_ms") == 0) return true;
    swarm->field = NIKA_FIELD_PROBABILITY;
    *high = 1000000;
    if (strcmp(key, "probability_ppm") == 0) return true;
    swarm->field = NIKA_FIELD_PARAM;
    const struct nika_fault_ops *ops = s->faults[index].ops;
    for (uint32_t i = 0; i < ops->param_count; i++) {
        if (strcmp(ops->params[i].name, key) != 0) continue;
        swarm->param = i;
        *low = ops->params[i].low;
        *high = ops->params[i].high;
        for (uint32_t k = 0; ops->params[i].names != NULL && ops->params[i].names[k] != NULL; k++)
            *high = k;
        return true;
    }
    return false;
}

static bool resolve_swarm_path(const struct nika_scenario *s, const char *text,
                               struct nika_swarm *swarm, uint64_t *low, uint64_t *high)
{
    char section[64];
    const char *dot = strrchr(text, '.');
    if (strncmp(text, "faults[", 7) == 0) return resolve_fault_path(s, text, swarm, low, high);
    size_t size = dot != NULL ? (size_t)(dot - text) : 0;
    if (size >= sizeof section) return false;
    memcpy(section, text, size);
    section[size] = '\0';
    swarm->key = nika_schema_find(section, dot != NULL ? dot + 1 : text);
    if (swarm->key == NIKA_KEY_COUNT) return false;
    const struct nika_schema_key *key = &nika_schema[swarm->key];
    *low = key->low;
    *high = key->high;
    /* What a run is called or judged by is not for the seed to draw. */
    bool fixed = strcmp(section, "expect") == 0 || swarm->key == NIKA_KEY_SCHEMA ||
                 swarm->key == NIKA_KEY_SEED;
    return !fixed && (key->kind == NIKA_KIND_INT || key->kind == NIKA_KIND_TIME);
}

static void load_range(struct nika_scenario *s, const json_t *object, struct nika_json_path path,
                       struct nika_diagnoses *d)
{
    struct nika_swarm *swarm = &s->swarm[s->swarm_count];
    struct nika_json_path path_path = nika_path_key(path, "path");
    const char *text = json_string_value(json_object_get(object, "path"));
    const char *key;
    json_t *value;
    uint64_t low = 0, high = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (nika_diagnoses_full(d)) return;
        struct nika_json_path at = nika_path_key(path, key);
        bool known =
            strcmp(key, "path") == 0 || strcmp(key, "low") == 0 || strcmp(key, "high") == 0;
        if (!known) nika_diagnose(d, &at, true, "unknown key; a range has path, low and high");
    }
    if (text == NULL || !resolve_swarm_path(s, text, swarm, &low, &high)) {
        nika_diagnose(d, text != NULL ? &path_path : &path, false,
                      "expected the \"path\" of a number, such as \"network.loss_ppm\" or "
                      "\"faults[0].rate_ppm\"");
        return;
    }
    struct nika_json_path low_path = nika_path_key(path, "low"),
                          high_path = nika_path_key(path, "high");
    const json_t *low_value = json_object_get(object, "low"),
                 *high_value = json_object_get(object, "high");
    if (low_value == NULL || high_value == NULL) {
        nika_diagnose(d, &path, false, "a range has path, low and high");
        return;
    }
    if (!nika_scenario_integer(low_value, low, high, &low_path, d, &swarm->low)) return;
    if (!nika_scenario_integer(high_value, swarm->low, high, &high_path, d, &swarm->high)) return;
    s->swarm_count++;
}

void nika_scenario_load_swarm(struct nika_scenario *s, const json_t *array,
                              struct nika_diagnoses *d)
{
    struct nika_json_path root = {0};
    struct nika_json_path path = nika_path_key(root, "swarm");
    if (array == NULL) return;
    if (!json_is_array(array) || json_array_size(array) > NIKA_SWARM_MAX) {
        nika_diagnose(d, &path, false, "expected an array of at most %u ranges", NIKA_SWARM_MAX);
        return;
    }
    for (uint32_t i = 0; i < json_array_size(array); i++) {
        load_range(s, json_array_get(array, i), nika_path_index(path, i), d);
    }
}
