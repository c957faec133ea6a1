/* engine/sim/recorded.h: a world of one replica whose events come from a recording (engine/core/recording.h): the module and its
 * application run again, without clock, keys or network, and must reach the states that were recorded.
 *
 * Owns the memory of both during the run. Everything in a recording is input that may be damaged or forged. */
#ifndef ENGINE_SIM_RECORDED_H
#define ENGINE_SIM_RECORDED_H

#include "engine/core/app.h"
#include "engine/core/recording.h"
#include "engine/core/replica.h"

/* What the caller has of protocols and applications; NULL when there is none of this name. */
struct nika_recorded_modules {
    const struct nika_replica_ops *(*protocol)(const char *name, uint32_t *id);
    const struct nika_app_ops *(*app)(const char *name);
    /* An application of this name was another process: its answers are taken from the recording. NULL = none. */
    const char *elsewhere;
};
struct nika_recorded_result {
    struct nika_recording_head head;
    struct nika_replica_status status; /* At the end. */
    uint64_t records, events, messages, host_answers, digests, executed;
    uint64_t views_entered;
    bool ended;  /* The node ended in order; else the recording stops where it was killed. */
    bool broken; /* The module broke a contract; `problem` says which. */
    char problem
        [256]; /* Why it is no recording, or the first divergence; "" = every state was reached. */
};
/* NIKA_OK: the same run. NIKA_ERR_NOT_FOUND: it diverged, or with `broken` the module broke a contract: as it did then, or because the recording
 * is forged. NIKA_ERR_MALFORMED, NIKA_ERR_VERSION, NIKA_ERR_CONFIG: no recording that this
 * program can run. NIKA_ERR_LIMIT: memory. */
NIKA_MUST_USE enum nika_err nika_recorded_run(struct nika_span recording,
                                              const struct nika_recorded_modules *modules,
                                              struct nika_recorded_result *out);

#endif
