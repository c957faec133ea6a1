/* Tests random worlds: any faults within the budget, any shape of cluster, and still everything must hold.
 *
 * test_random [COUNT [FIRST]] runs COUNT worlds from number FIRST on; test_random show NUMBER prints one as a scenario file, to be kept
 * under scenarios/regressions once it has failed. The seed of a run is the number of its world. */
#include "tests/support/test.h"

#include "apps/registry.h"
#include "engine/core/stream.h"
#include "faults/registry.h"
#include "scenarios/runner.h"

#define FAULTS_MAX 8u

static uint64_t count = 200, first = 1;

struct draw {
    uint64_t stream, next;
};

static uint64_t below(struct draw *d, uint64_t n)
{
    return nika_stream_below(d->stream, d->next++, n);
}
static uint64_t between(struct draw *d, uint64_t low, uint64_t high)
{
    return low + below(d, high - low + 1);
}
static bool one_in(struct draw *d, uint64_t n)
{
    return below(d, n) == 0;
}

static void set(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}
static json_t *section(json_t *root, const char *key)
{
    json_t *object = json_object();
    json_object_set_new(root, key, object);
    return object;
}

struct shape {
    uint32_t n, f, clients, corrupted_count, corrupted_clients;
    uint32_t corrupted[3]; /* Replicas that may misbehave; at most f. */
    uint64_t gst_ms;
    enum nika_fault_class bias; /* Most faults of this world are of this class. */
};

static void draw_shape(struct draw *d, struct shape *shape)
{
    static const uint32_t sizes[][2] = {{4, 1}, {4, 1}, {4, 1}, {5, 1},
                                        {6, 1}, {7, 2}, {7, 2}, {10, 3}};
    uint64_t size = below(d, ARRAY_COUNT(sizes));
    shape->n = sizes[size][0];
    shape->f = sizes[size][1];
    shape->clients = (uint32_t)between(d, 1, 5);
    shape->corrupted_count = shape->f;
    uint32_t step = (uint32_t)between(d, 1, 2), at = (uint32_t)below(d, shape->n);
    for (uint32_t i = 0; i < shape->f; i++) shape->corrupted[i] = (at + i * step) % shape->n;
    /* Client 0 stays correct, so that something must complete. */
    shape->corrupted_clients = shape->clients > 1 && one_in(d, 3) ? 1 : 0;
    shape->bias = one_in(d, 2) ? NIKA_FAULT_BYZANTINE : (enum nika_fault_class)below(d, 4);
    shape->gst_ms = between(d, 300, 3000);
}

static void draw_cluster(struct draw *d, const struct shape *shape, json_t *root)
{
    json_t *c = section(root, "cluster");
    static const uint64_t batch_us[] = {0, 1000, 5000, 20000};
    static const uint64_t pipelines[] = {1, 2, 4, 16};
    uint64_t interval = UINT64_C(1) << between(d, 0, 3);
    uint64_t window = interval * between(d, 2, 6),
             pipeline = pipelines[below(d, ARRAY_COUNT(pipelines))];
    set(c, "n", shape->n);
    set(c, "f", shape->f);
    set(c, "clients", shape->clients);
    set(c, "checkpoint_interval", interval);
    set(c, "window", window);
    set(c, "pipeline", pipeline < window ? pipeline : window);
    set(c, "batch_us", batch_us[below(d, ARRAY_COUNT(batch_us))]);
    set(c, "batch_count", one_in(d, 2) ? 64 : between(d, 1, 3));
    set(c, "request_ms", between(d, 100, 600));
    if (one_in(d, 4)) set(c, "chunk_size", 256);
    /* Room for the largest view change of such a cluster, and little more. */
    if (shape->n == 4 && one_in(d, 4)) {
        set(c, "batch_bytes", 16384);
        set(c, "store_kib", between(d, 600, 1200));
    }
    if (one_in(d, 8)) set(c, "backoff_max", between(d, 4, 8));
    if (one_in(d, 3)) json_object_set_new(c, "read_only", json_true());
    json_object_set_new(c, "app", json_string(nika_app_list[below(d, nika_app_count)]->name));
}

static void draw_world(struct draw *d, json_t *root)
{
    json_t *w = section(root, "workload"), *net = section(root, "network");
    set(w, "requests", between(d, 3, 30));
    set(w, "think_us", one_in(d, 3) ? 0 : below(d, 60000));
    set(w, "payload", one_in(d, 4) ? below(d, 4000) : below(d, 64));
    set(w, "read_ppm", below(d, 600000));
    if (one_in(d, 5)) json_object_set_new(w, "mode", json_string("open"));
    if (one_in(d, 2)) set(net, "loss_ppm", below(d, 150000));
    if (one_in(d, 2)) set(net, "duplicate_ppm", below(d, 100000));
    if (one_in(d, 2)) set(net, "reorder_ppm", below(d, 400000));
    if (one_in(d, 4)) {
        json_t *latency = section(net, "latency_us");
        set(latency, "min", 2000);
        set(latency, "median", between(d, 5000, 15000));
        set(latency, "p99", 25000);
        set(latency, "max", between(d, 25000, 60000));
    }
    if (one_in(d, 4)) {
        json_t *fsync = section(section(root, "disk"), "fsync_us");
        set(fsync, "min", 500);
        set(fsync, "max", between(d, 2000, 20000));
    }
    if (one_in(d, 8)) {
        json_t *cpu = section(root, "cpu");
        set(cpu, "message_ns", between(d, 1000, 20000));
        set(cpu, "verify_ns", between(d, 10000, 80000));
        set(cpu, "sign_ns", between(d, 10000, 80000));
        set(cpu, "execute_ns", between(d, 1000, 200000));
    }
    if (one_in(d, 4)) set(section(root, "app_delay_us"), "max", between(d, 100, 8000));
}

static void draw_params(struct draw *d, const struct nika_fault_ops *ops, json_t *fault)
{
    for (uint32_t i = 0; i < ops->param_count; i++) {
        const struct nika_fault_param *p = &ops->params[i];
        uint64_t low = p->low, high = p->high, names = 0;
        if (strcmp(p->name, "split") == 0) high = 7;
        if (strcmp(p->name, "clients") == 0 && p->names == NULL) high = 3;
        if (strcmp(p->name, "rate_ppm") == 0) low = 20000;
        if (strstr(p->name, "_ms") != NULL) {
            high = strcmp(p->name, "ahead_ms") == 0 ? high : 900;
            if (low == 0) low = 1;
        }
        if (strcmp(p->name, "period_us") == 0) low = 1000, high = 20000;
        if (strcmp(p->name, "spread_us") == 0) high = 40000;
        if (strcmp(p->name, "repeat") == 0 || strcmp(p->name, "rounds") == 0)
            high = high < 6 ? high : 6;
        if (strcmp(p->name, "burst") == 0 && high > 8) high = 8;
        if (strcmp(p->name, "factor") == 0) high = 50;
        if (strcmp(p->name, "skip") == 0) high = 40;
        if (p->names == NULL && one_in(d, 3)) continue; /* The default. */
        if (p->names == NULL) {
            set(fault, p->name, between(d, low, high));
            continue;
        }
        /* A fault that acts on all types is the commonest. */
        while (p->names[names] != NULL) names++;
        uint64_t index = one_in(d, 2) ? 0 : below(d, names);
        json_object_set_new(fault, p->name, json_string(p->names[index]));
    }
}

/* Does this fault, as drawn, make its targets count against f? */
static bool corrupts(const struct nika_fault_ops *ops, const json_t *fault)
{
    bool amnesia = json_integer_value(json_object_get(fault, "amnesia")) != 0;
    return ops->fault_class == NIKA_FAULT_BYZANTINE || amnesia ||
           strcmp(ops->name, "lost-fsync") == 0 || strcmp(ops->name, "bit-rot") == 0;
}

static json_t *draw_targets(struct draw *d, const struct shape *shape,
                            const struct nika_fault_ops *ops, const json_t *fault)
{
    json_t *targets = json_array();
    if (ops->fault_class == NIKA_FAULT_CLIENT) {
        json_array_append_new(targets, json_integer(shape->clients - 1));
    } else if (corrupts(ops, fault)) {
        uint64_t which = between(d, 1, (UINT64_C(1) << shape->corrupted_count) - 1);
        for (uint32_t i = 0; i < shape->corrupted_count; i++) {
            if ((which >> i & 1) != 0)
                json_array_append_new(targets, json_integer(shape->corrupted[i]));
        }
    } else {
        uint64_t which = one_in(d, 3) ? between(d, 1, (UINT64_C(1) << shape->n) - 1)
                                      : UINT64_C(1) << below(d, shape->n);
        for (uint32_t i = 0; i < shape->n; i++) {
            if ((which >> i & 1) != 0) json_array_append_new(targets, json_integer(i));
        }
    }
    return targets;
}

static void draw_fault(struct draw *d, const struct shape *shape, json_t *faults)
{
    /* Some are of the kinds that have found most. */
    static const char *const favourites[] = {"crash",  "restart-each", "partition", "equivocate",
                                             "mutate", "crash",        "pause",     "loss"};
    const struct nika_fault_ops *ops = nika_fault_list[below(d, nika_fault_count)];
    if (one_in(d, 4)) ops = nika_fault_find(favourites[below(d, ARRAY_COUNT(favourites))]);
    for (uint32_t i = 0; i < 4 && ops->fault_class != shape->bias; i++)
        ops = nika_fault_list[below(d, nika_fault_count)];
    if (ops->fault_class == NIKA_FAULT_CLIENT && shape->corrupted_clients == 0) return;
    /* PBFT calls no trusted instance. */
    if (ops->on_trusted != NULL || strncmp(ops->name, "trusted-", 8) == 0) return;
    json_t *fault = json_object();
    json_object_set_new(fault, "name", json_string(ops->name));
    draw_params(d, ops, fault);
    json_object_set_new(fault, "targets", draw_targets(d, shape, ops, fault));
    uint64_t from = one_in(d, 2) ? 0 : below(d, shape->gst_ms);
    if (from != 0) set(fault, "from_ms", from);
    if (one_in(d, 2)) set(fault, "to_ms", from + between(d, 50, 2000));
    json_array_append_new(faults, fault);
}

static json_t *draw_scenario(uint64_t number)
{
    struct draw d = {.stream = nika_stream(number, "test/random", 0)};
    struct shape shape = {0};
    json_t *root = json_object(), *faults = json_array();
    draw_shape(&d, &shape);
    set(root, "schema", 1);
    json_object_set_new(root, "name", json_sprintf("random-%llu", (unsigned long long)number));
    json_object_set_new(root, "why", json_string("A random world within the fault budget."));
    set(root, "seed", number);
    set(root, "gst_ms", shape.gst_ms);
    draw_cluster(&d, &shape, root);
    draw_world(&d, root);
    for (uint64_t left = between(&d, 1, FAULTS_MAX); left > 0; left--)
        draw_fault(&d, &shape, faults);
    json_object_set_new(root, "faults", faults);
    json_t *expect = section(root, "expect");
    json_object_set_new(expect, "safety", json_string("held"));
    json_object_set_new(expect, "liveness", json_string("held"));
    json_object_set_new(expect, "faults_act", json_false());
    return root;
}

/* True when everything held. */
static bool run(uint64_t number)
{
    static struct nika_diagnoses diagnoses;
    static struct nika_run_result result;
    const char *reason = NULL;
    json_t *root = draw_scenario(number);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    assert_non_null(text);
    diagnoses.count = 0;
    struct nika_scenario *s =
        nika_scenario_parse("random", text, strlen(text), NULL, 0, &diagnoses);
    if (s == NULL) print_error("world %llu: %s\n", (unsigned long long)number, diagnoses.lines[0]);
    free(text);
    if (s == NULL) return false;
    struct nika_runner *runner = nika_runner_new(s, &reason);
    assert_non_null(runner);
    nika_runner_run(runner, number, &result);
    if (result.exit_class != NIKA_EXIT_HELD)
        print_error("world %llu: %s: %s\n", (unsigned long long)number,
                    nika_exit_name(result.exit_class), result.sentence);
    nika_runner_free(runner);
    nika_scenario_free(s);
    return result.exit_class == NIKA_EXIT_HELD;
}

static void test_random_worlds_within_the_fault_budget_hold(void **state)
{
    (void)state;
    uint64_t failures = 0;
    for (uint64_t number = first; number < first + count; number++) failures += run(number) ? 0 : 1;
    assert_int_equal(failures, 0);
}

static int show(uint64_t number)
{
    json_t *root = draw_scenario(number);
    int status = json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
    return status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_worlds_within_the_fault_budget_hold),
    };
    if (argc > 2 && strcmp(argv[1], "show") == 0) return show(strtoull(argv[2], NULL, 10));
    if (argc > 1) count = strtoull(argv[1], NULL, 10);
    if (argc > 2) first = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
