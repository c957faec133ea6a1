/* engine/shim/testnet.c: writing the files of a new cluster; see cluster.h. */
#include "engine/shim/cluster.h"

#include "engine/core/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct writing {
    const struct nika_testnet_options *options;
    struct nika_problems *problems;
    char path[NIKA_PATH_SIZE];
};

static const char *path_of(struct writing *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static const char *path_of(struct writing *w, const char *format, ...)
{
    va_list arguments;
    int used = snprintf(w->path, sizeof w->path, "%s/", w->options->dir);
    if (used < 0 || (size_t)used >= sizeof w->path) used = 0;
    va_start(arguments, format);
    vsnprintf(w->path + used, sizeof w->path - (size_t)used, format, arguments);
    va_end(arguments);
    return w->path;
}

static bool make_folder(struct writing *w, const char *path)
{
    char parent[NIKA_PATH_SIZE];
    snprintf(parent, sizeof parent, "%s", path);
    /* Folders on the way there, as far as they are missing. */
    for (char *slash = strchr(parent + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(parent, 0755);
        *slash = '/';
    }
    if (mkdir(path, 0700) == 0 || errno == EEXIST) return true;
    nika_problem(w->problems, path, "", "cannot be made: %s", strerror(errno));
    return false;
}

static bool write_file(struct writing *w, const char *path, const json_t *root)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool good = fd >= 0 && json_dumpfd(root, fd, JSON_INDENT(2)) == 0 && write(fd, "\n", 1) == 1;
    if (fd >= 0) good = close(fd) == 0 && good;
    if (good) return true;
    if (errno == EEXIST)
        nika_problem(w->problems, path, "",
                     "is there already; a cluster's files are never overwritten");
    else
        nika_problem(w->problems, path, "", "cannot be written: %s", strerror(errno));
    return false;
}

/* Ports that nobody uses at this moment: all are held while they are chosen, so that they differ. */
static bool free_ports(struct writing *w, uint16_t *ports, uint32_t count)
{
    int fds[2 * NIKA_REPLICAS_MAX];
    uint32_t made = 0;
    for (; made < count; made++) {
        struct sockaddr_in address = {.sin_family = AF_INET};
        socklen_t size = sizeof address;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fds[made] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fds[made] < 0) break;
        bool good = bind(fds[made], (const struct sockaddr *)&address, sizeof address) == 0 &&
                    getsockname(fds[made], (struct sockaddr *)&address, &size) == 0;
        ports[made] = ntohs(address.sin_port);
        if (good) continue;
        close(fds[made]);
        break;
    }
    for (uint32_t i = 0; i < made; i++) close(fds[i]);
    if (made == count) return true;
    nika_problem(w->problems, w->options->dir, "", "no free port: %s", strerror(errno));
    return false;
}

static json_t *member(struct writing *w, uint32_t node, const struct nika_key *group)
{
    bool client = nika_is_client(node);
    const char *path =
        path_of(w, "keys/%s-%u.key", client ? "client" : "replica", nika_client_index(node));
    return nika_keys_write(path, node, w->options->suite, group, w->problems);
}

/* Where cli/processes.c puts the trusted part of a replica. */
static json_t *trusted_part(const struct nika_testnet_options *o, uint32_t id)
{
    char socket[64], state[64];
    snprintf(socket, sizeof socket, NIKA_TESTNET_TRUSTED "/socket", id);
    snprintf(state, sizeof state, NIKA_TESTNET_TRUSTED "/state", id);
    if (o->trusted == NIKA_TRUST_SOFTWARE)
        return json_pack("{s:s, s:s, s:s}", "backend", "software", "key", NIKA_TESTNET_TRUSTED_KEY,
                         "state", state);
    json_t *part = json_pack("{s:s, s:s}", "backend", "process", "socket", socket);
    if (o->trusted_uid != NIKA_TRUST_ANY_USER)
        json_object_set_new(part, "uid", json_integer(o->trusted_uid));
    return part;
}

static json_t *node_file(const struct nika_testnet_options *o, uint32_t id, uint16_t http)
{
    char keys[64], data[64], log[64], pid[64];
    snprintf(keys, sizeof keys, "keys/replica-%u.key", id);
    snprintf(data, sizeof data, "data/replica-%u", id);
    snprintf(log, sizeof log, "replica-%u.log", id);
    snprintf(pid, sizeof pid, "replica-%u.pid", id);
    json_t *root =
        json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:{s:s, s:i}, s:{s:s, s:s}}", "schema",
                  1, "replica", (int)id, "cluster", "cluster.json", "keys", keys, "data", data,
                  "store", o->store == NIKA_STORE_MEMORY ? "memory" : "disk", "pid_file", pid,
                  "verify_threads", (int)o->verify_threads, "http", "host", o->host, "port",
                  (int)http, "log", "file", log, "level", "info");
    if (o->trusted != NIKA_TRUST_NONE) json_object_set_new(root, "trusted", trusted_part(o, id));
    if (strcmp(o->app, "external") == 0) {
        char path[64];
        snprintf(path, sizeof path, "app-%u.sock", id);
        json_object_set_new(root, "application", json_pack("{s:s}", "socket", path));
    }
    return root;
}

static bool write_members(struct writing *w, json_t *root, const uint16_t *ports)
{
    const struct nika_testnet_options *o = w->options;
    struct nika_key secret;
    const struct nika_key *group = o->suite == NIKA_SUITE_HMAC ? &secret : NULL;
    json_t *replicas = json_object_get(root, "replicas"),
           *clients = json_object_get(root, "clients");
    nika_random_bytes(&secret, sizeof secret);
    for (uint32_t i = 0; i < o->n; i++) {
        json_t *m = member(w, i, group);
        if (m == NULL) return false;
        json_object_set_new(m, "host", json_string(o->host));
        json_object_set_new(m, "port", json_integer(ports[i]));
        json_array_append_new(replicas, m);
        json_t *file = node_file(o, i, ports[o->n + i]);
        bool good = write_file(w, path_of(w, "replica-%u.json", i), file);
        json_decref(file);
        if (!good) return false;
    }
    for (uint32_t i = 0; i < o->clients; i++) {
        json_t *m = member(w, nika_client_node(i), group);
        if (m == NULL) return false;
        if (o->sessions != 0 && i >= o->sessions)
            json_object_set_new(m, "carrier", json_integer(i % o->sessions));
        json_array_append_new(clients, m);
    }
    nika_key_erase(&secret, sizeof secret);
    return true;
}

/* The cluster file without its members. NULL when memory is short. */
static json_t *file_of(const struct nika_testnet_options *o)
{
    struct nika_digest genesis;
    char hex[2 * NIKA_DIGEST_SIZE + 1];
    nika_random_bytes(&genesis, sizeof genesis);
    nika_hex(genesis.bytes, sizeof genesis.bytes, hex);
    json_t *root = json_pack("{s:i, s:s, s:{s:s, s:s, s:I, s:i, s:i, s:s}, s:[], s:[]}", "schema",
                             1, "genesis", hex, "cluster", "protocol", o->protocol, "app", o->app,
                             "app_param", (json_int_t)o->app_param, "n", (int)o->n, "f", (int)o->f,
                             "suite", nika_suite_name(o->suite), "replicas", "clients");
    json_t *cluster = json_object_get(root, "cluster");
    if (root != NULL && o->tls) json_object_set_new(cluster, "tls", json_true());
    if (root != NULL && o->client_macs)
        json_object_set_new(cluster, "client_auth", json_string("macs"));
    if (root != NULL) json_object_set_new(cluster, "pace_ms", json_integer(NIKA_TESTNET_PACE_MS));
    if (root != NULL && o->tunables != NULL) json_object_update(cluster, o->tunables);
    return root;
}

static bool write_all(struct writing *w, json_t *root)
{
    const struct nika_testnet_options *o = w->options;
    uint16_t ports[2 * NIKA_REPLICAS_MAX] = {0};
    if (!make_folder(w, o->dir) || !make_folder(w, path_of(w, "keys")) ||
        !make_folder(w, path_of(w, "data")))
        return false;
    for (uint32_t i = 0; o->port != 0 && i < 2 * o->n; i++) ports[i] = (uint16_t)(o->port + i);
    if (o->port == 0 && !free_ports(w, ports, 2 * o->n)) return false;
    return write_members(w, root, ports) && write_file(w, path_of(w, "cluster.json"), root);
}

bool nika_testnet_write(const struct nika_testnet_options *o, struct nika_problems *problems)
{
    struct writing w = {.options = o, .problems = problems};
    const char *path = path_of(&w, "cluster.json");
    if (access(path, F_OK) == 0) {
        nika_problem(problems, path, "",
                     "is there already; a cluster's files are never overwritten");
        return false;
    }
    json_t *root = file_of(o);
    if (root == NULL) nika_problem(problems, path, "", "out of memory");
    bool good = root != NULL &&
                nika_cluster_check(path, json_object_get(root, "cluster"), o->clients, o->names,
                                   problems) &&
                write_all(&w, root);
    json_decref(root);
    return good;
}
