/* cli/walk.h: going through a run forwards and backwards, with places to stop at: marks at intervals, and the run again from the nearest.
 *
 * A position is the number of events that have been handled: at position 121 event 120 was the last. Owns its marks; the runner is
 * the caller's, and the run is one that was begun. Memory is bounded: past the limits below every second mark is let go. */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include "cli/where.h"

#define CLI_WALK_MARKS 64u
#define CLI_WALK_MARK_BYTES (1024u * 1024u * 1024u) /* Of all marks. */
#define CLI_WALK_INTERVAL 256u                      /* Events between marks, to begin with. */
#define CLI_WALK_BREAKS 32u
#define CLI_WALK_LINES 256u /* Of one event; the rest is counted. */

struct cli_break {
    uint32_t id;
    struct cli_where where;
    uint64_t held[2]; /* Replicas that were there: only one that gets there stops. */
};
struct cli_walk {
    struct nika_runner *runner;
    struct nika_world *world;
    struct nika_story story;
    bool quiet; /* What happens is not told: the run goes to where it was already. */
    bool over;
    /* The event that was handled last. */
    uint32_t line_count;
    uint64_t lines_lost;
    char *lines;      /* CLI_WALK_LINES of NIKA_STORY_LINE_SIZE. */
    uint32_t handler; /* The node whose module handled it; NIKA_NODE_NONE = the world itself did. */
    uint32_t break_count, break_id,
        hit; /* `hit`: id of the place that was reached in it; 0 = none. */
    struct cli_break breaks[CLI_WALK_BREAKS];
    uint32_t violations;
    uint32_t mark_count;
    uint64_t interval, mark_bytes;
    struct {
        uint64_t at, now_ns;
        struct nika_runner_mark *mark;
    } marks[CLI_WALK_MARKS];
};

/* Watch the run that the runner has begun, from position 0. False when memory is short. */
bool cli_walk_begin(struct cli_walk *walk, struct nika_runner *runner);
void cli_walk_end(struct cli_walk *walk);
uint64_t cli_walk_position(const struct cli_walk *walk);
/* The next event; what happened in it is in `lines`, and `hit` says whether a place was reached. False: the run is over. */
bool cli_walk_next(struct cli_walk *walk);
/* To a position, or to the end of the run when that is earlier; places on the way are passed. */
void cli_walk_to(struct cli_walk *walk, uint64_t position);
/* To the last position before `ns` has passed. */
void cli_walk_to_time(struct cli_walk *walk, uint64_t ns);
/* To the next place. False: the run ended before. */
bool cli_walk_run(struct cli_walk *walk);
/* To the last place before this position. False: there is none, and the run stands at its beginning. */
bool cli_walk_run_back(struct cli_walk *walk);
/* Another place to stop at. Its id, or 0 when there are too many. */
uint32_t cli_walk_break(struct cli_walk *walk, const struct cli_where *where);
/* False: there is no such place. */
bool cli_walk_delete(struct cli_walk *walk, uint32_t id);

/* ---- state.c: the state of the whole cluster ---- */
#define CLI_STATE_QUEUE_JSON 1000u
/* Of one replica, or of all with NIKA_NODE_NONE; at most `queue` waiting events of each. */
void cli_state_print(const struct nika_runner *runner, struct nika_world *world, uint32_t replica,
                     uint32_t queue, FILE *file);
/* "event 120, 5.812 ms": where the run stands. */
void cli_state_place(const struct nika_world *world, char *out, size_t size);
/* docs/schemas/state.schema.json. The caller owns it. */
json_t *cli_state_json(const struct nika_runner *runner, struct nika_world *world);

/* ---- debugger.c ---- */
/* Called before event N of `nika run --until N` is handled, so that a debugger can stop there. Does nothing. */
void cli_debugger_here(void);
/* What is about to handle it, for the debugger. */
extern const void *volatile cli_debugger_handler;
/* Become a debugger that stands in the handler of event `event` of the run. Returns only when that fails, with a message: the exit code. */
int cli_debugger(const struct cli_run_request *request, uint64_t event);

/* ---- until.c: `nika run --until` ---- */
/* The exit code: 0 = it is there, NIKA_EXIT_INCONCLUSIVE = the run ended before, NIKA_EXIT_CONTRACT. */
int cli_until(const struct cli_run_request *request, struct nika_runner *runner, const char *where,
              bool json, bool debugger);

#endif
