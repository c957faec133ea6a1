/* cli/bench.c: the options of `nika bench`, and which measurement they mean. */
#include <inttypes.h>
#include <stdlib.h>

#include "apps/registry.h"
#include "cli/behaviour.h"
#include "cli/bench_cluster.h"
#include "cli/bench_detect.h"
#include "cli/bench_pattern.h"
#include "cli/bench_sim.h"
#include "cli/bench_trusted.h"
#include "cli/live.h"
#include "protocols/registry.h"

enum {
    OPTION_JSON = 256,
    OPTION_RUNS,
    OPTION_TRACE,
    OPTION_ROUNDS,
    OPTION_SUITE,
    OPTION_N,
    OPTION_NO_ORACLES,
    OPTION_SECONDS,
    OPTION_CLIENTS,
    OPTION_PAYLOAD,
    OPTION_SESSIONS,
    OPTION_TLS,
    OPTION_CLIENT_BEHAVIOUR,
    OPTION_LYING_CLIENTS,
    OPTION_CLIENT_AUTH,
    OPTION_BATCH,
    OPTION_STORE,
    OPTION_DIR,
    OPTION_PROTOCOL,
    OPTION_PILLARS,
    OPTION_APP,
    OPTION_KILLS,
    OPTION_SEED,
    OPTION_RECORD,
    OPTION_HOW,
    OPTION_THREADS,
    OPTION_BEHAVIOUR,
    OPTION_ON,
    OPTION_SOCKET,
    OPTION_INSTANCE,
    OPTION_TRUSTED
};

struct arguments {
    bool json, on_cluster, on_trusted, on_pattern, detect;
    struct cli_bench_sim sim;
    struct cli_bench_cluster cluster;
    struct cli_bench_trusted trusted;
    struct cli_bench_detect found;
};
static const struct argp_option options[] = {
    {"json", OPTION_JSON, NULL, 0, "print one JSON object", 0},
    {"runs", OPTION_RUNS, NULL, 0,
     "only short adversarial runs: 12 requests, one Byzantine replica, network faults", 0},
    {"trace", OPTION_TRACE, NULL, 0, "only what writing a full trace adds to a run", 0},
    {"rounds", OPTION_ROUNDS, "N", 0, "runs of each measurement instead of a time", 0},
    {"suite", OPTION_SUITE, "NAME", 0, "authentication suite (default sim, of a cluster ed25519)",
     0},
    {"n", OPTION_N, "N", 0, "replicas (default 4)", 0},
    {"no-oracles", OPTION_NO_ORACLES, NULL, 0, "main figures without oracles", 0},
    {"seconds", OPTION_SECONDS, "S", 0,
     "seconds for each measurement: processor time of simulations (default 1), wall time of "
     "clusters (default 10)",
     0},
    {"clients", OPTION_CLIENTS, "C", 0, "cluster: closed-loop clients (default 10)", 1},
    {"sessions", OPTION_SESSIONS, "K", 0,
     "cluster: only the first K clients connect, and carry the frames of the others (default: all "
     "connect)",
     1},
    {"client-auth", OPTION_CLIENT_AUTH, "KIND", 0,
     "cluster: signature (default) or macs, one for each replica, as peers of this kind do it", 1},
    {"tls", OPTION_TLS, NULL, 0, "cluster: sessions inside TLS 1.3", 1},
    {"payload", OPTION_PAYLOAD, "BYTES", 0, "cluster: size of an operation (default 100)", 1},
    {"batch", OPTION_BATCH, "N", 0, "cluster: requests in one batch at most (default 64)", 1},
    {"store", OPTION_STORE, "KIND", 0, "cluster: disk (default) or memory", 1},
    {"protocol", OPTION_PROTOCOL, "NAME", 0, "default pbft", 0},
    {"pillars", OPTION_PILLARS, "P", 0,
     "sim: only the requests per virtual second of 1, 2, 4 ... P parallel pillars (hybster) whose "
     "processors take time",
     0},
    {"trusted", OPTION_TRUSTED, "KIND", 0,
     "cluster, hybrid protocols: software (default), in the process of each replica, or process: "
     "nika tss",
     1},
    {"app", OPTION_APP, "NAME", 0, "cluster: default null", 1},
    {"set", 'S', "KEY=NUMBER", 0, "cluster: a value of the cluster file; repeatable", 1},
    {"verify-threads", OPTION_THREADS, "N", 0,
     "cluster: threads of each replica that verify signatures (default 0)", 1},
    {"kills", OPTION_KILLS, "N", 0,
     "cluster: instead of measuring, kill -9 and restart N replicas at random instants under load "
     "and check what the clients were answered",
     1},
    {"behaviour", OPTION_BEHAVIOUR, "NAME[,PARAMETER=VALUE]", 0,
     "cluster: one replica lies, as a behaviour of scenarios does: throughput under attack; in "
     "builds with NIKA_BEHAVIOURS alone",
     1},
    {"client-behaviour", OPTION_CLIENT_BEHAVIOUR, "NAME[,PARAMETER=VALUE]", 0,
     "cluster: some clients lie; requests of the others are counted; in builds with "
     "NIKA_BEHAVIOURS "
     "alone",
     1},
    {"lying-clients", OPTION_LYING_CLIENTS, "K", 0,
     "cluster: with --client-behaviour: the last K of them (default 1)", 1},
    {"on", OPTION_ON, "I", 0, "cluster: with --behaviour: which one (default 0, the primary)", 1},
    {"how", OPTION_HOW, "WAY", 0,
     "cluster: with --kills: nine (default), term: a rolling restart in order, lose: kill -9 and "
     "its "
     "data directory is gone",
     1},
    {"seed", OPTION_SEED, "N", 0, "cluster: of the kills (default 1)", 1},
    {"record", OPTION_RECORD, NULL, 0, "cluster: every replica writes a recording to DIR", 1},
    {"dir", OPTION_DIR, "DIR", 0,
     "cluster: make it here and leave its files and logs; trusted: the state of the process on "
     "disk "
     "(default: here)",
     1},
    {"socket", OPTION_SOCKET, "PATH", 0,
     "trusted: measure the process that serves here; its last counter moves", 2},
    {"instance", OPTION_INSTANCE, "I", 0, "trusted: its instance (default 0)", 2},
    CLI_DETECT_OPTIONS,
    {0}};

static void parse_cluster_set(char *text, struct argp_state *state, struct arguments *a)
{
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        argp_error(state, "--set: expected KEY=NUMBER, got \"%s\"", text);
        return;
    }
    *equals = '\0';
    uint64_t value = cli_number(equals + 1, text, 0, INT32_MAX, state);
    json_object_set_new(a->cluster.tunables, text, json_integer((json_int_t)value));
}

static void parse_store(const char *text, struct argp_state *state, struct arguments *a)
{
    a->cluster.store = strcmp(text, "memory") == 0 ? NIKA_STORE_MEMORY : NIKA_STORE_DISK;
    if (strcmp(text, "memory") != 0 && strcmp(text, "disk") != 0)
        argp_error(state, "--store: expected disk or memory, got \"%s\"", text);
}

static void parse_how(const char *text, struct argp_state *state, struct arguments *a)
{
    static const char *const ways[] = {"nine", "term", "lose"};
    for (uint32_t i = 0; i < ARRAY_COUNT(ways); i++) {
        a->cluster.how = (enum cli_kill)i;
        if (strcmp(ways[i], text) == 0) return;
    }
    argp_error(state, "--how: expected nine, term or lose, got \"%s\"", text);
}

/* Who lies in it. */
static error_t parse_attack(int key, char *text, struct argp_state *state, struct arguments *a)
{
    struct cli_bench_cluster *c = &a->cluster;
    switch (key) {
    case OPTION_BEHAVIOUR:
        cli_behaviour_parse(text, NIKA_FAULT_BYZANTINE, &(struct nika_behaviour_options){0}, state);
        c->behaviour = text;
        return 0;
    case OPTION_ON:
        c->liar = (uint32_t)cli_number(text, "--on", 0, NIKA_REPLICAS_MAX - 1, state);
        return 0;
    case OPTION_CLIENT_BEHAVIOUR:
        cli_behaviour_parse(text, NIKA_FAULT_CLIENT, &c->client_behaviour, state);
        c->client_behaviour_text = text;
        return 0;
    case OPTION_LYING_CLIENTS:
        c->lying_clients = cli_number(text, "--lying-clients", 1, NIKA_CLIENTS_MAX, state);
        return 0;
    default:
        return cli_bench_detect_parse(key, text, state, &a->found);
    }
}

/* The options that only a cluster has. */
static error_t parse_cluster(int key, char *text, struct argp_state *state, struct arguments *a)
{
    struct cli_bench_cluster *c = &a->cluster;
    switch (key) {
    case OPTION_CLIENTS:
        c->clients = cli_number(text, "--clients", 1, NIKA_CLIENTS_MAX, state);
        return 0;
    case OPTION_SESSIONS:
        c->sessions = cli_number(text, "--sessions", 1, NIKA_CLIENTS_MAX, state);
        return 0;
    case OPTION_CLIENT_AUTH:
        c->client_macs = cli_client_macs(text, state);
        return 0;
    case OPTION_TLS:
        c->tls = true;
        return 0;
    case OPTION_PAYLOAD:
        c->payload = cli_number(text, "--payload", 1, 4096, state);
        return 0;
    case OPTION_BATCH:
        c->batch = cli_number(text, "--batch", 1, NIKA_BATCH_COUNT_MAX, state);
        return 0;
    case OPTION_STORE:
        parse_store(text, state, a);
        return 0;
    case OPTION_DIR:
        c->dir = text;
        return 0;
    case OPTION_TRUSTED:
        c->trusted = cli_trust_kind(text, state);
        return 0;
    case OPTION_PROTOCOL:
        c->protocol = text;
        if (nika_protocol_find(text) == NULL)
            argp_error(state, "--protocol: no protocol \"%s\" (nika list)%s", text,
                       cli_did_you_mean(text, cli_protocol_at, NULL));
        return 0;
    case OPTION_APP:
        c->app = text;
        if (nika_app_find(text) == NULL)
            argp_error(state, "--app: no application \"%s\" (nika list)%s", text,
                       cli_did_you_mean(text, cli_app_at, NULL));
        return 0;
    case OPTION_RECORD:
        c->record = true;
        return 0;
    case OPTION_THREADS:
        c->verify_threads = cli_number(text, "--verify-threads", 0, 64, state);
        return 0;
    case OPTION_HOW:
        parse_how(text, state, a);
        return 0;
    case OPTION_KILLS:
        c->kills = cli_number(text, "--kills", 1, 1000000, state);
        return 0;
    case OPTION_SEED:
        c->seed = cli_number(text, "--seed", 0, INT64_MAX, state);
        return 0;
    case 'S':
        parse_cluster_set(text, state, a);
        return 0;
    default:
        return parse_attack(key, text, state, a);
    }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_RUNS:
        a->sim.only_runs = true;
        return 0;
    case OPTION_TRACE:
        a->sim.only_trace = true;
        return 0;
    case OPTION_ROUNDS:
        a->sim.rounds = cli_number(text, "--rounds", 1, 1000000, state);
        return 0;
    case OPTION_SECONDS:
        a->sim.seconds = cli_number(text, "--seconds", 1, 3600, state);
        return 0;
    case OPTION_N:
        a->sim.n = cli_number(text, "--n", 3, NIKA_REPLICAS_MAX, state);
        return 0;
    case OPTION_PILLARS:
        a->sim.pillars = cli_number(text, "--pillars", 1, NIKA_PILLARS_MAX, state);
        return 0;
    case OPTION_SOCKET:
        a->trusted.socket = text;
        return 0;
    case OPTION_INSTANCE:
        a->trusted.instance =
            (uint32_t)cli_number(text, "--instance", 0, NIKA_REPLICAS_MAX - 1, state);
        return 0;
    case OPTION_NO_ORACLES:
        a->sim.no_oracles = true;
        return 0;
    case OPTION_SUITE:
        if (nika_suite_parse(text) == NIKA_SUITE_NONE)
            argp_error(state, "--suite: no suite \"%s\" (nika list suites)%s", text,
                       cli_did_you_mean(text, cli_suite_at, NULL));
        a->sim.suite = text;
        return 0;
    case ARGP_KEY_ARG:
        a->on_cluster = strcmp(text, "cluster") == 0;
        a->on_trusted = strcmp(text, "trusted") == 0;
        a->on_pattern = strcmp(text, "pattern") == 0;
        a->detect = strcmp(text, "detect") == 0;
        if (strcmp(text, "sim") != 0 && !a->on_cluster && !a->on_trusted && !a->on_pattern &&
            !a->detect)
            argp_error(state,
                       "what can be measured is \"sim\", \"cluster\", \"trusted\", \"pattern\" or "
                       "\"detect\", not \"%s\"",
                       text);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(
            state,
            "what shall be measured? (nika bench sim, nika bench cluster, nika bench trusted, "
            "nika bench pattern, nika-museum bench detect)");
        return 0;
    default:
        return parse_cluster(key, text, state, a);
    }
}

static const struct argp argp = {
    options,
    parse,
    "sim|cluster|trusted|pattern|detect",
    "Measure the simulator: whole runs with digest, taps and oracles, on one core; or a real "
    "cluster of processes on loopback under closed-loop load; or what a certificate of each "
    "trusted backend costs; or what the bare message pattern of PBFT with HMACs, without a "
    "protocol, "
    "costs on this machine; or how soon strategies find planted bugs.\v"
    "  nika bench sim --json\n"
    "  nika bench sim --protocol hybster --n 3 --pillars 8 --json\n"
    "  nika bench cluster --clients 100 --suite hmac --seconds 10 --json\n"
    "  nika bench trusted --json\n"
    "  nika bench pattern --json\n"
    "  nika-museum bench detect --bugs B06,B16 --strategies random,twins --limit 500",
    NULL,
    NULL,
    NULL};

static const char *kind_of(const struct arguments *a)
{
    if (a->on_cluster) return "bench_cluster";
    if (a->on_trusted) return "bench_trusted";
    return a->on_pattern ? "bench_pattern" : "bench_sim";
}

/* Takes the result over. */
static void print_result(const struct arguments *a, json_t *root)
{
    if (a->json)
        cli_json_print(json_incref(root), kind_of(a));
    else if (a->on_trusted)
        cli_bench_trusted_print(root);
    else if (a->on_pattern)
        cli_bench_pattern_print(root);
    else
        cli_bench_sim_print(root);
    json_decref(root);
}

/* What the options say together; false after saying what does not fit. */
static bool fits(struct arguments *a)
{
    struct cli_bench_cluster *c = &a->cluster;
    uint64_t n = a->sim.n;
    bool hybrid = cli_protocol_is_hybrid(c->protocol);
    if (c->kills > 0 && strcmp(c->app, "null") != 0)
        fprintf(stderr, "nika: --kills: only application null has answers that show every loss\n");
    else if (cli_faults_max(c->protocol, (uint32_t)n) == 0)
        fprintf(stderr, "nika: --n: %s needs at least 4 replicas, got %" PRIu64 "\n", c->protocol,
                n);
    else if (c->client_behaviour_text != NULL && c->lying_clients >= c->clients)
        fprintf(stderr, "nika: --lying-clients: expected fewer than the clients, %" PRIu64 "\n",
                c->clients);
    else if (c->liar >= n)
        fprintf(stderr, "nika: --on: expected 0..%" PRIu64 "\n", n - 1);
    else if (!hybrid && c->trusted != NIKA_TRUST_NONE)
        fprintf(stderr, "nika: --trusted: protocol %s has no trusted subsystem\n", c->protocol);
    else
        return true;
    return false;
}

/* What one option means for each measurement. */
static void spread(struct arguments *a)
{
    struct cli_bench_cluster *c = &a->cluster;
    if (a->sim.seconds == 0) a->sim.seconds = a->on_cluster ? 10 : 1;
    if (a->sim.suite == NULL) a->sim.suite = a->on_cluster ? "ed25519" : "sim";
    if (cli_protocol_is_hybrid(c->protocol) && c->trusted == NIKA_TRUST_NONE)
        c->trusted = NIKA_TRUST_SOFTWARE;
    a->sim.protocol = c->protocol;
    c->n = a->sim.n;
    c->seconds = a->sim.seconds;
    c->suite = a->sim.suite;
    a->trusted.rounds = a->sim.rounds;
    a->trusted.seconds = a->sim.seconds;
    a->trusted.dir = c->dir;
}

static json_t *measure(const struct arguments *a, int *worst)
{
    if (a->on_cluster) return cli_bench_cluster_run(&a->cluster, worst);
    if (a->on_trusted) return cli_bench_trusted_run(&a->trusted, worst);
    if (a->on_pattern) return cli_bench_pattern_run(a->sim.seconds, a->cluster.payload, worst);
    return cli_bench_sim_run(&a->sim, worst);
}

static int run(int argc, char **argv)
{
    struct arguments a = {.sim = {.n = 4},
                          .cluster = {.clients = 10,
                                      .lying_clients = 1,
                                      .payload = 100,
                                      .seed = 1,
                                      .protocol = "pbft",
                                      .app = "null",
                                      .store = NIKA_STORE_DISK,
                                      .tunables = json_object()}};
    int worst = 0;
    json_t *root = NULL;
    cli_bench_detect_defaults(&a.found);
    cli_parse(&argp, argc, argv, &a);
    if (a.detect) {
        a.found.json = a.json;
        worst = cli_bench_detect_run(&a.found);
    } else if (!fits(&a)) {
        worst = NIKA_EXIT_USAGE;
    } else {
        spread(&a);
        root = measure(&a, &worst);
    }
    json_decref(a.cluster.tunables);
    if (root != NULL) print_result(&a, root);
    return worst;
}

const struct cli_command cli_bench = {
    "bench",
    "sim|cluster|trusted|pattern|detect",
    "measure the simulator, a real cluster, trusted certificates, a bare message pattern, or "
    "strategies against planted bugs",
    "Measures whole runs on one core: messages, requests, events "
    "and short runs a second, and the cost of a snapshot; or "
    "throughput, latency, processor time and memory of a live "
    "cluster; or the nanoseconds of a trusted certificate; or what a live cluster "
    "is measured against; or, in nika-museum, how many runs each "
    "strategy takes to find each planted bug (docs/museum-figures.md).",
    &argp,
    run};
