/* fuzz/targets/uncounted.c: see uncounted.h. */
#include "fuzz/targets/uncounted.h"

#include <string.h>

#include "fuzz/targets/target.h"

/* Where clang's -fsanitize-coverage=inline-8bit-counters counts: the linker's names for the bounds of that section. */
extern uint8_t __start___sancov_cntrs[] __attribute__((weak, visibility("hidden")));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak, visibility("hidden")));

static uint8_t before[1u << 18];
static uint32_t depth;

static size_t counters(void)
{
    if (__start___sancov_cntrs == NULL) return 0;
    size_t count = (size_t)(__stop___sancov_cntrs - __start___sancov_cntrs);
    NIKA_TARGET_CHECK(count <= sizeof before, "more than %zu edges", sizeof before);
    return count;
}

void nika_uncounted_begin(void)
{
    if (depth++ == 0 && counters() > 0) memcpy(before, __start___sancov_cntrs, counters());
}

void nika_uncounted_end(void)
{
    if (--depth == 0 && counters() > 0) memcpy(__start___sancov_cntrs, before, counters());
}
