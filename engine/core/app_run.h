/* engine/core/app_run.h: running an application by the actions of a replica: the same bytes in, the same bytes out, in every world.
 *
 * Decodes the payloads of app.h, calls the application and encodes its answers. The payloads are the module's own, so a malformed one is
 * a broken contract, not an error. Keeps nothing. */
#ifndef ENGINE_CORE_APP_RUN_H
#define ENGINE_CORE_APP_RUN_H

#include "engine/core/app.h"
#include "engine/core/bytes.h"

/* What an EXECUTE payload says of itself. */
struct nika_app_batch {
    uint64_t seq, time_ns;
    uint32_t count;
    struct nika_digest digest;
};
/* Run an EXECUTE payload; the results are written to `out`, which must have room for 4 + count * (4 + reply_max) bytes. */
void nika_app_run_batch(const struct nika_app_ops *ops, struct nika_app *app, uint32_t reply_max,
                        struct nika_span payload, struct nika_writer *out,
                        struct nika_app_batch *batch);
/* Run a QUERY payload; room for 4 + reply_max bytes. */
void nika_app_run_query(const struct nika_app_ops *ops, const struct nika_app *app,
                        uint32_t reply_max, struct nika_span payload, struct nika_writer *out);
/* Answer a SNAPSHOT_CHUNK; room for 4 + chunk_size + 4 + NIKA_MERKLE_DEPTH_MAX * 32 bytes. The error of the application, with nothing
 * written. */
NIKA_MUST_USE enum nika_err nika_app_run_chunk(const struct nika_app_ops *ops,
                                               const struct nika_app *app, uint64_t seq,
                                               uint32_t index, struct nika_writer *out);
/* Begin to restore from an encoded meta. What fails leaves the application empty and shows as another root at the end. */
void nika_app_run_restore_begin(const struct nika_app_ops *ops, struct nika_app *app,
                                struct nika_span bytes);

#endif
