/* engine/core/assert.c: what happens when one of our own invariants is broken.
 *
 * Owns the process-wide handler. It never returns to the code that failed: that code's state is not
 * to be trusted. */
#include "engine/core/assert.h"

#include <stdio.h>
#include <stdlib.h>

/* DESIGN.md 6: a module crashed or broke its contract. */
#define EXIT_BROKEN_CONTRACT 3

static nika_assert_handler *installed_handler;
static void *installed_context;

void nika_assert_set_handler(nika_assert_handler *handler, void *context)
{
    installed_handler = handler;
    installed_context = context;
}

void nika_assert_fail(const char *file, int line, const char *expression)
{
    if (installed_handler != NULL) installed_handler(installed_context, file, line, expression);
    fprintf(stderr, "nika: %s:%d: broken invariant: %s\n", file, line, expression);
    fflush(NULL);
    /* No atexit handlers: they would run on state that has just proved inconsistent. */
    _Exit(EXIT_BROKEN_CONTRACT);
}
