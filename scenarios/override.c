/* scenarios/override.c: `--set path=value` on the JSON document, before it is checked like any other scenario. */
#include <stdio.h>
#include <stdlib.h>

#include "scenarios/scenario.h"

/* Set `value` (taken) in the member or element named by the last step. */
static bool set_last(json_t *parent, const char *key, bool is_index, size_t index, json_t *value)
{
    if (is_index) {
        if (json_is_array(parent) && index < json_array_size(parent))
            return json_array_set_new(parent, index, value) == 0;
        /* One past the last element appends, so that a fault can be added to a scenario. */
        if (json_is_array(parent) && index == json_array_size(parent))
            return json_array_append_new(parent, value) == 0;
    } else if (json_is_object(parent)) {
        return json_object_set_new(parent, key, value) == 0;
    }
    json_decref(value);
    return false;
}

/* One step down; a missing object is made, since a section may be absent from the file. */
static json_t *descend(json_t *parent, const char *key, bool is_index, size_t index)
{
    if (is_index) return json_array_get(parent, index);
    if (!json_is_object(parent)) return NULL;
    json_t *child = json_object_get(parent, key);
    if (child != NULL) return child;
    child = json_object();
    if (json_object_set_new(parent, key, child) != 0) return NULL;
    return json_object_get(parent, key);
}

/* Reads `key`, `.key` or `[3]`; the rest of the path, or NULL when it is none. */
static const char *next_step(const char *at, char *key, size_t size, bool *is_index, size_t *index)
{
    *is_index = *at == '[';
    if (*is_index) {
        char *end;
        if (at[1] < '0' || at[1] > '9') return NULL;
        *index = strtoull(at + 1, &end, 10);
        return *end == ']' ? end + 1 : NULL;
    }
    if (*at == '.') at++;
    size_t length = strcspn(at, ".[");
    if (length == 0 || length >= size) return NULL;
    memcpy(key, at, length);
    key[length] = '\0';
    return at + length;
}

static json_t *parse_value(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    return value != NULL ? value : json_string(text);
}

bool nika_scenario_override(json_t *document, const char *text, struct nika_diagnoses *d)
{
    char path[256], key[64];
    const char *equals = strchr(text, '=');
    size_t size = equals != NULL ? (size_t)(equals - text) : 0;
    if (size == 0 || size >= sizeof path) {
        nika_diagnose_plain(d, "--set %.80s: expected path=value, such as network.loss_ppm=1000",
                            text);
        return false;
    }
    memcpy(path, text, size);
    path[size] = '\0';
    const char *at = strncmp(path, "$.", 2) == 0 ? path + 2 : path;
    json_t *parent = document;
    for (uint32_t depth = 0; depth < NIKA_PATH_DEPTH_MAX; depth++) {
        bool is_index;
        size_t index = 0;
        at = next_step(at, key, sizeof key, &is_index, &index);
        if (at == NULL) break;
        if (*at == '\0') {
            json_t *value =
                nika_json_depth(equals + 1, strlen(equals + 1)) > NIKA_SCENARIO_DEPTH_MAX
                    ? NULL
                    : parse_value(equals + 1);
            if (value != NULL && set_last(parent, key, is_index, index, value)) return true;
            break;
        }
        parent = descend(parent, key, is_index, index);
        if (parent == NULL) break;
    }
    nika_diagnose_plain(d, "--set %.80s: no such place in the scenario", text);
    return false;
}
