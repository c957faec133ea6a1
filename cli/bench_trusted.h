/* cli/bench_trusted.h: what a certificate costs, for `nika bench trusted`. */
#ifndef CLI_BENCH_TRUSTED_H
#define CLI_BENCH_TRUSTED_H

#include <jansson.h>

#include "engine/core/types.h"

struct cli_bench_trusted {
    uint64_t rounds, seconds; /* Of each figure; rounds 0 = until the seconds are over. */
    const char *dir;    /* For the state of the process on disk; NULL = the working directory. */
    const char *socket; /* A trusted process that runs; NULL = those of this program. */
    uint32_t instance;
};
/* The figures, which the caller decrefs. *status: 0, or NIKA_EXIT_INCONCLUSIVE when one could not be measured, said on stderr. */
json_t *cli_bench_trusted_run(const struct cli_bench_trusted *options, int *status);
void cli_bench_trusted_print(const json_t *figures);

#endif
