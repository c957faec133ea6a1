/* cli/client.c: `nika client`: one operation of the key-value store or the ledger on a live cluster. */
#include "cli/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "apps/kv.h"
#include "apps/ledger.h"
#include "cli/cli.h"
#include "cli/live.h"
#include "engine/core/limits.h"

#define WORDS_MAX 4u
#define BENCH_CLIENTS_MAX 256u /* A thread each. */
#define ERROR_SIZE 16384u
#define CONNECT_MS_MAX 2000u

enum {
    OPTION_DIR = 256,
    OPTION_CONFIG,
    OPTION_KEY,
    OPTION_CLIENT,
    OPTION_TIMEOUT,
    OPTION_HISTORY,
    OPTION_CLIENTS,
    OPTION_SECONDS,
    OPTION_PAYLOAD,
    OPTION_READS,
    OPTION_KEYS,
    OPTION_JSON
};

struct arguments {
    const char *dir, *config, *key, *history;
    const char *words[WORDS_MAX];
    uint32_t count, client, timeout_ms;
    struct cli_client_bench bench;
};

static const struct argp_option options[] = {
    {"dir", OPTION_DIR, "DIR", 0, "folder of nika testnet: its cluster file and client keys", 0},
    {"config", OPTION_CONFIG, "FILE", 0, "cluster file, instead of --dir; needs --key", 0},
    {"key", OPTION_KEY, "FILE", 0, "key file of the client (default DIR/keys/client-I.key)", 0},
    {"client", OPTION_CLIENT, "I", 0, "which client of --dir (default 0)", 0},
    {"timeout", OPTION_TIMEOUT, "MS", 0, "give up after so many milliseconds (default 10000)", 0},
    {"history", OPTION_HISTORY, "FILE", 0,
     "append what was asked and seen, for nika history; put, get and bench", 0},
    {"clients", OPTION_CLIENTS, "N", 0, "bench: the first N clients of --dir (default 1)", 0},
    {"seconds", OPTION_SECONDS, "S", 0, "bench: how long (default 10)", 0},
    {"payload", OPTION_PAYLOAD, "BYTES", 0, "bench: size of a value (default 100)", 0},
    {"reads", OPTION_READS, "PERCENT", 0, "bench: share of gets (default 50)", 0},
    {"keys", OPTION_KEYS, "N", 0, "bench: keys that all clients share (default 16)", 0},
    {"json", OPTION_JSON, NULL, 0, "bench: one line of JSON", 0},
    {0}};

#define BENCH UINT8_MAX
struct verb {
    const char *name, *usage;
    uint32_t words; /* With the verb itself. */
    bool ledger, read_only;
    uint8_t kind;
    bool recorded; /* Can stand in a history. */
};
static const struct verb verbs[] = {
    {"put", "put KEY VALUE", 3, false, false, NIKA_KV_PUT, true},
    {"get", "get KEY", 2, false, true, NIKA_KV_GET, true},
    {"cas", "cas KEY EXPECTED NEW", 4, false, false, NIKA_KV_CAS, false},
    {"del", "del KEY", 2, false, false, NIKA_KV_DEL, false},
    {"transfer", "transfer FROM TO AMOUNT", 4, true, false, NIKA_LEDGER_TRANSFER, false},
    {"balance", "balance ACCOUNT", 2, true, true, NIKA_LEDGER_BALANCE, false},
    {"bench", "bench", 1, false, false, BENCH, true},
};

static const struct verb *find_verb(const char *name)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
    }
    return NULL;
}

static void check(const struct arguments *a, struct argp_state *state)
{
    if (a->count == 0)
        argp_error(state, "which operation? (put, get, cas, del, transfer, balance or bench)");
    const struct verb *verb = find_verb(a->words[0]);
    if (verb == NULL)
        argp_error(state, "expected put, get, cas, del, transfer, balance or bench, got \"%s\"",
                   a->words[0]);
    else if (a->count != verb->words)
        argp_error(state, "expected: %s", verb->usage);
    if ((a->dir == NULL) == (a->config == NULL))
        argp_error(state, "which cluster? (--dir DIR, or --config FILE with --key FILE)");
    if (verb != NULL && a->history != NULL && !verb->recorded)
        argp_error(state, "--history: a history has put and get alone, not %s", verb->name);
    if (verb != NULL && verb->kind == BENCH && a->key != NULL && a->bench.clients > 1)
        argp_error(state, "--clients: one --key is one client; leave it out to use those of --dir");
    if (a->config != NULL && a->key == NULL) argp_error(state, "whose keys? (--key FILE)");
    for (uint32_t i = 1; verb != NULL && verb->ledger && i < a->count; i++)
        (void)cli_number(a->words[i], verb->usage, 0, i < 3 ? UINT32_MAX : INT64_MAX, state);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_DIR:
        a->dir = text;
        return 0;
    case OPTION_CONFIG:
        a->config = text;
        return 0;
    case OPTION_KEY:
        a->key = text;
        return 0;
    case OPTION_CLIENT:
        a->client = (uint32_t)cli_number(text, "--client", 0, NIKA_CLIENTS_MAX - 1, state);
        return 0;
    case OPTION_TIMEOUT:
        a->timeout_ms = (uint32_t)cli_number(text, "--timeout", 1, 3600000, state);
        return 0;
    case OPTION_HISTORY:
        a->history = text;
        return 0;
    case OPTION_CLIENTS:
        a->bench.clients = (uint32_t)cli_number(text, "--clients", 1, BENCH_CLIENTS_MAX, state);
        return 0;
    case OPTION_SECONDS:
        a->bench.seconds = (uint32_t)cli_number(text, "--seconds", 1, 86400, state);
        return 0;
    case OPTION_PAYLOAD:
        a->bench.payload = (uint32_t)cli_number(text, "--payload", 1, NIKA_KV_VALUE_MAX, state);
        return 0;
    case OPTION_READS:
        a->bench.read_percent = (uint32_t)cli_number(text, "--reads", 0, 100, state);
        return 0;
    case OPTION_KEYS:
        a->bench.keys = (uint32_t)cli_number(text, "--keys", 1, 1000000, state);
        return 0;
    case OPTION_JSON:
        a->bench.json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->count == WORDS_MAX) argp_error(state, "unexpected \"%s\"", text);
        a->words[a->count++] = text;
        return 0;
    case ARGP_KEY_END:
        check(a, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "put KEY VALUE | get KEY | cas KEY EXPECTED NEW | del KEY | transfer FROM TO AMOUNT | "
    "balance ACCOUNT | bench",
    "Do one operation on a live cluster, through libnika.\v"
    "put, get, cas and del are of application kv; an empty EXPECTED means that the key must not "
    "exist. transfer and balance are of application ledger. An operation that got no answer may "
    "have been executed all the same, once.\n\n"
    "bench keeps clients in closed loops, each with one operation outstanding, on keys of its own "
    "run, and reports throughput and latency. With --history what they saw can be judged: nika "
    "history FILE.\n\n"
    "Exit code 0: done. 5: answered, but not done: no such key, another value, not enough money. "
    "2: no answer; the replicas without a connection are named. 64: bad arguments or files.\n\n"
    "  nika client --dir out/t put k v\n"
    "  nika client --dir out/t get k\n"
    "  nika client --dir out/t bench --clients 10 --history seen.jsonl && nika history seen.jsonl",
    NULL,
    NULL,
    NULL};

static struct nika_span span_of(const char *text)
{
    return (struct nika_span){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static void write_operation(const struct arguments *a, const struct verb *verb,
                            struct nika_writer *w)
{
    if (verb->ledger) {
        struct nika_ledger_op op = {.kind = (enum nika_ledger_kind)verb->kind,
                                    .from = (uint32_t)strtoull(a->words[1], NULL, 10)};
        if (a->count == 4) {
            op.to = (uint32_t)strtoull(a->words[2], NULL, 10);
            op.amount = strtoull(a->words[3], NULL, 10);
        }
        nika_ledger_write(w, &op);
        return;
    }
    struct nika_kv_op op = {.kind = (enum nika_kv_kind)verb->kind, .key = span_of(a->words[1])};
    if (op.kind == NIKA_KV_PUT) op.value = span_of(a->words[2]);
    if (op.kind == NIKA_KV_CAS) {
        op.expected = span_of(a->words[2]);
        op.expect_present = op.expected.size > 0;
        op.value = span_of(a->words[3]);
    }
    nika_kv_write(w, &op);
}

static const char *status_text(bool ledger, uint8_t status)
{
    static const char *const kv[] = {"done",
                                     "no such key",
                                     "the key has another value",
                                     "the store is full there; nothing was changed",
                                     "not an operation of this application, or too large",
                                     "the value does not fit a reply of this cluster",
                                     "a writing operation on the read-only path"};
    static const char *const accounts[] = {"done",
                                           "not enough money",
                                           ("the account belongs to another client (owner: account "
                                            "number modulo number of clients)"),
                                           "no such account",
                                           "not an operation of this application",
                                           "a writing operation on the read-only path"};
    if (ledger) return status < ARRAY_COUNT(accounts) ? accounts[status] : "unknown status";
    return status < ARRAY_COUNT(kv) ? kv[status] : "unknown status";
}

static int show(const struct verb *verb, struct nika_span reply)
{
    struct nika_reader r = nika_reader_of(reply);
    uint8_t status = nika_read_u8(&r);
    if (reply.size == 0 || status != 0) {
        fprintf(stderr, "nika: %s: %s\n", verb->name,
                reply.size == 0 ? "an empty result: the cluster runs another application"
                                : status_text(verb->ledger, status));
        return NIKA_EXIT_EXPECTATION;
    }
    if (verb->ledger) {
        printf("%" PRIu64 "\n", nika_read_u64(&r));
    } else if (verb->kind == NIKA_KV_GET && reply.size >= 5) {
        fwrite(reply.data + 5, 1, reply.size - 5, stdout);
        putchar('\n');
    }
    return 0;
}

void cli_client_unreachable(const struct nika_client *client)
{
    uint32_t out[NIKA_REPLICAS_MAX];
    uint32_t count = nika_client_unreachable(client, out, NIKA_REPLICAS_MAX);
    if (count == 0) fprintf(stderr, "; all replicas are connected");
    for (uint32_t i = 0; i < count; i++)
        fprintf(stderr, "%s%u", i == 0 ? "; no connection to replica " : ", ", out[i]);
    fprintf(stderr, " (nika testnet status, or the logs of the replicas)\n");
}

static char *text_of(struct nika_span bytes)
{
    char *text = malloc((size_t)bytes.size + 1);
    if (text == NULL) return NULL;
    if (bytes.size > 0) memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return text;
}

/* Only what was done, or may have been: a refusal changes and shows nothing, an absent key is an answer. */
static int record(const struct arguments *a, FILE *history, enum nika_client_result result,
                  struct nika_span reply, uint64_t call_ns)
{
    const struct verb *verb = find_verb(a->words[0]);
    bool answered = result == NIKA_CLIENT_RESULT_OK, write = verb->kind == NIKA_KV_PUT;
    uint8_t status = answered && reply.size > 0 ? reply.data[0] : NIKA_KV_BAD;
    struct cli_history_op op = {.key = a->words[1],
                                .write = write,
                                .client = a->client,
                                .call_ns = call_ns,
                                .return_ns = answered ? cli_clock_ns() : CLI_HISTORY_NEVER};
    if (history == NULL) return 0;
    if (answered && status != NIKA_KV_OK && (write || status != NIKA_KV_NOT_FOUND)) return 0;
    char *read = !write && status == NIKA_KV_OK && reply.size >= 5
                     ? text_of((struct nika_span){reply.data + 5, reply.size - 5})
                     : NULL;
    op.value = write ? a->words[2] : read;
    bool good = cli_history_append(history, &op) && fflush(history) == 0;
    if (!good) fprintf(stderr, "nika: %s: %s\n", a->history, strerror(errno));
    free(read);
    return good ? 0 : NIKA_EXIT_INCONCLUSIVE;
}

static int call(struct nika_client *client, const struct arguments *a, FILE *history)
{
    static uint8_t operation[NIKA_OP_SIZE_MAX], reply[NIKA_REPLY_SIZE_MAX];
    const struct verb *verb = find_verb(a->words[0]);
    struct nika_writer w = nika_writer_of(operation, sizeof operation);
    size_t size = 0;
    write_operation(a, verb, &w);
    if (w.failed) {
        fprintf(stderr, "nika: %s: key or value is too large\n", verb->name);
        return NIKA_EXIT_USAGE;
    }
    uint32_t connect_ms = a->timeout_ms < CONNECT_MS_MAX ? a->timeout_ms : CONNECT_MS_MAX;
    if (!nika_client_connect(client, connect_ms)) {
        fprintf(stderr, "nika: %s: no quorum of replicas could be reached", verb->name);
        cli_client_unreachable(client);
        return NIKA_EXIT_LIVENESS;
    }
    uint64_t call_ns = cli_clock_ns();
    enum nika_client_result result = nika_client_call(client, operation, w.at, verb->read_only,
                                                      a->timeout_ms, reply, sizeof reply, &size);
    struct nika_span answer = {reply, (uint32_t)size};
    int recorded = record(a, history, result, answer, call_ns);
    if (recorded != 0) return recorded;
    if (result == NIKA_CLIENT_RESULT_OK) return show(verb, answer);
    fprintf(stderr, "nika: %s: %s", verb->name, nika_client_result_text(result));
    cli_client_unreachable(client);
    return result == NIKA_CLIENT_RESULT_TIMEOUT ? NIKA_EXIT_LIVENESS : NIKA_EXIT_USAGE;
}

void cli_client_key(const char *dir, uint32_t client, char out[CLI_CLIENT_PATH_SIZE])
{
    snprintf(out, CLI_CLIENT_PATH_SIZE, "%.480s/keys/client-%" PRIu32 ".key", dir, client);
}

struct nika_client *cli_client_open(const char *config, const char *key)
{
    static char error[ERROR_SIZE];
    struct nika_client *client = nika_client_open(config, key, error, sizeof error);
    if (client != NULL) return client;
    for (char *line = error, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        fprintf(stderr, "nika: %s\n", line);
    }
    return NULL;
}

/* Bytes of one application are nonsense to another, or worse: mean something. */
static int check_app(const struct arguments *a, const char *config)
{
    static struct nika_problems problems; /* 20 KiB */
    const struct verb *verb = find_verb(a->words[0]);
    const char *wanted = verb->ledger ? "ledger" : "kv";
    struct nika_cluster *cluster = nika_cluster_load(config, &cli_cluster_names, &problems);
    int status = cluster == NULL ? cli_problems(&problems) : 0;
    /* What an external application understands is its own affair; the examples speak kv. */
    bool may = cluster != NULL && !verb->ledger && strcmp(cluster->app, "external") == 0;
    if (cluster != NULL && !may && strcmp(cluster->app, wanted) != 0) {
        fprintf(stderr,
                "nika: %s: %s is an operation of application %s; the cluster runs application %s\n",
                config, verb->name, wanted, cluster->app);
        status = NIKA_EXIT_USAGE;
    }
    nika_cluster_free(cluster);
    return status;
}

static int work(struct arguments *a, const char *config, FILE *history)
{
    char key[CLI_CLIENT_PATH_SIZE];
    if (find_verb(a->words[0])->kind == BENCH) {
        a->bench.config = config;
        a->bench.dir = a->dir;
        a->bench.key = a->key;
        a->bench.history = history;
        a->bench.timeout_ms = a->timeout_ms;
        return cli_client_bench(&a->bench);
    }
    snprintf(key, sizeof key, "%s", a->key != NULL ? a->key : "");
    if (a->key == NULL) cli_client_key(a->dir, a->client, key);
    struct nika_client *client = cli_client_open(config, key);
    if (client == NULL) return NIKA_EXIT_USAGE;
    int status = call(client, a, history);
    nika_client_close(client);
    return status;
}

static int run(int argc, char **argv)
{
    struct arguments a = {
        .timeout_ms = 10000,
        .bench = {.clients = 1, .seconds = 10, .payload = 100, .read_percent = 50, .keys = 16}};
    char config[CLI_CLIENT_PATH_SIZE];
    FILE *history = NULL;
    cli_parse(&argp, argc, argv, &a);
    snprintf(config, sizeof config, "%s%s", a.config != NULL ? a.config : a.dir,
             a.config != NULL ? "" : "/cluster.json");
    int status = check_app(&a, config);
    if (status != 0) return status;
    if (a.history != NULL && (history = cli_history_open(a.history)) == NULL)
        return NIKA_EXIT_USAGE;
    status = work(&a, config, history);
    if (history != NULL && fclose(history) != 0 && status == 0) {
        fprintf(stderr, "nika: %s: %s\n", a.history, strerror(errno));
        status = NIKA_EXIT_INCONCLUSIVE;
    }
    return status;
}

const struct cli_command cli_client = {"client",
                                       "OPERATION",
                                       "do one operation on a live cluster",
                                       "Puts, gets, compares and swaps, deletes, transfers: "
                                       "through the client module of the simulator.",
                                       &argp,
                                       run};
