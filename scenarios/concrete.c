/* scenarios/concrete.c: a scenario as one seed draws it, as a document (scenario.h). Pure; owns nothing. */
#include <stdio.h>

#include "scenarios/options.h"

static json_t *number(uint64_t value, bool time)
{
    if (time && value == UINT64_MAX) return json_string("never");
    return json_integer((json_int_t)value);
}

/* The object at `section` ("network.latency_us") under `root`, made when missing. */
static json_t *section_at(json_t *root, const char *section)
{
    char name[64];
    while (section[0] != '\0') {
        size_t size = strcspn(section, ".");
        snprintf(name, sizeof name, "%.*s", (int)size, section);
        section += size + (section[size] == '.');
        if (json_object_get(root, name) == NULL) json_object_set_new(root, name, json_object());
        root = json_object_get(root, name);
    }
    return root;
}

static void write_param(json_t *fault, const struct nika_scenario_fault *from, uint32_t index)
{
    const struct nika_fault_param *param = &from->ops->params[index];
    uint64_t value = from->params[index];
    json_object_set_new(fault, param->name,
                        param->names != NULL ? json_string(param->names[value])
                                             : json_integer((json_int_t)value));
}

static void write_drawn(json_t *root, const struct nika_scenario *drawn,
                        const struct nika_swarm *swarm)
{
    if (swarm->key < NIKA_KEY_COUNT) {
        const struct nika_schema_key *key = &nika_schema[swarm->key];
        json_object_set_new(section_at(root, key->section), key->key,
                            number(drawn->values[swarm->key], key->kind == NIKA_KIND_TIME));
        return;
    }
    const struct nika_scenario_fault *from = &drawn->faults[swarm->fault];
    json_t *fault = json_array_get(json_object_get(root, "faults"), swarm->fault);
    switch (swarm->field) {
    case NIKA_FIELD_FROM_MS:
        json_object_set_new(fault, "from_ms", number(from->from_ms, false));
        break;
    case NIKA_FIELD_TO_MS:
        json_object_set_new(fault, "to_ms", number(from->to_ms, false));
        break;
    case NIKA_FIELD_PROBABILITY:
        break; /* Said by write_fault(). */
    case NIKA_FIELD_PARAM:
        write_param(fault, from, swarm->param);
        break;
    }
}

static void write_fault(json_t *fault, const struct nika_scenario_fault *from, bool present)
{
    json_object_del(fault, "probability_ppm");
    if (!present) json_object_set_new(fault, "probability_ppm", json_integer(0));
    if (json_object_get(fault, "targets") == NULL) return; /* Every link. */
    json_t *targets = json_array();
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) {
        if (nika_set_has(from->targets, i)) json_array_append_new(targets, json_integer(i));
    }
    json_object_set_new(fault, "targets", targets);
}

json_t *nika_scenario_concrete(const struct nika_scenario *s, uint64_t seed)
{
    struct nika_scenario drawn;
    uint32_t present;
    json_t *root = json_deep_copy(s->document);
    if (root == NULL) return NULL;
    nika_options_draw(s, seed, &drawn, &present);
    json_object_set_new(root, "seed", json_integer((json_int_t)seed));
    for (uint32_t i = 0; i < s->swarm_count; i++) write_drawn(root, &drawn, &s->swarm[i]);
    for (uint32_t i = 0; i < s->fault_count; i++) {
        write_fault(json_array_get(json_object_get(root, "faults"), i), &drawn.faults[i],
                    (present >> i & 1) != 0);
    }
    json_object_del(root, "swarm");
    json_object_del(root, "decisions");
    return root;
}
