/* cli/walk.c: a run forwards and backwards (walk.h). Backwards is the nearest mark before, and forwards from it. */
#include "cli/walk.h"

#include <stdlib.h>

static void told(struct cli_walk *walk, const struct nika_tap *tap)
{
    char line[NIKA_STORY_LINE_SIZE];
    if (!nika_story_line(&walk->story, tap, line)) return;
    if (walk->line_count == CLI_WALK_LINES) {
        walk->lines_lost++;
        return;
    }
    memcpy(walk->lines + (size_t)walk->line_count++ * NIKA_STORY_LINE_SIZE, line, sizeof line);
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct cli_walk *walk = context;
    if (tap->kind == NIKA_TAP_EVENT_END) {
        walk->handler = tap->node;
        return;
    }
    for (uint32_t i = 0; i < walk->break_count && walk->hit == 0; i++) {
        if (cli_where_tap(&walk->breaks[i].where, tap)) walk->hit = walk->breaks[i].id;
    }
    if (!walk->quiet) told(walk, tap);
}

uint64_t cli_walk_position(const struct cli_walk *walk)
{
    return nika_world_event_index(walk->world);
}

/* ---- marks ---- */
static void let_go(struct cli_walk *walk, uint32_t index)
{
    walk->mark_bytes -= nika_runner_mark_bytes(walk->marks[index].mark);
    nika_runner_mark_free(walk->marks[index].mark);
    for (uint32_t i = index + 1; i < walk->mark_count; i++) walk->marks[i - 1] = walk->marks[i];
    walk->mark_count--;
}

/* Every second one, except the first: from there any position can be reached. */
static void thin_out(struct cli_walk *walk)
{
    for (uint32_t i = walk->mark_count - 1; i > 0; i--) {
        if (i % 2 == 1) let_go(walk, i);
    }
    walk->interval *= 2;
}

static void mark_if_due(struct cli_walk *walk)
{
    uint64_t at = cli_walk_position(walk);
    bool due = walk->mark_count == 0 || at >= walk->marks[walk->mark_count - 1].at + walk->interval;
    if (!due) return;
    if (walk->mark_count == CLI_WALK_MARKS) thin_out(walk);
    struct nika_runner_mark *mark = nika_runner_mark(walk->runner);
    if (mark == NULL) return; /* Only slower, except at the beginning, where it is asked for. */
    walk->marks[walk->mark_count].at = at;
    walk->marks[walk->mark_count].now_ns = nika_world_now(walk->world);
    walk->marks[walk->mark_count++].mark = mark;
    walk->mark_bytes += nika_runner_mark_bytes(mark);
    if (walk->mark_bytes > CLI_WALK_MARK_BYTES && walk->mark_count > 2) thin_out(walk);
}

bool cli_walk_begin(struct cli_walk *walk, struct nika_runner *runner)
{
    struct nika_watcher watcher = {walk, NIKA_TAP_BIT(NIKA_TAP_COUNT) - 1, on_tap};
    walk->runner = runner;
    walk->world = nika_runner_world(runner);
    walk->story = cli_story_of(runner);
    walk->story.all = true;
    walk->interval = CLI_WALK_INTERVAL;
    walk->handler = NIKA_NODE_NONE;
    walk->lines = malloc((size_t)CLI_WALK_LINES * NIKA_STORY_LINE_SIZE);
    if (walk->lines == NULL) return false;
    nika_world_watch(walk->world, &watcher);
    mark_if_due(walk);
    return walk->mark_count > 0;
}

void cli_walk_end(struct cli_walk *walk)
{
    while (walk->mark_count > 0) let_go(walk, walk->mark_count - 1);
    free(walk->lines);
    walk->lines = NULL;
}

/* ---- places ---- */
static void look_at_violations(struct cli_walk *walk)
{
    const struct nika_violation *list;
    uint32_t count = nika_runner_violations(walk->runner, &list);
    for (uint32_t k = walk->violations; k < count; k++) {
        for (uint32_t i = 0; i < walk->break_count && walk->hit == 0; i++) {
            if (cli_where_violation(&walk->breaks[i].where, &list[k]))
                walk->hit = walk->breaks[i].id;
        }
    }
    walk->violations = count;
}

static void look_at_states(struct cli_walk *walk)
{
    for (uint32_t i = 0; i < walk->break_count; i++) {
        struct cli_break *b = &walk->breaks[i];
        uint64_t now[2];
        if (b->where.kind != CLI_WHERE_STATE) continue;
        cli_where_state(&b->where, walk->world, now);
        bool arrived = ((now[0] & ~b->held[0]) | (now[1] & ~b->held[1])) != 0;
        memcpy(b->held, now, sizeof now);
        if (arrived && walk->hit == 0) walk->hit = b->id;
    }
}

/* As if the run had come here without stopping: what holds now is no news. */
static void look_around(struct cli_walk *walk)
{
    const struct nika_violation *list;
    walk->violations = nika_runner_violations(walk->runner, &list);
    for (uint32_t i = 0; i < walk->break_count; i++)
        cli_where_state(&walk->breaks[i].where, walk->world, walk->breaks[i].held);
}

uint32_t cli_walk_break(struct cli_walk *walk, const struct cli_where *where)
{
    if (walk->break_count == CLI_WALK_BREAKS) return 0;
    struct cli_break *b = &walk->breaks[walk->break_count++];
    *b = (struct cli_break){.id = ++walk->break_id, .where = *where};
    if (cli_walk_position(walk) > 0) cli_where_state(where, walk->world, b->held);
    return b->id;
}

bool cli_walk_delete(struct cli_walk *walk, uint32_t id)
{
    uint32_t i = 0;
    while (i < walk->break_count && walk->breaks[i].id != id) i++;
    if (i == walk->break_count) return false;
    for (; i + 1 < walk->break_count; i++) walk->breaks[i] = walk->breaks[i + 1];
    walk->break_count--;
    return true;
}

/* ---- ways ---- */
bool cli_walk_next(struct cli_walk *walk)
{
    mark_if_due(walk);
    walk->line_count = 0;
    walk->lines_lost = 0;
    walk->hit = 0;
    walk->handler = NIKA_NODE_NONE;
    walk->over = !nika_runner_step(walk->runner);
    if (walk->over) return false;
    look_at_violations(walk);
    look_at_states(walk);
    return true;
}

static void back_to_mark(struct cli_walk *walk, uint32_t index)
{
    nika_runner_return(walk->runner, walk->marks[index].mark);
    walk->over = false;
    walk->hit = 0;
    look_around(walk);
}

static uint32_t mark_before(const struct cli_walk *walk, uint64_t position)
{
    uint32_t i = walk->mark_count - 1;
    while (i > 0 && walk->marks[i].at > position) i--;
    return i;
}

void cli_walk_to(struct cli_walk *walk, uint64_t position)
{
    /* One event less, so that the last one is told. */
    uint64_t target = position > 0 ? position - 1 : 0;
    if (position <= cli_walk_position(walk)) back_to_mark(walk, mark_before(walk, target));
    walk->quiet = true;
    walk->line_count = 0;
    bool going = true;
    while (going && cli_walk_position(walk) < target) going = cli_walk_next(walk);
    walk->quiet = false;
    if (going && position > 0) (void)cli_walk_next(walk);
    walk->hit = 0;
}

void cli_walk_to_time(struct cli_walk *walk, uint64_t ns)
{
    uint32_t from = walk->mark_count - 1;
    while (from > 0 && walk->marks[from].now_ns > ns) from--;
    back_to_mark(walk, from);
    uint64_t last = cli_walk_position(walk);
    walk->quiet = true;
    while (cli_walk_next(walk) && nika_world_now(walk->world) <= ns) last = cli_walk_position(walk);
    walk->quiet = false;
    cli_walk_to(walk, last);
}

bool cli_walk_run(struct cli_walk *walk)
{
    while (cli_walk_next(walk)) {
        if (walk->hit != 0) return true;
    }
    return false;
}

bool cli_walk_run_back(struct cli_walk *walk)
{
    uint64_t here = cli_walk_position(walk), found = 0;
    uint32_t id = 0;
    walk->quiet = true;
    for (uint32_t i = here > 0 ? mark_before(walk, here - 1) + 1 : 0; i > 0 && found == 0; i--) {
        uint64_t end = here;
        if (i < walk->mark_count && walk->marks[i].at < here) end = walk->marks[i].at + 1;
        back_to_mark(walk, i - 1);
        while (cli_walk_position(walk) + 1 < end && cli_walk_next(walk)) {
            if (walk->hit == 0) continue;
            found = cli_walk_position(walk);
            id = walk->hit;
        }
    }
    walk->quiet = false;
    cli_walk_to(walk, found);
    walk->hit = id;
    return found != 0;
}
