/* cli/list.c: `nika list`: what can be named in a scenario. Plain names to a pipe, a table to a terminal. */
#include <stdlib.h>
#include <unistd.h>

#include "apps/registry.h"
#include "cli/cli.h"
#include "faults/registry.h"
#include "fuzz/museum/museum.h"
#include "fuzz/strategies/strategy.h"
#include "protocols/registry.h"
#include "report/sheet.h"
#include "scenarios/library.h"

static const char *const kinds[] = {"protocols",  "apps",       "suites",  "faults",
                                    "behaviours", "oracles",    "checks",  "probes",
                                    "scenarios",  "strategies", "planted", NULL};

enum { OPTION_JSON = 256 };

/* How rows are written. */
enum form {
    FORM_NAMES,  /* To a pipe: the name alone, to be read by a shell loop. */
    FORM_KINDED, /* To a pipe, when no kind was asked for: "oracle O1". */
    FORM_TABLE,  /* To a terminal: with explanations. */
    FORM_JSON,
};
struct arguments {
    const char *kind;
    bool json;
};
static json_t *items; /* What --json prints. */

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    if (key == OPTION_JSON) a->json = true;
    if (key == OPTION_JSON) return 0;
    if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
    if (a->kind != NULL) argp_error(state, "one kind at a time, got \"%s\" too", text);
    a->kind = text;
    return 0;
}

static const struct argp_option options[] = {CLI_JSON_OPTION(OPTION_JSON), {0}};

static const struct argp argp = {
    options,
    parse,
    "[protocols|apps|suites|faults|behaviours|oracles|checks|probes|scenarios|strategies|planted]",
    "List what a scenario or a report can name. To a pipe: one plain name or path a line.\v"
    "Behaviours are the faults that corrupt replicas or clients. Without a kind, everything: to a "
    "pipe as \"KIND NAME\".\n\n"
    "  for s in $(nika list scenarios); do nika run $s --seed 7 || break; done",
    NULL,
    NULL,
    NULL};

static void row(enum form form, const char *kind, const char *name, const char *doc)
{
    if (form == FORM_JSON) {
        json_array_append_new(items,
                              json_pack("{s:s, s:s, s:s}", "kind", kind, "name", name, "doc", doc));
    } else if (form == FORM_TABLE) {
        printf("  %-26s %s\n", name, doc);
    } else if (form == FORM_KINDED) {
        printf("%s %s\n", kind, name);
    } else {
        printf("%s\n", name);
    }
}

static void fault_params(const struct nika_fault_ops *ops)
{
    for (uint32_t k = 0; k < ops->param_count; k++) {
        const struct nika_fault_param *p = &ops->params[k];
        printf("    %-24s %s (", p->name, p->doc);
        for (uint32_t i = 0; p->names != NULL && p->names[i] != NULL; i++)
            printf("%s%s", i > 0 ? ", " : "", p->names[i]);
        if (p->names != NULL) {
            printf("; default %s)\n", p->names[p->fallback]);
        } else {
            printf("%llu..%llu, default %llu)\n", (unsigned long long)p->low,
                   (unsigned long long)p->high, (unsigned long long)p->fallback);
        }
    }
}

static void list_faults(enum form form, bool behaviours)
{
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        const struct nika_fault_ops *ops = nika_fault_list[i];
        bool is_behaviour = ops->fault_class >= NIKA_FAULT_BYZANTINE;
        if (behaviours && !is_behaviour) continue;
        row(form, "fault", ops->name, ops->doc);
        if (form == FORM_TABLE) fault_params(ops);
    }
}

static void list_scenarios(enum form form)
{
    struct nika_library *library = nika_library_list();
    struct nika_diagnoses d;
    for (uint32_t i = 0; library != NULL && i < library->count; i++) {
        if (form != FORM_TABLE && form != FORM_JSON) {
            row(form, "scenario", library->paths[i], "");
            continue;
        }
        char name[NIKA_LIBRARY_PATH_SIZE];
        nika_library_name(library->paths[i], name, sizeof name);
        struct nika_scenario *s = nika_scenario_load(library->paths[i], NULL, 0, &d);
        row(form, "scenario", form == FORM_JSON ? library->paths[i] : name,
            s != NULL ? s->why : d.lines[0]);
        nika_scenario_free(s);
    }
    free(library);
}

static void list_suites(enum form form)
{
    const struct nika_schema_key *key = &nika_schema[NIKA_KEY_SUITE];
    for (uint32_t i = 0; key->names(i) != NULL; i++)
        row(form, "suite", key->names(i), i == key->fallback ? "the default" : "");
}

static void list_ids(enum form form, bool checks)
{
    for (uint32_t i = 1; checks && i < NIKA_CHECK_COUNT; i++)
        row(form, "check", nika_check_name((enum nika_check)i), nika_check_doc((enum nika_check)i));
    for (uint32_t i = 0; !checks && i < NIKA_PROBE_COUNT; i++)
        row(form, "probe", nika_probe_name((enum nika_probe)i), nika_probe_doc((enum nika_probe)i));
}

static void list(const char *kind, enum form form)
{
    if (strcmp(kind, "protocols") == 0) {
        for (uint32_t i = 0; i < nika_protocol_count; i++)
            row(form, "protocol", nika_protocol_list[i].name, nika_protocol_list[i].doc);
    } else if (strcmp(kind, "apps") == 0) {
        for (uint32_t i = 0; i < nika_app_count; i++)
            row(form, "app", nika_app_list[i]->name, nika_app_list[i]->doc);
    } else if (strcmp(kind, "oracles") == 0) {
        for (uint32_t i = 0; i < nika_oracle_count; i++)
            row(form, "oracle", nika_oracle_list[i]->id, nika_oracle_list[i]->doc);
    } else if (strcmp(kind, "strategies") == 0) {
        for (uint32_t i = 0; nika_strategies[i] != NULL; i++)
            row(form, "strategy", nika_strategies[i]->name, nika_strategies[i]->doc);
    } else if (strcmp(kind, "planted") == 0) {
        for (uint32_t i = 0; i < nika_museum_count; i++)
            row(form, "planted", nika_museum[i].id, nika_museum[i].title);
    } else if (strcmp(kind, "scenarios") == 0) {
        list_scenarios(form);
    } else if (strcmp(kind, "suites") == 0) {
        list_suites(form);
    } else if (strcmp(kind, "checks") == 0 || strcmp(kind, "probes") == 0) {
        list_ids(form, kind[0] == 'c');
    } else {
        list_faults(form, strcmp(kind, "behaviours") == 0);
    }
}

static const char *kind_at(const void *context, uint32_t index)
{
    (void)context;
    return kinds[index];
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    cli_parse(&argp, argc, argv, &a);
    const char *kind = a.kind;
    enum form form = isatty(STDOUT_FILENO) != 0 ? FORM_TABLE : FORM_NAMES;
    if (a.json) {
        form = FORM_JSON;
        items = json_array();
    }
    if (kind == NULL && form == FORM_NAMES) form = FORM_KINDED;
    bool known = false;
    for (uint32_t i = 0; kinds[i] != NULL; i++) {
        /* Behaviours are among the faults already. */
        bool wanted =
            kind == NULL ? strcmp(kinds[i], "behaviours") != 0 : strcmp(kind, kinds[i]) == 0;
        known = known || wanted;
        if (!wanted) continue;
        if (kind == NULL && form == FORM_TABLE)
            printf("%s%s%s\n", cli_colour(stdout, "1"), kinds[i], cli_colour(stdout, "0"));
        list(kinds[i], form);
    }
    if (a.json && known) {
        cli_json_print(json_pack("{s:o}", "items", items), "list");
        return 0;
    }
    json_decref(items);
    if (known) return 0;
    const char *near = nika_did_you_mean(kind, kind_at, NULL);
    fprintf(stderr, "nika: nothing to list as \"%s\"%s%s%s\n", nika_report_plain_text(kind),
            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : " (nika list --help)");
    return NIKA_EXIT_USAGE;
}

const struct cli_command cli_list = {
    "list",
    "[KIND]",
    "list what a scenario or a report can name",
    "Lists what a scenario or a report can name: to a pipe one plain name or path a line, to a "
    "terminal a table with explanations.",
    &argp,
    run};
