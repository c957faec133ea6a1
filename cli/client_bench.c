/* cli/client_bench.c: `nika client bench`: clients in closed loops over libnika, each a thread with keys of its own. */
#include "cli/client.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "apps/kv.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "engine/core/limits.h"
#include "engine/core/stream.h"
#include "engine/shim/cluster.h"
#include "engine/shim/histogram.h"
#include "engine/shim/log.h"

#define SECOND_NS UINT64_C(1000000000)
#define SEEN_MAX (1u << 20) /* Operations that one client remembers for the history: 40 MiB. */
#define TEXT_SIZE 80u

/* An operation as it is remembered: keys and values are numbers until the history is written. */
struct seen {
    uint64_t call_ns, return_ns;
    uint64_t
        value; /* Writer << 32 | its operation + 1; 0: absent; UINT64_MAX: bytes that nobody writes. */
    uint32_t key;
    bool write;
};
struct worker {
    const struct cli_client_bench *bench;
    struct nika_client *client;
    pthread_t thread;
    uint32_t index;
    uint64_t run; /* Random, the same for all: keys of two runs differ. */
    uint64_t until_ns;
    struct nika_histogram durations;
    struct seen *seen;
    uint64_t done, refused, timeouts, count;
    uint8_t operation[NIKA_OP_SIZE_MAX], reply[NIKA_REPLY_SIZE_MAX];
};

static int key_text(const struct worker *w, uint32_t key, char out[TEXT_SIZE])
{
    return snprintf(out, TEXT_SIZE, "bench-%016" PRIx64 "-%" PRIu32, w->run, key);
}

static int value_text(uint64_t value, char out[TEXT_SIZE])
{
    return snprintf(out, TEXT_SIZE, "%" PRIu64 ".%" PRIu64, value >> 32, value & UINT32_MAX);
}

/* The text, filled up to the payload. */
static uint32_t fill(const struct worker *w, uint64_t value, uint8_t *out)
{
    char text[TEXT_SIZE];
    uint32_t size = (uint32_t)value_text(value, text);
    memcpy(out, text, size);
    while (size < w->bench->payload) out[size++] = 'x';
    return size;
}

static size_t write_operation(struct worker *w, const struct seen *s)
{
    char key[TEXT_SIZE];
    uint8_t value[NIKA_KV_VALUE_MAX];
    struct nika_writer out = nika_writer_of(w->operation, sizeof w->operation);
    int size = key_text(w, s->key, key);
    struct nika_kv_op op = {.kind = s->write ? NIKA_KV_PUT : NIKA_KV_GET,
                            .key = {(const uint8_t *)key, (uint32_t)size}};
    if (s->write) op.value = (struct nika_span){value, fill(w, s->value, value)};
    nika_kv_write(&out, &op);
    return out.at;
}

/* Which value is it that was read, byte for byte? */
static uint64_t recognise(const struct worker *w, const uint8_t *bytes, size_t size)
{
    char text[TEXT_SIZE] = "";
    uint8_t expected[NIKA_KV_VALUE_MAX];
    uint64_t writer, number;
    memcpy(text, bytes, size < TEXT_SIZE - 1 ? size : TEXT_SIZE - 1);
    if (sscanf(text, "%" SCNu64 ".%" SCNu64, &writer, &number) != 2 || writer > UINT32_MAX ||
        number == 0 || number > UINT32_MAX)
        return UINT64_MAX;
    uint64_t value = writer << 32 | number;
    return fill(w, value, expected) == size && memcmp(bytes, expected, size) == 0 ? value
                                                                                  : UINT64_MAX;
}

static void do_one(struct worker *w, uint64_t k)
{
    const struct cli_client_bench *b = w->bench;
    uint64_t stream = nika_stream(w->run, "client bench", w->index);
    struct seen s = {.write = nika_stream_draw(stream, 2 * k) % 100 >= b->read_percent,
                     .key = (uint32_t)(nika_stream_draw(stream, 2 * k + 1) % b->keys),
                     .value = (uint64_t)w->index << 32 | (k + 1)};
    size_t size = 0, op_size = write_operation(w, &s);
    s.call_ns = cli_clock_ns();
    enum nika_client_result result =
        nika_client_call(w->client, w->operation, op_size, !s.write, b->timeout_ms, w->reply,
                         sizeof w->reply, &size);
    s.return_ns = cli_clock_ns();
    bool answered = result == NIKA_CLIENT_RESULT_OK;
    uint8_t status = answered && size > 0 ? w->reply[0] : NIKA_KV_BAD;
    if (!answered) {
        w->timeouts++;
        s.return_ns = CLI_HISTORY_NEVER;
    } else if (status == NIKA_KV_OK || (!s.write && status == NIKA_KV_NOT_FOUND)) {
        (void)__atomic_fetch_add(&w->done, 1, __ATOMIC_RELAXED); /* The main thread looks. */
        nika_histogram_add(&w->durations, s.return_ns - s.call_ns);
    } else {
        w->refused++; /* Nothing was changed, and nothing was read. */
        return;
    }
    if (!s.write && answered)
        s.value = status == NIKA_KV_NOT_FOUND ? 0
                  : size < 5                  ? UINT64_MAX
                                              : recognise(w, w->reply + 5, size - 5);
    if (w->seen != NULL) w->seen[w->count++] = s;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    for (uint64_t k = 0; cli_clock_ns() < w->until_ns && w->count < SEEN_MAX; k++) do_one(w, k);
    return NULL;
}

static bool write_history(const struct worker *w, FILE *file)
{
    for (uint64_t i = 0; i < w->count; i++) {
        const struct seen *s = &w->seen[i];
        char key[TEXT_SIZE], value[TEXT_SIZE] = "(bytes that nobody writes)";
        (void)key_text(w, s->key, key);
        if (s->value != UINT64_MAX) (void)value_text(s->value, value);
        const struct cli_history_op op = {.key = key,
                                          .value = s->value == 0 ? NULL : value,
                                          .write = s->write,
                                          .client = w->index,
                                          .call_ns = s->call_ns,
                                          .return_ns = s->return_ns};
        if (!cli_history_append(file, &op)) return false;
    }
    return fflush(file) == 0;
}

static void merge(struct nika_histogram *into, const struct nika_histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max) into->max = from->max;
    for (uint32_t i = 0; i < NIKA_HISTOGRAM_BUCKETS; i++) into->buckets[i] += from->buckets[i];
}

static void report(const struct cli_client_bench *b, const struct worker *workers)
{
    static struct nika_histogram all;
    static const struct {
        const char *name;
        uint32_t ppm;
    } points[] = {{"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p999", 999000}};
    uint64_t done = 0, timeouts = 0, refused = 0;
    json_t *latency = json_object(), *root = json_object();
    for (uint32_t i = 0; i < b->clients; i++) {
        merge(&all, &workers[i].durations);
        done += workers[i].done;
        timeouts += workers[i].timeouts;
        refused += workers[i].refused;
    }
    for (uint32_t i = 0; i < ARRAY_COUNT(points); i++)
        json_object_set_new(
            latency, points[i].name,
            json_integer((json_int_t)(nika_histogram_at(&all, points[i].ppm) / 1000)));
    json_object_set_new(latency, "max", json_integer((json_int_t)(all.max / 1000)));
    json_object_set_new(root, "clients", json_integer(b->clients));
    json_object_set_new(root, "payload", json_integer(b->payload));
    json_object_set_new(root, "read_percent", json_integer(b->read_percent));
    json_object_set_new(root, "seconds", json_integer(b->seconds));
    json_object_set_new(root, "requests", json_integer((json_int_t)done));
    json_object_set_new(root, "timeouts", json_integer((json_int_t)timeouts));
    json_object_set_new(root, "refused", json_integer((json_int_t)refused));
    json_object_set_new(root, "throughput_per_s", json_integer((json_int_t)(done / b->seconds)));
    json_object_set_new(root, "latency_us", latency);
    cli_json_version(root, "client_bench");
    char *text = json_dumps(root, b->json ? JSON_COMPACT : JSON_INDENT(2));
    printf("%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(root);
}

/* ---- phases ---- */
static int open_all(const struct cli_client_bench *b, struct worker *workers)
{
    uint64_t run;
    nika_random_bytes(&run, sizeof run);
    for (uint32_t i = 0; i < b->clients; i++) {
        struct worker *w = &workers[i];
        char key[CLI_CLIENT_PATH_SIZE];
        snprintf(key, sizeof key, "%s", b->key != NULL ? b->key : "");
        if (b->key == NULL) cli_client_key(b->dir, i, key);
        *w = (struct worker){.bench = b, .index = i, .run = run};
        w->client = cli_client_open(b->config, key);
        if (b->history != NULL) w->seen = malloc(SEEN_MAX * sizeof *w->seen);
        if (w->client == NULL) return NIKA_EXIT_USAGE;
        if (b->history != NULL && w->seen == NULL) {
            fprintf(stderr, "nika: bench: out of memory; fewer clients need less\n");
            return NIKA_EXIT_INCONCLUSIVE;
        }
    }
    for (uint32_t i = 0; i < b->clients; i++) {
        if (nika_client_connect(workers[i].client, b->timeout_ms)) continue;
        fprintf(stderr, "nika: bench: client %" PRIu32 " could reach no quorum of replicas", i);
        cli_client_unreachable(workers[i].client);
        return NIKA_EXIT_LIVENESS;
    }
    return 0;
}

/* While the threads work. */
static void show_progress(const struct cli_client_bench *b, const struct worker *workers,
                          uint32_t started, uint64_t until)
{
    struct cli_progress progress;
    cli_progress_init(&progress, "measuring,", "requests", false);
    for (uint64_t now = cli_clock_ns(); started == b->clients && now < until;
         now = cli_clock_ns()) {
        uint64_t done = 0;
        for (uint32_t i = 0; i < started; i++)
            done += __atomic_load_n(&workers[i].done, __ATOMIC_RELAXED);
        cli_progress_show(&progress, done, 0, until - now, "");
        nika_clock_sleep(until - now < SECOND_NS / 5 ? until - now : SECOND_NS / 5);
    }
    cli_progress_end(&progress);
}

static int drive(const struct cli_client_bench *b, struct worker *workers)
{
    uint64_t until = cli_clock_ns() + b->seconds * SECOND_NS;
    uint32_t started = 0;
    int error = 0;
    for (; started < b->clients && error == 0; started++) {
        workers[started].until_ns = until;
        error = pthread_create(&workers[started].thread, NULL, work, &workers[started]);
        if (error != 0) break;
    }
    show_progress(b, workers, started, until);
    for (uint32_t i = 0; i < started; i++) (void)pthread_join(workers[i].thread, NULL);
    if (error == 0) return 0;
    fprintf(stderr, "nika: bench: a thread for each client: %s\n", strerror(error));
    return NIKA_EXIT_INCONCLUSIVE;
}

static int judge(const struct cli_client_bench *b, const struct worker *workers)
{
    uint64_t done = 0;
    int status = 0;
    for (uint32_t i = 0; i < b->clients; i++) {
        done += workers[i].done;
        if (workers[i].timeouts > 0) status = NIKA_EXIT_LIVENESS;
    }
    return done == 0 ? NIKA_EXIT_LIVENESS : status;
}

int cli_client_bench(const struct cli_client_bench *b)
{
    struct worker *workers = calloc(b->clients, sizeof *workers);
    if (workers == NULL) {
        fprintf(stderr, "nika: bench: out of memory\n");
        return NIKA_EXIT_INCONCLUSIVE;
    }
    int status = open_all(b, workers);
    if (status == 0) status = drive(b, workers);
    if (status == 0) {
        report(b, workers);
        status = judge(b, workers);
    }
    for (uint32_t i = 0; i < b->clients; i++) {
        if (b->history != NULL && !write_history(&workers[i], b->history)) {
            fprintf(stderr, "nika: the history cannot be written: %s\n", strerror(errno));
            status = NIKA_EXIT_INCONCLUSIVE;
        }
        nika_client_close(workers[i].client);
        free(workers[i].seen);
    }
    free(workers);
    return status;
}
