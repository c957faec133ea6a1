/* cli/list.c: `nika list`: what can be named in a scenario. Plain names to a pipe, a table to a terminal. */
#include <stdlib.h>
#include <unistd.h>

#include "apps/registry.h"
#include "cli/cli.h"
#include "faults/registry.h"
#include "protocols/registry.h"
#include "scenarios/library.h"

static const char *const kinds[] = {"protocols", "apps",      "faults", "behaviours",
                                    "oracles",   "scenarios", NULL};

static error_t parse(int key, char *text, struct argp_state *state)
{
    const char **kind = state->input;
    if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
    if (*kind != NULL) argp_error(state, "one kind at a time, got \"%s\" too", text);
    *kind = text;
    return 0;
}

static const struct argp argp = {
    NULL,
    parse,
    "[protocols|apps|faults|behaviours|oracles|scenarios]",
    "List what a scenario can name. To a pipe: one plain name or path a line.\v"
    "Behaviours are the faults that corrupt replicas or clients.",
    NULL,
    NULL,
    NULL};

static void row(bool table, const char *name, const char *doc)
{
    if (table) {
        printf("  %-26s %s\n", name, doc);
    } else {
        printf("%s\n", name);
    }
}

static void list_faults(bool table, bool behaviours)
{
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        const struct nika_fault_ops *ops = nika_fault_list[i];
        bool is_behaviour =
            ops->fault_class == NIKA_FAULT_BYZANTINE || ops->fault_class == NIKA_FAULT_CLIENT;
        if (behaviours && !is_behaviour) continue;
        row(table, ops->name, ops->doc);
        for (uint32_t k = 0; table && k < ops->param_count; k++) {
            const struct nika_fault_param *p = &ops->params[k];
            printf("    %-24s %s (%llu..%llu, default %llu)\n", p->name, p->doc,
                   (unsigned long long)p->low, (unsigned long long)p->high,
                   (unsigned long long)p->fallback);
        }
    }
}

static void list_scenarios(bool table)
{
    struct nika_library *library = nika_library_list();
    struct nika_diagnoses d;
    for (uint32_t i = 0; library != NULL && i < library->count; i++) {
        if (!table) {
            printf("%s\n", library->paths[i]);
            continue;
        }
        char name[NIKA_LIBRARY_PATH_SIZE];
        nika_library_name(library->paths[i], name, sizeof name);
        struct nika_scenario *s = nika_scenario_load(library->paths[i], NULL, 0, &d);
        row(true, name, s != NULL ? s->why : d.lines[0]);
        nika_scenario_free(s);
    }
    free(library);
}

static void list(const char *kind, bool table)
{
    if (strcmp(kind, "protocols") == 0) {
        for (uint32_t i = 0; i < nika_protocol_count; i++)
            row(table, nika_protocol_list[i].name, nika_protocol_list[i].doc);
    } else if (strcmp(kind, "apps") == 0) {
        for (uint32_t i = 0; i < nika_app_count; i++)
            row(table, nika_app_list[i]->name, nika_app_list[i]->doc);
    } else if (strcmp(kind, "oracles") == 0) {
        for (uint32_t i = 0; i < nika_oracle_count; i++)
            row(table, nika_oracle_list[i]->id, nika_oracle_list[i]->doc);
    } else if (strcmp(kind, "scenarios") == 0) {
        list_scenarios(table);
    } else {
        list_faults(table, strcmp(kind, "behaviours") == 0);
    }
}

static const char *kind_at(const void *context, uint32_t index)
{
    (void)context;
    return kinds[index];
}

static int run(int argc, char **argv)
{
    const char *kind = NULL;
    bool table = isatty(STDOUT_FILENO) != 0;
    argp_parse(&argp, argc, argv, 0, NULL, &kind);
    bool known = false;
    for (uint32_t i = 0; kinds[i] != NULL; i++) {
        if (kind == NULL && table)
            printf("%s%s%s\n", cli_colour(stdout, "1"), kinds[i], cli_colour(stdout, "0"));
        bool wanted = kind == NULL ? i != 3 : strcmp(kind, kinds[i]) == 0;
        known = known || wanted;
        if (wanted) list(kinds[i], table);
    }
    if (known) return 0;
    const char *near = nika_did_you_mean(kind, kind_at, NULL);
    fprintf(stderr, "nika: nothing to list as \"%s\"%s%s%s\n", kind,
            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : " (nika list --help)");
    return NIKA_EXIT_USAGE;
}

const struct cli_command cli_list = {
    "list",
    "[KIND]",
    "list protocols, apps, faults, behaviours, oracles or scenarios",
    "Lists what a scenario can name: to a pipe one plain name or path a line, to a terminal a "
    "table with explanations.",
    &argp,
    run};
