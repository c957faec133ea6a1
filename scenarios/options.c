/* scenarios/options.c: configuration, seed draws and world options of a scenario. */
#include "scenarios/options.h"

#include <stdio.h>

#include "apps/registry.h"
#include "engine/core/stream.h"
#include "protocols/registry.h"

#define MS UINT64_C(1000000)
#define US UINT64_C(1000)

static uint64_t ms_or_never(uint64_t ms)
{
    return ms == UINT64_MAX ? NIKA_NEVER : ms * MS;
}

static void fill_config(const struct nika_scenario *s, struct nika_config *c)
{
    const uint64_t *v = s->values;
    c->protocol = nika_protocol_list[v[NIKA_KEY_PROTOCOL]].id;
    c->n = (uint32_t)v[NIKA_KEY_N];
    c->f = (uint32_t)v[NIKA_KEY_F];
    c->clients = (uint32_t)v[NIKA_KEY_CLIENTS];
    c->pillars = (uint32_t)v[NIKA_KEY_PILLARS];
    c->suite = (enum nika_suite)(v[NIKA_KEY_SUITE] + 1);
    c->checkpoint_interval = (uint32_t)v[NIKA_KEY_CHECKPOINT_INTERVAL];
    c->window = (uint32_t)v[NIKA_KEY_WINDOW];
    c->pipeline = (uint32_t)v[NIKA_KEY_PIPELINE];
    c->batch_count_max = (uint32_t)v[NIKA_KEY_BATCH_COUNT];
    c->batch_bytes_max = (uint32_t)v[NIKA_KEY_BATCH_BYTES];
    c->op_size_max = (uint32_t)v[NIKA_KEY_OP_SIZE_MAX];
    c->reply_size_max = (uint32_t)v[NIKA_KEY_REPLY_SIZE_MAX];
    c->pending_max = (uint32_t)v[NIKA_KEY_PENDING_MAX];
    c->chunk_size = (uint32_t)v[NIKA_KEY_CHUNK_SIZE];
    c->snapshot_size_max = (uint32_t)v[NIKA_KEY_SNAPSHOT_KIB] * 1024;
    c->store_bytes = (uint32_t)v[NIKA_KEY_STORE_KIB] * 1024;
    c->read_only = v[NIKA_KEY_READ_ONLY] != 0;
    c->backoff_max = (uint32_t)v[NIKA_KEY_BACKOFF_MAX];
    c->batch_ns = v[NIKA_KEY_BATCH_US] * US;
    c->request_ns = v[NIKA_KEY_REQUEST_MS] * MS;
    c->status_ns = v[NIKA_KEY_STATUS_MS] * MS;
    c->retransmit_ns = v[NIKA_KEY_RETRANSMIT_MS] * MS;
    c->fetch_ns = v[NIKA_KEY_FETCH_MS] * MS;
    c->lag_ns = v[NIKA_KEY_LAG_MS] * MS;
    c->client_ns = v[NIKA_KEY_CLIENT_MS] * MS;
    c->time_skew_ns = v[NIKA_KEY_SKEW_MS] * MS;
    c->pace_ns = v[NIKA_KEY_PACE_MS] * MS;
}

const char *nika_options_config(const struct nika_scenario *s, struct nika_config *out)
{
    const char *reason = NULL;
    nika_config_default(out);
    fill_config(s, out);
    if (nika_config_seal(out, &reason) != NIKA_OK) return reason != NULL ? reason : "out of range";
    const struct nika_replica_ops *ops = nika_protocol_list[s->values[NIKA_KEY_PROTOCOL]].replica;
    if (ops->check == NULL || s->values[NIKA_KEY_ALLOW_BEYOND_BOUND] != 0) return NULL;
    return ops->check(out);
}

bool nika_options_depend_on_seed(const struct nika_scenario *s)
{
    if (s->swarm_count > 0) return true;
    for (uint32_t i = 0; i < s->fault_count; i++) {
        uint64_t ppm = s->faults[i].probability_ppm;
        if (s->faults[i].draw_one || s->faults[i].draw_rest || (ppm > 0 && ppm < 1000000))
            return true;
    }
    return false;
}

static void set_drawn(struct nika_scenario *s, const struct nika_swarm *swarm, uint64_t value)
{
    if (swarm->key < NIKA_KEY_COUNT) {
        s->values[swarm->key] = value;
        return;
    }
    struct nika_scenario_fault *fault = &s->faults[swarm->fault];
    switch (swarm->field) {
    case NIKA_FIELD_FROM_MS:
        fault->from_ms = value;
        break;
    case NIKA_FIELD_TO_MS:
        fault->to_ms = value;
        break;
    case NIKA_FIELD_PROBABILITY:
        fault->probability_ppm = value;
        break;
    case NIKA_FIELD_PARAM:
        fault->params[swarm->param] = value;
        break;
    }
}

/* The index-th set bit of the targets. */
static void keep_one_target(struct nika_scenario_fault *fault, uint64_t index)
{
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) {
        if (!nika_set_has(fault->targets, i)) continue;
        if (index-- > 0) continue;
        fault->targets[0] = i < 64 ? UINT64_C(1) << i : 0;
        fault->targets[1] = i < 64 ? 0 : UINT64_C(1) << (i - 64);
        return;
    }
}

/* All but a core of n-f replicas: those that other faults of this run corrupt, and more by the seed until there are f. */
static void draw_rest(struct nika_scenario *drawn, uint32_t present, uint64_t stream)
{
    uint64_t rest[2] = {0, 0};
    uint64_t n = drawn->values[NIKA_KEY_N], f = drawn->values[NIKA_KEY_F];
    for (uint32_t i = 0; i < drawn->fault_count; i++) {
        const struct nika_scenario_fault *fault = &drawn->faults[i];
        if ((present >> i & 1) == 0 || fault->draw_rest || !nika_fault_corrupts(fault) ||
            fault->ops->fault_class == NIKA_FAULT_CLIENT)
            continue;
        rest[0] |= fault->targets[0];
        rest[1] |= fault->targets[1];
    }
    uint64_t count =
        (uint64_t)__builtin_popcountll(rest[0]) + (uint64_t)__builtin_popcountll(rest[1]);
    for (uint64_t k = 0; count < f; k++) {
        uint32_t replica = (uint32_t)nika_stream_below(stream, k, n);
        count += !nika_set_has(rest, replica);
        rest[replica / 64] |= UINT64_C(1) << (replica % 64);
    }
    for (uint32_t i = 0; i < drawn->fault_count; i++) {
        if (drawn->faults[i].draw_rest) memcpy(drawn->faults[i].targets, rest, sizeof rest);
    }
}

/* Setup draws come from streams named by position, so that one more range or fault at the end of a list shifts none before it. */
void nika_options_draw(const struct nika_scenario *s, uint64_t seed, struct nika_scenario *drawn,
                       uint32_t *present)
{
    *drawn = *s;
    *present = 0;
    uint64_t ranges = nika_stream(seed, "setup/swarm", 0),
             presence = nika_stream(seed, "setup/present", 0);
    uint64_t targets = nika_stream(seed, "setup/target", 0);
    for (uint32_t i = 0; i < s->swarm_count; i++) {
        const struct nika_swarm *swarm = &s->swarm[i];
        uint64_t span = swarm->high - swarm->low;
        set_drawn(drawn, swarm, swarm->low + nika_stream_below(ranges, i, span + 1));
    }
    for (uint32_t i = 0; i < s->fault_count; i++) {
        struct nika_scenario_fault *fault = &drawn->faults[i];
        bool here = nika_stream_below(presence, i, 1000000) < fault->probability_ppm;
        if (here) *present |= UINT32_C(1) << i;
        if (!fault->draw_one) continue;
        uint32_t count = (uint32_t)(__builtin_popcountll(fault->targets[0]) +
                                    __builtin_popcountll(fault->targets[1]));
        /* Of twins the seed is the number of a case, and who has them is a part of it. */
        keep_one_target(fault,
                        fault->ops->twins ? seed % count : nika_stream_below(targets, i, count));
        fault->drawn_among = count;
    }
    draw_rest(drawn, *present, nika_stream(seed, "setup/rest", 0));
}

static struct nika_latency uniform(uint64_t low_us, uint64_t high_us)
{
    struct nika_latency latency;
    for (uint32_t i = 0; i < NIKA_LATENCY_POINTS; i++)
        latency.quantile_ns[i] = (low_us * (16 - i) + high_us * i) * US / 16;
    return latency;
}

/* Straight lines through min at 0/16, median at 8/16 and the 99th percentile at 15.84/16; the tail jumps to max at 16/16. */
static struct nika_latency link_latency(const struct nika_scenario *s, uint64_t added_us)
{
    uint64_t min = s->values[NIKA_KEY_LATENCY_MIN], median = s->values[NIKA_KEY_LATENCY_MEDIAN];
    uint64_t p99 = s->values[NIKA_KEY_LATENCY_P99], max = s->values[NIKA_KEY_LATENCY_MAX];
    struct nika_latency latency;
    for (uint32_t i = 0; i < NIKA_LATENCY_POINTS; i++) {
        uint64_t ns = max * US;
        if (i <= 8) {
            ns = (min * (8 - i) + median * i) * US / 8;
        } else if (i < 16) {
            ns = median * US + (p99 - median) * US * (i - 8) * 100 / 784;
        }
        latency.quantile_ns[i] = ns + added_us * US;
    }
    return latency;
}

static void fill_network(const struct nika_scenario *s, struct nika_network_options *net)
{
    const uint64_t *v = s->values;
    struct nika_latency near = link_latency(s, 0);
    for (uint32_t i = 0; i < NIKA_LATENCY_CLASSES; i++) net->latency[i] = near;
    if (s->region_count > 0) net->latency[1] = link_latency(s, v[NIKA_KEY_CROSS_REGION_US]);
    for (uint32_t i = 0; i < s->region_count; i++) {
        for (uint32_t j = 0; j < s->region_count; j++)
            net->replica_class[i][j] = s->regions[i] != s->regions[j];
    }
    net->loss_ppm = (uint32_t)v[NIKA_KEY_LOSS_PPM];
    net->duplicate_ppm = (uint32_t)v[NIKA_KEY_DUPLICATE_PPM];
    net->reorder_ppm = (uint32_t)v[NIKA_KEY_REORDER_PPM];
    net->bandwidth_bytes_per_s = v[NIKA_KEY_BANDWIDTH_KIB_S] * 1024;
    net->link_bytes_max = (uint32_t)v[NIKA_KEY_LINK_KIB] * 1024;
    net->latency_bound_ns = v[NIKA_KEY_BOUND_MS] * MS;
    uint64_t largest =
        net->latency[s->region_count > 0 ? 1 : 0].quantile_ns[NIKA_LATENCY_POINTS - 1];
    if (net->latency_bound_ns == 0) net->latency_bound_ns = largest;
}

static void fill_node(const struct nika_scenario *s, struct nika_world_options *out)
{
    const uint64_t *v = s->values;
    out->disk.fsync = uniform(v[NIKA_KEY_FSYNC_MIN], v[NIKA_KEY_FSYNC_MAX]);
    out->disk.log_bytes_max = (uint32_t)v[NIKA_KEY_LOG_KIB] * 1024;
    /* Kept snapshots, one being written, and the module's part of each. */
    uint32_t snapshots = nika_config_snapshots(&out->config) + 1;
    out->disk.snapshot_bytes_max = out->config.snapshot_size_max < UINT32_MAX / 2 / snapshots
                                       ? snapshots * out->config.snapshot_size_max + 4194304
                                       : UINT32_MAX;
    out->cpu.message_ns = (uint32_t)v[NIKA_KEY_MESSAGE_NS];
    out->cpu.sign_ns = (uint32_t)v[NIKA_KEY_SIGN_NS];
    out->cpu.verify_ns = (uint32_t)v[NIKA_KEY_VERIFY_NS];
    out->cpu.mac_ns = (uint32_t)v[NIKA_KEY_MAC_NS];
    out->cpu.trusted_ns = (uint32_t)v[NIKA_KEY_TRUSTED_NS];
    out->cpu.execute_ns = (uint32_t)v[NIKA_KEY_EXECUTE_NS];
    out->cpu.hash_ns_per_kib = (uint32_t)v[NIKA_KEY_HASH_NS_PER_KIB];
    out->cpu.inbox_max = (uint32_t)v[NIKA_KEY_INBOX_MAX];
    out->app_delay = uniform(v[NIKA_KEY_APP_MIN], v[NIKA_KEY_APP_MAX]);
}

static void fill_faults(const struct nika_scenario *s, uint32_t present,
                        struct nika_world_options *out)
{
    for (uint32_t i = 0; i < s->fault_count; i++) {
        const struct nika_scenario_fault *from = &s->faults[i];
        if ((present >> i & 1) == 0) continue;
        struct nika_fault *fault = &out->faults[out->fault_count++];
        fault->ops = from->ops;
        fault->index = i;
        fault->targets[0] = from->targets[0];
        fault->targets[1] = from->targets[1];
        fault->drawn_among = from->drawn_among;
        fault->from_ns = from->from_ms * MS;
        fault->to_ns = ms_or_never(from->to_ms);
        memcpy(fault->params, from->params, sizeof fault->params);
    }
}

const char *nika_options_world(const struct nika_scenario *s, uint32_t present,
                               struct nika_world_options *out)
{
    const uint64_t *v = s->values;
    memset(out, 0, sizeof *out);
    const char *reason = nika_options_config(s, &out->config);
    if (reason != NULL) return reason;
    if (v[NIKA_KEY_LATENCY_MIN] > v[NIKA_KEY_LATENCY_MEDIAN] ||
        v[NIKA_KEY_LATENCY_MEDIAN] > v[NIKA_KEY_LATENCY_P99] ||
        v[NIKA_KEY_LATENCY_P99] > v[NIKA_KEY_LATENCY_MAX] ||
        v[NIKA_KEY_FSYNC_MIN] > v[NIKA_KEY_FSYNC_MAX] ||
        v[NIKA_KEY_APP_MIN] > v[NIKA_KEY_APP_MAX]) {
        return "a drawn latency distribution does not ascend";
    }
    const struct nika_protocol *protocol = &nika_protocol_list[v[NIKA_KEY_PROTOCOL]];
    out->replica_ops = protocol->replica;
    out->client_ops = protocol->client;
    out->app_ops = nika_app_list[v[NIKA_KEY_APP]];
    out->app_param = v[NIKA_KEY_APP_PARAM];
    fill_network(s, &out->network);
    fill_node(s, out);
    fill_faults(s, present, out);
    out->gst_ns = ms_or_never(v[NIKA_KEY_GST_MS]);
    out->time_limit_ns = v[NIKA_KEY_TIME_MS] * MS;
    out->event_limit = v[NIKA_KEY_EVENTS];
    out->message_bytes_max = (uint32_t)(v[NIKA_KEY_MEMORY_MIB] << 20);
    out->verdict_cache = true;
    out->trusted_later = s->values[NIKA_KEY_TRUSTED_LATER] != 0;
    return NULL;
}

void nika_options_corrupted(const struct nika_scenario *s, uint32_t present,
                            struct nika_oracle_setup *out)
{
    for (uint32_t i = 0; i < s->fault_count; i++) {
        const struct nika_scenario_fault *fault = &s->faults[i];
        if ((present >> i & 1) == 0) continue;
        uint64_t *set =
            fault->ops->fault_class == NIKA_FAULT_CLIENT ? out->corrupted_clients : out->corrupted;
        if (set == out->corrupted && !nika_fault_corrupts(fault)) continue;
        set[0] |= fault->targets[0];
        set[1] |= fault->targets[1];
    }
    out->byzantine_count = (uint32_t)(__builtin_popcountll(out->corrupted[0]) +
                                      __builtin_popcountll(out->corrupted[1]));
}
