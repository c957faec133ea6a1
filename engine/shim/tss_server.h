/* engine/shim/tss_server.h: the trusted process: a vault behind a Unix socket, and what it takes from itself before it serves.
 *
 * One thread, at most NIKA_TSS_CONNECTIONS_MAX connections. What has arrived on all of them is answered together, and all certificates among it
 * cost one step of the disk; of a connection no more than NIKA_TSS_REQUESTS_MAX requests, and none before the replies to its last ones have left.
 * Who may connect is judged by the kernel's word (SO_PEERCRED), not by what a peer says. */
#ifndef ENGINE_SHIM_TSS_SERVER_H
#define ENGINE_SHIM_TSS_SERVER_H

#include "engine/shim/log.h"
#include "engine/shim/tss_frame.h"
#include "engine/shim/tss_vault.h"

#define NIKA_TSS_CONNECTIONS_MAX 32u
#define NIKA_TSS_REQUESTS_MAX 16u

/* Listen at `path`, for the user `client_uid` alone. A socket that nobody serves is replaced. Returns the descriptor, or -1 with `error`
 * (a path too long, another process serves it, the system refused). */
int nika_tss_listen(const char *path, uint32_t client_uid, struct nika_disk_store_error *error);

/* Become `user`, a name or number, with its group and no other, for good; only root can. False with `error`. */
bool nika_tss_become(const char *user, struct nika_disk_store_error *error);
/* The number of a user by its name or number. False when there is none. */
bool nika_tss_user(const char *text, uint32_t *uid, uint32_t *gid);
/* No core file, no debugger, no other process of this user reads its memory; pages are kept out of swap where the limit allows it (`locked`
 * says). Before a key is read. False with errno set. */
bool nika_tss_seal_memory(bool *locked);
/* From here on only what serving needs: read, write and sync of what is open, accept, clock and memory. Any other call of the system kills
 * the process (seccomp). Cannot be undone. 0 or an errno. */
int nika_tss_confine(void);

/* Serve until `stop` is readable (a signalfd; 0), or the vault is broken (NIKA_ERR_IO; the reason is in the log). The caller owns all. */
NIKA_MUST_USE enum nika_err nika_tss_serve(struct nika_tss_vault *vault, int listener, int stop,
                                           uint32_t client_uid, struct nika_log *log);

/* Answer requests that came together, certificates first: what the server does between reading and writing. A request of a process that was
 * killed is done before its successor is told where a counter stands, however they came. */
void nika_tss_answer_all(struct nika_tss_vault *vault, const struct nika_tss_request *requests,
                         struct nika_tss_reply *replies, uint32_t count);
/* The same for one. */
void nika_tss_answer(struct nika_tss_vault *vault, const struct nika_tss_request *request,
                     struct nika_tss_reply *reply);

#endif
