/* tests/engine/shim/test_tss_process.c: the trusted process under bad input: who may connect, what it does with frames that are none, a client
 * whose process is killed, hangs or is another one; and that the confined process can do nothing but serve. */
#include "tests/engine/shim/tss_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "engine/shim/tss_client.h"
#include "engine/shim/tss_server.h"

#define SLOW_MS 20000u /* Nothing that works is ever that slow. */

static char dir[64], socket_path[96];
static struct nika_disk_store_error error;
static struct tss_steps steps;
static pid_t process;

static struct nika_tss_vault_options vault_options(void)
{
    return (struct nika_tss_vault_options){
        .dir = dir, .secret = tss_secret, .file_ops = &tss_files, .file_context = &steps};
}
static void be_the_process(int listener, uint32_t client_uid)
{
    struct nika_tss_vault_options o = vault_options();
    struct nika_tss_vault *v = NULL;
    int stop[2];
    struct nika_log *log = nika_log_open("/dev/null", NIKA_LOG_ERROR);
    if (log == NULL || pipe(stop) != 0) _exit(10);
    if (nika_tss_vault_open(&o, &v, NULL) != NIKA_OK) _exit(11);
    if (nika_tss_confine() != 0) _exit(12);
    _exit(nika_tss_serve(v, listener, stop[0], client_uid, log) == NIKA_OK ? 0 : 13);
}
static void start(uint32_t client_uid)
{
    int listener = nika_tss_listen(socket_path, (uint32_t)geteuid(), &error);
    if (listener < 0) fail_msg("%s", error.text);
    process = fork();
    assert_true(process >= 0);
    if (process == 0) be_the_process(listener, client_uid);
    (void)close(listener);
}
static int begin(void **state)
{
    (void)state;
    struct nika_tss_vault_options o = vault_options();
    struct nika_tss_identity id = tss_identity(1);
    steps = (struct tss_steps){0};
    disk_faults_folder(dir);
    snprintf(socket_path, sizeof socket_path, "%s.socket", dir);
    assert_int_equal(nika_tss_vault_make(&o, &id, &error), NIKA_OK);
    start((uint32_t)geteuid());
    return 0;
}
static int end(void **state)
{
    (void)state;
    int status;
    if (process > 0) {
        (void)kill(process, SIGKILL);
        assert_int_equal(waitpid(process, &status, 0), process);
    }
    process = 0;
    (void)unlink(socket_path);
    disk_faults_remove_tree(dir);
    return 0;
}
static enum nika_err connect_as(uint32_t instance, uint64_t epoch, uint32_t uid,
                                uint32_t timeout_ms, struct nika_tss_client **out)
{
    struct nika_tss_client_options o = {.socket = socket_path,
                                        .instance = instance,
                                        .epoch = epoch,
                                        .server_uid = uid,
                                        .timeout_ms = timeout_ms};
    memset(&error, 0, sizeof error);
    *out = NULL;
    return nika_tss_client_open(&o, out, &error);
}
static struct nika_tss_client *client(uint32_t timeout_ms)
{
    struct nika_tss_client *c;
    if (connect_as(1, 1, NIKA_TSS_ANY_USER, timeout_ms, &c) != NIKA_OK) fail_msg("%s", error.text);
    return c;
}
static enum nika_err use(struct nika_tss_client *c, uint64_t order)
{
    struct nika_trusted_certificate made;
    struct nika_digest d = tss_digest(1);
    return nika_tss_client_ops.certify(c, 1, NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, order), &d,
                                       &made);
}
static void assert_error(const char *words)
{
    if (strstr(error.text, words) == NULL) fail_msg("\"%s\" is not in \"%s\"", words, error.text);
}

/* ---- the client ---- */
static void test_a_killed_process_is_gone_for_good(void **state)
{
    (void)state;
    int status;
    struct nika_tss_client *c = client(SLOW_MS);
    assert_int_equal(use(c, 1), NIKA_OK);
    assert_null(nika_tss_client_gone(c));
    assert_int_equal(kill(process, SIGKILL), 0);
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_int_equal(use(c, 2), NIKA_ERR_IO);
    assert_non_null(strstr(nika_tss_client_gone(c), "trusted process of replica 1"));
    assert_non_null(strstr(nika_tss_client_gone(c), "closed the connection"));
    /* A new one on the same socket does not bring it back: the replica decides that, not the connection. */
    start((uint32_t)geteuid());
    struct nika_tss_client *next = client(SLOW_MS);
    assert_int_equal(use(c, 2), NIKA_ERR_IO);
    assert_int_equal(use(next, 2), NIKA_OK);
    nika_tss_client_close(c);
    nika_tss_client_close(next);
}

static void test_a_hung_process_is_gone_after_the_time_out(void **state)
{
    (void)state;
    int status;
    struct nika_tss_client *c = client(SLOW_MS);
    assert_int_equal(use(c, 1), NIKA_OK);
    nika_tss_client_close(c);
    c = client(50);
    assert_int_equal(kill(process, SIGSTOP), 0);
    assert_int_equal(waitpid(process, &status, WUNTRACED), process);
    assert_int_equal(use(c, 2), NIKA_ERR_IO);
    assert_non_null(strstr(nika_tss_client_gone(c), "does not answer within 50 ms"));
    struct nika_tss_client *never;
    assert_int_equal(connect_as(1, 1, NIKA_TSS_ANY_USER, 50, &never), NIKA_ERR_IO);
    assert_error("does not answer within 50 ms");
    assert_int_equal(kill(process, SIGCONT), 0);
    assert_int_equal(use(c, 3), NIKA_ERR_IO); /* Its late answer must not become another call's. */
    nika_tss_client_close(c);
    /* The late request may have been done: then its value is used up, and nothing worse. */
    c = client(SLOW_MS);
    assert_int_equal(use(c, 3), NIKA_OK);
    nika_tss_client_close(c);
}

static void test_another_instance_epoch_or_user_is_refused(void **state)
{
    (void)state;
    struct nika_tss_client *c;
    assert_int_equal(connect_as(2, 1, NIKA_TSS_ANY_USER, SLOW_MS, &c), NIKA_ERR_CONFIG);
    assert_error("is the trusted process of instance 1, epoch 1; expected instance 2, epoch 1");
    assert_int_equal(connect_as(1, 9, NIKA_TSS_ANY_USER, SLOW_MS, &c), NIKA_ERR_CONFIG);
    assert_error("expected instance 1, epoch 9");
    assert_int_equal(connect_as(1, 1, (uint32_t)geteuid() + 1, SLOW_MS, &c), NIKA_ERR_CONFIG);
    assert_error("another user");
    assert_int_equal(connect_as(1, 0, (uint32_t)geteuid(), SLOW_MS, &c), NIKA_OK);
    struct nika_trusted_certificate made;
    struct nika_digest d = tss_digest(1);
    assert_int_equal(
        nika_tss_client_ops.certify(c, 0, NIKA_TRUSTED_MAC, 0, tss_value(0, 0), &d, &made),
        NIKA_ERR_CONFIG);
    nika_tss_client_close(c);
    snprintf(socket_path, sizeof socket_path, "%s.none", dir);
    assert_int_equal(connect_as(1, 1, NIKA_TSS_ANY_USER, SLOW_MS, &c), NIKA_ERR_IO);
    assert_error("No such file");
    snprintf(socket_path, sizeof socket_path, "%s.socket", dir);
}

/* A liar in the place of the trusted process. */
static void answer_once(int listener, const struct nika_tss_reply *lie, uint32_t size)
{
    uint8_t in[NIKA_TSS_REQUEST_SIZE], out[NIKA_TSS_REPLY_SIZE];
    struct nika_tss_request q;
    int fd = accept(listener, NULL, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        struct nika_tss_reply p = {.operation = NIKA_TSS_HELLO, .instance = 1, .epoch = 1};
        if (recv(fd, in, sizeof in, MSG_WAITALL) != (ssize_t)sizeof in) _exit(1);
        if (nika_tss_request_decode((struct nika_span){in, sizeof in}, &q) != NIKA_OK) _exit(2);
        if (i == 1) p = *lie;
        p.tag += q.tag;
        nika_tss_reply_encode(&p, out);
        if (send(fd, out, i == 1 ? size : sizeof out, MSG_NOSIGNAL) < 0) _exit(3);
    }
    _exit(0);
}
static void test_an_answer_that_cannot_be_one_ends_it(void **state)
{
    struct nika_tss_reply good = {.operation = NIKA_TSS_CERTIFY, .instance = 1, .epoch = 1};
    good.certificate = (struct nika_trusted_certificate){
        .kind = NIKA_TRUSTED_INDEPENDENT, .instance = 1, .epoch = 1, .value = {0, 1}};
    struct nika_tss_reply lies[9];
    static const char *const words[9] = {
        NULL,           "another request", "another request",  "another instance",
        "another kind", "another kind",    "another instance", "can promise nothing",
        "malformed"};
    for (uint32_t i = 0; i < 9; i++) lies[i] = good;
    lies[1].tag = 1;
    lies[2] = (struct nika_tss_reply){.operation = NIKA_TSS_READ, .instance = 1, .epoch = 1};
    lies[3].epoch = 2;
    lies[4].certificate.value.order = 2;
    lies[5].certificate.kind = NIKA_TRUSTED_CONTINUING;
    lies[6].certificate.instance = 0;
    lies[7] = (struct nika_tss_reply){
        .operation = NIKA_TSS_CERTIFY, .status = NIKA_TSS_GONE, .instance = 1, .epoch = 1};
    lies[8].status = NIKA_TSS_STATUSES;
    for (uint32_t i = 0; i < 9; i++) {
        int status;
        (void)kill(process, SIGKILL);
        (void)waitpid(process, &status, 0);
        int listener = nika_tss_listen(socket_path, (uint32_t)geteuid(), &error);
        assert_true(listener >= 0);
        (void)fcntl(listener, F_SETFL, 0);
        process = fork();
        if (process == 0) answer_once(listener, &lies[i], NIKA_TSS_REPLY_SIZE);
        (void)close(listener);
        struct nika_tss_client *c = client(SLOW_MS);
        assert_int_equal(use(c, 1), words[i] == NULL ? NIKA_OK : NIKA_ERR_IO);
        if (words[i] != NULL && strstr(nika_tss_client_gone(c), words[i]) == NULL)
            fail_msg("lie %u: %s", i, nika_tss_client_gone(c));
        nika_tss_client_close(c);
    }
    (void)state;
}

/* ---- the server ---- */
static int raw(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}
static bool is_closed(int fd)
{
    uint8_t byte;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, (int)SLOW_MS), 1);
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}
static void test_frames_that_are_none_end_only_their_connection(void **state)
{
    (void)state;
    uint8_t bytes[2 * NIKA_TSS_REQUEST_SIZE] = {0};
    struct nika_tss_request q = {.operation = NIKA_TSS_READ, .tag = 5};
    struct nika_tss_client *c = client(SLOW_MS);
    int slow = raw(), bad = raw(), twice = raw();
    assert_int_equal(send(slow, "TSQ1", 4, 0), 4); /* And then nothing. */
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(send(bad, bytes, sizeof bytes, MSG_NOSIGNAL), (ssize_t)sizeof bytes);
    assert_true(is_closed(bad));
    /* Two requests at once: one after the other, each answered. */
    nika_tss_request_encode(&q, bytes);
    q.tag = 6;
    nika_tss_request_encode(&q, bytes + NIKA_TSS_REQUEST_SIZE);
    assert_int_equal(send(twice, bytes, sizeof bytes, 0), (ssize_t)sizeof bytes);
    for (uint64_t tag = 5; tag <= 6; tag++) {
        uint8_t in[NIKA_TSS_REPLY_SIZE];
        struct nika_tss_reply p;
        assert_int_equal(recv(twice, in, sizeof in, MSG_WAITALL), (ssize_t)sizeof in);
        assert_int_equal(nika_tss_reply_decode((struct nika_span){in, sizeof in}, &p), NIKA_OK);
        assert_int_equal(p.tag, tag);
    }
    assert_int_equal(use(c, 1), NIKA_OK);
    (void)close(slow);
    (void)close(bad);
    (void)close(twice);
    nika_tss_client_close(c);
}

static void test_connections_are_bounded(void **state)
{
    (void)state;
    struct nika_tss_client *c = client(SLOW_MS);
    int more[NIKA_TSS_CONNECTIONS_MAX];
    for (uint32_t i = 0; i + 1 < NIKA_TSS_CONNECTIONS_MAX; i++) more[i] = raw();
    int last = raw();
    assert_true(is_closed(last)); /* Nobody who is connected loses his place. */
    assert_int_equal(use(c, 1), NIKA_OK);
    for (uint32_t i = 0; i + 1 < NIKA_TSS_CONNECTIONS_MAX; i++) (void)close(more[i]);
    (void)close(last);
    nika_tss_client_close(c);
    c = client(SLOW_MS);
    assert_int_equal(use(c, 2), NIKA_OK);
    nika_tss_client_close(c);
}

static void test_only_the_named_user_may_connect(void **state)
{
    (void)state;
    int status;
    struct nika_tss_client *c;
    (void)kill(process, SIGKILL);
    (void)waitpid(process, &status, 0);
    start((uint32_t)geteuid() + 1);
    assert_int_equal(connect_as(1, 1, NIKA_TSS_ANY_USER, SLOW_MS, &c), NIKA_ERR_IO);
    assert_error("closed the connection");
}

static void test_a_socket_in_use_and_a_file_in_its_place_are_refused(void **state)
{
    (void)state;
    char path[200];
    assert_int_equal(nika_tss_listen(socket_path, (uint32_t)geteuid(), &error), -1);
    assert_error("another process serves this socket");
    snprintf(path, sizeof path, "%s/state", dir);
    assert_int_equal(nika_tss_listen(path, (uint32_t)geteuid(), &error), -1);
    assert_error("is no socket");
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(nika_tss_listen(path, (uint32_t)geteuid(), &error), -1);
    assert_error("at most 107 bytes");
}

static void test_a_broken_disk_ends_the_process(void **state)
{
    (void)state;
    int status;
    (void)kill(process, SIGKILL);
    (void)waitpid(process, &status, 0);
    steps = (struct tss_steps){.fail_at = 6}; /* In the second certificate. */
    start((uint32_t)geteuid());
    struct nika_tss_client *c = client(SLOW_MS);
    assert_int_equal(use(c, 1), NIKA_OK);
    assert_int_equal(use(c, 2), NIKA_ERR_IO);
    assert_non_null(strstr(nika_tss_client_gone(c), "can promise nothing any more"));
    assert_int_equal(waitpid(process, &status, 0), process);
    process = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 13);
    nika_tss_client_close(c);
}

/* ---- what the process takes from itself ---- */
static void escape_open(void)
{
    (void)open("/dev/null", O_RDONLY);
}
static void escape_socket(void)
{
    (void)socket(AF_INET, SOCK_STREAM, 0);
}
static void escape_fork(void)
{
    (void)fork();
}
static void escape_exec(void)
{
    char *const none[] = {NULL};
    (void)execve("/bin/true", none, none);
}
static void test_a_confined_process_that_does_more_is_killed(void **state)
{
    (void)state;
    static void (*const escapes[])(void) = {escape_open, escape_socket, escape_fork, escape_exec};
    for (uint32_t i = 0; i < ARRAY_COUNT(escapes); i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            bool locked;
            if (!nika_tss_seal_memory(&locked) || nika_tss_confine() != 0) _exit(1);
            escapes[i]();
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}
static void test_sealed_memory_is_in_no_core_file(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit core;
        bool locked;
        if (prctl(PR_GET_DUMPABLE) != 1) _exit(77);
        if (!nika_tss_seal_memory(&locked)) _exit(1);
        if (prctl(PR_GET_DUMPABLE) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) _exit(2);
        _exit(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 77) skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}
static void test_becoming_another_user_is_for_good(void **state)
{
    (void)state;
    int status = 0;
    assert_false(nika_tss_become("no-such-user", &error));
    assert_error("no user");
    assert_false(nika_tss_become("root", &error));
    assert_error("is root");
    if (geteuid() != 0) {
        assert_false(nika_tss_become("65533", &error));
        assert_error("only root");
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        if (!nika_tss_become("65533", NULL)) _exit(1);
        if (getuid() != 65533 || geteuid() != 65533 || getgroups(0, NULL) != 0) _exit(2);
        _exit(setuid(0) != 0 ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define WITH_PROCESS(test) cmocka_unit_test_setup_teardown(test, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PROCESS(test_a_killed_process_is_gone_for_good),
        WITH_PROCESS(test_a_hung_process_is_gone_after_the_time_out),
        WITH_PROCESS(test_another_instance_epoch_or_user_is_refused),
        WITH_PROCESS(test_an_answer_that_cannot_be_one_ends_it),
        WITH_PROCESS(test_frames_that_are_none_end_only_their_connection),
        WITH_PROCESS(test_connections_are_bounded),
        WITH_PROCESS(test_only_the_named_user_may_connect),
        WITH_PROCESS(test_a_socket_in_use_and_a_file_in_its_place_are_refused),
        WITH_PROCESS(test_a_broken_disk_ends_the_process),
        cmocka_unit_test(test_a_confined_process_that_does_more_is_killed),
        cmocka_unit_test(test_sealed_memory_is_in_no_core_file),
        cmocka_unit_test(test_becoming_another_user_is_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
