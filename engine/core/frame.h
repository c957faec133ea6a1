/* engine/core/frame.h: the frame that carries every message (PROTOCOLS.md 5), its signed bytes, and the ingress check.
 *
 * length u32 (of the rest) | magic u16 | version u8 | type u8 | flags u16 = 0 | epoch u32 | sender u32 | body_len u32 |
 * body | auth_alg u8 | key_id u32 | auth_len u16 | auth.
 * Signed bytes = "nika-v1" | suite u8 | type u8 | group_id[32] | epoch u32 | sender u32 | body; a MAC adds receiver u32.
 * The digest identity of a message excludes the auth field. */
#ifndef ENGINE_CORE_FRAME_H
#define ENGINE_CORE_FRAME_H

#include "engine/core/auth.h"
#include "engine/core/bytes.h"
#include "engine/core/config.h"
#include "engine/core/err.h"

#define NIKA_FRAME_MAGIC 0x4b4eu /* "NK" */
#define NIKA_FRAME_VERSION 1u
#define NIKA_FRAME_HEAD_SIZE 22u
#define NIKA_FRAME_TAIL_SIZE 7u
#define NIKA_SIGNED_HEAD_SIZE 49u /* Before the body in the signed bytes. */

enum nika_auth_alg {
    NIKA_AUTH_NONE = 0, /* Content-addressed messages (BATCH): bound by their digest. */
    NIKA_AUTH_SIGNATURE = 1,
    NIKA_AUTH_MAC = 2,
};

/* A parsed frame; spans borrow from the frame's bytes. */
struct nika_frame {
    uint8_t type;
    uint8_t auth_alg; /* enum nika_auth_alg */
    uint32_t epoch;
    uint32_t sender;
    uint32_t key_id; /* = sender in this version. */
    struct nika_span body;
    struct nika_span auth;
    struct nika_span raw; /* The whole frame. */
};

/* Total size of a frame with this body and auth size. */
static inline uint32_t nika_frame_size(uint32_t body_size, uint32_t auth_size)
{
    return NIKA_FRAME_HEAD_SIZE + body_size + NIKA_FRAME_TAIL_SIZE + auth_size;
}
/* Parse exactly one frame from `bytes`; every length is checked against the bytes present and `size_max`; magic, version,
 * flags and epoch must be right; nothing is verified. NIKA_ERR_MALFORMED or NIKA_OK. */
NIKA_MUST_USE enum nika_err nika_frame_parse(struct nika_span bytes, uint32_t epoch,
                                             uint32_t size_max, struct nika_frame *out);
/* Write the signed bytes of (type, sender, body) to `w` (PROTOCOLS.md 5, domain separation). */
void nika_frame_signed_bytes(const struct nika_config *config, uint8_t type, uint32_t sender,
                             struct nika_span body, struct nika_writer *w);
/* Write a frame. `auth` may be empty (NIKA_AUTH_NONE). */
void nika_frame_write(const struct nika_config *config, uint8_t type, uint32_t sender,
                      struct nika_span body, enum nika_auth_alg alg, struct nika_span auth,
                      struct nika_writer *w);
/* SHA-256 over everything but the auth part: the identity of a message. */
void nika_frame_digest(const struct nika_frame *frame, struct nika_digest *out);

#endif
