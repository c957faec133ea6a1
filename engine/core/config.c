/* engine/core/config.c: defaults, ranges and identity of a cluster's configuration (config.h).
 *
 * Owns nothing. It knows limits and relations that hold for every protocol; quorum sizes are each
 * protocol's own. */
#include "engine/core/config.h"

#include "engine/core/bytes.h"
#include "engine/core/digest.h"

#define MS_IN_NS UINT64_C(1000000)
/* Longer timers are a mistaken unit, and doubling them for the largest back-off must not overflow.
 */
#define TIMER_NS_MAX (UINT64_C(3600) * 1000 * MS_IN_NS)
#define CHUNK_SIZE_MIN 64u
#define STORE_BYTES_MAX (1024u * 1024u * 1024u)
#define GROUP_DOMAIN "nika-group-v1"
_Static_assert(TIMER_NS_MAX < (UINT64_MAX >> NIKA_BACKOFF_MAX), "back-off cannot overflow");

void nika_config_default(struct nika_config *config)
{
    memset(config, 0, sizeof *config);
    config->n = 4;
    config->f = 1;
    config->pillars = 1;
    config->clients = 1;
    config->suite = NIKA_SUITE_ED25519;
    config->checkpoint_interval = 8;
    config->window = 32;
    config->pipeline = 16;
    config->batch_count_max = 64;
    config->batch_bytes_max = 256 * 1024;
    config->op_size_max = 4096;
    config->reply_size_max = 256;
    config->pending_max = 256;
    config->chunk_size = 4096;
    config->snapshot_size_max = 1024 * 1024;
    config->store_bytes = 4 * 1024 * 1024;
    config->backoff_max = 10;
    config->batch_ns = 5 * MS_IN_NS;
    config->request_ns = 500 * MS_IN_NS;
    config->status_ns = 150 * MS_IN_NS;
    config->retransmit_ns = 100 * MS_IN_NS;
    config->fetch_ns = 200 * MS_IN_NS;
    config->lag_ns = 300 * MS_IN_NS;
    config->client_ns = 800 * MS_IN_NS;
    config->time_skew_ns = 1000 * MS_IN_NS;
}

struct range {
    uint64_t value, low, high;
    const char *reason;
};

static const char *first_out_of_range(const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high)
            return ranges[i].reason;
    }
    return NULL;
}

static const char *check_sizes(const struct nika_config *c)
{
    const struct range ranges[] = {
        {c->n, 1, NIKA_REPLICAS_MAX, "n must be in 1..128"},
        {c->f, 0, c->n - 1, "f must be less than n"},
        {c->pillars, 1, NIKA_PILLARS_MAX, "pillars must be in 1..8"},
        {c->clients, 1, NIKA_CLIENTS_MAX, "clients must be in 1..4096"},
        {c->suite, NIKA_SUITE_ED25519, NIKA_SUITE_SIM,
         "suite must be a known authentication suite"},
        {c->checkpoint_interval, 1, NIKA_WINDOW_MAX / 2, "checkpoint interval must be in 1..512"},
        {c->window, 2 * (uint64_t)c->checkpoint_interval, NIKA_WINDOW_MAX,
         "window must be at least twice the checkpoint interval and at most 1024"},
        {c->pipeline, 1, c->window, "pipeline must be in 1..window"},
        {c->batch_count_max, 1, NIKA_BATCH_COUNT_MAX, "batch count must be in 1..1024"},
        {c->op_size_max, 1, NIKA_OP_SIZE_MAX, "operation size must be in 1..65536"},
        {c->batch_bytes_max, c->op_size_max, NIKA_BATCH_BYTES_MAX,
         "batch bytes must hold one operation and be at most 262144"},
        {c->reply_size_max, 1, NIKA_REPLY_SIZE_MAX, "reply size must be in 1..65536"},
        {c->pending_max, 1, NIKA_CLIENTS_MAX, "pending requests must be in 1..4096"},
        {c->chunk_size, CHUNK_SIZE_MIN, NIKA_CHUNK_SIZE_MAX, "chunk size must be in 64..65536"},
        {c->snapshot_size_max, c->chunk_size, (uint64_t)c->chunk_size * NIKA_CHUNKS_MAX,
         "snapshot size must be one to 65536 chunks"},
        {c->store_bytes, 2 * (uint64_t)c->batch_bytes_max, STORE_BYTES_MAX,
         "store must hold two batches and be at most 1 GiB"},
        {c->backoff_max, 0, NIKA_BACKOFF_MAX, "back-off cap must be in 0..16"},
    };
    return first_out_of_range(ranges, ARRAY_COUNT(ranges));
}

static const char *check_timers(const struct nika_config *c)
{
    const struct range ranges[] = {
        {c->batch_ns, 0, TIMER_NS_MAX, "batch timer must be at most one hour"},
        {c->request_ns, 1, TIMER_NS_MAX, "request timer must be positive and at most one hour"},
        {c->status_ns, 1, TIMER_NS_MAX, "status timer must be positive and at most one hour"},
        {c->retransmit_ns, 1, TIMER_NS_MAX,
         "retransmit timer must be positive and at most one hour"},
        {c->fetch_ns, 1, TIMER_NS_MAX, "fetch timer must be positive and at most one hour"},
        {c->lag_ns, 1, TIMER_NS_MAX, "lag timer must be positive and at most one hour"},
        {c->client_ns, 1, TIMER_NS_MAX, "client timer must be positive and at most one hour"},
        {c->time_skew_ns, 1, TIMER_NS_MAX, "time skew must be positive and at most one hour"},
        {c->pace_ns, 0, TIMER_NS_MAX, "pace window must be at most one hour"},
    };
    return first_out_of_range(ranges, ARRAY_COUNT(ranges));
}

static void group_id(const struct nika_config *c, struct nika_digest *out)
{
    const uint64_t fields[] = {
        c->protocol,
        c->n,
        c->f,
        c->clients,
        c->epoch,
        (uint64_t)c->suite,
        c->checkpoint_interval,
        c->window,
        c->pipeline,
        c->batch_count_max,
        c->batch_bytes_max,
        c->op_size_max,
        c->reply_size_max,
        c->pending_max,
        c->chunk_size,
        c->snapshot_size_max,
        c->store_bytes,
        c->read_only ? 1u : 0u,
        c->backoff_max,
        c->batch_ns,
        c->request_ns,
        c->status_ns,
        c->retransmit_ns,
        c->fetch_ns,
        c->lag_ns,
        c->client_ns,
        c->time_skew_ns,
        c->pace_ns,
        c->pillars,
    };
    uint8_t bytes[sizeof GROUP_DOMAIN - 1 + sizeof fields];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_write_raw(&w, GROUP_DOMAIN, sizeof GROUP_DOMAIN - 1);
    /* The last fields came later: off, they leave the group id as it was. */
    size_t count = ARRAY_COUNT(fields);
    if (c->pillars == 1) count -= c->pace_ns == 0 ? 2 : 1;
    for (size_t i = 0; i < count; i++) nika_write_u64(&w, fields[i]);
    nika_sha256_one(bytes, w.at, out);
}

enum nika_err nika_config_seal(struct nika_config *config, const char **reason)
{
    const char *broken = check_sizes(config);
    if (broken == NULL) broken = check_timers(config);
    if (broken == NULL && config->window % config->checkpoint_interval != 0)
        broken = "window must be a multiple of the checkpoint interval";
    if (broken == NULL && nika_config_snapshots(config) > NIKA_SNAPSHOTS_MAX)
        broken = "window must be at most 8 checkpoint intervals";
    if (reason != NULL) *reason = broken;
    if (broken != NULL) return NIKA_ERR_CONFIG;
    group_id(config, &config->group_id);
    return NIKA_OK;
}
