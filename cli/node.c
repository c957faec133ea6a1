/* cli/node.c: `nika node`: one replica as a process. */
#include <errno.h>

#include "cli/behaviour.h"
#include "cli/live.h"

enum { OPTION_CONFIG = 256, OPTION_CHECK, OPTION_INIT, OPTION_RECORD, OPTION_BEHAVIOUR };

struct arguments {
    const char *config, *record;
    bool check, init;
    struct nika_behaviour_options behaviour; /* ops NULL: honest. */
};

static const struct argp_option options[] = {
    {"config", OPTION_CONFIG, "FILE", 0, "node file of this replica", 0},
    {"check-config", OPTION_CHECK, NULL, 0,
     "only read and check all files; every problem is listed", 0},
    {"record", OPTION_RECORD, "FILE", 0,
     "record everything that the protocol module is told, for nika replay; a new file, mode 0600, "
     "at most "
     "1 GiB",
     0},
    {"behaviour", OPTION_BEHAVIOUR, "NAME[,PARAMETER=VALUE]", 0,
     "lie as a Byzantine behaviour of scenarios does; in builds with NIKA_BEHAVIOURS alone", 0},
    {"init", OPTION_INIT, NULL, 0, "make the data directory of a new replica, and end", 0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_CONFIG:
        a->config = text;
        return 0;
    case OPTION_CHECK:
        a->check = true;
        return 0;
    case OPTION_RECORD:
        a->record = text;
        return 0;
    case OPTION_INIT:
        a->init = true;
        return 0;
    case OPTION_BEHAVIOUR:
        cli_behaviour_parse(text, NIKA_FAULT_BYZANTINE, &a->behaviour, state);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected \"%s\"; expected --config FILE", text);
        return 0;
    case ARGP_KEY_END:
        if (a->config == NULL) argp_error(state, "which node? (--config FILE)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "--config FILE",
    "Run one replica of a live cluster.\v"
    "The node file names the cluster file, the keys and the data directory (docs/operators.md). "
    "The "
    "process stays in the foreground. SIGTERM ends it in order, SIGHUP opens its log file again. "
    "It may be killed at any instant: what it promised is on the disk.\n\n"
    "A new replica needs its data directory made once with --init (nika testnet does that). An "
    "empty or missing directory later counts as a lost disk: the replica is silent until it has "
    "fetched the state from the others.\n\n"
    "  nika node --config out/t/replica-0.json --check-config\n"
    "  nika node --config out/t/replica-0.json",
    NULL,
    NULL,
    NULL};

static int serve(const struct arguments *a, struct cli_node *loaded, struct nika_problems *problems)
{
    const char *file = a->config;
    struct nika_node_options o;
    struct nika_log *log = nika_log_open(loaded->config.log_file, loaded->config.log_level);
    if (log == NULL) {
        fprintf(stderr, "nika: %s: log.file: %s: %s\n", file, loaded->config.log_file,
                strerror(errno));
        return NIKA_EXIT_USAGE;
    }
    cli_node_options(loaded, file, log, &o);
    o.record = a->record;
    o.behaviour = a->behaviour.ops != NULL ? &a->behaviour : NULL;
    struct nika_node *node = nika_node_new(&o, problems);
    if (node != NULL) nika_node_run(node);
    nika_node_free(node);
    nika_log_close(log);
    return node != NULL ? 0 : cli_problems(problems);
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    static struct nika_problems problems; /* 20 KiB */
    struct cli_node loaded;
    int status = 0;
    cli_parse(&argp, argc, argv, &a);
    nika_node_keep_secrets();
    nika_auth_save_memory();
    if (!cli_node_load(a.config, &loaded, &problems)) {
        status = cli_problems(&problems);
    } else if (a.check) {
        printf("%s: good: replica %u of %u, protocol %s, application %s, suite %s\n", a.config,
               loaded.config.replica, loaded.cluster->config.n, loaded.cluster->protocol,
               loaded.cluster->app, nika_suite_name(loaded.cluster->config.suite));
    } else if (a.init) {
        struct nika_node_options o;
        cli_node_options(&loaded, a.config, NULL, &o);
        if (!nika_node_make_data(&o, &problems)) status = cli_problems(&problems);
    } else {
        status = serve(&a, &loaded, &problems);
    }
    cli_node_free(&loaded);
    return status;
}

const struct cli_command cli_node_command = {
    "node",
    "--config FILE",
    "run one replica of a live cluster",
    "Runs one replica over sockets, files and threads: the very modules that the simulator drives.",
    &argp,
    run};
