/* cli/step.h: the commands of `nika step`. */
#ifndef CLI_STEP_H
#define CLI_STEP_H

#include "cli/walk.h"

#define CLI_STEP_LINE 512

struct cli_step {
    const struct cli_run_request *request;
    struct cli_walk walk;
    bool quit;
    void (*again)(struct cli_step *step, const char *rest); /* What an empty line does. */
    char problem[NIKA_DIAGNOSIS_SIZE]; /* What was wrong with the command; "" = nothing. */
};

/* The one list of commands, for --help and `help`. */
#define CLI_STEP_HELP                                                                              \
    "  next [N]       the next event, or N of them (n)\n"                                          \
    "  back [N]       one event back, or N (b)\n"                                                  \
    "  goto WHERE     to an event, a time, or the next time that something happens (g)\n"          \
    "  break WHERE    stop there from now on; without WHERE: list the places\n"                    \
    "  delete N       forget place N\n"                                                            \
    "  run            on to the next place, or the end (r)\n"                                      \
    "  run-back       back to the last place before here (rb)\n"                                   \
    "  end, start     to the end or the beginning of the run\n"                                    \
    "  where          where the run stands and what the last event did (w)\n"                      \
    "  state [N]      every replica, or replica N with its whole queue (s)\n"                      \
    "  json           the state as one line of JSON (docs/schemas/state.schema.json)\n"            \
    "  gdb            gdb in the handler of the last event\n"                                      \
    "  help, quit     (h, q)\n"                                                                    \
    "An empty line repeats the last next or back; what follows # is a remark."

/* Do it; prints what it leads to, or fills in `problem`. */
void cli_step_command(struct cli_step *step, const char *line);

#endif
