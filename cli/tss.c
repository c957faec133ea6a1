/* cli/tss.c: `nika tss`: the trusted subsystem of one replica as a process of its own. Parses, takes the rights away in the right order, and
 * lets engine/shim/tss_server serve. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/live.h"
#include "engine/shim/tss_key.h"
#include "engine/shim/tss_server.h"
#include "engine/shim/tss_tpm.h"

enum {
    OPTION_SOCKET = 256,
    OPTION_STATE,
    OPTION_WITNESS,
    OPTION_KEY,
    OPTION_INIT,
    OPTION_INSTANCE,
    OPTION_EPOCHS,
    OPTION_COUNTERS,
    OPTION_MAKE_KEY,
    OPTION_USER,
    OPTION_CLIENT,
    OPTION_LOG,
    OPTION_TPM,
    OPTION_NV_INDEX
};

struct arguments {
    const char *socket, *state, *witness, *key, *make_key, *user, *client, *log, *tpm;
    uint32_t nv_index;
    bool init, instance_given;
    struct nika_tss_identity identity;
    uint32_t client_uid;
};

static const struct argp_option options[] = {
    {"socket", OPTION_SOCKET, "PATH", 0, "serve at this Unix socket", 0},
    {"state", OPTION_STATE, "DIR", 0, "directory of the counters, mode 0700", 0},
    {"witness", OPTION_WITNESS, "DIR", 0,
     "keep the second copy of the counters here, best on another device (default: beside the "
     "first)",
     0},
    {"key", OPTION_KEY, "FILE", 0, "key file of the group, mode 0600", 0},
    {"user", OPTION_USER, "NAME", 0, "as root: become this user before the state is opened", 0},
    {"client", OPTION_CLIENT, "NAME", 0,
     "the user whose replica may connect (default: who starts the process)", 0},
    {"log", OPTION_LOG, "FILE", 0, "append log lines here (default: standard error)", 0},
    {"tpm", OPTION_TPM, "TCTI", 0,
     "anchor the state in a counter of this TPM 2.0, such as device:/dev/tpmrm0", 0},
    {"nv-index", OPTION_NV_INDEX, "N", 0,
     "with --tpm: the counter's NV index, decimal or 0x... (default 0x01500101)", 0},
    {"init", OPTION_INIT, NULL, 0, "make a new instance, all counters at zero, and end", 1},
    {"instance", OPTION_INSTANCE, "I", 0, "with --init: its replica", 1},
    {"epochs", OPTION_EPOCHS, "E,E,...", 0,
     "with --init: registered epoch of each instance of the group, from 1", 1},
    {"counters", OPTION_COUNTERS, "N", 0, "with --init: how many counters (default 64)", 1},
    {"make-key", OPTION_MAKE_KEY, "FILE", 0,
     "make the key file of a new group, mode 0600, and end; never overwritten", 2},
    {0}};

static void parse_epochs(const char *text, struct argp_state *state, struct nika_tss_identity *id)
{
    char item[24];
    id->group = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof item || id->group == NIKA_REPLICAS_MAX)
            argp_error(state, "--epochs: expected 1..%u numbers as in 1,1,1, got \"%s\"",
                       NIKA_REPLICAS_MAX, text);
        memcpy(item, at, length);
        item[length] = '\0';
        id->epochs[id->group++] = cli_number(item, "--epochs", 1, INT64_MAX, state);
        at += length;
        if (*at == '\0') return;
    }
}

static uint32_t parse_index(const char *text, struct argp_state *state)
{
    char *end = NULL;
    unsigned long value = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 0) : 0;
    if (end == NULL || *end != '\0' || value < NIKA_TSS_TPM_INDEX_LOW ||
        value > NIKA_TSS_TPM_INDEX_HIGH)
        argp_error(state, "--nv-index: expected 0x%08x..0x%08x, got \"%s\"", NIKA_TSS_TPM_INDEX_LOW,
                   NIKA_TSS_TPM_INDEX_HIGH, text);
    return (uint32_t)value;
}

static void check(const struct arguments *a, struct argp_state *state)
{
    if (a->make_key != NULL) return;
    if (a->key == NULL) argp_error(state, "which key? (--key FILE, made with --make-key)");
    if (a->state == NULL) argp_error(state, "where is the state? (--state DIR)");
    if (a->tpm != NULL && strncmp(a->tpm, "device:", 7) != 0)
        argp_error(state,
                   "--tpm: expected device:PATH, got \"%s\": a confined process opens no "
                   "connection to another kind",
                   a->tpm);
    if (a->init && a->socket != NULL)
        argp_error(state, "--init makes an instance and ends; it serves no --socket");
    if (a->init && !a->instance_given) argp_error(state, "--init: whose instance? (--instance I)");
    if (a->init && a->identity.group == 0)
        argp_error(state, "--init: which group? (--epochs 1,1,1)");
    if (a->init && a->identity.instance >= a->identity.group)
        argp_error(state, "--instance: expected 0..%u, as --epochs lists %u, got %u",
                   a->identity.group - 1, a->identity.group, a->identity.instance);
    if (!a->init && a->socket == NULL) argp_error(state, "where to serve? (--socket PATH)");
    if (!a->init && (a->instance_given || a->identity.group != 0))
        argp_error(state, "--instance and --epochs belong to --init; the state knows them");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_SOCKET:
        a->socket = text;
        return 0;
    case OPTION_STATE:
        a->state = text;
        return 0;
    case OPTION_WITNESS:
        a->witness = text;
        return 0;
    case OPTION_KEY:
        a->key = text;
        return 0;
    case OPTION_USER:
        a->user = text;
        return 0;
    case OPTION_CLIENT:
        a->client = text;
        return 0;
    case OPTION_LOG:
        a->log = text;
        return 0;
    case OPTION_TPM:
        a->tpm = text;
        return 0;
    case OPTION_NV_INDEX:
        a->nv_index = parse_index(text, state);
        return 0;
    case OPTION_INIT:
        a->init = true;
        return 0;
    case OPTION_INSTANCE:
        a->instance_given = true;
        a->identity.instance =
            (uint32_t)cli_number(text, "--instance", 0, NIKA_REPLICAS_MAX - 1, state);
        return 0;
    case OPTION_EPOCHS:
        parse_epochs(text, state, &a->identity);
        return 0;
    case OPTION_COUNTERS:
        a->identity.counters =
            (uint32_t)cli_number(text, "--counters", 1, NIKA_TRUSTED_COUNTERS_MAX, state);
        return 0;
    case OPTION_MAKE_KEY:
        a->make_key = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected \"%s\"; expected options only", text);
        return 0;
    case ARGP_KEY_END:
        check(a, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "--socket PATH --state DIR --key FILE\n"
    "--init --state DIR --key FILE --instance I --epochs E,E,...\n"
    "--make-key FILE",
    "Serve the trusted subsystem of one replica: counters that only move forward, and certificates "
    "that say so.\v"
    "A certificate leaves the process only after the counter's step is durable in two files, so it "
    "may be killed at any instant. It refuses to start on a state that was rolled back, as far as "
    "it can see that: one of the two files is older than the other. Put --witness on another "
    "device, or anchor the state in a TPM (--tpm, also with --init): then old files are refused "
    "whoever put them there, and each certificate costs a step of the TPM.\n\n"
    "After its start the process may only read, write and sync what is open; its memory is in no "
    "core file. The replica holds no key; when the process is killed or hangs, its replica stops "
    "voting.\n\n"
    "  nika tss --make-key group.tss\n"
    "  nika tss --init --state tss-0 --key group.tss --instance 0 --epochs 1,1,1\n"
    "  nika tss --socket tss-0.socket --state tss-0 --key group.tss",
    NULL,
    NULL,
    NULL};

static int refuse(const char *text)
{
    fprintf(stderr, "nika: %s\n", text);
    return NIKA_EXIT_USAGE;
}

static int make(const struct arguments *a, const struct nika_tss_vault_options *o)
{
    struct nika_disk_store_error error = {""};
    if (a->user != NULL && !nika_tss_become(a->user, &error)) return refuse(error.text);
    if (nika_tss_vault_make(o, &a->identity, &error) != NIKA_OK) return refuse(error.text);
    printf("%s: instance %" PRIu32 " of %" PRIu32 ", epoch %" PRIu64 ", %" PRIu32 " counters\n",
           a->state, a->identity.instance, a->identity.group,
           a->identity.epochs[a->identity.instance], a->identity.counters);
    return 0;
}

/* SIGTERM and SIGINT as a descriptor: a handler would have to leave the confinement to do anything. */
static int stop_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From here on no file is opened any more. */
static int serve(const struct arguments *a, struct nika_tss_vault *vault, int listener,
                 struct nika_log *log)
{
    const struct nika_tss_state *s = nika_tss_vault_state(vault);
    bool locked = false;
    int stop = stop_signal();
    /* Also after becoming another user, which makes a process dumpable again. */
    if (stop < 0 || !nika_tss_seal_memory(&locked)) return refuse(strerror(errno));
    nika_log(log, NIKA_LOG_INFO, "tss_ready",
             "socket=%s instance=%" PRIu32 " epoch=%" PRIu64 " step=%" PRIu64
             " uid=%u client_uid=%" PRIu32 " memory=%s",
             a->socket, s->instance.id, s->instance.epoch, s->sequence, (unsigned)geteuid(),
             a->client_uid, locked ? "locked" : "not-locked");
    int err = nika_tss_confine();
    if (err != 0) {
        fprintf(stderr, "nika: seccomp: %s; the kernel must support it\n", strerror(err));
        return NIKA_EXIT_USAGE;
    }
    err =
        nika_tss_serve(vault, listener, stop, a->client_uid, log) == NIKA_OK ? 0 : NIKA_EXIT_SAFETY;
    nika_log(log, NIKA_LOG_INFO, "tss_end", "reason=%s", err == 0 ? "signal" : "broken");
    return err;
}

/* Wipes `secret`: once the vault is open only the vault has it. */
static int start(struct arguments *a, const struct nika_tss_vault_options *o, uint8_t *secret)
{
    struct nika_disk_store_error error = {""};
    struct nika_tss_vault *vault = NULL;
    uint32_t ignored;
    a->client_uid = (uint32_t)getuid();
    if (a->client != NULL && !nika_tss_user(a->client, &a->client_uid, &ignored)) {
        fprintf(stderr, "nika: --client: no user \"%s\"\n", a->client);
        return NIKA_EXIT_USAGE;
    }
    struct nika_log *log = nika_log_open(a->log != NULL ? a->log : "", NIKA_LOG_INFO);
    if (log == NULL) {
        fprintf(stderr, "nika: --log %s: %s\n", a->log, strerror(errno));
        return NIKA_EXIT_USAGE;
    }
    int status = NIKA_EXIT_USAGE;
    int listener = nika_tss_listen(a->socket, a->client_uid, &error);
    bool good = listener >= 0 && (a->user == NULL || nika_tss_become(a->user, &error)) &&
                nika_tss_vault_open(o, &vault, &error) == NIKA_OK;
    /* Again as the user that it is now: the kernel tells replicas who listened last. */
    good = good && listen(listener, (int)NIKA_TSS_CONNECTIONS_MAX) == 0;
    nika_key_erase(secret, NIKA_TRUSTED_SECRET_SIZE);
    if (good) {
        status = serve(a, vault, listener, log);
    } else {
        (void)refuse(error.text);
        if (listener >= 0) (void)unlink(a->socket);
    }
    nika_tss_vault_close(vault);
    /* Confined: what runs at the end of a program may not ask the system for anything. */
    fflush(stderr);
    _exit(status);
}

static int run(int argc, char **argv)
{
    struct arguments a = {.identity.counters = NIKA_TRUSTED_COUNTERS_MAX,
                          .nv_index = NIKA_TSS_TPM_INDEX};
    static struct nika_problems problems; /* 20 KiB */
    uint8_t secret[NIKA_TRUSTED_SECRET_SIZE];
    bool locked;
    cli_parse(&argp, argc, argv, &a);
    if (a.make_key != NULL) {
        if (!nika_tss_key_make(a.make_key, &problems)) return cli_problems(&problems);
        printf("%s: key of a new group\n", a.make_key);
        return 0;
    }
    if (!nika_tss_seal_memory(&locked)) return refuse(strerror(errno));
    if (!nika_tss_key_load(a.key, secret, &problems)) return cli_problems(&problems);
    struct nika_tss_vault_options o = {.dir = a.state, .witness = a.witness, .secret = secret};
    struct nika_tss_tpm *tpm = NULL;
    struct nika_tss_anchor anchor;
    struct nika_disk_store_error error = {""};
    (void)setenv("TSS2_LOG", "all+none", 0); /* What libtss2 has to say is in our error. */
    /* While this is still the user who may use the device. */
    if (a.tpm != NULL && nika_tss_tpm_open(a.tpm, a.nv_index, a.init, &tpm, &error) != NIKA_OK)
        return refuse(error.text);
    if (tpm != NULL) anchor = nika_tss_tpm_anchor(tpm);
    if (tpm != NULL) o.anchor = &anchor;
    int status = a.init ? make(&a, &o) : start(&a, &o, secret);
    nika_tss_tpm_close(tpm);
    nika_key_erase(secret, sizeof secret);
    return status;
}

const struct cli_command cli_tss = {
    "tss",
    "--socket PATH --state DIR --key FILE",
    "serve the trusted subsystem of one replica",
    "Runs the trusted subsystem of one replica as a process of its own, best under a user of its "
    "own: it holds the group's key and the counters, the replica holds neither (docs/trusted.md).",
    &argp,
    run};
