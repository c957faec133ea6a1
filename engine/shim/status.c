/* engine/shim/status.c: what a node tells its operator: state as JSON, figures as OpenMetrics text (node.h). Reads, never changes. */
#include "engine/shim/node_private.h"

#include "engine/core/digest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define TRUST_SLOW_NS                                                                              \
    (SECOND_NS / 2) /* A counter that writes through to a disk takes milliseconds. */

struct memory {
    uint64_t resident_kib, private_kib;
};

/* Of this process, as the kernel counts it. The second costs the kernel a walk over the pages, so it is asked for by name. */
static void read_memory(struct memory *out)
{
    char line[160];
    unsigned long long kib;
    memset(out, 0, sizeof *out);
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Rss: %llu kB", &kib) == 1) out->resident_kib = kib;
        if (sscanf(line, "Private_Clean: %llu kB", &kib) == 1) out->private_kib += kib;
        if (sscanf(line, "Private_Dirty: %llu kB", &kib) == 1) out->private_kib += kib;
    }
    (void)fclose(file);
}

static uint64_t cpu_us(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void node_replica_status(const struct nika_node *node, struct nika_replica_status *out)
{
    if (node->stepping && node->trust != NULL)
        *out = node->before;
    else
        node->options.replica_ops->status(node->module, out);
}

/* Is this asked while a call of the trusted subsystem takes long? */
static bool waits_for_trust(const struct nika_node *node)
{
    uint64_t since = node->trust == NULL ? 0 : nika_trust_waits_since(node->trust);
    return since != 0 && nika_clock_monotonic() - since >= TRUST_SLOW_NS;
}

const char *nika_node_unhealthy(struct nika_node *node)
{
    const struct nika_config *c = node->config;
    struct nika_replica_status status;
    node_replica_status(node, &status);
    if (node->draining) return "stopping";
    if (node->trust != NULL && nika_trust_gone(node->trust) != NULL)
        return "stopped voting: its trusted subsystem is gone (TSG)";
    if (waits_for_trust(node)) return "its trusted subsystem is slow: it waits for an answer";
    if (node->stopped_voting == NIKA_CHECK_TSR)
        return "stopped voting: its trusted subsystem was rolled back (TSR)";
    if (node->stopped_voting == NIKA_CHECK_TSG)
        return "stopped voting: its trusted subsystem refused (TSG)";
    if (status.amnesiac) return "its disk was lost or damaged: waits for a state transfer";
    if (nika_links_replicas_up(node->links) + 1 < c->n - c->f)
        return "connected to fewer replicas than a quorum needs";
    if (status.transferring) return "state transfer";
    if (!status.active) return "view change";
    return NULL;
}

static json_int_t number(uint64_t value)
{
    return (json_int_t)value;
}

static void set(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer(number(value)));
}

static json_t *rejects_json(const struct node_counts *counts)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < NIKA_CHECK_COUNT; i++) {
        if (counts->rejects[i] > 0)
            set(object, nika_check_name((enum nika_check)i), counts->rejects[i]);
    }
    return object;
}

static json_t *peers_json(const struct nika_node *node)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < node->config->n; i++) {
        bool up = i == node->options.config->replica || nika_links_is_up(node->links, i);
        json_array_append_new(list, json_boolean(up));
    }
    return list;
}

static void set_identity(struct nika_node *node, json_t *root)
{
    const struct nika_node_options *o = &node->options;
    char group[2 * NIKA_DIGEST_SIZE + 1];
    nika_hex(node->config->group_id.bytes, NIKA_DIGEST_SIZE, group);
    set(root, "replica", o->config->replica);
    set(root, "pid", (uint64_t)getpid());
    json_object_set_new(root, "version", json_string(o->version));
    json_object_set_new(root, "protocol", json_string(o->cluster->protocol));
    json_object_set_new(root, "app", json_string(o->cluster->app));
    json_object_set_new(root, "suite", json_string(nika_suite_name(node->config->suite)));
    json_object_set_new(root, "group", json_string(group));
    set(root, "uptime_ms", (nika_clock_monotonic() - node->started_ns) / 1000000u);
}

static void set_protocol(struct nika_node *node, json_t *root)
{
    struct nika_replica_status s;
    struct nika_digest digest;
    char hex[2 * NIKA_DIGEST_SIZE + 1] = "";
    node_replica_status(node, &s);
    set(root, "view", s.view);
    json_object_set_new(root, "active", json_boolean(s.active));
    json_object_set_new(root, "amnesiac", json_boolean(s.amnesiac));
    json_object_set_new(root, "transferring", json_boolean(s.transferring));
    set(root, "low_mark", s.low_mark);
    set(root, "executed", s.last_executed);
    set(root, "committed", s.last_committed);
    set(root, "pending", s.pending);
    snprintf(hex, sizeof hex, "%016" PRIx64, node->execution_chain);
    json_object_set_new(root, "execution_chain", json_string(hex));
    json_object_set_new(root, "waits_for", json_string(nika_wait_text(s.wait)));
    /* The newest checkpoint of the application: equal at all replicas that name the same sequence number. */
    if (node->meta_count > 0) {
        digest = node->metas[node->meta_count - 1].root;
        nika_hex(digest.bytes, sizeof digest.bytes, hex);
        set(root, "checkpoint", node->metas[node->meta_count - 1].seq);
        json_object_set_new(root, "checkpoint_digest", json_string(hex));
    }
}

static void set_counts(struct nika_node *node, json_t *root)
{
    const struct node_counts *c = &node->counts;
    const struct nika_links_stats *links = nika_links_stats(node->links);
    const struct nika_verify_stats *verify = nika_verifier_stats(node->verifier);
    struct nika_disk_store_figures disk;
    struct memory memory;
    uint64_t pool_ns = 0, pool_signatures = 0;
    if (node->pool != NULL) nika_pool_figures(node->pool, &pool_ns, &pool_signatures);
    read_memory(&memory);
    nika_durable_figures(node->durable, &disk);
    json_object_set_new(root, "work",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "requests",
                                  number(c->executed_ops), "batches", number(c->executed_batches),
                                  "messages", number(c->messages), "steps", number(c->steps),
                                  "checkpoints", number(c->checkpoints), "transfers",
                                  number(c->transfers), "alarms", number(c->alarms), "evidence",
                                  number(c->evidence)));
    json_object_set_new(
        root, "links",
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "clients",
                  number(nika_links_clients_up(node->links)), "bytes_in", number(links->bytes_in),
                  "bytes_out", number(links->bytes_out), "frames_out", number(links->frames_out),
                  "writes", number(links->writes), "dropped_full", number(links->dropped_full),
                  "dropped_away", number(links->dropped_away), "rejected", number(links->rejected),
                  "pool_dropped", number(c->pool_dropped)));
    json_object_set_new(root, "crypto",
                        json_pack("{s:I, s:I, s:I, s:I, s:I}", "signatures",
                                  number(verify->signatures + pool_signatures), "macs",
                                  number(verify->macs), "made", number(verify->made), "remembered",
                                  number(verify->remembered), "ns", number(verify->ns + pool_ns)));
    json_object_set_new(root, "disk",
                        json_pack("{s:I, s:I, s:I, s:I, s:I}", "commits", number(disk.commits),
                                  "bytes", number(disk.log_bytes), "failures",
                                  number(disk.failures), "segments", number(disk.segments),
                                  "waiting", number(disk.waiting)));
    json_object_set_new(
        root, "process",
        json_pack("{s:I, s:I, s:I, s:I}", "resident_kib", number(memory.resident_kib),
                  "private_kib", number(memory.private_kib), "cpu_us", number(cpu_us()),
                  "memory_bound_kib", number((node->module_size + node->app_size) / 1024u)));
    json_object_set_new(root, "rejects", rejects_json(c));
}

static json_t *trust_json(const struct nika_node *node)
{
    const struct nika_trust_stats *s = nika_trust_stats(node->trust);
    const char *gone = nika_trust_gone(node->trust);
    json_t *counters = json_array();
    for (uint32_t p = 0; p < node->config->pillars; p++) {
        struct nika_trusted_value value = nika_trust_value(node->trust, p);
        json_array_append_new(counters,
                              json_pack("[I, I]", number(value.view), number(value.order)));
    }
    return json_pack(
        "{s:s, s:I, s:o, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "backend",
        nika_trust_backend(node->trust), "epoch", number(nika_trust_epoch(node->trust)), "counters",
        counters, "voting", (int)(gone == NULL && node->stopped_voting == NIKA_CHECK_NONE), "gone",
        gone == NULL ? json_null() : json_string(gone), "certified", number(s->certified),
        "verified", number(s->verified), "refused", number(s->refused), "invalid",
        number(s->invalid), "failed", number(s->failed), "ns", number(s->ns));
}

json_t *nika_node_status(struct nika_node *node)
{
    json_t *root = json_object();
    const char *unhealthy = nika_node_unhealthy(node);
    if (root == NULL) return NULL;
    json_object_set_new(root, "healthy", json_boolean(unhealthy == NULL));
    json_object_set_new(root, "reason", unhealthy == NULL ? json_null() : json_string(unhealthy));
    set_identity(node, root);
    set_protocol(node, root);
    json_object_set_new(root, "peers", peers_json(node));
    set_counts(node, root);
    if (node->trust != NULL) json_object_set_new(root, "trusted", trust_json(node));
    return root;
}

/* ---- OpenMetrics ---- */
struct text {
    char *out;
    size_t capacity, size;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
    va_list arguments;
    size_t room = t->size < t->capacity ? t->capacity - t->size : 0;
    va_start(arguments, format);
    int size = vsnprintf(room > 0 ? t->out + t->size : NULL, room, format, arguments);
    va_end(arguments);
    t->size += size > 0 ? (size_t)size : 0;
}

static void gauge(struct text *t, const char *name, const char *help, uint64_t value)
{
    put(t, "# TYPE nika_%s gauge\n# HELP nika_%s %s\nnika_%s %" PRIu64 "\n", name, name, help, name,
        value);
}

static void counter(struct text *t, const char *name, const char *help, uint64_t value)
{
    put(t, "# TYPE nika_%s counter\n# HELP nika_%s %s\nnika_%s_total %" PRIu64 "\n", name, name,
        help, name, value);
}

static void put_state(struct nika_node *node, struct text *t)
{
    struct nika_replica_status s;
    node_replica_status(node, &s);
    put(t,
        "# TYPE nika_build info\n# HELP nika_build Version and set-up of this replica.\n"
        "nika_build_info{version=\"%s\",protocol=\"%s\",app=\"%s\",suite=\"%s\"} 1\n",
        node->options.version, node->options.cluster->protocol, node->options.cluster->app,
        nika_suite_name(node->config->suite));
    gauge(t, "healthy", "1 when this replica takes part.", nika_node_unhealthy(node) == NULL);
    gauge(t, "view", "View that this replica is in or moves to.", s.view);
    gauge(t, "view_active", "1 when it is in that view.", s.active);
    gauge(t, "amnesiac", "1 while it may have forgotten votes and is silent.", s.amnesiac);
    gauge(t, "transferring", "1 during a state transfer.", s.transferring);
    gauge(t, "low_mark", "Sequence number of the stable checkpoint.", s.low_mark);
    gauge(t, "executed_seq", "Last executed sequence number.", s.last_executed);
    gauge(t, "committed_seq", "Last committed sequence number without a gap.", s.last_committed);
    gauge(t, "pending_requests", "Requests known and not executed.", s.pending);
    gauge(t, "replicas_up", "Other replicas that are connected.",
          nika_links_replicas_up(node->links));
    gauge(t, "clients_up", "Clients that are connected.", nika_links_clients_up(node->links));
}

static void put_work(struct nika_node *node, struct text *t)
{
    const struct node_counts *c = &node->counts;
    counter(t, "requests_executed", "Requests executed.", c->executed_ops);
    counter(t, "batches_executed", "Batches executed.", c->executed_batches);
    counter(t, "checkpoints", "Checkpoints taken.", c->checkpoints);
    counter(t, "view_notes", "Views left or entered.", c->views);
    counter(t, "state_transfers", "State transfers finished.", c->transfers);
    counter(t, "evidence", "Proofs that a node is faulty.", c->evidence);
    counter(t, "safety_alarms", "Signs that safety was violated. Any is an emergency.", c->alarms);
    counter(t, "messages", "Messages given to the protocol.", c->messages);
    counter(t, "messages_unneeded", "Votes beyond a quorum, dropped without verification.",
            c->unneeded);
    put(t, "# TYPE nika_rejects counter\n# HELP nika_rejects Messages refused, by check.\n");
    for (uint32_t i = 0; i < NIKA_CHECK_COUNT; i++) {
        if (c->rejects[i] > 0)
            put(t, "nika_rejects_total{check=\"%s\"} %" PRIu64 "\n",
                nika_check_name((enum nika_check)i), c->rejects[i]);
    }
    put(t,
        "# TYPE nika_bad_frames counter\n# HELP nika_bad_frames Frames refused on arrival.\n"
        "nika_bad_frames_total{reason=\"malformed\"} %" PRIu64
        "\nnika_bad_frames_total{reason=\"unbound\"} %" PRIu64
        "\nnika_bad_frames_total{reason=\"forged\"} %" PRIu64 "\n",
        c->arrivals[NIKA_ARRIVAL_MALFORMED], c->arrivals[NIKA_ARRIVAL_UNBOUND],
        c->arrivals[NIKA_ARRIVAL_FORGED]);
}

static void put_trust(const struct nika_node *node, struct text *t)
{
    const struct nika_trust_stats *s = nika_trust_stats(node->trust);
    bool up = nika_trust_gone(node->trust) == NULL;
    gauge(t, "trusted_up", "1 while the trusted subsystem answers.", up);
    gauge(t, "voting", "1 while this replica votes.",
          up && node->stopped_voting == NIKA_CHECK_NONE);
    counter(t, "trusted_certificates", "Certificates made by the trusted subsystem.", s->certified);
    counter(t, "trusted_verified", "Certificates that it found good.", s->verified);
    counter(t, "trusted_invalid", "Certificates that it found to be none.", s->invalid);
    counter(t, "trusted_refused", "Steps that its counters refused.", s->refused);
    counter(t, "trusted_failures", "Calls that found it gone.", s->failed);
    put(t,
        "# TYPE nika_trusted_seconds counter\n# UNIT nika_trusted_seconds seconds\n# HELP "
        "nika_trusted_seconds Waited for its process.\nnika_trusted_seconds_total %" PRIu64
        ".%09" PRIu64 "\n",
        s->ns / SECOND_NS, s->ns % SECOND_NS);
}

static void put_resources(struct nika_node *node, struct text *t)
{
    const struct nika_links_stats *links = nika_links_stats(node->links);
    const struct nika_verify_stats *verify = nika_verifier_stats(node->verifier);
    struct nika_disk_store_figures disk;
    struct memory memory;
    uint64_t cpu = cpu_us();
    read_memory(&memory);
    nika_durable_figures(node->durable, &disk);
    counter(t, "bytes_received", "Bytes received from peers and clients.", links->bytes_in);
    counter(t, "bytes_sent", "Bytes sent to peers and clients.", links->bytes_out);
    counter(t, "frames_sent", "Frames sent.", links->frames_out);
    counter(t, "socket_writes", "Writes to sockets.", links->writes);
    counter(t, "connections_accepted", "Connections accepted.", links->accepted);
    counter(t, "connections_rejected", "Connections ended for bad input or slowness.",
            links->rejected);
    counter(t, "frames_dropped_full", "Frames dropped because a peer's queue was full.",
            links->dropped_full);
    counter(t, "frames_dropped_away", "Frames dropped because a peer was not connected.",
            links->dropped_away);
    uint64_t pool_ns = 0, pool_signatures = 0;
    if (node->pool != NULL) nika_pool_figures(node->pool, &pool_ns, &pool_signatures);
    counter(t, "signatures_verified", "Signatures verified.", verify->signatures + pool_signatures);
    counter(t, "frames_dropped_verify", "Frames dropped because too many of a peer waited.",
            node->counts.pool_dropped);
    counter(t, "signatures_remembered", "Signatures that were not verified again.",
            verify->remembered);
    counter(t, "authentications_made", "Signatures and MACs made.", verify->made);
    counter(t, "log_commits", "Group commits of the write-ahead log.", disk.commits);
    counter(t, "log_bytes", "Bytes written to the write-ahead log.", disk.log_bytes);
    counter(t, "disk_failures", "Records that the disk refused.", disk.failures);
    gauge(t, "log_segments", "Files of the write-ahead log.", disk.segments);
    gauge(t, "disk_waiting", "Records submitted and not durable yet.", disk.waiting);
    gauge(t, "resident_bytes", "Resident memory.", memory.resident_kib * 1024u);
    gauge(t, "private_bytes", "Memory that no other process shares.", memory.private_kib * 1024u);
    gauge(t, "memory_bound_bytes", "Most that protocol and application may ever use.",
          node->module_size + node->app_size);
    put(t,
        "# TYPE nika_cpu_seconds counter\n# UNIT nika_cpu_seconds seconds\n# HELP nika_cpu_seconds "
        "Processor time.\nnika_cpu_seconds_total %" PRIu64 ".%06" PRIu64 "\n",
        cpu / 1000000u, cpu % 1000000u);
}

size_t nika_node_metrics(struct nika_node *node, char *out, size_t capacity)
{
    struct text t = {.out = out, .capacity = capacity};
    put_state(node, &t);
    put_work(node, &t);
    put_resources(node, &t);
    if (node->trust != NULL) put_trust(node, &t);
    put(&t, "# EOF\n");
    return t.size;
}
