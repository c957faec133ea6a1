/* cli/step_commands.c: what `nika step` can do (step.h). */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "cli/step.h"

#define QUEUE_SHOWN 4u
#define QUEUE_WHOLE 1000u

static void fail(struct cli_step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void fail(struct cli_step *step, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(step->problem, sizeof step->problem, format, arguments);
    va_end(arguments);
}

static const struct cli_break *break_of(const struct cli_walk *walk, uint32_t id)
{
    for (uint32_t i = 0; i < walk->break_count; i++) {
        if (walk->breaks[i].id == id) return &walk->breaks[i];
    }
    return NULL;
}

/* Violations of the event that was handled last. */
static void show_violations(const struct cli_walk *walk)
{
    const struct nika_violation *list;
    uint32_t count = nika_runner_violations(walk->runner, &list);
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].event_index + 1 != cli_walk_position(walk)) continue;
        printf("  violated %s: %s\n", nika_oracle_list[list[i].oracle]->id, list[i].sentence);
    }
}

static void do_where(struct cli_step *step, const char *rest)
{
    const struct cli_walk *walk = &step->walk;
    const struct cli_break *b = break_of(walk, walk->hit);
    char place[80];
    (void)rest;
    cli_state_place(walk->world, place, sizeof place);
    printf("%s", place);
    if (b != NULL) printf("; place %u: %s", b->id, b->where.text);
    if (walk->over) printf("; the run is over");
    printf("\n");
    for (uint32_t i = 0; i < walk->line_count; i++)
        printf("  %s\n", walk->lines + (size_t)i * NIKA_STORY_LINE_SIZE);
    if (walk->lines_lost > 0) printf("  and %" PRIu64 " lines more\n", walk->lines_lost);
    if (walk->line_count == 0 && cli_walk_position(walk) > 0 && !walk->over) {
        char node[24];
        if (walk->handler == NIKA_NODE_NONE)
            printf("  the world's own: a disk, a fault, a timer that was set again\n");
        else
            printf("  %s takes a step without effects\n", cli_node_text(walk->handler, node));
    }
    show_violations(walk);
    if (nika_runner_broken(walk->runner)[0] != '\0')
        printf("  %s\n", nika_runner_broken(walk->runner));
}

/* A whole number, or `fallback` when there is none. False with a problem. */
static bool count_of(struct cli_step *step, const char *rest, uint64_t fallback, uint64_t *out)
{
    size_t size = strspn(rest, "0123456789");
    *out = size > 0 ? strtoull(rest, NULL, 10) : fallback;
    if (rest[size] == '\0' && size <= 18) return true;
    fail(step, "expected a number, got \"%s\"", rest);
    return false;
}

static void to(struct cli_step *step, uint64_t position)
{
    cli_walk_to(&step->walk, position);
    do_where(step, "");
}

static void do_next(struct cli_step *step, const char *rest)
{
    uint64_t n;
    if (!count_of(step, rest, 1, &n) || n == 0) return;
    uint64_t here = cli_walk_position(&step->walk);
    to(step, n < UINT64_MAX - here ? here + n : UINT64_MAX);
}

static void do_back(struct cli_step *step, const char *rest)
{
    uint64_t n, here = cli_walk_position(&step->walk);
    if (!count_of(step, rest, 1, &n)) return;
    to(step, n < here ? here - n : 0);
}

static void do_run(struct cli_step *step, const char *rest)
{
    (void)rest;
    if (step->walk.break_count == 0) printf("no places to stop at: to the end\n");
    (void)cli_walk_run(&step->walk);
    do_where(step, "");
}

static bool where_of(struct cli_step *step, const char *rest, struct cli_where *out)
{
    if (cli_where_parse(rest, step->walk.runner, out, step->problem)) {
        step->problem[0] = '\0';
        return true;
    }
    return false;
}

static void do_goto(struct cli_step *step, const char *rest)
{
    struct cli_where where;
    struct cli_walk *walk = &step->walk;
    if (!where_of(step, rest, &where)) return;
    if (where.kind == CLI_WHERE_EVENT) {
        to(step, where.number + 1);
    } else if (where.kind == CLI_WHERE_TIME) {
        cli_walk_to_time(walk, where.number);
        do_where(step, "");
    } else {
        /* The other places do not count on this way. */
        uint32_t count = walk->break_count;
        walk->break_count = 0;
        struct cli_break first = walk->breaks[0];
        bool found = false;
        (void)cli_walk_break(walk, &where);
        found = cli_walk_run(walk);
        walk->breaks[0] = first;
        walk->break_count = count;
        walk->break_id--;
        walk->hit = 0;
        if (!found) printf("it does not come to %s any more\n", where.text);
        do_where(step, "");
    }
}

static void do_break(struct cli_step *step, const char *rest)
{
    struct cli_where where;
    struct cli_walk *walk = &step->walk;
    if (rest[0] == '\0') {
        for (uint32_t i = 0; i < walk->break_count; i++)
            printf("place %u: %s\n", walk->breaks[i].id, walk->breaks[i].where.text);
        if (walk->break_count == 0) printf("no places to stop at\n");
        return;
    }
    if (!where_of(step, rest, &where)) return;
    if (where.kind == CLI_WHERE_EVENT || where.kind == CLI_WHERE_TIME) {
        fail(step, "an event or a time is no place to stop at again and again: goto %s", rest);
        return;
    }
    uint32_t id = cli_walk_break(walk, &where);
    if (id == 0)
        fail(step, "at most %u places; delete one", CLI_WALK_BREAKS);
    else
        printf("place %u: %s\n", id, where.text);
}

static void do_delete(struct cli_step *step, const char *rest)
{
    uint64_t id;
    if (!count_of(step, rest, 0, &id)) return;
    if (!cli_walk_delete(&step->walk, (uint32_t)id))
        fail(step, "no place %" PRIu64 " (break lists them)", id);
}

static void do_run_back(struct cli_step *step, const char *rest)
{
    (void)rest;
    if (!cli_walk_run_back(&step->walk)) printf("no place before here\n");
    do_where(step, "");
}

static void do_end(struct cli_step *step, const char *rest)
{
    (void)rest;
    to(step, UINT64_MAX);
}

static void do_start(struct cli_step *step, const char *rest)
{
    (void)rest;
    to(step, 0);
}

static void do_state(struct cli_step *step, const char *rest)
{
    uint64_t replica;
    struct nika_world *w = step->walk.world;
    if (!count_of(step, rest, NIKA_NODE_NONE, &replica)) return;
    if (rest[0] != '\0' && replica >= nika_world_config(w)->n) {
        fail(step, "this run has %u replicas, from 0", nika_world_config(w)->n);
        return;
    }
    cli_state_print(step->walk.runner, w, (uint32_t)replica,
                    rest[0] != '\0' ? QUEUE_WHOLE : QUEUE_SHOWN, stdout);
}

static void do_json(struct cli_step *step, const char *rest)
{
    (void)rest;
    json_t *root = cli_state_json(step->walk.runner, step->walk.world);
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    printf("%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(root);
}

static void do_gdb(struct cli_step *step, const char *rest)
{
    (void)rest;
    if (cli_walk_position(&step->walk) == 0 || step->walk.handler == NIKA_NODE_NONE) {
        fail(step, "no module handled the last event; go to one that did (next)");
        return;
    }
    (void)cli_debugger(step->request, cli_walk_position(&step->walk) - 1);
    fail(step, "gdb did not start");
}

static void do_quit(struct cli_step *step, const char *rest)
{
    (void)rest;
    step->quit = true;
}

static void do_help(struct cli_step *step, const char *rest)
{
    (void)step;
    (void)rest;
    printf("%s\n%s\n", CLI_STEP_HELP, CLI_WHERE_HELP);
}

static const struct command {
    const char *word, *letters;
    bool takes; /* Something behind it. */
    void (*act)(struct cli_step *step, const char *rest);
} commands[] = {
    {"next", "n", true, do_next},
    {"back", "b", true, do_back},
    {"goto", "g", true, do_goto},
    {"break", "br", true, do_break},
    {"delete", "d", true, do_delete},
    {"run", "r", false, do_run},
    {"run-back", "rb", false, do_run_back},
    {"end", "", false, do_end},
    {"start", "", false, do_start},
    {"where", "w", false, do_where},
    {"state", "s", true, do_state},
    {"json", "", false, do_json},
    {"gdb", "", false, do_gdb},
    {"help", "h", false, do_help},
    {"quit", "q", false, do_quit},
};

static const char *word_at(const void *context, uint32_t index)
{
    (void)context;
    return index < ARRAY_COUNT(commands) ? commands[index].word : NULL;
}

void cli_step_command(struct cli_step *step, const char *line)
{
    char text[CLI_STEP_LINE];
    snprintf(text, sizeof text, "%s", line);
    text[strcspn(text, "#\r")] = '\0';
    char *word = text + strspn(text, " \t"), *rest = word + strcspn(word, " \t");
    if (*rest != '\0') *rest++ = '\0';
    rest += strspn(rest, " \t");
    for (size_t n = strlen(rest); n > 0 && isspace((unsigned char)rest[n - 1]) != 0; n--)
        rest[n - 1] = '\0';
    if (word[0] == '\0') {
        if (line[strspn(line, " \t\r")] == '\0' && step->again != NULL) step->again(step, "");
        return;
    }
    for (uint32_t i = 0; i < ARRAY_COUNT(commands); i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->word, word) != 0 && (c->letters[0] == '\0' || strcmp(c->letters, word) != 0))
            continue;
        if (rest[0] != '\0' && !c->takes) {
            fail(step, "%s takes nothing, got \"%s\"", c->word, rest);
            return;
        }
        bool moves = c->act == do_next || c->act == do_back;
        step->again = moves ? c->act : NULL;
        c->act(step, rest);
        return;
    }
    const char *near = nika_did_you_mean(word, word_at, NULL);
    fail(step, "no command \"%s\"%s%s%s", word, near != NULL ? "; did you mean \"" : "",
         near != NULL ? near : "", near != NULL ? "\"?" : " (help lists them)");
}
