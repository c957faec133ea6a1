/* cli/processes.c: the replicas of a test network as processes of this machine; see live.h.
 *
 * Each runs as `nika node` of this very program, in a session of its own. Its pid file is locked as long as it lives, so a stale one
 * misleads nobody. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/live.h"
#include "engine/shim/log.h"

#define POLL_NS UINT64_C(20000000)
#define RECORDINGS_MAX 100000u
#define STOP_NS UINT64_C(10000000000)

bool cli_testnet_open(const char *dir, struct cli_testnet *out, struct nika_problems *problems)
{
    char path[NIKA_PATH_SIZE];
    memset(out, 0, sizeof *out);
    out->dir = dir;
    if (snprintf(path, sizeof path, "%s/cluster.json", dir) >= (int)sizeof path - 32) {
        nika_problem(problems, dir, "", "name is too long");
        return false;
    }
    struct nika_cluster *cluster = nika_cluster_load(path, &cli_cluster_names, problems);
    if (cluster == NULL) return false;
    out->n = cluster->config.n;
    nika_cluster_free(cluster);
    out->replicas = calloc(out->n, sizeof *out->replicas);
    if (out->replicas == NULL) {
        nika_problem(problems, dir, "", "out of memory");
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < out->n; i++) {
        struct cli_replica *r = &out->replicas[i];
        snprintf(r->file, sizeof r->file, "%.480s/replica-%u.json", dir, i);
        snprintf(r->recording, sizeof r->recording, "%.480s/replica-%u", dir, i);
        snprintf(r->output, sizeof r->output, "%.480s/replica-%u.out", dir, i);
        good = nika_node_config_load(r->file, &r->config, problems) && good;
        if (good && (r->config.pid_file[0] == '\0' || r->config.http_port == 0)) {
            nika_problem(problems, r->file, "", "a test network needs pid_file and http.port");
            good = false;
        }
    }
    return good;
}

void cli_testnet_close(struct cli_testnet *net)
{
    free(net->replicas);
}

bool cli_testnet_make(const struct nika_testnet_options *options, struct nika_problems *problems)
{
    if (!nika_testnet_write(options, problems) || !cli_trusted_make(options, problems))
        return false;
    for (uint32_t i = 0; i < options->n; i++) {
        char file[NIKA_PATH_SIZE];
        struct cli_node node;
        struct nika_node_options o;
        snprintf(file, sizeof file, "%.480s/replica-%u.json", options->dir, i);
        bool good = cli_node_load(file, &node, problems);
        if (good) {
            cli_node_options(&node, file, NULL, &o);
            good = nika_node_make_data(&o, problems);
        }
        cli_node_free(&node);
        if (!good) return false;
    }
    return true;
}

long cli_replica_pid(const struct cli_replica *replica)
{
    char text[24] = "";
    int fd = open(replica->config.pid_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    bool runs = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ssize_t size = runs ? read(fd, text, sizeof text - 1) : 0;
    close(fd);
    long pid = size > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 1 ? pid : 0;
}

/* In the child: never returns. */
static void become_node(const struct cli_replica *replica, bool record)
{
    char path[NIKA_PATH_SIZE + 32];
    const char *words[9] = {"nika", "node", "--config", replica->file};
    uint32_t count = 4;
    if (replica->behaviour != NULL) {
        words[count++] = "--behaviour";
        words[count++] = replica->behaviour;
    }
    if (record) {
        words[count++] = "--record";
        words[count++] = path;
    }
    char *arguments[9] = {NULL};
    for (uint32_t i = 0; i < count; i++) arguments[i] = (char *)(uintptr_t)words[i];
    for (uint32_t k = 0; k < RECORDINGS_MAX; k++) {
        snprintf(path, sizeof path, "%s-%u.recording", replica->recording, k);
        if (access(path, F_OK) != 0) break;
    }
    int nothing = open("/dev/null", O_RDONLY);
    int output = open(replica->output, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (nothing >= 0 && output >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
        dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0) {
        close(nothing);
        close(output);
        (void)execv("/proc/self/exe", arguments);
    }
    _exit(127);
}

bool cli_replica_start(const struct cli_replica *replica, bool record)
{
    if (!cli_trusted_start(replica)) return false;
    /* Twice, so that the node is no child of whoever started it. */
    pid_t middle = fork();
    if (middle < 0) return false;
    if (middle == 0) {
        (void)setsid();
        pid_t node = fork();
        if (node == 0) become_node(replica, record);
        _exit(node < 0 ? 1 : 0);
    }
    int status = 1;
    while (waitpid(middle, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    errno = EAGAIN;
    return false;
}

bool cli_replica_is_healthy(const struct cli_replica *replica)
{
    int code;
    free(cli_http_get(replica->config.http_host, replica->config.http_port, "/healthz", &code));
    return code == 200;
}

bool cli_testnet_wait(const struct cli_testnet *net, uint64_t timeout_ns)
{
    uint64_t until = cli_clock_ns() + timeout_ns, grace = cli_clock_ns() + timeout_ns / 4;
    for (uint32_t i = 0; i < net->n;) {
        if (cli_replica_is_healthy(&net->replicas[i])) {
            i++;
            continue;
        }
        if (cli_clock_ns() > until) return false;
        if (cli_clock_ns() > grace && cli_replica_pid(&net->replicas[i]) == 0) return false;
        nika_clock_sleep(POLL_NS);
    }
    return true;
}

uint32_t cli_testnet_stop(const struct cli_testnet *net)
{
    uint32_t ran = 0;
    uint64_t until = cli_clock_ns() + STOP_NS;
    for (uint32_t i = 0; i < net->n; i++) {
        long pid = cli_replica_pid(&net->replicas[i]);
        if (pid != 0 && kill((pid_t)pid, SIGTERM) == 0) ran++;
    }
    for (uint32_t i = 0; i < net->n; i++) {
        bool killed = false;
        for (long pid; (pid = cli_replica_pid(&net->replicas[i])) != 0; nika_clock_sleep(POLL_NS)) {
            if (killed || cli_clock_ns() < until) continue;
            fprintf(stderr, "nika: replica %u does not end; killed\n", i);
            (void)kill((pid_t)pid, SIGKILL);
            killed = true;
        }
        cli_trusted_stop(&net->replicas[i]);
    }
    return ran;
}
