/* tests/engine/shim/test_carrier.c: whose frames may come in a client's sessions is what the cluster file says, and nothing else; a cluster
 * file that says what cannot be is refused. */
#include "engine/shim/node_private.h"

#include <ftw.h>
#include <jansson.h>
#include <unistd.h>

#include "protocols/common/messages.h"
#include "protocols/registry.h"
#include "tests/support/test.h"

#define CLIENTS 5u
#define SESSIONS 2u /* Clients 0 and 1 carry: 0 carries 2 and 4, 1 carries 3. */

static uint32_t protocol(const char *name)
{
    const struct nika_protocol *p = nika_protocol_find(name);
    return p == NULL ? 0 : p->id;
}
static const char *check(const char *name, const struct nika_config *config)
{
    return nika_protocol_find(name)->replica->check(config);
}
static bool app(const char *name)
{
    return strcmp(name, "kv") == 0;
}
static const struct nika_cluster_names names = {protocol, check, app};

struct fixture {
    char dir[64], path[128];
    struct nika_problems problems;
    struct nika_cluster *cluster;
};

static struct fixture *begin(uint32_t sessions)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "/tmp/nika-carrier-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    const struct nika_testnet_options net = {.dir = f->dir,
                                             .n = 4,
                                             .f = 1,
                                             .clients = CLIENTS,
                                             .sessions = sessions,
                                             .protocol = "pbft",
                                             .app = "kv",
                                             .suite = NIKA_SUITE_ED25519,
                                             .host = "127.0.0.1",
                                             .names = &names};
    assert_true(nika_testnet_write(&net, &f->problems));
    snprintf(f->path, sizeof f->path, "%s/cluster.json", f->dir);
    f->cluster = nika_cluster_load(f->path, &names, &f->problems);
    assert_non_null(f->cluster);
    return f;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void end(struct fixture *f)
{
    nika_cluster_free(f->cluster);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
}

static void test_only_the_named_carrier_carries(void **state)
{
    struct fixture *f = begin(SESSIONS);
    (void)state;
    for (uint32_t peer = 0; peer < CLIENTS; peer++) {
        for (uint32_t sender = 0; sender < CLIENTS; sender++) {
            bool carries = peer == (sender < SESSIONS ? sender : sender % SESSIONS);
            assert_int_equal(
                nika_cluster_carries(f->cluster, nika_client_node(peer), nika_client_node(sender)),
                carries);
        }
        /* Never a replica, neither as who carries nor as who is carried, and nobody who is unknown. */
        assert_false(nika_cluster_carries(f->cluster, nika_client_node(peer), 0));
        assert_false(nika_cluster_carries(f->cluster, 0, nika_client_node(peer)));
        assert_false(
            nika_cluster_carries(f->cluster, nika_client_node(peer), nika_client_node(CLIENTS)));
    }
    end(f);
}

/* Loads the cluster file with clients[client].carrier = carrier; NULL with what was said. */
static struct nika_cluster *load_changed(struct fixture *f, uint32_t client, int carrier)
{
    json_t *root = json_load_file(f->path, 0, NULL);
    json_t *member = json_array_get(json_object_get(root, "clients"), client);
    assert_int_equal(json_object_set_new(member, "carrier", json_integer(carrier)), 0);
    assert_int_equal(json_dump_file(root, f->path, 0), 0);
    json_decref(root);
    f->problems.count = 0;
    return nika_cluster_load(f->path, &names, &f->problems);
}

static void test_impossible_carriers_are_refused(void **state)
{
    const struct {
        uint32_t client;
        int carrier;
        const char *says;
    } cases[] = {{2, CLIENTS, "there is no client 5"},
                 {4, 3, "client 3 has no session of its own"},
                 {0, 2, "client 2 has no session of its own"},
                 {3, -1, "-1"},
                 {3, NIKA_CLIENTS_MAX, "4096"}};
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture *f = begin(SESSIONS);
        assert_null(load_changed(f, cases[i].client, cases[i].carrier));
        assert_true(f->problems.count >= 1);
        char place[32];
        snprintf(place, sizeof place, "clients[%u].carrier", cases[i].client);
        assert_non_null(strstr(f->problems.lines[0], place));
        assert_non_null(strstr(f->problems.lines[0], cases[i].says));
        end(f);
    }
}

static void test_the_group_id_covers_who_carries(void **state)
{
    struct fixture *f = begin(SESSIONS);
    (void)state;
    struct nika_cluster *same = load_changed(f, 3, 1), *other = load_changed(f, 3, 0);
    assert_non_null(same);
    assert_non_null(other);
    assert_true(nika_digest_equal(&same->config.group_id, &f->cluster->config.group_id));
    assert_false(nika_digest_equal(&other->config.group_id, &f->cluster->config.group_id));
    nika_cluster_free(same);
    nika_cluster_free(other);
    end(f);
}

/* ---- a replica that gets such frames ---- */
static bool needs_nothing(const struct nika_replica *module, const struct nika_frame *frame)
{
    (void)module;
    (void)frame;
    return false;
}

/* A REQUEST of `client`; nobody looks at the signature of what is not needed. */
static struct nika_span make_request(struct fixture *f, uint32_t client, enum nika_auth_alg alg,
                                     uint8_t out[512])
{
    uint8_t body[256], auth[64] = {0};
    const struct common_request request = {
        .client = client, .timestamp = 1, .op = {(const uint8_t *)"op", 2}};
    struct nika_writer b = nika_writer_of(body, sizeof body), w = nika_writer_of(out, 512);
    nika_encode(&common_info_request, &request, &b);
    nika_frame_write(&f->cluster->config, COMMON_TYPE_request, nika_client_node(client),
                     (struct nika_span){body, b.at}, alg,
                     (struct nika_span){auth, alg == NIKA_AUTH_NONE ? 0 : sizeof auth}, &w);
    assert_false(w.failed);
    return (struct nika_span){out, w.at};
}

static void test_a_replica_refuses_whom_the_file_does_not_name(void **state)
{
    struct fixture *f = begin(SESSIONS);
    struct nika_replica_ops ops = *nika_protocol_find("pbft")->replica;
    struct nika_node *node = calloc(1, sizeof *node);
    uint8_t bytes[512];
    char path[128];
    (void)state;
    assert_non_null(node);
    ops.needs = needs_nothing;
    snprintf(path, sizeof path, "%s/log", f->dir);
    node->options.replica_ops = &ops;
    node->options.cluster = f->cluster;
    node->options.log = nika_log_open(path, NIKA_LOG_INFO);
    node->verifier = nika_verifier_new(&f->cluster->config, NULL, 0);
    assert_non_null(node->verifier);
    for (uint32_t peer = 0; peer < CLIENTS; peer++) {
        for (uint32_t sender = 0; sender < CLIENTS; sender++) {
            bool carries = peer == sender || (sender >= SESSIONS && peer == sender % SESSIONS);
            uint64_t refused = node->counts.arrivals[NIKA_ARRIVAL_UNBOUND],
                     unneeded = node->counts.unneeded;
            struct nika_span frame = make_request(f, sender, NIKA_AUTH_SIGNATURE, bytes);
            /* False: the connection is closed. */
            assert_int_equal(node_on_frame(node, nika_client_node(peer), frame), carries);
            assert_int_equal(node->counts.unneeded, unneeded + carries);
            assert_int_equal(node->counts.arrivals[NIKA_ARRIVAL_UNBOUND], refused + !carries);
        }
    }
    /* Without a signature or MAC nothing says that it is the carried client's own. */
    uint64_t unneeded = node->counts.unneeded;
    assert_false(
        node_on_frame(node, nika_client_node(0), make_request(f, 2, NIKA_AUTH_NONE, bytes)));
    assert_int_equal(node->counts.unneeded, unneeded);
    nika_verifier_free(node->verifier);
    nika_log_close(node->options.log);
    free(node);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_named_carrier_carries),
        cmocka_unit_test(test_impossible_carriers_are_refused),
        cmocka_unit_test(test_the_group_id_covers_who_carries),
        cmocka_unit_test(test_a_replica_refuses_whom_the_file_does_not_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
