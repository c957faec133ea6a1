/* engine/core/assert.h: broken invariants of ours. On in every build; never for bytes that came from a peer.
 *
 * The default handler prints and exits with code 3 (DESIGN.md 6). A world installs its own to turn the failure
 * into the verdict "a module crashed or broke its contract" with seed and event number. */
#ifndef ENGINE_CORE_ASSERT_H
#define ENGINE_CORE_ASSERT_H

typedef void nika_assert_handler(void *context, const char *file, int line, const char *expression);

/* Install `handler` (NULL restores the default). Process-wide; the handler must not return. */
void nika_assert_set_handler(nika_assert_handler *handler, void *context);

_Noreturn void nika_assert_fail(const char *file, int line, const char *expression);

#define NIKA_ASSERT(condition)                                                                     \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) nika_assert_fail(__FILE__, __LINE__, #condition);   \
    } while (0)

#endif
