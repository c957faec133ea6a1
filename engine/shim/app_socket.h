/* engine/shim/app_socket.h: the port to an application in another process: a Unix stream socket on which that process listens.
 *
 * One request at a time, each with a deadline. An application that does not answer in time, ends, or answers what is not an answer ends this
 * process at once (exit code 3): no result that might be false is ever sent, a replica may be killed at any instant, and at its next start
 * it recovers the application from its own disk. */
#ifndef ENGINE_SHIM_APP_SOCKET_H
#define ENGINE_SHIM_APP_SOCKET_H

#include "engine/core/config.h"
#include "engine/core/external.h"
#include "engine/shim/log.h"

#define NIKA_APP_EXIT 3 /* As of a module that breaks its contract. */

struct nika_app_socket;
/* Connect, waiting until somebody listens, and say hello: the application's state is empty then. `timeout_ms` is for this and for each
 * request. NULL when memory is short; a failed application ends the process. */
struct nika_app_socket *nika_app_socket_open(const char *path, uint32_t timeout_ms,
                                             const struct nika_config *config,
                                             struct nika_log *log);
void nika_app_socket_close(struct nika_app_socket *socket);
/* Lives as long as the socket. */
const struct nika_external_port *nika_app_socket_port(const struct nika_app_socket *socket);

#endif
