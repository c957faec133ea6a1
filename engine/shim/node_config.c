/* engine/shim/node_config.c: reading a node file; see cluster.h. */
#include "engine/shim/cluster.h"

#include <stdio.h>

#define NODE_FILE_MAX 65536u

static const char *const node_keys[] = {
    "schema", "replica",      "cluster",  "keys",           "data",        "listen",  "http", "log",
    "store",  "outbound_kib", "pid_file", "verify_threads", "application", "trusted", NULL};
static const char *const trusted_keys[] = {"backend", "key",        "state", "socket",
                                           "uid",     "timeout_ms", NULL};
static const char *const application_keys[] = {"socket", "timeout_ms", NULL};
static const char *const listen_keys[] = {"host", "port", NULL};
static const char *const log_keys[] = {"file", "level", NULL};
static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const store_names[] = {"disk", "memory"};

/* A path in a file is relative to the folder of the file. */
static void read_path(const struct nika_json *j, const char *key, const char *fallback, char *out)
{
    char given[NIKA_PATH_SIZE], path[128];
    nika_json_text(j, key, fallback, given, sizeof given);
    const char *slash = strrchr(j->file, '/');
    int folder =
        given[0] == '/' || given[0] == '\0' || slash == NULL ? 0 : (int)(slash + 1 - j->file);
    int size = snprintf(out, NIKA_PATH_SIZE, "%.*s%s", folder, j->file, given);
    if (size >= (int)NIKA_PATH_SIZE)
        nika_problem(j->problems, j->file, nika_json_path(j, key, path), "longer than %u bytes",
                     NIKA_PATH_SIZE - 1);
}

static uint32_t read_name(const struct nika_json *j, const char *key, const char *const *names,
                          uint32_t count, uint32_t fallback)
{
    char name[NIKA_CLUSTER_NAME_SIZE], path[128], list[128] = "";
    nika_json_text(j, key, names[fallback], name, sizeof name);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) return i;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    nika_problem(j->problems, j->file, nika_json_path(j, key, path),
                 "expected one of %s; got \"%s\"", list, name);
    return fallback;
}

static struct nika_json section(const struct nika_json *top, const char *key,
                                const char *const *keys)
{
    json_t *object = json_object_get(top->object, key);
    if (object != NULL && !json_is_object(object))
        nika_problem(top->problems, top->file, key, "expected an object");
    struct nika_json j = {top->problems, top->file, key, json_is_object(object) ? object : NULL};
    if (j.object != NULL) nika_json_only(&j, keys);
    return j;
}

static const char *const backend_names[] = {"none", "software", "process"};

static void read_trusted(const struct nika_json *top, struct nika_trust_config *out)
{
    struct nika_json j = section(top, "trusted", trusted_keys);
    out->server_uid = NIKA_TRUST_ANY_USER;
    if (j.object == NULL) return;
    out->kind = (enum nika_trust_kind)read_name(&j, "backend", backend_names,
                                                ARRAY_COUNT(backend_names), NIKA_TRUST_NONE);
    if (out->kind == NIKA_TRUST_SOFTWARE) {
        read_path(&j, "key", NULL, out->key);
        read_path(&j, "state", NULL, out->state);
    }
    if (out->kind == NIKA_TRUST_PROCESS) read_path(&j, "socket", NULL, out->socket);
    out->server_uid =
        (uint32_t)nika_json_number(&j, "uid", 0, NIKA_TRUST_ANY_USER, NIKA_TRUST_ANY_USER);
    out->timeout_ms = (uint32_t)nika_json_number(&j, "timeout_ms", 10, 600000, 2000);
}

static void read_node(const struct nika_json *top, struct nika_node_config *out)
{
    nika_json_only(top, node_keys);
    nika_json_number(top, "schema", 1, 1, -1);
    out->replica = (uint32_t)nika_json_number(top, "replica", 0, NIKA_REPLICAS_MAX - 1, -1);
    read_path(top, "cluster", "cluster.json", out->cluster);
    read_path(top, "keys", NULL, out->keys);
    read_path(top, "data", NULL, out->data);
    read_path(top, "pid_file", "", out->pid_file);
    out->store =
        (enum nika_store_kind)read_name(top, "store", store_names, ARRAY_COUNT(store_names), 0);
    out->outbound_kib = (uint32_t)nika_json_number(top, "outbound_kib", 64, 1048576, 8192);
    out->verify_threads = (uint32_t)nika_json_number(top, "verify_threads", 0, 64, 0);
    struct nika_json listen = section(top, "listen", listen_keys);
    nika_json_text(&listen, "host", "", out->listen, sizeof out->listen);
    out->port = (uint16_t)nika_json_number(&listen, "port", 0, 65535, 0);
    struct nika_json http = section(top, "http", listen_keys);
    nika_json_text(&http, "host", "127.0.0.1", out->http_host, sizeof out->http_host);
    out->http_port = (uint16_t)nika_json_number(&http, "port", 0, 65535, 0);
    struct nika_json application = section(top, "application", application_keys);
    if (application.object != NULL) read_path(&application, "socket", NULL, out->app_socket);
    out->app_timeout_ms = (uint32_t)nika_json_number(&application, "timeout_ms", 10, 600000, 10000);
    read_trusted(top, &out->trusted);
    struct nika_json log = section(top, "log", log_keys);
    out->log_level = (enum nika_log_level)NIKA_LOG_INFO;
    if (log.object != NULL) {
        read_path(&log, "file", "", out->log_file);
        out->log_level = (enum nika_log_level)read_name(&log, "level", level_names,
                                                        ARRAY_COUNT(level_names), NIKA_LOG_INFO);
    }
}

bool nika_node_config_load(const char *path, struct nika_node_config *out,
                           struct nika_problems *problems)
{
    uint32_t before = problems->count;
    memset(out, 0, sizeof *out);
    json_t *root = nika_json_load(problems, path, NODE_FILE_MAX);
    if (root == NULL) return false;
    struct nika_json top = {problems, path, "", root};
    read_node(&top, out);
    json_decref(root);
    return problems->count == before;
}
