/* tests/engine/shim/test_pool.c: threads verify, but frames leave as they came; a forged one is told apart, and so is a good one in it. */
#include "engine/shim/pool.h"

#include <ftw.h>
#include <poll.h>
#include <unistd.h>

#include "protocols/common/messages.h"
#include "protocols/registry.h"
#include "tests/support/test.h"

#define FRAMES 200u

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

/* The files of a cluster of 4 with 3 clients; replica 0 owns the pool. */
struct fixture {
    char dir[64], keys_file[128];
    struct nika_problems problems;
    struct nika_cluster *cluster;
    struct nika_node_keys keys;
    struct nika_pool *pool;
};

static struct fixture *begin(uint32_t threads)
{
    struct fixture *f = calloc(1, sizeof *f);
    char path[128];
    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "/tmp/nika-pool-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    const struct nika_testnet_options net = {.dir = f->dir,
                                             .n = 4,
                                             .f = 1,
                                             .clients = 3,
                                             .protocol = "pbft",
                                             .app = "kv",
                                             .suite = NIKA_SUITE_ED25519,
                                             .host = "127.0.0.1",
                                             .names = &names};
    assert_true(nika_testnet_write(&net, &f->problems));
    snprintf(path, sizeof path, "%s/cluster.json", f->dir);
    f->cluster = nika_cluster_load(path, &names, &f->problems);
    assert_non_null(f->cluster);
    snprintf(f->keys_file, sizeof f->keys_file, "%s/keys/replica-0.key", f->dir);
    assert_true(nika_keys_load(f->keys_file, 0, f->cluster, &f->keys, &f->problems));
    const struct nika_pool_options options = {.threads = threads,
                                              .cluster = f->cluster,
                                              .keys = &f->keys,
                                              .keys_file = f->keys_file,
                                              .messages =
                                                  nika_protocol_find("pbft")->replica->messages};
    f->pool = nika_pool_new(&options, &f->problems);
    assert_non_null(f->pool);
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
    nika_pool_free(f->pool);
    nika_cluster_free(f->cluster);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
}

static struct nika_keyring *ring_of_client(struct fixture *f, uint32_t client)
{
    char path[128];
    struct nika_node_keys keys;
    snprintf(path, sizeof path, "%s/keys/client-%u.key", f->dir, client);
    assert_true(nika_keys_load(path, nika_client_node(client), f->cluster, &keys, &f->problems));
    struct nika_keyring *ring = nika_keys_ring(&keys, f->cluster, path, &f->problems);
    assert_non_null(ring);
    return ring;
}

/* A REQUEST of client 0 with this timestamp, signed. */
static struct nika_span make_request(struct fixture *f, struct nika_keyring *ring,
                                     uint64_t timestamp, uint8_t out[512])
{
    uint8_t body[256], text[512], auth[NIKA_AUTH_SIZE_MAX];
    const struct common_request request = {
        .client = 0, .timestamp = timestamp, .op = {(const uint8_t *)"op", 2}};
    struct nika_writer b = nika_writer_of(body, sizeof body), t = nika_writer_of(text, sizeof text),
                       w = nika_writer_of(out, 512);
    uint32_t size = sizeof auth;
    nika_encode(&common_info_request, &request, &b);
    nika_frame_signed_bytes(&f->cluster->config, COMMON_TYPE_request, nika_client_node(0),
                            (struct nika_span){body, b.at}, &t);
    assert_int_equal(
        nika_sign(ring, nika_client_node(0), (struct nika_span){text, t.at}, auth, &size), NIKA_OK);
    nika_frame_write(&f->cluster->config, COMMON_TYPE_request, nika_client_node(0),
                     (struct nika_span){body, b.at}, NIKA_AUTH_SIGNATURE,
                     (struct nika_span){auth, size}, &w);
    assert_false(w.failed);
    return (struct nika_span){out, w.at};
}

static void wait_for(struct fixture *f, struct nika_pool_ready *ready)
{
    struct pollfd p = {.fd = nika_pool_fd(f->pool), .events = POLLIN};
    while (!nika_pool_take(f->pool, ready)) assert_true(poll(&p, 1, 10000) == 1);
}

static void test_frames_leave_in_order_and_forged_ones_are_told(void **state)
{
    struct fixture *f = begin(3);
    struct nika_keyring *ring = ring_of_client(f, 0);
    struct nika_pool_ready ready;
    (void)state;
    for (uint64_t i = 1; i <= FRAMES; i++) {
        uint8_t bytes[512];
        struct nika_span frame = make_request(f, ring, i, bytes);
        if (i % 7 == 0) bytes[frame.size - 1] ^= 1;
        /* Some need no thread, and must wait for their turn all the same. */
        assert_true(nika_pool_submit(f->pool, nika_client_node(0), frame, i % 5 != 0));
    }
    for (uint64_t i = 1; i <= FRAMES; i++) {
        struct nika_frame frame;
        struct common_request request;
        wait_for(f, &ready);
        assert_int_equal(nika_frame_parse(ready.frame, 0, NIKA_MESSAGE_SIZE_MAX, &frame), NIKA_OK);
        assert_int_equal(nika_decode(&common_info_request, frame.body, &request), NIKA_OK);
        assert_int_equal(request.timestamp, i);
        assert_int_equal(ready.peer, nika_client_node(0));
        assert_int_equal(ready.forged, i % 7 == 0 && i % 5 != 0);
        assert_int_equal(ready.good_count, i % 5 != 0 && i % 7 != 0);
    }
    assert_true(nika_pool_is_empty(f->pool));
    assert_false(nika_pool_take(f->pool, &ready));
    nika_keyring_free(ring);
    end(f);
}

/* What a thread found is what the verifier of the loop need not look at again; nested frames are found by the message table alone. */
static void test_requests_in_a_batch_are_verified_ahead(void **state)
{
    struct fixture *f = begin(2);
    struct nika_keyring *ring = ring_of_client(f, 0);
    struct nika_keyring *own = nika_keys_ring(&f->keys, f->cluster, f->keys_file, &f->problems);
    struct nika_verifier *v = nika_verifier_new(&f->cluster->config, own, 0);
    const struct nika_message_table *messages = nika_protocol_find("pbft")->replica->messages;
    uint8_t requests[4][512], list[2048], body[4096], bytes[4096];
    struct nika_span made[4];
    struct nika_writer l = nika_writer_of(list, sizeof list), b = nika_writer_of(body, sizeof body),
                       w = nika_writer_of(bytes, sizeof bytes);
    struct common_batch batch = {.time_ns = 1};
    struct nika_pool_ready ready;
    struct nika_frame frame;
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        made[i] = make_request(f, ring, i + 1, requests[i]);
        if (i == 2) requests[i][made[i].size - 1] ^= 1;
        nika_frames_append(&l, &batch.requests, made[i]);
    }
    nika_encode(&common_info_batch, &batch, &b);
    nika_frame_write(&f->cluster->config, COMMON_TYPE_batch, 1, (struct nika_span){body, b.at},
                     NIKA_AUTH_NONE, (struct nika_span){NULL, 0}, &w);
    assert_int_equal(nika_verifier_admit(v, messages, 1, (struct nika_span){bytes, w.at}, &frame),
                     NIKA_ARRIVAL_GOOD);
    assert_true(nika_verifier_is_costly(v, messages, &frame));
    assert_true(nika_pool_submit(f->pool, 1, (struct nika_span){bytes, w.at}, true));
    wait_for(f, &ready);
    assert_false(
        ready
            .forged); /* The batch itself is not signed; the bad request in it is the module's to judge. */
    assert_int_equal(ready.good_count, 3);
    for (uint32_t i = 0; i < ready.good_count; i++) nika_verifier_remember(v, &ready.good[i]);
    const struct nika_host *host = nika_verifier_host(v);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(nika_frame_parse(made[i], 0, NIKA_MESSAGE_SIZE_MAX, &frame), NIKA_OK);
        assert_int_equal(host->verify(host->world, 0, &frame), i != 2);
    }
    assert_int_equal(nika_verifier_stats(v)->remembered, 3);
    assert_int_equal(nika_verifier_stats(v)->signatures, 1);
    nika_verifier_free(v);
    nika_keyring_free(own);
    nika_keyring_free(ring);
    end(f);
}

static void test_a_peer_that_floods_loses_its_newest_and_nobody_elses(void **state)
{
    struct fixture *f = begin(1);
    struct nika_keyring *ring = ring_of_client(f, 0);
    uint8_t bytes[512];
    struct nika_span frame = make_request(f, ring, 1, bytes);
    uint32_t admitted = 0;
    (void)state;
    while (admitted <= NIKA_POOL_FRAMES_MAX &&
           nika_pool_submit(f->pool, nika_client_node(0), frame, false))
        admitted++;
    assert_int_equal(admitted, NIKA_POOL_FRAMES_MAX);
    assert_true(nika_pool_submit(f->pool, 2, frame, false));
    struct nika_pool_ready ready;
    assert_true(nika_pool_take(f->pool, &ready));
    assert_true(nika_pool_submit(f->pool, nika_client_node(0), frame, true));
    nika_keyring_free(ring);
    end(f); /* With frames waiting. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_leave_in_order_and_forged_ones_are_told),
        cmocka_unit_test(test_requests_in_a_batch_are_verified_ahead),
        cmocka_unit_test(test_a_peer_that_floods_loses_its_newest_and_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
