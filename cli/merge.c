/* cli/merge.c: `nika merge`: the results of several campaigns, or of the parts of one, as one. */
#include <errno.h>
#include <unistd.h>

#include "cli/campaign_folder.h"
#include "cli/cli.h"

#define NAMES_MAX 1024u

enum { OPTION_JSON = 256 };

struct arguments {
    const char *names[NAMES_MAX];
    uint32_t name_count;
    const char *out;
    bool json;
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
    {0}};
static const struct argp merge_argp = {
    merge_options,
    parse,
    "DIR...",
    "Put the results of several campaigns together.\v"
    "The order of the folders does not matter: the same records give the same bytes. A block that "
    "was run twice must have given the same record; if not, the exit code is 4.",
    NULL,
    NULL,
    NULL};

static int merge(int argc, char **argv)
{
    struct arguments a = {.out = "out/campaign"};
    argp_parse(&merge_argp, argc, argv, 0, NULL, &a);
    struct nika_results results = {0};
    struct nika_diagnoses d = {0};
    uint32_t cut = 0;
    bool good = true;
    for (uint32_t i = 0; good && i < a.name_count; i++) {
        char path[1200];
        snprintf(path, sizeof path, "%s/" CLI_RESULTS, a.names[i]);
        good = access(path, R_OK) == 0;
        if (!good) fprintf(stderr, "nika: %s: %s\n", path, strerror(errno));
        good = good && nika_results_read(&results, path, &cut, &d);
    }
    cli_print_diagnoses(&d);
    bool differs = d.count > 0 && strstr(d.lines[0], "not deterministic") != NULL;
    int status = differs ? NIKA_EXIT_NONDETERMINISTIC : NIKA_EXIT_USAGE;
    if (good && !cli_make_folder(a.out)) {
        fprintf(stderr, "nika: --out %s: %s\n", a.out, strerror(errno));
        good = false;
    }
    if (good) status = cli_campaign_conclude(&results, a.out, cut == 0, a.json);
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
