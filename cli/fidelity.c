/* cli/fidelity.c: `nika fidelity`: one scenario in the simulator and on a real cluster, side by side. Says what only one side did. */
#include "cli/fidelity.h"

#include <stdlib.h>

#include "scenarios/options.h"

enum { OPTION_JSON = 256, OPTION_NETWORK, OPTION_SECONDS, OPTION_DIR };

struct arguments {
    struct cli_run_request request;
    bool json, network_given;
    enum cli_net_kind network;
    uint64_t seconds;
    const char *dir;
};

static const struct argp_option options[] = {
    CLI_RUN_OPTIONS("seed of the run (default: that of the scenario)"),
    {"network", OPTION_NETWORK, "KIND", 0,
     "netem: namespaces with delay and loss; relay: the same without the kernel's netem; "
     "namespaces: "
     "partitions only; loopback: none of these (default: the most that this machine can do)",
     0},
    {"seconds", OPTION_SECONDS, "T", 0, "wall time that the real side may take (default 60)", 0},
    {"dir", OPTION_DIR, "DIR", 0, "make the real cluster here and leave its files and logs", 0},
    {"json", OPTION_JSON, NULL, 0, "print one JSON object instead of text", 0},
    {0}};

static void parse_network(const char *text, struct argp_state *state, struct arguments *a)
{
    a->network_given = true;
    for (uint32_t i = 0; i < CLI_NET_COUNT; i++) {
        a->network = (enum cli_net_kind)i;
        if (strcmp(cli_net_names[i], text) == 0) return;
    }
    argp_error(state, "--network: expected netem, relay, namespaces or loopback, got \"%s\"", text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_NETWORK:
        parse_network(text, state, a);
        return 0;
    case OPTION_SECONDS:
        a->seconds = cli_number(text, "--seconds", 1, 3600, state);
        return 0;
    case OPTION_DIR:
        a->dir = text;
        return 0;
    default:
        return cli_parse_run(key, text, state, &a->request, "scenario",
                             "which scenario? (nika list scenarios)");
    }
}

static const struct argp argp = {
    options,
    parse,
    "SCENARIO",
    "Run one scenario in the simulator and on a real cluster of processes, and put commits, views, "
    "latencies and verdicts side by side.\v"
    "Replicas are killed, stopped and cut off when the simulation did so. Delay, loss and "
    "partitions need root and network namespaces, delay and loss the kernel module sch_netem, "
    "or network relay; what the real side left out is listed.\n\n"
    "Exit code 0: both worlds reached one verdict; 5: they differ; 1: the real cluster violated "
    "safety; 6: the real side could not be run.\n\n"
    "  nika fidelity primary-crash\n"
    "  nika fidelity partition-heal --json --network namespaces",
    NULL,
    NULL,
    NULL};

/* ---- what is printed ---- */
static json_t *figures_json(const struct cli_world_figures *f)
{
    const struct nika_histogram *h = &f->latency;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:s, s:s}", "expected",
                     (json_int_t)f->expected, "commits", (json_int_t)f->commits, "executed",
                     (json_int_t)f->executed, "view", (json_int_t)f->view, "duration_us",
                     (json_int_t)(f->duration_ns / 1000), "latency_us", "p50",
                     (json_int_t)(nika_histogram_at(h, 500000) / 1000), "p90",
                     (json_int_t)(nika_histogram_at(h, 900000) / 1000), "p99",
                     (json_int_t)(nika_histogram_at(h, 990000) / 1000), "max",
                     (json_int_t)(h->max / 1000), "verdict", nika_exit_name(f->exit_class),
                     "sentence", f->sentence);
}

static void print_row(const char *what, uint64_t simulated, uint64_t real)
{
    printf("%-14s %14llu %14llu\n", what, (unsigned long long)simulated, (unsigned long long)real);
}

static void print_human(const struct arguments *a, const struct cli_plan *plan,
                        const struct cli_world_figures *simulated,
                        const struct cli_world_figures *real)
{
    static const uint32_t shares[] = {500000, 900000, 990000};
    static const char *const names[] = {"p50 us", "p90 us", "p99 us"};
    printf("scenario       %s, seed %llu\nnetwork        %s\n%-14s %14s %14s\n", a->request.path,
           (unsigned long long)a->request.seed, cli_net_names[a->network], "", "simulated", "real");
    print_row("expected", simulated->expected, real->expected);
    print_row("commits", simulated->commits, real->commits);
    print_row("executed", simulated->executed, real->executed);
    print_row("view", simulated->view, real->view);
    print_row("duration us", simulated->duration_ns / 1000, real->duration_ns / 1000);
    for (uint32_t i = 0; i < ARRAY_COUNT(shares); i++)
        print_row(names[i], nika_histogram_at(&simulated->latency, shares[i]) / 1000,
                  nika_histogram_at(&real->latency, shares[i]) / 1000);
    print_row("longest us", simulated->latency.max / 1000, real->latency.max / 1000);
    printf("%-14s %14s %14s\n", "verdict", nika_exit_name(simulated->exit_class),
           nika_exit_name(real->exit_class));
    printf("real           %s\n", real->sentence);
    for (uint32_t i = 0; i < plan->left_out_count; i++)
        printf("left out       %s\n", plan->left_out[i]);
}

static void print_json(const struct arguments *a, const struct cli_plan *plan,
                       const struct cli_world_figures *simulated,
                       const struct cli_world_figures *real)
{
    json_t *left_out = json_array();
    for (uint32_t i = 0; i < plan->left_out_count; i++)
        json_array_append_new(left_out, json_string(plan->left_out[i]));
    json_t *root =
        json_pack("{s:s, s:I, s:s, s:b, s:I, s:o, s:o, s:b, s:o}", "scenario", a->request.path,
                  "seed", (json_int_t)a->request.seed, "network", cli_net_names[a->network],
                  "degraded", a->network < CLI_NET_RELAY, "acts", (json_int_t)plan->count,
                  "simulated", figures_json(simulated), "real", figures_json(real), "same_verdict",
                  simulated->exit_class == real->exit_class, "left_out", left_out);
    cli_json_version(root, "fidelity");
    (void)json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

/* ---- running ---- */
/* False when what was asked for cannot be had. */
static bool choose_network(struct arguments *a)
{
    char why[400];
    if (a->network_given && a->network == CLI_NET_LOOPBACK) return true;
    enum cli_net_kind best = cli_net_best(why);
    if (a->network_given && a->network > best) {
        fprintf(stderr, "nika: fidelity: --network %s: %s\n", cli_net_names[a->network], why);
        return false;
    }
    if (!a->network_given) a->network = best;
    if (!a->network_given && best < CLI_NET_RELAY && why[0] != '\0')
        fprintf(stderr,
                "nika: fidelity: %s; going on with network %s, which is less than the "
                "scenario asks for\n",
                why, cli_net_names[best]);
    return true;
}

static int compare(struct arguments *a, const struct nika_scenario *s)
{
    int status = NIKA_EXIT_INCONCLUSIVE;
    struct cli_plan *plan = calloc(1, sizeof *plan);
    struct cli_world_figures *simulated = calloc(1, sizeof *simulated),
                             *real = calloc(1, sizeof *real);
    const struct cli_live_options live = {.scenario = s,
                                          .seed = a->request.seed,
                                          .timeout_ns = a->seconds * UINT64_C(1000000000),
                                          .dir = a->dir,
                                          .network = a->network};
    if (plan != NULL && simulated != NULL && real != NULL &&
        cli_fidelity_simulate(s, a->request.seed, plan, simulated) &&
        cli_fidelity_live(&live, plan, real)) {
        if (a->json)
            print_json(a, plan, simulated, real);
        else
            print_human(a, plan, simulated, real);
        status = simulated->exit_class == real->exit_class ? 0 : NIKA_EXIT_EXPECTATION;
        if (real->exit_class == NIKA_EXIT_SAFETY) status = NIKA_EXIT_SAFETY;
    }
    free(plan);
    free(simulated);
    free(real);
    return status;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.seconds = 60};
    cli_parse(&argp, argc, argv, &a);
    struct nika_scenario *s = cli_load(&a.request);
    if (s == NULL) return NIKA_EXIT_USAGE;
    int status = NIKA_EXIT_INCONCLUSIVE;
    if (nika_options_depend_on_seed(s) && s->swarm_count > 0) {
        fprintf(stderr,
                "nika: %s: its values are drawn by the seed; nika fidelity needs fixed ones: "
                "choose a scenario without swarm\n",
                a.request.path);
        status = NIKA_EXIT_USAGE;
    } else if (s->values[NIKA_KEY_REQUESTS] == 0) {
        fprintf(stderr,
                "nika: %s: $.workload.requests: expected at least 1: without requests there "
                "is nothing to compare\n",
                a.request.path);
        status = NIKA_EXIT_USAGE;
    } else if (choose_network(&a)) {
        status = compare(&a, s);
    }
    nika_scenario_free(s);
    return status;
}

const struct cli_command cli_fidelity = {
    "fidelity",
    "SCENARIO",
    "one scenario in the simulator and on a real cluster, side by side",
    "Runs a scenario twice: in the simulator, and on a cluster of processes that are killed, "
    "stopped and cut off when the simulated ones were; compares what clients saw, and the "
    "verdicts.",
    &argp,
    run};
