/* engine/shim/keys.c: key files: reading, checking, making; see cluster.h. */
#include "engine/shim/cluster.h"

#include "engine/core/assert.h"
#include "engine/core/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_MAX 16384u
#define HEX_MAX (2u * NIKA_SIGNING_PRIVATE_MAX + 1u)

static const char *const key_keys[] = {"schema",   "role",    "id",    "suite", "identity",
                                       "exchange", "signing", "group", NULL};

void nika_random_bytes(void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0); /* tidy: keys and nonces of the real world */
        if (got < 0 && errno == EINTR) continue;
        NIKA_ASSERT(got > 0);
        at += got;
        size -= (size_t)got;
    }
}

/* ---- reading ---- */
/* A secret that others can read is none. */
static bool check_mode(const char *path, struct nika_problems *p)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        nika_problem(p, path, "", "cannot be read: %s", strerror(errno));
        return false;
    }
    if (!S_ISREG(info.st_mode)) {
        nika_problem(p, path, "", "is not a regular file");
        return false;
    }
    if ((info.st_mode & 077) != 0) {
        nika_problem(p, path, "", "mode is %04o, expected 0600 (chmod 600 %s)",
                     (unsigned)info.st_mode & 07777u, path);
        return false;
    }
    return true;
}

static void read_keys(const struct nika_json *j, struct nika_node_keys *out)
{
    char role[NIKA_CLUSTER_NAME_SIZE], suite[NIKA_CLUSTER_NAME_SIZE], path[128];
    nika_json_only(j, key_keys);
    nika_json_number(j, "schema", 1, 1, -1);
    nika_json_text(j, "role", NULL, role, sizeof role);
    if (role[0] != '\0' && strcmp(role, "replica") != 0 && strcmp(role, "client") != 0)
        nika_problem(j->problems, j->file, nika_json_path(j, "role", path),
                     "expected replica or client, got \"%s\"", role);
    out->node = (uint32_t)nika_json_number(j, "id", 0, NIKA_CLIENTS_MAX - 1, -1);
    if (strcmp(role, "client") == 0) out->node = nika_client_node(out->node);
    nika_json_text(j, "suite", NULL, suite, sizeof suite);
    out->suite = nika_suite_parse(suite);
    nika_json_hex(j, "identity", NIKA_KEY_SIZE, out->identity.bytes, NIKA_KEY_SIZE);
    nika_json_hex(j, "exchange", NIKA_KEY_SIZE, out->exchange.bytes, NIKA_KEY_SIZE);
    if (out->suite == NIKA_SUITE_HMAC)
        nika_json_hex(j, "group", NIKA_KEY_SIZE, out->group.bytes, NIKA_KEY_SIZE);
    else
        out->signing_size =
            nika_json_hex(j, "signing", NIKA_KEY_SIZE, out->signing, sizeof out->signing);
}

/* Do the secrets belong to what the cluster file says of this node? */
static void check_keys(const char *path, uint32_t node, const struct nika_cluster *cluster,
                       const struct nika_node_keys *keys, struct nika_problems *p)
{
    struct nika_key identity, exchange;
    const struct nika_member *m = nika_cluster_member(cluster, node);
    if (keys->node != node) {
        nika_problem(p, path, "id", "keys of %s %u, expected those of %s %u",
                     nika_is_client(keys->node) ? "client" : "replica",
                     nika_client_index(keys->node), nika_is_client(node) ? "client" : "replica",
                     nika_client_index(node));
        return;
    }
    if (m == NULL) {
        nika_problem(p, path, "id", "the cluster file has no such member");
        return;
    }
    if (keys->suite != cluster->config.suite)
        nika_problem(p, path, "suite", "keys of suite %s, the cluster uses %s",
                     nika_suite_name(keys->suite), nika_suite_name(cluster->config.suite));
    nika_identity_public(&keys->identity, &identity);
    nika_exchange_public(&keys->exchange, &exchange);
    if (memcmp(&identity, &m->identity, sizeof identity) != 0)
        nika_problem(p, path, "identity", "is not the secret of the key in the cluster file");
    if (memcmp(&exchange, &m->exchange, sizeof exchange) != 0)
        nika_problem(p, path, "exchange", "is not the secret of the key in the cluster file");
}

bool nika_keys_load(const char *path, uint32_t node, const struct nika_cluster *cluster,
                    struct nika_node_keys *out, struct nika_problems *problems)
{
    uint32_t before = problems->count;
    memset(out, 0, sizeof *out);
    if (!check_mode(path, problems)) return false;
    json_t *root = nika_json_load(problems, path, KEY_FILE_MAX);
    if (root != NULL) {
        struct nika_json j = {problems, path, "", root};
        read_keys(&j, out);
    }
    json_decref(root);
    if (problems->count == before && cluster != NULL)
        check_keys(path, node, cluster, out, problems);
    return problems->count == before;
}

/* MAC keys follow from the two nodes' exchange keys and the group: no message is needed to agree on them, and a stored frame stays
 * valid when a connection is made anew. */
static bool add_pair(struct nika_keyring *ring, const struct nika_node_keys *keys,
                     const struct nika_cluster *cluster, uint32_t peer)
{
    const struct nika_member *m = nika_cluster_member(cluster, peer);
    struct nika_key shared, out, in;
    char label[64];
    if (!nika_exchange_shared(&keys->exchange, &m->exchange, &shared)) return false;
    snprintf(label, sizeof label, "nika-mac-v1 %08x to %08x", keys->node, peer);
    nika_key_derive(&shared, &cluster->config.group_id, label, &out);
    snprintf(label, sizeof label, "nika-mac-v1 %08x to %08x", peer, keys->node);
    nika_key_derive(&shared, &cluster->config.group_id, label, &in);
    nika_keyring_add_pair(ring, peer, &out, &in);
    nika_key_erase(&shared, sizeof shared);
    nika_key_erase(&out, sizeof out);
    nika_key_erase(&in, sizeof in);
    return true;
}

static bool add_member(struct nika_keyring *ring, const struct nika_node_keys *keys,
                       const struct nika_cluster *cluster, uint32_t node)
{
    const struct nika_member *m = nika_cluster_member(cluster, node);
    struct nika_span key = {m->signing, m->signing_size};
    bool signs = cluster->config.suite != NIKA_SUITE_HMAC;
    if (node == keys->node) {
        key = (struct nika_span){keys->signing, keys->signing_size};
        return !signs || nika_keyring_add_private(ring, key) == NIKA_OK;
    }
    if (signs && nika_keyring_add_public(ring, node, key) != NIKA_OK) return false;
    /* Clients do not speak to each other. */
    bool meet = !nika_is_client(keys->node) || !nika_is_client(node);
    return !meet || add_pair(ring, keys, cluster, node);
}

/* A private key that does not fit the public one would show only when the first peer rejects a signature. */
static bool signs_as_published(const struct nika_node_keys *keys,
                               const struct nika_cluster *cluster, struct nika_keyring *ring)
{
    uint8_t signature[NIKA_AUTH_SIZE_MAX];
    uint32_t size = sizeof signature, other = keys->node == 0 ? 1 : 0;
    const struct nika_span text = {(const uint8_t *)"nika-key-check", 14};
    const struct nika_config *c = &cluster->config;
    /* A client of vectors does not use its signing key; its pair keys show in the first reply. */
    if (c->suite == NIKA_SUITE_HMAC || (cluster->client_macs && nika_is_client(keys->node)))
        return true;
    if (nika_sign(ring, keys->node, text, signature, &size) != NIKA_OK) return false;
    struct nika_keyring *view = nika_keyring_new_live(c->suite, c->n + 1, c->clients, other, NULL);
    const struct nika_member *m = nika_cluster_member(cluster, keys->node);
    bool good = view != NULL &&
                nika_keyring_add_public(
                    view, keys->node, (struct nika_span){m->signing, m->signing_size}) == NIKA_OK &&
                nika_verify(view, keys->node, text, (struct nika_span){signature, size}) == NIKA_OK;
    nika_keyring_free(view);
    return good;
}

struct nika_keyring *nika_keys_ring(const struct nika_node_keys *keys,
                                    const struct nika_cluster *cluster, const char *file,
                                    struct nika_problems *problems)
{
    const struct nika_config *c = &cluster->config;
    struct nika_keyring *ring = nika_keyring_new_live(
        c->suite, c->n, c->clients, keys->node, c->suite == NIKA_SUITE_HMAC ? &keys->group : NULL);
    uint32_t before = problems->count;
    if (ring == NULL) {
        nika_problem(problems, file, "", "no keyring of suite %s", nika_suite_name(c->suite));
        return NULL;
    }
    if (cluster->client_macs && nika_keyring_use_vectors(ring) != NIKA_OK)
        nika_problem(problems, file, "", "no vectors of suite %s", nika_suite_name(c->suite));
    for (uint32_t i = 0; i < c->n + c->clients; i++) {
        uint32_t node = i < c->n ? i : nika_client_node(i - c->n);
        if (!add_member(ring, keys, cluster, node))
            nika_problem(problems, file, "", "the keys of %s %u are not of suite %s or are weak",
                         i < c->n ? "replica" : "client", nika_client_index(node),
                         nika_suite_name(c->suite));
    }
    if (problems->count == before && !signs_as_published(keys, cluster, ring))
        nika_problem(problems, file, "signing", "is not the secret of the key in the cluster file");
    if (problems->count == before) return ring;
    nika_keyring_free(ring);
    return NULL;
}

/* ---- making ---- */
static void set_hex(json_t *object, const char *key, const void *data, uint32_t size)
{
    char text[HEX_MAX];
    NIKA_ASSERT(2 * size < sizeof text);
    nika_hex(data, size, text);
    json_object_set_new(object, key, json_string(text));
    nika_key_erase(text, sizeof text);
}

/* A file of secrets: new, readable by its owner alone, on the disk when this returns. */
static bool write_secret(const char *path, const json_t *object, struct nika_problems *p)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        nika_problem(p, path, "", "cannot be made: %s", strerror(errno));
        return false;
    }
    bool good =
        json_dumpfd(object, fd, JSON_INDENT(2)) == 0 && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (!good) nika_problem(p, path, "", "cannot be written: %s", strerror(errno));
    return good;
}

json_t *nika_keys_write(const char *path, uint32_t node, enum nika_suite suite,
                        const struct nika_key *group, struct nika_problems *problems)
{
    struct nika_key identity, exchange, signing, public_key;
    uint8_t private_bytes[NIKA_SIGNING_PRIVATE_MAX], public_bytes[NIKA_SIGNING_PUBLIC_MAX];
    uint32_t private_size = 0, public_size = 0;
    nika_random_bytes(&identity, sizeof identity);
    nika_random_bytes(&exchange, sizeof exchange);
    nika_random_bytes(&signing, sizeof signing);
    json_t *secret = json_pack("{s:i, s:s, s:i, s:s}", "schema", 1, "role",
                               nika_is_client(node) ? "client" : "replica", "id",
                               (int)nika_client_index(node), "suite", nika_suite_name(suite));
    json_t *member = json_pack("{s:i}", "id", (int)nika_client_index(node));
    set_hex(secret, "identity", identity.bytes, NIKA_KEY_SIZE);
    set_hex(secret, "exchange", exchange.bytes, NIKA_KEY_SIZE);
    nika_identity_public(&identity, &public_key);
    set_hex(member, "identity", public_key.bytes, NIKA_KEY_SIZE);
    nika_exchange_public(&exchange, &public_key);
    set_hex(member, "exchange", public_key.bytes, NIKA_KEY_SIZE);
    if (group != NULL) {
        set_hex(secret, "group", group->bytes, NIKA_KEY_SIZE);
    } else if (nika_signing_key_make(suite, &signing, private_bytes, &private_size, public_bytes,
                                     &public_size) == NIKA_OK) {
        set_hex(secret, "signing", private_bytes, private_size);
        set_hex(member, "signing", public_bytes, public_size);
    }
    nika_key_erase(&identity, sizeof identity);
    nika_key_erase(&exchange, sizeof exchange);
    nika_key_erase(&signing, sizeof signing);
    nika_key_erase(private_bytes, sizeof private_bytes);
    bool good = write_secret(path, secret, problems);
    json_decref(secret);
    if (good) return member;
    json_decref(member);
    return NULL;
}
