/* cli/step.c: `nika step`: a run forwards and backwards, by commands from a terminal or a script. The commands are in step_commands.c. */
#include "cli/step.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTION_UNTIL = 256, OPTION_GDB };

struct arguments {
    struct cli_run_request request;
    const char *until;
    bool gdb;
};

static const struct argp_option options[] = {
    CLI_RUN_OPTIONS("seed of the run (default: that of the scenario)"),
    {"until", OPTION_UNTIL, "WHERE", 0, "go there before the first command", 0},
    {"gdb", OPTION_GDB, NULL, 0,
     "with --until: start gdb so that it stops in the handler of that event", 0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_UNTIL:
        a->until = text;
        return 0;
    case OPTION_GDB:
        a->gdb = true;
        return 0;
    case ARGP_KEY_END:
        if (a->gdb && a->until == NULL) argp_error(state, "--gdb needs --until WHERE");
        return 0;
    default:
        return cli_parse_run(key, text, state, &a->request, "run",
                             "which run: a scenario, or a decision log?");
    }
}

static const struct argp argp = {
    options,
    parse,
    "FILE",
    "Walk through a run, forwards and backwards. FILE is a scenario (run under --seed) or a "
    "decision log of `nika run --log` or `nika shrink`. Commands come from standard input, one a "
    "line: a terminal or a script.\v" CLI_STEP_HELP "\n\n" CLI_WHERE_HELP "\n\n"
    "Exits 0 at quit or the end of the commands, 64 when a command of a script is wrong, 6 when "
    "there is no such world.\n\n"
    "  nika step two-equivocators --seed 7\n"
    "  printf 'break violated\\nrun\\nback 3\\nstate\\n' | nika step run.log\n"
    "  nika step run.log --until sent:NEW-VIEW --gdb",
    NULL,
    NULL,
    NULL};

/* One command after the other. The exit code. */
static int talk(struct cli_step *step)
{
    char *line = NULL;
    size_t size = 0;
    bool terminal = isatty(STDIN_FILENO) != 0;
    int status = 0;
    uint64_t number = 0;
    while (!step->quit) {
        if (terminal) {
            printf("(step) ");
            fflush(stdout);
        }
        ssize_t length = getline(&line, &size, stdin);
        if (length < 0) break;
        number++;
        if (length > 0 && line[length - 1] == '\n') line[--length] = '\0';
        if (strlen(line) != (size_t)length || length >= CLI_STEP_LINE) {
            snprintf(step->problem, sizeof step->problem, "no command: it has %s",
                     length >= CLI_STEP_LINE ? "more characters than any" : "a zero byte in it");
        } else {
            cli_step_command(step, line);
        }
        if (step->problem[0] == '\0') continue;
        fflush(stdout);
        if (terminal)
            fprintf(stderr, "%s\n", step->problem);
        else
            fprintf(stderr, "nika: step: command %llu: %s\n", (unsigned long long)number,
                    step->problem);
        step->problem[0] = '\0';
        status = NIKA_EXIT_USAGE;
        if (!terminal) break; /* What follows was meant for where this should have led. */
    }
    if (terminal && !step->quit) printf("\n");
    free(line);
    return terminal ? 0 : status;
}

static int begin(struct arguments *a, struct cli_step *step, struct nika_runner *runner)
{
    const char *reason;
    char line[CLI_STEP_LINE];
    if (!nika_runner_begin(runner, a->request.seed, &reason)) {
        fprintf(stderr, "nika: %s: %s\n", a->request.path, reason);
        return NIKA_EXIT_INCONCLUSIVE;
    }
    if (!cli_walk_begin(&step->walk, runner)) {
        fprintf(stderr, "nika: out of memory\n");
        return NIKA_EXIT_INCONCLUSIVE;
    }
    step->request = &a->request;
    const struct nika_scenario *s = nika_runner_drawn(runner);
    printf("%s, seed %llu; help lists the commands\n", s->name,
           (unsigned long long)a->request.seed);
    if (a->until == NULL) {
        cli_step_command(step, "where");
        return talk(step);
    }
    snprintf(line, sizeof line, "goto %s", a->until);
    cli_step_command(step, line);
    if (step->problem[0] != '\0') {
        fprintf(stderr, "nika: --until: %s\n", step->problem);
        return NIKA_EXIT_USAGE;
    }
    return talk(step);
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    const char *reason = "out of memory";
    cli_parse(&argp, argc, argv, &a);
    struct nika_scenario *s = cli_load_run(&a.request);
    if (s == NULL) return NIKA_EXIT_USAGE;
    int status = NIKA_EXIT_INCONCLUSIVE;
    struct cli_step *step = calloc(1, sizeof *step);
    struct nika_runner *runner = nika_runner_new(s, &reason);
    cli_running(&a.request);
    if (step == NULL || runner == NULL) {
        fprintf(stderr, "nika: %s\n", reason);
    } else if (a.gdb) {
        status = cli_until(&a.request, runner, a.until, false, true);
    } else {
        status = begin(&a, step, runner);
    }
    if (step != NULL) cli_walk_end(&step->walk);
    free(step);
    nika_runner_free(runner);
    nika_scenario_free(s);
    return status;
}

const struct cli_command cli_step_run = {
    "step",
    "FILE",
    "walk through a run, forwards and backwards",
    "Walks through a run event by event, forwards and backwards, with the state of every replica, "
    "places to stop at, and gdb in the handler of an event.",
    &argp,
    run};
