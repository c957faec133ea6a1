/* tests/engine/shim/test_snapshots.c: a snapshot is written whole or not at all, and no changed byte of one goes unnoticed. */
#include "engine/shim/snapshots.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/apps/app_fixture.h"
#include "tests/engine/shim/disk_faults.h"

#define CHUNK 256u

struct fixture {
    char path[64];
    struct disk_faults *faults;
    struct nika_files files;
    struct nika_journal_identity identity;
    struct nika_snapshots snapshots;
    struct app_fixture app;
    struct nika_disk_store_error error;
};

static struct fixture *begin(void)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    disk_faults_folder(x->path);
    x->faults = disk_faults_new(x->path);
    x->files = disk_faults_files(x->faults);
    x->identity.replica = 1;
    memset(&x->identity.group_id, 0x77, sizeof x->identity.group_id);
    x->app = app_open(&nika_app_kv, CHUNK, 3, 0);
    assert_int_equal(nika_snapshots_open(&x->snapshots, &x->files, &x->identity, &x->error),
                     NIKA_OK);
    return x;
}

static void end(struct fixture *x)
{
    app_close(&x->app);
    disk_faults_free(x->faults);
    disk_faults_remove_tree(x->path);
    free(x);
}

static const char module_text[] = "the module's own part";

/* The application's state at `seq` as the bytes of a file. */
static struct nika_span image_at(struct fixture *x, uint64_t seq, struct nika_snapshot_meta *meta)
{
    uint8_t *image;
    uint32_t size;
    struct nika_span module = {(const uint8_t *)module_text, sizeof module_text};
    x->app.ops->snapshot_take(x->app.app, seq, meta);
    assert_int_equal(nika_snapshot_image(&x->identity, x->app.ops, x->app.app, CHUNK, meta, module,
                                         &image, &size),
                     0);
    return (struct nika_span){image, size};
}

static int save(struct fixture *x, uint64_t seq)
{
    struct nika_snapshot_meta meta;
    struct nika_span image = image_at(x, seq, &meta);
    int err = nika_snapshots_save(&x->snapshots, seq, image);
    free((void *)(uintptr_t)image.data);
    return err;
}

static void reopen(struct fixture *x)
{
    memset(&x->error, 0, sizeof x->error);
    assert_int_equal(nika_snapshots_open(&x->snapshots, &x->files, &x->identity, &x->error),
                     NIKA_OK);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_snapshot_view view;
    struct nika_snapshot_meta meta, other;
    uint8_t *data;
    (void)app_work(&x->app, 1, 60, 0);
    assert_int_equal(save(x, 8), 0);
    x->app.ops->snapshot_take(x->app.app, 8, &meta);
    assert_true(meta.chunk_count > 2);
    reopen(x);
    assert_int_equal(x->snapshots.count, 1);
    assert_string_equal(x->error.text, "");
    assert_int_equal(nika_snapshot_read(&x->files, 8, &data, &view, &x->error), NIKA_OK);
    assert_int_equal(view.meta.seq, 8);
    assert_memory_equal(&view.meta.root, &meta.root, sizeof meta.root);
    assert_int_equal(view.module.size, sizeof module_text);
    assert_memory_equal(view.module.data, module_text, sizeof module_text);
    struct app_fixture second = app_open(&nika_app_kv, CHUNK, 3, 0);
    assert_int_equal(nika_snapshot_restore(&view, second.ops, second.app), NIKA_OK);
    /* It goes on from there as the first does. */
    assert_int_equal(app_work(&x->app, 2, 30, 0), app_work(&second, 2, 30, 0));
    x->app.ops->snapshot_take(x->app.app, 16, &meta);
    second.ops->snapshot_take(second.app, 16, &other);
    assert_memory_equal(&meta.root, &other.root, sizeof meta.root);
    app_close(&second);
    free(data);
    end(x);
}

static void test_every_changed_byte_is_noticed(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_snapshot_meta meta;
    struct nika_snapshot_view view;
    (void)app_work(&x->app, 1, 20, 0);
    struct nika_span image = image_at(x, 8, &meta);
    uint8_t *bytes = (uint8_t *)(uintptr_t)image.data;
    assert_int_equal(nika_snapshot_check(image, &view, &x->error), NIKA_OK);
    for (uint32_t i = 0; i < image.size; i++) {
        bytes[i] = (uint8_t)(bytes[i] ^ 1u << i % 8);
        memset(&x->error, 0, sizeof x->error);
        assert_int_not_equal(nika_snapshot_check(image, &view, &x->error), NIKA_OK);
        assert_int_equal(strncmp(x->error.text, "offset ", 7), 0);
        bytes[i] = (uint8_t)(bytes[i] ^ 1u << i % 8);
    }
    for (uint32_t size = 0; size < image.size; size++)
        assert_int_not_equal(
            nika_snapshot_check((struct nika_span){image.data, size}, &view, &x->error), NIKA_OK);
    assert_int_equal(nika_snapshot_check(image, &view, &x->error), NIKA_OK);
    free(bytes);
    end(x);
}

/* Records that are intact one by one and do not belong together. */
static void test_wrong_root_is_noticed(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_snapshot_meta meta, lie;
    struct nika_snapshot_view view;
    uint8_t head[NIKA_SNAPSHOT_HEAD_SIZE];
    (void)app_work(&x->app, 1, 20, 0);
    struct nika_span image = image_at(x, 8, &meta);
    for (uint32_t i = 0; i < 3; i++) {
        lie = meta;
        if (i == 0) lie.root.bytes[5] ^= 1;
        if (i == 1) lie.total_size++;
        if (i == 2) lie.chunk_count--;
        struct nika_writer w = nika_writer_of(head, sizeof head);
        nika_snapshot_head_write(&w, &x->identity, &lie);
        assert_int_equal(w.at, sizeof head);
        memcpy((uint8_t *)(uintptr_t)image.data, head, sizeof head);
        assert_int_equal(nika_snapshot_check(image, &view, &x->error), NIKA_ERR_MALFORMED);
    }
    assert_non_null(strstr(x->error.text, "root"));
    free((void *)(uintptr_t)image.data);
    end(x);
}

static void test_kept_and_dropped(void **state)
{
    (void)state;
    struct fixture *x = begin();
    for (uint64_t seq = 1; seq <= NIKA_SNAPSHOTS_KEPT + 3; seq++) assert_int_equal(save(x, seq), 0);
    assert_int_equal(x->snapshots.count, NIKA_SNAPSHOTS_KEPT);
    assert_int_equal(x->snapshots.seqs[0], 4);
    assert_int_equal(save(x, 6), 0); /* Again: it replaces itself. */
    assert_int_equal(x->snapshots.count, NIKA_SNAPSHOTS_KEPT);
    nika_snapshots_drop(&x->snapshots, 10);
    assert_int_equal(x->snapshots.seqs[0], 10);
    reopen(x);
    assert_int_equal(x->snapshots.seqs[0], 10);
    assert_int_equal(x->snapshots.count, 4);
    nika_snapshots_drop(&x->snapshots, 1000);
    reopen(x);
    assert_int_equal(x->snapshots.count, 1); /* The newest stays. */
    assert_int_equal(x->snapshots.seqs[0], NIKA_SNAPSHOTS_KEPT + 3);
    assert_int_equal(save(x, 2), 0); /* An older one beside it is no newest. */
    nika_snapshots_drop(&x->snapshots, 1000);
    assert_int_equal(x->snapshots.seqs[0], NIKA_SNAPSHOTS_KEPT + 3);
    end(x);
}

/* The machine stops in every call, in every way: what was saved stays, what was being saved is there whole or not at all. */
static void test_every_crash(void **state)
{
    (void)state;
    for (enum crash_kind kind = 0; kind < CRASH_KINDS; kind++) {
        bool reached = true;
        uint32_t call = 1;
        for (; reached; call++) {
            struct fixture *x = begin();
            (void)app_work(&x->app, 1, 20, 0);
            assert_int_equal(save(x, 8), 0);
            (void)app_work(&x->app, 2, 20, 0);
            disk_faults_crash_at(x->faults, call);
            bool saved = save(x, 16) == 0;
            if (saved) nika_snapshots_drop(&x->snapshots, 16);
            reached = disk_faults_crashed(x->faults);
            disk_faults_restart(x->faults, kind);
            assert_int_equal(nika_file_clean(&x->files), 0);
            reopen(x);
            assert_string_equal(x->error.text, "");
            assert_true(x->snapshots.count >= 1);
            bool newest = x->snapshots.seqs[x->snapshots.count - 1] == 16;
            if (saved) assert_true(newest);
            if (!saved) assert_int_equal(x->snapshots.seqs[0], 8);
            assert_false(nika_file_exists(&x->files, "snapshot-00000000000000000016.tmp"));
            end(x);
        }
        assert_true(call > 5);
    }
}

static void test_failure_leaves_the_old_one(void **state)
{
    (void)state;
    for (uint32_t call = 1; call <= 4; call++) {
        struct fixture *x = begin();
        assert_int_equal(save(x, 8), 0);
        disk_faults_fail(x->faults, call, call, ENOSPC);
        assert_int_equal(save(x, 16), ENOSPC);
        assert_int_equal(x->snapshots.count, 1);
        assert_false(nika_file_exists(&x->files, "snapshot-00000000000000000016.tmp"));
        assert_int_equal(save(x, 16), 0);
        reopen(x);
        assert_int_equal(x->snapshots.count, 2);
        end(x);
    }
}

static void test_damaged_goes_aside(void **state)
{
    (void)state;
    struct fixture *x = begin();
    assert_int_equal(save(x, 8), 0);
    assert_int_equal(save(x, 16), 0);
    int file = openat(x->files.dir, "snapshot-00000000000000000016", O_RDWR);
    uint8_t byte = 0xff;
    assert_int_equal(pwrite(file, &byte, 1, NIKA_SNAPSHOT_HEAD_SIZE + 20), 1);
    close(file);
    reopen(x);
    assert_int_equal(x->snapshots.count, 1);
    assert_int_equal(x->snapshots.seqs[0], 8);
    assert_non_null(strstr(x->error.text, "snapshot-00000000000000000016: offset "));
    assert_true(nika_file_exists(&x->files, "damaged/snapshot-00000000000000000016.1"));
    reopen(x);
    assert_string_equal(x->error.text, "");
    end(x);
}

static void test_foreign_and_renamed(void **state)
{
    (void)state;
    struct fixture *x = begin();
    assert_int_equal(save(x, 8), 0);
    struct nika_journal_identity other = x->identity;
    other.replica = 2;
    struct nika_snapshots snapshots;
    assert_int_equal(nika_snapshots_open(&snapshots, &x->files, &other, &x->error),
                     NIKA_ERR_CONFIG);
    assert_non_null(strstr(x->error.text, "replica 1"));
    assert_int_equal(renameat(x->files.dir, "snapshot-00000000000000000008", x->files.dir,
                              "snapshot-00000000000000000009"),
                     0);
    reopen(x);
    assert_int_equal(x->snapshots.count, 0);
    assert_non_null(strstr(x->error.text, "another snapshot than its name says"));
    end(x);
}

/* What the application no longer has cannot be saved. */
static void test_unknown_snapshot_is_refused(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_snapshot_meta meta;
    uint8_t *image;
    uint32_t size;
    struct nika_span none = {NULL, 0};
    x->app.ops->snapshot_take(x->app.app, 8, &meta);
    meta.seq = 9;
    assert_int_equal(nika_snapshot_image(&x->identity, x->app.ops, x->app.app, CHUNK, &meta, none,
                                         &image, &size),
                     EINVAL);
    assert_null(image);
    meta.chunk_count = NIKA_CHUNKS_MAX + 1;
    assert_int_equal(nika_snapshot_image(&x->identity, x->app.ops, x->app.app, CHUNK, &meta, none,
                                         &image, &size),
                     EFBIG);
    end(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_changed_byte_is_noticed),
        cmocka_unit_test(test_wrong_root_is_noticed),
        cmocka_unit_test(test_kept_and_dropped),
        cmocka_unit_test(test_every_crash),
        cmocka_unit_test(test_failure_leaves_the_old_one),
        cmocka_unit_test(test_damaged_goes_aside),
        cmocka_unit_test(test_foreign_and_renamed),
        cmocka_unit_test(test_unknown_snapshot_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
