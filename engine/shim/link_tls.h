/* engine/shim/link_tls.h: TLS 1.3 under the sessions of a node, for networks that demand it (cluster file: `"tls": true`).
 *
 * Sessions authenticate and encrypt by themselves (session.h), and nothing about them changes: their bytes travel inside TLS. Both sides show a
 * certificate of their Ed25519 identity key, signed by itself; the cluster file says which identities there are, so there is no authority, no
 * further key file, and no date that a clock could get wrong. Owns the context of a node and the state of a connection, never a socket. */
#ifndef ENGINE_SHIM_LINK_TLS_H
#define ENGINE_SHIM_LINK_TLS_H

#include "engine/shim/cluster.h"

#include <sys/types.h>

/* What all connections of a node have in common. */
struct nika_tls;
/* One connection. */
struct nika_tls_stream;

/* `cluster` is borrowed: identities that are not in it are turned away. NULL when memory is short. */
struct nika_tls *nika_tls_new(const struct nika_cluster *cluster, const struct nika_key *identity);
void nika_tls_free(struct nika_tls *tls);

/* Over the connected, non-blocking socket `fd`, which stays the caller's. `calling`: whom this side called, and nobody else may answer;
 * NIKA_NODE_NONE when it was accepted. NULL when memory is short. */
struct nika_tls_stream *nika_tls_stream_new(struct nika_tls *tls, int fd, uint32_t calling);
void nika_tls_stream_free(struct nika_tls_stream *stream);

/* As recv() and send() on a non-blocking socket: bytes, 0 at an orderly end (receive alone), or -1 with errno: EAGAIN when the socket has to
 * become ready first, EPROTO when the other side broke the protocol or is nobody of this cluster (nika_tls_reason()), or the socket's own.
 * Both drive the hand-shake. */
ssize_t nika_tls_receive(struct nika_tls_stream *stream, uint8_t *bytes, size_t size);
ssize_t nika_tls_send(struct nika_tls_stream *stream, const uint8_t *bytes, size_t size);
/* After EAGAIN of a send: true when it waits for bytes of the other side, not for room to write. */
bool nika_tls_waits_for_peer(const struct nika_tls_stream *stream);
/* The identity key of the other side, once the hand-shake is over; else NULL. Valid as long as the stream. */
const struct nika_key *nika_tls_peer(const struct nika_tls_stream *stream);
/* Why the last call ended with EPROTO. Static, or valid until the next call. */
const char *nika_tls_reason(const struct nika_tls_stream *stream);

#endif
