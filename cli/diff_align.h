/* cli/diff_align.h: two aligned traces, for those who print how they differ. */
#ifndef CLI_DIFF_ALIGN_H
#define CLI_DIFF_ALIGN_H

#include "cli/cli.h"

#define CLI_DIFF_KINDS 24u

/* An event line of a trace: {"e":12,"t":3400,"k":"deliver",...}. */
struct cli_event {
    uint64_t index, now_ns;
    const char *what; /* From "k": on. */
    uint64_t key;     /* Of what it says, without times and digests. */
    size_t line;
    bool alone; /* The other run has no such event. */
};
struct cli_decision {
    const char *text;
    size_t before; /* Events before it. */
};
struct cli_aligned {
    const struct cli_side *side;
    struct cli_event *events;
    struct cli_decision *decisions;
    size_t event_count, decision_count;
    const char *end;
};
/* Counts by kind of event. */
struct cli_tally {
    char kind[16];
    uint64_t total[2], alone[2];
};

/* An event as words, and a newline. */
void cli_diff_put_event(const struct cli_event *e, const char *line, FILE *file);
/* The first decision that the runs make differently; as many as both have = none. */
size_t cli_diff_decision(const struct cli_aligned *a, const struct cli_aligned *b);
/* Mark the events behind `from` that the other run does not have, or not so often. False when memory is short. */
bool cli_diff_mark_alone(struct cli_aligned *a, struct cli_aligned *b, size_t from);
/* The next event from `at` on that only this run has and that is worth telling. */
size_t cli_diff_next_told(const struct cli_aligned *r, size_t at);
/* Add the events of a run to the tallies of their kinds, as `side` 0 or 1. */
void cli_diff_count_kinds(const struct cli_aligned *r, uint32_t side, struct cli_tally *tallies);

/* ---- diff_json.c ---- */
/* How runs differ that part at event `parted`, as one JSON object, with at most `shown` events of what followed. The caller owns it. */
json_t *cli_diff_json(struct cli_aligned *a, struct cli_aligned *b, size_t parted, bool same,
                      uint32_t shown);

#endif
