/* tests/engine/shim/test_links.c: two nodes over loopback: frames arrive whole and in order, a dead peer is called again, what waits is
 * bounded, and ten thousand hostile connections change nothing. All of it twice: as it is, and inside TLS. */
#include "engine/shim/links_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/core/frame.h"
#include "protocols/registry.h"
#include "tests/support/test.h"

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(memory_sanitizer))
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#define WAIT_NS UINT64_C(10000000000)
#define HOSTILE 10000u

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

static bool with_tls; /* Which of the two times it is. */

struct node {
    struct nika_links *links;
    struct nika_node_keys keys;
    uint64_t received, bytes, last;
    uint32_t from;
    bool refuse;
};
/* The first two replicas of a cluster of 4, in one loop. */
struct fixture {
    char dir[64];
    struct nika_problems problems;
    struct nika_cluster *cluster;
    struct nika_loop *loop;
    struct nika_log *log;
    struct node nodes[2];
};

static bool on_frame(void *context, uint32_t peer, struct nika_span frame)
{
    struct node *node = context;
    node->received++;
    node->bytes += frame.size;
    node->from = peer;
    node->last = nika_load_le(frame.data + 4, 8);
    return !node->refuse;
}

static void open_node(struct fixture *f, uint32_t id, uint32_t outbound)
{
    char path[128];
    struct node *node = &f->nodes[id];
    const struct nika_member *m = nika_cluster_member(f->cluster, id);
    snprintf(path, sizeof path, "%s/keys/replica-%u.key", f->dir, id);
    assert_true(nika_keys_load(path, id, f->cluster, &node->keys, &f->problems));
    const struct nika_links_options options = {.self = id,
                                               .cluster = f->cluster,
                                               .keys = &node->keys,
                                               .loop = f->loop,
                                               .log = f->log,
                                               .outbound_bytes = outbound,
                                               .context = node,
                                               .on_frame = on_frame};
    node->links = nika_links_new(&options);
    assert_non_null(node->links);
    assert_int_equal(nika_links_listen(node->links, m->host, m->port, "test", &f->problems),
                     NIKA_OK);
}

static struct fixture *begin(uint32_t outbound)
{
    char path[128];
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "/tmp/nika-links-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    const struct nika_testnet_options net = {.dir = f->dir,
                                             .n = 4,
                                             .f = 1,
                                             .clients = 1,
                                             .protocol = "pbft",
                                             .app = "kv",
                                             .suite = NIKA_SUITE_HMAC,
                                             .tls = with_tls,
                                             .host = "127.0.0.1",
                                             .names = &names};
    assert_true(nika_testnet_write(&net, &f->problems));
    snprintf(path, sizeof path, "%s/cluster.json", f->dir);
    f->cluster = nika_cluster_load(path, &names, &f->problems);
    assert_non_null(f->cluster);
    assert_int_equal(f->cluster->tls, with_tls);
    f->loop = nika_loop_new();
    snprintf(path, sizeof path, "%s/log", f->dir);
    f->log = nika_log_open(path, NIKA_LOG_INFO);
    assert_non_null(f->log);
    open_node(f, 0, outbound);
    open_node(f, 1, outbound);
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
    nika_links_free(f->nodes[0].links);
    nika_links_free(f->nodes[1].links);
    nika_loop_free(f->loop);
    nika_log_close(f->log);
    nika_cluster_free(f->cluster);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
}

static void turn(struct fixture *f)
{
    uint64_t now = nika_clock_monotonic();
    nika_loop_once(f->loop, now + 1000000);
    for (uint32_t i = 0; i < 2; i++) {
        if (f->nodes[i].links == NULL) continue;
        nika_links_tick(f->nodes[i].links, nika_clock_monotonic());
        (void)nika_links_flush(f->nodes[i].links);
    }
}

static void turn_until_up(struct fixture *f)
{
    uint64_t until = nika_clock_monotonic() + WAIT_NS;
    while (!nika_links_is_up(f->nodes[0].links, 1) || !nika_links_is_up(f->nodes[1].links, 0)) {
        assert_true(nika_clock_monotonic() < until);
        turn(f);
    }
}

static void turn_until_received(struct fixture *f, uint32_t node, uint64_t count)
{
    uint64_t until = nika_clock_monotonic() + WAIT_NS;
    while (f->nodes[node].received < count) {
        assert_true(nika_clock_monotonic() < until);
        turn(f);
    }
}

/* A frame by its length field alone, which is all that a session looks at; `number` in it. */
static void send_number(struct fixture *f, uint32_t from, uint32_t to, uint64_t number,
                        uint32_t size, enum nika_send_class send_class)
{
    uint8_t *bytes = calloc(1, size);
    assert_non_null(bytes);
    nika_store_le(bytes, size - 4, 4);
    nika_store_le(bytes + 4, number, 8);
    nika_links_send(f->nodes[from].links, to, send_class, (struct nika_span){bytes, size});
    free(bytes);
}

static void test_frames_of_every_size_arrive_in_order(void **state)
{
    struct fixture *f = begin(8u << 20);
    (void)state;
    turn_until_up(f);
    uint64_t bytes = 0, number = 0;
    for (uint32_t size = 16; size < (1u << 21); size = size * 3 + 1) {
        send_number(f, 1, 0, ++number, size, NIKA_CLASS_BULK);
        bytes += size;
        turn_until_received(f, 0, number);
        assert_int_equal(f->nodes[0].last, number);
        assert_int_equal(f->nodes[0].from, 1);
    }
    assert_int_equal(f->nodes[0].bytes, bytes);
    /* Many at once share records and writes. */
    uint64_t writes = nika_links_stats(f->nodes[0].links)->writes;
    for (uint32_t i = 1; i <= 500; i++) send_number(f, 0, 1, i, 100, NIKA_CLASS_CONTROL);
    turn_until_received(f, 1, 500);
    assert_int_equal(f->nodes[1].last, 500);
    assert_true(nika_links_stats(f->nodes[0].links)->writes - writes < 20);
    end(f);
}

static void test_a_peer_that_ended_is_called_again(void **state)
{
    struct fixture *f = begin(8u << 20);
    (void)state;
    turn_until_up(f);
    nika_links_free(f->nodes[0].links);
    f->nodes[0].links = NULL;
    for (uint32_t i = 0; i < 50; i++) turn(f);
    assert_false(nika_links_is_up(f->nodes[1].links, 0));
    send_number(f, 1, 0, 1, 100, NIKA_CLASS_BULK); /* Nobody is there: dropped, and counted. */
    assert_int_equal(nika_links_stats(f->nodes[1].links)->dropped_away, 1);
    open_node(f, 0, 8u << 20);
    turn_until_up(f);
    send_number(f, 1, 0, 2, 100, NIKA_CLASS_BULK);
    turn_until_received(f, 0, 1);
    assert_int_equal(f->nodes[0].last, 2);
    end(f);
}

static void test_a_peer_that_is_away_is_called_ever_later(void **state)
{
    (void)state;
    uint64_t backoff = NIKA_LINKS_BACKOFF_MIN_NS, jitter = 1, wanted = NIKA_LINKS_BACKOFF_MIN_NS;
    uint32_t on_time = 0;
    for (uint32_t i = 0; i < 20; i++) {
        uint64_t wait = links_wait(&backoff, false, &jitter);
        assert_in_range(wait, wanted, wanted + wanted / 4);
        if (wait == wanted) on_time++;
        wanted = 2 * wanted < NIKA_LINKS_BACKOFF_MAX_NS ? 2 * wanted : NIKA_LINKS_BACKOFF_MAX_NS;
    }
    assert_int_equal(wanted, NIKA_LINKS_BACKOFF_MAX_NS);
    assert_true(on_time < 10); /* Chance. */
    assert_in_range(links_wait(&backoff, true, &jitter), NIKA_LINKS_BACKOFF_MIN_NS,
                    NIKA_LINKS_BACKOFF_MIN_NS * 5 / 4);
}

static void test_what_waits_is_bounded_and_control_goes_first(void **state)
{
    struct fixture *f = begin(64u << 10);
    (void)state;
    turn_until_up(f);
    for (uint64_t i = 1; i <= 1000; i++) send_number(f, 1, 0, i, 4096, NIKA_CLASS_BULK);
    send_number(f, 1, 0, 5000, 100, NIKA_CLASS_CONTROL);
    uint64_t dropped = nika_links_stats(f->nodes[1].links)->dropped_full;
    assert_true(dropped >= 1000 - 16 && dropped < 1000);
    turn_until_received(f, 0, 1001 - dropped);
    assert_int_equal(f->nodes[0].last,
                     1000); /* The oldest went; the vote overtook what was left. */
    end(f);
}

static void test_a_refused_frame_closes_the_connection(void **state)
{
    struct fixture *f = begin(1u << 20);
    (void)state;
    turn_until_up(f);
    f->nodes[0].refuse = true;
    send_number(f, 1, 0, 1, 100, NIKA_CLASS_BULK);
    turn_until_received(f, 0, 1);
    for (uint32_t i = 0; i < 5; i++) turn(f);
    assert_int_equal(nika_links_stats(f->nodes[0].links)->ends[NIKA_SESSION_REFUSED], 1);
    f->nodes[0].refuse = false;
    turn_until_up(f);
    end(f);
}

/* ---- the hostile ---- */
static int call(const struct nika_member *m)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(m->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    return fd;
}

/* Nothing, garbage, half a HELLO, a HELLO of nobody, a HELLO of a member without its key. */
static void be_hostile(int fd, uint32_t k)
{
    uint8_t bytes[NIKA_SESSION_HELLO_SIZE];
    size_t size = sizeof bytes;
    for (uint32_t i = 0; i < size; i++) bytes[i] = (uint8_t)(k * 31 + i * 7);
    if (k % 5 == 0) size = 0;
    if (k % 5 >= 2) {
        nika_store_le(bytes, NIKA_SESSION_MAGIC, 4);
        nika_store_le(bytes + 4, NIKA_SESSION_VERSION, 2);
    }
    if (k % 5 == 2) size = 40;
    if (k % 5 >= 3) nika_store_le(bytes + 6, k % 5 == 3 ? 77 : 2, 4);
    if (k % 5 >= 3) nika_store_le(bytes + 10, 0, 4);
    ssize_t sent = size == 0 ? 0 : send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* It may have been hung up on already. */
}

static long resident_kib(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static void test_ten_thousand_hostile_connections_change_nothing(void **state)
{
    struct fixture *f = begin(1u << 20);
    int open_fds[100];
    long before = 0;
    (void)state;
    turn_until_up(f);
    memset(open_fds, -1, sizeof open_fds);
    for (uint32_t k = 0; k < HOSTILE; k++) {
        int *place = &open_fds[k % ARRAY_COUNT(open_fds)];
        if (*place >= 0) close(*place); /* A hundred stay half open at any time. */
        *place = call(nika_cluster_member(f->cluster, 0));
        turn(f);
        be_hostile(*place, k);
        if (k == HOSTILE / 10) before = resident_kib();
        if (k % 1000 == 999) { /* And the node serves its peer all the while. */
            send_number(f, 1, 0, k, 100, NIKA_CLASS_BULK);
            turn_until_received(f, 0, k / 1000 + 1);
            assert_int_equal(f->nodes[0].last, k);
        }
    }
    const struct nika_links_stats *stats = nika_links_stats(f->nodes[0].links);
    assert_true(stats->accepted >= HOSTILE * 9 / 10);
    assert_true(stats->rejected >= HOSTILE / 2);
    assert_int_equal(stats->opened, 1); /* Nobody but the peer ever got in. */
    assert_true(nika_links_is_up(f->nodes[0].links, 1));
#if !SANITIZED /* A sanitizer keeps what was freed. */
    assert_true(resident_kib() - before < 4096);
#endif
    (void)before;
    for (uint32_t i = 0; i < ARRAY_COUNT(open_fds); i++) close(open_fds[i]);
    end(f);
}

static bool is_closed(int fd)
{
    uint8_t bytes[256];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) continue;
    return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* One that says nothing and one that says a byte at a time: neither is waited for longer than for anybody else. */
static void test_a_stranger_has_a_few_seconds_however_it_spends_them(void **state)
{
    struct fixture *f = begin(1u << 20);
    uint8_t hello[NIKA_SESSION_HELLO_SIZE] = {0};
    (void)state;
    turn_until_up(f);
    nika_store_le(hello, NIKA_SESSION_MAGIC, 4);
    nika_store_le(hello + 4, NIKA_SESSION_VERSION, 2);
    int silent = call(nika_cluster_member(f->cluster, 0));
    int slow = call(nika_cluster_member(f->cluster, 0));
    for (uint32_t i = 0; i < 12; i++) {
        turn(f);
        if (!with_tls) assert_int_equal(send(slow, hello + i, 1, MSG_NOSIGNAL), 1);
    }
    struct nika_links *links = f->nodes[0].links;
    uint64_t before = nika_links_stats(links)->ends[NIKA_SESSION_TRUNCATED];
    uint64_t due = nika_links_deadline(links);
    assert_true(due <=
                nika_clock_monotonic() + NIKA_LINKS_HANDSHAKE_NS + 1); /* It will be woken. */
    assert_false(is_closed(silent) || is_closed(slow));
    nika_links_tick(links, nika_clock_monotonic() + NIKA_LINKS_HANDSHAKE_NS + 1);
    (void)nika_links_flush(links);
    assert_int_equal(nika_links_stats(links)->ends[NIKA_SESSION_TRUNCATED] - before, 2);
    assert_true(is_closed(silent) && is_closed(slow));
    assert_true(nika_links_is_up(links, 1)); /* Who has shaken hands may take its time. */
    send_number(f, 1, 0, 7, 100, NIKA_CLASS_BULK);
    turn_until_received(f, 0, 1);
    close(silent);
    close(slow);
    end(f);
}

/* ---- TLS ---- */
/* A pair of sockets with TLS on both ends: `caller` calls `callee`, whose end has the secret of `answers`. */
struct pair {
    int fds[2];
    struct nika_tls *contexts[2];
    struct nika_tls_stream *ends[2];
};

static void pair_open(struct pair *pair, struct fixture *f, uint32_t callee,
                      const struct nika_key *caller_secret, const struct nika_key *answers)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair->fds), 0);
    pair->contexts[0] = nika_tls_new(f->cluster, caller_secret);
    pair->contexts[1] = nika_tls_new(f->cluster, answers);
    pair->ends[0] = nika_tls_stream_new(pair->contexts[0], pair->fds[0], callee);
    pair->ends[1] = nika_tls_stream_new(pair->contexts[1], pair->fds[1], NIKA_NODE_NONE);
    assert_non_null(pair->ends[0]);
    assert_non_null(pair->ends[1]);
}

static void pair_close(struct pair *pair)
{
    for (uint32_t i = 0; i < 2; i++) {
        nika_tls_stream_free(pair->ends[i]);
        nika_tls_free(pair->contexts[i]);
        close(pair->fds[i]);
    }
}

/* One byte from the caller to the other side. True when it arrived; else `broken` is the end that gave up. */
static bool pair_talk(struct pair *pair, uint32_t *broken)
{
    uint8_t byte = 7, got = 0;
    bool sent = false;
    for (uint32_t i = 0; i < 100; i++) {
        if (!sent) {
            ssize_t size = nika_tls_send(pair->ends[0], &byte, 1);
            sent = size == 1;
            *broken = 0;
            if (size < 0 && errno != EAGAIN) return false;
        }
        ssize_t size = nika_tls_receive(pair->ends[1], &got, 1);
        *broken = 1;
        if (size == 1) return got == byte;
        if (size == 0 || errno != EAGAIN) return false;
        uint8_t none;
        size = nika_tls_receive(pair->ends[0], &none, 1);
        *broken = 0;
        if (size >= 0 || errno != EAGAIN) return false;
    }
    return false;
}

static void test_tls_knows_members_by_their_keys(void **state)
{
    struct fixture *f = begin(1u << 20);
    struct pair pair;
    struct nika_key stranger;
    uint32_t broken = 9;
    (void)state;
    memset(&stranger, 5, sizeof stranger);
    const struct nika_key *zero = &f->nodes[0].keys.identity, *one = &f->nodes[1].keys.identity;

    pair_open(&pair, f, 0, one, zero);
    assert_true(pair_talk(&pair, &broken));
    assert_memory_equal(nika_tls_peer(pair.ends[0]), &nika_cluster_member(f->cluster, 0)->identity,
                        NIKA_KEY_SIZE);
    assert_memory_equal(nika_tls_peer(pair.ends[1]), &nika_cluster_member(f->cluster, 1)->identity,
                        NIKA_KEY_SIZE);
    pair_close(&pair);

    /* Another member answers for the one that was called. */
    pair_open(&pair, f, 0, one, one);
    assert_false(pair_talk(&pair, &broken));
    assert_int_equal(broken, 0);
    assert_non_null(strstr(nika_tls_reason(pair.ends[0]), "certificate"));
    pair_close(&pair);

    /* Nobody of this cluster calls, nobody of it answers. */
    pair_open(&pair, f, 0, &stranger, zero);
    assert_false(pair_talk(&pair, &broken));
    assert_int_equal(broken, 1);
    assert_non_null(strstr(nika_tls_reason(pair.ends[1]), "certificate"));
    pair_close(&pair);
    pair_open(&pair, f, 0, one, &stranger);
    assert_false(pair_talk(&pair, &broken));
    assert_int_equal(broken, 0);
    pair_close(&pair);
    end(f);
}

/* Whoever speaks the session protocol without TLS is turned away, and told of. */
static void test_a_session_without_tls_is_refused(void **state)
{
    struct fixture *f = begin(1u << 20);
    (void)state;
    turn_until_up(f);
    int fd = call(nika_cluster_member(f->cluster, 0));
    for (uint32_t i = 0; i < 20; i++) turn(f);
    be_hostile(fd, 4); /* A well-formed HELLO of replica 2. */
    for (uint32_t i = 0; i < 20; i++) turn(f);
    assert_int_equal(nika_links_stats(f->nodes[0].links)->ends[NIKA_SESSION_REFUSED], 1);
    assert_int_equal(nika_links_stats(f->nodes[0].links)->opened, 1);
    close(fd);
    end(f);
}

/* Replica 1, whose session is good, comes with the certificate of replica 2. */
static void test_nobody_lends_its_certificate_to_another(void **state)
{
    struct fixture *f = begin(1u << 20);
    struct nika_node_keys lender;
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/keys/replica-2.key", f->dir);
    assert_true(nika_keys_load(path, 2, f->cluster, &lender, &f->problems));
    struct nika_links *caller = f->nodes[1].links;
    nika_tls_free(caller->tls);
    caller->tls = nika_tls_new(f->cluster, &lender.identity);
    uint64_t until = nika_clock_monotonic() + WAIT_NS;
    while (nika_links_stats(f->nodes[0].links)->ends[NIKA_SESSION_REFUSED] == 0) {
        assert_true(nika_clock_monotonic() < until);
        turn(f);
    }
    assert_false(nika_links_is_up(f->nodes[0].links, 1));
    assert_false(nika_links_is_up(f->nodes[0].links, 2));
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_every_size_arrive_in_order),
        cmocka_unit_test(test_a_peer_that_ended_is_called_again),
        cmocka_unit_test(test_a_peer_that_is_away_is_called_ever_later),
        cmocka_unit_test(test_what_waits_is_bounded_and_control_goes_first),
        cmocka_unit_test(test_a_refused_frame_closes_the_connection),
        cmocka_unit_test(test_a_stranger_has_a_few_seconds_however_it_spends_them),
        cmocka_unit_test(test_ten_thousand_hostile_connections_change_nothing),
    };
    const struct CMUnitTest tls_tests[] = {
        cmocka_unit_test(test_tls_knows_members_by_their_keys),
        cmocka_unit_test(test_a_session_without_tls_is_refused),
        cmocka_unit_test(test_nobody_lends_its_certificate_to_another),
    };
    int failed = cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
    with_tls = true;
    failed += cmocka_run_group_tests_name("sessions inside TLS", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("TLS", tls_tests, NULL, NULL);
}
