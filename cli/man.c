/* cli/man.c: `nika man`: manual pages as roff, from the same tables that print --help. */
#include <ctype.h>

#include "cli/cli.h"
#include "report/sheet.h"

static error_t parse(int key, char *text, struct argp_state *state)
{
    const char **word = state->input;
    if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
    if (*word != NULL) argp_error(state, "one command at a time, got \"%s\" too", text);
    *word = text;
    return 0;
}

static const struct argp argp = {NULL,
                                 parse,
                                 "[COMMAND]",
                                 "Print the manual page of nika or of one command, as roff.\v"
                                 "  nika man run | man -l -",
                                 NULL,
                                 NULL,
                                 NULL};

/* Text inside a line: what roff would take for its own is escaped. */
static void put_escaped(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '-') {
            printf("\\-");
        } else if (text[i] == '\\') {
            printf("\\e");
        } else {
            putchar(text[i]);
        }
    }
}

/* Paragraphs of --help: an empty line or a form feed of argp parts them; indented lines are examples. */
static void put_text(const char *text)
{
    bool example = false;
    while (*text != '\0') {
        size_t size = strcspn(text, "\n\v");
        bool indented = text[0] == ' ';
        if (indented != example) printf(indented ? ".PP\n.nf\n" : ".fi\n");
        example = indented;
        if (size == 0) {
            printf(".PP\n");
        } else {
            if (!indented && (text[0] == '.' || text[0] == '\'')) printf("\\&");
            put_escaped(text, size);
            printf("\n");
        }
        text += size;
        if (*text == '\v') printf(".PP\n");
        if (*text != '\0') text++;
    }
    if (example) printf(".fi\n");
}

static void put_options(const struct argp *of)
{
    printf(".SH OPTIONS\n");
    for (const struct argp_option *o = of->options; o != NULL && o->name != NULL; o++) {
        printf(".TP\n");
        if (o->key < 256 && isprint(o->key) != 0) printf("\\fB\\-%c\\fR, ", o->key);
        printf("\\fB\\-\\-");
        put_escaped(o->name, strlen(o->name));
        printf("\\fR");
        if (o->arg != NULL) printf("=\\fI%s\\fR", o->arg);
        printf("\n");
        put_text(o->doc);
    }
    printf(".TP\n\\fB\\-?\\fR, \\fB\\-\\-help\\fR\nprint a help text\n");
}

static void put_exit_codes(void)
{
    printf(".SH EXIT STATUS\n");
    for (uint32_t i = 0; i < CLI_EXIT_COUNT; i++) {
        printf(".TP\n\\fB%d\\fR (%s)\n", cli_exits[i], nika_exit_name(cli_exits[i]));
        put_text(nika_exit_doc(cli_exits[i]));
    }
}

static void put_head(const char *name)
{
    printf(".TH \"%s\" 1 \"\" \"nika %s\" \"Nika\"\n.SH NAME\n", name, cli_version_number());
}

static void put_see_also(const char *self)
{
    printf(".SH SEE ALSO\n");
    if (self != NULL) printf(".BR nika (1)");
    for (uint32_t i = 0; cli_commands[i] != NULL; i++) {
        if (self != NULL && strcmp(cli_commands[i]->name, self) == 0) continue;
        printf("%s.BR nika\\-%s (1)", self != NULL || i > 0 ? ",\n" : "", cli_commands[i]->name);
    }
    printf("\n");
}

static void put_main_page(void)
{
    put_head("NIKA");
    printf(
        "nika \\- deterministic simulation testbed for BFT replication\n.SH SYNOPSIS\n.B nika\n"
        ".I COMMAND\n[OPTION...]\n.SH DESCRIPTION\nRuns real replication protocols in a simulated "
        "world that attacks and judges them.\nThe same scenario, seed and version give the same "
        "run, bit for bit.\n.SH COMMANDS\n");
    for (uint32_t i = 0; cli_commands[i] != NULL; i++) {
        printf(".TP\n\\fB%s\\fR %s\n", cli_commands[i]->name, cli_commands[i]->arguments);
        put_text(cli_commands[i]->detail);
    }
    printf(
        ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nIf set and not empty, nothing is coloured. To anything "
        "but a terminal\nnothing ever is.\n");
    put_exit_codes();
    put_see_also(NULL);
}

static void put_page(const struct cli_command *c)
{
    char name[64];
    snprintf(name, sizeof name, "NIKA-%s", c->name);
    for (char *at = name; *at != '\0'; at++) *at = (char)toupper((unsigned char)*at);
    put_head(name);
    printf("nika\\-%s \\- %s\n.SH SYNOPSIS\n.B nika %s\n[OPTION...] %s\n.SH DESCRIPTION\n", c->name,
           c->doc, c->name, c->arguments);
    put_text(c->detail);
    const char *more = strchr(c->argp->doc, '\v');
    if (more != NULL) printf(".PP\n");
    if (more != NULL) put_text(more + 1);
    put_options(c->argp);
    put_exit_codes();
    put_see_also(c->name);
}

static const char *command_at(const void *context, uint32_t index)
{
    (void)context;
    return cli_commands[index] != NULL ? cli_commands[index]->name : NULL;
}

static int run(int argc, char **argv)
{
    const char *word = NULL;
    cli_parse(&argp, argc, argv, &word);
    if (word == NULL) {
        put_main_page();
        return 0;
    }
    for (uint32_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, word) != 0) continue;
        put_page(cli_commands[i]);
        return 0;
    }
    const char *near = nika_did_you_mean(word, command_at, NULL);
    fprintf(stderr, "nika: no command \"%s\"%s%s%s\n", nika_report_plain_text(word),
            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : " (nika --help)");
    return NIKA_EXIT_USAGE;
}

const struct cli_command cli_man = {"man",
                                    "[COMMAND]",
                                    "print a manual page",
                                    "Prints the manual page of nika or of one command, as roff.",
                                    &argp,
                                    run};
