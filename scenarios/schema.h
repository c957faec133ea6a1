/* scenarios/schema.h: the one table of everything that a scenario can say (DESIGN.md 5).
 *
 * Loader, overrides, the JSON Schema and the reference are all derived from it. Owns no memory; never reads a file. */
#ifndef SCENARIOS_SCHEMA_H
#define SCENARIOS_SCHEMA_H

#include <jansson.h>

#include "engine/core/types.h"

enum nika_scenario_key {
#define KEY(id, section, key, kind, low, high, fallback, names, doc) NIKA_KEY_##id,
#include "scenarios/schema.def"
#undef KEY
    NIKA_KEY_COUNT
};
enum nika_key_kind {
    NIKA_KIND_INT,  /* low..high */
    NIKA_KIND_BOOL, /* true or false, kept as 1 or 0 */
    NIKA_KIND_NAME, /* one of `names`, kept as its index */
    NIKA_KIND_TIME, /* low..high, or "never", kept as UINT64_MAX */
};
struct nika_schema_key {
    const char *section; /* "" = top, "network.latency_us" = an object inside an object. */
    const char *key;
    enum nika_key_kind kind;
    uint64_t low, high, fallback;
    const char *(*names)(uint32_t index); /* NAME: NULL past the end. */
    const char *doc;
};
extern const struct nika_schema_key nika_schema[NIKA_KEY_COUNT];

/* Index of a key, or NIKA_KEY_COUNT. */
uint32_t nika_schema_find(const char *section, const char *key);
/* Is there an object at this path ("network.latency_us")? */
bool nika_schema_is_section(const char *section);
/* Index of `name` in a list of names, or UINT32_MAX. */
uint32_t nika_schema_name_index(const char *(*names)(uint32_t index), const char *name);
/* "held", "may-fail", "must-fail" by index. */
const char *nika_schema_expect_name(uint32_t index);
/* The JSON Schema (draft 2020-12) of a scenario; caller frees with free(). NULL when out of memory. */
char *nika_schema_json(void);
/* The same as a page of Markdown tables, to `file`. */
void nika_schema_markdown(FILE *file);

#endif
