/* tests/engine/shim/test_tss_conformance.c: one suite for every backend of the trusted subsystem (PROTOCOLS.md 2.8).
 *
 * Usage: test_shim_tss_conformance BACKEND, one of
 *   software  an instance in the memory of whoever owns it: the world of the simulator, whom no crash touches (TS2)
 *   vault     the same with its two files, in this process; a restart opens them again
 *   process   the vault in a confined process behind its socket; a restart is kill -9 and a new process
 *   tpm       the same, anchored in a counter of a TPM in software; exit 77 when there is none */
#include "tests/engine/shim/soft_tpm.h"
#include "tests/engine/shim/tss_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "engine/shim/log.h"
#include "engine/shim/tss_client.h"
#include "engine/shim/tss_server.h"

enum backend { SOFTWARE, VAULT, PROCESS, TPM };
static enum backend backend;
static const char *const names[] = {"software", "vault", "process", "tpm"};

static char dir[64], socket_path[96];
static const struct nika_trusted_ops *ops;
static void *world;
static struct nika_disk_store_error error;

/* ---- backends ---- */
static struct nika_trusted_instance instance;
static struct nika_trusted_key *key;
static const uint64_t epochs[3] = {1, 1, 1};

static enum nika_err software_certify(void *w, uint32_t self, enum nika_trusted_kind kind,
                                      uint32_t counter, struct nika_trusted_value value,
                                      const struct nika_digest *digest,
                                      struct nika_trusted_certificate *out)
{
    (void)w;
    (void)self;
    return nika_trusted_certify(&instance, key, kind, counter, value, digest, out);
}
static bool software_verify(void *w, uint32_t self, const struct nika_trusted_certificate *c,
                            const struct nika_digest *digest)
{
    (void)w;
    (void)self;
    return nika_trusted_verify(key, epochs, 3, c, digest);
}
static enum nika_err software_read(void *w, uint32_t self, uint32_t counter,
                                   struct nika_trusted_value *value, uint64_t *epoch)
{
    (void)w;
    (void)self;
    return nika_trusted_read(&instance, counter, value, epoch);
}
static enum nika_err software_reissue(void *w, uint32_t self, uint32_t counter,
                                      struct nika_trusted_certificate *out,
                                      struct nika_digest *digest)
{
    (void)w;
    (void)self;
    return nika_trusted_reissue(&instance, counter, out, digest);
}
static const struct nika_trusted_ops software_ops = {software_certify, software_verify,
                                                     software_read, software_reissue};

static enum nika_err vault_certify(void *w, uint32_t self, enum nika_trusted_kind kind,
                                   uint32_t counter, struct nika_trusted_value value,
                                   const struct nika_digest *digest,
                                   struct nika_trusted_certificate *out)
{
    (void)self;
    return nika_tss_vault_certify(w, kind, counter, value, digest, out);
}
static bool vault_verify(void *w, uint32_t self, const struct nika_trusted_certificate *c,
                         const struct nika_digest *digest)
{
    (void)self;
    return nika_tss_vault_verify(w, c, digest);
}
static enum nika_err vault_read(void *w, uint32_t self, uint32_t counter,
                                struct nika_trusted_value *value, uint64_t *epoch)
{
    (void)self;
    return nika_tss_vault_read(w, counter, value, epoch);
}
static enum nika_err vault_reissue(void *w, uint32_t self, uint32_t counter,
                                   struct nika_trusted_certificate *out, struct nika_digest *digest)
{
    (void)self;
    return nika_tss_vault_reissue(w, counter, out, digest);
}
static const struct nika_trusted_ops vault_ops = {vault_certify, vault_verify, vault_read,
                                                  vault_reissue};

static struct nika_tss_vault_options vault_options(struct tss_steps *steps)
{
    return (struct nika_tss_vault_options){
        .dir = dir, .secret = tss_secret, .file_ops = &tss_files, .file_context = steps};
}
static struct tss_steps steps; /* Of the vault in this process. */
static pid_t process;
static struct soft_tpm soft_tpm = {.terminal = -1, .keep = -1};

static void kill_myself(void)
{
    (void)raise(SIGKILL);
}

/* The trusted process: serves until it is killed. `fail_at`: it is killed in this step. */
static void be_the_process(int listener, uint32_t fail_at)
{
    struct tss_steps mine = {.fail_at = fail_at, .stop = fail_at != 0 ? kill_myself : NULL};
    struct nika_tss_vault_options o = vault_options(&mine);
    struct nika_tss_vault *v = NULL;
    bool locked;
    struct nika_log *log = nika_log_open("/dev/null", NIKA_LOG_ERROR);
    int stop[2];
    uint32_t uid = (uint32_t)geteuid(); /* Confined it may not even ask. */
    if (log == NULL || pipe(stop) != 0 || !nika_tss_seal_memory(&locked)) _exit(10);
    struct nika_tss_tpm *tpm = NULL;
    struct nika_tss_anchor anchor;
    if (backend == TPM) {
        if (nika_tss_tpm_open(soft_tpm.tcti, NIKA_TSS_TPM_INDEX, false, &tpm, NULL) != NIKA_OK)
            _exit(14);
        anchor = nika_tss_tpm_anchor(tpm);
        o.anchor = &anchor;
    }
    if (nika_tss_vault_open(&o, &v, NULL) != NIKA_OK) _exit(11);
    /* Nor kill itself. */
    if (fail_at == 0 && nika_tss_confine() != 0) _exit(12);
    _exit(nika_tss_serve(v, listener, stop[0], uid, log) == NIKA_OK ? 0 : 13);
}

static enum nika_err connect_as(uint32_t id, uint64_t epoch, uint32_t timeout_ms,
                                struct nika_tss_client **out)
{
    struct nika_tss_client_options o = {.socket = socket_path,
                                        .instance = id,
                                        .epoch = epoch,
                                        .server_uid = (uint32_t)geteuid(),
                                        .timeout_ms = timeout_ms};
    memset(&error, 0, sizeof error);
    *out = NULL;
    return nika_tss_client_open(&o, out, &error);
}

/* Start the backend on what there is. False when it does not come up. */
static bool start(uint32_t fail_at)
{
    struct nika_tss_client *client = NULL;
    struct nika_tss_vault *v = NULL;
    struct nika_tss_vault_options o = vault_options(&steps);
    memset(&error, 0, sizeof error);
    switch (backend) {
    case SOFTWARE:
        ops = &software_ops;
        return true;
    case VAULT:
        ops = &vault_ops;
        steps = (struct tss_steps){.fail_at = fail_at};
        if (nika_tss_vault_open(&o, &v, &error) != NIKA_OK) return false;
        world = v;
        return true;
    case PROCESS:
    case TPM:
        ops = &nika_tss_client_ops;
        int listener = nika_tss_listen(socket_path, (uint32_t)geteuid(), &error);
        assert_true(listener >= 0);
        process = fork();
        assert_true(process >= 0);
        if (process == 0) be_the_process(listener, fail_at);
        (void)close(listener);
        enum nika_err err = connect_as(1, 1, 20000, &client);
        world = client;
        return err == NIKA_OK;
    }
    return false;
}

/* kill -9, or what comes next to it. */
static void stop(void)
{
    int status = 0;
    if (backend == VAULT) nika_tss_vault_close(world);
    if (backend >= PROCESS) {
        nika_tss_client_close(world);
        (void)kill(process, SIGKILL);
        assert_int_equal(waitpid(process, &status, 0), process);
    }
    world = NULL;
}
static void restart(void)
{
    stop();
    if (!start(0)) fail_msg("does not start again: %s", error.text);
}

static void make(void)
{
    struct nika_tss_identity id = tss_identity(1);
    disk_faults_folder(dir);
    snprintf(socket_path, sizeof socket_path, "%s.socket", dir);
    if (backend == SOFTWARE) {
        key = nika_trusted_key_new(tss_secret);
        nika_trusted_instance_init(&instance, 1, 1, id.counters);
    } else {
        struct nika_tss_vault_options o = vault_options(&steps);
        struct nika_tss_tpm *tpm = NULL;
        struct nika_tss_anchor anchor;
        steps = (struct tss_steps){0};
        if (backend == TPM) {
            assert_int_equal(
                nika_tss_tpm_open(soft_tpm.tcti, NIKA_TSS_TPM_INDEX, true, &tpm, &error), NIKA_OK);
            anchor = nika_tss_tpm_anchor(tpm);
            o.anchor = &anchor;
        }
        assert_int_equal(nika_tss_vault_make(&o, &id, &error), NIKA_OK);
        nika_tss_tpm_close(tpm);
    }
}
static int begin(void **state)
{
    (void)state;
    make();
    if (!start(0)) fail_msg("does not start: %s", error.text);
    return 0;
}
static int end(void **state)
{
    (void)state;
    stop();
    if (backend == SOFTWARE) nika_trusted_key_free(key);
    (void)unlink(socket_path);
    disk_faults_remove_tree(dir);
    return 0;
}

/* ---- calls ---- */
static enum nika_err certify(enum nika_trusted_kind kind, uint32_t counter,
                             struct nika_trusted_value value, uint8_t content,
                             struct nika_trusted_certificate *out)
{
    struct nika_digest d = tss_digest(content);
    return ops->certify(world, 1, kind, counter, value, &d, out);
}
static bool verify(const struct nika_trusted_certificate *c, uint8_t content)
{
    struct nika_digest d = tss_digest(content);
    return ops->verify(world, 1, c, &d);
}
static struct nika_trusted_value at(uint32_t counter)
{
    struct nika_trusted_value value = {99, 99};
    uint64_t epoch = 0;
    assert_int_equal(ops->read(world, 1, counter, &value, &epoch), NIKA_OK);
    assert_int_equal(epoch, 1);
    return value;
}
static void assert_at(uint32_t counter, uint64_t view, uint64_t order)
{
    struct nika_trusted_value value = at(counter);
    assert_int_equal(value.view, view);
    assert_int_equal(value.order, order);
}

/* ---- what every backend does ---- */
static void test_an_independent_counter_only_moves_forward(void **state)
{
    (void)state;
    struct nika_trusted_certificate c, unused;
    static const struct nika_trusted_value values[] = {{0, 1}, {0, 5}, {1, 0}, {7, 2}};
    static const struct nika_trusted_value before[] = {{0, 0}, {0, 4}, {0, 9}, {7, 1}};
    assert_at(0, 0, 0);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, 0), 1, &c), NIKA_ERR_CONFIG);
    for (uint32_t i = 0; i < ARRAY_COUNT(values); i++) {
        assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, values[i], (uint8_t)i, &c), NIKA_OK);
        assert_int_equal(c.kind, NIKA_TRUSTED_INDEPENDENT);
        assert_int_equal(c.instance, 1);
        assert_int_equal(c.epoch, 1);
        assert_int_equal(c.counter, 0);
        assert_int_equal(nika_trusted_compare(c.value, values[i]), 0);
        assert_int_equal(nika_trusted_compare(c.previous, tss_value(0, 0)), 0);
        assert_true(verify(&c, (uint8_t)i));
        /* Once, and never back: refused calls change nothing. */
        assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, values[i], 200, &unused),
                         NIKA_ERR_CONFIG);
        assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, before[i], 200, &unused),
                         NIKA_ERR_CONFIG);
        assert_at(0, values[i].view, values[i].order);
    }
    assert_at(1, 0, 0); /* Counters are apart. */
}

static void test_a_continuing_certificate_names_the_last_value(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 3, tss_value(1, 7), 1, &c), NIKA_OK);
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 3, tss_value(2, 0), 2, &c), NIKA_OK);
    assert_int_equal(nika_trusted_compare(c.previous, tss_value(1, 7)), 0);
    assert_true(verify(&c, 2));
    /* The same value again is allowed, and names itself as the last one. */
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 3, tss_value(2, 0), 3, &c), NIKA_OK);
    assert_int_equal(nika_trusted_compare(c.previous, tss_value(2, 0)), 0);
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 3, tss_value(1, 9), 3, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 3, tss_value(2, 0), 3, &c), NIKA_ERR_CONFIG);
    assert_at(3, 2, 0);
}

static void test_a_certificate_of_one_kind_or_content_is_none_of_another(void **state)
{
    (void)state;
    struct nika_trusted_certificate c, d;
    assert_int_equal(certify(NIKA_TRUSTED_MAC, 0, tss_value(0, 0), 4, &c), NIKA_OK);
    assert_true(verify(&c, 4));
    assert_false(verify(&c, 5));
    assert_at(0, 0, 0);
    assert_int_equal(certify(NIKA_TRUSTED_MAC, 1, tss_value(0, 0), 4, &d), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_MAC, 0, tss_value(0, 1), 4, &d), NIKA_ERR_CONFIG);
    assert_int_equal(certify((enum nika_trusted_kind)0, 0, tss_value(0, 1), 4, &d),
                     NIKA_ERR_CONFIG);
    assert_int_equal(certify((enum nika_trusted_kind)4, 0, tss_value(0, 1), 4, &d),
                     NIKA_ERR_CONFIG);
    for (uint32_t kind = NIKA_TRUSTED_INDEPENDENT; kind <= NIKA_TRUSTED_CONTINUING; kind++) {
        d = c;
        d.kind = (uint8_t)kind;
        assert_false(verify(&d, 4));
    }
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 0, tss_value(0, 1), 4, &c), NIKA_OK);
    d = c;
    d.kind = NIKA_TRUSTED_INDEPENDENT;
    assert_false(verify(&d, 4));
    for (uint32_t i = 0; i < NIKA_TRUSTED_MAC_SIZE; i++) {
        d = c;
        d.mac[i] ^= 0x40;
        assert_false(verify(&d, 4));
    }
    assert_true(verify(&c, 4));
}

static void test_foreign_instances_epochs_and_keys_are_refused(void **state)
{
    (void)state;
    struct nika_trusted_key *group = nika_trusted_key_new(tss_secret);
    struct nika_trusted_key *other = nika_trusted_key_new(tss_other_secret);
    static struct nika_trusted_instance peer;
    struct nika_trusted_certificate c;
    struct nika_digest d = tss_digest(6);
    const struct {
        uint32_t id;
        uint64_t epoch;
        struct nika_trusted_key *key;
        bool good;
    } cases[] = {{0, 1, group, true},           /* A peer of the group. */
                 {2, 1, group, true},           /* Another one. */
                 {3, 1, group, false},          /* No such instance. */
                 {UINT32_MAX, 1, group, false}, /* Far out. */
                 {0, 2, group, false},          /* An epoch that is not registered. */
                 {0, 0, group, false},          /* A stale one. */
                 {0, 1, other, false}};         /* Another group. */
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        nika_trusted_instance_init(&peer, cases[i].id, cases[i].epoch, 2);
        assert_int_equal(nika_trusted_certify(&peer, cases[i].key, NIKA_TRUSTED_INDEPENDENT, 0,
                                              tss_value(0, 1), &d, &c),
                         NIKA_OK);
        assert_int_equal(verify(&c, 6), cases[i].good);
        c.instance = 1; /* Not in its own name either. */
        assert_false(verify(&c, 6));
    }
    nika_trusted_key_free(group);
    nika_trusted_key_free(other);
}

static void test_impossible_certificates_are_no_trouble(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, 1), 1, &c), NIKA_OK);
    struct nika_trusted_certificate bad[4] = {c, c, c, c};
    bad[0].kind = 9;
    bad[1].counter = NIKA_TRUSTED_COUNTERS_MAX;
    bad[2].previous = tss_value(0, 1);
    bad[3].kind = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(bad); i++) assert_false(verify(&bad[i], 1));
    assert_true(verify(&c, 1)); /* And it still answers. */
}

static void test_counters_end_and_are_counted(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    struct nika_digest d;
    struct nika_trusted_value value, last = {UINT64_MAX, UINT64_MAX};
    uint64_t epoch;
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 7, last, 1, &c), NIKA_OK);
    assert_true(verify(&c, 1));
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 7, last, 2, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 7, tss_value(0, 0), 2, &c), NIKA_ERR_CONFIG);
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 7, last, 2, &c), NIKA_OK);
    assert_at(7, UINT64_MAX, UINT64_MAX);
    static const uint32_t none[] = {8, NIKA_TRUSTED_COUNTERS_MAX, UINT32_MAX};
    for (uint32_t i = 0; i < ARRAY_COUNT(none); i++) {
        assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, none[i], tss_value(0, 1), 1, &c),
                         NIKA_ERR_CONFIG);
        assert_int_equal(ops->read(world, 1, none[i], &value, &epoch), NIKA_ERR_CONFIG);
        assert_int_equal(ops->reissue(world, 1, none[i], &c, &d), NIKA_ERR_CONFIG);
    }
}

static void test_a_reissue_says_nothing_new(void **state)
{
    (void)state;
    struct nika_trusted_certificate c, again;
    struct nika_digest d;
    assert_int_equal(ops->reissue(world, 1, 2, &again, &d), NIKA_ERR_NOT_FOUND);
    assert_int_equal(certify(NIKA_TRUSTED_CONTINUING, 2, tss_value(4, 4), 8, &c), NIKA_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(ops->reissue(world, 1, 2, &again, &d), NIKA_OK);
        assert_int_equal(d.bytes[31], 8);
        assert_int_equal(again.kind, c.kind);
        assert_int_equal(nika_trusted_compare(again.value, c.value), 0);
        assert_memory_equal(again.mac, c.mac, sizeof c.mac);
    }
    assert_at(2, 4, 4);
}

/* ---- restarts ---- */
static void test_a_kill_between_any_two_calls_changes_nothing(void **state)
{
    (void)state;
    struct nika_trusted_certificate c, last = {0}, again;
    struct nika_digest d;
    for (uint64_t i = 1; i <= 12; i++) {
        bool continuing = i % 3 == 0;
        assert_int_equal(certify(continuing ? NIKA_TRUSTED_CONTINUING : NIKA_TRUSTED_INDEPENDENT, 0,
                                 tss_value(i / 4, i), (uint8_t)i, &c),
                         NIKA_OK);
        if (continuing) assert_int_equal(nika_trusted_compare(c.previous, last.value), 0);
        last = c;
        restart();
        assert_at(0, i / 4, i);
        restart();
        assert_int_equal(ops->reissue(world, 1, 0, &again, &d), NIKA_OK);
        assert_int_equal(d.bytes[0], i);
        assert_memory_equal(again.mac, c.mac, sizeof c.mac);
        restart();
        assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, last.value, 99, &c), NIKA_ERR_CONFIG);
        assert_true(verify(&last, (uint8_t)i));
    }
}

/* Killed in each step of the disk: an answer is never lost, and what was not answered is whole or not there. */
static void test_a_kill_at_every_step_loses_no_answer(void **state)
{
    uint32_t kills = 0;
    if (backend == SOFTWARE) skip();
    for (uint32_t k = 1;; k++) {
        struct nika_trusted_certificate c;
        struct nika_digest d;
        uint64_t answered = 0, asked = 0;
        (void)end(state);
        make();
        bool up = start(k);
        while (up && asked < 3) {
            asked++;
            if (certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, asked), (uint8_t)asked, &c) !=
                NIKA_OK)
                break;
            answered = asked;
        }
        if (answered == 3) break;
        kills++;
        if (up && backend >= PROCESS) assert_non_null(nika_tss_client_gone(world));
        if (up) assert_int_equal(certify(NIKA_TRUSTED_MAC, 0, tss_value(0, 0), 1, &c), NIKA_ERR_IO);
        restart();
        uint64_t found = at(0).order;
        assert_true(found == answered || found == asked);
        if (found > 0) {
            assert_int_equal(ops->reissue(world, 1, 0, &c, &d), NIKA_OK);
            assert_int_equal(d.bytes[0], found);
            assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, found), 200, &c),
                             NIKA_ERR_CONFIG);
        }
        assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, found + 1), 9, &c),
                         NIKA_OK);
    }
    /* Two files, a write and a sync each, for each of three certificates; an anchored one also takes a step when it is opened. */
    assert_int_equal(kills, backend == TPM ? 16 : 12);
}

static void test_it_does_not_start_after_a_rollback(void **state)
{
    (void)state;
    static struct tss_copy old, new;
    struct nika_trusted_certificate c;
    int status = 0;
    if (backend == SOFTWARE) skip();
    tss_save(dir, &old);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, i), 1, &c), NIKA_OK);
    stop();
    tss_save(dir, &new);
    for (uint32_t i = 0; i < 2; i++) {
        tss_copy_file(dir, i, old.bytes[i], true);
        assert_false(start(0));
        if (backend == VAULT) assert_non_null(strstr(error.text, "ROLLBACK"));
        if (backend >= PROCESS) {
            assert_int_equal(waitpid(process, &status, 0), process);
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 11);
        }
        tss_copy_file(dir, i, new.bytes[i], true);
    }
    assert_true(start(0));
    assert_at(0, 0, 3);
}

/* Who puts back both files is seen by the TPM alone. */
static void test_with_a_tpm_old_files_are_refused_whoever_put_them_there(void **state)
{
    (void)state;
    static struct tss_copy old, older, new;
    struct nika_trusted_certificate c;
    int status = 0;
    if (backend != TPM) skip();
    tss_save(dir, &older);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, 1), 1, &c), NIKA_OK);
    tss_save(dir, &old);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, 2), 1, &c), NIKA_OK);
    stop();
    tss_save(dir, &new);
    for (uint32_t i = 0; i < 2; i++) {
        tss_put_back(dir, i == 0 ? &old : &older);
        assert_false(start(0));
        assert_int_equal(waitpid(process, &status, 0), process);
        assert_int_equal(WEXITSTATUS(status), 11);
    }
    tss_put_back(dir, &new);
    assert_true(start(0));
    assert_at(0, 0, 2);
}

static void test_a_tpm_that_ends_ends_the_process(void **state)
{
    (void)state;
    struct nika_trusted_certificate c;
    int status = 0;
    if (backend != TPM) skip();
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, 1), 1, &c), NIKA_OK);
    soft_tpm_stop(&soft_tpm);
    assert_int_equal(certify(NIKA_TRUSTED_INDEPENDENT, 0, tss_value(0, 2), 1, &c), NIKA_ERR_IO);
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 13);
    nika_tss_client_close(world);
    (void)unlink(socket_path);
    disk_faults_remove_tree(dir);
    assert_true(soft_tpm_start(&soft_tpm));
    (void)begin(state);
}

static int run(const struct CMUnitTest *tests, size_t count)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    if (backend == TPM && !soft_tpm_start(&soft_tpm)) {
        soft_tpm_stop(&soft_tpm);
        fprintf(stderr, "no TPM in software: scripts/setup --tpm\n");
        return 77;
    }
    int failed = _cmocka_run_group_tests("conformance", tests, count, NULL, NULL);
    if (backend == TPM) soft_tpm_stop(&soft_tpm);
    return failed;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_independent_counter_only_moves_forward, begin, end),
        cmocka_unit_test_setup_teardown(test_a_continuing_certificate_names_the_last_value, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_a_certificate_of_one_kind_or_content_is_none_of_another, begin, end),
        cmocka_unit_test_setup_teardown(test_foreign_instances_epochs_and_keys_are_refused, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_impossible_certificates_are_no_trouble, begin, end),
        cmocka_unit_test_setup_teardown(test_counters_end_and_are_counted, begin, end),
        cmocka_unit_test_setup_teardown(test_a_reissue_says_nothing_new, begin, end),
        cmocka_unit_test_setup_teardown(test_a_kill_between_any_two_calls_changes_nothing, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_kill_at_every_step_loses_no_answer, begin, end),
        cmocka_unit_test_setup_teardown(test_it_does_not_start_after_a_rollback, begin, end),
        cmocka_unit_test_setup_teardown(
            test_with_a_tpm_old_files_are_refused_whoever_put_them_there, begin, end),
        cmocka_unit_test_setup_teardown(test_a_tpm_that_ends_ends_the_process, begin, end),
    };
    for (uint32_t i = 0; argc == 2 && i < ARRAY_COUNT(names); i++) {
        backend = (enum backend)i;
        if (strcmp(argv[1], names[i]) == 0) return run(tests, ARRAY_COUNT(tests));
    }
    fprintf(stderr, "usage: %s software|vault|process|tpm\n", argv[0]);
    return 64;
}
