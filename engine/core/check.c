/* engine/core/check.c: names and sentences of the check ids, generated from checks.def. Owns
 * nothing. */
#include "engine/core/check.h"

#include "engine/core/types.h"

static const char *const names[] = {
    [NIKA_CHECK_NONE] = "none",
#define CHECK(id, doc) [NIKA_CHECK_##id] = #id,
#include "engine/core/checks.def"
#undef CHECK
};

static const char *const docs[] = {
    [NIKA_CHECK_NONE] = "no check",
#define CHECK(id, doc) [NIKA_CHECK_##id] = doc,
#include "engine/core/checks.def"
#undef CHECK
};

const char *nika_check_name(enum nika_check check)
{
    return (size_t)check < ARRAY_COUNT(names) ? names[check] : "unknown";
}

const char *nika_check_doc(enum nika_check check)
{
    return (size_t)check < ARRAY_COUNT(docs) ? docs[check] : "unknown check";
}
