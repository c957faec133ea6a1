/* cli/fidelity_live.c: the real side of `nika fidelity`: the scenario's cluster as processes, its workload, and what the plan does to them.
 * Measures as clients see it; judges completion, the clients' counter and the replicas' states. */
#include "cli/fidelity.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/registry.h"
#include "cli/progress.h"
#include "engine/shim/load.h"
#include "protocols/registry.h"

#define SECOND_NS UINT64_C(1000000000)
#define SLICE_NS (SECOND_NS / 500)
#define WAIT_NS (10 * SECOND_NS)

static const char *const tunables[] = {
#define TUNABLE(key, field, kind, unit, low, high) key,
#include "engine/shim/cluster.def"
#undef TUNABLE
};
struct side {
    const struct cli_live_options *options;
    struct cli_plan *plan;
    struct cli_net net;
    char dir[NIKA_PATH_SIZE];
    struct cli_testnet files;
    struct nika_cluster *cluster;
    struct nika_load *load;
    struct nika_log *log;
    long stopped[NIKA_REPLICAS_MAX]; /* Process that is stopped; 0 = none. */
    bool running[NIKA_REPLICAS_MAX]; /* Started, and not killed since. */
    uint64_t started_ns, finished_ns;
};

static volatile sig_atomic_t interrupted;
static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static uint64_t value(const struct side *s, enum nika_scenario_key key)
{
    return s->options->scenario->values[key];
}

static const char *name_of(const struct side *s, enum nika_scenario_key key)
{
    return nika_schema[key].names((uint32_t)value(s, key));
}

/* ---- files ---- */
static json_t *settings(const struct side *s)
{
    json_t *out = json_object();
    for (uint32_t i = 0; i < ARRAY_COUNT(tunables); i++) {
        uint32_t key = nika_schema_find("cluster", tunables[i]);
        if (key == NIKA_KEY_COUNT) continue;
        uint64_t wanted = s->options->scenario->values[key];
        if (strcmp(tunables[i], "pending_max") == 0 && wanted > 4096) wanted = 4096;
        json_object_set_new(out, tunables[i], json_integer((json_int_t)wanted));
    }
    json_object_set_new(out, "read_only", json_boolean(value(s, NIKA_KEY_READ_ONLY) != 0));
    return out;
}

/* Where each replica is; the group id covers keys, not addresses. */
static bool write_addresses(const struct side *s, const char *file)
{
    json_t *root = json_load_file(file, 0, NULL);
    for (uint32_t i = 0; i < s->net.n; i++) {
        char address[32];
        cli_net_address(&s->net, i, address);
        json_object_set_new(json_array_get(json_object_get(root, "replicas"), i), "host",
                            json_string(address));
    }
    bool good = root != NULL && json_dump_file(root, file, JSON_INDENT(2)) == 0;
    if (!good) fprintf(stderr, "nika: %s: cannot be written: %s\n", file, strerror(errno));
    json_decref(root);
    return good;
}

static bool make_files(struct side *s, struct nika_problems *problems)
{
    char file[NIKA_PATH_SIZE];
    json_t *numbers = settings(s);
    const char *suite = name_of(s, NIKA_KEY_SUITE);
    if (strcmp(suite, "sim") == 0) {
        cli_plan_left_out(s->plan, "suite sim: hmac in its place");
        suite = "hmac";
    }
    const struct nika_testnet_options net = {.dir = s->dir,
                                             .n = s->net.n,
                                             .f = (uint32_t)value(s, NIKA_KEY_F),
                                             .clients = (uint32_t)value(s, NIKA_KEY_CLIENTS),
                                             .protocol = name_of(s, NIKA_KEY_PROTOCOL),
                                             .app = name_of(s, NIKA_KEY_APP),
                                             .app_param = value(s, NIKA_KEY_APP_PARAM),
                                             .suite = nika_suite_parse(suite),
                                             .host = "127.0.0.1",
                                             .tunables = numbers,
                                             .names = &cli_cluster_names};
    snprintf(file, sizeof file, "%.480s/cluster.json", s->dir);
    bool good = cli_testnet_make(&net, problems) && write_addresses(s, file) &&
                cli_testnet_open(s->dir, &s->files, problems);
    json_decref(numbers);
    if (good) s->cluster = nika_cluster_load(file, &cli_cluster_names, problems);
    return good && s->cluster != NULL;
}

/* ---- processes ---- */
static bool start(struct side *s, uint32_t replica)
{
    bool good =
        cli_net_enter(&s->net, replica) && cli_replica_start(&s->files.replicas[replica], false);
    int error = errno;
    good = cli_net_enter(&s->net, NIKA_NODE_NONE) && good;
    s->running[replica] = good;
    if (!good)
        fprintf(stderr, "nika: replica %u: cannot be started: %s\n", replica, strerror(error));
    return good;
}

/* A process that was just started is not seen yet, one that was just killed is still there. False after two seconds. */
static bool await(const struct side *s, uint32_t replica, bool running)
{
    uint64_t until = cli_clock_ns() + 2 * SECOND_NS;
    while ((cli_replica_pid(&s->files.replicas[replica]) != 0) != running) {
        if (cli_clock_ns() >= until) return false;
        nika_clock_sleep(SECOND_NS / 1000);
    }
    return true;
}

static json_t *status_of(const struct side *s, uint32_t replica)
{
    if (s->stopped[replica] != 0 || cli_replica_pid(&s->files.replicas[replica]) == 0) return NULL;
    if (!cli_net_enter(&s->net, replica)) return NULL;
    json_t *status = cli_replica_status(&s->files.replicas[replica]);
    return cli_net_enter(&s->net, NIKA_NODE_NONE) ? status : NULL;
}

static bool start_all(struct side *s)
{
    uint64_t until = cli_clock_ns() + WAIT_NS;
    for (uint32_t i = 0; i < s->net.n; i++) {
        if (!start(s, i)) return false;
    }
    for (uint32_t i = 0; i < s->net.n;) {
        json_t *status = status_of(s, i);
        i += status != NULL ? 1 : 0;
        if (status == NULL) nika_clock_sleep(SECOND_NS / 50);
        json_decref(status);
        if (cli_clock_ns() < until && !interrupted) continue;
        fprintf(stderr, "nika: replica %u did not start; its log: %s/replica-%u.log\n", i, s->dir,
                i);
        return false;
    }
    return true;
}

static void signal_to(struct side *s, uint32_t replica, int number)
{
    long pid = cli_replica_pid(&s->files.replicas[replica]);
    if (pid != 0) (void)kill((pid_t)pid, number);
    s->stopped[replica] = number == SIGSTOP ? pid : 0;
}

static bool perform(struct side *s, const struct cli_act *act)
{
    const struct cli_replica *replica = &s->files.replicas[act->replica];
    switch (act->kind) {
    case CLI_ACT_KILL:
        if (!s->running[act->replica]) return true;
        (void)await(s, act->replica, true);
        signal_to(s, act->replica, SIGKILL);
        s->running[act->replica] = false;
        return true;
    case CLI_ACT_FORGET:
    case CLI_ACT_START:
        if (s->running[act->replica] || !await(s, act->replica, false)) return true;
        if (act->kind == CLI_ACT_FORGET)
            (void)nftw(replica->config.data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        return start(s, act->replica);
    case CLI_ACT_STOP:
        signal_to(s, act->replica, SIGSTOP);
        return true;
    case CLI_ACT_RESUME:
        if (s->stopped[act->replica] != 0) signal_to(s, act->replica, SIGCONT);
        return true;
    case CLI_ACT_CUT:
    case CLI_ACT_HEAL:
        return cli_net_cut(&s->net, act->replica, act->kind == CLI_ACT_CUT);
    case CLI_ACT_SETTLE:
        return cli_net_shape(&s->net, value(s, NIKA_KEY_LATENCY_MEDIAN), 0, 0);
    }
    return true;
}

/* ---- the run ---- */
static bool make_load(struct side *s, struct nika_problems *problems)
{
    char keys[NIKA_PATH_SIZE];
    const struct nika_protocol *protocol = nika_protocol_find(name_of(s, NIKA_KEY_PROTOCOL));
    const char *app = name_of(s, NIKA_KEY_APP);
    snprintf(keys, sizeof keys, "%.480s/keys", s->dir);
    s->log = nika_log_open("", NIKA_LOG_ERROR);
    bool counts = strcmp(app, "null") == 0 && value(s, NIKA_KEY_READ_PPM) == 0;
    const struct nika_load_options options = {.cluster = s->cluster,
                                              .keys = keys,
                                              .clients = s->cluster->config.clients,
                                              .payload = (uint32_t)value(s, NIKA_KEY_PAYLOAD),
                                              .read_ppm = (uint32_t)value(s, NIKA_KEY_READ_PPM),
                                              .seed = s->options->seed,
                                              .requests = value(s, NIKA_KEY_REQUESTS),
                                              .think_ns = value(s, NIKA_KEY_THINK_US) * 1000,
                                              .client_ops = protocol->client,
                                              .messages = protocol->replica->messages,
                                              .app_ops = nika_app_find(app),
                                              .log = s->log,
                                              .counter =
                                                  counts && value(s, NIKA_KEY_APP_PARAM) == 0};
    if (s->log != NULL) s->load = nika_load_new(&options, problems);
    if (s->load == NULL || nika_load_connect(s->load, WAIT_NS)) return s->load != NULL;
    fprintf(stderr, "nika: clients cannot connect to every replica\n");
    return false;
}

static bool run_plan(struct side *s, struct cli_world_figures *out)
{
    uint64_t offset = value(s, NIKA_KEY_START_MS) * 1000000u;
    uint32_t next = 0;
    bool good = true;
    struct cli_progress progress;
    cli_progress_init(&progress, "live cluster,", "requests", false);
    s->started_ns = cli_clock_ns();
    while (good && !interrupted && !nika_load_is_done(s->load)) {
        uint64_t at = cli_clock_ns() - s->started_ns;
        if (at >= s->options->timeout_ns) break;
        while (good && next < s->plan->count && s->plan->acts[next].at_ns <= at + offset)
            good = perform(s, &s->plan->acts[next++]);
        out->commits += nika_load_run(s->load, SLICE_NS, &out->latency);
        cli_progress_show(&progress, out->commits,
                          value(s, NIKA_KEY_CLIENTS) * value(s, NIKA_KEY_REQUESTS),
                          CLI_PROGRESS_BY_RATE, "");
    }
    cli_progress_end(&progress);
    s->finished_ns = cli_clock_ns();
    /* What was to end later ends now: whoever is back must agree with the others. */
    for (; good && next < s->plan->count; next++) {
        enum cli_act_kind kind = s->plan->acts[next].kind;
        bool ends = kind == CLI_ACT_RESUME || kind == CLI_ACT_HEAL ||
                    ((kind == CLI_ACT_START || kind == CLI_ACT_FORGET) &&
                     !s->running[s->plan->acts[next].replica]);
        if (ends) good = perform(s, &s->plan->acts[next]);
    }
    return good && !interrupted;
}

/* ---- judging ---- */
static uint64_t number(const json_t *status, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(status, key));
}

/* Two states that name one sequence number must be one state. */
static bool same_state(const json_t *a, const json_t *b)
{
    const char *x = json_string_value(json_object_get(a, "checkpoint_digest")),
               *y = json_string_value(json_object_get(b, "checkpoint_digest"));
    return x == NULL || y == NULL || number(a, "checkpoint") != number(b, "checkpoint") ||
           strcmp(x, y) == 0;
}

/* One look at everybody. *level: all who run have executed the same number. False when two states differ. */
static bool compare(struct side *s, struct cli_world_figures *out, bool *level)
{
    json_t *seen[NIKA_REPLICAS_MAX] = {NULL};
    uint64_t low = UINT64_MAX;
    bool good = true;
    for (uint32_t i = 0; i < s->net.n; i++) {
        seen[i] = status_of(s, i);
        if (seen[i] == NULL) continue;
        uint64_t executed = number(seen[i], "executed"), view = number(seen[i], "view");
        if (executed > out->executed) out->executed = executed;
        if (executed < low) low = executed;
        if (view > out->view) out->view = view;
        for (uint32_t j = 0; j < i; j++)
            good = good && (seen[j] == NULL || same_state(seen[i], seen[j]));
    }
    for (uint32_t i = 0; i < s->net.n; i++) json_decref(seen[i]);
    *level = low == out->executed;
    return good;
}

static void judge(struct side *s, struct cli_world_figures *out)
{
    uint64_t until = cli_clock_ns() + WAIT_NS;
    bool level = false, agree = true;
    const struct nika_counter_history *h = nika_load_history(s->load);
    for (uint32_t i = 0; i < s->net.n; i++) {
        if (s->running[i]) (void)await(s, i, true);
    }
    (void)nika_load_settle(s->load, SECOND_NS / 2);
    while (agree && !level && !interrupted && cli_clock_ns() < until) {
        agree = compare(s, out, &level);
        (void)nika_load_settle(s->load, SECOND_NS / 20);
        if (!level) nika_clock_sleep(SECOND_NS / 20);
    }
    out->expected = value(s, NIKA_KEY_REQUESTS) * s->cluster->config.clients;
    out->duration_ns = s->finished_ns - s->started_ns;
    out->exit_class = NIKA_EXIT_HELD;
    snprintf(out->sentence, sizeof out->sentence, "every request was answered, %s",
             level ? "and every replica that runs has executed the same"
                   : "but not every replica caught up within 10 s");
    if (out->commits < out->expected) {
        out->exit_class = NIKA_EXIT_LIVENESS;
        snprintf(out->sentence, sizeof out->sentence, "%llu of %llu requests were answered in time",
                 (unsigned long long)out->commits, (unsigned long long)out->expected);
    }
    if (agree && h->violations == 0) return;
    out->exit_class = NIKA_EXIT_SAFETY;
    snprintf(out->sentence, sizeof out->sentence, "%s",
             agree ? h->first : "two replicas have different states at one checkpoint");
}

static void name_what_is_missing(struct side *s)
{
    const char *which = cli_net_names[s->net.kind];
    if (s->net.kind < CLI_NET_RELAY)
        cli_plan_left_out(s->plan, "network.latency_us, loss_ppm: network %s has none", which);
    for (uint32_t i = 0; s->net.kind == CLI_NET_LOOPBACK && i < s->plan->count; i++) {
        if (s->plan->acts[i].kind != CLI_ACT_CUT) continue;
        cli_plan_left_out(s->plan, "fault partition: network loopback has none");
        return;
    }
}

static bool shape(struct side *s)
{
    uint64_t median = value(s, NIKA_KEY_LATENCY_MEDIAN), p99 = value(s, NIKA_KEY_LATENCY_P99);
    return cli_net_shape(&s->net, median, p99 > median ? (p99 - median) / 2 : 0,
                         value(s, NIKA_KEY_GST_MS) == 0 ? 0 : value(s, NIKA_KEY_LOSS_PPM));
}

static void clean_up(struct side *s)
{
    nika_load_free(s->load);
    for (uint32_t i = 0; i < s->net.n && s->files.replicas != NULL; i++) {
        if (s->stopped[i] != 0) signal_to(s, i, SIGCONT);
        if (s->running[i]) (void)await(s, i, true);
    }
    if (s->files.replicas != NULL) (void)cli_testnet_stop(&s->files);
    cli_testnet_close(&s->files);
    nika_cluster_free(s->cluster);
    nika_log_close(s->log);
    cli_net_remove(&s->net);
    if (s->options->dir == NULL && s->dir[0] != '\0')
        (void)nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool cli_fidelity_live(const struct cli_live_options *options, struct cli_plan *plan,
                       struct cli_world_figures *out)
{
    static struct nika_problems problems;
    const struct sigaction catch = {.sa_handler = on_interrupt};
    struct side *s = calloc(1, sizeof *s);
    bool good = s != NULL;
    if (!good) return false;
    s->options = options;
    s->plan = plan;
    /* Processes and namespaces must not outlive an interrupted run. */
    (void)sigaction(SIGINT, &catch, NULL);
    (void)sigaction(SIGTERM, &catch, NULL);
    snprintf(s->dir, sizeof s->dir, "%s",
             options->dir != NULL ? options->dir : "/tmp/nika-fidelity-XXXXXX");
    if (options->dir == NULL && mkdtemp(s->dir) == NULL) {
        fprintf(stderr, "nika: %s: %s\n", s->dir, strerror(errno));
        s->dir[0] = '\0';
        good = false;
    }
    good = good &&
           cli_net_make(&s->net, options->network, (uint32_t)value(s, NIKA_KEY_N), options->seed);
    name_what_is_missing(s);
    good = good && make_files(s, &problems) && start_all(s) && make_load(s, &problems) &&
           shape(s) && run_plan(s, out);
    if (good) judge(s, out);
    if (problems.count > 0) (void)cli_problems(&problems);
    if (interrupted) fprintf(stderr, "nika: fidelity: interrupted\n");
    clean_up(s);
    free(s);
    return good;
}
