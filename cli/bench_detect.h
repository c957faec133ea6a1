/* cli/bench_detect.h: `nika-museum bench detect`: planted bugs x strategies, in a folder that can be gone on with. */
#ifndef CLI_BENCH_DETECT_H
#define CLI_BENCH_DETECT_H

#include <argp.h>

#include "engine/core/types.h"

struct cli_bench_detect {
    const char *bugs, *strategies; /* Lists with commas; NULL = all. */
    const char *ground;            /* A scenario for all bugs; NULL = that of each. */
    const char *out;
    uint64_t campaigns, limit, cpu_limit_ms, first, patience, outpaced, sound, shrink_runs,
        run_limit_s;
    uint32_t jobs;
    bool resume, json;
};
/* Keys of its options, beyond those of its caller. */
enum {
    CLI_DETECT_BUGS = 512,
    CLI_DETECT_STRATEGIES,
    CLI_DETECT_GROUND,
    CLI_DETECT_OUT,
    CLI_DETECT_CAMPAIGNS,
    CLI_DETECT_LIMIT,
    CLI_DETECT_CPU,
    CLI_DETECT_FIRST,
    CLI_DETECT_PATIENCE,
    CLI_DETECT_OUTPACED,
    CLI_DETECT_SOUND,
    CLI_DETECT_SHRINK,
    CLI_DETECT_RUN_LIMIT,
    CLI_DETECT_JOBS,
    CLI_DETECT_RESUME
};
#define CLI_DETECT_GROUP 3
#define CLI_DETECT_OPTION(name, key, argument, doc)                                                \
    {                                                                                              \
        name, key, argument, 0, doc, CLI_DETECT_GROUP                                              \
    }
/* clang-format off */
#define CLI_DETECT_OPTIONS \
    CLI_DETECT_OPTION("bugs", CLI_DETECT_BUGS, "ID,...", \
        "detect: these planted bugs (default: all)"), \
    CLI_DETECT_OPTION("strategies", CLI_DETECT_STRATEGIES, "NAME,...", \
        "detect: these strategies (default: all)"), \
    CLI_DETECT_OPTION("ground", CLI_DETECT_GROUND, "SCENARIO", \
        "detect: hunt all bugs in this scenario (default: each in its own)"), \
    CLI_DETECT_OPTION("out", CLI_DETECT_OUT, "DIR", \
        "detect: records and tables (default: out/detect)"), \
    CLI_DETECT_OPTION("campaigns", CLI_DETECT_CAMPAIGNS, "N", \
        "detect: of each bug and strategy (default 30)"), \
    CLI_DETECT_OPTION("limit", CLI_DETECT_LIMIT, "N", \
        "detect: runs of a campaign at most, if the budget of its bug is not less (default: that budget)"), \
    CLI_DETECT_OPTION("cpu-limit", CLI_DETECT_CPU, "MS", \
        "detect: milliseconds of CPU time of a campaign at most (default 0: no limit)"), \
    CLI_DETECT_OPTION("first", CLI_DETECT_FIRST, "N", \
        "detect: seed of the first campaign (default 1)"), \
    CLI_DETECT_OPTION("patience", CLI_DETECT_PATIENCE, "N", \
        "detect: give a bug and strategy up after N campaigns that found nothing; 0 = never (default 3)"), \
    CLI_DETECT_OPTION("outpaced", CLI_DETECT_OUTPACED, "N", \
        "detect: give it up when it surely finds the bug less than one N-th as often as an earlier one that kept the budget; 0 = never (default 20)"), \
    CLI_DETECT_OPTION("sound", CLI_DETECT_SOUND, "N", \
        "detect: runs of the sound modules, shared out over scenarios and strategies (default 100000)"), \
    CLI_DETECT_OPTION("shrink-runs", CLI_DETECT_SHRINK, "N", \
        "detect: make a detection of each bug small in so many runs; 0 = not at all (default 400)"), \
    CLI_DETECT_OPTION("run-limit", CLI_DETECT_RUN_LIMIT, "SECONDS", \
        "detect: a run that takes more CPU time ends its campaign (default 5)"), \
    CLI_DETECT_OPTION("jobs", CLI_DETECT_JOBS, "N", \
        "detect: worker processes (default: processors)"), \
    CLI_DETECT_OPTION("resume", CLI_DETECT_RESUME, NULL, \
        "detect: go on in a folder that is there")
/* clang-format on */

void cli_bench_detect_defaults(struct cli_bench_detect *options);
/* ARGP_ERR_UNKNOWN for keys that are not its own. */
error_t cli_bench_detect_parse(int key, char *text, struct argp_state *state,
                               struct cli_bench_detect *options);
/* The exit status. */
int cli_bench_detect_run(const struct cli_bench_detect *options);

#endif
