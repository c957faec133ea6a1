/* tests/engine/shim/test_tss_vault.c: the durable trusted instance: what it refuses to start on, that it survives a stop at every step, and
 * that with an anchor no choice of old files makes it bind a value twice. */
#include "tests/engine/shim/tss_fixture.h"

#include <errno.h>
#include <sys/wait.h>

#include "engine/shim/tss_pair.h"
#include "engine/shim/tss_server.h"

static char dir[64];
static struct tss_steps steps;
static struct tss_memory_anchor anchor_state;
static struct nika_tss_anchor anchor;
static struct nika_disk_store_error error;

static struct nika_tss_vault_options options(bool anchored)
{
    anchor_state.steps = &steps;
    anchor = (struct nika_tss_anchor){&anchor_state, tss_anchor_read, tss_anchor_step};
    return (struct nika_tss_vault_options){.dir = dir,
                                           .secret = tss_secret,
                                           .anchor = anchored ? &anchor : NULL,
                                           .file_ops = &tss_files,
                                           .file_context = &steps};
}
static void make(bool anchored)
{
    struct nika_tss_vault_options o = options(anchored);
    struct nika_tss_identity id = tss_identity(1);
    steps = (struct tss_steps){0};
    anchor_state.value = 40;
    disk_faults_folder(dir);
    assert_int_equal(nika_tss_vault_make(&o, &id, &error), NIKA_OK);
}
static struct nika_tss_vault *open_vault(bool anchored)
{
    struct nika_tss_vault_options o = options(anchored);
    struct nika_tss_vault *v = NULL;
    memset(&error, 0, sizeof error);
    if (nika_tss_vault_open(&o, &v, &error) != NIKA_OK) fail_msg("%s", error.text);
    return v;
}
static void assert_refused(const struct nika_tss_vault_options *o, enum nika_err expected,
                           const char *words)
{
    struct nika_tss_vault *v = NULL;
    memset(&error, 0, sizeof error);
    assert_int_equal(nika_tss_vault_open(o, &v, &error), expected);
    assert_null(v);
    if (strstr(error.text, words) == NULL) fail_msg("\"%s\" is not in \"%s\"", words, error.text);
}
static enum nika_err use(struct nika_tss_vault *v, uint32_t counter, uint64_t order,
                         uint8_t content, struct nika_trusted_certificate *out)
{
    struct nika_digest d = tss_digest(content);
    return nika_tss_vault_certify(v, NIKA_TRUSTED_INDEPENDENT, counter, tss_value(0, order), &d,
                                  out);
}
static void must(struct nika_tss_vault *v, uint32_t counter, uint64_t order)
{
    struct nika_trusted_certificate c;
    assert_int_equal(use(v, counter, order, (uint8_t)order, &c), NIKA_OK);
}
static void end(void)
{
    disk_faults_remove_tree(dir);
}

static void test_what_was_answered_is_there_after_a_restart(void **state)
{
    (void)state;
    struct nika_trusted_certificate c, again;
    struct nika_digest d = tss_digest(7), back;
    struct nika_trusted_value value;
    uint64_t epoch;
    make(false);
    struct nika_tss_vault *v = open_vault(false);
    must(v, 0, 3);
    must(v, 5, 9);
    assert_int_equal(nika_tss_vault_certify(v, NIKA_TRUSTED_CONTINUING, 5, tss_value(2, 0), &d, &c),
                     NIKA_OK);
    assert_int_equal(c.previous.order, 9);
    nika_tss_vault_close(v);
    v = open_vault(false);
    assert_int_equal(nika_tss_vault_read(v, 5, &value, &epoch), NIKA_OK);
    assert_int_equal(value.view, 2);
    assert_int_equal(epoch, 1);
    assert_int_equal(nika_tss_vault_reissue(v, 5, &again, &back), NIKA_OK);
    assert_memory_equal(&back, &d, sizeof d);
    assert_memory_equal(again.mac, c.mac, sizeof c.mac);
    assert_true(nika_tss_vault_verify(v, &again, &d));
    assert_int_equal(nika_tss_vault_reissue(v, 4, &again, &back), NIKA_ERR_NOT_FOUND);
    assert_int_equal(use(v, 0, 3, 1, &c), NIKA_ERR_CONFIG);
    nika_tss_vault_close(v);
    end();
}

/* Together they cost one step of the disk; one that is refused takes no other with it. */
static void test_many_certificates_are_one_step(void **state)
{
    (void)state;
    struct nika_tss_wish wishes[5];
    make(false);
    struct nika_tss_vault *v = open_vault(false);
    must(v, 0, 2);
    uint64_t before = nika_tss_vault_state(v)->sequence;
    for (uint32_t i = 0; i < ARRAY_COUNT(wishes); i++)
        wishes[i] = (struct nika_tss_wish){.kind = NIKA_TRUSTED_INDEPENDENT,
                                           .counter = i == 4 ? 1u : 0u,
                                           .value = tss_value(0, i == 2 ? 2 : 3 + i),
                                           .digest = tss_digest((uint8_t)i)};
    nika_tss_vault_certify_all(v, wishes, ARRAY_COUNT(wishes));
    assert_int_equal(nika_tss_vault_state(v)->sequence, before + 1);
    for (uint32_t i = 0; i < ARRAY_COUNT(wishes); i++) {
        assert_int_equal(wishes[i].err, i == 2 ? NIKA_ERR_CONFIG : NIKA_OK);
        assert_int_equal(nika_tss_vault_verify(v, &wishes[i].certificate, &wishes[i].digest),
                         i != 2);
    }
    nika_tss_vault_close(v);
    v = open_vault(false);
    struct nika_trusted_certificate again;
    struct nika_digest back;
    assert_int_equal(nika_tss_vault_reissue(v, 0, &again, &back), NIKA_OK);
    assert_int_equal(again.value.order, 6);
    assert_memory_equal(&back, &wishes[3].digest, sizeof back);
    nika_tss_vault_close(v);
    end();
}

/* ---- what it does not start on ---- */
static void test_a_second_process_and_a_second_init_are_refused(void **state)
{
    (void)state;
    make(false);
    struct nika_tss_vault_options o = options(false);
    struct nika_tss_identity id = tss_identity(1);
    struct nika_tss_vault *v = open_vault(false);
    assert_refused(&o, NIKA_ERR_IO, "another process serves this instance");
    assert_int_equal(nika_tss_vault_make(&o, &id, &error), NIKA_ERR_CONFIG);
    assert_non_null(strstr(error.text, "never set back"));
    nika_tss_vault_close(v);
    nika_tss_vault_close(open_vault(false));
    end();
}

static void test_a_foreign_key_a_missing_file_and_an_open_door_are_refused(void **state)
{
    (void)state;
    char path[128];
    make(false);
    struct nika_tss_vault_options o = options(false);
    o.secret = tss_other_secret;
    assert_refused(&o, NIKA_ERR_CONFIG, "foreign");
    o = options(false);
    o.dir = "/nonexistent/tss";
    assert_refused(&o, NIKA_ERR_IO, "--init");
    o = options(false);
    assert_int_equal(chmod(dir, 0750), 0);
    assert_refused(&o, NIKA_ERR_CONFIG, "expected 0700");
    assert_int_equal(chmod(dir, 0700), 0);
    for (uint32_t i = 0; i < 2; i++) {
        tss_path(path, dir, i);
        assert_int_equal(chmod(path, 0644), 0);
        assert_refused(&o, NIKA_ERR_CONFIG, "0600");
        assert_int_equal(chmod(path, 0600), 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        char aside[140];
        tss_path(path, dir, i);
        snprintf(aside, sizeof aside, "%s.away", path);
        assert_int_equal(rename(path, aside), 0);
        assert_refused(&o, NIKA_ERR_CONFIG, "is missing");
        assert_int_equal(rename(aside, path), 0);
    }
    nika_tss_vault_close(open_vault(false));
    end();
}

/* A byte of an image, in one half of a file or in both (half 2). */
static void flip(uint32_t which, uint32_t half, uint32_t at)
{
    static uint8_t bytes[NIKA_TSS_FILE_SIZE];
    tss_copy_file(dir, which, bytes, false);
    for (uint32_t i = 0; i < 2; i++)
        if (half == 2 || half == i) bytes[i * NIKA_TSS_STATE_MAX + at] ^= 1;
    tss_copy_file(dir, which, bytes, true);
}

static void test_one_damaged_file_is_mended_and_two_are_refused(void **state)
{
    (void)state;
    static const uint32_t places[] = {0, 8, 20, 60, 90};
    static struct tss_copy whole;
    make(false);
    struct nika_tss_vault *v = open_vault(false);
    must(v, 0, 3);
    must(v, 0, 4);
    nika_tss_vault_close(v);
    tss_save(dir, &whole);
    for (uint32_t k = 0; k < ARRAY_COUNT(places); k++) {
        for (uint32_t i = 0; i < 2; i++) {
            struct nika_trusted_certificate c;
            flip(i, 2, places[k]);
            v = open_vault(false);
            assert_int_equal(use(v, 0, 4, 1, &c), NIKA_ERR_CONFIG);
            nika_tss_vault_close(v);
            /* It is whole again: the other one may be damaged now. */
            flip(1 - i, 2, places[k]);
            v = open_vault(false);
            assert_int_equal(use(v, 0, 4, 1, &c), NIKA_ERR_CONFIG);
            nika_tss_vault_close(v);
            tss_put_back(dir, &whole);
        }
        flip(0, 2, places[k]);
        flip(1, 2, places[k]);
        struct nika_tss_vault_options o = options(false);
        assert_refused(&o, NIKA_ERR_CONFIG, "both torn");
        tss_put_back(dir, &whole);
    }
    flip(0, 2, 7);
    struct nika_tss_vault_options o = options(false);
    assert_refused(&o, NIKA_ERR_VERSION, "another version");
    end();
}

/* On the real file system a thread of its own syncs the second file, also when the process is confined; each file's error counts. */
static void test_both_files_have_each_step_in_confinement(void **state)
{
    (void)state;
    static struct tss_copy files;
    int status = 0;
    make(false);
    pid_t child = fork();
    if (child == 0) {
        struct nika_tss_vault_options o = options(false);
        struct nika_tss_vault *v = NULL;
        struct nika_trusted_certificate c;
        bool locked;
        o.file_ops = NULL;
        if (nika_tss_vault_open(&o, &v, NULL) != NIKA_OK) _exit(1);
        if (!nika_tss_seal_memory(&locked) || nika_tss_confine() != 0) _exit(2);
        for (uint64_t i = 1; i <= 20; i++)
            if (use(v, 0, i, 1, &c) != NIKA_OK) _exit(3);
        nika_tss_vault_close(v);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    tss_save(dir, &files);
    assert_memory_equal(files.bytes[0], files.bytes[1], sizeof files.bytes[0]);
    struct nika_tss_vault *v = open_vault(false);
    struct nika_trusted_certificate c;
    assert_int_equal(use(v, 0, 20, 2, &c), NIKA_ERR_CONFIG);
    nika_tss_vault_close(v);
    struct nika_tss_pair *pair = nika_tss_pair_new();
    char path[128];
    tss_path(path, dir, 0);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_non_null(pair);
    assert_int_equal(nika_tss_pair_sync(pair, fileno(file), fileno(file)), 0);
    assert_int_equal(nika_tss_pair_sync(pair, fileno(file), -1), EBADF);
    assert_int_equal(nika_tss_pair_sync(pair, -1, fileno(file)), EBADF);
    assert_int_equal(nika_tss_pair_sync(pair, fileno(file), fileno(file)), 0);
    nika_tss_pair_free(pair);
    assert_int_equal(fclose(file), 0);
    end();
}

/* Both files are written at the same time, so a machine that stops may tear both: neither holds what was answered before in that half. */
static void test_a_step_torn_in_both_files_leaves_the_one_before(void **state)
{
    (void)state;
    static struct tss_copy before, after;
    struct nika_trusted_certificate c;
    struct nika_trusted_value value;
    uint64_t epoch;
    make(false);
    struct nika_tss_vault *v = open_vault(false);
    must(v, 0, 3);
    must(v, 0, 4);
    tss_save(dir, &before);
    must(v, 0, 5);
    uint32_t half = (uint32_t)(nika_tss_vault_state(v)->sequence % 2);
    nika_tss_vault_close(v);
    tss_save(dir, &after);
    for (uint32_t i = 0; i < 2; i++)
        assert_memory_equal(before.bytes[i] + (1 - half) * NIKA_TSS_STATE_MAX,
                            after.bytes[i] + (1 - half) * NIKA_TSS_STATE_MAX, NIKA_TSS_STATE_MAX);
    flip(0, half, 90);
    v = open_vault(false); /* Torn in one: the other one has it. */
    assert_int_equal(use(v, 0, 5, 9, &c), NIKA_ERR_CONFIG);
    nika_tss_vault_close(v);
    flip(0, half, 90);
    flip(1, half, 90);
    v = open_vault(false);
    assert_int_equal(nika_tss_vault_read(v, 0, &value, &epoch), NIKA_OK);
    assert_int_equal(value.order, 4);
    must(v, 0, 5);
    nika_tss_vault_close(v);
    end();
}

static void test_a_rollback_of_one_file_is_seen(void **state)
{
    (void)state;
    static struct tss_copy old, new;
    make(false);
    struct nika_tss_vault_options o = options(false);
    struct nika_tss_vault *v = open_vault(false);
    must(v, 0, 1);
    tss_save(dir, &old);
    must(v, 0, 2);
    must(v, 0, 3);
    nika_tss_vault_close(v);
    tss_save(dir, &new);
    for (uint32_t i = 0; i < 2; i++) {
        tss_copy_file(dir, i, old.bytes[i], true);
        assert_refused(&o, NIKA_ERR_CONFIG, "ROLLBACK");
        tss_copy_file(dir, i, new.bytes[i], true);
    }
    nika_tss_vault_close(open_vault(false));
    end();
}

static void test_two_lives_of_one_instance_are_not_mixed(void **state)
{
    (void)state;
    static struct tss_copy first, start;
    struct nika_trusted_certificate c;
    make(false);
    tss_save(dir, &start);
    struct nika_tss_vault *v = open_vault(false);
    assert_int_equal(use(v, 0, 1, 1, &c), NIKA_OK);
    nika_tss_vault_close(v);
    tss_save(dir, &first);
    tss_put_back(dir, &start);
    v = open_vault(false);
    assert_int_equal(use(v, 0, 1, 2, &c), NIKA_OK);
    nika_tss_vault_close(v);
    tss_copy_file(dir, 0, first.bytes[0], true);
    struct nika_tss_vault_options o = options(false);
    assert_refused(&o, NIKA_ERR_CONFIG, "another life");
    end();
}

static void test_with_an_anchor_a_rollback_of_both_files_is_seen(void **state)
{
    (void)state;
    static struct tss_copy old;
    make(true);
    struct nika_tss_vault_options o = options(true), bare = options(false);
    struct nika_tss_vault *v = open_vault(true);
    must(v, 0, 1);
    tss_save(dir, &old);
    must(v, 0, 2);
    nika_tss_vault_close(v);
    assert_refused(&bare, NIKA_ERR_CONFIG, "--tpm");
    nika_tss_vault_close(open_vault(true));
    tss_put_back(dir, &old);
    assert_refused(&o, NIKA_ERR_CONFIG, "ROLLBACK");
    end();
    make(false);
    assert_refused(&o, NIKA_ERR_CONFIG, "no --tpm");
    end();
}

/* ---- stops ---- */
/* A vault that stops in its k-th step, for every k: what was answered stays, what was not is either whole or not there. */
static void stop_at_every_step(bool anchored)
{
    bool stopped = true;
    uint32_t k = 1;
    for (; stopped; k++) {
        struct nika_trusted_certificate c, again;
        struct nika_digest d;
        struct nika_trusted_value value;
        uint64_t epoch, answered = 0, asked = 0;
        make(anchored);
        struct nika_tss_vault_options o = options(anchored);
        struct nika_tss_vault *v = NULL;
        steps = (struct tss_steps){.fail_at = k};
        stopped = nika_tss_vault_open(&o, &v, &error) != NIKA_OK;
        while (!stopped && asked < 4) {
            asked++;
            stopped = use(v, 0, asked, (uint8_t)asked, &c) != NIKA_OK;
            if (!stopped) answered = asked;
            if (!stopped) continue;
            /* Fail stop: a broken vault says nothing more, not even what it knows. */
            assert_non_null(nika_tss_vault_broken(v));
            steps.fail_at = 0;
            assert_int_equal(use(v, 0, 99, 1, &c), NIKA_ERR_IO);
            assert_int_equal(nika_tss_vault_read(v, 0, &value, &epoch), NIKA_ERR_IO);
        }
        nika_tss_vault_close(v);
        steps = (struct tss_steps){0};
        v = open_vault(anchored);
        assert_int_equal(nika_tss_vault_read(v, 0, &value, &epoch), NIKA_OK);
        assert_true(value.order == answered || value.order == asked);
        if (value.order > 0) {
            assert_int_equal(nika_tss_vault_reissue(v, 0, &again, &d), NIKA_OK);
            assert_int_equal(d.bytes[0], value.order);
            assert_int_equal(use(v, 0, value.order, 77, &c), NIKA_ERR_CONFIG);
        }
        must(v, 0, value.order + 1);
        nika_tss_vault_close(v);
        end();
    }
    assert_true(k >
                (anchored ? 20 : 16)); /* Four steps of the disk for each of four certificates. */
}
static void test_a_stop_at_every_step_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    stop_at_every_step(false);
    stop_at_every_step(true);
}

/* The same with a machine that stops: torn, reordered and lost writes. */
static void test_a_power_cut_at_every_call_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    uint32_t cuts = 0;
    for (uint32_t kind = 0; kind < CRASH_KINDS; kind++) {
        bool stopped = true;
        for (uint32_t k = 1; stopped; k++) {
            struct nika_trusted_certificate c;
            struct nika_trusted_value value;
            uint64_t epoch, answered = 0, asked = 0;
            struct nika_tss_identity id = tss_identity(0);
            struct nika_tss_vault *v = NULL;
            disk_faults_folder(dir);
            struct disk_faults *disk = disk_faults_new(dir);
            struct nika_files files = disk_faults_files(disk);
            struct nika_tss_vault_options o = options(false);
            o.file_ops = files.ops;
            o.file_context = files.context;
            assert_int_equal(nika_tss_vault_make(&o, &id, &error), NIKA_OK);
            assert_int_equal(nika_tss_vault_open(&o, &v, &error), NIKA_OK);
            disk_faults_crash_at(disk, k);
            while (asked < 3) {
                asked++;
                if (use(v, 0, asked, (uint8_t)asked, &c) != NIKA_OK) break;
                answered = asked;
            }
            stopped = disk_faults_crashed(disk);
            disk_faults_crash_at(disk, 0);
            cuts += stopped;
            nika_tss_vault_close(v);
            if (stopped) disk_faults_restart(disk, (enum crash_kind)kind);
            v = NULL;
            if (nika_tss_vault_open(&o, &v, &error) != NIKA_OK)
                fail_msg("cut %u, kind %u: %s", k, kind, error.text);
            assert_int_equal(nika_tss_vault_read(v, 0, &value, &epoch), NIKA_OK);
            assert_true(value.order == answered || value.order == asked);
            nika_tss_vault_close(v);
            disk_faults_free(disk);
            end();
        }
    }
    assert_true(cuts >= CRASH_KINDS * 12);
}

/* ---- the anchor's rule ---- */
/* Whoever owns the disk chooses which files of the past are there at each start, mixes them, and stops the process in any step. No value may
 * ever be answered with two digests. */
#define POOL 96u
static void test_no_choice_of_old_files_binds_a_value_twice(void **state)
{
    (void)state;
    static struct tss_copy pool[POOL];
    static uint8_t bound[16384];
    uint32_t count = 0, answered = 0, refused = 0, stopped = 0;
    uint64_t random = 88172645463325252u;
    make(true);
    tss_save(dir, &pool[count++]);
    for (uint32_t round = 0; round < 6000; round++) {
        struct nika_tss_vault_options o = options(true);
        struct nika_tss_vault *v = NULL;
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        uint64_t dice = random;
        /* Mostly of the newest few, or nothing would ever be accepted. */
        uint32_t far = (dice & 7u) == 0 ? count : (dice & 7u) < 3 && count > 3 ? 3 : 1;
        struct tss_copy *a = &pool[count - 1 - (dice >> 8) % far];
        struct tss_copy *b = (dice & 0x30u) == 0 ? &pool[count - 1 - (dice >> 16) % far] : a;
        tss_copy_file(dir, 0, a->bytes[0], true);
        tss_copy_file(dir, 1, b->bytes[1], true);
        steps = (struct tss_steps){.fail_at = (dice >> 24) % 4 == 0 ? 0 : 1 + (dice >> 32) % 16};
        if (nika_tss_vault_open(&o, &v, &error) == NIKA_OK) {
            struct nika_trusted_value value;
            uint64_t epoch;
            for (uint32_t i = 0; i < 2; i++) {
                struct nika_trusted_certificate c;
                struct nika_digest d;
                uint8_t content = (uint8_t)(1 + ((dice >> (40 + i)) & 1u));
                if (nika_tss_vault_read(v, 0, &value, &epoch) != NIKA_OK) break;
                enum nika_err err = use(v, 0, value.order + 1, content, &c);
                /* What was certified but not answered comes out by reissue. */
                if (err != NIKA_OK || nika_tss_vault_reissue(v, 0, &c, &d) != NIKA_OK) break;
                assert_true(c.value.order < sizeof bound);
                if (bound[c.value.order] != 0 && bound[c.value.order] != d.bytes[0])
                    fail_msg("round %u: value %u is bound twice", round, (unsigned)c.value.order);
                bound[c.value.order] = d.bytes[0];
                answered++;
            }
            struct nika_trusted_certificate c;
            struct nika_digest d;
            if (nika_tss_vault_reissue(v, 0, &c, &d) == NIKA_OK) {
                if (bound[c.value.order] != 0 && bound[c.value.order] != d.bytes[0])
                    fail_msg("round %u: value %u is reissued otherwise", round,
                             (unsigned)c.value.order);
                bound[c.value.order] = d.bytes[0];
            }
        }
        bool cut = steps.fail_at != 0 && steps.done >= steps.fail_at;
        refused += v == NULL && !cut;
        stopped += cut;
        bool written = v != NULL || cut;
        nika_tss_vault_close(v);
        steps = (struct tss_steps){0};
        if (!written) continue;
        if (count == POOL) {
            memmove(&pool[0], &pool[POOL / 2], sizeof pool / 2);
            count = POOL / 2;
        }
        tss_save(dir, &pool[count++]);
    }
    assert_true(answered > 300);
    assert_true(refused > 300);
    assert_true(stopped > 300);
    end();
}

static void test_bad_identities_are_refused(void **state)
{
    (void)state;
    struct nika_tss_vault_options o = options(false);
    struct nika_tss_identity bad[5];
    disk_faults_folder(dir);
    for (uint32_t i = 0; i < 5; i++) bad[i] = tss_identity(1);
    bad[0].instance = 3;
    bad[1].group = 0;
    bad[2].group = NIKA_REPLICAS_MAX + 1;
    bad[3].counters = NIKA_TRUSTED_COUNTERS_MAX + 1;
    bad[4].epochs[1] = 0;
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(nika_tss_vault_make(&o, &bad[i], &error), NIKA_ERR_CONFIG);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_answered_is_there_after_a_restart),
        cmocka_unit_test(test_many_certificates_are_one_step),
        cmocka_unit_test(test_a_second_process_and_a_second_init_are_refused),
        cmocka_unit_test(test_a_foreign_key_a_missing_file_and_an_open_door_are_refused),
        cmocka_unit_test(test_one_damaged_file_is_mended_and_two_are_refused),
        cmocka_unit_test(test_both_files_have_each_step_in_confinement),
        cmocka_unit_test(test_a_step_torn_in_both_files_leaves_the_one_before),
        cmocka_unit_test(test_a_rollback_of_one_file_is_seen),
        cmocka_unit_test(test_two_lives_of_one_instance_are_not_mixed),
        cmocka_unit_test(test_with_an_anchor_a_rollback_of_both_files_is_seen),
        cmocka_unit_test(test_a_stop_at_every_step_loses_nothing_that_was_answered),
        cmocka_unit_test(test_a_power_cut_at_every_call_loses_nothing_that_was_answered),
        cmocka_unit_test(test_no_choice_of_old_files_binds_a_value_twice),
        cmocka_unit_test(test_bad_identities_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
