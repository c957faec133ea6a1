/* cli/until.c: `nika run --until`: stops a run where it is asked to and shows the state of the cluster there. */
#include <stdlib.h>

#include "cli/walk.h"

#define QUEUE_SHOWN 4u

/* To the place. False: the run ended before. */
static bool go(struct cli_walk *walk, const struct cli_where *where)
{
    if (where->kind == CLI_WHERE_TIME) {
        cli_walk_to_time(walk, where->number);
        return true;
    }
    if (where->kind == CLI_WHERE_EVENT) {
        cli_walk_to(walk, where->number + 1);
        if (walk->over) return false;
        cli_debugger_handler = nika_world_step_of(walk->world, walk->handler);
        cli_walk_to(walk, where->number);
        cli_debugger_here();
        return cli_walk_next(walk);
    }
    (void)cli_walk_break(walk, where);
    return cli_walk_run(walk);
}

static void show(const struct cli_walk *walk, const struct cli_where *where, bool reached,
                 const struct nika_run_result *result)
{
    char place[80];
    const struct nika_violation *list;
    uint32_t count = nika_runner_violations(walk->runner, &list);
    cli_state_place(walk->world, place, sizeof place);
    if (!reached)
        printf("\nended     at %s; it never came to %s\n          %s (exit code %d)\n\n", place,
               where->text, result->sentence, result->exit_class);
    else if (where->kind == CLI_WHERE_TIME)
        printf("\nstopped   at %s; the last event before it is %s\n\n", where->text, place);
    else
        printf("\nstopped   at %s, after %s\n\n", place, where->text);
    for (uint32_t i = 0; i < walk->line_count; i++)
        printf("%s%s\n", i == 0 ? "event   " : "        ",
               walk->lines + (size_t)i * NIKA_STORY_LINE_SIZE);
    for (uint32_t i = 0; i < count; i++)
        printf("violated  %s: %s\n", nika_oracle_list[list[i].oracle]->id, list[i].sentence);
    printf("\n");
    cli_state_print(walk->runner, walk->world, NIKA_NODE_NONE, QUEUE_SHOWN, stdout);
}

static void show_json(const struct cli_run_request *request, const struct cli_walk *walk,
                      const struct cli_where *where, bool reached,
                      const struct nika_run_result *result)
{
    char line[CLI_LINE_SIZE];
    json_t *root = cli_state_json(walk->runner, walk->world);
    cli_reproduce(request, line, sizeof line);
    json_object_update_new(root, json_pack("{s:s, s:I, s:s, s:b, s:s}", "scenario", request->path,
                                           "seed", (json_int_t)request->seed, "until", where->text,
                                           "reached", (int)reached, "reproduce", line));
    if (!reached)
        json_object_update_new(root, json_pack("{s:s, s:s}", "verdict",
                                               nika_exit_name(result->exit_class), "sentence",
                                               result->sentence));
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    printf("%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(root);
}

/* Stands there now. */
static int report(const struct cli_run_request *request, struct cli_walk *walk,
                  const struct cli_where *where, bool reached, bool json)
{
    struct nika_run_result *result = calloc(1, sizeof *result);
    if (result == NULL) return NIKA_EXIT_INCONCLUSIVE;
    if (!reached) nika_runner_finish(walk->runner, result);
    if (json)
        show_json(request, walk, where, reached, result);
    else
        show(walk, where, reached, result);
    int status = reached                                    ? 0
                 : result->exit_class == NIKA_EXIT_CONTRACT ? NIKA_EXIT_CONTRACT
                                                            : NIKA_EXIT_INCONCLUSIVE;
    free(result);
    return status;
}

/* What gdb is to stop in, if a module handles it. */
static int debug(const struct cli_run_request *request, const struct cli_walk *walk,
                 const struct cli_where *where)
{
    uint64_t event = cli_walk_position(walk) - 1;
    if (cli_walk_position(walk) > 0 && walk->handler != NIKA_NODE_NONE)
        return cli_debugger(request, event);
    fprintf(stderr,
            "nika: --gdb: no module handles event %llu (%s): the world does, or the message was "
            "dropped; choose another, such as %llu\n",
            (unsigned long long)event, where->text, (unsigned long long)event + 1);
    return NIKA_EXIT_USAGE;
}

int cli_until(const struct cli_run_request *request, struct nika_runner *runner, const char *text,
              bool json, bool debugger)
{
    const char *reason;
    char problem[NIKA_DIAGNOSIS_SIZE];
    struct cli_where where;
    int status = NIKA_EXIT_INCONCLUSIVE;
    struct cli_walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL || !nika_runner_begin(runner, request->seed, &reason)) {
        fprintf(stderr, "nika: %s: %s\n", request->path, walk == NULL ? "out of memory" : reason);
    } else if (!cli_where_parse(text, runner, &where, problem)) {
        fprintf(stderr, "nika: --until: %s\n", problem);
        status = NIKA_EXIT_USAGE;
    } else if (!cli_walk_begin(walk, runner)) {
        fprintf(stderr, "nika: out of memory\n");
    } else {
        bool reached = go(walk, &where);
        status = debugger && reached ? debug(request, walk, &where)
                                     : report(request, walk, &where, reached, json);
    }
    if (walk != NULL) cli_walk_end(walk);
    free(walk);
    return status;
}
