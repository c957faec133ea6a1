/* cli/bench.c: `nika bench sim`: how fast the simulator is, all in; and the options of `nika bench cluster`. Measures; judges nothing. */
#include <inttypes.h>
#include <stdlib.h>

#include "apps/registry.h"
#include "cli/behaviour.h"
#include "cli/bench_cluster.h"
#include "cli/bench_detect.h"
#include "cli/bench_trusted.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "protocols/registry.h"

enum {
    OPTION_JSON = 256,
    OPTION_RUNS,
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
    bool json, no_oracles, sim, only_runs, on_cluster, on_trusted, detect;
    uint64_t rounds, seconds, n; /* rounds 0 = until the seconds are over. */
    const char *suite;
    struct cli_bench_cluster cluster;
    struct cli_bench_trusted trusted;
    struct cli_bench_detect found;
};
/* What is measured: a cluster on an ordinary network, fault-free or under attack. */
struct setup {
    uint64_t n, clients, requests, batch, rounds;
    uint64_t budget_ns;
    const char *suite, *protocol;
    bool oracles;
    bool adversarial; /* One Byzantine replica, and a network that loses, repeats and splits. */
};
struct figures {
    uint64_t runs, events, messages, bytes, requests, wall_ns, virtual_ns, replica_bytes;
    int worst;
};

static const struct argp_option options[] = {
    {"json", OPTION_JSON, NULL, 0, "print one JSON object", 0},
    {"runs", OPTION_RUNS, NULL, 0,
     "only short adversarial runs: 12 requests, one Byzantine replica, network faults", 0},
    {"rounds", OPTION_ROUNDS, "N", 0, "runs of each measurement instead of a time", 0},
    {"suite", OPTION_SUITE, "NAME", 0, "authentication suite (default sim, of a cluster ed25519)",
     0},
    {"n", OPTION_N, "N", 0, "replicas (default 4)", 0},
    {"no-oracles", OPTION_NO_ORACLES, NULL, 0, "main figures without oracles", 0},
    {"seconds", OPTION_SECONDS, "S", 0,
     "seconds of wall time for each measurement (default 1, of a cluster 10)", 0},
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
        a->only_runs = true;
        return 0;
    case OPTION_ROUNDS:
        a->rounds = cli_number(text, "--rounds", 1, 1000000, state);
        return 0;
    case OPTION_SECONDS:
        a->seconds = cli_number(text, "--seconds", 1, 3600, state);
        return 0;
    case OPTION_N:
        a->n = cli_number(text, "--n", 3, NIKA_REPLICAS_MAX, state);
        return 0;
    case OPTION_SOCKET:
        a->trusted.socket = text;
        return 0;
    case OPTION_INSTANCE:
        a->trusted.instance =
            (uint32_t)cli_number(text, "--instance", 0, NIKA_REPLICAS_MAX - 1, state);
        return 0;
    case OPTION_NO_ORACLES:
        a->no_oracles = true;
        return 0;
    case OPTION_SUITE:
        if (nika_suite_parse(text) == NIKA_SUITE_NONE)
            argp_error(state, "--suite: no suite \"%s\" (nika list suites)%s", text,
                       cli_did_you_mean(text, cli_suite_at, NULL));
        a->suite = text;
        return 0;
    case ARGP_KEY_ARG:
        a->sim = strcmp(text, "sim") == 0;
        a->on_cluster = strcmp(text, "cluster") == 0;
        a->on_trusted = strcmp(text, "trusted") == 0;
        a->detect = strcmp(text, "detect") == 0;
        if (!a->sim && !a->on_cluster && !a->on_trusted && !a->detect)
            argp_error(state,
                       "what can be measured is \"sim\", \"cluster\", \"trusted\" or \"detect\", "
                       "not \"%s\"",
                       text);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(
            state,
            "what shall be measured? (nika bench sim, nika bench cluster, nika bench trusted, "
            "nika-museum bench detect)");
        return 0;
    default:
        return parse_cluster(key, text, state, a);
    }
}

static const struct argp argp = {
    options,
    parse,
    "sim|cluster|trusted|detect",
    "Measure the simulator: whole runs with digest, taps and oracles, on one core; or a real "
    "cluster of processes on loopback under closed-loop load; or what a certificate of each "
    "trusted backend costs; or how soon strategies find planted bugs.\v"
    "  nika bench sim --json\n"
    "  nika bench cluster --clients 100 --suite hmac --seconds 10 --json\n"
    "  nika bench trusted --json\n"
    "  nika-museum bench detect --bugs B06,B16 --strategies random,twins --limit 500",
    NULL,
    NULL,
    NULL};

/* An equivocating primary that must be replaced, while the network misbehaves until GST. */
static const char attack[] =
    ",\"faults\":[{\"name\":\"equivocate\",\"targets\":[0]},"
    "{\"name\":\"loss\",\"rate_ppm\":20000},{\"name\":\"duplicate\",\"rate_ppm\":20000},"
    "{\"name\":\"partition\",\"targets\":[2],\"from_ms\":2,\"to_ms\":60}],"
    "\"expect\":{\"faults_act\":false}";

static struct nika_scenario *make_scenario(const struct setup *u)
{
    char text[2000];
    struct nika_diagnoses d;
    snprintf(text, sizeof text,
             "{\"schema\":1,\"name\":\"bench\",\"why\":\"measures the simulator\",\"gst_ms\":%s,"
             "\"cluster\":{\"protocol\":\"%s\",\"n\":%" PRIu64 ",\"f\":%" PRIu64
             ",\"clients\":%" PRIu64 ",\"app\":\"null\",\"suite\":\"%s\",\"batch_count\":%" PRIu64
             ",\"batch_us\":%s,\"checkpoint_interval\":16,\"window\":64,\"pipeline\":32,"
             "\"store_kib\":%" PRIu64 ",\"request_ms\":%s,\"client_ms\":%s},"
             "\"workload\":{\"requests\":%" PRIu64 ",\"read_ppm\":0,\"payload\":100},"
             "\"network\":{\"latency_us\":{\"min\":100,\"median\":150,\"p99\":300,\"max\":400}},"
             "\"disk\":{\"fsync_us\":{\"min\":50,\"max\":80}}%s}",
             u->adversarial ? "200" : "0", u->protocol, u->n,
             (uint64_t)cli_faults_max(u->protocol, (uint32_t)u->n), u->clients, u->suite, u->batch,
             u->batch == 1 ? "0" : "200", (uint64_t)16384 + u->n * 512,
             u->adversarial ? "50" : "60000", u->adversarial ? "80" : "60000", u->requests,
             u->adversarial ? attack : "");
    struct nika_scenario *s = nika_scenario_parse("bench", text, strlen(text), NULL, 0, &d);
    if (s == NULL) cli_print_diagnoses(&d);
    return s;
}

static bool measure(const struct setup *u, struct figures *out)
{
    const char *reason;
    memset(out, 0, sizeof *out);
    struct nika_scenario *s = make_scenario(u);
    struct nika_runner *runner = s != NULL ? nika_runner_new(s, &reason) : NULL;
    struct nika_run_result *result = calloc(1, sizeof *result);
    if (runner != NULL && result != NULL) {
        nika_runner_set_oracles(runner, u->oracles);
        nika_runner_run(runner, 1, result); /* Makes keys and touches memory once. */
        out->worst = result->exit_class;
        if (out->worst != 0)
            fprintf(stderr, "nika: bench n=%" PRIu64 ": %s\n", u->n, result->sentence);
        uint64_t started = cli_clock_ns();
        struct cli_progress progress;
        cli_progress_init(&progress, "measuring", "runs", false);
        while (u->rounds > 0 ? out->runs < u->rounds : out->wall_ns < u->budget_ns) {
            nika_runner_run(runner, 2 + out->runs, result);
            out->runs++;
            out->events += result->stats.events;
            out->messages += result->stats.messages_delivered;
            out->bytes += result->stats.bytes_sent;
            out->requests += result->requests_completed;
            out->virtual_ns += result->completed_ns;
            out->wall_ns = cli_clock_ns() - started;
            cli_progress_show(&progress, out->runs, u->rounds,
                              u->rounds > 0                 ? CLI_PROGRESS_BY_RATE
                              : out->wall_ns < u->budget_ns ? u->budget_ns - out->wall_ns
                                                            : 0,
                              "");
        }
        cli_progress_end(&progress);
        out->replica_bytes = result->stats.replica_bytes;
    }
    free(result);
    nika_runner_free(runner);
    nika_scenario_free(s);
    return out->runs > 0;
}

static json_int_t per_second(uint64_t count, const struct figures *f)
{
    return f->wall_ns == 0 ? 0 : (json_int_t)((unsigned __int128)count * 1000000000 / f->wall_ns);
}

/* One snapshot plus one restore of a cluster in the middle of its work, in nanoseconds. */
static uint64_t snapshot_cost(const struct setup *u)
{
    const char *reason;
    uint64_t rounds = 0, spent = 0;
    struct nika_scenario *s = make_scenario(u);
    struct nika_runner *runner = s != NULL ? nika_runner_new(s, &reason) : NULL;
    if (runner != NULL && nika_runner_begin(runner, 1, &reason)) {
        struct nika_world *world = nika_runner_world(runner);
        nika_world_run(world, 50000000);
        struct nika_world_snapshot *snapshot = nika_world_snapshot(world);
        uint64_t started = cli_clock_ns();
        while (snapshot != NULL && spent < u->budget_ns / 4) {
            nika_world_run(world, nika_world_now(world) + 1000000);
            uint64_t from = cli_clock_ns();
            nika_world_snapshot_again(world, snapshot);
            nika_world_restore(world, snapshot);
            spent += cli_clock_ns() - from;
            rounds++;
            if (cli_clock_ns() - started > 2 * u->budget_ns) break;
        }
        if (snapshot != NULL) nika_world_snapshot_free(snapshot);
    }
    nika_runner_free(runner);
    nika_scenario_free(s);
    return rounds > 0 ? spent / rounds : 0;
}

static json_t *by_n(const struct setup *base)
{
    static const uint64_t sizes[] = {4, 16, 49, 100};
    json_t *list = json_array();
    for (uint32_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct setup u = *base;
        struct figures f;
        u.n = sizes[i];
        u.requests = sizes[i] <= 4 ? 200 : sizes[i] <= 16 ? 60 : 12;
        if (!measure(&u, &f)) continue;
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:I}", "n", (json_int_t)u.n, "ns_per_message",
                            (json_int_t)(f.messages > 0 ? f.wall_ns / f.messages : 0),
                            "messages_per_s", per_second(f.messages, &f), "bytes_per_replica",
                            (json_int_t)f.replica_bytes));
    }
    return list;
}

static void add(json_t *root, const char *key, json_int_t value)
{
    json_object_set_new(root, key, json_integer(value));
}

/* 4 replicas, 12 requests, one Byzantine replica, faults on. */
static void measure_runs(const struct setup *base, json_t *root, int *worst)
{
    struct setup shorts = *base;
    struct figures f;
    shorts.clients = 2;
    shorts.requests = 6;
    shorts.adversarial = true;
    if (!measure(&shorts, &f)) return;
    if (f.worst > *worst) *worst = f.worst;
    add(root, "runs_per_s", per_second(f.runs, &f));
    add(root, "messages_per_run", (json_int_t)(f.messages / f.runs));
}

static void measure_variants(const struct setup *base, json_t *root)
{
    struct figures f;
    struct setup no_oracles = *base, batched = *base, ed25519 = *base;
    no_oracles.oracles = false;
    if (measure(&no_oracles, &f)) {
        add(root, "messages_per_s_no_oracles", per_second(f.messages, &f));
        add(root, "requests_per_s_no_oracles", per_second(f.requests, &f));
    }
    batched.clients = 32;
    batched.batch = 16;
    batched.requests = 100;
    if (measure(&batched, &f)) add(root, "requests_per_s_batch16", per_second(f.requests, &f));
    ed25519.suite = "ed25519";
    ed25519.requests = 50;
    if (measure(&ed25519, &f)) {
        add(root, "messages_per_s_ed25519", per_second(f.messages, &f));
        add(root, "requests_per_s_ed25519", per_second(f.requests, &f));
    }
}

static json_t *measure_all(const struct arguments *a, int *worst)
{
    json_t *root = json_object();
    struct figures f;
    uint64_t budget = a->seconds * UINT64_C(1000000000);
    struct setup base = {.n = a->n,
                         .clients = 4,
                         .requests = 500,
                         .batch = 1,
                         .rounds = a->rounds,
                         .budget_ns = budget,
                         .suite = a->suite,
                         .protocol = a->cluster.protocol,
                         .oracles = !a->no_oracles};
    *worst = 0;
    json_object_set_new(root, "suite", json_string(a->suite));
    json_object_set_new(root, "build", json_string(cli_version_text()));
    json_object_set_new(root, "protocol", json_string(a->cluster.protocol));
    add(root, "n", (json_int_t)a->n);
    add(root, "f", (json_int_t)cli_faults_max(a->cluster.protocol, (uint32_t)a->n));
    measure_runs(&base, root, worst);
    if (a->only_runs) return root;
    if (!measure(&base, &f)) {
        *worst = NIKA_EXIT_INCONCLUSIVE;
        return root;
    }
    if (f.worst > *worst) *worst = f.worst;
    add(root, "messages_per_s", per_second(f.messages, &f));
    add(root, "requests_per_s", per_second(f.requests, &f));
    add(root, "events_per_s", per_second(f.events, &f));
    add(root, "messages_per_1000_requests",
        f.requests > 0 ? (json_int_t)(f.messages * 1000 / f.requests) : 0);
    add(root, "bytes_per_request", f.requests > 0 ? (json_int_t)(f.bytes / f.requests) : 0);
    add(root, "requests_per_virtual_s",
        f.virtual_ns > 0 ? (json_int_t)((unsigned __int128)f.requests * 1000000000 / f.virtual_ns)
                         : 0);
    add(root, "ns_per_message", f.messages > 0 ? (json_int_t)(f.wall_ns / f.messages) : 0);
    add(root, "bytes_per_replica", (json_int_t)f.replica_bytes);
    measure_variants(&base, root);
    uint64_t snapshot_ns = snapshot_cost(&base);
    add(root, "snapshot_us", (json_int_t)((snapshot_ns + 999) / 1000));
    add(root, "snapshot_ns", (json_int_t)snapshot_ns);
    json_object_set_new(root, "by_n", by_n(&base));
    return root;
}

static void print_text(const json_t *root)
{
    const char *key;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        if (json_is_integer(value))
            printf("%-28s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
        if (json_is_string(value)) printf("%-28s %s\n", key, json_string_value(value));
    }
    json_array_foreach(json_object_get(root, "by_n"), i, value)
    {
        printf("n=%-4" JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT
               " messages/s %8" JSON_INTEGER_FORMAT " ns each\n",
               json_integer_value(json_object_get(value, "n")),
               json_integer_value(json_object_get(value, "messages_per_s")),
               json_integer_value(json_object_get(value, "ns_per_message")));
    }
}

/* Takes the result over. */
static void print_result(const struct arguments *a, json_t *root)
{
    if (a->json) {
        cli_json_print(json_incref(root), a->on_cluster   ? "bench_cluster"
                                          : a->on_trusted ? "bench_trusted"
                                                          : "bench_sim");
    } else if (a->on_trusted) {
        cli_bench_trusted_print(root);
    } else {
        print_text(root);
    }
    json_decref(root);
}

static int run(int argc, char **argv)
{
    struct arguments a = {.n = 4,
                          .cluster = {.clients = 10,
                                      .lying_clients = 1,
                                      .payload = 100,
                                      .seed = 1,
                                      .protocol = "pbft",
                                      .app = "null",
                                      .store = NIKA_STORE_DISK,
                                      .tunables = json_object()}};
    int worst = 0;
    cli_bench_detect_defaults(&a.found);
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (a.detect) {
        json_decref(a.cluster.tunables);
        a.found.json = a.json;
        return cli_bench_detect_run(&a.found);
    }
    if (a.seconds == 0) a.seconds = a.on_cluster ? 10 : 1;
    if (a.suite == NULL) a.suite = a.on_cluster ? "ed25519" : "sim";
    if (a.cluster.kills > 0 && strcmp(a.cluster.app, "null") != 0) {
        fprintf(stderr, "nika: --kills: only application null has answers that show every loss\n");
        json_decref(a.cluster.tunables);
        return NIKA_EXIT_USAGE;
    }
    if (cli_faults_max(a.cluster.protocol, (uint32_t)a.n) == 0) {
        fprintf(stderr, "nika: --n: %s needs at least 4 replicas, got %" PRIu64 "\n",
                a.cluster.protocol, a.n);
        json_decref(a.cluster.tunables);
        return NIKA_EXIT_USAGE;
    }
    if (a.cluster.client_behaviour_text != NULL && a.cluster.lying_clients >= a.cluster.clients) {
        fprintf(stderr, "nika: --lying-clients: expected fewer than the clients, %" PRIu64 "\n",
                a.cluster.clients);
        json_decref(a.cluster.tunables);
        return NIKA_EXIT_USAGE;
    }
    if (a.cluster.liar >= a.n) {
        fprintf(stderr, "nika: --on: expected 0..%" PRIu64 "\n", a.n - 1);
        json_decref(a.cluster.tunables);
        return NIKA_EXIT_USAGE;
    }
    bool hybrid = cli_protocol_is_hybrid(a.cluster.protocol);
    if (!hybrid && a.cluster.trusted != NIKA_TRUST_NONE) {
        fprintf(stderr, "nika: --trusted: protocol %s has no trusted subsystem\n",
                a.cluster.protocol);
        json_decref(a.cluster.tunables);
        return NIKA_EXIT_USAGE;
    }
    if (hybrid && a.cluster.trusted == NIKA_TRUST_NONE) a.cluster.trusted = NIKA_TRUST_SOFTWARE;
    a.cluster.n = a.n;
    a.cluster.seconds = a.seconds;
    a.cluster.suite = a.suite;
    a.trusted.rounds = a.rounds;
    a.trusted.seconds = a.seconds;
    a.trusted.dir = a.cluster.dir;
    json_t *root = a.on_cluster   ? cli_bench_cluster_run(&a.cluster, &worst)
                   : a.on_trusted ? cli_bench_trusted_run(&a.trusted, &worst)
                                  : measure_all(&a, &worst);
    json_decref(a.cluster.tunables);
    if (root == NULL) return worst;
    print_result(&a, root);
    return worst;
}

const struct cli_command cli_bench = {
    "bench",
    "sim|cluster|trusted|detect",
    "measure the simulator, a real cluster, trusted certificates, or strategies against planted "
    "bugs",
    "Measures whole runs on one core: messages, requests, events "
    "and short runs a second, and the cost of a snapshot; or "
    "throughput, latency, processor time and memory of a live "
    "cluster; or the nanoseconds of a trusted certificate; or, in nika-museum, how many runs each "
    "strategy takes to find each planted bug (docs/museum-figures.md).",
    &argp,
    run};
