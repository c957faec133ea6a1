/* cli/explore.c: `nika explore`: every reachable state of a small cluster, breadth first. */
#include <inttypes.h>
#include <strings.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "engine/core/planted.h"
#include "fuzz/explore/explore.h"

#define STATES_DEFAULT UINT64_C(50000000)
#define PROGRESS_EVERY UINT64_C(65536)
#define SECOND_NS UINT64_C(1000000000)

enum {
    OPTION_N = 256,
    OPTION_VIEWS,
    OPTION_ORDERS,
    OPTION_CORRUPT,
    OPTION_PROOFS,
    OPTION_CHECKPOINT,
    OPTION_CRASHES,
    OPTION_STATES,
    OPTION_EVERY,
    OPTION_PLANTED,
    OPTION_TRACE,
    OPTION_JSON,
    OPTION_QUIET
};

struct arguments {
    struct nika_explore_options options;
    const char *protocol, *planted;
    bool trace, quiet, json;
    struct cli_progress progress;
};

static const struct argp_option options[] = {
    {"n", OPTION_N, "N", 0, "replicas (default: 3 for hybster, 4 for pbft)", 0},
    {"views", OPTION_VIEWS, "N", 0, "views 0 to N-1; nobody leaves the last (default 2)", 0},
    {"orders", OPTION_ORDERS, "N", 0, "order numbers, and requests (default 1)", 0},
    {"corrupt", OPTION_CORRUPT, "R", 0,
     "replica R says whatever its trusted subsystem certifies (hybster only; default: none)", 0},
    {"proofs", OPTION_PROOFS, NULL, 0, "COMMIT-CERTs, too, may be shown to whoever missed an order",
     0},
    {"checkpoint", OPTION_CHECKPOINT, "K", 0,
     "a checkpoint every K orders, and state transfer (default: none)", 0},
    {"crashes", OPTION_CRASHES, "N", 0,
     "each correct replica may crash at any instant and start again, N times (default 0)", 0},
    {"every", OPTION_EVERY, NULL, 0,
     "steps that show nothing to others lead to states of their own, too", 0},
    {"states", OPTION_STATES, "N", 0, "give up at so many states (default 50000000)", 0},
    {"planted", OPTION_PLANTED, "ID", 0, "with a planted bug, such as T06 (nika-museum only)", 0},
    {"trace", OPTION_TRACE, NULL, 0,
     "print the steps to the state that was looked at last, even if nothing is wrong with it", 0},
    {"json", OPTION_JSON, NULL, 0, "print one JSON object instead of text (docs/schemas)", 0},
    {"quiet", OPTION_QUIET, NULL, 0, "no progress", 0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_N:
        a->options.n = (uint32_t)cli_number(text, "--n", 1, NIKA_EXPLORE_REPLICAS_MAX, state);
        return 0;
    case OPTION_VIEWS:
        a->options.views = (uint32_t)cli_number(text, "--views", 1, NIKA_EXPLORE_VIEWS_MAX, state);
        return 0;
    case OPTION_ORDERS:
        a->options.orders =
            (uint32_t)cli_number(text, "--orders", 1, NIKA_EXPLORE_ORDERS_MAX, state);
        return 0;
    case OPTION_CORRUPT:
        a->options.corrupted =
            (uint32_t)cli_number(text, "--corrupt", 0, NIKA_EXPLORE_REPLICAS_MAX - 1, state);
        return 0;
    case OPTION_PROOFS:
        a->options.certificates = true;
        return 0;
    case OPTION_CHECKPOINT:
        a->options.checkpoint =
            (uint32_t)cli_number(text, "--checkpoint", 0, NIKA_EXPLORE_ORDERS_MAX, state);
        return 0;
    case OPTION_CRASHES:
        a->options.crashes =
            (uint32_t)cli_number(text, "--crashes", 0, NIKA_EXPLORE_CRASHES_MAX, state);
        return 0;
    case OPTION_EVERY:
        a->options.every = true;
        return 0;
    case OPTION_STATES:
        a->options.states_max = cli_number(text, "--states", 1, UINT32_MAX / 2, state);
        return 0;
    case OPTION_PLANTED:
        a->planted = text;
        return 0;
    case OPTION_TRACE:
        a->trace = true;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_QUIET:
        a->quiet = true;
        return 0;
    case ARGP_KEY_NO_ARGS:
        return 0; /* Hybster. */
    default:
        return cli_parse_word(key, text, state, &a->protocol, "protocol", NULL);
    }
}

static const struct argp argp = {
    options,
    parse,
    "[PROTOCOL]",
    "Visit every state that a small cluster can reach, breadth first, and say whether two batches "
    "can become final at one order.\v"
    "The replicas are the real modules. Messages may be taken in any order, by anybody, once, more "
    "often or never; timers fire whenever they are set. A complete search has looked at every "
    "state "
    "within its bounds (docs/exploring.md says what they leave out). The first violation is one of "
    "the nearest, and its trace a shortest one.\n\n"
    "Exits 0 when the search was complete and nothing was wrong, 1 at a violation or an alarm, 6 "
    "when a limit ended it, 64 on a usage error.\n\n"
    "  nika explore hybster --views 2 --orders 2 --corrupt 0\n"
    "  nika-museum explore hybster --views 2 --corrupt 2 --planted T07",
    NULL,
    NULL,
    NULL};

static void show(void *context, uint64_t looked_at, uint64_t found, uint32_t depth)
{
    struct cli_progress *progress = context;
    char extra[96];
    if (!cli_progress_due(progress)) return;
    snprintf(extra, sizeof extra, "%" PRIu64 " wait, depth %u", found - looked_at, depth);
    cli_progress_show(progress, looked_at, 0, 0, extra);
}

/* Index of a planted bug, 0 = none. False with a message. */
static bool select_planted(const char *name)
{
    uint32_t index = 0;
    if (name == NULL) return true;
    if (nika_planted_name(1) == NULL) {
        fprintf(stderr, "nika: --planted %s: this program holds no planted bugs; use nika-museum\n",
                name);
        return false;
    }
    while (nika_planted_name(index) != NULL && strcasecmp(nika_planted_name(index), name) != 0)
        index++;
    if (nika_planted_name(index) == NULL) {
        fprintf(stderr,
                "nika: --planted %s: no such planted bug; `nika explain --planted` lists them\n",
                name);
        return false;
    }
    nika_planted_select(index);
    return true;
}

static bool complete_options(struct arguments *a)
{
    struct nika_explore_options *o = &a->options;
    const char *name = a->protocol != NULL ? a->protocol : "hybster";
    o->protocol = nika_protocol_find(name);
    if (o->protocol == NULL) {
        fprintf(stderr, "nika: no protocol %s%s\n", name,
                cli_did_you_mean(name, cli_protocol_at, NULL));
        return false;
    }
    bool hybrid = o->protocol->replica->hybrid;
    if (o->n == 0) o->n = hybrid ? 3 : 4;
    o->f = hybrid ? (o->n - 1) / 2 : (o->n - 1) / 3;
    return select_planted(a->planted);
}

static bool is_bad(const struct nika_explore_result *r)
{
    return r->end == NIKA_EXPLORE_VIOLATION || r->end == NIKA_EXPLORE_ALARM;
}

/* ---- what is printed ---- */

static void print_text(const struct arguments *a, struct nika_explore *x,
                       const struct nika_explore_result *r, uint64_t wall_ns)
{
    static const char *const ends[] = {
        [NIKA_EXPLORE_COMPLETE] = "complete: no state within the bounds violates agreement",
        [NIKA_EXPLORE_VIOLATION] = "VIOLATED: two batches are final at one order",
        [NIKA_EXPLORE_ALARM] = "ALARM: a correct replica raised one",
        [NIKA_EXPLORE_LIMIT] = "INCOMPLETE: --states ended the search",
    };
    if (is_bad(r) || a->trace) nika_explore_trace(x, stdout);
    printf("%s\n", ends[r->end]);
    printf("%s %u %" PRIu64 " states found, %" PRIu64 " looked at, %" PRIu64
           " ways between them; %s %u\n",
           a->options.protocol->name, a->options.n, r->states, r->looked_at, r->steps,
           is_bad(r) ? "steps in the trace" : "deepest", r->depth);
    printf("%u local states, %" PRIu64 " steps of real modules, %u messages; %" PRIu64
           " states with a final order, highest view entered %u\n",
           r->local_states, r->replays, r->messages, r->final_seen, r->view_seen);
    if (a->options.checkpoint != 0 || a->options.crashes != 0)
        printf("%" PRIu64 " steps end a state transfer, %" PRIu64 " in a crash and a new start\n",
               r->transfers, r->crashes);
    printf("%" PRIu64 ".%03" PRIu64 " s, %" PRIu64 " MiB\n", wall_ns / SECOND_NS,
           wall_ns % SECOND_NS / 1000000, r->bytes >> 20);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *lies_json(const struct arguments *a, const struct nika_explore_result *r)
{
    const struct nika_message_table *table = a->options.protocol->replica->messages;
    json_t *lies = json_object();
    for (uint32_t type = 0; type < ARRAY_COUNT(r->lies); type++) {
        if (r->lies[type] != 0)
            json_object_set_new(lies, table->messages[type]->name, number(r->lies[type]));
    }
    if (r->lies_hidden != 0) json_object_set_new(lies, "hidden", number(r->lies_hidden));
    return lies;
}

/* One string a line; null unless the trace is asked for or there is something wrong. */
static json_t *trace_json(const struct arguments *a, struct nika_explore *x,
                          const struct nika_explore_result *r)
{
    char *text = NULL, *rest = NULL;
    size_t size = 0;
    if (!is_bad(r) && !a->trace) return json_null();
    json_t *lines = json_array();
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) return lines;
    nika_explore_trace(x, file);
    if (fclose(file) != 0) return lines;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        json_array_append_new(lines, json_string(line));
    free(text);
    return lines;
}

static void print_json(const struct arguments *a, struct nika_explore *x,
                       const struct nika_explore_result *r, uint64_t wall_ns)
{
    static const char *const ends[] = {[NIKA_EXPLORE_COMPLETE] = "complete",
                                       [NIKA_EXPLORE_VIOLATION] = "violation",
                                       [NIKA_EXPLORE_ALARM] = "alarm",
                                       [NIKA_EXPLORE_LIMIT] = "limit"};
    const struct nika_explore_options *o = &a->options;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"n", o->n},
        {"f", o->f},
        {"views", o->views},
        {"orders", o->orders},
        {"checkpoint", o->checkpoint},
        {"crashes", o->crashes},
        {"states", r->states},
        {"looked_at", r->looked_at},
        {"ways", r->steps},
        {"depth", r->depth},
        {"local_states", r->local_states},
        {"module_steps", r->replays},
        {"messages", r->messages},
        {"final_states", r->final_seen},
        {"view", r->view_seen},
        {"transfers_ended", r->transfers},
        {"crashes_ended", r->crashes},
        {"bytes", r->bytes},
        {"wall_ms", wall_ns / 1000000},
    };
    json_t *root =
        json_pack("{s:s, s:b, s:b, s:s, s:s*, s:o, s:o}", "protocol", o->protocol->name, "proofs",
                  o->certificates, "every", o->every, "end", ends[r->end], "planted", a->planted,
                  "lies", lies_json(a, r), "trace", trace_json(a, x, r));
    for (uint32_t i = 0; i < ARRAY_COUNT(numbers); i++)
        json_object_set_new(root, numbers[i].name, number(numbers[i].value));
    json_object_set_new(root, "corrupted",
                        o->corrupted == NIKA_NODE_NONE ? json_null() : number(o->corrupted));
    cli_json_print(root, "explore");
}

static int conclude(const struct arguments *a, struct nika_explore *x,
                    const struct nika_explore_result *r, uint64_t wall_ns)
{
    if (a->json)
        print_json(a, x, r, wall_ns);
    else
        print_text(a, x, r, wall_ns);
    if (is_bad(r)) return NIKA_EXIT_SAFETY;
    return r->end == NIKA_EXPLORE_LIMIT ? NIKA_EXIT_INCONCLUSIVE : NIKA_EXIT_HELD;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.options = {.views = 2,
                                      .orders = 1,
                                      .corrupted = NIKA_NODE_NONE,
                                      .states_max = STATES_DEFAULT,
                                      .progress = show,
                                      .progress_every = PROGRESS_EVERY}};
    const char *reason = NULL;
    struct nika_explore_result result;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (!complete_options(&a)) return NIKA_EXIT_USAGE;
    a.options.context = &a.progress;
    struct nika_explore *x = nika_explore_new(&a.options, &reason);
    if (x == NULL) {
        fprintf(stderr, "nika: explore: %s\n", reason);
        return NIKA_EXIT_USAGE;
    }
    cli_progress_init(&a.progress, "exploring", "states", a.quiet);
    uint64_t started_ns = cli_clock_ns();
    nika_explore_run(x, &result);
    cli_progress_end(&a.progress);
    int status = conclude(&a, x, &result, cli_clock_ns() - started_ns);
    nika_explore_free(x);
    return status;
}

const struct cli_command cli_explore = {
    "explore",
    "[PROTOCOL]",
    "visit every state of a small cluster, breadth first",
    "Visits every state that a small cluster of real replica modules can reach, with a corrupted "
    "replica among them if asked, and shows the shortest way to a violation.",
    &argp,
    run};
