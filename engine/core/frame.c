/* engine/core/frame.c: writing, parsing and binding of frames (frame.h), and the ingress stage
 * (replica.h).
 *
 * Nothing here verifies a signature: ingress decides what may be asked at all, cheaply, so that a
 * flood of nonsense costs no cryptography. */
#include "engine/core/frame.h"

#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/core/planted.h"
#include "engine/core/replica.h"

#define LENGTH_SIZE 4u
#define SIGNED_DOMAIN "nika-v1"
/* Fields of a bulk message besides its payload: positions, lengths, Merkle proof. */
#define BULK_OVERHEAD 4096u
/* Frame, client fields and signature of one request inside a BATCH. */
#define BATCHED_REQUEST_OVERHEAD                                                                   \
    (NIKA_FRAME_HEAD_SIZE + NIKA_FRAME_TAIL_SIZE + NIKA_AUTH_SIZE_MAX + 64u)

/* Offsets in the head, and in the tail behind the body. */
enum {
    AT_MAGIC = 4,
    AT_VERSION = 6,
    AT_TYPE = 7,
    AT_FLAGS = 8,
    AT_EPOCH = 10,
    AT_SENDER = 14,
    AT_BODY_SIZE = 18
};
enum { TAIL_KEY = 1, TAIL_AUTH_SIZE = 5 };

/* By offsets rather than a cursor: every message of a run, and every one nested in it, passes here. */
enum nika_err nika_frame_parse(struct nika_span bytes, uint32_t epoch, uint32_t size_max,
                               struct nika_frame *out)
{
    const uint32_t fixed = NIKA_FRAME_HEAD_SIZE + NIKA_FRAME_TAIL_SIZE;
    const uint8_t *p = bytes.data;
    memset(out, 0, sizeof *out);
    if (bytes.size > size_max || bytes.size < fixed) return NIKA_ERR_MALFORMED;
    if (nika_load_le(p, 4) != bytes.size - LENGTH_SIZE) return NIKA_ERR_MALFORMED;
    if (nika_load_le(p + AT_MAGIC, 2) != NIKA_FRAME_MAGIC || p[AT_VERSION] != NIKA_FRAME_VERSION)
        return NIKA_ERR_MALFORMED;
    if (nika_load_le(p + AT_FLAGS, 2) != 0 || nika_load_le(p + AT_EPOCH, 4) != epoch)
        return NIKA_ERR_MALFORMED;
    uint32_t sender = (uint32_t)nika_load_le(p + AT_SENDER, 4);
    uint32_t body_size = (uint32_t)nika_load_le(p + AT_BODY_SIZE, 4);
    if (body_size > bytes.size - fixed) return NIKA_ERR_MALFORMED;
    const uint8_t *tail = p + NIKA_FRAME_HEAD_SIZE + body_size;
    uint32_t auth_size = (uint32_t)nika_load_le(tail + TAIL_AUTH_SIZE, 2);
    if (auth_size != bytes.size - fixed - body_size || auth_size > NIKA_AUTH_SIZE_MAX)
        return NIKA_ERR_MALFORMED;
    /* The tail is not signed: each of its fields has one allowed value, so that a message has one encoding. */
    uint32_t key_id = (uint32_t)nika_load_le(tail + TAIL_KEY, 4);
    if (key_id != sender || tail[0] > NIKA_AUTH_MAC) return NIKA_ERR_MALFORMED;
    if ((tail[0] == NIKA_AUTH_NONE) != (auth_size == 0)) return NIKA_ERR_MALFORMED;
    *out = (struct nika_frame){.type = p[AT_TYPE],
                               .auth_alg = tail[0],
                               .epoch = epoch,
                               .sender = sender,
                               .key_id = key_id,
                               .body = {p + NIKA_FRAME_HEAD_SIZE, body_size},
                               .auth = {tail + NIKA_FRAME_TAIL_SIZE, auth_size},
                               .raw = bytes};
    return NIKA_OK;
}

void nika_frame_signed_bytes(const struct nika_config *config, uint8_t type, uint32_t sender,
                             struct nika_span body, struct nika_writer *w)
{
    nika_write_raw(w, SIGNED_DOMAIN, sizeof SIGNED_DOMAIN - 1);
    nika_write_u8(w, (uint8_t)config->suite);
    nika_write_u8(w, NIKA_PLANTED(B05) ? 0 : type);
    nika_write_digest(w, &config->group_id);
    nika_write_u32(w, config->epoch);
    nika_write_u32(w, sender);
    nika_write_raw(w, body.data, body.size);
}

void nika_frame_write(const struct nika_config *config, uint8_t type, uint32_t sender,
                      struct nika_span body, enum nika_auth_alg alg, struct nika_span auth,
                      struct nika_writer *w)
{
    NIKA_ASSERT(auth.size <= NIKA_AUTH_SIZE_MAX);
    NIKA_ASSERT((alg == NIKA_AUTH_NONE) == (auth.size == 0));
    nika_write_u32(w, nika_frame_size(body.size, auth.size) - LENGTH_SIZE);
    nika_write_u16(w, NIKA_FRAME_MAGIC);
    nika_write_u8(w, NIKA_FRAME_VERSION);
    nika_write_u8(w, type);
    nika_write_u16(w, 0);
    nika_write_u32(w, config->epoch);
    nika_write_u32(w, sender);
    nika_write_bytes(w, body);
    nika_write_u8(w, (uint8_t)alg);
    nika_write_u32(w, sender);
    nika_write_u16(w, (uint16_t)auth.size);
    nika_write_raw(w, auth.data, auth.size);
}

void nika_frame_digest(const struct nika_frame *frame, struct nika_digest *out)
{
    /* The length field counts the auth part, so it is left out with it. */
    NIKA_ASSERT(frame->raw.size >= NIKA_FRAME_HEAD_SIZE + frame->body.size);
    nika_sha256_one(frame->raw.data + LENGTH_SIZE,
                    NIKA_FRAME_HEAD_SIZE - LENGTH_SIZE + frame->body.size, out);
}

/* PROTOCOLS.md 5: the largest frame of each class. */
static uint32_t class_size_max(enum nika_message_class message_class)
{
    switch (message_class) {
    case NIKA_MESSAGE_VIEW_CHANGE:
    case NIKA_MESSAGE_NEW_VIEW:
        return NIKA_MESSAGE_SIZE_MAX;
    case NIKA_MESSAGE_BATCH:
        return NIKA_BATCH_BYTES_MAX + NIKA_BATCH_COUNT_MAX * BATCHED_REQUEST_OVERHEAD +
               BULK_OVERHEAD;
    case NIKA_MESSAGE_TRANSFER:
        return NIKA_CHUNK_SIZE_MAX + BULK_OVERHEAD;
    case NIKA_MESSAGE_REQUEST:
        return NIKA_OP_SIZE_MAX + BULK_OVERHEAD;
    case NIKA_MESSAGE_REPLY:
        return NIKA_REPLY_SIZE_MAX + BULK_OVERHEAD;
    case NIKA_MESSAGE_OTHER:
    case NIKA_MESSAGE_PROPOSE:
    case NIKA_MESSAGE_PREPARE:
    case NIKA_MESSAGE_COMMIT:
    case NIKA_MESSAGE_CHECKPOINT:
    case NIKA_MESSAGE_STATUS:
        break;
    }
    return NIKA_CONTROL_SIZE_MAX;
}

enum nika_err nika_ingress(const struct nika_config *config,
                           const struct nika_message_table *messages, struct nika_span bytes,
                           struct nika_frame *out)
{
    struct nika_frame frame;
    memset(out, 0, sizeof *out);
    if (nika_frame_parse(bytes, config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK)
        return NIKA_ERR_MALFORMED;
    if (frame.type >= messages->count) return NIKA_ERR_MALFORMED;
    const struct nika_message_info *info = messages->messages[frame.type];
    if (info == NULL || bytes.size > class_size_max((enum nika_message_class)info->message_class))
        return NIKA_ERR_MALFORMED;
    if (frame.auth_alg != info->auth) return NIKA_ERR_AUTH;
    /* Clients only request, and nobody but a client does: a replica cannot invent requests of its
     * own. */
    bool from_client = nika_is_client(frame.sender);
    if (from_client != (info->message_class == NIKA_MESSAGE_REQUEST)) return NIKA_ERR_AUTH;
    uint32_t registered = from_client ? config->clients : config->n;
    if (nika_client_index(frame.sender) >= registered) return NIKA_ERR_AUTH;
    *out = frame;
    return NIKA_OK;
}
