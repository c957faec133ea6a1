/* engine/core/check.h: the check ids of PROTOCOLS.md, as stable names for rejections, drop counters and alarms. */
#ifndef ENGINE_CORE_CHECK_H
#define ENGINE_CORE_CHECK_H

enum nika_check {
    NIKA_CHECK_NONE = 0,
#define CHECK(id, doc) NIKA_CHECK_##id,
#include "engine/core/checks.def"
#undef CHECK
    NIKA_CHECK_COUNT
};
const char *nika_check_name(enum nika_check check); /* "PP6" */
const char *nika_check_doc(enum nika_check check);

#endif
