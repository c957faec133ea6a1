/* cli/info.c: `nika schema`, `nika explain`, `nika version` and `nika man`: what the program knows about itself. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "cli/cli.h"
#include "faults/registry.h"

enum { OPTION_MARKDOWN = 256 };

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

static const struct argp schema_argp = {
    schema_options, parse_schema, NULL, "Print the JSON Schema of scenarios.", NULL, NULL, NULL};

static int run_schema(int argc, char **argv)
{
    bool markdown = false;
    argp_parse(&schema_argp, argc, argv, 0, NULL, &markdown);
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

static error_t parse_one(int key, char *text, struct argp_state *state)
{
    const char **word = state->input;
    if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
    if (*word != NULL) argp_error(state, "one word at a time, got \"%s\" too", text);
    *word = text;
    return 0;
}

static const struct argp explain_argp = {NULL,
                                         parse_one,
                                         "[CHECK|ORACLE|FAULT|EXIT-CODE|PROBE|KEY|exit-codes]",
                                         "Say what an id means: a check (PP6), an oracle (O1), a "
                                         "fault, a probe, a scenario key, an exit code.",
                                         NULL,
                                         NULL,
                                         NULL};

static void explain_fault(const struct nika_fault_ops *ops)
{
    static const char *const classes[] = {"network",           "node",  "disk", "clock",
                                          "Byzantine replica", "client"};
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
}

static bool explain_ids(const char *word)
{
    bool found = false;
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++) {
        if (strcasecmp(nika_check_name((enum nika_check)i), word) != 0) continue;
        printf("check %s: %s\n", nika_check_name((enum nika_check)i),
               nika_check_doc((enum nika_check)i));
        found = true;
    }
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        if (strcasecmp(nika_oracle_list[i]->id, word) != 0 &&
            strcasecmp(nika_oracle_list[i]->name, word) != 0)
            continue;
        printf("oracle %s %s: %s\n", nika_oracle_list[i]->id, nika_oracle_list[i]->name,
               nika_oracle_list[i]->doc);
        found = true;
    }
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        if (strcmp(nika_probe_name((enum nika_probe)i), word) != 0) continue;
        printf("probe %s: %s\n", word, nika_probe_doc((enum nika_probe)i));
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
    static const int classes[] = {0, 1, 2, 3, 4, 5, 6, 64};
    bool all = word == NULL || strcmp(word, "exit-codes") == 0, found = false;
    for (uint32_t i = 0; i < ARRAY_COUNT(classes); i++) {
        char number[8];
        snprintf(number, sizeof number, "%d", classes[i]);
        if (!all && strcmp(number, word) != 0 && strcmp(nika_exit_name(classes[i]), word) != 0)
            continue;
        printf("exit code %-2d %s: %s\n", classes[i], nika_exit_name(classes[i]),
               nika_exit_doc(classes[i]));
        found = true;
    }
    return found;
}

static const char *explainable_at(const void *context, uint32_t index)
{
    (void)context;
    if (index < NIKA_CHECK_COUNT - 1) return nika_check_name((enum nika_check)(index + 1));
    index -= NIKA_CHECK_COUNT - 1;
    if (index < nika_oracle_count) return nika_oracle_list[index]->name;
    index -= nika_oracle_count;
    return index < nika_fault_count ? nika_fault_list[index]->name : NULL;
}

static int run_explain(int argc, char **argv)
{
    const char *word = NULL;
    argp_parse(&explain_argp, argc, argv, 0, NULL, &word);
    if (word == NULL) {
        explain_exit(NULL);
        for (uint32_t i = 0; i < nika_oracle_count; i++) explain_ids(nika_oracle_list[i]->id);
        for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++)
            explain_ids(nika_check_name((enum nika_check)i));
        return 0;
    }
    bool found = explain_ids(word);
    found = explain_key(word) || found;
    found = explain_exit(word) || found;
    if (found) return 0;
    const char *near = nika_did_you_mean(word, explainable_at, NULL);
    fprintf(stderr, "nika: nothing is called \"%s\"%s%s%s\n", word,
            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : "");
    return NIKA_EXIT_USAGE;
}

static error_t parse_none(int key, char *text, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG) argp_error(state, "takes no arguments, got \"%s\"", text);
    return key == ARGP_KEY_ARG ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp version_argp = {NULL, parse_none, NULL, "Print version and build.",
                                         NULL, NULL,       NULL};

static int run_version(int argc, char **argv)
{
    argp_parse(&version_argp, argc, argv, 0, NULL, NULL);
    printf("nika %s\n", cli_version_text());
    return 0;
}

static const struct argp man_argp = {
    NULL, parse_one, "[COMMAND]", "Print the manual page of nika or of one command, as roff.",
    NULL, NULL,      NULL};

static void man_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\v') {
            printf("\n.PP\n");
        } else {
            printf(*text == '-' ? "\\-" : *text == '\\' ? "\\e" : "%c", *text);
        }
    }
    printf("\n");
}

static void man_options(const struct argp *argp)
{
    if (argp->options == NULL) return;
    printf(".SH OPTIONS\n");
    for (const struct argp_option *o = argp->options; o->name != NULL; o++) {
        printf(".TP\n");
        if (isprint(o->key) != 0) printf("\\fB\\-%c\\fR, ", o->key);
        printf("\\fB\\-\\-");
        man_text(o->name);
        if (o->arg != NULL) printf("\\fI%s\\fR\n", o->arg);
        man_text(o->doc);
    }
}

static void man_exit_codes(void)
{
    static const int classes[] = {0, 1, 2, 3, 4, 5, 6, 64};
    printf(".SH EXIT STATUS\n");
    for (uint32_t i = 0; i < ARRAY_COUNT(classes); i++) {
        printf(".TP\n%d (%s)\n", classes[i], nika_exit_name(classes[i]));
        man_text(nika_exit_doc(classes[i]));
    }
}

static int run_man(int argc, char **argv)
{
    const char *word = NULL;
    argp_parse(&man_argp, argc, argv, 0, NULL, &word);
    if (word == NULL) {
        printf(
            ".TH NIKA 1 \"\" \"nika %s\"\n.SH NAME\nnika \\- deterministic simulation testbed for "
            "BFT replication\n.SH SYNOPSIS\n.B nika\n.I COMMAND\n[OPTION...]\n.SH COMMANDS\n",
            cli_version_number());
        for (uint32_t i = 0; cli_commands[i] != NULL; i++) {
            printf(".TP\n.B %s %s\n", cli_commands[i]->name, cli_commands[i]->arguments);
            man_text(cli_commands[i]->detail);
        }
        man_exit_codes();
        return 0;
    }
    for (uint32_t i = 0; cli_commands[i] != NULL; i++) {
        const struct cli_command *c = cli_commands[i];
        if (strcmp(c->name, word) != 0) continue;
        printf(".TH NIKA\\-%s 1 \"\" \"nika %s\"\n.SH NAME\nnika\\-%s \\- %s\n.SH SYNOPSIS\n.B "
               "nika %s\n[OPTION...] %s\n.SH DESCRIPTION\n",
               c->name, cli_version_number(), c->name, c->doc, c->name, c->arguments);
        man_text(c->argp->doc);
        man_options(c->argp);
        man_exit_codes();
        return 0;
    }
    fprintf(stderr, "nika: no command \"%s\"\n", word);
    return NIKA_EXIT_USAGE;
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
    "Says what an id that stands in a report, a trace or a scenario means.",
    &explain_argp,
    run_explain};
const struct cli_command cli_version = {
    "version",     "",         "print version and build", "Prints version and build.",
    &version_argp, run_version};
const struct cli_command cli_man = {"man",
                                    "[COMMAND]",
                                    "print a manual page",
                                    "Prints the manual page of nika or of one command, as roff.",
                                    &man_argp,
                                    run_man};
