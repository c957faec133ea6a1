/* cli/completion.c: `nika completion SHELL`: what a shell needs to complete commands and options, from the tables that print --help. */
#include "cli/cli.h"
#include "report/sheet.h"

struct shell {
    const char *name;
    void (*print)(void);
};

/* Calls `each` for every option of a command, --help among them. */
static void each_option(const struct cli_command *c,
                        void (*each)(const struct cli_command *, const struct argp_option *))
{
    static const struct argp_option help = {"help", '?', NULL, 0, "print a help text", 0};
    for (const struct argp_option *o = c->argp->options; o != NULL && o->name != NULL; o++)
        each(c, o);
    each(c, &help);
}

/* Text between single quotes: none of it means anything to a shell. */
static void put_quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text == '\n' || *text == '\v' ? ' ' : *text);
    }
    putchar('\'');
}

static void put_word(const struct cli_command *c, const struct argp_option *o)
{
    (void)c;
    printf(" --%s%s", o->name, o->arg != NULL && (o->flags & OPTION_ARG_OPTIONAL) == 0 ? "=" : "");
}

/* Does it take a scenario of the library? */
static bool takes_scenario(const struct cli_command *c)
{
    return strstr(c->arguments, "SCENARIO") != NULL || strncmp(c->arguments, "RUN", 3) == 0;
}

/* The words that --help names as arguments: what it writes in small letters, "start|status|stop" or "put KEY VALUE | get KEY". */
static void put_arguments(const struct cli_command *c)
{
    static const char small[] = "abcdefghijklmnopqrstuvwxyz-";
    const char *text = c->argp->args_doc != NULL ? c->argp->args_doc : "";
    while (*text != '\0') {
        size_t size = strcspn(text, " |[]");
        if (size > 0 && *text != '-' && strspn(text, small) == size)
            printf(" %.*s", (int)size, text);
        text += size + (text[size] != '\0' ? 1 : 0);
    }
    if (strcmp(c->name, "man") == 0)
        for (uint32_t i = 0; cli_commands[i] != NULL; i++) printf(" %s", cli_commands[i]->name);
}

/* What prints the names of the library, in any shell. */
#define NAMES " list scenarios 2>/dev/null | sed 's#.*/##; s#[.]json##'"

/* One line a command: the words that may follow it. `program` = how the shell names what was typed. */
static void put_cases(const char *program)
{
    for (uint32_t i = 0; cli_commands[i] != NULL; i++) {
        const struct cli_command *c = cli_commands[i];
        printf("        %s) words=\"", c->name);
        each_option(c, put_word);
        put_arguments(c);
        if (takes_scenario(c)) printf(" $(%s" NAMES ")", program);
        printf("\" ;;\n");
    }
}

static void put_commands(void)
{
    for (uint32_t i = 0; cli_commands[i] != NULL; i++) printf("%s ", cli_commands[i]->name);
    printf("help --help --version");
}

static void print_bash(void)
{
    printf("# Completion of nika for bash: source <(nika completion bash)\n_nika() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} words=\n    COMPREPLY=()\n"
           "    if [[ $COMP_CWORD -eq 1 ]]; then\n        words=\"");
    put_commands();
    printf("\"\n    else\n        case ${COMP_WORDS[1]} in\n");
    put_cases("\"${COMP_WORDS[0]}\"");
    printf("        esac\n    fi\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
           "    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then\n"
           "        compopt -o nospace 2>/dev/null\n    fi\n}\n"
           "complete -o default -F _nika nika nika-museum\n");
}

static void print_zsh(void)
{
    printf(
        "#compdef nika nika-museum\n# Completion of nika for zsh: nika completion zsh "
        ">~/.zfunc/_nika\n_nika() {\n    local words_of_nika=\"$words[2]\" program=\"$words[1]\" "
        "words\n"
        "    if (( CURRENT == 2 )); then\n        words=\"");
    put_commands();
    printf("\"\n    else\n        case $words_of_nika in\n");
    put_cases("\"$program\"");
    printf("        esac\n    fi\n    compadd -- ${=words}\n    _files\n}\n"
           "if [[ $funcstack[1] == _nika ]]; then _nika \"$@\"; else compdef _nika nika "
           "nika-museum; fi\n");
}

static void put_fish_option(const struct cli_command *c, const struct argp_option *o)
{
    printf("complete -c nika -n '__fish_seen_subcommand_from %s' -l %s", c->name, o->name);
    if (o->key > ' ' && o->key < 127 && o->key != '?') printf(" -s %c", o->key);
    if (o->arg != NULL && (o->flags & OPTION_ARG_OPTIONAL) == 0) printf(" -r");
    printf(" -d ");
    put_quoted(o->doc);
    printf("\n");
}

static void print_fish(void)
{
    printf("# Completion of nika for fish: nika completion fish | source\n");
    for (uint32_t i = 0; cli_commands[i] != NULL; i++) {
        const struct cli_command *c = cli_commands[i];
        printf("complete -c nika -n __fish_use_subcommand -f -a %s -d ", c->name);
        put_quoted(c->doc);
        printf("\n");
        each_option(c, put_fish_option);
        printf("complete -c nika -n '__fish_seen_subcommand_from %s' -a '", c->name);
        put_arguments(c);
        printf("'\n");
        if (takes_scenario(c))
            printf("complete -c nika -n '__fish_seen_subcommand_from %s' -a \"(nika" NAMES ")\"\n",
                   c->name);
    }
}

static const struct shell shells[] = {
    {"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

static const char *shell_at(const void *context, uint32_t index)
{
    (void)context;
    return index < ARRAY_COUNT(shells) ? shells[index].name : NULL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    return cli_parse_word(key, text, state, state->input, "shell",
                          "for which shell: bash, zsh or fish?");
}

static const struct argp argp = {NULL,
                                 parse,
                                 "bash|zsh|fish",
                                 "Print what bash, zsh or fish needs to complete commands "
                                 "and options.\v"
                                 "  source <(nika completion bash)\n"
                                 "  nika completion fish | source",
                                 NULL,
                                 NULL,
                                 NULL};

static int run(int argc, char **argv)
{
    const char *word = NULL;
    cli_parse(&argp, argc, argv, &word);
    for (uint32_t i = 0; i < ARRAY_COUNT(shells); i++) {
        if (strcmp(shells[i].name, word) != 0) continue;
        shells[i].print();
        return 0;
    }
    const char *near = nika_did_you_mean(word, shell_at, NULL);
    fprintf(stderr, "nika: completion: no shell \"%s\"%s%s%s\n", nika_report_plain_text(word),
            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : "; expected bash, zsh or fish");
    return NIKA_EXIT_USAGE;
}

const struct cli_command cli_completion = {
    "completion",
    "SHELL",
    "print completion for bash, zsh or fish",
    "Prints what a shell needs to complete commands and options.",
    &argp,
    run};
