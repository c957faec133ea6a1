/* engine/shim/recorder.h: writes the recording of a live replica (engine/core/recording.h), for `nika node --record` and `nika replay`.
 *
 * Buffers, and writes when the buffer is full or when asked to. A recording that cannot be written, or that has reached its limit, ends;
 * the node goes on. One recorder a process, for recovery tells a module directly. Contains requests and replies in the clear: mode 0600. */
#ifndef ENGINE_SHIM_RECORDER_H
#define ENGINE_SHIM_RECORDER_H

#include "engine/core/app.h"
#include "engine/core/recording.h"
#include "engine/shim/log.h"

#define NIKA_RECORDER_BYTES_MAX (UINT64_C(1) << 30)
#define NIKA_RECORDER_DIGEST_EVENTS                                                                \
    1024u /* A digest of the state after so many events, and after START. */

struct nika_recorder;
/* A new file. NULL with errno set. */
struct nika_recorder *nika_recorder_open(const char *path, const struct nika_recording_head *head,
                                         struct nika_log *log);
/* Write what waits and close. `ended`: the node ended in order. */
void nika_recorder_close(struct nika_recorder *recorder, bool ended);
/* The module's functions, with a recover() that records what it is told, and the snapshot that `app` was restored to. */
const struct nika_replica_ops *nika_recorder_watch(struct nika_recorder *recorder,
                                                   const struct nika_replica_ops *ops,
                                                   const struct nika_app_ops *app_ops,
                                                   const struct nika_app *app);
/* Before the step. All of these do nothing once the recording has ended. */
void nika_recorder_event(struct nika_recorder *recorder, const struct nika_event *event);
/* What the host answered during it. */
void nika_recorder_answer(struct nika_recorder *recorder, enum nika_recorded kind,
                          struct nika_span bytes);
/* After the step: the state's digest when one is due, or `now`. */
void nika_recorder_state(struct nika_recorder *recorder, const struct nika_replica *module,
                         bool now);
/* Give what waits to the system. */
void nika_recorder_flush(struct nika_recorder *recorder);

#endif
