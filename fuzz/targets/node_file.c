/* fuzz/targets/node_file.c: the file that one replica is started with (engine/shim/cluster.h, struct nika_node_config). */
#include <unistd.h>

#include "engine/shim/cluster.h"
#include "fuzz/targets/memory_file.h"
#include "fuzz/targets/target.h"

static bool ends(const char *text, size_t capacity)
{
    return memchr(text, '\0', capacity) != NULL;
}

static void judge(const struct nika_node_config *c)
{
    NIKA_TARGET_CHECK(c->replica < NIKA_REPLICAS_MAX, "replica %u", c->replica);
    NIKA_TARGET_CHECK(ends(c->cluster, NIKA_PATH_SIZE) && ends(c->keys, NIKA_PATH_SIZE) &&
                          ends(c->data, NIKA_PATH_SIZE) && ends(c->log_file, NIKA_PATH_SIZE) &&
                          ends(c->pid_file, NIKA_PATH_SIZE) && ends(c->app_socket, NIKA_PATH_SIZE),
                      "a path without an end");
    NIKA_TARGET_CHECK(ends(c->listen, NIKA_HOST_SIZE) && ends(c->http_host, NIKA_HOST_SIZE),
                      "a host without an end");
    NIKA_TARGET_CHECK(c->keys[0] != '\0' && c->data[0] != '\0', "no keys or data");
    NIKA_TARGET_CHECK(c->log_level <= NIKA_LOG_DEBUG && c->store <= NIKA_STORE_MEMORY &&
                          c->trusted.kind <= NIKA_TRUST_PROCESS,
                      "a choice that is none");
    NIKA_TARGET_CHECK(c->trusted.kind != NIKA_TRUST_PROCESS || c->trusted.socket[0] != '\0',
                      "a trusted process without a socket");
}

static void run(struct nika_span input)
{
    static struct nika_problems problems;
    static struct nika_node_config config;
    char path[MEMORY_FILE_PATH];
    memset(&problems, 0, sizeof problems);
    int file = memory_file(input, path);
    bool loaded = nika_node_config_load(path, &config, &problems);
    close(file);
    NIKA_TARGET_CHECK(loaded == (problems.count == 0), "%s with %u problems",
                      loaded ? "loaded" : "refused", problems.count);
    for (uint32_t i = 0; i < problems.count && i < NIKA_PROBLEMS_MAX; i++)
        NIKA_TARGET_CHECK(problems.lines[i][0] != '\0', "an empty problem");
    if (loaded) judge(&config);
}

static void seeds(nika_target_seed *seed, void *context)
{
    static const char *const texts[] = {"{\"schema\": 1, \"replica\": 0, \"cluster\": "
                                        "\"cluster.json\", \"keys\": \"keys/replica-0.json\","
                                        " \"data\": \"data-0\"}",
                                        "{\"schema\": 1, \"replica\": 2, \"keys\": \"/k\", "
                                        "\"data\": \"/d\", \"listen\": {\"host\": \"::1\","
                                        " \"port\": 7002}, \"http\": {\"port\": 7102}, \"log\": "
                                        "{\"file\": \"n.log\", \"level\": \"debug\"},"
                                        " \"store\": \"memory\", \"outbound_kib\": 128, "
                                        "\"verify_threads\": 2, \"pid_file\": \"n.pid\"}",
                                        "{\"schema\": 1, \"replica\": 1, \"keys\": \"k\", "
                                        "\"data\": \"d\", \"application\": {\"socket\": \"a.sock\","
                                        " \"timeout_ms\": 500}, \"trusted\": {\"backend\": "
                                        "\"process\", \"socket\": \"t.sock\", \"uid\": 7}}",
                                        "{\"schema\": 1, \"replica\": 1, \"keys\": \"k\", "
                                        "\"data\": \"d\", \"trusted\": {\"backend\": \"software\","
                                        " \"key\": \"g.tss\", \"state\": \"t\"}}"};
    char name[16];
    for (uint32_t i = 0; i < ARRAY_COUNT(texts); i++) {
        snprintf(name, sizeof name, "node-%u", i);
        seed(context, name,
             (struct nika_span){(const uint8_t *)texts[i], (uint32_t)strlen(texts[i])});
    }
}

static void dictionary(FILE *out)
{
    static const char *const words[] = {"schema",      "replica",  "cluster",      "keys",
                                        "data",        "listen",   "http",         "log",
                                        "store",       "pid_file", "host",         "port",
                                        "file",        "level",    "outbound_kib", "verify_threads",
                                        "application", "trusted",  "socket",       "timeout_ms",
                                        "backend",     "key",      "state",        "uid",
                                        "error",       "warn",     "info",         "debug",
                                        "disk",        "memory",   "process",      "software"};
    for (uint32_t i = 0; i < ARRAY_COUNT(words); i++) fprintf(out, "\"\\\"%s\\\"\"\n", words[i]);
}

const struct nika_target nika_target_node_file = {
    .name = "node-file",
    .doc = "The node file of a replica: problems by name, or settings within their limits.",
    .size_max = 16u * 1024u,
    .run = run,
    .seeds = seeds,
    .dictionary = dictionary,
};
