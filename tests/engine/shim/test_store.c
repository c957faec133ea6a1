/* tests/engine/shim/test_store.c: what the store reported as durable is there after any end of the process, and is replayed in the order
 * that a module needs. */
#include "engine/shim/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/shim/journal.h"
#include "tests/apps/app_fixture.h"
#include "tests/engine/shim/disk_faults.h"

#define CHUNK 256u
#define EVENTS_MAX 65536u

/* ---- a module that writes down what recovery tells it ---- */
struct recovered {
    uint32_t kind;
    uint64_t seq;
    uint32_t size;
    uint8_t first;
};
struct nika_replica {
    struct recovered events[EVENTS_MAX];
    uint32_t count;
};

static void on_recover(struct nika_replica *r, uint32_t kind, uint64_t seq, struct nika_span record)
{
    assert_true(r->count < EVENTS_MAX);
    r->events[r->count++] =
        (struct recovered){kind, seq, record.size, record.size > 0 ? record.data[0] : 0};
}

static const struct nika_replica_ops recorder = {.name = "recorder", .recover = on_recover};

/* ---- fixture ---- */
struct fixture {
    char path[64];
    struct nika_config config;
    struct disk_faults *faults; /* NULL: the real system. */
    struct nika_disk_store_options options;
    struct nika_disk_store *store;
    struct app_fixture app;
    struct nika_replica replica;
    struct nika_disk_store_error error;
    enum nika_disk_store_found found;
};

static struct fixture *begin(bool faulty, bool inline_io)
{
    const char *reason;
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    disk_faults_folder(x->path);
    nika_config_default(&x->config);
    x->config.chunk_size = CHUNK;
    assert_int_equal(nika_config_seal(&x->config, &reason), NIKA_OK);
    x->options = (struct nika_disk_store_options){.dir = x->path,
                                                  .config = &x->config,
                                                  .replica = 1,
                                                  .segment_bytes = 4096,
                                                  .inline_io = inline_io};
    if (faulty) {
        x->faults = disk_faults_new(x->path);
        x->options.file_ops = disk_faults_files(x->faults).ops;
        x->options.file_context = disk_faults_files(x->faults).context;
    }
    x->app = app_open(&nika_app_kv, CHUNK, 3, 0);
    return x;
}

static void end(struct fixture *x)
{
    nika_disk_store_close(x->store);
    app_close(&x->app);
    if (x->faults != NULL) disk_faults_free(x->faults);
    disk_faults_remove_tree(x->path);
    free(x);
}

static void open_as(struct fixture *x, enum nika_disk_store_found expected)
{
    enum nika_err err = nika_disk_store_open(&x->options, &x->store, &x->found, &x->error);
    if (err != NIKA_OK || x->found != expected)
        print_error("open: %s, found %d: %s\n", nika_err_text(err), (int)x->found, x->error.text);
    assert_int_equal(err, NIKA_OK);
    assert_int_equal(x->found, expected);
}

static void reopen(struct fixture *x, enum nika_disk_store_found expected)
{
    nika_disk_store_close(x->store);
    x->store = NULL;
    open_as(x, expected);
    x->replica.count = 0;
    enum nika_err err = nika_disk_store_recover(x->store, &recorder, &x->replica, x->app.ops,
                                                x->app.app, &x->error);
    if (err != NIKA_OK) print_error("recover: %s: %s\n", nika_err_text(err), x->error.text);
    assert_int_equal(err, NIKA_OK);
}

static enum nika_err persist(struct fixture *x, uint64_t token, uint32_t kind, uint64_t seq,
                             uint32_t size)
{
    static uint8_t bytes[65536];
    struct nika_action action = {.kind = NIKA_ACTION_PERSIST, .id = kind, .a = seq, .token = token};
    assert_true(size <= sizeof bytes);
    memset(bytes, (int)(token & 0xff), size);
    return nika_disk_store_submit(x->store, &action, (struct nika_span){bytes, size}, NULL, NULL,
                                  NULL);
}

static enum nika_err try_simple(struct fixture *x, uint8_t kind, uint64_t a)
{
    struct nika_action action = {.kind = kind, .a = a};
    return nika_disk_store_submit(x->store, &action, (struct nika_span){NULL, 0}, NULL, NULL, NULL);
}

static void simple(struct fixture *x, uint8_t kind, uint64_t a)
{
    assert_int_equal(try_simple(x, kind, a), NIKA_OK);
}

static enum nika_err save(struct fixture *x, uint64_t token, uint64_t seq)
{
    struct nika_snapshot_meta meta;
    struct nika_action action = {.kind = NIKA_ACTION_SNAPSHOT_SAVE, .a = seq, .token = token};
    uint8_t module = (uint8_t)seq;
    x->app.ops->snapshot_take(x->app.app, seq, &meta);
    return nika_disk_store_submit(x->store, &action, (struct nika_span){&module, 1}, x->app.ops,
                                  x->app.app, &meta);
}

/* Completions until `count` have come, in the order in which they come. */
static void wait_for(struct fixture *x, uint32_t count, struct nika_disk_store_done *done)
{
    uint32_t got = 0;
    while (got < count) {
        struct pollfd fd = {.fd = nika_disk_store_fd(x->store), .events = POLLIN};
        if (fd.fd >= 0) assert_int_equal(poll(&fd, 1, 60000), 1);
        got += nika_disk_store_poll(x->store, done + got, count - got);
    }
}

static void expect_done(struct fixture *x, uint64_t token, int32_t status)
{
    struct nika_disk_store_done done;
    wait_for(x, 1, &done);
    assert_int_equal(done.token, token);
    assert_int_equal(done.status, status);
}

static void expect_recovered(const struct fixture *x, uint32_t at, uint32_t kind, uint64_t seq)
{
    assert_true(at < x->replica.count);
    assert_int_equal(x->replica.events[at].kind, kind);
    assert_int_equal(x->replica.events[at].seq, seq);
}

/* ---- claims ---- */
/* Snapshots, oldest first, then live records in the order of writing; the application holds what the newest snapshot says. */
static void recovery_order(bool inline_io)
{
    struct fixture *x = begin(false, inline_io);
    struct nika_snapshot_meta before, after;
    open_as(x, NIKA_DISK_STORE_NEW);
    assert_int_equal(persist(x, 1, 1, 1, 50), NIKA_OK);
    assert_int_equal(persist(x, 2, NIKA_RECORD_LATEST | 2, 7, 60), NIKA_OK);
    assert_int_equal(persist(x, 3, 2, 9, 70), NIKA_OK);
    (void)app_work(&x->app, 1, 20, 0);
    assert_int_equal(save(x, 4, 8), NIKA_OK);
    (void)app_work(&x->app, 2, 20, 0);
    assert_int_equal(save(x, 5, 16), NIKA_OK);
    assert_int_equal(persist(x, 6, NIKA_RECORD_LATEST | 2, 8, 61), NIKA_OK);
    simple(x, NIKA_ACTION_LOG_TRIM, 8);
    assert_int_equal(persist(x, 7, 1, 17, 80), NIKA_OK);
    for (uint64_t token = 1; token <= 7; token++) expect_done(x, token, 0);
    x->app.ops->snapshot_take(x->app.app, 16, &before);
    (void)app_work(&x->app, 3, 20, 0); /* Executed and not saved: forgotten. */
    reopen(x, NIKA_DISK_STORE_INTACT);
    assert_string_equal(x->error.text, "");
    expect_recovered(x, 0, NIKA_RECORD_SNAPSHOT, 8);
    expect_recovered(x, 1, NIKA_RECORD_SNAPSHOT, 16);
    expect_recovered(x, 2, 2, 9);
    expect_recovered(x, 3, NIKA_RECORD_LATEST | 2, 8);
    expect_recovered(x, 4, 1, 17);
    assert_int_equal(x->replica.count, 5);
    assert_int_equal(x->replica.events[1].first, 16);
    assert_int_equal(x->replica.events[4].size, 80);
    assert_int_equal(x->replica.events[4].first, 7);
    x->app.ops->snapshot_take(x->app.app, 16, &after);
    assert_memory_equal(&before.root, &after.root, sizeof before.root);
    /* A drop keeps the newest. */
    simple(x, NIKA_ACTION_SNAPSHOT_DROP, 100);
    assert_int_equal(persist(x, 8, 1, 18, 1), NIKA_OK);
    expect_done(x, 8, 0);
    reopen(x, NIKA_DISK_STORE_INTACT);
    expect_recovered(x, 0, NIKA_RECORD_SNAPSHOT, 16);
    expect_recovered(x, 1, 2, 9);
    end(x);
}

static void test_recovery_order(void **state)
{
    (void)state;
    recovery_order(true);
    recovery_order(false);
}

/* Records that wait together share a sync. */
static void test_group_commit(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    struct nika_disk_store_figures before, after;
    struct nika_disk_store_done done[200];
    open_as(x, NIKA_DISK_STORE_NEW);
    x->options.segment_bytes = 0;
    reopen(x, NIKA_DISK_STORE_INTACT);
    assert_int_equal(persist(x, 1000, 1, 1, 10), NIKA_OK);
    expect_done(x, 1000, 0);
    nika_disk_store_figures(x->store, &before);
    for (uint64_t i = 0; i < 200; i++) assert_int_equal(persist(x, i, 1, i + 1, 100), NIKA_OK);
    wait_for(x, 200, done);
    nika_disk_store_figures(x->store, &after);
    for (uint64_t i = 0; i < 200; i++) assert_int_equal(done[i].token, i);
    assert_int_equal(after.syncs - before.syncs, 1);
    assert_int_equal(after.waiting, 0);
    assert_int_equal(after.waiting_bytes, 0);
    end(x);
}

/* Nothing is reported before it is synced: with every sync failing, every completion fails, in order. */
static void test_failed_sync_fails_all(void **state)
{
    (void)state;
    struct fixture *x = begin(true, true);
    struct nika_disk_store_done done[8];
    open_as(x, NIKA_DISK_STORE_NEW);
    disk_faults_fail(x->faults, 1, 1000, ENOSPC);
    for (uint64_t i = 0; i < 3; i++) assert_int_equal(persist(x, i, 1, i + 1, 10), NIKA_OK);
    assert_int_equal(save(x, 3, 8), NIKA_OK);
    for (uint64_t i = 4; i < 6; i++) assert_int_equal(persist(x, i, 1, i + 1, 10), NIKA_OK);
    wait_for(x, 6, done);
    for (uint64_t i = 0; i < 6; i++) {
        assert_int_equal(done[i].token, i);
        assert_int_equal(done[i].status, ENOSPC);
    }
    disk_faults_fail(x->faults, 1, 0, 0);
    assert_int_equal(persist(x, 9, 1, 9, 10), NIKA_OK);
    expect_done(x, 9, 0);
    reopen(x, NIKA_DISK_STORE_INTACT);
    assert_int_equal(x->replica.count, 1);
    expect_recovered(x, 0, 1, 9);
    end(x);
}

/* A full queue takes nothing, and says so; a record larger than the whole queue goes alone. */
static void test_queue_is_bounded(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    struct nika_disk_store_done done[16];
    x->options.queue_count = 8;
    x->options.queue_bytes = 1000;
    open_as(x, NIKA_DISK_STORE_NEW);
    for (uint64_t i = 0; i < 8; i++) assert_int_equal(persist(x, i, 1, i + 1, 10), NIKA_OK);
    assert_int_equal(persist(x, 8, 1, 9, 10), NIKA_ERR_LIMIT);
    assert_int_equal(nika_disk_store_poll(x->store, done, 3), 3);
    assert_int_equal(persist(x, 8, 1, 9, 10), NIKA_OK); /* Answers not fetched take places too. */
    wait_for(x, 6, done);
    assert_int_equal(done[5].token, 8);
    assert_int_equal(persist(x, 20, 1, 20, 600), NIKA_OK);
    assert_int_equal(persist(x, 21, 1, 21, 600), NIKA_ERR_LIMIT);
    expect_done(x, 20, 0);
    assert_int_equal(persist(x, 22, 1, 22, 5000), NIKA_OK);
    expect_done(x, 22, 0);
    reopen(x, NIKA_DISK_STORE_INTACT);
    assert_int_equal(x->replica.count, 11);
    end(x);
}

static void test_second_process_is_kept_out(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    struct nika_disk_store *second;
    char who[32];
    open_as(x, NIKA_DISK_STORE_NEW);
    assert_int_equal(nika_disk_store_open(&x->options, &second, &x->found, &x->error), NIKA_ERR_IO);
    assert_null(second);
    snprintf(who, sizeof who, "(process %ld)", (long)getpid());
    assert_non_null(strstr(x->error.text, "another process uses this directory"));
    assert_non_null(strstr(x->error.text, who));
    reopen(x, NIKA_DISK_STORE_INTACT); /* And free again after close. */
    end(x);
}

static void test_foreign_directory_and_modes(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    struct nika_disk_store *store;
    struct stat info;
    open_as(x, NIKA_DISK_STORE_NEW);
    assert_int_equal(persist(x, 1, 1, 1, 1), NIKA_OK);
    assert_int_equal(save(x, 2, 8), NIKA_OK);
    expect_done(x, 1, 0);
    expect_done(x, 2, 0);
    static const char *const names[] = {"lock", "identity", "mark", "log-0000000001",
                                        "snapshot-00000000000000000008"};
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", x->path, names[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    nika_disk_store_close(x->store);
    x->store = NULL;
    x->options.replica = 3;
    assert_int_equal(nika_disk_store_open(&x->options, &store, &x->found, &x->error),
                     NIKA_ERR_CONFIG);
    assert_non_null(strstr(x->error.text, "belongs to replica 1"));
    x->options.replica = 1;
    assert_int_equal(chmod(x->path, 0750), 0);
    assert_int_equal(nika_disk_store_open(&x->options, &store, &x->found, &x->error),
                     NIKA_ERR_CONFIG);
    assert_non_null(strstr(x->error.text, "mode 0750"));
    assert_non_null(strstr(x->error.text, "chmod 700"));
    assert_int_equal(chmod(x->path, 0700), 0);
    reopen(x, NIKA_DISK_STORE_INTACT);
    end(x);
}

static void test_directory_is_made(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    char path[128];
    struct stat info;
    snprintf(path, sizeof path, "%s/data", x->path);
    x->options.dir = path;
    open_as(x, NIKA_DISK_STORE_NEW);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    nika_disk_store_close(x->store);
    x->store = NULL;
    snprintf(path, sizeof path, "%s/no/such", x->path);
    assert_int_equal(nika_disk_store_open(&x->options, &x->store, &x->found, &x->error),
                     NIKA_ERR_IO);
    assert_non_null(strstr(x->error.text, "no/such: No such file or directory"));
    end(x);
}

static void flip(const struct fixture *x, const char *name, uint32_t offset)
{
    char path[160];
    uint8_t byte;
    snprintf(path, sizeof path, "%s/%s", x->path, name);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte = (uint8_t)(byte ^ 1);
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

/* Damage: the module hears of it first, then of what is before the damage, and of nothing behind; again at every start until it
 * knows again what it said. */
static void test_corruption_is_amnesia(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    open_as(x, NIKA_DISK_STORE_NEW);
    for (uint64_t i = 1; i <= 4; i++) {
        assert_int_equal(persist(x, i, 1, i, 83), NIKA_OK);
        expect_done(x, i, 0);
    }
    assert_int_equal(save(x, 5, 8), NIKA_OK);
    expect_done(x, 5, 0);
    nika_disk_store_close(x->store);
    x->store = NULL;
    flip(x, "log-0000000001", NIKA_HEAD_SIZE + 2 * 117 + 60);
    open_as(x, NIKA_DISK_STORE_CORRUPT);
    assert_non_null(strstr(x->error.text, "log-0000000001: offset"));
    reopen(x, NIKA_DISK_STORE_CORRUPT);
    for (uint32_t round = 0; round < 2; round++) {
        expect_recovered(x, 0, NIKA_RECORD_AMNESIA, 0);
        expect_recovered(x, 1, NIKA_RECORD_SNAPSHOT, 8);
        expect_recovered(x, 2, 1, 1);
        expect_recovered(x, 3, 1, 2);
        assert_int_equal(x->replica.count, 4 + round);
        assert_int_equal(persist(x, 9, 1, 9, 10), NIKA_OK);
        expect_done(x, 9, 0);
        reopen(x, NIKA_DISK_STORE_CORRUPT);
    }
    assert_int_equal(nika_disk_store_remember(x->store), NIKA_OK);
    reopen(x, NIKA_DISK_STORE_INTACT);
    expect_recovered(x, 0, NIKA_RECORD_SNAPSHOT, 8);
    end(x);
}

/* A damaged snapshot is not a damaged log: votes are known, and the older snapshot serves. */
static void test_damaged_snapshot_is_no_amnesia(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    open_as(x, NIKA_DISK_STORE_NEW);
    assert_int_equal(save(x, 1, 8), NIKA_OK);
    assert_int_equal(save(x, 2, 16), NIKA_OK);
    assert_int_equal(persist(x, 3, 1, 17, 83), NIKA_OK);
    for (uint64_t token = 1; token <= 3; token++) expect_done(x, token, 0);
    nika_disk_store_close(x->store);
    x->store = NULL;
    flip(x, "snapshot-00000000000000000016", 150);
    open_as(x, NIKA_DISK_STORE_INTACT);
    assert_non_null(strstr(x->error.text, "snapshot-00000000000000000016: offset"));
    reopen(x, NIKA_DISK_STORE_INTACT);
    expect_recovered(x, 0, NIKA_RECORD_SNAPSHOT, 8);
    expect_recovered(x, 1, 1, 17);
    assert_int_equal(x->replica.count, 2);
    end(x);
}

/* A snapshot whose bytes are as they were written, and that the application does not take, is an error and not a start from nothing. */
static enum nika_err refuse_end(struct nika_app *app, struct nika_snapshot_meta *out)
{
    (void)app;
    (void)out;
    return NIKA_ERR_MALFORMED;
}

static void test_refused_snapshot_is_an_error(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    struct nika_app_ops ops = nika_app_kv;
    ops.restore_end = refuse_end;
    open_as(x, NIKA_DISK_STORE_NEW);
    assert_int_equal(save(x, 1, 8), NIKA_OK);
    expect_done(x, 1, 0);
    nika_disk_store_close(x->store);
    x->store = NULL;
    open_as(x, NIKA_DISK_STORE_INTACT);
    assert_int_equal(
        nika_disk_store_recover(x->store, &recorder, &x->replica, &ops, x->app.app, &x->error),
        NIKA_ERR_MALFORMED);
    assert_non_null(strstr(x->error.text, "snapshot-00000000000000000008: the application kv"));
    end(x);
}

/* What the application does not have fails in its turn. */
static void test_save_without_meta_fails(void **state)
{
    (void)state;
    struct fixture *x = begin(false, true);
    struct nika_action action = {.kind = NIKA_ACTION_SNAPSHOT_SAVE, .a = 8, .token = 2};
    open_as(x, NIKA_DISK_STORE_NEW);
    assert_int_equal(persist(x, 1, 1, 1, 1), NIKA_OK);
    assert_int_equal(nika_disk_store_submit(x->store, &action, (struct nika_span){NULL, 0},
                                            x->app.ops, x->app.app, NULL),
                     NIKA_OK);
    expect_done(x, 1, 0);
    expect_done(x, 2, EINVAL);
    end(x);
}

/* ---- ends of the process ---- */
/* In a child: records, snapshots, trims and drops without pause through the worker; each token that is reported goes to the parent. */
_Noreturn static void child(struct fixture *x, int report)
{
    struct nika_disk_store_done done[64];
    struct nika_disk_store_error error;
    enum nika_disk_store_found found;
    uint64_t next = 1;
    if (nika_disk_store_open(&x->options, &x->store, &found, &error) != NIKA_OK) _exit(10);
    if (nika_disk_store_recover(x->store, &recorder, &x->replica, x->app.ops, x->app.app, &error) !=
        NIKA_OK)
        _exit(11);
    for (uint32_t i = 0; i < x->replica.count; i++)
        if (x->replica.events[i].kind == 1 && x->replica.events[i].seq >= next)
            next = x->replica.events[i].seq + 1;
    for (;;) {
        for (uint32_t i = 0; i < 5; i++, next++) {
            if (persist(x, next, 1, next, 30 + (uint32_t)(next % 90)) != NIKA_OK) break;
            /* The queue may be full: then they come another time. */
            if (next % 40 == 0) (void)save(x, UINT64_C(1) << 40 | next, next);
            if (next % 40 == 20 && next > 80) (void)try_simple(x, NIKA_ACTION_LOG_TRIM, next - 60);
            if (next % 40 == 20 && next > 80)
                (void)try_simple(x, NIKA_ACTION_SNAPSHOT_DROP, next - 60);
        }
        uint32_t count = nika_disk_store_poll(x->store, done, 64);
        for (uint32_t i = 0; i < count; i++) {
            if (done[i].status != 0) _exit(13);
            if (write(report, &done[i].token, 8) != 8) _exit(14);
        }
    }
}

static uint64_t newest_record(const struct fixture *x)
{
    uint64_t newest = 0;
    for (uint32_t i = 0; i < x->replica.count; i++)
        if (x->replica.events[i].kind == 1 && x->replica.events[i].seq > newest)
            newest = x->replica.events[i].seq;
    return newest;
}

static void check_after_kill(const struct fixture *x, uint64_t acked, uint64_t saved)
{
    uint64_t newest = newest_record(x), snapshot = 0, previous = 0;
    assert_true(newest >= acked);
    for (uint32_t i = 0; i < x->replica.count; i++) {
        const struct recovered *e = &x->replica.events[i];
        if (e->kind == NIKA_RECORD_SNAPSHOT) {
            assert_int_equal(previous, 0); /* Before all records. */
            assert_true(e->seq > snapshot);
            snapshot = e->seq;
            continue;
        }
        /* No gap: what was not trimmed is there up to the newest. */
        if (previous != 0) assert_int_equal(e->seq, previous + 1);
        assert_int_equal(e->size, 30 + e->seq % 90);
        assert_int_equal(e->first, e->seq & 0xff);
        previous = e->seq;
    }
    assert_true(snapshot >= saved);
}

static void test_kill_at_any_time(void **state)
{
    (void)state;
    struct fixture *x = begin(false, false);
    uint64_t acked = 0, saved = 0, draw = 1, last_total = 0;
    x->options.queue_count = 256;
    for (uint32_t round = 0; round < 40; round++) {
        int pipe_ends[2];
        assert_int_equal(pipe(pipe_ends), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) child(x, pipe_ends[1]);
        close(pipe_ends[1]);
        uint64_t token, reports = 1 + app_draw(&draw) % 150;
        for (uint64_t i = 0; i < reports && read(pipe_ends[0], &token, 8) == 8; i++) {
            if ((token >> 40) != 0)
                saved = token & UINT64_C(0xffffffffff);
            else
                acked = token;
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        /* What it reported before it died counts too. */
        while (read(pipe_ends[0], &token, 8) == 8) {
            if ((token >> 40) != 0)
                saved = token & UINT64_C(0xffffffffff);
            else
                acked = token;
        }
        close(pipe_ends[0]);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        reopen(x, NIKA_DISK_STORE_INTACT);
        check_after_kill(x, acked, saved);
        assert_true(acked > last_total);
        last_total = acked;
        nika_disk_store_close(x->store);
        x->store = NULL;
    }
    end(x);
}

/* Every call of the system may be the last one, or fail. */
static void test_every_call_crashes_or_fails(void **state)
{
    (void)state;
    for (uint32_t mode = 0; mode < CRASH_KINDS + 1; mode++) {
        bool reached = true;
        uint32_t call = 1;
        for (; reached; call++) {
            struct fixture *x = begin(true, true);
            uint64_t acked = 0, saved = 0;
            open_as(x, NIKA_DISK_STORE_NEW);
            uint32_t before = disk_faults_calls(x->faults);
            if (mode < CRASH_KINDS)
                disk_faults_crash_at(x->faults, call);
            else
                disk_faults_fail(x->faults, call, call, EIO);
            for (uint64_t i = 1; i <= 90 && acked == i - 1; i++) {
                struct nika_disk_store_done done;
                for (uint32_t attempt = 0; attempt < 3 && acked < i; attempt++) {
                    assert_int_equal(persist(x, i, 1, i, 30 + (uint32_t)(i % 90)), NIKA_OK);
                    wait_for(x, 1, &done);
                    if (done.status == 0) acked = i;
                }
                if (i % 20 != 0) continue;
                assert_int_equal(save(x, 1000, i), NIKA_OK);
                wait_for(x, 1, &done);
                if (done.status == 0) saved = i;
                if (done.status == 0) simple(x, NIKA_ACTION_LOG_TRIM, i - 10);
                if (done.status == 0) simple(x, NIKA_ACTION_SNAPSHOT_DROP, i);
            }
            reached = disk_faults_calls(x->faults) - before >= call;
            if (!disk_faults_crashed(x->faults)) assert_int_equal(acked, 90);
            nika_disk_store_close(x->store);
            x->store = NULL;
            disk_faults_restart(x->faults, mode < CRASH_KINDS ? mode : CRASH_POWER);
            open_as(x, NIKA_DISK_STORE_INTACT);
            reopen(x, NIKA_DISK_STORE_INTACT);
            check_after_kill(x, acked, saved);
            end(x);
        }
        assert_true(call > 250);
    }
}

/* The real system says no, by a limit on the size of files: completions fail, nothing reported is lost, and it goes on afterwards. */
static void test_full_disk(void **state)
{
    (void)state;
    struct fixture *x = begin(false, false);
    int pipe_ends[2];
    x->options.segment_bytes = 65536;
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit;
        struct nika_disk_store_done done;
        uint64_t acked = 0, failed = 0;
        (void)signal(SIGXFSZ, SIG_IGN);
        open_as(x, NIKA_DISK_STORE_NEW);
        if (getrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(20);
        limit.rlim_cur = 20000;
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(21);
        for (uint64_t i = 1; failed < 5; i++) {
            if (persist(x, i, 1, acked + 1, 30 + (uint32_t)((acked + 1) % 90)) != NIKA_OK)
                _exit(22);
            wait_for(x, 1, &done);
            if (done.status == 0) acked++;
            if (done.status != 0 && done.status != EFBIG) _exit(23);
            if (done.status != 0) failed++;
        }
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(24);
        if (persist(x, 5000, 1, acked + 1, 500) != NIKA_OK) _exit(25);
        wait_for(x, 1, &done);
        if (done.status != 0) _exit(26);
        acked++;
        if (write(pipe_ends[1], &acked, 8) != 8) _exit(27);
        _exit(0);
    }
    close(pipe_ends[1]);
    uint64_t acked = 0;
    assert_int_equal(read(pipe_ends[0], &acked, 8), 8);
    close(pipe_ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(acked > 100);
    reopen(x, NIKA_DISK_STORE_INTACT);
    assert_int_equal(x->replica.count, acked);
    for (uint32_t i = 0; i < acked; i++) expect_recovered(x, i, 1, i + 1);
    end(x);
}

/* Closing finishes what was submitted. */
static void test_close_finishes(void **state)
{
    (void)state;
    for (uint32_t inline_io = 0; inline_io < 2; inline_io++) {
        struct fixture *x = begin(false, inline_io == 1);
        open_as(x, NIKA_DISK_STORE_NEW);
        for (uint64_t i = 1; i <= 50; i++) assert_int_equal(persist(x, i, 1, i, 40), NIKA_OK);
        reopen(x, NIKA_DISK_STORE_INTACT);
        assert_int_equal(x->replica.count, 50);
        end(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recovery_order),
        cmocka_unit_test(test_group_commit),
        cmocka_unit_test(test_failed_sync_fails_all),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_second_process_is_kept_out),
        cmocka_unit_test(test_foreign_directory_and_modes),
        cmocka_unit_test(test_directory_is_made),
        cmocka_unit_test(test_corruption_is_amnesia),
        cmocka_unit_test(test_damaged_snapshot_is_no_amnesia),
        cmocka_unit_test(test_refused_snapshot_is_an_error),
        cmocka_unit_test(test_save_without_meta_fails),
        cmocka_unit_test(test_kill_at_any_time),
        cmocka_unit_test(test_every_call_crashes_or_fails),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_close_finishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
