/* apps/external.h: an application in another process, behind the contract of app.h.
 *
 * This half is pure: it says what is asked, keeps snapshots of the state that it is told (apps/flat.h), and never does I/O. The world gives
 * it a port to the process; engine/shim/app_socket.h is the one of a live replica. docs/external.md is for those who write such a process.
 *
 * Without a port snapshots can still be checked against their roots; nothing can be executed. */
#ifndef APPS_EXTERNAL_H
#define APPS_EXTERNAL_H

#include "engine/core/app.h"
#include "engine/core/external.h"

extern const struct nika_app_ops nika_app_external;
/* `app` is of nika_app_external; the port is borrowed as long as it lives. Before anything is executed. */
void nika_app_external_attach(struct nika_app *app, const struct nika_external_port *port);

#endif
