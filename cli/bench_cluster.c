/* cli/bench_cluster.c: `nika bench cluster`: a real cluster on loopback under closed-loop load. Measures; judges only whether all replicas
 * executed the same. */
#include "cli/bench_cluster.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "apps/registry.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "engine/core/stream.h"
#include "engine/shim/load.h"
#include "protocols/common/messages.h"
#include "protocols/registry.h"

#define SECOND_NS UINT64_C(1000000000)
#define WARM_UP_NS SECOND_NS
#define CONNECT_NS (10 * SECOND_NS)
#define SETTLE_NS (30 * SECOND_NS)
#define LEVEL_WAIT_NS (10 * SECOND_NS)
#define SLICE_NS (SECOND_NS / 50)
#define KILL_AFTER_NS (SECOND_NS / 2) /* Time before a kill, and before the restart, at most. */

/* Of one replica, as it tells itself. */
struct reading {
    uint64_t cpu_us, crypto_ns, signatures, remembered, executed, writes, frames, rss_kib,
        private_kib, commits, transfers, checkpoint, bytes, certified, trusted_ns;
    char chain[20], checkpoint_digest[2 * NIKA_DIGEST_SIZE + 1];
};
struct bench {
    const struct cli_bench_cluster *options;
    char dir[NIKA_PATH_SIZE];
    struct cli_testnet net;
    struct nika_cluster *cluster;
    struct nika_load *load;
    struct nika_log *log;
    struct nika_histogram durations;
    struct reading before[NIKA_REPLICAS_MAX], after[NIKA_REPLICAS_MAX];
    uint64_t completed, client_cpu_us;
    uint64_t kills;
    bool agree, settled;
};

static uint64_t value(const json_t *root, const char *section, const char *key)
{
    const json_t *object = section == NULL ? root : json_object_get(root, section);
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static bool read_replica(const struct cli_replica *replica, struct reading *out)
{
    json_t *s = cli_replica_status(replica);
    if (s == NULL) {
        fprintf(stderr, "nika: replica %u does not answer\n", replica->config.replica);
        return false;
    }
    const char *chain = json_string_value(json_object_get(s, "execution_chain"));
    const char *digest = json_string_value(json_object_get(s, "checkpoint_digest"));
    *out = (struct reading){.cpu_us = value(s, "process", "cpu_us"),
                            .rss_kib = value(s, "process", "resident_kib"),
                            .private_kib = value(s, "process", "private_kib"),
                            .crypto_ns = value(s, "crypto", "ns"),
                            .signatures = value(s, "crypto", "signatures"),
                            .remembered = value(s, "crypto", "remembered"),
                            .writes = value(s, "links", "writes"),
                            .frames = value(s, "links", "frames_out"),
                            .commits = value(s, "disk", "commits"),
                            .bytes = value(s, "links", "bytes_out"),
                            .certified = value(s, "trusted", "certified"),
                            .trusted_ns = value(s, "trusted", "ns"),
                            .transfers = value(s, "work", "transfers"),
                            .checkpoint = value(s, NULL, "checkpoint"),
                            .executed = value(s, NULL, "executed")};
    snprintf(out->checkpoint_digest, sizeof out->checkpoint_digest, "%s",
             digest != NULL ? digest : "");
    snprintf(out->chain, sizeof out->chain, "%s", chain != NULL ? chain : "");
    json_decref(s);
    return true;
}

static bool read_all(const struct bench *b, struct reading *out)
{
    for (uint32_t i = 0; i < b->net.n; i++) {
        if (!read_replica(&b->net.replicas[i], &out[i])) return false;
    }
    return true;
}

/* Nobody promises anything of it. */
static bool is_liar(const struct bench *b, uint32_t replica)
{
    return b->options->behaviour != NULL && replica == b->options->liar;
}

static void tell_histories(const struct bench *b, const struct reading *now)
{
    for (uint32_t i = 0; i < b->net.n; i++)
        fprintf(stderr,
                "nika: replica %u: executed %" PRIu64 ", history %.16s, %" PRIu64
                " transfers, checkpoint %" PRIu64 " %.16s\n",
                i, now[i].executed, now[i].chain, now[i].transfers, now[i].checkpoint,
                now[i].checkpoint_digest);
}

/* Two replicas at one sequence number. Who fetched a state has no history of what led to it; then the newest checkpoint, which covers
 * application and replies, must be the same. */
static bool is_same(const struct reading *a, const struct reading *b)
{
    if (a->transfers == 0 && b->transfers == 0) return strcmp(a->chain, b->chain) == 0;
    return a->checkpoint == b->checkpoint &&
           strcmp(a->checkpoint_digest, b->checkpoint_digest) == 0;
}

/* Do all stand at one sequence number with one history? A replica that is behind catches up by itself. */
static bool compare_histories(struct bench *b)
{
    struct reading now[NIKA_REPLICAS_MAX];
    uint32_t first = is_liar(b, 0) ? 1 : 0;
    uint64_t until = cli_clock_ns() + LEVEL_WAIT_NS;
    while (cli_clock_ns() < until) {
        bool level = read_all(b, now);
        for (uint32_t i = 0; level && i < b->net.n; i++)
            level = is_liar(b, i) || now[i].executed == now[first].executed;
        for (uint32_t i = 0; level && i < b->net.n; i++) {
            if (is_liar(b, i) || is_same(&now[i], &now[first])) continue;
            fprintf(stderr, "nika: replicas with different histories\n");
            tell_histories(b, now);
            return false;
        }
        if (level) return true;
        (void)nika_load_settle(b->load, SECOND_NS / 20);
        nika_clock_sleep(SECOND_NS / 20);
    }
    fprintf(stderr, "nika: the replicas did not all come to one sequence number within %u s\n",
            (unsigned)(LEVEL_WAIT_NS / SECOND_NS));
    tell_histories(b, now);
    return false;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static uint64_t own_cpu_us(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) return 0;
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* ---- phases ---- */
static bool make_cluster(struct bench *b, struct nika_problems *problems)
{
    const struct cli_bench_cluster *o = b->options;
    json_t *tunables = json_object();
    json_object_update(tunables, o->tunables);
    if (o->batch != 0)
        json_object_set_new(tunables, "batch_count", json_integer((json_int_t)o->batch));
    bool patient = o->kills == 0 && o->behaviour == NULL && o->client_behaviour_text == NULL;
    /* A slow suite must not look like a faulty primary. */
    if (patient && json_object_get(tunables, "request_ms") == NULL)
        json_object_set_new(tunables, "request_ms", json_integer(20000));
    if (patient && json_object_get(tunables, "client_ms") == NULL)
        json_object_set_new(tunables, "client_ms", json_integer(10000));
    /* Nobody is slow on purpose, so the watch over the primary would only cost: n - 1 views at the start and each request sent to all. */
    if (patient && json_object_get(tunables, "pace_ms") == NULL)
        json_object_set_new(tunables, "pace_ms", json_integer(0));
    const struct nika_testnet_options net = {.dir = b->dir,
                                             .n = (uint32_t)o->n,
                                             .f = cli_faults_max(o->protocol, (uint32_t)o->n),
                                             .clients = (uint32_t)o->clients,
                                             .sessions = (uint32_t)o->sessions,
                                             .tls = o->tls,
                                             .client_macs = o->client_macs,
                                             .protocol = o->protocol,
                                             .app = o->app,
                                             .suite = nika_suite_parse(o->suite),
                                             .store = o->store,
                                             .trusted = o->trusted,
                                             .trusted_uid = cli_trusted_uid(),
                                             .verify_threads = (uint32_t)o->verify_threads,
                                             .host = "127.0.0.1",
                                             .tunables = tunables,
                                             .names = &cli_cluster_names};
    bool good = cli_testnet_make(&net, problems) && cli_testnet_open(b->dir, &b->net, problems);
    json_decref(tunables);
    return good;
}

static bool start_cluster(struct bench *b)
{
    if (b->options->behaviour != NULL)
        b->net.replicas[b->options->liar].behaviour = b->options->behaviour;
    for (uint32_t i = 0; i < b->net.n; i++) {
        if (cli_replica_start(&b->net.replicas[i], b->options->record)) continue;
        fprintf(stderr, "nika: replica %u: cannot be started: %s\n", i, strerror(errno));
        return false;
    }
    if (cli_testnet_wait(&b->net, CONNECT_NS)) return true;
    fprintf(stderr, "nika: the cluster in %s did not become healthy\n", b->dir);
    return false;
}

/* Replicas send clients nothing but replies, and each says whose it is. */
static uint32_t receiver_of(const struct nika_frame *frame)
{
    struct common_reply reply;
    if (frame->type != COMMON_TYPE_reply ||
        nika_decode(&common_info_reply, frame->body, &reply) != NIKA_OK)
        return NIKA_NODE_NONE;
    return nika_client_node(reply.client);
}

static bool make_load(struct bench *b, struct nika_problems *problems)
{
    char path[NIKA_PATH_SIZE], keys[NIKA_PATH_SIZE];
    const struct nika_protocol *protocol = nika_protocol_find(b->options->protocol);
    uint64_t liars = b->options->client_behaviour_text == NULL ? 0 : b->options->lying_clients;
    snprintf(path, sizeof path, "%.480s/cluster.json", b->dir);
    snprintf(keys, sizeof keys, "%.480s/keys", b->dir);
    b->cluster = nika_cluster_load(path, &cli_cluster_names, problems);
    b->log = nika_log_open("", NIKA_LOG_ERROR);
    if (b->cluster == NULL || b->log == NULL) return false;
    const struct nika_load_options options = {.cluster = b->cluster,
                                              .keys = keys,
                                              .clients = (uint32_t)b->options->clients,
                                              .payload = (uint32_t)b->options->payload,
                                              .seed = 1,
                                              .client_ops = protocol->client,
                                              .messages = protocol->replica->messages,
                                              .app_ops = nika_app_find(b->options->app),
                                              .log = b->log,
                                              .receiver = receiver_of,
                                              .behaviour = &b->options->client_behaviour,
                                              .liars = (uint32_t)liars,
                                              .replica_ops = protocol->replica,
                                              .counter = liars == 0 &&
                                                         strcmp(b->options->app, "null") == 0};
    b->load = nika_load_new(&options, problems);
    return b->load != NULL;
}

/* Closed-loop load for this long, in slices, so that it can be told how far it is. */
static uint64_t run_load(struct bench *b, const char *what, uint64_t ns,
                         struct nika_histogram *durations)
{
    struct cli_progress progress;
    uint64_t completed = 0, until = cli_clock_ns() + ns;
    cli_progress_init(&progress, what, "requests", false);
    for (uint64_t now = cli_clock_ns(); now < until; now = cli_clock_ns()) {
        cli_progress_show(&progress, completed, 0, until - now, "");
        completed +=
            nika_load_run(b->load, until - now < SECOND_NS ? until - now : SECOND_NS, durations);
    }
    cli_progress_end(&progress);
    return completed;
}

static bool measure(struct bench *b)
{
    if (!nika_load_connect(b->load, CONNECT_NS)) {
        fprintf(stderr, "nika: clients cannot connect to every replica\n");
        return false;
    }
    (void)run_load(b, "warming up,", WARM_UP_NS, NULL);
    uint64_t cpu = own_cpu_us();
    if (!read_all(b, b->before)) return false;
    b->completed = run_load(b, "measuring,", b->options->seconds * SECOND_NS, &b->durations);
    b->client_cpu_us = own_cpu_us() - cpu;
    if (!read_all(b, b->after)) return false;
    if (!nika_load_settle(b->load, SETTLE_NS))
        fprintf(stderr, "nika: some requests were not answered within 30 s\n");
    b->agree = compare_histories(b) && nika_load_history(b->load)->violations == 0;
    return true;
}

/* ---- kill -9 ---- */
static uint64_t executed_by(const struct cli_replica *replica)
{
    json_t *status = cli_replica_status(replica);
    uint64_t executed = status == NULL ? 0 : value(status, NULL, "executed");
    json_decref(status);
    return executed;
}

static bool is_amnesiac(const struct cli_replica *replica)
{
    json_t *status = cli_replica_status(replica);
    bool amnesiac = !json_is_false(json_object_get(status, "amnesiac"));
    json_decref(status);
    return amnesiac;
}

/* Until the victim has executed all that any replica had when it was started again, with the clients at work. It need not be healthy: one
 * that suspected the primary alone waits in its next view for the others, and follows them by state transfer. False after 30 s. */
static bool work_until_back(struct bench *b, uint32_t victim)
{
    uint64_t until = cli_clock_ns() + SETTLE_NS, goal = 0;
    for (uint32_t i = 0; i < b->net.n; i++) {
        uint64_t executed = i == victim ? 0 : executed_by(&b->net.replicas[i]);
        if (executed > goal) goal = executed;
    }
    while (cli_clock_ns() < until) {
        b->completed += nika_load_run(b->load, SLICE_NS, &b->durations);
        if (executed_by(&b->net.replicas[victim]) < goal) continue;
        /* One lost disk is within f; the next may only be lost when this one has been learned again. */
        if (!is_amnesiac(&b->net.replicas[victim])) return true;
    }
    return false;
}

static bool kill_one(struct bench *b, uint64_t k)
{
    uint64_t stream = nika_stream(b->options->seed, "kill", k);
    bool rolling = b->options->how == CLI_KILL_TERM;
    uint32_t victim = (uint32_t)(rolling ? k % b->net.n : nika_stream_below(stream, 0, b->net.n));
    const struct cli_replica *replica = &b->net.replicas[victim];
    uint64_t before_ns = nika_stream_below(stream, 1, KILL_AFTER_NS);
    uint64_t down_ns = nika_stream_below(stream, 2, KILL_AFTER_NS);
    b->completed += nika_load_run(b->load, before_ns, &b->durations);
    long pid = cli_replica_pid(replica);
    if (pid == 0 || kill((pid_t)pid, rolling ? SIGTERM : SIGKILL) != 0) {
        fprintf(stderr, "nika: replica %u was not running at kill %" PRIu64 "\n", victim, k);
        return false;
    }
    b->completed += nika_load_run(b->load, down_ns, &b->durations);
    while (cli_replica_pid(replica) != 0)
        b->completed += nika_load_run(b->load, SLICE_NS / 10, &b->durations);
    if (b->options->how == CLI_KILL_LOSE)
        (void)nftw(replica->config.data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (!cli_replica_start(replica, b->options->record) || !work_until_back(b, victim)) {
        fprintf(stderr, "nika: replica %u did not come back after kill %" PRIu64 "\n", victim, k);
        return false;
    }
    b->kills++;
    return true;
}

/* Requests that were answered with the wrong number, or not at all within 30 s, are what it is about. */
static bool kill_many(struct bench *b)
{
    if (!nika_load_connect(b->load, CONNECT_NS)) {
        fprintf(stderr, "nika: clients cannot connect to every replica\n");
        return false;
    }
    struct cli_progress progress;
    cli_progress_init(&progress, "", "kills", false);
    while (b->kills < b->options->kills && kill_one(b, b->kills)) {
        char extra[48];
        snprintf(extra, sizeof extra, "%" PRIu64 " requests", b->completed);
        cli_progress_show(&progress, b->kills, b->options->kills, CLI_PROGRESS_BY_RATE, extra);
    }
    cli_progress_end(&progress);
    b->settled = nika_load_settle(b->load, SETTLE_NS);
    return true;
}

static json_t *report_kills(struct bench *b)
{
    const struct nika_counter_history *h = nika_load_history(b->load);
    if (h->violations > 0) fprintf(stderr, "nika: %s\n", h->first);
    if (!b->settled) fprintf(stderr, "nika: some requests were not answered within 30 s\n");
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I}", "kills", (json_int_t)b->kills,
                     "issued", (json_int_t)h->begun, "acknowledged", (json_int_t)h->answered,
                     "highest", (json_int_t)h->highest, "violations", (json_int_t)h->violations,
                     "all_answered", (int)b->settled, "seed", (json_int_t)b->options->seed,
                     "latency_us_max", (json_int_t)(b->durations.max / 1000));
}

static int judge_kills(struct bench *b)
{
    if (nika_load_history(b->load)->violations > 0) return NIKA_EXIT_SAFETY;
    return b->settled && b->kills == b->options->kills ? 0 : NIKA_EXIT_LIVENESS;
}

/* ---- the report ---- */
static json_t *list_of(const struct bench *b, bool resident)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < b->net.n; i++)
        json_array_append_new(list, json_integer((json_int_t)(resident ? b->after[i].rss_kib
                                                                       : b->after[i].private_kib)));
    return list;
}

static void set(json_t *root, const char *key, uint64_t number)
{
    json_object_set_new(root, key, json_integer((json_int_t)number));
}

static void set_costs(const struct bench *b, json_t *root)
{
    uint64_t cpu = 0, crypto = 0, signatures = 0, frames = 0, writes = 0, commits = 0, bytes = 0,
             certified = 0, trusted_ns = 0;
    for (uint32_t i = 0; i < b->net.n; i++) {
        const struct reading *from = &b->before[i], *to = &b->after[i];
        cpu += to->cpu_us - from->cpu_us;
        crypto += to->crypto_ns - from->crypto_ns;
        signatures += to->signatures - from->signatures;
        frames += to->frames - from->frames;
        writes += to->writes - from->writes;
        commits += to->commits - from->commits;
        bytes += to->bytes - from->bytes;
        certified += to->certified - from->certified;
        trusted_ns += to->trusted_ns - from->trusted_ns;
    }
    uint64_t done = b->completed == 0 ? 1 : b->completed;
    set(root, "cpu_us_per_request", cpu / done);
    set(root, "client_cpu_us_per_request", b->client_cpu_us / done);
    set(root, "signatures_per_1000_requests", signatures * 1000 / done);
    set(root, "frames_per_1000_requests", frames * 1000 / done);
    set(root, "writes_per_1000_requests", writes * 1000 / done);
    set(root, "bytes_per_request", bytes / done);
    if (b->options->trusted != NIKA_TRUST_NONE) {
        set(root, "certificates_per_1000_requests", certified * 1000 / done);
        set(root, "trusted_us_per_1000_requests", trusted_ns / done);
    }
    set(root, "log_commits", commits);
    double share = cpu == 0 ? 0 : (double)crypto / 1000 / (double)cpu;
    json_object_set_new(root, "crypto_cpu_share", json_real(share));
}

static json_t *report(const struct bench *b)
{
    const struct cli_bench_cluster *o = b->options;
    const struct nika_histogram *h = &b->durations;
    json_t *root = json_object();
    json_object_set_new(root, "suite", json_string(o->suite));
    json_object_set_new(root, "ed25519_by", json_string(nika_auth_backend()));
    json_object_set_new(root, "protocol", json_string(o->protocol));
    json_object_set_new(root, "app", json_string(o->app));
    json_object_set_new(root, "store",
                        json_string(o->store == NIKA_STORE_MEMORY ? "memory" : "disk"));
    json_object_set_new(root, "build", json_string(cli_version_text()));
    if (o->client_behaviour_text != NULL) {
        json_object_set_new(root, "client_behaviour", json_string(o->client_behaviour_text));
        set(root, "lying_clients", o->lying_clients);
        set(root, "client_acts", nika_load_acts(b->load));
    }
    if (o->behaviour != NULL) {
        json_object_set_new(root, "behaviour", json_string(o->behaviour));
        set(root, "liar", o->liar);
    }
    if (o->trusted != NIKA_TRUST_NONE)
        json_object_set_new(
            root, "trusted",
            json_string(o->trusted == NIKA_TRUST_SOFTWARE ? "software" : "process"));
    set(root, "n", o->n);
    set(root, "f", b->cluster->config.f);
    set(root, "clients", o->clients);
    set(root, "sessions", o->sessions == 0 ? o->clients : o->sessions);
    json_object_set_new(root, "client_auth", json_string(o->client_macs ? "macs" : "signature"));
    json_object_set_new(root, "tls", json_boolean(o->tls));
    set(root, "payload", o->payload);
    set(root, "seconds", o->seconds);
    set(root, "verify_threads", o->verify_threads);
    set(root, "batch", b->cluster->config.batch_count_max);
    set(root, "requests", b->completed);
    set(root, "throughput_per_s", b->completed / o->seconds);
    json_object_set_new(root, "latency_us",
                        json_pack("{s:I, s:I, s:I, s:I, s:I}", "p50",
                                  (json_int_t)(nika_histogram_at(h, 500000) / 1000), "p90",
                                  (json_int_t)(nika_histogram_at(h, 900000) / 1000), "p99",
                                  (json_int_t)(nika_histogram_at(h, 990000) / 1000), "p999",
                                  (json_int_t)(nika_histogram_at(h, 999000) / 1000), "max",
                                  (json_int_t)(h->max / 1000)));
    json_object_set_new(root, "rss_kib", list_of(b, true));
    json_object_set_new(root, "private_kib", list_of(b, false));
    json_object_set_new(root, "digests_agree", json_boolean(b->agree));
    set_costs(b, root);
    return root;
}

static void clean_up(struct bench *b)
{
    nika_load_free(b->load);
    if (b->net.replicas != NULL) (void)cli_testnet_stop(&b->net);
    cli_testnet_close(&b->net);
    nika_cluster_free(b->cluster);
    nika_log_close(b->log);
    if (b->options->dir == NULL && b->dir[0] != '\0')
        (void)nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

json_t *cli_bench_cluster_run(const struct cli_bench_cluster *options, int *status)
{
    static struct nika_problems problems;
    struct bench *b = calloc(1, sizeof *b);
    json_t *root = NULL;
    *status = NIKA_EXIT_INCONCLUSIVE;
    if (b == NULL) return NULL;
    b->options = options;
    snprintf(b->dir, sizeof b->dir, "%s",
             options->dir != NULL ? options->dir : "/tmp/nika-bench-XXXXXX");
    if (options->dir == NULL && mkdtemp(b->dir) == NULL) {
        fprintf(stderr, "nika: %s: %s\n", b->dir, strerror(errno));
        b->dir[0] = '\0';
    } else if (make_cluster(b, &problems) && start_cluster(b) && make_load(b, &problems)) {
        if (options->kills > 0 && kill_many(b)) {
            root = report_kills(b);
            *status = judge_kills(b);
        } else if (options->kills == 0 && measure(b)) {
            root = report(b);
            *status = b->agree ? 0 : NIKA_EXIT_SAFETY;
        }
    }
    if (problems.count > 0) *status = cli_problems(&problems);
    clean_up(b);
    free(b);
    return root;
}
