/* cli/info.c: `nika schema`, `nika explain` and `nika version`: what the program knows about itself. */
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "apps/registry.h"
#include "cli/cli.h"
#include "cli/places.h"
#include "faults/registry.h"
#include "fuzz/museum/museum.h"
#include "fuzz/strategies/strategy.h"
#include "protocols/registry.h"
#include "report/sheet.h"
#include "scenarios/library.h"

enum { OPTION_MARKDOWN = 256, OPTION_PLANTED, OPTION_JSON };

static const struct argp_option schema_options[] = {
    {"markdown", OPTION_MARKDOWN, NULL, 0, "print the reference page instead", 0}, {0}};

static error_t parse_schema(int key, char *text, struct argp_state *state)
{
    (void)text;
    if (key != OPTION_MARKDOWN)
        return key == ARGP_KEY_ARG ? (argp_error(state, "takes no arguments"), 0)
                                   : ARGP_ERR_UNKNOWN;
    *(bool *)state->input = true;
    return 0;
}

static const struct argp schema_argp = {schema_options,
                                        parse_schema,
                                        NULL,
                                        "Print the JSON Schema of scenarios (draft 2020-12).\v"
                                        "  nika schema > scenario.schema.json",
                                        NULL,
                                        NULL,
                                        NULL};

static int run_schema(int argc, char **argv)
{
    bool markdown = false;
    cli_parse(&schema_argp, argc, argv, &markdown);
    if (markdown) {
        nika_schema_markdown(stdout);
        return 0;
    }
    char *text = nika_schema_json();
    if (text == NULL) return NIKA_EXIT_INCONCLUSIVE;
    printf("%s\n", text);
    free(text);
    return 0;
}

struct explain_arguments {
    const char *word;
    bool markdown, planted, json;
};

static error_t parse_explain(int key, char *text, struct argp_state *state)
{
    struct explain_arguments *a = state->input;
    if (key == OPTION_MARKDOWN) {
        a->markdown = true;
        return 0;
    }
    if (key == OPTION_PLANTED) {
        a->planted = true;
        return 0;
    }
    if (key == OPTION_JSON) {
        a->json = true;
        return 0;
    }
    if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
    if (a->word != NULL) argp_error(state, "one word at a time, got \"%s\" too", text);
    a->word = text;
    return 0;
}

static const struct argp_option explain_options[] = {
    {"markdown", OPTION_MARKDOWN, NULL, 0,
     "print the reference page of exit codes, oracles, checks and probes", 0},
    {"planted", OPTION_PLANTED, NULL, 0, "print the reference page of planted bugs", 0},
    CLI_JSON_OPTION(OPTION_JSON),
    {0}};

static const struct argp explain_argp = {
    explain_options,
    parse_explain,
    "[WORD]",
    "Say what an id means that stands in a report, a trace or a scenario.\v"
    "WORD is a check (PP6), an oracle (O1, agreement), a fault, a probe, a protocol, an "
    "application, a scenario, "
    "a scenario key (network.loss_ppm), a planted bug (B06), an exit code (5, expectation-unmet), "
    "or exit-codes. "
    "Without a word: exit codes, oracles and checks.\n\n"
    "  nika explain PP6\n  nika explain equivocate\n  nika explain exit-codes",
    NULL,
    NULL,
    NULL};

static void explain_fault(const struct nika_fault_ops *ops)
{
    static const char *const classes[] = {"network",
                                          "node",
                                          "disk",
                                          "clock",
                                          "Byzantine replica",
                                          "client",
                                          "trusted subsystem, out of model"};
    printf("fault %s (%s): %s\n", ops->name, classes[ops->fault_class], ops->doc);
    for (uint32_t i = 0; i < ops->param_count; i++) {
        const struct nika_fault_param *p = &ops->params[i];
        printf("  %-20s %s", p->name, p->doc);
        if (p->names == NULL) {
            printf(" (%llu..%llu, default %llu)\n", (unsigned long long)p->low,
                   (unsigned long long)p->high, (unsigned long long)p->fallback);
            continue;
        }
        printf(" (");
        for (uint32_t k = 0; p->names[k] != NULL; k++)
            printf("%s%s", k > 0 ? ", " : "", p->names[k]);
        printf("; default %s)\n", p->names[p->fallback]);
    }
    cli_places(CLI_PLACE_FAULT, ops->name);
}

static bool explain_ids(const char *word)
{
    bool found = false;
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++) {
        if (strcasecmp(nika_check_name((enum nika_check)i), word) != 0) continue;
        printf("check %s: %s\n", nika_check_name((enum nika_check)i),
               nika_check_doc((enum nika_check)i));
        cli_places(CLI_PLACE_CHECK, word);
        found = true;
    }
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        if (strcasecmp(nika_oracle_list[i]->id, word) != 0 &&
            strcasecmp(nika_oracle_list[i]->name, word) != 0)
            continue;
        printf("oracle %s %s: %s\n", nika_oracle_list[i]->id, nika_oracle_list[i]->name,
               nika_oracle_list[i]->doc);
        cli_places(CLI_PLACE_ORACLE, nika_oracle_list[i]->id);
        found = true;
    }
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        if (strcmp(nika_probe_name((enum nika_probe)i), word) != 0) continue;
        printf("probe %s: %s\n", word, nika_probe_doc((enum nika_probe)i));
        cli_places(CLI_PLACE_PROBE, word);
        found = true;
    }
    const struct nika_fault_ops *fault = nika_fault_find(word);
    if (fault != NULL) explain_fault(fault);
    return found || fault != NULL;
}

static bool explain_key(const char *word)
{
    char path[160];
    bool found = false;
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        const struct nika_schema_key *k = &nika_schema[i];
        snprintf(path, sizeof path, "%s%s%s", k->section, k->section[0] != '\0' ? "." : "", k->key);
        if (strcmp(path, word) != 0 && strcmp(k->key, word) != 0) continue;
        printf("scenario key %s: %s\n", path, k->doc);
        found = true;
    }
    return found;
}

static bool explain_exit(const char *word)
{
    bool all = word == NULL || strcmp(word, "exit-codes") == 0, found = false;
    for (uint32_t i = 0; i < CLI_EXIT_COUNT; i++) {
        char number[8];
        int class = cli_exits[i];
        snprintf(number, sizeof number, "%d", class);
        if (!all && strcmp(number, word) != 0 && strcmp(nika_exit_name(class), word) != 0) continue;
        printf("exit code %-2d %s: %s\n", class, nika_exit_name(class), nika_exit_doc(class));
        if (!all)
            printf("  comes from     the verdict on a run (docs/verdicts.md)\n"
                   "  code           scenarios/verdict.c\n"
                   "  test           tests/scenarios/test_verdict.c, tests/cli/output.sh\n");
        found = true;
    }
    return found;
}

static bool explain_named(const char *word)
{
    struct nika_diagnoses d;
    char path[NIKA_LIBRARY_PATH_SIZE], near[NIKA_LIBRARY_PATH_SIZE];
    const struct nika_protocol *protocol = nika_protocol_find(word);
    const struct nika_app_ops *app = nika_app_find(word);
    struct nika_scenario *s =
        nika_library_find(word, path, near) ? nika_scenario_load(path, NULL, 0, &d) : NULL;
    if (protocol != NULL) printf("protocol %s: %s\n", word, protocol->doc);
    if (app != NULL) printf("application %s: %s\n", word, app->doc);
    if (s != NULL) printf("scenario %s (%s): %s\n", s->name, path, s->why);
    const struct nika_strategy *strategy = nika_strategy_find(word);
    if (strategy != NULL) {
        printf("strategy %s: %s\n", word, strategy->doc);
        cli_places(CLI_PLACE_STRATEGY, word);
    }
    bool found = protocol != NULL || app != NULL || s != NULL || strategy != NULL;
    nika_scenario_free(s);
    return found;
}

static bool explain_planted(const char *word)
{
    const struct nika_museum_bug *b = nika_museum_find(word);
    if (b == NULL) return false;
    printf("planted bug %s%s%s%s (%s): %s\n", b->id, b->aliases[0] != '\0' ? " (" : "", b->aliases,
           b->aliases[0] != '\0' ? ")" : "", b->kind, b->title);
    printf("  shows with     %s\n  noticed by     %s\n  missing check  %s\n  source         %s\n",
           b->setting, b->verdicts, b->check, b->source);
    if (nika_museum_directed(b))
        printf("  shown by       ctest --preset museum -R museum.directed\n");
    else
        printf("  hunt           nika-museum campaign %s --set planted=%s (%" PRIu64
               " runs must do)\n",
               b->scenario, b->id, nika_museum_budget(b->budget));
    cli_places(CLI_PLACE_PLANTED, b->id);
    return true;
}

static void explain_markdown(void)
{
    printf("# Exit codes, oracles, checks and probes\n\nGenerated by `nika explain --markdown`. "
           "Faults and scenario keys are in [scenarios.md](scenarios.md).\n\n"
           "## Exit codes\n\n| code | name | meaning |\n|---|---|---|\n");
    for (uint32_t i = 0; i < CLI_EXIT_COUNT; i++)
        printf("| %d | %s | %s |\n", cli_exits[i], nika_exit_name(cli_exits[i]),
               nika_exit_doc(cli_exits[i]));
    printf("\n## Oracles\n\nWhat is judged in every run (`expect.properties` overrides one of "
           "them).\n\n| id | name | property |\n|---|---|---|\n");
    for (uint32_t i = 0; i < nika_oracle_count; i++)
        printf("| %s | %s | %s |\n", nika_oracle_list[i]->id, nika_oracle_list[i]->name,
               nika_oracle_list[i]->doc);
    printf("\n## Checks\n\nThe rules of the protocol. A report counts by id what was rejected.\n\n"
           "| id | what it demands |\n|---|---|\n");
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++)
        printf("| %s | %s |\n", nika_check_name((enum nika_check)i),
               nika_check_doc((enum nika_check)i));
    printf("\n## Probes\n\nPlaces that the scenario library reaches (`probes` in `--json`).\n\n"
           "| id | what was reached |\n|---|---|\n");
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++)
        printf("| %s | %s |\n", nika_probe_name((enum nika_probe)i),
               nika_probe_doc((enum nika_probe)i));
}

/* The lists that explainable_at() has no room for. */
static const char *explainable_more(uint32_t index)
{
    uint32_t strategies = 0;
    if (index < nika_oracle_count) return nika_oracle_list[index]->id;
    index -= nika_oracle_count;
    if (index < nika_museum_count) return nika_museum[index].id;
    index -= nika_museum_count;
    if (index < nika_protocol_count) return nika_protocol_list[index].name;
    index -= nika_protocol_count;
    while (nika_strategies[strategies] != NULL) strategies++;
    if (index < strategies) return nika_strategies[index]->name;
    index -= strategies;
    return index == 0 ? "exit-codes" : NULL;
}

static const char *explainable_at(const void *context, uint32_t index)
{
    (void)context;
    if (index < NIKA_CHECK_COUNT - 1) return nika_check_name((enum nika_check)(index + 1));
    index -= NIKA_CHECK_COUNT - 1;
    if (index < nika_oracle_count) return nika_oracle_list[index]->name;
    index -= nika_oracle_count;
    if (index < nika_fault_count) return nika_fault_list[index]->name;
    index -= nika_fault_count;
    if (index < NIKA_PROBE_COUNT) return nika_probe_name((enum nika_probe)index);
    index -= NIKA_PROBE_COUNT;
    if (index < NIKA_KEY_COUNT) return nika_schema[index].key;
    index -= NIKA_KEY_COUNT;
    if (index < CLI_EXIT_COUNT) return nika_exit_name(cli_exits[index]);
    return explainable_more(index - CLI_EXIT_COUNT);
}

static void explain_all(void)
{
    explain_exit(NULL);
    for (uint32_t i = 0; i < nika_oracle_count; i++)
        printf("oracle %s %s: %s\n", nika_oracle_list[i]->id, nika_oracle_list[i]->name,
               nika_oracle_list[i]->doc);
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++)
        printf("check %s: %s\n", nika_check_name((enum nika_check)i),
               nika_check_doc((enum nika_check)i));
}

/* Everything that has this name; all, without one. */
static bool explain_word(const char *word)
{
    if (word == NULL) explain_all();
    if (word == NULL) return true;
    bool found = explain_ids(word);
    found = explain_key(word) || found;
    found = explain_exit(word) || found;
    found = explain_planted(word) || found;
    return explain_named(word) || found;
}

/* The same words inside an object. */
static bool explain_json(const char *word)
{
    char *text = NULL;
    size_t size;
    FILE *out = stdout, *file = open_memstream(&text, &size);
    if (file == NULL) return false;
    stdout = file;
    bool found = explain_word(word);
    stdout = out;
    if (fclose(file) == 0 && found)
        cli_json_print(json_pack("{s:o, s:s}", "word",
                                 word != NULL ? json_string(word) : json_null(), "text", text),
                       "explain");
    free(text);
    return found;
}

static int run_explain(int argc, char **argv)
{
    struct explain_arguments a = {0};
    cli_parse(&explain_argp, argc, argv, &a);
    if (a.planted) {
        nika_museum_markdown(stdout);
        return 0;
    }
    if (a.markdown || (a.word == NULL && !a.json)) {
        if (a.markdown) explain_markdown();
        if (!a.markdown) explain_all();
        return 0;
    }
    if (a.json ? explain_json(a.word) : explain_word(a.word)) return 0;
    char path[NIKA_LIBRARY_PATH_SIZE], scenario[NIKA_LIBRARY_PATH_SIZE];
    const char *near = nika_did_you_mean(a.word, explainable_at, NULL);
    if (near == NULL && !nika_library_find(a.word, path, scenario) && scenario[0] != '\0')
        near = scenario;
    fprintf(stderr, "nika: nothing is called \"%s\"%s%s%s\n", nika_report_plain_text(a.word),
            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : "; nika list and nika explain say what there is");
    return NIKA_EXIT_USAGE;
}

static error_t parse_none(int key, char *text, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG) argp_error(state, "takes no arguments, got \"%s\"", text);
    return key == ARGP_KEY_ARG ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp_option version_options[] = {CLI_JSON_OPTION(OPTION_JSON), {0}};

static error_t parse_version(int key, char *text, struct argp_state *state)
{
    if (key != OPTION_JSON) return parse_none(key, text, state);
    *(bool *)state->input = true;
    return 0;
}

static const struct argp version_argp = {
    version_options, parse_version, NULL, "Print version and build.", NULL, NULL, NULL};

static int run_version(int argc, char **argv)
{
    bool json = false;
    cli_parse(&version_argp, argc, argv, &json);
    if (json) {
        cli_json_print(
            json_pack("{s:s, s:s}", "version", cli_version_number(), "build", cli_version_text()),
            "version");
        return 0;
    }
    printf("nika %s\n", cli_version_text());
    return 0;
}

const struct cli_command cli_schema = {
    "schema",
    "",
    "print the JSON Schema of scenarios, or the reference page",
    "Prints the JSON Schema of scenarios (draft 2020-12), or with --markdown the reference page.",
    &schema_argp,
    run_schema};
const struct cli_command cli_explain = {
    "explain",
    "[WORD]",
    "say what a check, oracle, fault, key or exit code means",
    "Says what an id means that stands in a report, a trace or a scenario.",
    &explain_argp,
    run_explain};
const struct cli_command cli_version = {
    "version",     "",         "print version and build", "Prints version and build.",
    &version_argp, run_version};
