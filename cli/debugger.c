/* cli/debugger.c: a debugger that stands in the handler of one event of a run (walk.h).
 *
 * The debugger runs `nika run --until EVENT`, stops in cli_debugger_here(), which is called before that event, and from there at the
 * first instruction of the module's step. No condition is checked on the way, so it is as fast as the run. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/walk.h"

#define WORDS_MAX (16u + 2u * CLI_SETS_MAX)

const void *volatile cli_debugger_handler;

__attribute__((noinline, used)) void cli_debugger_here(void)
{
    __asm__ volatile("" ::: "memory");
}

static bool in_path(const char *program)
{
    char candidate[1024];
    const char *path = getenv("PATH");
    for (const char *at = path != NULL ? path : "/usr/bin:/bin"; *at != '\0';) {
        size_t size = strcspn(at, ":");
        snprintf(candidate, sizeof candidate, "%.*s/%s", (int)size, at, program);
        if (access(candidate, X_OK) == 0) return true;
        at += size + (at[size] == ':');
    }
    return false;
}

int cli_debugger(const struct cli_run_request *request, uint64_t event)
{
    static const char *const prefix[] = {"gdb",   "-q",
                                         "-ex",   "set breakpoint pending off",
                                         "-ex",   "tbreak cli_debugger_here",
                                         "-ex",   "run",
                                         "-ex",   "tbreak *(unsigned long)cli_debugger_handler",
                                         "-ex",   "continue",
                                         "--args"};
    const char *words[WORDS_MAX + ARRAY_COUNT(prefix)];
    char self[1024], seed[32], until[32];
    uint32_t count = 0;
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (!in_path("gdb")) {
        fprintf(stderr, "nika: --gdb: no gdb in PATH; install it (Debian: apt-get install gdb), or "
                        "run without --gdb\n");
        return NIKA_EXIT_USAGE;
    }
    if (size <= 0) return NIKA_EXIT_INCONCLUSIVE;
    self[size] = '\0';
    snprintf(seed, sizeof seed, "%" PRIu64, request->seed);
    snprintf(until, sizeof until, "%" PRIu64, event);
    memcpy(words, prefix, sizeof prefix);
    count = ARRAY_COUNT(prefix);
    const char *const run[] = {self, "run", request->path, "--until", until};
    memcpy(words + count, run, sizeof run);
    count += ARRAY_COUNT(run);
    if (!request->is_log) {
        words[count++] = "--seed";
        words[count++] = seed;
    }
    for (uint32_t i = 0; i < request->set_count; i++) {
        words[count++] = "--set";
        words[count++] = request->sets[i];
    }
    words[count] = NULL;
    fflush(stdout);
    execvp("gdb", (char *const *)words);
    fprintf(stderr, "nika: gdb: %s\n", strerror(errno));
    return NIKA_EXIT_INCONCLUSIVE;
}
