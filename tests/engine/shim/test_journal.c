/* tests/engine/shim/test_journal.c: the log keeps every acknowledged record through any crash, shows no torn one, and never takes damage for
 * a torn tail. */
#include "engine/shim/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/engine/shim/disk_faults.h"
#include "tests/support/test.h"

#define RECORDS_MAX 1024u
#define STEPS 90u
#define SEGMENT 4096u

/* ---- what was written, and what must be found ---- */
struct written {
    uint8_t kind;
    uint64_t seq;
    uint32_t size;
    bool acked, failed;
};
struct model {
    struct written records[RECORDS_MAX];
    uint32_t count, batch; /* Records from `batch` on wait for a commit. */
    uint64_t trim_tried, trim_acked, trim_batch;
    uint32_t found[RECORDS_MAX]; /* What recovery gave, by number. */
    uint32_t found_count;
};

static uint8_t fill(uint32_t number, uint32_t at)
{
    return (uint8_t)(number * 31u + at * 7u + 1u);
}

/* The payload of a record starts with its number, and the rest follows from that. */
static struct nika_span payload_of(const struct written *record, uint32_t number, uint8_t out[8192])
{
    nika_store_le(out, number, 4);
    for (uint32_t i = 4; i < record->size; i++) out[i] = fill(number, i);
    return (struct nika_span){out, record->size};
}

static void append(struct model *m, struct nika_journal *log, uint8_t kind, uint64_t seq,
                   uint32_t size)
{
    uint8_t bytes[8192];
    assert_true(m->count < RECORDS_MAX);
    struct written *record = &m->records[m->count];
    *record = (struct written){.kind = kind, .seq = seq, .size = size};
    assert_int_equal(nika_journal_append(log, kind, seq, payload_of(record, m->count, bytes)), 0);
    m->count++;
}

static int commit(struct model *m, struct nika_journal *log)
{
    int err = nika_journal_commit(log);
    for (; m->batch < m->count; m->batch++) {
        m->records[m->batch].acked = err == 0;
        m->records[m->batch].failed = err != 0;
    }
    if (err == 0 && m->trim_batch > m->trim_acked) m->trim_acked = m->trim_batch;
    m->trim_batch = 0;
    return err;
}

static void trim(struct model *m, struct nika_journal *log, uint64_t seq)
{
    assert_int_equal(nika_journal_trim(log, seq), 0);
    m->trim_batch = seq;
    if (seq > m->trim_tried) m->trim_tried = seq;
}

/* Slot and state records, trims that let segments go, batches of one and of several. Failed commits are tried again with new
 * records, as a module does. Stops when the disk is gone. */
static void work(struct model *m, struct nika_journal *log, uint64_t first, uint32_t steps,
                 const struct disk_faults *faults)
{
    for (uint64_t i = first; i < first + steps; i++) {
        for (uint32_t attempt = 0;; attempt++) {
            append(m, log, 1, i, 40 + (uint32_t)(i * 37 % 400));
            if (i % 3 == 0) append(m, log, 2, i, 30);
            if (i % 7 == 0) append(m, log, NIKA_RECORD_LATEST | 1, i / 7, 100);
            if (i % 40 == 5) append(m, log, NIKA_RECORD_LATEST | 2, i, 700);
            if (i == 11) append(m, log, NIKA_RECORD_LATEST | 3, i, 60); /* Once: always carried. */
            if (i % 10 == 0 && i > 30) trim(m, log, i - 30);
            if (i % 4 == 1) break;
            int err = commit(m, log);
            if (faults != NULL && disk_faults_crashed(faults)) return;
            if (err == 0) break;
            assert_true(attempt < 20);
        }
    }
    (void)commit(m, log);
}

static void on_record(void *context, const struct nika_journal_entry *entry)
{
    struct model *m = context;
    uint8_t bytes[8192];
    assert_true(entry->record.payload.size >= 4);
    uint32_t number = (uint32_t)nika_load_le(entry->record.payload.data, 4);
    assert_true(number < m->count);
    const struct written *record = &m->records[number];
    assert_int_equal(entry->record.kind, record->kind);
    assert_int_equal(entry->record.seq, record->seq);
    assert_int_equal(entry->record.payload.size, record->size);
    assert_memory_equal(entry->record.payload.data, payload_of(record, number, bytes).data,
                        record->size);
    if (m->found_count > 0) assert_true(m->found[m->found_count - 1] < number);
    assert_true(m->found_count < RECORDS_MAX);
    m->found[m->found_count++] = number;
}

static bool was_found(const struct model *m, uint32_t number)
{
    for (uint32_t i = 0; i < m->found_count; i++)
        if (m->found[i] == number) return true;
    return false;
}

static void check_state_kind(const struct model *m, uint8_t kind)
{
    int64_t newest_acked = -1, found = -1;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->records[i].kind == kind && m->records[i].acked) newest_acked = i;
    for (uint32_t i = 0; i < m->found_count; i++) {
        if (m->records[m->found[i]].kind != kind) continue;
        assert_int_equal(found, -1); /* One, the newest. */
        found = m->found[i];
    }
    assert_true(found >= newest_acked);
}

/* Every acknowledged record that is still alive is there; nothing is there that was reported as failed or given up. */
static void check_found(const struct model *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        const struct written *record = &m->records[i];
        bool slot = (record->kind & NIKA_RECORD_LATEST) == 0;
        if (slot && record->acked && record->seq > m->trim_tried) assert_true(was_found(m, i));
        if (slot && record->seq <= m->trim_acked) assert_false(was_found(m, i));
        if (record->failed) assert_false(was_found(m, i));
    }
    for (uint8_t kind = 1; kind <= 3; kind++) check_state_kind(m, NIKA_RECORD_LATEST | kind);
}

/* ---- opening ---- */
static struct nika_journal_options options_for(struct nika_files files)
{
    struct nika_journal_options options = {.files = files, .segment_bytes = SEGMENT};
    options.identity.replica = 2;
    options.identity.protocol = 1;
    memset(&options.identity.group_id, 0x5a, sizeof options.identity.group_id);
    return options;
}

static struct nika_journal *open_as(struct nika_files files, enum nika_journal_state expected,
                                    struct nika_disk_store_error *error)
{
    struct nika_journal_options options = options_for(files);
    struct nika_journal *log = NULL;
    enum nika_journal_state state = NIKA_JOURNAL_NEW;
    memset(error, 0, sizeof *error);
    enum nika_err err = nika_journal_open(&options, &log, &state, error);
    if (err != NIKA_OK || state != expected)
        print_error("open: %s, state %d: %s\n", nika_err_text(err), (int)state, error->text);
    assert_int_equal(err, NIKA_OK);
    assert_int_equal(state, expected);
    return log;
}

static void recover(struct model *m, struct nika_journal *log)
{
    struct nika_disk_store_error error;
    m->found_count = 0;
    assert_int_equal(nika_journal_recover(log, on_record, m, &error), NIKA_OK);
}

struct fixture {
    char path[64];
    struct disk_faults *faults;
    struct nika_files files;
    struct model model;
    struct nika_disk_store_error error;
};

static struct fixture *begin(void)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    disk_faults_folder(x->path);
    x->faults = disk_faults_new(x->path);
    x->files = disk_faults_files(x->faults);
    return x;
}

static void end(struct fixture *x)
{
    disk_faults_free(x->faults);
    disk_faults_remove_tree(x->path);
    free(x);
}

/* The last opening of a test: what is found is what was promised. */
static void settle(struct fixture *x, struct nika_journal *log)
{
    recover(&x->model, log);
    check_found(&x->model);
    nika_journal_close(log);
    end(x);
}

/* ---- claims ---- */
static void test_records_come_back_in_order(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_journal_figures figures;
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    work(&x->model, log, 1, STEPS, NULL);
    nika_journal_figures(log, &figures);
    assert_true(figures.first > 1); /* Segments went, so state records were carried. */
    assert_true(figures.last > figures.first);
    nika_journal_close(log);
    for (uint32_t round = 0; round < 3; round++) {
        log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
        recover(&x->model, log);
        check_found(&x->model);
        assert_true(x->model.found_count > 20);
        assert_string_equal(x->error.text, "");
        work(&x->model, log, 200 + round * 100, 60, NULL);
        nika_journal_close(log);
    }
    end(x);
}

/* One commit for many records is one sync. */
static void test_commit_is_for_all(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_journal_figures before, after;
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    nika_journal_figures(log, &before);
    for (uint32_t i = 0; i < 50; i++) append(&x->model, log, 1, i + 1, 20);
    assert_int_equal(commit(&x->model, log), 0);
    nika_journal_figures(log, &after);
    assert_int_equal(after.syncs - before.syncs, 1);
    assert_int_equal(after.commits - before.commits, 1);
    nika_journal_close(log);
    end(x);
}

/* Nobody saw what the last commit before a crash reported: its records may be there or not. */
static void forget_failures(struct model *m)
{
    for (uint32_t i = 0; i < m->count; i++) m->records[i].failed = false;
}

static void crash_once(uint32_t call, enum crash_kind kind, bool *reached)
{
    struct fixture *x = begin();
    struct nika_journal_options options = options_for(x->files);
    struct nika_journal *log = NULL;
    enum nika_journal_state state = NIKA_JOURNAL_NEW;
    disk_faults_crash_at(x->faults, call);
    if (nika_journal_open(&options, &log, &state, &x->error) == NIKA_OK)
        work(&x->model, log, 1, STEPS, x->faults);
    *reached = disk_faults_crashed(x->faults);
    nika_journal_close(log);
    forget_failures(&x->model);
    disk_faults_restart(x->faults, kind);
    enum nika_err err = nika_journal_open(&options, &log, &state, &x->error);
    if (err != NIKA_OK || state == NIKA_JOURNAL_DAMAGED)
        print_error("call %u, kind %d: %s: %s\n", call, (int)kind, nika_err_text(err),
                    x->error.text);
    assert_int_equal(err, NIKA_OK);
    assert_int_not_equal(state, NIKA_JOURNAL_DAMAGED);
    recover(&x->model, log);
    check_found(&x->model);
    /* What recovery showed is acknowledged from now on: power fails, and it is there again. */
    for (uint32_t i = 0; i < x->model.found_count; i++)
        x->model.records[x->model.found[i]].acked = true;
    x->model.batch = x->model.count;
    nika_journal_close(log);
    disk_faults_restart(x->faults, CRASH_POWER);
    log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
    recover(&x->model, log);
    check_found(&x->model);
    work(&x->model, log, 300, 12, NULL);
    nika_journal_close(log);
    disk_faults_restart(x->faults, CRASH_POWER);
    log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
    settle(x, log);
}

/* The machine stops in every single call, in every way. */
static void test_every_crash_keeps_what_was_acknowledged(void **state)
{
    (void)state;
    for (enum crash_kind kind = 0; kind < CRASH_KINDS; kind++) {
        bool reached = true;
        uint32_t call = 1;
        for (; reached; call++) crash_once(call, kind, &reached);
        assert_true(call > 200);
    }
}

/* Power fails again during the recovery from a crash. */
static void test_crash_while_recovering(void **state)
{
    (void)state;
    for (uint32_t first = 20; first < 300; first += 23) {
        bool reached = true;
        for (uint32_t second = 1; reached; second++) {
            struct fixture *x = begin();
            struct nika_journal_options options = options_for(x->files);
            struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
            enum nika_journal_state found;
            disk_faults_crash_at(x->faults, first);
            work(&x->model, log, 1, STEPS, x->faults);
            nika_journal_close(log);
            forget_failures(&x->model);
            disk_faults_restart(x->faults, CRASH_REORDER);
            disk_faults_crash_at(x->faults, second);
            enum nika_err err = nika_journal_open(&options, &log, &found, &x->error);
            reached = disk_faults_crashed(x->faults);
            assert_int_equal(err == NIKA_OK, !reached);
            nika_journal_close(log);
            disk_faults_restart(x->faults, CRASH_POWER);
            log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
            settle(x, log);
        }
    }
}

/* Any call fails, once or for a while: the commit says so, none of its records is in the log, and the log works on. */
static void fail_once(uint32_t call, uint32_t length, int err, bool *reached)
{
    struct fixture *x = begin();
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    uint32_t before = disk_faults_calls(x->faults);
    disk_faults_fail(x->faults, call, call + length - 1, err);
    work(&x->model, log, 1, STEPS, NULL);
    *reached = disk_faults_calls(x->faults) - before >= call;
    nika_journal_close(log);
    disk_faults_restart(x->faults, call % 2 == 0 ? CRASH_POWER : CRASH_KILL);
    log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
    settle(x, log);
}

static void test_failed_commit_leaves_nothing(void **state)
{
    (void)state;
    static const int errors[] = {ENOSPC, EIO};
    for (uint32_t e = 0; e < 2; e++) {
        for (uint32_t length = 1; length <= 9; length += 4) {
            bool reached = true;
            for (uint32_t call = 1; reached; call += 1 + length / 4)
                fail_once(call, length, errors[e], &reached);
        }
    }
}

/* After a failed sync nobody knows what the device holds; a shorter batch at the same place must not bring half of it back. */
static void test_failed_sync_is_never_tried_again(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_journal_figures before, after;
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    append(&x->model, log, 1, 1, 83);
    assert_int_equal(commit(&x->model, log), 0);
    nika_journal_figures(log, &before);
    disk_faults_fail(x->faults, 2, 2, EIO); /* A write, then the sync. */
    append(&x->model, log, 1, 2, 83);
    append(&x->model, log, 1, 3, 83);
    assert_int_equal(commit(&x->model, log), EIO);
    append(&x->model, log, 1, 2, 83);
    assert_int_equal(commit(&x->model, log), 0);
    nika_journal_figures(log, &after);
    assert_int_equal(after.last, before.last + 1);
    nika_journal_close(log);
    log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
    recover(&x->model, log);
    check_found(&x->model);
    assert_int_equal(x->model.found_count, 2);
    nika_journal_close(log);
    end(x);
}

/* A new segment may be named on the disk though its making failed: the old one must not grow behind what the new one says of it. */
static void test_begun_segment_is_finished_first(void **state)
{
    (void)state;
    for (uint32_t call = 1; call <= 8; call++) {
        struct fixture *x = begin();
        struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
        append(&x->model, log, 1, 1, 3000);
        assert_int_equal(commit(&x->model, log), 0);
        disk_faults_fail(x->faults, call, call, EIO);
        append(&x->model, log, 1, 2,
               3000); /* Does not fit: open, write, sync, sync of the directory, identity. */
        bool failed = commit(&x->model, log) != 0;
        append(&x->model, log, 1, 3, 100); /* Fits. */
        assert_int_equal(commit(&x->model, log), 0);
        nika_journal_close(log);
        log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
        recover(&x->model, log);
        check_found(&x->model);
        assert_int_equal(x->model.found_count, failed ? 2 : 3);
        nika_journal_close(log);
        end(x);
    }
}

/* The same for a write that failed half way: a shorter batch behind it must not bring its rest back. */
static void test_failed_write_is_cut(void **state)
{
    (void)state;
    for (uint32_t cut_fails = 0; cut_fails < 2; cut_fails++) {
        struct fixture *x = begin();
        struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
        disk_faults_fail(x->faults, 1, 1 + cut_fails, ENOSPC); /* Half of: SYNCED, four records. */
        for (uint64_t i = 1; i <= 4; i++) append(&x->model, log, 1, i, 83);
        assert_int_equal(commit(&x->model, log), ENOSPC);
        append(&x->model, log, 1, 1, 83);
        assert_int_equal(commit(&x->model, log), 0);
        nika_journal_close(log);
        log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
        assert_string_equal(x->error.text, "");
        settle(x, log);
    }
}

/* A device without room. */
static void test_full_disk_is_reported(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    uint32_t failed = 0;
    work(&x->model, log, 1, 10, NULL);
    disk_faults_fail(x->faults, 1, 1000, ENOSPC);
    for (uint32_t i = 0; i < 5; i++) {
        append(&x->model, log, 1, 100 + i, 500);
        if (commit(&x->model, log) == ENOSPC) failed++;
    }
    assert_int_equal(failed, 5);
    disk_faults_fail(x->faults, 1, 0, 0);
    append(&x->model, log, 1, 200, 500);
    assert_int_equal(commit(&x->model, log), 0);
    nika_journal_close(log);
    log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
    settle(x, log);
}

/* ---- damage ---- */
static uint32_t file_size(const struct fixture *x, const char *name)
{
    struct stat info;
    assert_int_equal(fstatat(x->files.dir, name, &info, 0), 0);
    return (uint32_t)info.st_size;
}

static void flip(const struct fixture *x, const char *name, uint32_t offset)
{
    uint8_t byte;
    int file = openat(x->files.dir, name, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte = (uint8_t)(byte ^ 0x10);
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

static struct fixture *with_log(struct nika_journal_figures *figures)
{
    struct fixture *x = begin();
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    work(&x->model, log, 1, STEPS, NULL);
    nika_journal_figures(log, figures);
    nika_journal_close(log);
    assert_true(figures->last - figures->first >= 2);
    return x;
}

/* What is found after damage was written, in order; and damage stays known until the module has learned again. */
static void check_damaged(struct fixture *x, const char *file, const char *words)
{
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_DAMAGED, &x->error);
    if (strstr(x->error.text, file) == NULL || strstr(x->error.text, words) == NULL)
        print_error("not \"%s\" and \"%s\": %s\n", file, words, x->error.text);
    assert_non_null(strstr(x->error.text, file));
    assert_non_null(strstr(x->error.text, words));
    recover(&x->model, log);
    append(&x->model, log, 1, 900, 50);
    assert_int_equal(commit(&x->model, log), 0);
    uint32_t number = x->model.count - 1;
    nika_journal_close(log);
    log = open_as(x->files, NIKA_JOURNAL_DAMAGED, &x->error);
    assert_non_null(strstr(x->error.text, "forgotten"));
    recover(&x->model, log);
    assert_true(was_found(&x->model, number));
    assert_int_equal(nika_journal_remember(log), 0);
    nika_journal_close(log);
    log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
    recover(&x->model, log);
    assert_true(was_found(&x->model, number));
    nika_journal_close(log);
}

/* One flipped bit anywhere in what was acknowledged, be it the very last record. */
static void test_flipped_bit_is_damage(void **state)
{
    (void)state;
    for (uint32_t which = 0; which < 3; which++) {
        for (uint32_t part = 0; part < 12; part++) {
            struct nika_journal_figures figures;
            struct fixture *x = with_log(&figures);
            char name[NIKA_FILE_NAME_SIZE], where[64];
            uint64_t number = which == 0   ? figures.first
                              : which == 1 ? figures.first + 1
                                           : figures.last;
            nika_journal_name(number, name);
            uint32_t size = file_size(x, name);
            uint32_t offset = part == 11 ? size - 1 : (size - 1) / 11 * part;
            flip(x, name, offset);
            snprintf(where, sizeof where, "%s: offset ", name);
            check_damaged(x, where, offset < NIKA_HEAD_SIZE ? "head" : "bad record");
            end(x);
        }
    }
}

static void test_error_names_the_offset_of_the_bad_record(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    for (uint32_t i = 1; i <= 4; i++) {
        append(&x->model, log, 1, i, 83); /* 100 bytes on disk, with 17 of SYNCED before. */
        assert_int_equal(commit(&x->model, log), 0);
    }
    nika_journal_close(log);
    uint32_t third = NIKA_HEAD_SIZE + 2 * 117 + 17;
    char words[64];
    flip(x, "log-0000000001", third + 50);
    snprintf(words, sizeof words, "offset %u: bad record", third);
    check_damaged(x, "log-0000000001", words);
    end(x);
}

static void test_cut_and_missing_segments_are_damage(void **state)
{
    (void)state;
    for (uint32_t which = 0; which < 3; which++) {
        for (uint32_t cut = 0; cut < 4; cut++) {
            struct nika_journal_figures figures;
            struct fixture *x = with_log(&figures);
            char name[NIKA_FILE_NAME_SIZE];
            nika_journal_name(figures.first + (figures.last - figures.first) * which / 2, name);
            uint32_t size = file_size(x, name);
            if (cut == 0) {
                assert_int_equal(unlinkat(x->files.dir, name, 0), 0);
                check_damaged(x, name, "is missing");
            } else {
                int file = openat(x->files.dir, name, O_RDWR);
                uint32_t left = cut == 1 ? 0 : cut == 2 ? size / 2 : size - 1;
                assert_int_equal(ftruncate(file, left), 0);
                close(file);
                check_damaged(x, name, "offset");
            }
            end(x);
        }
    }
}

static void test_lost_small_files_are_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"identity", "mark"};
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t how = 0; how < 2; how++) {
            struct nika_journal_figures figures;
            struct fixture *x = with_log(&figures);
            if (how == 0)
                assert_int_equal(unlinkat(x->files.dir, names[i], 0), 0);
            else
                flip(x, names[i], 20);
            if (i == 1 && how == 1) {
                flip(x, names[i], NIKA_MARK_SECTOR + 20); /* One of two is enough. */
                check_damaged(x, "mark", "no intact mark");
            } else {
                check_damaged(x, names[i],
                              i == 1     ? "no intact mark"
                              : how == 0 ? "missing"
                                         : "damaged");
            }
            /* All records are still there; only that they are all is not certain. */
            check_found(&x->model);
            end(x);
        }
    }
}

/* The log is gone, the identity beside it is not: this replica has a past. */
static void test_lost_log_beside_identity_is_damage(void **state)
{
    (void)state;
    struct nika_journal_figures figures;
    struct fixture *x = with_log(&figures);
    for (uint64_t number = figures.first; number <= figures.last; number++) {
        char name[NIKA_FILE_NAME_SIZE];
        nika_journal_name(number, name);
        assert_int_equal(unlinkat(x->files.dir, name, 0), 0);
    }
    check_damaged(x, "log-", "is missing");
    assert_int_equal(x->model.found_count, 1);
    end(x);
}

/* Garbage behind the mark was never acknowledged: cut, and not damage, whatever it looks like. */
static void test_torn_tail_is_cut(void **state)
{
    (void)state;
    for (uint32_t size = 1; size < 2000; size = size * 3 + 1) {
        struct nika_journal_figures figures;
        struct fixture *x = with_log(&figures);
        char name[NIKA_FILE_NAME_SIZE];
        uint8_t garbage[2000];
        nika_journal_name(figures.last, name);
        uint32_t end_before = file_size(x, name);
        for (uint32_t i = 0; i < size; i++) garbage[i] = size % 2 == 0 ? 0 : fill(size, i);
        int file = openat(x->files.dir, name, O_RDWR);
        assert_int_equal(pwrite(file, garbage, size, end_before), size);
        close(file);
        struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_GOOD, &x->error);
        assert_non_null(strstr(x->error.text, "torn tail"));
        assert_int_equal(file_size(x, name), end_before);
        settle(x, log);
    }
}

/* The marks are behind, as after a loss of power, and a bit flips in an older batch: the batches behind prove that it was durable. */
static void test_later_batch_proves_damage(void **state)
{
    (void)state;
    struct fixture *x = begin();
    uint8_t marks[2 * NIKA_MARK_SECTOR] = {0};
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    int file = openat(x->files.dir, "mark", O_RDWR);
    ssize_t size = pread(file, marks, sizeof marks, 0);
    assert_true(size > 0);
    for (uint32_t i = 1; i <= 6; i++) {
        append(&x->model, log, 1, i, 83);
        assert_int_equal(commit(&x->model, log), 0);
    }
    nika_journal_close(log);
    assert_int_equal(ftruncate(file, 0), 0);
    assert_int_equal(pwrite(file, marks, (size_t)size, 0), size);
    close(file);
    flip(x, "log-0000000001", NIKA_HEAD_SIZE + 117 + 60);
    check_damaged(x, "log-0000000001", "is intact and newer");
    end(x);
}

/* ---- whose directory ---- */
static void test_foreign_directory_is_refused(void **state)
{
    (void)state;
    struct nika_journal_figures figures;
    struct fixture *x = with_log(&figures);
    for (uint32_t i = 0; i < 3; i++) {
        struct nika_journal_options options = options_for(x->files);
        struct nika_journal *log;
        enum nika_journal_state found;
        if (i == 0) options.identity.replica = 3;
        if (i == 1) options.identity.group_id.bytes[31] ^= 1;
        if (i == 2) options.identity.protocol = 9;
        assert_int_equal(nika_journal_open(&options, &log, &found, &x->error), NIKA_ERR_CONFIG);
        assert_null(log);
        assert_non_null(strstr(x->error.text, "identity: belongs to replica 2 of group 5a5a5a5a"));
    }
    /* The same without the identity file: each segment says whose it is. */
    assert_int_equal(unlinkat(x->files.dir, "identity", 0), 0);
    struct nika_journal_options options = options_for(x->files);
    struct nika_journal *log;
    enum nika_journal_state found;
    options.identity.replica = 3;
    assert_int_equal(nika_journal_open(&options, &log, &found, &x->error), NIKA_ERR_CONFIG);
    /* Nothing was touched: its owner finds it whole but for the file that we took. */
    check_damaged(x, "identity", "is missing");
    check_found(&x->model);
    end(x);
}

static void test_other_version_is_refused(void **state)
{
    (void)state;
    struct nika_journal_figures figures;
    struct fixture *x = with_log(&figures);
    uint8_t bytes[64], payload[64] = "NIKADIR\n";
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    payload[8] = NIKA_DIRECTORY_VERSION + 1;
    nika_wal_write(&w, NIKA_KIND_MANIFEST, 0, (struct nika_span){payload, 30});
    int file = openat(x->files.dir, "identity", O_RDWR | O_TRUNC);
    assert_int_equal(write(file, bytes, w.at), w.at);
    close(file);
    struct nika_journal_options options = options_for(x->files);
    struct nika_journal *log;
    enum nika_journal_state found;
    assert_int_equal(nika_journal_open(&options, &log, &found, &x->error), NIKA_ERR_VERSION);
    assert_non_null(strstr(x->error.text, "identity: written by another version"));
    end(x);
}

static void test_large_records(void **state)
{
    (void)state;
    struct fixture *x = begin();
    struct nika_journal *log = open_as(x->files, NIKA_JOURNAL_NEW, &x->error);
    uint8_t small = 7;
    uint8_t *large = calloc(1, NIKA_JOURNAL_RECORD_MAX + 1);
    assert_non_null(large);
    assert_int_equal(
        nika_journal_append(log, 1, 1, (struct nika_span){large, NIKA_JOURNAL_RECORD_MAX + 1}),
        EMSGSIZE);
    assert_int_equal(nika_journal_pending(log), 0);
    assert_int_equal(nika_journal_append(log, 1, 1, (struct nika_span){&small, 1}), 0);
    assert_int_equal(nika_journal_commit(log), 0);
    assert_int_equal(nika_journal_append(log, NIKA_RECORD_LATEST | 1, 1,
                                         (struct nika_span){large, NIKA_JOURNAL_RECORD_MAX}),
                     0);
    assert_int_equal(nika_journal_commit(log), 0);
    /* It is carried on as any other. */
    for (uint64_t i = 2; i < 40; i++) {
        assert_int_equal(nika_journal_append(log, 1, i, (struct nika_span){large, 1000}), 0);
        assert_int_equal(nika_journal_trim(log, i - 1), 0);
        assert_int_equal(nika_journal_commit(log), 0);
    }
    struct nika_journal_figures figures;
    nika_journal_figures(log, &figures);
    assert_true(figures.first > 2);
    nika_journal_close(log);
    struct nika_journal_survey survey;
    assert_int_equal(nika_journal_survey(&x->files, NULL, &survey, &x->error), NIKA_OK);
    assert_int_equal(survey.state, NIKA_JOURNAL_GOOD);
    assert_int_equal(survey.index.newest[1].size, NIKA_JOURNAL_RECORD_MAX + NIKA_WAL_OVERHEAD + 9);
    nika_journal_survey_free(&survey);
    free(large);
    end(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_come_back_in_order),
        cmocka_unit_test(test_commit_is_for_all),
        cmocka_unit_test(test_every_crash_keeps_what_was_acknowledged),
        cmocka_unit_test(test_crash_while_recovering),
        cmocka_unit_test(test_failed_commit_leaves_nothing),
        cmocka_unit_test(test_failed_sync_is_never_tried_again),
        cmocka_unit_test(test_begun_segment_is_finished_first),
        cmocka_unit_test(test_failed_write_is_cut),
        cmocka_unit_test(test_full_disk_is_reported),
        cmocka_unit_test(test_flipped_bit_is_damage),
        cmocka_unit_test(test_error_names_the_offset_of_the_bad_record),
        cmocka_unit_test(test_cut_and_missing_segments_are_damage),
        cmocka_unit_test(test_lost_small_files_are_damage),
        cmocka_unit_test(test_lost_log_beside_identity_is_damage),
        cmocka_unit_test(test_torn_tail_is_cut),
        cmocka_unit_test(test_later_batch_proves_damage),
        cmocka_unit_test(test_foreign_directory_is_refused),
        cmocka_unit_test(test_other_version_is_refused),
        cmocka_unit_test(test_large_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
