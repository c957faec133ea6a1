/* engine/shim/cluster.c: reading a cluster file; see cluster.h. */
#include "engine/shim/cluster.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"

#include <stdio.h>
#include <stdlib.h>

#define CLUSTER_FILE_MAX (8u * 1024u * 1024u) /* 4224 members with RSA keys are 4 MiB. */
#define GROUP_DOMAIN "nika-cluster-v1"
#define CLIENT_MACS "client-macs"

static const char *const top_keys[] = {"schema", "genesis", "cluster", "replicas", "clients", NULL};
static const char *const cluster_keys[] = {"protocol", "app",   "app_param", "n",   "f",
                                           "suite",    "epoch", "read_only", "tls", "client_auth",
#define TUNABLE(key, field, kind, unit, low, high) key,
#include "engine/shim/cluster.def"
#undef TUNABLE
                                           NULL};
static const char *const replica_keys[] = {"id",       "host",    "port",          "identity",
                                           "exchange", "signing", "trusted_epoch", NULL};
static const char *const client_keys[] = {"id", "identity", "exchange", "signing", "carrier", NULL};

/* Defaults of a live cluster: larger windows than in simulation, where view changes and transfers shall be frequent. Every vote of a window has
 * its place in memory all the time. */
static void defaults(struct nika_config *c)
{
    nika_config_default(c);
    c->checkpoint_interval = 64;
    c->window = 128;
    c->pipeline = 4; /* What arrives meanwhile makes larger batches, which cost fewer signatures. */
    c->reply_size_max = 2048;
    c->pending_max = 1024;
    c->store_bytes = 32u * 1024u * 1024u;
    c->batch_ns = 0;
    c->request_ns = UINT64_C(500000000);
    c->client_ns = UINT64_C(400000000);
}

/* Its signatures have four to eight times the size of others' and take as much longer to make: half a window holds as much time. */
static void defaults_of_rsa(struct nika_config *c)
{
    c->checkpoint_interval /= 2;
    c->window /= 2;
}

static enum nika_suite read_suite(const struct nika_json *j)
{
    char name[NIKA_CLUSTER_NAME_SIZE], path[128];
    nika_json_text(j, "suite", "ed25519", name, sizeof name);
    enum nika_suite suite = nika_suite_parse(name);
    if (suite != NIKA_SUITE_NONE && suite != NIKA_SUITE_SIM) return suite;
    nika_problem(j->problems, j->file, nika_json_path(j, "suite", path),
                 "expected ed25519, ecdsa-p256, rsa-2048 or hmac, got \"%s\"", name);
    return NIKA_SUITE_ED25519;
}

static bool read_client_auth(const struct nika_json *j)
{
    char name[NIKA_CLUSTER_NAME_SIZE], path[128];
    nika_json_text(j, "client_auth", "signature", name, sizeof name);
    if (strcmp(name, "macs") == 0) return true;
    if (strcmp(name, "signature") != 0)
        nika_problem(j->problems, j->file, nika_json_path(j, "client_auth", path),
                     "expected signature or macs, got \"%s\"", name);
    return false;
}

static void read_config(const struct nika_json *j, struct nika_cluster *cluster)
{
    struct nika_config *c = &cluster->config;
    defaults(c);
    nika_json_only(j, cluster_keys);
    nika_json_text(j, "protocol", "pbft", cluster->protocol, sizeof cluster->protocol);
    nika_json_text(j, "app", "kv", cluster->app, sizeof cluster->app);
    cluster->app_param = nika_json_number(j, "app_param", 0, UINT32_MAX, 0);
    c->n = (uint32_t)nika_json_number(j, "n", 1, NIKA_REPLICAS_MAX, -1);
    c->f = (uint32_t)nika_json_number(j, "f", 0, NIKA_REPLICAS_MAX - 1, -1);
    c->epoch = (uint32_t)nika_json_number(j, "epoch", 0, UINT32_MAX, 0);
    c->suite = read_suite(j);
    if (c->suite == NIKA_SUITE_RSA_2048) defaults_of_rsa(c);
    c->read_only = nika_json_flag(j, "read_only", false);
    cluster->tls = nika_json_flag(j, "tls", false);
    cluster->client_macs = read_client_auth(j);
#define TUNABLE(key, field, kind, unit, low, high)                                                 \
    c->field = (kind)(nika_json_number(j, key, low, high, (int64_t)(c->field / (unit))) * (unit));
#include "engine/shim/cluster.def"
#undef TUNABLE
}

static void read_member(const struct nika_json *j, uint32_t id, bool replica, enum nika_suite suite,
                        struct nika_member *m)
{
    char path[128];
    nika_json_only(j, replica ? replica_keys : client_keys);
    if (nika_json_number(j, "id", 0, UINT32_MAX, -1) != id && j->object != NULL)
        nika_problem(j->problems, j->file, nika_json_path(j, "id", path),
                     "expected %u: members stand in the order of their ids", id);
    nika_json_hex(j, "identity", NIKA_KEY_SIZE, m->identity.bytes, NIKA_KEY_SIZE);
    nika_json_hex(j, "exchange", NIKA_KEY_SIZE, m->exchange.bytes, NIKA_KEY_SIZE);
    if (suite != NIKA_SUITE_HMAC)
        m->signing_size = nika_json_hex(
            j, "signing", suite == NIKA_SUITE_ED25519 ? NIKA_KEY_SIZE : 64, m->signing,
            suite == NIKA_SUITE_ED25519 ? NIKA_KEY_SIZE : NIKA_SIGNING_PUBLIC_MAX);
    if (!replica) {
        m->carrier =
            nika_client_node((uint32_t)nika_json_number(j, "carrier", 0, NIKA_CLIENTS_MAX - 1, id));
        return;
    }
    nika_json_text(j, "host", NULL, m->host, sizeof m->host);
    m->trusted_epoch = nika_json_number(j, "trusted_epoch", 1, INT64_MAX, 1);
    m->port = (uint16_t)nika_json_number(j, "port", 1, 65535, -1);
}

static void read_members(struct nika_problems *p, const char *file, json_t *root, const char *key,
                         const struct nika_cluster *cluster, struct nika_member *members,
                         uint32_t count)
{
    json_t *list = json_object_get(root, key);
    bool replica = members == cluster->members;
    for (uint32_t i = 0; i < count; i++) {
        char path[48];
        snprintf(path, sizeof path, "%s[%u]", key, i);
        json_t *object = json_array_get(list, i);
        if (!json_is_object(object)) nika_problem(p, file, path, "expected an object");
        struct nika_json j = {p, file, path, json_is_object(object) ? object : NULL};
        read_member(&j, i, replica, cluster->config.suite, &members[i]);
    }
}

/* Two members with one key could speak for each other. */
static void check_distinct(struct nika_problems *p, const char *file,
                           const struct nika_cluster *cluster)
{
    uint32_t count = cluster->config.n + cluster->config.clients;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            const struct nika_member *a = &cluster->members[i], *b = &cluster->members[k];
            bool same = memcmp(&a->identity, &b->identity, sizeof a->identity) == 0 ||
                        memcmp(&a->exchange, &b->exchange, sizeof a->exchange) == 0 ||
                        (a->signing_size > 0 && a->signing_size == b->signing_size &&
                         memcmp(a->signing, b->signing, a->signing_size) == 0);
            if (same) nika_problem(p, file, "", "members %u and %u have a key in common", k, i);
            bool clash =
                i < cluster->config.n && a->port == b->port && strcmp(a->host, b->host) == 0;
            if (clash) nika_problem(p, file, "", "replicas %u and %u have one address", k, i);
        }
    }
}

static void check_carriers(struct nika_problems *p, const char *file,
                           const struct nika_cluster *cluster)
{
    const struct nika_member *clients = cluster->members + cluster->config.n;
    for (uint32_t i = 0; i < cluster->config.clients; i++) {
        char path[48];
        uint32_t carrier = nika_client_index(clients[i].carrier);
        snprintf(path, sizeof path, "clients[%u].carrier", i);
        if (carrier >= cluster->config.clients)
            nika_problem(p, file, path, "there is no client %u", carrier);
        else if (clients[carrier].carrier != nika_client_node(carrier))
            nika_problem(p, file, path, "client %u has no session of its own", carrier);
    }
}

/* PROTOCOLS.md 5: the id of the group covers everything that its members must agree on. */
static void seal_group(struct nika_cluster *cluster)
{
    uint32_t count = cluster->config.n + cluster->config.clients;
    struct nika_digest config = cluster->config.group_id, chain;
    uint8_t param[8];
    nika_store_le(param, cluster->app_param, sizeof param);
    const struct nika_span names[] = {
        {(const uint8_t *)GROUP_DOMAIN, sizeof GROUP_DOMAIN - 1},
        {config.bytes, sizeof config.bytes},
        {cluster->genesis.bytes, sizeof cluster->genesis.bytes},
        {(const uint8_t *)cluster->protocol, sizeof cluster->protocol},
        {(const uint8_t *)cluster->app, sizeof cluster->app},
        {param, sizeof param},
        {(const uint8_t *)CLIENT_MACS, cluster->client_macs ? sizeof CLIENT_MACS - 1 : 0},
    };
    nika_sha256(names, ARRAY_COUNT(names), &chain);
    for (uint32_t i = 0; i < count; i++) {
        const struct nika_member *m = &cluster->members[i];
        struct nika_digest before = chain;
        uint8_t carrier[4], epoch[8];
        bool carried =
            i >= cluster->config.n && m->carrier != nika_client_node(i - cluster->config.n);
        bool renewed = m->trusted_epoch > 1; /* As it began it adds nothing. */
        nika_store_le(carrier, m->carrier, sizeof carrier);
        nika_store_le(epoch, m->trusted_epoch, sizeof epoch);
        const struct nika_span parts[] = {
            {before.bytes, sizeof before.bytes},     {m->identity.bytes, NIKA_KEY_SIZE},
            {m->exchange.bytes, NIKA_KEY_SIZE},      {m->signing, m->signing_size},
            {carrier, carried ? sizeof carrier : 0}, {epoch, renewed ? sizeof epoch : 0}};
        nika_sha256(parts, ARRAY_COUNT(parts), &chain);
    }
    cluster->config.group_id = chain;
}

/* Its section "cluster" and the number of members: sealed when there is no problem. */
static bool check_values(struct nika_problems *p, const char *file, struct nika_cluster *cluster,
                         const struct nika_cluster_names *names)
{
    const char *reason = NULL;
    cluster->config.protocol = names->protocol(cluster->protocol);
    if (cluster->config.protocol == 0)
        nika_problem(p, file, "cluster.protocol", "no such protocol: \"%s\"", cluster->protocol);
    if (!names->app(cluster->app))
        nika_problem(p, file, "cluster.app", "no such application: \"%s\"", cluster->app);
    uint32_t most = nika_suite_vector_replicas(cluster->config.suite);
    if (cluster->client_macs && cluster->config.n > most)
        nika_problem(p, file, "cluster.client_auth",
                     "macs: too many replicas for suite %s (at most %u)",
                     nika_suite_name(cluster->config.suite), most);
    if (p->count > 0) return false;
    reason = names->check(cluster->protocol, &cluster->config);
    if (reason == NULL && nika_config_seal(&cluster->config, &reason) == NIKA_OK) return true;
    nika_problem(p, file, "cluster", "%s", reason);
    return false;
}

static uint32_t list_size(struct nika_problems *p, const char *file, json_t *root, const char *key,
                          uint32_t low, uint32_t high)
{
    json_t *list = json_object_get(root, key);
    size_t size = json_array_size(list);
    if (json_is_array(list) && size >= low && size <= high) return (uint32_t)size;
    nika_problem(p, file, key, "expected a list of %u to %u members", low, high);
    return 0;
}

static void read_all(struct nika_problems *p, const char *file, json_t *root,
                     struct nika_cluster *cluster)
{
    struct nika_json top = {p, file, "", root};
    nika_json_only(&top, top_keys);
    nika_json_number(&top, "schema", 1, 1, -1);
    nika_json_hex(&top, "genesis", NIKA_DIGEST_SIZE, cluster->genesis.bytes, NIKA_DIGEST_SIZE);
    json_t *section = json_object_get(root, "cluster");
    if (!json_is_object(section)) nika_problem(p, file, "cluster", "expected an object");
    struct nika_json j = {p, file, "cluster", json_is_object(section) ? section : NULL};
    read_config(&j, cluster);
    uint32_t replicas = list_size(p, file, root, "replicas", 1, NIKA_REPLICAS_MAX);
    uint32_t clients = list_size(p, file, root, "clients", 1, NIKA_CLIENTS_MAX);
    if (replicas != 0 && j.object != NULL && replicas != cluster->config.n)
        nika_problem(p, file, "replicas", "%u members, but cluster.n is %u", replicas,
                     cluster->config.n);
    cluster->config.n = replicas != 0 ? replicas : 1;
    cluster->config.clients = clients;
    cluster->members = calloc((size_t)replicas + clients + 1, sizeof *cluster->members);
    if (cluster->members == NULL) {
        nika_problem(p, file, "", "out of memory");
        return;
    }
    read_members(p, file, root, "replicas", cluster, cluster->members, replicas);
    read_members(p, file, root, "clients", cluster, cluster->members + replicas, clients);
    if (p->count == 0) check_distinct(p, file, cluster);
    if (p->count == 0) check_carriers(p, file, cluster);
}

struct nika_cluster *nika_cluster_load(const char *path, const struct nika_cluster_names *names,
                                       struct nika_problems *problems)
{
    uint32_t before = problems->count;
    json_t *root = nika_json_load(problems, path, CLUSTER_FILE_MAX);
    struct nika_cluster *cluster = calloc(1, sizeof *cluster);
    if (root != NULL && cluster != NULL) {
        read_all(problems, path, root, cluster);
        if (check_values(problems, path, cluster, names)) seal_group(cluster);
    }
    json_decref(root);
    if (root != NULL && cluster != NULL && problems->count == before) return cluster;
    nika_cluster_free(cluster);
    return NULL;
}

bool nika_cluster_check(const char *file, json_t *section, uint32_t clients,
                        const struct nika_cluster_names *names, struct nika_problems *problems)
{
    uint32_t before = problems->count;
    struct nika_json j = {problems, file, "cluster", section};
    struct nika_cluster *cluster = calloc(1, sizeof *cluster);
    if (cluster == NULL) {
        nika_problem(problems, file, "", "out of memory");
        return false;
    }
    read_config(&j, cluster);
    cluster->config.clients = clients;
    check_values(problems, file, cluster, names);
    nika_cluster_free(cluster);
    return problems->count == before;
}

void nika_cluster_free(struct nika_cluster *cluster)
{
    if (cluster == NULL) return;
    free(cluster->members);
    free(cluster);
}

const struct nika_member *nika_cluster_member(const struct nika_cluster *cluster, uint32_t node)
{
    uint32_t index = nika_client_index(node);
    if (!nika_is_client(node)) return node < cluster->config.n ? &cluster->members[node] : NULL;
    return index < cluster->config.clients ? &cluster->members[cluster->config.n + index] : NULL;
}

bool nika_cluster_carries(const struct nika_cluster *cluster, uint32_t peer, uint32_t sender)
{
    const struct nika_member *m = nika_cluster_member(cluster, sender);
    return nika_is_client(sender) && m != NULL && m->carrier == peer;
}
