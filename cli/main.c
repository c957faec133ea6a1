/* cli/main.c: the whole command line (include/nika/testbed.h): chooses the subcommand; what they share. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "include/nika/testbed.h"
#include "report/sheet.h"
#include "scenarios/library.h"

const struct cli_command *const cli_commands[] = {&cli_run,
                                                  &cli_campaign,
                                                  &cli_merge,
                                                  &cli_replay,
                                                  &cli_step_run,
                                                  &cli_diff_command,
                                                  &cli_shrink,
                                                  &cli_explore,
                                                  &cli_report_command,
                                                  &cli_list,
                                                  &cli_bench,
                                                  &cli_inspect,
                                                  &cli_schema,
                                                  &cli_explain,
                                                  &cli_wire,
                                                  &cli_man,
                                                  &cli_completion,
                                                  &cli_node_command,
                                                  &cli_testnet_command,
                                                  &cli_client,
                                                  &cli_history_command,
                                                  &cli_fidelity,
                                                  &cli_keygen,
                                                  &cli_tss,
                                                  &cli_version,
                                                  NULL};

const int cli_exits[CLI_EXIT_COUNT] = {0, 1, 2, 3, 4, 5, 6, 64};

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif
#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#elif defined(__s390x__)
#define MACHINE "s390x"
#else
#define MACHINE "unknown machine"
#endif

static const char *program = "nika";

const char *cli_program(void)
{
    return program;
}

const char *cli_version_number(void)
{
    return NIKA_VERSION;
}

const char *cli_version_text(void)
{
    return NIKA_VERSION " (" COMPILER ", " MACHINE ")";
}

uint64_t cli_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

const char *cli_colour(FILE *file, const char *code)
{
    const char *no_color = getenv("NO_COLOR");
    if (isatty(fileno(file)) == 0 || (no_color != NULL && no_color[0] != '\0')) return "";
    if (strcmp(code, "31") == 0) return "\033[31m";
    if (strcmp(code, "32") == 0) return "\033[32m";
    return strcmp(code, "1") == 0 ? "\033[1m" : "\033[0m";
}

uint64_t cli_number(const char *text, const char *what, uint64_t low, uint64_t high,
                    struct argp_state *state)
{
    char *end;
    uint64_t value = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : UINT64_MAX;
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || strlen(text) > 19 || value < low ||
        value > high) {
        argp_error(state, "%s: expected a number %llu..%llu, got \"%s\"", what,
                   (unsigned long long)low, (unsigned long long)high, text);
    }
    return value;
}

error_t cli_parse_word(int key, char *text, struct argp_state *state, const char **word,
                       const char *what, const char *question)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (*word != NULL) argp_error(state, "one %s at a time, got \"%s\" too", what, text);
        *word = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "%s", question);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

error_t cli_parse_run(int key, char *text, struct argp_state *state,
                      struct cli_run_request *request, const char *what, const char *question)
{
    switch (key) {
    case 's':
        request->seed = cli_number(text, "--seed", 0, INT64_MAX, state);
        request->seed_given = true;
        return 0;
    case 'S':
        if (request->set_count == CLI_SETS_MAX)
            argp_error(state, "at most %u times --set", CLI_SETS_MAX);
        request->sets[request->set_count++] = text;
        return 0;
    default:
        return cli_parse_word(key, text, state, &request->scenario, what, question);
    }
}

void cli_print_diagnoses(const struct nika_diagnoses *d)
{
    for (uint32_t i = 0; i < d->count; i++) {
        nika_report_plain(stderr, d->lines[i]);
        fputc('\n', stderr);
    }
}

/* What is wrong with a word that is neither a file nor the name of a library scenario. */
static void complain_missing(const char *word, char near[NIKA_LIBRARY_PATH_SIZE])
{
    struct stat info;
    char name[NIKA_LIBRARY_PATH_SIZE], path[NIKA_LIBRARY_PATH_SIZE];
    const char *dot = strrchr(word, '.');
    bool exists = stat(word, &info) == 0;
    bool is_path =
        exists || strchr(word, '/') != NULL || (dot != NULL && strcmp(dot, ".json") == 0);
    const char *problem = exists ? (S_ISDIR(info.st_mode) ? "is a directory, not a scenario"
                                                          : "is not a regular file")
                                 : "no such file";
    if (is_path) {
        nika_library_name(word, name, sizeof name);
        bool other = nika_library_find(name, path, near);
        if (other) snprintf(near, NIKA_LIBRARY_PATH_SIZE, "%s", name);
        fprintf(stderr, "nika: %s: %s", nika_report_plain_text(word), problem);
    } else {
        fprintf(stderr, "nika: no scenario \"%s\"", nika_report_plain_text(word));
    }
    fprintf(stderr, "%s%s%s\n", near[0] != '\0' ? "; did you mean \"" : "", near,
            near[0] != '\0' ? "\"?" : " (nika list scenarios)");
}

struct nika_scenario *cli_load(struct cli_run_request *request)
{
    char near[NIKA_LIBRARY_PATH_SIZE];
    if (!nika_library_find(request->scenario, request->path, near)) {
        complain_missing(request->scenario, near);
        return NULL;
    }
    struct nika_diagnoses d;
    struct nika_scenario *s =
        nika_scenario_load(request->path, request->sets, request->set_count, &d);
    if (s == NULL) cli_print_diagnoses(&d);
    if (s != NULL && !request->seed_given) request->seed = s->values[NIKA_KEY_SEED];
    return s;
}

static void print_help(FILE *file)
{
    fprintf(file,
            "nika %s: deterministic simulation testbed for BFT replication\n\nUsage: nika COMMAND "
            "[OPTION...]\n\n",
            cli_version_number());
    for (uint32_t i = 0; cli_commands[i] != NULL; i++)
        fprintf(file, "  %-10s  %s\n", cli_commands[i]->name, cli_commands[i]->doc);
    fprintf(file, "\n`nika COMMAND --help` says more. Exit codes (nika explain exit-codes):\n ");
    for (uint32_t i = 0; i < CLI_EXIT_COUNT; i++) {
        fprintf(file, " %d %s%s", cli_exits[i], nika_exit_name(cli_exits[i]),
                i + 1 < CLI_EXIT_COUNT ? "," : "\n");
    }
}

static const char *command_at(const void *context, uint32_t index)
{
    (void)context;
    return cli_commands[index] != NULL ? cli_commands[index]->name : NULL;
}

static const char *option_at(const void *context, uint32_t index)
{
    const struct argp *argp = context;
    return argp->options != NULL ? argp->options[index].name : NULL;
}

/* A misspelt long option that has a near one: argp would not say which. An argument that follows an option is left alone. */
static bool complain_option(const struct cli_command *c, int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        char word[64];
        size_t size = strcspn(argv[i], "=");
        bool known = false;
        if (strncmp(argv[i], "--", 2) != 0 || size < 4 || size >= sizeof word) continue;
        if (argv[i - 1][0] == '-') continue;
        snprintf(word, sizeof word, "%.*s", (int)size - 2, argv[i] + 2);
        for (uint32_t k = 0; option_at(c->argp, k) != NULL; k++)
            known = known || strncmp(option_at(c->argp, k), word, size - 2) == 0;
        const char *near = known ? NULL : nika_did_you_mean(word, option_at, c->argp);
        if (near == NULL || strcmp(word, "help") == 0 || strcmp(word, "usage") == 0) continue;
        fprintf(stderr,
                "nika %s: unrecognized option '--%s'; did you mean --%s? (nika %s --help)\n",
                c->name, word, near, c->name);
        return true;
    }
    return false;
}

static char running[CLI_LINE_SIZE + 16];

void cli_running(const struct cli_run_request *request)
{
    char line[CLI_LINE_SIZE];
    cli_reproduce(request, line, sizeof line);
    snprintf(running, sizeof running, "reproduce %s\n", line);
}

#if defined(__has_feature)
#define SANITIZED_CLANG (__has_feature(address_sanitizer) || __has_feature(memory_sanitizer))
#else
#define SANITIZED_CLANG 0
#endif
#if !defined(__SANITIZE_ADDRESS__) && !SANITIZED_CLANG
/* A crash of a module is a verdict: say which run it was, by what a signal handler may do. */
static void on_crash(int signal_number)
{
    static const char text[] = "nika: crashed (exit class 3, contract-broken)\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    written += write(STDERR_FILENO, running, strlen(running));
    (void)written;
    (void)signal_number;
    _exit(NIKA_EXIT_CONTRACT);
}
static void catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (uint32_t i = 0; i < ARRAY_COUNT(signals); i++) signal(signals[i], on_crash);
}
#else
static void catch_crashes(void)
{
}
#endif

/* Output that did not reach its place is an error. A reader that went away is none: SIGPIPE ends the program in silence. */
static int finish_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0) return status;
    fprintf(stderr, "nika: standard output: %s\n", errno != 0 ? strerror(errno) : "cannot write");
    return status != 0 ? status : NIKA_EXIT_INCONCLUSIVE;
}

int nika_main(int argc, char **argv)
{
    argp_err_exit_status = NIKA_EXIT_USAGE;
    signal(SIGPIPE, SIG_DFL);
    if (argc > 0 && argv[0][0] != '\0') program = argv[0];
    if (argc < 2) {
        print_help(stdout);
        return 0;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    catch_crashes();
    for (uint32_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) != 0) continue;
        if (complain_option(cli_commands[i], argc, argv)) return NIKA_EXIT_USAGE;
        char full[64];
        snprintf(full, sizeof full, "nika %s", name);
        argv[1] = full;
        int status = cli_commands[i]->run(argc - 1, argv + 1);
        return finish_output(status);
    }
    const char *near = nika_did_you_mean(name, command_at, NULL);
    fprintf(stderr, "nika: no command \"%s\"%s%s%s\n", nika_report_plain_text(name),
            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : " (nika --help)");
    return NIKA_EXIT_USAGE;
}
