/* cli/bench_detect_private.h: what the files of `nika-museum bench detect` share. Not for outside use. */
#ifndef CLI_BENCH_DETECT_PRIVATE_H
#define CLI_BENCH_DETECT_PRIVATE_H

#include <string.h>

#include "cli/bench_detect.h"
#include "cli/cli.h"
#include "fuzz/detect/detect.h"

#define DETECT_JOURNAL "detect.jsonl"

struct detect_bench {
    const struct cli_bench_detect *options;
    struct nika_detect_cell *cells;
    struct nika_scenario **scenarios; /* Two a cell: with the bug, without. */
    uint32_t cell_count, capacity;
    uint32_t sound_from; /* The first cell of the sound modules: these have another limit. */
    json_t *left_out, *records, *settings;
    json_t *index; /* Of the records that were there at the start. */
    FILE *journal;
    char path[1200];
    uint64_t started_ns, shown_ns, found;
    /* Of the records: CPU time of each bug, last of the sound modules; of all, and when this process began; runs. */
    uint64_t *cpu_us;
    uint64_t cpu_us_all, cpu_us_before, runs;
    uint32_t cells_before;
    bool terminal, bad;
};

static inline bool detect_same(const json_t *record, const char *key, const char *value)
{
    const char *got = json_string_value(json_object_get(record, key));
    return got != NULL && strcmp(got, value) == 0;
}

/* ---- bench_detect_cells.c ---- */
/* Do the lists of the options name what there is? Says what not. */
bool detect_lists_good(const struct cli_bench_detect *options);
/* All cells, loaded; sets `bad` when one cannot be. */
void detect_add_cells(struct detect_bench *b);

/* ---- bench_detect_folder.c ---- */
/* The journal: read when it goes on, begun anew with whole lines. False with a sentence on stderr. */
bool detect_open(struct detect_bench *b);
bool detect_keep(void *bench, const char *text);
bool detect_known(void *bench, uint32_t cell, uint32_t campaign, struct nika_detect_outcome *out);
bool detect_sound_known(void *bench, uint32_t cell, uint32_t campaign,
                        struct nika_detect_outcome *out);
/* Writes the tables and prints the summary. The exit status. */
int detect_conclude(struct detect_bench *b, bool complete);

#endif
