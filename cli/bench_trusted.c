/* cli/bench_trusted.c: `nika bench trusted`: the cost of a certificate from each backend of the trusted subsystem. Measures; judges nothing.
 *
 * The processes that it measures are its own, with new instances in folders that it removes, unless one is named that runs. */
#include "cli/bench_trusted.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "engine/shim/tss_client.h"
#include "engine/shim/tss_server.h"

#define TIMEOUT_MS 10000u
#define GROUP 3u

/* Any backend, as a module would call it. */
struct subject {
    const char *name;
    const struct nika_trusted_ops *ops;
    void *world;
    uint32_t self, counter;
    const char *(*why)(void *world); /* After a failure; NULL = it cannot fail. */
};
struct software {
    struct nika_trusted_instance instance;
    struct nika_trusted_key *key;
    uint64_t epochs[GROUP];
};

static enum nika_err software_certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                                      uint32_t counter, struct nika_trusted_value value,
                                      const struct nika_digest *digest,
                                      struct nika_trusted_certificate *out)
{
    struct software *s = world;
    (void)self;
    return nika_trusted_certify(&s->instance, s->key, kind, counter, value, digest, out);
}

static bool software_verify(void *world, uint32_t self,
                            const struct nika_trusted_certificate *certificate,
                            const struct nika_digest *digest)
{
    struct software *s = world;
    (void)self;
    return nika_trusted_verify(s->key, s->epochs, GROUP, certificate, digest);
}

static enum nika_err software_read(void *world, uint32_t self, uint32_t counter,
                                   struct nika_trusted_value *value, uint64_t *epoch)
{
    struct software *s = world;
    (void)self;
    return nika_trusted_read(&s->instance, counter, value, epoch);
}

static const struct nika_trusted_ops software_ops = {
    .certify = software_certify, .verify = software_verify, .read = software_read};

static const char *client_why(void *world)
{
    return nika_tss_client_gone(world);
}

/* ---- measuring ---- */
enum work { CERTIFY, CERTIFY_MAC, VERIFY, WORKS };
static const char *const work_names[WORKS] = {"certify_ns", "mac_ns", "verify_ns"};

static enum nika_err work_once(const struct subject *s, enum work work,
                               struct nika_trusted_value *value,
                               struct nika_trusted_certificate *certificate)
{
    struct nika_digest digest;
    memset(&digest, 7, sizeof digest);
    switch (work) {
    case CERTIFY:
        value->order++;
        return s->ops->certify(s->world, s->self, NIKA_TRUSTED_INDEPENDENT, s->counter, *value,
                               &digest, certificate);
    case CERTIFY_MAC:
        return s->ops->certify(s->world, s->self, NIKA_TRUSTED_MAC, 0,
                               (struct nika_trusted_value){0, 0}, &digest, certificate);
    case VERIFY:
        return s->ops->verify(s->world, s->self, certificate, &digest) ? NIKA_OK : NIKA_ERR_AUTH;
    case WORKS:
    default:
        return NIKA_ERR_CONFIG;
    }
}

static enum nika_err measure_work(const struct subject *s, const struct cli_bench_trusted *o,
                                  enum work work, struct nika_trusted_certificate *certificate,
                                  json_t *out)
{
    struct nika_trusted_value value;
    uint64_t epoch, rounds = 0, used_ns = 0;
    enum nika_err err = s->ops->read(s->world, s->self, s->counter, &value, &epoch);
    uint64_t budget_ns = o->seconds * UINT64_C(1000000000);
    uint64_t start_ns = cli_clock_ns();
    struct cli_progress progress;
    cli_progress_init(&progress, s->name, "operations", false);
    while (err == NIKA_OK && (o->rounds != 0 ? rounds < o->rounds : used_ns < budget_ns)) {
        err = work_once(s, work, &value, certificate);
        rounds++;
        used_ns = cli_clock_ns() - start_ns;
        /* The clock is read anyway; to look at it once more would be measured. */
        if (rounds % 1024 == 0 || used_ns > rounds * 1000000)
            cli_progress_show(&progress, rounds, o->rounds,
                              o->rounds != 0        ? CLI_PROGRESS_BY_RATE
                              : used_ns < budget_ns ? budget_ns - used_ns
                                                    : 0,
                              "");
    }
    cli_progress_end(&progress);
    if (err != NIKA_OK) return err;
    json_object_set_new(out, work_names[work], json_integer((json_int_t)(used_ns / rounds)));
    if (work == CERTIFY) json_object_set_new(out, "certificates", json_integer((json_int_t)rounds));
    return NIKA_OK;
}

/* One more object in `list`. */
static bool measure(const struct subject *s, const struct cli_bench_trusted *o, json_t *list)
{
    struct nika_trusted_certificate certificate;
    json_t *out = json_pack("{s:s}", "backend", s->name);
    enum nika_err err = NIKA_OK;
    for (uint32_t work = 0; err == NIKA_OK && work < WORKS; work++)
        err = measure_work(s, o, (enum work)work, &certificate, out);
    if (err == NIKA_OK) return json_array_append_new(list, out) == 0;
    const char *why = s->why != NULL ? s->why(s->world) : NULL;
    fprintf(stderr, "nika: %s: %s\n", s->name, why != NULL ? why : nika_err_text(err));
    json_decref(out);
    return false;
}

/* ---- backends ---- */
static bool measure_software(const char *name, enum nika_suite suite,
                             const struct cli_bench_trusted *o, json_t *list)
{
    struct software *s = calloc(1, sizeof *s);
    struct nika_keyring *ring = nika_keyring_new_derived(suite, GROUP, 1, 1);
    bool good = s != NULL && ring != NULL && (s->key = nika_trusted_key_of(ring)) != NULL;
    if (good) {
        nika_trusted_instance_init(&s->instance, 0, 1, 1);
        for (uint32_t i = 0; i < GROUP; i++) s->epochs[i] = 1;
        struct subject subject = {.name = name, .ops = &software_ops, .world = s};
        good = measure(&subject, o, list);
    } else {
        fprintf(stderr, "nika: %s: out of memory\n", name);
    }
    if (s != NULL) nika_trusted_key_free(s->key);
    nika_keyring_free(ring);
    free(s);
    return good;
}

/* A connected process. Its last counter is the one that moves: the spare one (trusted.h). */
static bool measure_client(const char *name, const char *socket, uint32_t instance,
                           const struct cli_bench_trusted *o, json_t *list)
{
    struct nika_tss_client *client = NULL;
    struct nika_disk_store_error error = {""};
    struct nika_tss_client_options options = {.socket = socket,
                                              .instance = instance,
                                              .server_uid = NIKA_TSS_ANY_USER,
                                              .timeout_ms = TIMEOUT_MS};
    struct nika_trusted_value value;
    uint64_t epoch;
    if (nika_tss_client_open(&options, &client, &error) != NIKA_OK) {
        fprintf(stderr, "nika: %s\n", error.text);
        return false;
    }
    uint32_t counter = NIKA_TRUSTED_COUNTERS_MAX - 1;
    while (counter > 0 &&
           nika_tss_client_ops.read(client, instance, counter, &value, &epoch) == NIKA_ERR_CONFIG)
        counter--;
    struct subject subject = {.name = name,
                              .ops = &nika_tss_client_ops,
                              .world = client,
                              .self = instance,
                              .counter = counter,
                              .why = client_why};
    bool good = measure(&subject, o, list);
    nika_tss_client_close(client);
    return good;
}

static const uint8_t bench_secret[NIKA_TRUSTED_SECRET_SIZE] = {1};

static void serve_and_end(const struct nika_tss_vault_options *o, int listener)
{
    struct nika_tss_vault *vault = NULL;
    struct nika_disk_store_error error = {""};
    struct nika_log *log = nika_log_open("", NIKA_LOG_WARN);
    uint32_t uid = (uint32_t)geteuid();
    int stop[2];
    bool locked, good = log != NULL && pipe(stop) == 0 && nika_tss_seal_memory(&locked);
    if (!good || nika_tss_vault_open(o, &vault, &error) != NIKA_OK || nika_tss_confine() != 0) {
        fprintf(stderr, "nika: bench trusted: %s\n", error.text);
        _exit(1);
    }
    _exit(nika_tss_serve(vault, listener, stop[0], uid, log) == NIKA_OK ? 0 : 1);
}

static bool measure_process(const char *name, const char *folder, const struct cli_bench_trusted *o,
                            json_t *list)
{
    char dir[256], path[300], socket[300];
    struct nika_disk_store_error error = {""};
    struct nika_tss_identity identity = {.counters = 1, .group = 1, .epochs = {1}};
    bool good = false;
    (void)snprintf(dir, sizeof dir, "%.200s/nika-bench-XXXXXX", folder);
    if (mkdtemp(dir) == NULL) {
        fprintf(stderr, "nika: %s: %s: %s\n", name, dir, strerror(errno));
        return false;
    }
    (void)snprintf(socket, sizeof socket, "%s/socket", dir);
    struct nika_tss_vault_options options = {.dir = dir, .secret = bench_secret};
    enum nika_err err = nika_tss_vault_make(&options, &identity, &error);
    int listener = err == NIKA_OK ? nika_tss_listen(socket, (uint32_t)geteuid(), &error) : -1;
    pid_t child = listener < 0 ? -1 : fork();
    if (child == 0) serve_and_end(&options, listener);
    if (listener >= 0) (void)close(listener);
    if (child > 0) {
        good = measure_client(name, socket, 0, o, list);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
    } else {
        fprintf(stderr, "nika: %s: %s\n", name, error.text);
    }
    static const char *const files[] = {"socket", NIKA_TSS_STATE_FILE, NIKA_TSS_WITNESS_FILE};
    for (uint32_t i = 0; i < ARRAY_COUNT(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
    return good;
}

json_t *cli_bench_trusted_run(const struct cli_bench_trusted *options, int *status)
{
    json_t *root = json_object(), *list = json_array();
    struct stat info;
    bool good;
    if (options->socket != NULL) {
        good = measure_client("process", options->socket, options->instance, options, list);
    } else {
        nika_auth_install_sim(&nika_auth_sim_table);
        good = measure_software("sim", NIKA_SUITE_SIM, options, list);
        good = measure_software("software", NIKA_SUITE_HMAC, options, list) && good;
        if (stat("/dev/shm", &info) == 0)
            good = measure_process("process-memory", "/dev/shm", options, list) && good;
        const char *dir = options->dir != NULL ? options->dir : ".";
        good = measure_process("process-disk", dir, options, list) && good;
    }
    json_object_set_new(root, "build", json_string(cli_version_text()));
    json_object_set_new(root, "backends", list);
    *status = good ? 0 : NIKA_EXIT_INCONCLUSIVE;
    return root;
}

void cli_bench_trusted_print(const json_t *figures)
{
    size_t i;
    json_t *one;
    printf("%-16s %14s %14s %14s %14s\n", "backend", "ns/certify", "ns/mac", "ns/verify",
           "certificates");
    json_array_foreach(json_object_get(figures, "backends"), i, one)
    {
        printf("%-16s", json_string_value(json_object_get(one, "backend")));
        for (uint32_t work = 0; work < WORKS; work++)
            printf(" %14" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(one, work_names[work])));
        printf(" %14" JSON_INTEGER_FORMAT "\n",
               json_integer_value(json_object_get(one, "certificates")));
    }
}
