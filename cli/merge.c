/* cli/merge.c: `nika merge`: the results of several campaigns, or of the parts of one, as one. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/campaign_folder.h"
#include "cli/cli.h"
#include "cli/progress.h"

#define NAMES_MAX 1024u

enum { OPTION_JSON = 256, OPTION_ANNOTATIONS };

struct arguments {
    const char *names[NAMES_MAX];
    uint32_t name_count;
    const char *out;
    bool json, annotations;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'o':
        a->out = text;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_ANNOTATIONS:
        a->annotations = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->name_count == NAMES_MAX) argp_error(state, "at most %u folders", NAMES_MAX);
        a->names[a->name_count++] = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which folders?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option merge_options[] = {
    {"out", 'o', "DIR", 0, "folder for the whole (default out/campaign)", 0},
    {"json", OPTION_JSON, NULL, 0, "print the summary as one JSON object", 0},
    CLI_ANNOTATIONS_OPTION(OPTION_ANNOTATIONS),
    {0}};
static const struct argp merge_argp = {
    merge_options,
    parse,
    "DIR...",
    "Put the results of several campaigns together.\v"
    "The order of the folders does not matter: the same records give the same bytes. A block that "
    "was run twice must have given the same record; if not, the exit code is 4. Blocks that a plan "
    "(plan.json of a folder) has and no folder holds are named, and the exit code is 6.",
    NULL,
    NULL,
    NULL};

/* The different plans of the folders. */
struct plans {
    json_t *list[NAMES_MAX];
    uint32_t count;
};

static const char *core_of(const json_t *document)
{
    return json_string_value(json_object_get(document, "core"));
}

/* Takes over the document. */
static void add_plan(struct plans *plans, json_t *document)
{
    for (uint32_t i = 0; i < plans->count; i++) {
        if (strcmp(core_of(plans->list[i]), core_of(document)) != 0) continue;
        json_decref(document);
        return;
    }
    plans->list[plans->count++] = document;
}

static bool read_folder(const char *folder, struct nika_results *results, struct plans *plans,
                        uint32_t *cut, struct nika_diagnoses *d)
{
    char path[1200];
    uint32_t before = d->count;
    snprintf(path, sizeof path, "%s/" CLI_RESULTS, folder);
    if (access(path, R_OK) != 0) {
        nika_diagnose_plain(d, "%s: %s", path, strerror(errno));
        return false;
    }
    json_t *document = cli_plan_read(folder, d);
    if (document != NULL) add_plan(plans, document);
    uint32_t torn = 0;
    bool good = d->count == before && nika_results_read(results, path, &torn, d);
    if (torn > 0)
        fprintf(stderr, "nika: %s: the last line was cut short; its block is left out\n", path);
    *cut += torn;
    return good;
}

/* Nothing that was planned may be missing without being said. */
static bool check_plans(const struct plans *plans, const struct nika_results *results)
{
    char first[300];
    bool complete = true;
    if (plans->count > 1) {
        fprintf(stderr, "nika: these folders follow %u different plans:", plans->count);
        for (uint32_t i = 0; i < plans->count; i++)
            fprintf(stderr, " %.8s (nika %s)", core_of(plans->list[i]),
                    json_string_value(json_object_get(plans->list[i], "version")));
        fputc('\n', stderr);
    }
    for (uint32_t i = 0; i < plans->count; i++) {
        uint64_t blocks,
            missing = nika_plan_missing(plans->list[i], results, &blocks, first, sizeof first);
        if (missing == 0) continue;
        complete = false;
        fprintf(stderr,
                "nika: %llu of %llu blocks of plan %.8s are missing, the first: %s; run their "
                "shards again\n",
                (unsigned long long)missing, (unsigned long long)blocks, core_of(plans->list[i]),
                first);
    }
    return complete;
}

static int merge(int argc, char **argv)
{
    struct arguments a = {.out = "out/campaign"};
    cli_parse(&merge_argp, argc, argv, &a);
    struct nika_results results = {0};
    struct nika_diagnoses d = {0};
    struct plans *plans = calloc(1, sizeof *plans);
    uint32_t cut = 0;
    bool good = plans != NULL;
    struct cli_progress progress;
    cli_progress_init(&progress, "merging", "folders", a.json && isatty(STDERR_FILENO) == 0);
    for (uint32_t i = 0; good && i < a.name_count; i++) {
        char extra[48];
        snprintf(extra, sizeof extra, "%u records", results.count);
        cli_progress_show(&progress, i, a.name_count, CLI_PROGRESS_BY_RATE, extra);
        good = read_folder(a.names[i], &results, plans, &cut, &d);
    }
    cli_progress_end(&progress);
    cli_print_diagnoses(&d);
    bool differs = d.count > 0 && strstr(d.lines[0], "not deterministic") != NULL;
    int status = differs ? NIKA_EXIT_NONDETERMINISTIC : NIKA_EXIT_USAGE;
    if (good && !cli_make_folder(a.out)) {
        fprintf(stderr, "nika: --out %s: %s\n", a.out, strerror(errno));
        good = false;
    }
    if (good) {
        bool complete = check_plans(plans, &results);
        if (plans->count == 1)
            complete = cli_plan_write_document(plans->list[0], a.out) && complete;
        /* With a plan it is known what a cut line lacks: nothing, when another folder has its block. */
        if (plans->count == 0) complete = cut == 0;
        status = cli_campaign_conclude(&results, a.out, complete, a.json, a.annotations);
    }
    for (uint32_t i = 0; plans != NULL && i < plans->count; i++) json_decref(plans->list[i]);
    free(plans);
    nika_results_free(&results);
    return status;
}

const struct cli_command cli_merge = {"merge",
                                      "DIR...",
                                      "put the results of several campaigns together",
                                      "Reads results.jsonl of each folder and writes all records, "
                                      "sorted, with one summary.",
                                      &merge_argp,
                                      merge};
