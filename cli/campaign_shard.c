/* cli/campaign_shard.c: which part of a campaign this process runs: --shard I/N, or what a scheduler says in the environment. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/campaign_folder.h"
#include "cli/cli.h"

#define SHARDS_MAX 10000u

/* A whole number from the environment; false when it is not there. Anything else there is an error of whoever set it. */
static bool number_of(const char *name, uint64_t *out, struct argp_state *state)
{
    const char *text = getenv(name);
    if (text == NULL || text[0] == '\0') return false;
    *out = cli_number((char *)(uintptr_t)text, name, 0, 1000000000, state);
    return true;
}

static void set(uint64_t shard, uint64_t shards, const char *what, uint32_t *out_shard,
                uint32_t *out_shards, struct argp_state *state)
{
    if (shard < 1 || shard > shards || shards > SHARDS_MAX) {
        argp_error(state,
                   "--shard auto: %s say part %" PRIu64 " of %" PRIu64
                   ", expected 1 <= I <= N <= %u",
                   what, shard, shards, SHARDS_MAX);
        return;
    }
    *out_shard = (uint32_t)shard;
    *out_shards = (uint32_t)shards;
}

static void parse_auto(uint32_t *shard, uint32_t *shards, struct argp_state *state)
{
    uint64_t index, count = 0, least = 0, step = 1;
    if (number_of("SLURM_ARRAY_TASK_ID", &index, state)) {
        (void)number_of("SLURM_ARRAY_TASK_MIN", &least, state);
        (void)number_of("SLURM_ARRAY_TASK_STEP", &step, state);
        (void)number_of("SLURM_ARRAY_TASK_COUNT", &count, state);
        index = index < least || step == 0 ? 0 : (index - least) / step + 1;
        /* A few tasks of an array that are submitted again still are parts of the whole. */
        if (number_of("NIKA_SHARDS", &count, state))
            (void)number_of("SLURM_ARRAY_TASK_ID", &index, state);
        set(index, count, "SLURM_ARRAY_TASK_*", shard, shards, state);
    } else if (number_of("JOB_COMPLETION_INDEX", &index, state)) {
        if (!number_of("NIKA_SHARDS", &count, state))
            argp_error(state,
                       "--shard auto: NIKA_SHARDS must say how many completions the job has");
        set(index + 1, count, "JOB_COMPLETION_INDEX and NIKA_SHARDS", shard, shards, state);
    } else if (number_of("CI_NODE_INDEX", &index, state)) {
        if (!number_of("CI_NODE_TOTAL", &count, state))
            argp_error(state, "--shard auto: CI_NODE_INDEX is set, CI_NODE_TOTAL is not");
        set(index, count, "CI_NODE_INDEX and CI_NODE_TOTAL", shard, shards, state);
    } else if (number_of("PARALLEL_SEQ", &index, state)) {
        if (!number_of("NIKA_SHARDS", &count, state))
            argp_error(state, "--shard auto: NIKA_SHARDS must say how many jobs parallel runs");
        set(index, count, "PARALLEL_SEQ and NIKA_SHARDS", shard, shards, state);
    } else {
        argp_error(state, "--shard auto: none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, "
                          "CI_NODE_INDEX and PARALLEL_SEQ is set: say --shard I/N");
    }
}

void cli_parse_shard(const char *text, uint32_t *out_shard, uint32_t *out_shards,
                     struct argp_state *state)
{
    char end;
    unsigned shard, shards;
    if (strcmp(text, "auto") == 0) {
        parse_auto(out_shard, out_shards, state);
        return;
    }
    if (sscanf(text, "%5u/%5u%c", &shard, &shards, &end) != 2 || shard < 1 || shard > shards ||
        shards > SHARDS_MAX)
        argp_error(state, "--shard: expected I/N with 1 <= I <= N <= %u, or auto, got \"%s\"",
                   SHARDS_MAX, text);
    *out_shard = shard;
    *out_shards = shards;
}
