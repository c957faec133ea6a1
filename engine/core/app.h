/* engine/core/app.h: the contract of a replicated application (PROTOCOLS.md 4, application module).
 *
 * An application is deterministic: results and state depend only on (state, operations, agreed time). It keeps the
 * nika_config_snapshots() newest snapshots it was asked to take; chunking is independent of history. It owns only the memory it was
 * given. */
#ifndef ENGINE_CORE_APP_H
#define ENGINE_CORE_APP_H

#include "engine/core/config.h"
#include "engine/core/err.h"
#include "engine/core/merkle.h"
#include "engine/core/types.h"

/* EXECUTE payload: seq u64 | time_ns u64 | batch digest[32] | count u32 | count x { client u32, timestamp u64, flags u32,
 * op bytes (u32 length) }. APP payload for it: count u32 | count x { result bytes (u32 length) }.
 * QUERY payload: client u32 | timestamp u64 | op bytes. APP payload: result bytes (u32 length).
 * SNAPSHOT_TAKE and RESTORE_END answer with a struct nika_snapshot_meta, encoded by nika_snapshot_meta_write.
 * SNAPSHOT_CHUNK answers: chunk bytes (u32 length) | proof count u32 | siblings, 32 bytes each. */
struct nika_snapshot_meta {
    uint64_t seq;
    uint32_t chunk_count;
    uint64_t total_size;
    struct nika_digest root; /* merkle.h over the chunks. */
};
#define NIKA_SNAPSHOT_META_SIZE 52u

struct nika_reader;
struct nika_writer;
void nika_snapshot_meta_write(struct nika_writer *w, const struct nika_snapshot_meta *meta);
void nika_snapshot_meta_read(struct nika_reader *r, struct nika_snapshot_meta *meta);

struct nika_op {
    uint32_t client;
    uint64_t timestamp;
    struct nika_span bytes;
};

struct nika_app; /* Each application defines its own. */
struct nika_app_ops {
    const char *name; /* Registry key. */
    const char *doc;
    size_t (*size)(const struct nika_config *config);
    size_t (*used)(const struct nika_app *app); /* Prefix in use, as nika_replica_ops.used. */
    /* `memory` is zeroed, 16-aligned. `param` is the app's one number from the scenario (null: reply size; ledger: accounts). */
    struct nika_app *(*init)(void *memory, const struct nika_config *config, uint64_t param);
    /* Run one operation; write at most reply_max bytes to `reply`, return the size. An operation that makes no sense has an
     * error result, never a crash. */
    uint32_t (*execute)(struct nika_app *app, const struct nika_op *op, uint64_t time_ns,
                        uint8_t *reply, uint32_t reply_max);
    /* Same without side effects, for the read-only path; an op that is not read-only yields an error result. */
    uint32_t (*query)(const struct nika_app *app, const struct nika_op *op, uint8_t *reply,
                      uint32_t reply_max);
    bool (*is_read_only)(struct nika_span op);
    void (*snapshot_take)(struct nika_app *app, uint64_t seq, struct nika_snapshot_meta *out);
    /* Bytes of a chunk of a kept snapshot into `out` (capacity >= config chunk_size) with its proof. NIKA_ERR_NOT_FOUND. */
    enum nika_err (*snapshot_chunk)(const struct nika_app *app, uint64_t seq, uint32_t index,
                                    uint8_t *out, uint32_t *size, struct nika_merkle_proof *proof);
    void (*snapshot_drop)(struct nika_app *app, uint64_t before_seq);
    /* Replace the state. Snapshots before meta->seq stay, later ones are of a state that is given up. After `end` the restored state is
     * also the kept snapshot meta->seq. NIKA_ERR_MALFORMED when chunks do not decode or lead to another root; the app is then empty. */
    enum nika_err (*restore_begin)(struct nika_app *app, const struct nika_snapshot_meta *meta);
    enum nika_err (*restore_chunk)(struct nika_app *app, uint32_t index, struct nika_span chunk);
    enum nika_err (*restore_end)(struct nika_app *app, struct nika_snapshot_meta *out);

    /* Sequential model support, for workloads and the linearizability oracle. */
    /* Write the op number `k` of client `client` from draws in [0,2^64); returns size; *read_only set. */
    uint32_t (*workload_op)(uint64_t draw0, uint64_t draw1, uint32_t client, uint64_t k,
                            uint32_t payload, uint32_t read_ppm, uint64_t param, uint8_t *op,
                            uint32_t capacity, bool *read_only);
    /* An invariant over the whole state, checked by an oracle after each execution when cheap: NULL or the broken invariant. */
    const char *(*invariant)(const struct nika_app *app);
};

#endif
