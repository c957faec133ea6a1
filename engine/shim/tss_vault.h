/* engine/shim/tss_vault.h: a trusted instance that outlives its process: durable before it answers, and never older than it can tell.
 *
 * Owns the key, the instance, and two files that hold the same image: `state` in its directory and `witness` in the same or another one.
 * Each step is written to both, synced at the same time, and only then answered; so what was answered is in both. A file has two halves,
 * written in turns: a torn write leaves the step before. After any failure of the disk or the anchor the vault is broken and answers
 * nothing (fail stop). The owner of a log can have steps made durable there instead. For one thread. */
#ifndef ENGINE_SHIM_TSS_VAULT_H
#define ENGINE_SHIM_TSS_VAULT_H

#include "engine/shim/file.h"
#include "engine/shim/tss_state.h"

#define NIKA_TSS_STATE_FILE "state"
#define NIKA_TSS_WITNESS_FILE "witness"
#define NIKA_TSS_FILE_SIZE (2u * NIKA_TSS_STATE_MAX)

/* A counter that nobody can set back, such as one in a TPM. It is the freshness of the files: an image names the value that it belongs to.
 * Each returns 0 or an errno. */
struct nika_tss_anchor {
    void *context;
    int (*read)(void *context, uint64_t *value);
    int (*step)(void *context, uint64_t *value); /* One more; *value is what it is then. */
};

struct nika_tss_vault_options {
    const char *dir;       /* Mode 0700; made by nika_tss_vault_make(). */
    const char *witness;   /* Another directory, best on another device; NULL = `dir`. */
    const uint8_t *secret; /* NIKA_TRUSTED_SECRET_SIZE bytes; copied. */
    const struct nika_tss_anchor *anchor; /* NULL = none. Borrowed. */
    /* Its last steps may be in a log: nika_tss_vault_resume() comes before any other call. */
    bool logged;
    const struct nika_file_ops *file_ops; /* NULL = the real system; for tests. */
    void *file_context;
};
/* Who the instance is: fixed for its life. */
struct nika_tss_identity {
    uint32_t instance, counters, group;
    uint64_t epochs[NIKA_REPLICAS_MAX]; /* Registered epochs of the group; its own among them. */
};

struct nika_tss_vault;

/* Make the files of a new instance, all counters at zero. An existing file is never overwritten: that would be a reset within an epoch.
 * NIKA_ERR_CONFIG (exists, or a value out of range), NIKA_ERR_IO; `error` says what. */
NIKA_MUST_USE enum nika_err nika_tss_vault_make(const struct nika_tss_vault_options *options,
                                                const struct nika_tss_identity *identity,
                                                struct nika_disk_store_error *error);

/* Lock and check both files. NIKA_ERR_CONFIG: rolled back, foreign, missing, torn beyond what one interrupted write explains, readable
 * for others, or anchored otherwise than it is opened. NIKA_ERR_VERSION. NIKA_ERR_IO: the system refused, or another process has the lock.
 * After these `error` says what, where, and what to do. The caller closes *out. */
NIKA_MUST_USE enum nika_err nika_tss_vault_open(const struct nika_tss_vault_options *options,
                                                struct nika_tss_vault **out,
                                                struct nika_disk_store_error *error);
/* Wipes the key; what the log holds goes into the files. NULL is ignored. */
void nika_tss_vault_close(struct nika_tss_vault *vault);

/* The calls of struct nika_trusted_ops. What they changed is durable when they return NIKA_OK. NIKA_ERR_IO: broken, now or before. */
NIKA_MUST_USE enum nika_err nika_tss_vault_certify(struct nika_tss_vault *vault,
                                                   enum nika_trusted_kind kind, uint32_t counter,
                                                   struct nika_trusted_value value,
                                                   const struct nika_digest *digest,
                                                   struct nika_trusted_certificate *out);
/* A step that somebody wishes, and what became of it. */
struct nika_tss_wish {
    enum nika_trusted_kind kind;
    uint32_t counter;
    struct nika_trusted_value value;
    struct nika_digest digest;
    enum nika_err err; /* As of nika_tss_vault_certify(). */
    struct nika_trusted_certificate certificate;
};
/* All of them, in their order, in one step of the disk. Whoever wishes for several steps of one counter at once must be able to lose all
 * certificates but the last: a kill between the disk and the answer leaves no other to be reissued. */
void nika_tss_vault_certify_all(struct nika_tss_vault *vault, struct nika_tss_wish *wishes,
                                uint32_t count);
bool nika_tss_vault_verify(struct nika_tss_vault *vault,
                           const struct nika_trusted_certificate *certificate,
                           const struct nika_digest *digest);
NIKA_MUST_USE enum nika_err nika_tss_vault_read(struct nika_tss_vault *vault, uint32_t counter,
                                                struct nika_trusted_value *value, uint64_t *epoch);
NIKA_MUST_USE enum nika_err nika_tss_vault_reissue(struct nika_tss_vault *vault, uint32_t counter,
                                                   struct nika_trusted_certificate *out,
                                                   struct nika_digest *digest);

/* ---- steps that a log makes durable, not these files ----
 * For a replica whose instance is in its own process: a step is one more record of the replica's log, behind what the counter is used for,
 * and costs no sync of its own. The files say in advance how far the log may lead, so without it the instance goes on behind all that it may
 * have said. What the files cannot tell is a log that was set back within one life of the process. */

/* So many orders the log may lead, of each counter: the files are written once for as many steps, and as many a replica that lost its log
 * stays silent for. */
#define NIKA_TSS_LEAD 256u

/* Go on from the newest steps that the log holds. `whole`: it is the one to which the steps were given, and nothing of it was lost. *skipped:
 * counters were moved to their bound, for nobody knows where they are. NIKA_ERR_IO; `error` says what. */
NIKA_MUST_USE enum nika_err nika_tss_vault_resume(struct nika_tss_vault *vault,
                                                  const struct nika_tss_step *steps, uint32_t count,
                                                  bool whole, bool *skipped,
                                                  struct nika_disk_store_error *error);
/* As nika_tss_vault_certify(), but nothing may be told before `record` is durable in the log. */
NIKA_MUST_USE enum nika_err nika_tss_vault_step(struct nika_tss_vault *vault,
                                                struct nika_tss_wish *wish,
                                                uint8_t record[NIKA_TSS_STEP_SIZE]);
/* The log did not take the newest step of a counter, and it was told nobody: `before` is where the counter was. */
void nika_tss_vault_unstep(struct nika_tss_vault *vault, uint32_t counter,
                           const struct nika_trusted_counter *before);

/* What it holds, for HELLO and for logs. Borrowed. */
const struct nika_tss_state *nika_tss_vault_state(const struct nika_tss_vault *vault);
/* NULL, or why the vault is broken. */
const char *nika_tss_vault_broken(const struct nika_tss_vault *vault);

#endif
