/* fuzz/targets/cluster_file.c: the file that all nodes of a live cluster are started with (engine/shim/cluster.h). */
#include <stdlib.h>
#include <unistd.h>

#include "apps/registry.h"
#include "engine/shim/cluster.h"
#include "fuzz/targets/memory_file.h"
#include "fuzz/targets/target.h"
#include "protocols/registry.h"

static uint32_t protocol_id(const char *name)
{
    const struct nika_protocol *p = nika_protocol_find(name);
    return p != NULL ? p->id : 0;
}

static const char *check(const char *protocol, const struct nika_config *config)
{
    const struct nika_protocol *p = nika_protocol_find(protocol);
    return p == NULL || p->replica->check == NULL ? NULL : p->replica->check(config);
}

static bool has_app(const char *name)
{
    return nika_app_find(name) != NULL;
}

static const struct nika_cluster_names names = {protocol_id, check, has_app};

static struct nika_cluster *load(struct nika_span bytes, struct nika_problems *problems)
{
    char path[MEMORY_FILE_PATH];
    memset(problems, 0, sizeof *problems);
    int file = memory_file(bytes, path);
    struct nika_cluster *cluster = nika_cluster_load(path, &names, problems);
    close(file);
    NIKA_TARGET_CHECK((cluster == NULL) == (problems->count > 0), "%s with %u problems",
                      cluster == NULL ? "refused" : "loaded", problems->count);
    for (uint32_t i = 0; i < problems->count && i < NIKA_PROBLEMS_MAX; i++)
        NIKA_TARGET_CHECK(problems->lines[i][0] != '\0', "an empty problem");
    return cluster;
}

/* What a node may rely on once the file is loaded. */
static void judge(const struct nika_cluster *cluster)
{
    const struct nika_config *c = &cluster->config;
    const char *reason = NULL;
    NIKA_TARGET_CHECK(c->n >= 1 && c->n <= NIKA_REPLICAS_MAX && c->clients <= NIKA_CLIENTS_MAX,
                      "%u replicas, %u clients", c->n, c->clients);
    NIKA_TARGET_CHECK(!nika_digest_is_null(&c->group_id), "no group id");
    NIKA_TARGET_CHECK(check(cluster->protocol, c) == NULL, "%s cannot run with it",
                      cluster->protocol);
    struct nika_config again = *c;
    NIKA_TARGET_CHECK(nika_config_seal(&again, &reason) == NIKA_OK, "loaded and refused: %s",
                      reason);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct nika_member *m = nika_cluster_member(cluster, i);
        NIKA_TARGET_CHECK(m != NULL && m->port != 0 && m->host[0] != '\0', "replica %u", i);
        NIKA_TARGET_CHECK(memchr(m->host, '\0', sizeof m->host) != NULL, "a host without an end");
    }
    NIKA_TARGET_CHECK(nika_cluster_member(cluster, c->n) == NULL &&
                          nika_cluster_member(cluster, nika_client_node(c->clients)) == NULL,
                      "a member too many");
}

static void run(struct nika_span input)
{
    static struct nika_problems problems;
    struct nika_cluster *cluster = load(input, &problems);
    if (cluster == NULL) return;
    judge(cluster);
    /* The same members in another writing are the same group. */
    json_t *root = json_loadb((const char *)input.data, input.size, JSON_REJECT_DUPLICATES, NULL);
    char *text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
    NIKA_TARGET_CHECK(text != NULL, "a loaded file cannot be written");
    struct nika_cluster *other =
        load((struct nika_span){(const uint8_t *)text, (uint32_t)strlen(text)}, &problems);
    NIKA_TARGET_CHECK(other != NULL, "written again it does not load: %s", problems.lines[0]);
    NIKA_TARGET_CHECK(nika_digest_equal(&cluster->config.group_id, &other->config.group_id),
                      "the group id depends on how the file is written");
    nika_cluster_free(other);
    nika_cluster_free(cluster);
    free(text);
    json_decref(root);
}

/* ---- Seeds ---- */
static json_t *hex(uint32_t fill)
{
    char text[65];
    for (uint32_t i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", (fill * 7 + i) & 0xff);
    return json_string(text);
}

static json_t *member(uint32_t id, bool replica, bool signing)
{
    json_t *m = json_object();
    uint32_t fill = id + (replica ? 0 : 64);
    json_object_set_new(m, "id", json_integer(id));
    json_object_set_new(m, "identity", hex(3 * fill + 1));
    json_object_set_new(m, "exchange", hex(3 * fill + 2));
    if (signing) json_object_set_new(m, "signing", hex(3 * fill + 3));
    if (!replica) return m;
    json_object_set_new(m, "host", json_string("127.0.0.1"));
    json_object_set_new(m, "port", json_integer(7000 + id));
    return m;
}

static void seed_of(const char *protocol, const char *suite, uint32_t n, nika_target_seed *seed,
                    void *context)
{
    char name[48];
    json_t *root = json_object(), *replicas = json_array(), *clients = json_array();
    bool signing = strcmp(suite, "hmac") != 0;
    for (uint32_t i = 0; i < n; i++) json_array_append_new(replicas, member(i, true, signing));
    for (uint32_t i = 0; i < 2; i++) json_array_append_new(clients, member(i, false, signing));
    json_object_set_new(json_array_get(clients, 1), "carrier", json_integer(0));
    json_object_set_new(root, "schema", json_integer(1));
    json_object_set_new(root, "genesis", hex(99));
    json_object_set_new(root, "cluster",
                        json_pack("{s:s, s:s, s:i, s:i, s:s}", "protocol", protocol, "app", "kv",
                                  "n", (int)n, "f", 1, "suite", suite));
    json_object_set_new(root, "replicas", replicas);
    json_object_set_new(root, "clients", clients);
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    NIKA_TARGET_CHECK(text != NULL, "out of memory");
    snprintf(name, sizeof name, "%s-%s", protocol, suite);
    seed(context, name, (struct nika_span){(const uint8_t *)text, (uint32_t)strlen(text)});
    free(text);
    json_decref(root);
}

static void seeds(nika_target_seed *seed, void *context)
{
    seed_of("pbft", "ed25519", 4, seed, context);
    seed_of("pbft", "hmac", 4, seed, context);
    seed_of("hybster", "ed25519", 3, seed, context);
}

static void dictionary(FILE *out)
{
    static const char *const words[] = {
        "schema",   "genesis",  "cluster",     "replicas",      "clients",   "protocol",  "app",
        "n",        "f",        "epoch",       "suite",         "read_only", "tls",       "id",
        "identity", "exchange", "signing",     "host",          "port",      "carrier",   "pbft",
        "hybster",  "kv",       "client_auth", "trusted_epoch", "signature", "mac",       "ed25519",
        "hmac",     "null",     "ecdsa-p256",  "rsa-2048",      "ledger",    "app_param", "macs"};
    for (uint32_t i = 0; i < ARRAY_COUNT(words); i++) fprintf(out, "\"\\\"%s\\\"\"\n", words[i]);
#define TUNABLE(key, field, kind, unit, low, high) fprintf(out, "\"\\\"%s\\\":\"\n", key);
#include "engine/shim/cluster.def"
#undef TUNABLE
}

const struct nika_target nika_target_cluster_file = {
    .name = "cluster-file",
    .doc =
        "The cluster file of a live group: problems by name, or a group that a node can rely on.",
    .size_max = 32u * 1024u,
    .run = run,
    .seeds = seeds,
    .dictionary = dictionary,
};
