/* cli/bench_sim.c: `nika bench sim`: how fast the simulator is, all in. Measures; judges nothing. */
#include "cli/bench_sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/live.h"
#include "cli/progress.h"
#include "protocols/registry.h"

/* What is measured: a cluster on an ordinary network, fault-free or under attack. */
struct setup {
    uint64_t n, clients, requests, batch, rounds;
    uint64_t pillars; /* 0 = one, and no cost of processors. */
    uint64_t budget_ns;
    const char *suite, *protocol;
    bool oracles;
    bool adversarial; /* One Byzantine replica, and a network that loses, repeats and splits. */
};
struct figures {
    uint64_t runs, events, messages, bytes, requests, spent_ns, virtual_ns, replica_bytes;
    int worst;
};

/* An equivocating primary that must be replaced, while the network misbehaves until GST. */
static const char attack[] =
    ",\"faults\":[{\"name\":\"equivocate\",\"targets\":[0]},"
    "{\"name\":\"loss\",\"rate_ppm\":20000},{\"name\":\"duplicate\",\"rate_ppm\":20000},"
    "{\"name\":\"partition\",\"targets\":[2],\"from_ms\":2,\"to_ms\":60}],"
    "\"expect\":{\"faults_act\":false}";

/* What a processor takes for each of these, as on a small server with Ed25519 and HMAC. */
static const char processors[] =
    ",\"cpu\":{\"message_ns\":2000,\"sign_ns\":20000,\"verify_ns\":50000,\"mac_ns\":1000,"
    "\"trusted_ns\":3000,\"hash_ns_per_kib\":1000,\"execute_ns\":500}";

static struct nika_scenario *make_scenario(const struct setup *u)
{
    char text[2000];
    struct nika_diagnoses d;
    snprintf(
        text, sizeof text,
        "{\"schema\":1,\"name\":\"bench\",\"why\":\"measures the simulator\",\"gst_ms\":%s,"
        "\"cluster\":{\"protocol\":\"%s\",\"n\":%" PRIu64 ",\"f\":%" PRIu64 ",\"pillars\":%" PRIu64
        ",\"clients\":%" PRIu64 ",\"app\":\"null\",\"suite\":\"%s\",\"batch_count\":%" PRIu64
        ",\"batch_us\":%s,\"checkpoint_interval\":16,\"window\":64,\"pipeline\":32,"
        "\"store_kib\":%" PRIu64 ",\"request_ms\":%s,\"client_ms\":%s},"
        "\"workload\":{\"requests\":%" PRIu64 ",\"read_ppm\":0,\"payload\":100},"
        "\"network\":{\"latency_us\":{\"min\":100,\"median\":150,\"p99\":300,\"max\":400}},"
        "\"disk\":{\"fsync_us\":{\"min\":50,\"max\":80}}%s}",
        u->adversarial ? "200" : "0", u->protocol, u->n,
        (uint64_t)cli_faults_max(u->protocol, (uint32_t)u->n), u->pillars > 0 ? u->pillars : 1,
        u->clients, u->suite, u->batch, u->batch == 1 ? "0" : "200", (uint64_t)16384 + u->n * 512,
        u->adversarial ? "50" : "60000", u->adversarial ? "80" : "60000", u->requests,
        u->adversarial   ? attack
        : u->pillars > 0 ? processors
                         : "");
    struct nika_scenario *s = nika_scenario_parse("bench", text, strlen(text), NULL, 0, &d);
    if (s == NULL) cli_print_diagnoses(&d);
    return s;
}

/* Nanoseconds of processor time of this process: what others do on the machine counts less than on a wall clock. */
static uint64_t processor_ns(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return ((uint64_t)used.ru_utime.tv_sec + (uint64_t)used.ru_stime.tv_sec) * 1000000000 +
           ((uint64_t)used.ru_utime.tv_usec + (uint64_t)used.ru_stime.tv_usec) * 1000;
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
        uint64_t started = processor_ns();
        struct cli_progress progress;
        cli_progress_init(&progress, "measuring", "runs", false);
        while (u->rounds > 0 ? out->runs < u->rounds : out->spent_ns < u->budget_ns) {
            nika_runner_run(runner, 2 + out->runs, result);
            out->runs++;
            out->events += result->stats.events;
            out->messages += result->stats.messages_delivered;
            out->bytes += result->stats.bytes_sent;
            out->requests += result->requests_completed;
            out->virtual_ns += result->completed_ns;
            out->spent_ns = processor_ns() - started;
            cli_progress_show(&progress, out->runs, u->rounds,
                              u->rounds > 0                  ? CLI_PROGRESS_BY_RATE
                              : out->spent_ns < u->budget_ns ? u->budget_ns - out->spent_ns
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
    return f->spent_ns == 0 ? 0 : (json_int_t)((unsigned __int128)count * 1000000000 / f->spent_ns);
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
        uint64_t started = processor_ns();
        while (snapshot != NULL && spent < u->budget_ns / 4) {
            nika_world_run(world, nika_world_now(world) + 1000000);
            uint64_t from = processor_ns();
            nika_world_snapshot_again(world, snapshot);
            nika_world_restore(world, snapshot);
            spent += processor_ns() - from;
            rounds++;
            if (processor_ns() - started > 2 * u->budget_ns) break;
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
                            (json_int_t)(f.messages > 0 ? f.spent_ns / f.messages : 0),
                            "messages_per_s", per_second(f.messages, &f), "bytes_per_replica",
                            (json_int_t)f.replica_bytes));
    }
    return list;
}

static void add(json_t *root, const char *key, json_int_t value)
{
    json_object_set_new(root, key, json_integer(value));
}

static json_int_t per_virtual_second(const struct figures *f)
{
    return f->virtual_ns == 0
               ? 0
               : (json_int_t)((unsigned __int128)f->requests * 1000000000 / f->virtual_ns);
}

/* More clients than the processors of one pillar can serve: what is gained by more of them. */
static void measure_pillars(const struct setup *base, uint64_t most, json_t *root, int *worst)
{
    json_t *list = json_array();
    for (uint64_t pillars = 1; pillars <= most;
         pillars = 2 * pillars > most && pillars < most ? most : 2 * pillars) {
        struct setup u = *base;
        struct figures f;
        u.pillars = pillars;
        u.clients = 64;
        u.batch = 4;
        u.requests = 50;
        if (!measure(&u, &f)) {
            *worst = NIKA_EXIT_INCONCLUSIVE;
            break;
        }
        if (f.worst > *worst) *worst = f.worst;
        json_array_append_new(
            list,
            json_pack("{s:I, s:I, s:I}", "pillars", (json_int_t)pillars, "requests_per_virtual_s",
                      per_virtual_second(&f), "messages_per_1000_requests",
                      (json_int_t)(f.requests > 0 ? f.messages * 1000 / f.requests : 0)));
    }
    json_object_set_new(root, "by_pillars", list);
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

/* ---- what a full trace costs ---- */
#define TRACE_ROUNDS_MIN 3u

enum { UNTRACED, PACKED, LINES, WAYS };

/* One run, its trace written to `file` in one way. Its processor time, 0 when it could not be made. */
static uint64_t traced_run(struct nika_runner *runner, const struct nika_scenario *s, uint32_t way,
                           FILE *file, struct nika_run_result *result)
{
    const char *reason;
    nika_runner_set_oracles(runner, false); /* The trace of the run before watches no more. */
    nika_runner_set_oracles(runner, true);
    bool good = (rewind(file), ftruncate(fileno(file), 0) == 0);
    uint64_t started = processor_ns();
    if (!good || !nika_runner_begin(runner, 1, &reason)) return 0;
    struct nika_trace *trace =
        way == UNTRACED
            ? NULL
            : cli_trace_attach(runner, s, 1, way == PACKED ? NIKA_TRACE_PACKED : NIKA_TRACE_LINES,
                               file);
    nika_runner_finish(runner, result);
    if (trace != NULL) good = nika_trace_end(trace, nika_exit_name(result->exit_class)) == NIKA_OK;
    uint64_t took = processor_ns() - started;
    nika_trace_free(trace);
    return good && (way == UNTRACED) == (trace == NULL) ? took : 0;
}

static void add_trace(json_t *root, const uint64_t best[WAYS], const uint64_t bytes[WAYS],
                      uint64_t events)
{
    static const char *const cost[WAYS] = {
        [PACKED] = "trace_packed_cost_percent", [LINES] = "trace_cost_percent"};
    static const char *const size[WAYS] = {
        [PACKED] = "trace_packed_bytes_per_event", [LINES] = "trace_bytes_per_event"};
    for (uint32_t way = PACKED; way < WAYS; way++) {
        uint64_t more = best[way] > best[UNTRACED] ? best[way] - best[UNTRACED] : 0;
        add(root, size[way], (json_int_t)(bytes[way] / events));
        add(root, cost[way], (json_int_t)(more * 100 / best[UNTRACED]));
    }
}

/* The same seed without a trace and with one of either form, in turn; the fastest of each, so that a busy machine does not decide. */
static void measure_trace(const struct setup *base, json_t *root)
{
    const char *reason;
    struct setup u = *base;
    uint64_t best[WAYS] = {UINT64_MAX, UINT64_MAX, UINT64_MAX}, bytes[WAYS],
             started = cli_clock_ns();
    u.requests = 1500;
    struct nika_scenario *s = make_scenario(&u);
    struct nika_runner *runner = s != NULL ? nika_runner_new(s, &reason) : NULL;
    struct nika_run_result *result = calloc(1, sizeof *result);
    FILE *file = tmpfile();
    struct cli_progress progress;
    bool good = runner != NULL && result != NULL && file != NULL;
    cli_progress_init(&progress, "tracing", "runs", false);
    for (uint64_t round = 0;
         good && (round < TRACE_ROUNDS_MIN ||
                  (u.rounds == 0 && cli_clock_ns() - started < 2 * u.budget_ns));
         round++) {
        for (uint32_t way = 0; good && way < WAYS; way++) {
            uint64_t took = traced_run(runner, s, way, file, result);
            good = took > 0;
            if (took < best[way]) best[way] = took;
            bytes[way] = (uint64_t)ftell(file);
        }
        cli_progress_show(&progress, WAYS * (round + 1), 0, CLI_PROGRESS_BY_RATE, "");
    }
    cli_progress_end(&progress);
    if (good) add_trace(root, best, bytes, result->stats.events);
    if (file != NULL) fclose(file);
    free(result);
    nika_runner_free(runner);
    nika_scenario_free(s);
}

json_t *cli_bench_sim_run(const struct cli_bench_sim *o, int *worst)
{
    json_t *root = json_object();
    struct figures f;
    uint64_t budget = o->seconds * UINT64_C(1000000000);
    struct setup base = {.n = o->n,
                         .clients = 4,
                         .requests = 500,
                         .batch = 1,
                         .rounds = o->rounds,
                         .budget_ns = budget,
                         .suite = o->suite,
                         .protocol = o->protocol,
                         .oracles = !o->no_oracles};
    *worst = 0;
    json_object_set_new(root, "suite", json_string(o->suite));
    json_object_set_new(root, "build", json_string(cli_version_text()));
    json_object_set_new(root, "protocol", json_string(o->protocol));
    add(root, "n", (json_int_t)o->n);
    add(root, "f", (json_int_t)cli_faults_max(o->protocol, (uint32_t)o->n));
    if (o->pillars > 0) {
        measure_pillars(&base, o->pillars, root, worst);
        return root;
    }
    if (o->only_trace) {
        measure_trace(&base, root);
        return root;
    }
    measure_runs(&base, root, worst);
    if (o->only_runs) return root;
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
    add(root, "requests_per_virtual_s", per_virtual_second(&f));
    add(root, "ns_per_message", f.messages > 0 ? (json_int_t)(f.spent_ns / f.messages) : 0);
    add(root, "bytes_per_replica", (json_int_t)f.replica_bytes);
    measure_variants(&base, root);
    measure_trace(&base, root);
    uint64_t snapshot_ns = snapshot_cost(&base);
    add(root, "snapshot_us", (json_int_t)((snapshot_ns + 999) / 1000));
    add(root, "snapshot_ns", (json_int_t)snapshot_ns);
    json_object_set_new(root, "by_n", by_n(&base));
    return root;
}

void cli_bench_sim_print(const json_t *root)
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
    json_array_foreach(json_object_get(root, "by_pillars"), i, value)
    {
        printf("pillars=%-4" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT
               " requests/virtual s %8" JSON_INTEGER_FORMAT " messages for 1000\n",
               json_integer_value(json_object_get(value, "pillars")),
               json_integer_value(json_object_get(value, "requests_per_virtual_s")),
               json_integer_value(json_object_get(value, "messages_per_1000_requests")));
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
