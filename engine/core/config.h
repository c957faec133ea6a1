/* engine/core/config.h: the configuration every module of one cluster shares. Plain data, identical on all nodes;
 * its canonical hash is the group id that every signature binds (PROTOCOLS.md 5). */
#ifndef ENGINE_CORE_CONFIG_H
#define ENGINE_CORE_CONFIG_H

#include "engine/core/auth.h"
#include "engine/core/err.h"
#include "engine/core/limits.h"
#include "engine/core/types.h"

struct nika_config {
    uint32_t protocol;            /* Registry id of the protocol; part of the group id. */
    uint32_t n, f;                /* Replicas; tolerated faults. */
    uint32_t pillars;             /* Parts of the order space that are ordered in parallel (2.6). */
    uint32_t clients;             /* Registered clients, ids 0..clients-1. */
    uint32_t epoch;               /* Configuration epoch. */
    enum nika_suite suite;        /* Authentication suite of all keys. */
    uint32_t checkpoint_interval; /* K, in sequence numbers. */
    uint32_t window;              /* L, multiple of K, >= 2K. */
    uint32_t pipeline;            /* Proposals the primary may have beyond last_exec (B3). */
    uint32_t batch_count_max;     /* B_MAX. */
    uint32_t batch_bytes_max;     /* B_BYTES. */
    uint32_t op_size_max;         /* MAX_OP. */
    uint32_t reply_size_max;      /* Bytes of one cached reply. */
    uint32_t pending_max;         /* PEND_MAX: un-executed requests in total; W_c = 1 per client. */
    uint32_t chunk_size;          /* State-transfer chunk limit. */
    uint32_t snapshot_size_max;   /* Bytes of one application snapshot. */
    /* Variable-size memory of one replica (batches, certificates, view changes). */
    uint32_t store_bytes;
    bool read_only;         /* Read-only path on: writes then need Q replies (C-c). */
    uint32_t backoff_max;   /* Cap on doublings of T_vc. */
    uint64_t batch_ns;      /* T_batch; 0 = cut at once. */
    uint64_t request_ns;    /* T_req = T0. */
    uint64_t status_ns;     /* T_status. */
    uint64_t retransmit_ns; /* T_retx. */
    uint64_t fetch_ns;      /* T_fetch. */
    uint64_t lag_ns;        /* T_lag (CK6). */
    uint64_t client_ns;     /* T_client, doubling, capped at 16x. */
    uint64_t time_skew_ns;  /* SKEW (PP9). */
    uint64_t pace_ns;       /* T_pace: window in which backups judge the primary's pace; 0 = off. */
    struct nika_digest group_id; /* Filled in by nika_config_seal(). */
};

/* Defaults of PROTOCOLS.md 0 for simulation (K=8, L=32) with n=4, f=1, one client. */
void nika_config_default(struct nika_config *config);
/* Snapshots to keep: of the stable checkpoint and of each later one in the window. At most NIKA_SNAPSHOTS_MAX once sealed. */
static inline uint32_t nika_config_snapshots(const struct nika_config *config)
{
    return config->window / config->checkpoint_interval + 1;
}
/* Check ranges and relations; on error `*reason` (static text) says what was expected. Quorum sizes are the protocol's
 * own check. Fills in group_id. Errors: NIKA_ERR_CONFIG. */
NIKA_MUST_USE enum nika_err nika_config_seal(struct nika_config *config, const char **reason);

#endif
