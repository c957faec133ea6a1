/* engine/shim/node.c: the life of a node: opening everything in the order that makes it safe, the loop, the orderly end; see node.h. */
#include "engine/shim/node_private.h"
#include "engine/shim/resident.h"

#ifdef NIKA_BEHAVIOURS
#include "engine/shim/behaviour.h"
#endif

#include "engine/core/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Starting and meeting the others are over after a while; what a change of view, a transfer or a peer that was away touches goes the same way
 * later. */
#define TRIM_FIRST_NS UINT64_C(1000000000)
#define TRIM_LAST_NS UINT64_C(64000000000)
#define RECORDER_FLUSH_NS UINT64_C(100000000) /* What a kill may cost a recording. */

/* Pages that nothing needs are never touched: limits cost address space, not memory. */
static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void give_back(void *memory, size_t size)
{
    if (memory != NULL) munmap(memory, size);
}

static bool problem(struct nika_problems *p, const struct nika_node_options *o, const char *path,
                    const char *what)
{
    nika_problem(p, o->file, path, "%s: %s", what, strerror(errno));
    return false;
}

/* ---- opening ---- */
void nika_node_keep_secrets(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

/* Held until the process ends, however it ends: whoever can lock the file knows that nobody runs. */
static bool open_pid_file(struct nika_node *node, struct nika_problems *p)
{
    const char *path = node->options.config->pid_file;
    char text[24];
    if (path[0] == '\0') return true;
    node->pid_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (node->pid_file < 0) return problem(p, &node->options, "pid_file", path);
    if (flock(node->pid_file, LOCK_EX | LOCK_NB) != 0) {
        nika_problem(p, node->options.file, "pid_file", "%s: this replica runs already", path);
        return false;
    }
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(node->pid_file, 0) == 0 &&
        pwrite(node->pid_file, text, (size_t)size, 0) == (ssize_t)size)
        return true;
    return problem(p, &node->options, "pid_file", path);
}

static void keep(void *context, struct nika_span record)
{
    nika_trust_kept(context, record);
}

static struct nika_durable *open_durable(const struct nika_node_options *o, bool first_start,
                                         struct nika_trust *trust, struct nika_problems *p)
{
    const struct nika_durable_options options = {.kind = o->config->store,
                                                 .dir = o->config->data,
                                                 .config = &o->cluster->config,
                                                 .replica = o->config->replica,
                                                 .file = o->file,
                                                 .log = o->log,
                                                 .first_start = first_start,
                                                 .keep = trust != NULL ? keep : NULL,
                                                 .keep_context = trust};
    return nika_durable_open(&options, p);
}

bool nika_node_make_data(const struct nika_node_options *options, struct nika_problems *problems)
{
    if (options->config->store == NIKA_STORE_MEMORY) return true;
    struct nika_durable *durable = open_durable(options, true, NULL, problems);
    nika_durable_close(durable);
    return durable != NULL;
}

static bool make_memory(struct nika_node *node, struct nika_problems *p)
{
    const struct nika_node_options *o = &node->options;
    node->module_size = o->replica_ops->size(node->config);
    node->app_size = o->app_ops->size(node->config);
    node->module_memory = reserve(node->module_size);
    node->app_memory = reserve(node->app_size);
    node->scratch = reserve(NODE_SCRATCH_BYTES);
    node->effects.actions = reserve(NODE_ACTIONS_MAX * sizeof(struct nika_action));
    node->effects.capacity = NODE_ACTIONS_MAX;
    node->effects.bytes = reserve(NODE_EFFECT_BYTES);
    node->effects.bytes_capacity = NODE_EFFECT_BYTES;
    node->verifier = nika_verifier_new(node->config, o->keyring, o->config->replica);
    node->loop = nika_loop_new();
    if (node->module_memory != NULL && node->app_memory != NULL && node->scratch != NULL &&
        node->effects.actions != NULL && node->effects.bytes != NULL && node->verifier != NULL &&
        node->loop != NULL)
        return true;
    return problem(p, o, "", "memory of the replica");
}

static bool open_recorder(struct nika_node *node, struct nika_problems *p)
{
    const struct nika_node_options *o = &node->options;
    struct nika_recording_head head = {.config = *node->config,
                                       .replica = o->config->replica,
                                       .trusted_later =
                                           node->trust != NULL && nika_trust_is_later(node->trust),
                                       .app_param = o->cluster->app_param};
    if (o->record == NULL) return true;
    snprintf(head.protocol, sizeof head.protocol, "%s", o->cluster->protocol);
    snprintf(head.app, sizeof head.app, "%s", o->cluster->app);
    node->recorder = nika_recorder_open(o->record, &head, o->log);
    if (node->recorder == NULL) return problem(p, o, "", o->record);
    nika_verifier_record(node->verifier, node->recorder);
    if (node->trust != NULL) nika_trust_record(node->trust, node->recorder);
    return true;
}

static void on_durable(struct nika_source *source, bool readable, bool writable)
{
    (void)source; /* Every round of the loop looks for completions. */
    (void)readable;
    (void)writable;
}

/* Before the module asks for it: it does so when it begins. */
static bool open_trust(struct nika_node *node, struct nika_problems *p)
{
    const struct nika_node_options *o = &node->options;
    if (o->config->trusted.kind == NIKA_TRUST_NONE) return true;
    node->trust = nika_trust_open(o->config, o->file, o->cluster, p);
    if (node->trust == NULL) return false;
    nika_verifier_trust(node->verifier, node->trust);
    if (nika_trust_fd(node->trust) < 0) return true;
    /* Its descriptor only ends the wait; every round takes what was answered. */
    node->trust_source =
        (struct nika_source){.fd = nika_trust_fd(node->trust), .on_ready = on_durable};
    return nika_loop_add(node->loop, &node->trust_source, false) == NIKA_OK ||
           problem(p, o, "", "event loop");
}

static bool recover(struct nika_node *node, struct nika_problems *p)
{
    const struct nika_node_options *o = &node->options;
    node->module =
        o->replica_ops->init(node->module_memory, node->config, nika_verifier_host(node->verifier));
    node->app = o->app_ops->init(node->app_memory, node->config, o->cluster->app_param);
    if (o->attach != NULL && !o->attach(o->attach_context, node->app))
        return problem(p, o, "application", "cannot be reached");
    node->durable = open_durable(o, false, node->trust, p);
    if (node->durable == NULL) return false;
    node->forgetful = nika_durable_is_amnesiac(node->durable);
    const struct nika_replica_ops *ops = o->replica_ops;
    if (node->recorder != NULL)
        ops = nika_recorder_watch(node->recorder, ops, o->app_ops, node->app);
    return nika_durable_recover(node->durable, ops, node->module, o->app_ops, node->app, p) &&
           (node->trust == NULL ||
            nika_trust_resume(node->trust, !node->forgetful, o->file, o->log, p));
}

static bool open_pool(struct nika_node *node, struct nika_problems *p)
{
    const struct nika_node_options *o = &node->options;
    const struct nika_pool_options options = {.threads = o->config->verify_threads,
                                              .cluster = o->cluster,
                                              .keys = o->keys,
                                              .keys_file = o->config->keys,
                                              .messages = o->replica_ops->messages};
    if (options.threads == 0) return true;
    node->pool = nika_pool_new(&options, p);
    if (node->pool == NULL) return false;
    /* Its descriptor only ends the wait; every round looks for frames that are ready. */
    node->pool_source =
        (struct nika_source){.fd = nika_pool_fd(node->pool), .on_ready = on_durable};
    return nika_loop_add(node->loop, &node->pool_source, false) == NIKA_OK ||
           problem(p, o, "", "event loop");
}

static void on_change(void *context, uint32_t peer, bool up)
{
    struct nika_node *node = context;
    nika_log_limited(node->options.log, NIKA_LOG_DEBUG, "peer", "peer=%08x up=%d", peer, up);
}

#ifdef NIKA_BEHAVIOURS
static bool open_behaviour(struct nika_node *node, struct nika_problems *p)
{
    const struct nika_node_options *o = &node->options;
    if (o->behaviour == NULL) return true;
    const struct nika_behaviour_node liar = {.config = node->config,
                                             .replica_ops = o->replica_ops,
                                             .module = node->module,
                                             .host = nika_verifier_host(node->verifier),
                                             .links = node->links,
                                             .log = o->log};
    node->behaviour = nika_behaviour_new(o->behaviour, &liar);
    if (node->behaviour == NULL) return problem(p, o, "", "memory of the behaviour");
    nika_log(o->log, NIKA_LOG_WARN, "byzantine", "behaviour=%s", o->behaviour->ops->name);
    return true;
}
#endif

static void on_signal(struct nika_source *source, bool readable, bool writable)
{
    struct nika_node *node =
        (struct nika_node *)(void *)((uint8_t *)source - offsetof(struct nika_node, signal_source));
    struct signalfd_siginfo info;
    (void)readable;
    (void)writable;
    while (read(source->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            nika_log_reopen(node->options.log);
            nika_log(node->options.log, NIKA_LOG_INFO, "log_reopened", "pid=%ld", (long)getpid());
            continue;
        }
        if (node->draining) continue;
        nika_log(node->options.log, NIKA_LOG_INFO, "stopping", "signal=%u", info.ssi_signo);
        node->draining = true;
        node->drain_until_ns = nika_clock_monotonic() + NODE_DRAIN_NS;
        nika_links_stop(node->links);
    }
}

/* Before the disk's thread exists, so that it inherits the mask and no signal goes astray. */
static bool open_signals(struct nika_node *node, struct nika_problems *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return problem(p, &node->options, "", "signals");
    node->signal_source = (struct nika_source){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
                                               .on_ready = on_signal};
    if (node->signal_source.fd >= 0 &&
        nika_loop_add(node->loop, &node->signal_source, false) == NIKA_OK)
        return true;
    return problem(p, &node->options, "", "signals");
}

static bool open_links(struct nika_node *node, struct nika_problems *p)
{
    const struct nika_node_options *o = &node->options;
    const struct nika_member *self = nika_cluster_member(o->cluster, o->config->replica);
    const struct nika_links_options options = {.self = o->config->replica,
                                               .cluster = o->cluster,
                                               .keys = o->keys,
                                               .loop = node->loop,
                                               .log = o->log,
                                               .outbound_bytes = o->config->outbound_kib * 1024u,
                                               .context = node,
                                               .on_frame = node_on_frame,
                                               .on_change = on_change};
    const char *host = o->config->listen[0] != '\0' ? o->config->listen : self->host;
    uint16_t port = o->config->port != 0 ? o->config->port : self->port;
    node->durable_source =
        (struct nika_source){.fd = nika_durable_fd(node->durable), .on_ready = on_durable};
    if (node->durable_source.fd >= 0 &&
        nika_loop_add(node->loop, &node->durable_source, false) != NIKA_OK)
        return problem(p, o, "", "event loop");
    node->links = nika_links_new(&options);
    if (node->links == NULL) return problem(p, o, "", "connections");
    return nika_links_listen(node->links, host, port, o->file, p) == NIKA_OK;
}

struct nika_node *nika_node_new(const struct nika_node_options *options,
                                struct nika_problems *problems)
{
    nika_resident_prepare();
    struct nika_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        problem(problems, options, "", "memory");
        return NULL;
    }
    node->options = *options;
    node->config = &options->cluster->config;
    node->durable_source.fd = node->signal_source.fd = node->pid_file = -1;
    node->started_ns = nika_clock_monotonic();
    (void)nika_clock_module(); /* The offset is fixed now. */
    nika_node_keep_secrets();
    bool good = open_pid_file(node, problems) && make_memory(node, problems) &&
                open_signals(node, problems) && open_trust(node, problems) &&
                open_recorder(node, problems) && recover(node, problems) &&
                open_pool(node, problems) && open_links(node, problems) &&
                node_http_open(node, problems);
#ifdef NIKA_BEHAVIOURS
    good = good && open_behaviour(node, problems);
#endif
    if (good) return node;
    nika_node_free(node);
    return NULL;
}

void nika_node_free(struct nika_node *node)
{
    if (node == NULL) return;
    node_http_close(node);
#ifdef NIKA_BEHAVIOURS
    nika_behaviour_free(node->behaviour);
#endif
    nika_links_free(node->links);
    nika_pool_free(node->pool);
    nika_durable_close(node->durable);
    while (node->first != NULL) {
        struct completion *next = node->first->next;
        free(node->first);
        node->first = next;
    }
    nika_recorder_close(node->recorder, node->draining);
    nika_trust_close(node->trust);
    nika_verifier_free(node->verifier);
    if (node->signal_source.fd >= 0) close(node->signal_source.fd);
    nika_loop_free(node->loop);
    give_back(node->module_memory, node->module_size);
    give_back(node->app_memory, node->app_size);
    give_back(node->scratch, NODE_SCRATCH_BYTES);
    give_back(node->effects.actions, NODE_ACTIONS_MAX * sizeof(struct nika_action));
    give_back(node->effects.bytes, NODE_EFFECT_BYTES);
    if (node->pid_file >= 0) close(node->pid_file);
    free(node);
}

/* ---- running ---- */
static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Between two steps nothing is in these. */
static void let_go(struct nika_node *node, uint64_t now)
{
    nika_resident_drop(node->effects.actions, NODE_ACTIONS_MAX * sizeof(struct nika_action));
    nika_resident_drop(node->effects.bytes, NODE_EFFECT_BYTES);
    nika_resident_drop(node->scratch, NODE_SCRATCH_BYTES);
    nika_verifier_drop(node->verifier);
    nika_resident_drop_behind(node->module_memory, node->options.replica_ops->used(node->module),
                              node->module_size);
    nika_resident_drop_behind(node->app_memory, node->options.app_ops->used(node->app),
                              node->app_size);
    (void)nika_resident_trim();
    node->trim_ns = now + node->trim_interval_ns;
    if (node->trim_interval_ns < TRIM_LAST_NS) node->trim_interval_ns *= 2;
}

static void round_of(struct nika_node *node)
{
    uint64_t links = nika_links_deadline(node->links);
    uint64_t deadline = earliest(nika_timers_deadline(&node->timers), links);
    deadline = earliest(deadline, node_http_deadline(node));
#ifdef NIKA_BEHAVIOURS
    if (node->behaviour != NULL)
        deadline = earliest(deadline, nika_behaviour_deadline(node->behaviour));
#endif
    if (node->draining) deadline = earliest(deadline, node->drain_until_ns);
    if (node->trust != NULL) deadline = earliest(deadline, node->trust_watch_ns);
    nika_loop_once(node->loop, deadline);
    node_run_pool(node);
    node_run_timers(node);
    node_run_completions(node);
#ifdef NIKA_BEHAVIOURS
    if (node->behaviour != NULL) nika_behaviour_run(node->behaviour);
#endif
    uint64_t now = nika_loop_now(node->loop);
    if (node->trust != NULL) node_watch_trust(node, now);
    node_http_run(node, now);
    if (links <= now) nika_links_tick(node->links, now);
    if (now >= node->trim_ns) let_go(node, now);
    if (node->recorder != NULL && now >= node->recorder_flush_ns) {
        nika_recorder_flush(node->recorder);
        node->recorder_flush_ns = now + RECORDER_FLUSH_NS;
    }
}

void nika_node_run(struct nika_node *node)
{
    struct nika_event start = {.kind = NIKA_EVENT_START};
    struct nika_replica_status status;
    node->options.replica_ops->status(node->module, &status);
    nika_log(node->options.log, NIKA_LOG_INFO, "started",
             "replica=%u protocol=%s app=%s suite=%s pid=%ld view=%llu executed=%llu amnesiac=%d",
             node->options.config->replica, node->options.cluster->protocol,
             node->options.cluster->app, nika_suite_name(node->config->suite), (long)getpid(),
             (unsigned long long)status.view, (unsigned long long)status.last_executed,
             node->forgetful);
    node_step(node, &start);
    node_run_completions(node);
    bool written = nika_links_flush(node->links);
    node->trim_ns = nika_clock_monotonic() + TRIM_FIRST_NS;
    node->trim_interval_ns = TRIM_FIRST_NS;
    while (!node->draining || (!written && nika_clock_monotonic() < node->drain_until_ns)) {
        round_of(node);
        written = nika_links_flush(node->links);
    }
    if (node->recorder != NULL) nika_recorder_state(node->recorder, node->module, true);
    nika_log(node->options.log, NIKA_LOG_INFO, "stopped", "executed=%llu",
             (unsigned long long)node->counts.executed_ops);
}
