/* cli/fidelity_net.c: the network of a real cluster that a scenario disturbs: namespaces joined by a bridge, delay and loss by netem, or by a
 * relay in place of the bridge where the kernel has no netem.
 *
 * Everything is in namespaces of its own, named after this process, and removed with them: the network of the host is never touched. The
 * machine's `ip` and `tc` do the work. */
#include "cli/fidelity.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 32u
#define COMMAND_SIZE 256u

const char *const cli_net_names[CLI_NET_COUNT] = {"loopback", "namespaces", "relay", "netem"};

/* In the child: never returns. `output` gets what it prints. */
static void become(char **words, int output)
{
    if (dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0)
        (void)execvp(words[0], words);
    _exit(127);
}

/* Run words separated by blanks; `said` gets the first line of what they print. True when they succeed. */
static bool run_words(char *line, char said[160])
{
    char *words[WORDS_MAX + 1] = {NULL}, *rest = NULL;
    int pipe_fd[2], status = 1;
    uint32_t count = 0;
    for (char *word = strtok_r(line, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    said[0] = '\0';
    if (words[0] == NULL || pipe2(pipe_fd, O_CLOEXEC) != 0) return false;
    pid_t child = fork();
    if (child == 0) become(words, pipe_fd[1]);
    close(pipe_fd[1]);
    ssize_t got = 0, at = 0;
    while ((got = read(pipe_fd[0], said + at, (size_t)(159 - at))) > 0) at += got;
    close(pipe_fd[0]);
    said[at < 0 ? 0 : at] = '\0';
    said[strcspn(said, "\n")] = '\0';
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        snprintf(said, 160, "%s is not installed", words[0]);
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool command(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool command(const char *format, ...)
{
    char line[COMMAND_SIZE], shown[COMMAND_SIZE], said[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    snprintf(shown, sizeof shown, "%s", line);
    if (run_words(line, said)) return true;
    fprintf(stderr, "nika: fidelity: %s: %s\n", shown, said);
    return false;
}

static bool quiet(const char *format, const char *name, char said[160])
{
    char line[COMMAND_SIZE];
    snprintf(line, sizeof line, format, name); /* NOLINT(clang-diagnostic-format-nonliteral) */
    return run_words(line, said);
}

enum cli_net_kind cli_net_best(char why[400])
{
    char name[32], said[160];
    why[0] = '\0';
    if (geteuid() != 0) {
        snprintf(why, 400,
                 "network namespaces need root; run it as root for partitions, delay and loss");
        return CLI_NET_LOOPBACK;
    }
    snprintf(name, sizeof name, "nika-%ld-try", (long)getpid());
    if (!quiet("ip netns add %s", name, said)) {
        snprintf(
            why, 400,
            "a network namespace cannot be made (%s); install iproute2 and allow CAP_SYS_ADMIN "
            "for partitions, delay and loss",
            said);
        return CLI_NET_LOOPBACK;
    }
    enum cli_net_kind best = CLI_NET_NETEM;
    if (!quiet("ip -n %s link add nika0 type bridge", name, said)) {
        snprintf(why, 400,
                 "a bridge cannot be made (%s); load the kernel modules bridge and veth for "
                 "partitions, delay and loss",
                 said);
        best = CLI_NET_LOOPBACK;
    } else if (!quiet("tc -n %s qdisc add dev lo root netem delay 1ms", name, said)) {
        best = cli_relay_possible() ? CLI_NET_RELAY : CLI_NET_NAMESPACES;
        snprintf(why, 400,
                 "netem cannot be used (%s); install iproute2 and load the kernel module sch_netem "
                 "for delay and loss%s",
                 said,
                 best == CLI_NET_RELAY ? " by the kernel"
                                       : ", or allow CAP_NET_RAW for --network relay");
    }
    (void)quiet("ip netns del %s", name, said);
    return best;
}

static int open_namespace(const char *prefix, const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "/var/run/netns/%s-%s", prefix, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* One end of a cable in the namespace `name`, the other, port `port`, in the bridge of the hub. */
static bool plug(struct cli_net *net, const char *name, uint32_t port, const char *address)
{
    const char *p = net->prefix;
    return command("ip netns add %s-%s", p, name) &&
           command("ip -n %s-hub link add p%u type veth peer name eth0 netns %s-%s", p, port, p,
                   name) &&
           (net->kind == CLI_NET_RELAY
                ? command("ip -n %s-hub link set p%u up", p, port)
                : command("ip -n %s-hub link set p%u master whole up", p, port)) &&
           command("ip -n %s-%s addr add %s/24 dev eth0", p, name, address) &&
           command("ip -n %s-%s link set lo up", p, name) &&
           command("ip -n %s-%s link set eth0 up", p, name);
}

void cli_net_address(const struct cli_net *net, uint32_t replica, char out[32])
{
    if (net->kind == CLI_NET_LOOPBACK)
        snprintf(out, 32, "127.0.0.1");
    else
        snprintf(out, 32, "10.77.0.%u", replica + 1);
}

/* Ports 0 to n - 1 are the replicas', port n is the clients'. */
static bool join(struct cli_net *net, uint64_t seed)
{
    if (net->kind != CLI_NET_RELAY) return true;
    int hub = open_namespace(net->prefix, "hub");
    bool good = hub >= 0 && cli_relay_start(&net->relay, hub, net->n + 1, seed);
    if (hub >= 0) close(hub);
    return good;
}

bool cli_net_make(struct cli_net *net, enum cli_net_kind kind, uint32_t n, uint64_t seed)
{
    char name[16], address[32];
    *net = (struct cli_net){.kind = kind, .n = n, .home = -1, .clients = -1, .relay.control = -1};
    for (uint32_t i = 0; i < n; i++) net->replicas[i] = -1;
    if (kind == CLI_NET_LOOPBACK) return true;
    snprintf(net->prefix, sizeof net->prefix, "nika-%ld", (long)getpid());
    net->made = true;
    net->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    const char *p = net->prefix;
    bool good = net->home >= 0 && command("ip netns add %s-hub", p) &&
                command("ip -n %s-hub link add whole type bridge", p) &&
                command("ip -n %s-hub link set whole up", p) &&
                plug(net, "clients", n, "10.77.0.250");
    for (uint32_t i = 0; good && i < n; i++) {
        snprintf(name, sizeof name, "r%u", i);
        cli_net_address(net, i, address);
        good = plug(net, name, i, address);
        net->replicas[i] = open_namespace(p, name);
        good = good && net->replicas[i] >= 0;
    }
    net->clients = open_namespace(p, "clients");
    return good && net->clients >= 0 && join(net, seed) && cli_net_enter(net, NIKA_NODE_NONE);
}

void cli_net_remove(struct cli_net *net)
{
    char said[160], name[64];
    if (!net->made) return;
    if (net->home >= 0) (void)setns(net->home, CLONE_NEWNET);
    cli_relay_stop(&net->relay);
    for (uint32_t i = 0; i < net->n; i++) {
        if (net->replicas[i] < 0) continue;
        close(net->replicas[i]);
        snprintf(name, sizeof name, "%s-r%u", net->prefix, i);
        (void)quiet("ip netns del %s", name, said);
    }
    if (net->clients >= 0) close(net->clients);
    if (net->home >= 0) close(net->home);
    snprintf(name, sizeof name, "%s-clients", net->prefix);
    (void)quiet("ip netns del %s", name, said);
    snprintf(name, sizeof name, "%s-hub", net->prefix);
    (void)quiet("ip netns del %s", name, said);
    net->made = false;
}

static bool shape(const struct cli_net *net, const char *name, uint64_t delay_us,
                  uint64_t jitter_us, uint64_t loss_ppm)
{
    return command("tc -n %s-%s qdisc replace dev eth0 root netem limit 100000 delay %lluus %lluus "
                   "loss %llu.%04llu%%",
                   net->prefix, name, (unsigned long long)delay_us, (unsigned long long)jitter_us,
                   (unsigned long long)(loss_ppm / 10000), (unsigned long long)(loss_ppm % 10000));
}

bool cli_net_shape(struct cli_net *net, uint64_t delay_us, uint64_t jitter_us, uint64_t loss_ppm)
{
    char name[16];
    if (net->kind == CLI_NET_RELAY)
        return cli_relay_shape(&net->relay, delay_us, jitter_us, loss_ppm);
    if (net->kind != CLI_NET_NETEM) return true;
    bool good = shape(net, "clients", delay_us, jitter_us, loss_ppm);
    for (uint32_t i = 0; good && i < net->n; i++) {
        snprintf(name, sizeof name, "r%u", i);
        good = shape(net, name, delay_us, jitter_us, loss_ppm);
    }
    return good;
}

/* Those that are cut off are cut off together, as a minority is: on a bridge of their own. */
bool cli_net_cut(struct cli_net *net, uint32_t replica, bool cut)
{
    char said[160];
    if (net->kind == CLI_NET_LOOPBACK) return true;
    if (net->kind == CLI_NET_RELAY) return cli_relay_cut(&net->relay, replica, cut);
    if (cut && quiet("ip -n %s-hub link add cut type bridge", net->prefix, said))
        (void)command("ip -n %s-hub link set cut up", net->prefix);
    return command("ip -n %s-hub link set p%u master %s", net->prefix, replica,
                   cut ? "cut" : "whole");
}

bool cli_net_enter(const struct cli_net *net, uint32_t replica)
{
    if (net->kind == CLI_NET_LOOPBACK) return true;
    return setns(replica == NIKA_NODE_NONE ? net->clients : net->replicas[replica], CLONE_NEWNET) ==
           0;
}
