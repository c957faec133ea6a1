/* engine/shim/trust.h: the trusted subsystem of a live replica: opens the backend that its node file names, counts, times and records each
 * call of the module, and says why it is gone.
 *
 * Owns the backend: an instance in this process (software, tss_vault.h; with a disk, its steps are records of the replica's log) or the way to
 * a process of its own (tss_client.h; asks.h for what is not waited for). Fails stop: what is gone never comes back in this process. For one thread. */
#ifndef ENGINE_SHIM_TRUST_H
#define ENGINE_SHIM_TRUST_H

#include "engine/core/trusted.h"
#include "engine/shim/asks.h"
#include "engine/shim/cluster.h"
#include "engine/shim/recorder.h"

struct nika_trust_stats {
    uint64_t certified, verified; /* Calls that were answered with yes. */
    uint64_t refused,
        invalid;     /* Steps that the counter did not take; certificates that are none. */
    uint64_t failed; /* Calls that found nobody. */
    uint64_t ns;     /* Waited for answers. */
    uint64_t later_ns, exchanges; /* Threads waited for answers; in so many exchanges. */
};
struct nika_trust;
/* NULL with problems: no such process, another instance, epoch or user, a state that was rolled back. The caller closes. */
struct nika_trust *nika_trust_open(const struct nika_node_config *config, const char *file,
                                   const struct nika_cluster *cluster,
                                   struct nika_problems *problems);
void nika_trust_close(struct nika_trust *trust);
/* Record every answer to the module from here on. NULL = none. Borrowed. */
void nika_trust_record(struct nika_trust *trust, struct nika_recorder *recorder);

/* While a call waits for a process, serve whoever is readable (tss_client.h). An instance in this process lets nobody wait. */
void nika_trust_serve(struct nika_trust *trust, int fd, void (*serve)(void *context),
                      void *context);
/* Since when a call has waited; 0 = none does. */
uint64_t nika_trust_waits_since(const struct nika_trust *trust);
/* NULL, or why it is gone. */
const char *nika_trust_gone(const struct nika_trust *trust);
/* Is it still there? Lets a thread ask when nothing was answered since the last time, so that a process that was killed or hangs is noticed
 * without work, too. Does not wait. */
void nika_trust_watch(struct nika_trust *trust);
const struct nika_trust_stats *nika_trust_stats(struct nika_trust *trust);
/* "software" or "process". */
const char *nika_trust_backend(const struct nika_trust *trust);
/* The value of a pillar's ordering counter and the instance's epoch, from the last answer that said so: no call. */
struct nika_trusted_value nika_trust_value(const struct nika_trust *trust, uint32_t pillar);
uint64_t nika_trust_epoch(const struct nika_trust *trust);

/* ---- steps that are answered later: NIKA_ACTION_CERTIFY and NIKA_EVENT_CERTIFIED (replica.h) ---- */
/* Does it take them? */
bool nika_trust_is_later(const struct nika_trust *trust);
/* Readable when an answer may be there; -1 = never. */
int nika_trust_fd(const struct nika_trust *trust);
/* False: too many are outstanding. An instance in this process wants `record` in the log, and answers when ask->behind + 1 are durable; a
 * process wants none. The record is borrowed until the next call. */
NIKA_MUST_USE bool nika_trust_ask(struct nika_trust *trust, const struct nika_ask *ask,
                                  struct nika_span *record);
/* The log does not take the record of the last ask: it was not asked. */
void nika_trust_unask(struct nika_trust *trust);
/* Such a record, as the log has it at the start; then all of them were given, and the log is `whole` or not. False with a problem. */
void nika_trust_kept(struct nika_trust *trust, struct nika_span record);
NIKA_MUST_USE bool nika_trust_resume(struct nika_trust *trust, bool whole, const char *file,
                                     struct nika_log *log, struct nika_problems *problems);
/* So many records are durable by now; a record failed. */
void nika_trust_durable(struct nika_trust *trust, uint64_t records);
void nika_trust_refuse(struct nika_trust *trust);
/* The next answer. False when there is none. */
bool nika_trust_take(struct nika_trust *trust, struct nika_asked *out);

/* The calls of struct nika_trusted_ops without `world`: the host services of a node have a world of their own (verify.h). */
enum nika_err nika_trust_certify(struct nika_trust *trust, enum nika_trusted_kind kind,
                                 uint32_t counter, struct nika_trusted_value value,
                                 const struct nika_digest *digest,
                                 struct nika_trusted_certificate *out);
bool nika_trust_verify(struct nika_trust *trust, const struct nika_trusted_certificate *certificate,
                       const struct nika_digest *digest);
enum nika_err nika_trust_read(struct nika_trust *trust, uint32_t counter,
                              struct nika_trusted_value *value, uint64_t *epoch);
enum nika_err nika_trust_reissue(struct nika_trust *trust, uint32_t counter,
                                 struct nika_trusted_certificate *out, struct nika_digest *digest);

#endif
