/* cli/where.h: a place in a run, as `nika run --until` and `nika step` take it: an event, a time, or something that happens.
 *
 * Words are resolved against the run that was begun. Watches only; owns nothing. */
#ifndef CLI_WHERE_H
#define CLI_WHERE_H

#include "cli/cli.h"

#define CLI_WHERE_SIZE 160u

/* What the help texts and the documentation say of it; the one place. */
#define CLI_WHERE_HELP                                                                             \
    "WHERE is the number of an event (120), a time (1.5s, 20ms, 300us), or a condition: what "     \
    "happens, and what it must be of, with commas between, such as sent:NEW-VIEW, "                \
    "received:PREPARE,view=0,seq=3,replica=2, violated:O1, crashed, view=2. What happens is one "  \
    "of sent, received, lost (each may name a message type), timer (may name one), leaves, "       \
    "enters (a view), committed, executed, checkpoint, stable, transfer, rejected (may name a "    \
    "check), evidence, alarm, wants, completed, crashed, restarted, fault (may name one), calm, "  \
    "violated (may name an oracle). It is narrowed by view=N, seq=N, replica=N, client=N. "        \
    "Without "                                                                                     \
    "a word for what happens, view=N means that a replica is in view N, seq=N that it has "        \
    "executed N."

enum cli_where_kind {
    CLI_WHERE_EVENT,   /* After event `number`. */
    CLI_WHERE_TIME,    /* Before the first event later than `number` ns. */
    CLI_WHERE_HAPPENS, /* After the event in which it happens. */
    CLI_WHERE_STATE,   /* After the event that brings a replica there. */
};
struct cli_where {
    enum cli_where_kind kind;
    uint64_t number;
    uint32_t what; /* Of HAPPENS: index of the word. */
    bool named, has_view, has_seq, has_node;
    uint64_t name; /* Type of a message, timer slot, check, fault or oracle. */
    uint64_t view, seq;
    uint32_t node;
    char text[CLI_WHERE_SIZE]; /* As given. */
};

/* False with *problem = what is wrong and what was expected. The run was begun. */
bool cli_where_parse(const char *text, struct nika_runner *runner, struct cli_where *out,
                     char problem[NIKA_DIAGNOSIS_SIZE]);
/* Is this what has to happen? */
bool cli_where_tap(const struct cli_where *where, const struct nika_tap *tap);
bool cli_where_violation(const struct cli_where *where, const struct nika_violation *violation);
/* The replicas that are there now, a bit each. */
void cli_where_state(const struct cli_where *where, const struct nika_world *world,
                     uint64_t out[2]);

#endif
