/* cli/bench_pattern.c: `nika bench pattern`: the yardstick of `nika bench cluster` on this machine, at this moment. Measures; judges nothing. */
#include "cli/bench_pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "engine/shim/histogram.h"

#define SECOND_NS UINT64_C(1000000000)
#define WARM_UP_NS (SECOND_NS / 4)
#define CLIENT PATTERN_REPLICAS
#define RECENT 1024u /* Requests whose late replies can still come. */

struct mesh {
    int fds[PATTERN_NODES][PATTERN_NODES]; /* [of][to]; -1 none. */
};
struct client {
    struct {
        uint64_t number, sent_ns;
        uint32_t replies;
    } recent[RECENT];
    struct nika_histogram *durations;
    uint64_t next, completed;
    uint32_t payload;
};

static bool connect_two(struct mesh *m, uint32_t a, uint32_t b)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    m->fds[a][b] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = listener >= 0 && m->fds[a][b] >= 0 &&
                bind(listener, (struct sockaddr *)&address, size) == 0 &&
                listen(listener, 1) == 0 &&
                getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
                connect(m->fds[a][b], (struct sockaddr *)&address, size) == 0 &&
                (m->fds[b][a] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 &&
                setsockopt(m->fds[a][b], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
                setsockopt(m->fds[b][a], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0;
    int error = errno;
    if (listener >= 0) close(listener);
    errno = error;
    return good;
}

static bool make_mesh(struct mesh *m)
{
    memset(m, 0xff, sizeof *m);
    for (uint32_t a = 0; a < PATTERN_NODES; a++) {
        for (uint32_t b = a + 1; b < PATTERN_NODES; b++) {
            if (!connect_two(m, a, b)) return false;
        }
    }
    return true;
}

/* All ends but those of one node; none = PATTERN_NODES. */
static void close_others(const struct mesh *m, uint32_t node)
{
    for (uint32_t a = 0; a < PATTERN_NODES; a++) {
        for (uint32_t b = 0; b < PATTERN_NODES; b++) {
            if (a != node && m->fds[a][b] >= 0) close(m->fds[a][b]);
        }
    }
}

static void issue(struct pattern_node *node)
{
    static const uint8_t payload[PATTERN_PAYLOAD_MAX];
    struct client *c = node->context;
    uint64_t number = ++c->next;
    c->recent[number % RECENT].number = number;
    c->recent[number % RECENT].sent_ns = cli_clock_ns();
    c->recent[number % RECENT].replies = 0;
    pattern_send(node, 0,
                 &(struct pattern_frame){
                     .type = PATTERN_REQUEST, .number = number, .body = {payload, c->payload}});
}

/* f+1 replies complete a request; the next follows at once. */
static void on_client_frame(struct pattern_node *node, uint32_t from,
                            const struct pattern_frame *frame)
{
    struct client *c = node->context;
    uint64_t index = frame->number % RECENT;
    (void)from;
    if (c->recent[index].number != frame->number || ++c->recent[index].replies != 2) return;
    c->completed++;
    nika_histogram_add(c->durations, cli_clock_ns() - c->recent[index].sent_ns);
    issue(node);
}

static bool run_client(const int *fds, uint32_t window, uint64_t seconds, uint32_t payload,
                       struct nika_histogram *durations)
{
    struct pattern_node node;
    struct client *c = calloc(1, sizeof *c);
    bool good = c != NULL && pattern_node_init(&node, CLIENT, fds);
    if (!good) {
        free(c);
        return false;
    }
    c->durations = durations;
    c->payload = payload;
    node.context = c;
    node.on_frame = on_client_frame;
    for (uint32_t i = 0; i < window; i++) issue(&node);
    uint64_t start = cli_clock_ns();
    while (good && cli_clock_ns() - start < WARM_UP_NS) good = pattern_round(&node, 100);
    memset(durations, 0, sizeof *durations);
    start = cli_clock_ns();
    struct cli_progress progress;
    cli_progress_init(&progress, "measuring,", "requests", false);
    for (uint64_t spent = 0; good && spent < seconds * SECOND_NS; spent = cli_clock_ns() - start) {
        good = pattern_round(&node, 100);
        cli_progress_show(&progress, durations->count, 0, seconds * SECOND_NS - spent, "");
    }
    cli_progress_end(&progress);
    pattern_node_free(&node);
    free(c);
    return good;
}

static json_t *measure(uint32_t window, uint64_t seconds, uint32_t payload)
{
    struct mesh m;
    pid_t children[PATTERN_REPLICAS] = {0};
    struct nika_histogram *h = calloc(1, sizeof *h);
    bool good = h != NULL && make_mesh(&m);
    for (uint32_t i = 0; good && i < PATTERN_REPLICAS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            close_others(&m, i);
            pattern_replica(i, m.fds[i], payload);
            _exit(0);
        }
        good = children[i] > 0;
    }
    int error = errno;
    if (h != NULL) {
        if (good) {
            close_others(&m, CLIENT);
            good = run_client(m.fds[CLIENT], window, seconds, payload, h);
            for (uint32_t i = 0; i < PATTERN_REPLICAS; i++) close(m.fds[CLIENT][i]);
        } else {
            close_others(&m, PATTERN_NODES);
        }
    }
    for (uint32_t i = 0; i < PATTERN_REPLICAS; i++) {
        if (children[i] <= 0) continue;
        (void)kill(children[i], SIGKILL);
        (void)waitpid(children[i], NULL, 0);
    }
    json_t *out = !good ? NULL
                        : json_pack("{s:I, s:I, s:I, s:I}", "window", (json_int_t)window,
                                    "throughput_per_s", (json_int_t)(h->count / seconds), "p50_us",
                                    (json_int_t)(nika_histogram_at(h, 500000) / 1000), "p99_us",
                                    (json_int_t)(nika_histogram_at(h, 990000) / 1000));
    free(h);
    errno = error;
    return out;
}

json_t *cli_bench_pattern_run(uint64_t seconds, uint64_t payload, int *status)
{
    json_t *single = measure(1, seconds, (uint32_t)payload);
    json_t *many = single == NULL ? NULL : measure(PATTERN_WINDOW_MAX, seconds, (uint32_t)payload);
    *status = 0;
    if (many != NULL)
        return json_pack("{s:s, s:I, s:I, s:o, s:o}", "build", cli_version_text(), "payload",
                         (json_int_t)payload, "batch", (json_int_t)PATTERN_BATCH, "one", single,
                         "many", many);
    json_decref(single);
    fprintf(stderr, "nika: bench pattern: four processes on loopback: %s\n",
            errno != 0 ? strerror(errno) : "one of them ended");
    *status = NIKA_EXIT_INCONCLUSIVE;
    return NULL;
}

static void print_row(const json_t *row)
{
    printf("%6" JSON_INTEGER_FORMAT " outstanding %9" JSON_INTEGER_FORMAT
           " requests/s   p50 %" JSON_INTEGER_FORMAT " us   p99 %" JSON_INTEGER_FORMAT " us\n",
           json_integer_value(json_object_get(row, "window")),
           json_integer_value(json_object_get(row, "throughput_per_s")),
           json_integer_value(json_object_get(row, "p50_us")),
           json_integer_value(json_object_get(row, "p99_us")));
}

void cli_bench_pattern_print(const json_t *figures)
{
    print_row(json_object_get(figures, "one"));
    print_row(json_object_get(figures, "many"));
}
