/* engine/shim/tss_client.h: a replica's way to its trusted process: the calls of struct nika_trusted_ops over a Unix socket.
 *
 * Synchronous, with a time-out for each call. It fails stop: after a time-out, a closed connection or an answer that cannot be one, every
 * later call fails with NIKA_ERR_IO and no connection is made anew, so the replica stops voting rather than guess. It holds no key. Others
 * who must not wait with it are served meanwhile (nika_tss_client_serve()). */
#ifndef ENGINE_SHIM_TSS_CLIENT_H
#define ENGINE_SHIM_TSS_CLIENT_H

#include "engine/core/trusted.h"
#include "engine/shim/file.h"
#include "engine/shim/tss_vault.h"

#define NIKA_TSS_ANY_USER UINT32_MAX

struct nika_tss_client_options {
    const char *socket;
    uint32_t instance;   /* Whose process it must be. */
    uint64_t epoch;      /* As registered; 0 = any. */
    uint32_t server_uid; /* Under which user it must run; NIKA_TSS_ANY_USER = any. */
    uint32_t timeout_ms; /* Of each call; 0 = 2000. */
};
struct nika_tss_client;

/* Connect and say hello. NIKA_ERR_IO: nobody answers in time. NIKA_ERR_CONFIG: another instance, epoch or user. `error` says which. The
 * caller closes *out. */
NIKA_MUST_USE enum nika_err nika_tss_client_open(const struct nika_tss_client_options *options,
                                                 struct nika_tss_client **out,
                                                 struct nika_disk_store_error *error);
void nika_tss_client_close(struct nika_tss_client *client);
/* At most so many steps, in their order and in one exchange, which costs the process one step of the disk: see nika_tss_vault_certify_all().
 * NIKA_TSS_WISHES_MAX at most. When the process is gone, wishes it did not answer have NIKA_ERR_IO. */
#define NIKA_TSS_WISHES_MAX 16u
void nika_tss_client_certify_all(struct nika_tss_client *client, struct nika_tss_wish *wishes,
                                 uint32_t count);
/* Ask for nothing but a sign of life. NIKA_ERR_IO: there is none. */
NIKA_MUST_USE enum nika_err nika_tss_client_ping(struct nika_tss_client *client);
/* From here on, whenever `fd` is readable while a call waits, `serve` is called: it must not call the trusted process, and not wait. -1 = none. */
void nika_tss_client_serve(struct nika_tss_client *client, int fd, void (*serve)(void *context),
                           void *context);
/* Since when the call that runs has waited, on the monotonic clock; 0 = none runs. */
uint64_t nika_tss_client_waits_since(const struct nika_tss_client *client);
/* NULL, or why the trusted process is gone: for the log of the node and its /healthz. */
const char *nika_tss_client_gone(const struct nika_tss_client *client);

/* `world` is the client; `self` must be its instance. */
extern const struct nika_trusted_ops nika_tss_client_ops;

#endif
