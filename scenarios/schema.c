/* scenarios/schema.c: the table of scenario keys and how to look things up in it. */
#include "scenarios/schema.h"

#include "apps/registry.h"
#include "engine/core/auth.h"
#include "engine/core/planted.h"
#include "engine/oracle/accountability.h"
#include "protocols/registry.h"

static const char *protocol_name(uint32_t index)
{
    return index < nika_protocol_count ? nika_protocol_list[index].name : NULL;
}

static const char *app_name(uint32_t index)
{
    return index < nika_app_count ? nika_app_list[index]->name : NULL;
}

static const char *suite_name(uint32_t index)
{
    return index < NIKA_SUITE_SIM ? nika_suite_name((enum nika_suite)(index + 1)) : NULL;
}

static const char *planted_name(uint32_t index)
{
    return nika_planted_name(index);
}

static const char *mode_name(uint32_t index)
{
    static const char *const names[] = {"closed", "open"};
    return index < ARRAY_COUNT(names) ? names[index] : NULL;
}

const char *nika_schema_expect_name(uint32_t index)
{
    static const char *const names[] = {"held", "may-fail", "must-fail"};
    return index < ARRAY_COUNT(names) ? names[index] : NULL;
}
#define expect_name nika_schema_expect_name

const struct nika_schema_key nika_schema[NIKA_KEY_COUNT] = {
#define KEY(id, section, key, kind, low, high, fallback, names, doc)                               \
    [NIKA_KEY_##id] = {section, key, NIKA_KIND_##kind, low, high, fallback, names, doc},
#include "scenarios/schema.def"
#undef KEY
};

uint32_t nika_schema_find(const char *section, const char *key)
{
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        if (strcmp(nika_schema[i].section, section) == 0 && strcmp(nika_schema[i].key, key) == 0) {
            return i;
        }
    }
    return NIKA_KEY_COUNT;
}

bool nika_schema_is_section(const char *section)
{
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        if (strcmp(nika_schema[i].section, section) == 0) return true;
    }
    return false;
}

uint32_t nika_schema_name_index(const char *(*names)(uint32_t index), const char *name)
{
    for (uint32_t i = 0; names(i) != NULL; i++) {
        if (strcmp(names(i), name) == 0) return i;
    }
    return UINT32_MAX;
}
