/* cli/sweep.c: `nika sweep`: library scenarios under many seeds, one line a scenario, the failing runs with the line that reproduces them. */
#include <stdlib.h>

#include "cli/cli.h"
#include "scenarios/library.h"

#define NAMES_MAX 64u
#define SHOWN_MAX 5u

struct arguments {
    uint64_t first, last;
    const char *names[NAMES_MAX];
    uint32_t name_count;
};
struct tally {
    uint64_t runs, held, failed, unmet;
    int worst;
};

static const struct argp_option options[] = {
    {"seeds", 's', "FIRST..LAST", 0, "seeds, both ends included (default 1..20)", 0}, {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    char first[24];
    switch (key) {
    case 's': {
        const char *dots = strstr(text, "..");
        if (dots == NULL || (size_t)(dots - text) >= sizeof first) {
            argp_error(state, "--seeds: expected FIRST..LAST, got \"%s\"", text);
            return 0;
        }
        snprintf(first, sizeof first, "%.*s", (int)(dots - text), text);
        a->first = cli_number(first, "--seeds", 0, INT64_MAX, state);
        a->last = cli_number(dots + 2, "--seeds", a->first, INT64_MAX, state);
        return 0;
    }
    case ARGP_KEY_ARG:
        if (a->name_count == NAMES_MAX) argp_error(state, "at most %u scenarios", NAMES_MAX);
        a->names[a->name_count++] = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "[SCENARIO...]",
    "Run scenarios (default: the whole library) under a range of seeds.\v"
    "A scenario in which a property must fail passes when it failed under at least one of the "
    "seeds. "
    "The exit code is that of the first failing run.",
    NULL,
    NULL,
    NULL};

/* A must-fail scenario states that an attack can succeed, not that it does under every seed. */
static bool attack_may_miss(const struct nika_scenario *s)
{
    bool must = s->values[NIKA_KEY_SAFETY] == NIKA_EXPECT_MUST_FAIL ||
                s->values[NIKA_KEY_LIVENESS] == NIKA_EXPECT_MUST_FAIL;
    for (uint32_t i = 0; i < NIKA_ORACLES_MAX; i++)
        must = must || s->properties[i] == NIKA_EXPECT_MUST_FAIL;
    return must;
}

static void count_run(const struct nika_scenario *s, const struct cli_run_request *request,
                      const struct nika_run_result *r, struct tally *t)
{
    char line[1024];
    t->runs++;
    if (r->exit_class == NIKA_EXIT_HELD) {
        t->held++;
    } else if (r->exit_class == NIKA_EXIT_EXPECTATION && attack_may_miss(s)) {
        t->unmet++;
    } else {
        if (t->failed++ == 0) t->worst = r->exit_class;
        if (t->failed > SHOWN_MAX) return;
        cli_reproduce(request, line, sizeof line);
        printf("  %s: %s\n    %s\n", nika_exit_name(r->exit_class), r->sentence, line);
        fflush(stdout);
    }
}

static int sweep_one(const char *name, const struct arguments *a, struct nika_run_result *result)
{
    struct cli_run_request request = {.scenario = name, .seed_given = true};
    struct tally t = {0};
    const char *reason;
    struct nika_scenario *s = cli_load(&request);
    if (s == NULL) {
        printf("FAIL %s: cannot be loaded\n", name);
        return NIKA_EXIT_USAGE;
    }
    struct nika_runner *runner = nika_runner_new(s, &reason);
    uint64_t started = cli_clock_ns();
    for (uint64_t i = 0; runner != NULL && i <= a->last - a->first; i++) {
        request.seed = a->first + i;
        cli_running(&request);
        nika_runner_run(runner, request.seed, result);
        count_run(s, &request, result, &t);
    }
    if (t.unmet > 0 && t.held == 0 && t.failed == 0) {
        t.worst = NIKA_EXIT_EXPECTATION;
        printf("  expectation-unmet: %s\n", result->sentence);
    }
    printf("%s %s: %llu of %llu seeds held, %llu ms\n", t.worst == 0 ? "ok  " : "FAIL",
           request.path, (unsigned long long)t.held, (unsigned long long)t.runs,
           (unsigned long long)((cli_clock_ns() - started) / 1000000));
    fflush(stdout);
    nika_runner_free(runner);
    nika_scenario_free(s);
    return t.worst;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.first = 1, .last = 20};
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    struct nika_library *library = a.name_count == 0 ? nika_library_list() : NULL;
    struct nika_run_result *result = calloc(1, sizeof *result);
    int status = 0;
    uint32_t count = library != NULL ? library->count : a.name_count;
    if (count == 0 || result == NULL) {
        fprintf(stderr, "nika: no scenarios found\n");
        status = NIKA_EXIT_USAGE;
    }
    for (uint32_t i = 0; i < count && result != NULL; i++) {
        int one = sweep_one(library != NULL ? library->paths[i] : a.names[i], &a, result);
        if (status == 0) status = one;
    }
    free(result);
    free(library);
    return status;
}

const struct cli_command cli_sweep = {"sweep",
                                      "[SCENARIO...]",
                                      "run scenarios under a range of seeds",
                                      "Runs library scenarios, or those given, under every seed of "
                                      "a range and prints one line for each scenario.",
                                      &argp,
                                      run};
