/* include/nika/client.h: libnika: the client of a live cluster as a C API.
 *
 * A client is one registered identity of the cluster. It trusts no single replica: a result is handed out when enough of them agree on it.
 * Threads: a client belongs to one thread at a time; different clients may be used by different threads at once. The library starts no
 * thread, installs no signal handler and prints nothing. Callbacks run inside nika_client_poll(), nika_client_call() and
 * nika_client_connect() alone; they may submit more operations, and must not call anything else of the same client. */
#ifndef NIKA_CLIENT_H
#define NIKA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NIKA_CLIENT_OUTSTANDING_MAX 5u /* Operations that one client may have outstanding. */

struct nika_client;
enum nika_client_result {
    NIKA_CLIENT_RESULT_OK = 0,
    NIKA_CLIENT_RESULT_TIMEOUT, /* No answer in time. The operation may have been, or may yet be, executed, once. */
    NIKA_CLIENT_RESULT_BUSY, /* NIKA_CLIENT_OUTSTANDING_MAX operations are outstanding; those that timed out count until answered. */
    NIKA_CLIENT_RESULT_TOO_LARGE, /* The operation is larger than the cluster's op_size; or the result than the caller's memory. */
};
/* In words. Static storage. */
const char *nika_client_result_text(enum nika_client_result result);

/* Read the cluster file and the key file of a client (mode 0600), and begin to connect. NULL with every problem of the files in `error`,
 * one a line, cut at error_size. The key file is locked, so that no two processes use one identity at once; beside it, in
 * KEYFILE.timestamp, stands which timestamps were used. */
struct nika_client *nika_client_open(const char *cluster_file, const char *key_file, char *error,
                                     size_t error_size);
/* Gives up what is outstanding without calling back. NULL is allowed. */
void nika_client_close(struct nika_client *client);

/* Wait until all replicas are connected, or a quorum is and a quarter of a second has passed. False after `timeout_ms`. */
bool nika_client_connect(struct nika_client *client, uint32_t timeout_ms);
/* Ids of replicas without a connection into out[0..max); returns how many there are. */
uint32_t nika_client_unreachable(const struct nika_client *client, uint32_t *out, uint32_t max);

/* Asynchronous: copy the operation and submit it. `read_only` must be set for operations that change nothing only. After OK `done` is called
 * exactly once, unless the client is closed before: with OK and the result, which is borrowed for the call, or with TIMEOUT. */
enum nika_client_result nika_client_submit(struct nika_client *client, const void *operation,
                                           size_t size, bool read_only, uint32_t timeout_ms,
                                           void (*done)(void *context,
                                                        enum nika_client_result result,
                                                        const void *bytes, size_t bytes_size),
                                           void *context);
/* Send, receive, call back: until something was called back or `timeout_ms` has passed. Returns how many were called back. */
uint32_t nika_client_poll(struct nika_client *client, uint32_t timeout_ms);
/* Operations whose `done` is still to come. */
uint32_t nika_client_pending(const struct nika_client *client);

/* Synchronous: submit and wait. The result goes into reply[0..capacity), its size to *reply_size (also when it does not fit). */
enum nika_client_result nika_client_call(struct nika_client *client, const void *operation,
                                         size_t size, bool read_only, uint32_t timeout_ms,
                                         void *reply, size_t capacity, size_t *reply_size);

#ifdef __cplusplus
}
#endif

#endif
