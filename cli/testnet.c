/* cli/testnet.c: `nika testnet`: a cluster on this machine: its files, its processes, how it is. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#include "apps/registry.h"
#include "cli/live.h"
#include "engine/shim/log.h"
#include "protocols/registry.h"

#define START_NS UINT64_C(20000000000)

enum {
    OPTION_DIR = 256,
    OPTION_N,
    OPTION_F,
    OPTION_CLIENTS,
    OPTION_PROTOCOL,
    OPTION_APP,
    OPTION_APP_PARAM,
    OPTION_SUITE,
    OPTION_STORE,
    OPTION_PORT,
    OPTION_HOST,
    OPTION_JSON,
    OPTION_RECORD,
    OPTION_THREADS,
    OPTION_TLS,
    OPTION_CLIENT_AUTH,
    OPTION_TRUSTED
};

struct arguments {
    const char *verb;
    struct nika_testnet_options net;
    bool f_given, json, record;
};

static const struct argp_option options[] = {
    {"dir", OPTION_DIR, "DIR", 0, "where its files are", 0},
    {"n", OPTION_N, "N", 0, "replicas (default 4)", 0},
    {"f", OPTION_F, "F", 0,
     "tolerated faults (default: as many as the protocol can, (N-1)/3 or of a hybrid one (N-1)/2)",
     0},
    {"trusted", OPTION_TRUSTED, "KIND", 0,
     "hybrid protocols: process (default: one nika tss for each replica, under another user when "
     "root starts it), or software, in the replica's own process",
     0},
    {"clients", OPTION_CLIENTS, "C", 0, "registered clients (default 10)", 0},
    {"protocol", OPTION_PROTOCOL, "NAME", 0, "default pbft", 0},
    {"app", OPTION_APP, "NAME", 0, "default kv; external: another process at DIR/app-I.sock", 0},
    {"app-param", OPTION_APP_PARAM, "N", 0, "the application's one number (default 0)", 0},
    {"suite", OPTION_SUITE, "NAME", 0, "ed25519 (default), ecdsa-p256, rsa-2048 or hmac", 0},
    {"store", OPTION_STORE, "KIND", 0, "disk (default) or memory, which is for benchmarks", 0},
    {"port", OPTION_PORT, "PORT", 0,
     "of replica 0, the others behind it, then the operator ports (default: free ones)", 0},
    {"host", OPTION_HOST, "ADDRESS", 0, "to listen on (default 127.0.0.1)", 0},
    {"set", 'S', "KEY=NUMBER", 0, "a value of the cluster file, such as batch_count=16; repeatable",
     0},
    {"tls", OPTION_TLS, NULL, 0,
     "sessions travel inside TLS 1.3, with certificates of the identity keys (they are encrypted "
     "and authenticated without it, too)",
     0},
    {"client-auth", OPTION_CLIENT_AUTH, "KIND", 0,
     "signature (default), or macs: clients authenticate each request to each replica with a MAC; "
     "faster, but a faulty client can make the replicas quarrel about it",
     0},
    {"verify-threads", OPTION_THREADS, "N", 0,
     "threads of each replica that verify signatures (default 0: its loop does)", 0},
    {"json", OPTION_JSON, NULL, 0, "status: one JSON array", 0},
    {"record", OPTION_RECORD, NULL, 0,
     "start: every replica writes DIR/replica-I-K.recording, for nika replay", 0},
    {0}};

static void parse_set(char *text, struct argp_state *state, struct arguments *a)
{
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        argp_error(state, "--set: expected KEY=NUMBER, got \"%s\"", text);
        return;
    }
    *equals = '\0';
    uint64_t value = cli_number(equals + 1, text, 0, INT32_MAX, state);
    json_object_set_new(a->net.tunables, text, json_integer((json_int_t)value));
}

static error_t parse_word(char *text, struct argp_state *state, struct arguments *a)
{
    static const char *const verbs[] = {"start", "status", "stop"};
    if (a->verb != NULL) argp_error(state, "one of start, status, stop at a time");
    for (uint32_t i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (strcmp(verbs[i], text) == 0) a->verb = verbs[i];
    }
    if (a->verb == NULL)
        argp_error(state, "expected start, status, stop or nothing, got \"%s\"", text);
    return 0;
}

static void parse_suite(const char *text, struct argp_state *state, struct arguments *a)
{
    a->net.suite = nika_suite_parse(text);
    if (a->net.suite == NIKA_SUITE_NONE || a->net.suite == NIKA_SUITE_SIM)
        argp_error(state, "--suite: expected ed25519, ecdsa-p256, rsa-2048 or hmac, got \"%s\"%s",
                   text, cli_did_you_mean(text, cli_suite_at, NULL));
}

static void parse_store(const char *text, struct argp_state *state, struct arguments *a)
{
    a->net.store = strcmp(text, "memory") == 0 ? NIKA_STORE_MEMORY : NIKA_STORE_DISK;
    if (strcmp(text, "memory") != 0 && strcmp(text, "disk") != 0)
        argp_error(state, "--store: expected disk or memory, got \"%s\"", text);
}

static void parse_end(struct argp_state *state, struct arguments *a)
{
    if (a->net.dir == NULL) argp_error(state, "which folder? (--dir DIR)");
    if (nika_protocol_find(a->net.protocol) == NULL)
        argp_error(state, "--protocol: no protocol \"%s\" (nika list)%s", a->net.protocol,
                   cli_did_you_mean(a->net.protocol, cli_protocol_at, NULL));
    if (!a->f_given) a->net.f = cli_faults_max(a->net.protocol, a->net.n);
    bool hybrid = cli_protocol_is_hybrid(a->net.protocol);
    if (!hybrid && a->net.trusted != NIKA_TRUST_NONE)
        argp_error(state, "--trusted: protocol %s has no trusted subsystem", a->net.protocol);
    if (hybrid && a->net.trusted == NIKA_TRUST_NONE) a->net.trusted = NIKA_TRUST_PROCESS;
    a->net.trusted_uid = cli_trusted_uid();
    if (cli_live_app(a->net.app) == NULL)
        argp_error(state, "--app: no application \"%s\" (nika list)%s", a->net.app,
                   cli_did_you_mean(a->net.app, cli_app_at, NULL));
    if (a->net.port != 0 && a->net.port + 2 * a->net.n > 65536)
        argp_error(state, "--port: %u ports from %u on do not fit", 2 * a->net.n, a->net.port);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    struct nika_testnet_options *net = &a->net;
    switch (key) {
    case OPTION_DIR:
        net->dir = text;
        return 0;
    case OPTION_N:
        net->n = (uint32_t)cli_number(text, "--n", 1, NIKA_REPLICAS_MAX, state);
        return 0;
    case OPTION_F:
        net->f = (uint32_t)cli_number(text, "--f", 0, NIKA_REPLICAS_MAX - 1, state);
        a->f_given = true;
        return 0;
    case OPTION_CLIENTS:
        net->clients = (uint32_t)cli_number(text, "--clients", 1, NIKA_CLIENTS_MAX, state);
        return 0;
    case OPTION_PROTOCOL:
        net->protocol = text;
        return 0;
    case OPTION_APP:
        net->app = text;
        return 0;
    case OPTION_APP_PARAM:
        net->app_param = cli_number(text, "--app-param", 0, UINT32_MAX, state);
        return 0;
    case OPTION_SUITE:
        parse_suite(text, state, a);
        return 0;
    case OPTION_STORE:
        parse_store(text, state, a);
        return 0;
    case OPTION_PORT:
        net->port = (uint16_t)cli_number(text, "--port", 1, 65535, state);
        return 0;
    case OPTION_HOST:
        net->host = text;
        return 0;
    case 'S':
        parse_set(text, state, a);
        return 0;
    case OPTION_THREADS:
        net->verify_threads = (uint32_t)cli_number(text, "--verify-threads", 0, 64, state);
        return 0;
    case OPTION_CLIENT_AUTH:
        net->client_macs = cli_client_macs(text, state);
        return 0;
    case OPTION_TRUSTED:
        net->trusted = cli_trust_kind(text, state);
        return 0;
    case OPTION_TLS:
        net->tls = true;
        return 0;
    case OPTION_RECORD:
        a->record = true;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        return parse_word(text, state, a);
    case ARGP_KEY_END:
        parse_end(state, a);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "[start|status|stop] --dir DIR",
    "Make a cluster on this machine, start it, look at it, stop it.\v"
    "Without a word it writes DIR: cluster file, keys (mode 0600), node files, data directories; "
    "nothing is ever overwritten. `start` runs every replica that does not run yet and waits until "
    "all are healthy; one that stopped voting because its trusted part was gone is started again. "
    "Logs are in DIR. `status` exits 0 when all are healthy, else 6. `stop` ends "
    "all in order.\n\n"
    "  nika testnet --n 4 --dir out/t && nika testnet start --dir out/t\n"
    "  nika testnet --protocol hybster --n 3 --dir out/h && nika testnet start --dir out/h\n"
    "  nika testnet status --dir out/t; nika testnet stop --dir out/t",
    NULL,
    NULL,
    NULL};

static int make(const struct nika_testnet_options *options_given, struct nika_problems *problems)
{
    if (!cli_testnet_make(options_given, problems)) return cli_problems(problems);
    printf("%s: cluster of %u replicas and %u clients; start it: nika testnet start --dir %s\n",
           options_given->dir, options_given->n, options_given->clients, options_given->dir);
    return 0;
}

static json_t *status_of(const struct cli_replica *replica)
{
    json_t *status = cli_replica_status(replica);
    if (status != NULL) return status;
    long pid = cli_replica_pid(replica);
    return json_pack("{s:i, s:I, s:b, s:s}", "replica", (int)replica->config.replica, "pid",
                     (json_int_t)pid, "healthy", 0, "reason",
                     pid == 0 ? "does not run" : "does not answer");
}

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_trusted(const struct cli_replica *replica, const json_t *s)
{
    const json_t *t = json_object_get(s, "trusted"), *counter = NULL;
    size_t pillar = 0;
    const char *gone = json_string_value(json_object_get(t, "gone"));
    long pid = cli_trusted_pid(replica);
    printf("  trusted   ");
    if (replica->config.trusted.kind == NIKA_TRUST_SOFTWARE) printf("software");
    if (replica->config.trusted.kind == NIKA_TRUST_PROCESS && pid != 0) printf("pid %ld", pid);
    if (replica->config.trusted.kind == NIKA_TRUST_PROCESS && pid == 0) printf("does not run");
    json_array_foreach(json_object_get(t, "counters"), pillar, counter)
    {
        printf("%s[%" JSON_INTEGER_FORMAT "|%" JSON_INTEGER_FORMAT "]",
               pillar == 0 ? "  counter " : " ", json_integer_value(json_array_get(counter, 0)),
               json_integer_value(json_array_get(counter, 1)));
    }
    if (t != NULL)
        printf("  epoch %" JSON_INTEGER_FORMAT "  certificates %" JSON_INTEGER_FORMAT "  %s",
               integer(t, "epoch"), integer(t, "certified"),
               json_is_true(json_object_get(t, "voting")) ? "voting" : "not voting");
    printf("%s%s\n", gone != NULL ? ": " : "", gone != NULL ? gone : "");
}

static void print_status(const struct cli_replica *replica, const json_t *s)
{
    bool healthy = json_is_true(json_object_get(s, "healthy"));
    const char *reason = json_string_value(json_object_get(s, "reason"));
    printf("replica %-3u %s%-9s%s", replica->config.replica,
           cli_colour(stdout, healthy ? "32" : "31"), healthy ? "healthy" : "unhealthy",
           cli_colour(stdout, "0"));
    if (json_object_get(s, "view") != NULL)
        printf(" view %" JSON_INTEGER_FORMAT "  executed %" JSON_INTEGER_FORMAT
               "  requests %" JSON_INTEGER_FORMAT "  pid %" JSON_INTEGER_FORMAT "  http://%s:%u",
               integer(s, "view"), integer(s, "executed"),
               integer(json_object_get(s, "work"), "requests"), integer(s, "pid"),
               replica->config.http_host, replica->config.http_port);
    printf("%s%s\n", reason != NULL ? "  " : "", reason != NULL ? reason : "");
    if (replica->config.trusted.kind != NIKA_TRUST_NONE) print_trusted(replica, s);
}

static int show(const struct cli_testnet *net, bool json)
{
    bool healthy = true;
    json_t *list = json_array();
    for (uint32_t i = 0; i < net->n; i++) {
        json_t *status = status_of(&net->replicas[i]);
        healthy = healthy && json_is_true(json_object_get(status, "healthy"));
        if (!json) print_status(&net->replicas[i], status);
        cli_json_version(status, "testnet");
        json_array_append_new(list, status);
    }
    char *text = json ? json_dumps(list, JSON_SORT_KEYS | JSON_INDENT(2)) : NULL;
    if (text != NULL) printf("%s\n", text);
    free(text);
    json_decref(list);
    return healthy ? 0 : NIKA_EXIT_INCONCLUSIVE;
}

static void print_output(const struct cli_replica *replica)
{
    char line[512];
    FILE *file = fopen(replica->output, "re");
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL)
        fprintf(stderr, "replica %u: %s", replica->config.replica, line);
    (void)fclose(file);
}

/* It votes for nothing any more until it begins anew: what is gone never comes back to a running replica. */
static void end_stopped(const struct cli_replica *replica)
{
    json_t *status = cli_replica_status(replica);
    long pid = cli_replica_pid(replica);
    if (pid != 0 && json_is_false(json_object_get(json_object_get(status, "trusted"), "voting")) &&
        kill((pid_t)pid, SIGTERM) == 0) {
        uint64_t until = cli_clock_ns() + START_NS;
        while (cli_replica_pid(replica) == pid && cli_clock_ns() < until)
            nika_clock_sleep(UINT64_C(20000000));
    }
    json_decref(status);
}

static int start(const struct cli_testnet *net, bool json, bool record)
{
    for (uint32_t i = 0; i < net->n; i++) {
        if (net->replicas[i].config.trusted.kind != NIKA_TRUST_NONE) end_stopped(&net->replicas[i]);
        if (cli_replica_pid(&net->replicas[i]) != 0 || cli_replica_start(&net->replicas[i], record))
            continue;
        fprintf(stderr, "nika: replica %u: cannot be started: %s\n", i, strerror(errno));
        return NIKA_EXIT_INCONCLUSIVE;
    }
    bool good = cli_testnet_wait(net, START_NS);
    int status = show(net, json);
    if (good) return status;
    for (uint32_t i = 0; i < net->n; i++) {
        if (cli_replica_pid(&net->replicas[i]) == 0) print_output(&net->replicas[i]);
    }
    fprintf(stderr, "nika: not all replicas became healthy; logs are in %s\n", net->dir);
    return NIKA_EXIT_INCONCLUSIVE;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.net = {.n = 4,
                                  .clients = 10,
                                  .protocol = "pbft",
                                  .app = "kv",
                                  .suite = NIKA_SUITE_ED25519,
                                  .host = "127.0.0.1",
                                  .tunables = json_object(),
                                  .names = &cli_cluster_names}};
    static struct nika_problems problems;
    struct cli_testnet net;
    cli_parse(&argp, argc, argv, &a);
    int status = a.verb == NULL ? make(&a.net, &problems) : NIKA_EXIT_USAGE;
    json_decref(a.net.tunables);
    if (a.verb == NULL) return status;
    if (!cli_testnet_open(a.net.dir, &net, &problems)) {
        cli_problems(&problems);
    } else if (strcmp(a.verb, "start") == 0) {
        status = start(&net, a.json, a.record);
    } else if (strcmp(a.verb, "status") == 0) {
        status = show(&net, a.json);
    } else {
        uint32_t ran = cli_testnet_stop(&net);
        printf("%u of %u replicas stopped\n", ran, net.n);
        status = 0;
    }
    cli_testnet_close(&net);
    return status;
}

const struct cli_command cli_testnet_command = {
    "testnet",
    "[start|status|stop] --dir DIR",
    "make and run a live cluster on this machine",
    "Writes the files of a cluster and runs its replicas as processes on loopback.",
    &argp,
    run};
