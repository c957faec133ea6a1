/* cli/trusted_parts.c: the trusted parts of a test network: made once, started before their replicas and stopped behind them; see live.h.
 *
 * Each works in its folder DIR/trusted-I with relative names, so that a process that has become another user needs no way through the
 * folders above. Started as root it becomes NIKA_TRUSTED_USER, and only its `state` belongs to that user. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/live.h"
#include "engine/shim/log.h"
#include "engine/shim/tss_key.h"
#include "engine/shim/tss_server.h"

#define NIKA_TRUSTED_USER "nobody"
#define READY_NS UINT64_C(5000000000)
#define POLL_NS UINT64_C(5000000)
#define STOP_NS UINT64_C(3000000000)

uint32_t cli_trusted_uid(void)
{
    uint32_t uid, gid;
    if (geteuid() != 0 || !nika_tss_user(NIKA_TRUSTED_USER, &uid, &gid)) return NIKA_TRUST_ANY_USER;
    return uid;
}

static void folder_of(const char *dir, uint32_t replica, char out[NIKA_PATH_SIZE])
{
    int used = snprintf(out, NIKA_PATH_SIZE, "%.460s/", dir);
    snprintf(out + used, NIKA_PATH_SIZE - (size_t)used, NIKA_TESTNET_TRUSTED, replica);
}

/* In the child: never returns. */
static void become(const char *folder, const char *output, char **words)
{
    int nothing = open("/dev/null", O_RDWR);
    int out = chdir(folder) != 0  ? -1
              : output[0] == '\0' ? dup(STDERR_FILENO)
                                  : open(output, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (nothing >= 0 && out >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
        dup2(output[0] == '\0' ? nothing : out, STDOUT_FILENO) >= 0 &&
        dup2(out, STDERR_FILENO) >= 0) {
        close(nothing);
        close(out);
        (void)execv("/proc/self/exe", words);
    }
    _exit(127);
}

static bool succeeded(pid_t child)
{
    int status = 1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- making ---- */
static bool make_state(const struct nika_testnet_options *o, uint32_t replica)
{
    char folder[NIKA_PATH_SIZE], state[NIKA_PATH_SIZE + 8], instance[16], epochs[2 * 128 + 1] = "1";
    char *words[16] = {
        "nika",       "tss",    "--init",   "--state", "state", "--key", "../keys/group.tss",
        "--instance", instance, "--epochs", epochs};
    uint32_t count = 11;
    bool other = o->trusted == NIKA_TRUST_PROCESS && o->trusted_uid != NIKA_TRUST_ANY_USER;
    folder_of(o->dir, replica, folder);
    snprintf(state, sizeof state, "%s/state", folder);
    snprintf(instance, sizeof instance, "%u", replica);
    for (uint32_t i = 1; i < o->n; i++) memcpy(epochs + 2 * i - 1, ",1", 3);
    if (mkdir(folder, 0755) != 0 || mkdir(state, 0700) != 0) return false;
    if (other && chown(state, o->trusted_uid, (gid_t)-1) != 0) return false;
    if (other) {
        words[count++] = "--user";
        words[count++] = NIKA_TRUSTED_USER;
    }
    errno = EAGAIN;
    pid_t child = fork();
    if (child == 0) become(folder, "", words);
    if (child < 0 || !succeeded(child)) return false;
    return true;
}

bool cli_trusted_make(const struct nika_testnet_options *o, struct nika_problems *problems)
{
    char path[NIKA_PATH_SIZE];
    if (o->trusted == NIKA_TRUST_NONE) return true;
    snprintf(path, sizeof path, "%.460s/" NIKA_TESTNET_TRUSTED_KEY, o->dir);
    if (!nika_tss_key_make(path, problems)) return false;
    for (uint32_t i = 0; i < o->n; i++) {
        if (make_state(o, i)) continue;
        folder_of(o->dir, i, path);
        nika_problem(problems, path, "", "trusted part cannot be made: %s", strerror(errno));
        return false;
    }
    return true;
}

/* ---- processes ---- */
/* Whoever listens, by the kernel's word: no pid file can be stale. pid 0: nobody. */
static struct ucred server_of(const struct cli_replica *replica)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof peer;
    const char *path = replica->config.trusted.socket;
    if (replica->config.trusted.kind != NIKA_TRUST_PROCESS ||
        strlen(path) >= sizeof address.sun_path)
        return peer;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return peer;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        peer.pid = 0;
    close(fd);
    return peer;
}

long cli_trusted_pid(const struct cli_replica *replica)
{
    long pid = (long)server_of(replica).pid;
    return pid > 1 ? pid : 0;
}

/* It serves as the user that its replica expects. */
static bool is_ready(const struct cli_replica *replica)
{
    struct ucred peer = server_of(replica);
    uint32_t uid = replica->config.trusted.server_uid;
    return peer.pid > 1 && (uid == NIKA_TRUST_ANY_USER || uid == peer.uid);
}

/* Folder of its trusted part. */
static void folder_at(const struct cli_replica *replica, char out[NIKA_PATH_SIZE])
{
    snprintf(out, NIKA_PATH_SIZE, "%s", replica->config.trusted.socket);
    char *slash = strrchr(out, '/');
    if (slash != NULL) *slash = '\0';
}

static void words_at(const struct cli_replica *replica, char out[NIKA_PATH_SIZE + 16])
{
    folder_at(replica, out);
    memcpy(out + strlen(out), "/tss.out", sizeof "/tss.out");
}

/* Those of an earlier life must not be taken for the next one's. */
static void forget_words(const struct cli_replica *replica)
{
    char path[NIKA_PATH_SIZE + 16];
    words_at(replica, path);
    (void)unlink(path);
}

/* What it said before it ended; false: nothing. */
static bool tell(const struct cli_replica *replica)
{
    char path[NIKA_PATH_SIZE + 16], line[512];
    words_at(replica, path);
    FILE *file = fopen(path, "re");
    bool said = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (said) fprintf(stderr, "trusted part of replica %u: %s", replica->config.replica, line);
    if (file != NULL) (void)fclose(file);
    return said;
}

static bool spawn(const struct cli_replica *replica)
{
    char folder[NIKA_PATH_SIZE];
    char *words[16] = {"nika",  "tss",   "--socket",          "socket", "--state",
                       "state", "--key", "../keys/group.tss", "--log",  "tss.log"};
    if (replica->config.trusted.server_uid != NIKA_TRUST_ANY_USER) {
        words[10] = "--user";
        words[11] = NIKA_TRUSTED_USER;
    }
    folder_at(replica, folder);
    pid_t middle = fork();
    if (middle < 0) return false;
    if (middle == 0) {
        (void)setsid();
        pid_t server = fork();
        if (server == 0) become(folder, "tss.out", words);
        _exit(server < 0 ? 1 : 0);
    }
    return succeeded(middle);
}

bool cli_trusted_start(const struct cli_replica *replica)
{
    if (replica->config.trusted.kind != NIKA_TRUST_PROCESS) return true;
    if (cli_trusted_pid(replica) != 0) return true;
    forget_words(replica);
    if (!spawn(replica)) return false;
    uint64_t until = cli_clock_ns() + READY_NS;
    while (!is_ready(replica)) {
        nika_clock_sleep(POLL_NS);
        if (cli_clock_ns() < until && !(cli_trusted_pid(replica) == 0 && tell(replica))) continue;
        errno = ECHILD;
        return false;
    }
    return true;
}

void cli_trusted_stop(const struct cli_replica *replica)
{
    uint64_t until = cli_clock_ns() + STOP_NS;
    long pid = cli_trusted_pid(replica);
    if (pid == 0) return;
    (void)kill((pid_t)pid, SIGTERM);
    for (bool killed = false; cli_trusted_pid(replica) == pid; nika_clock_sleep(POLL_NS)) {
        if (killed || cli_clock_ns() < until) continue;
        (void)kill((pid_t)pid, SIGKILL);
        killed = true;
    }
}
