/* engine/core/codec.h: the table-driven canonical codec (DESIGN.md 3, PROTOCOLS.md 5).
 *
 * A protocol lists its wire messages once in messages.def; struct, encoder, decoder, size limits, trace text, small-scope
 * mutation and wire documentation follow from the descriptor. Fixed-width little-endian, length-prefixed, no padding,
 * trailing bytes rejected, encode(decode(x)) == x. Decoding allocates nothing: bytes and lists stay spans into the
 * caller's buffer; lists of elements are walked with nika_list_next(). */
#ifndef ENGINE_CORE_CODEC_H
#define ENGINE_CORE_CODEC_H

#include "engine/core/bytes.h"
#include "engine/core/err.h"
#include "engine/core/limits.h"

enum nika_field_kind {
    NIKA_FIELD_U8,
    NIKA_FIELD_BOOL, /* Exactly 0 or 1. */
    NIKA_FIELD_U32,
    NIKA_FIELD_U64,
    NIKA_FIELD_VIEW,    /* u64 */
    NIKA_FIELD_SEQ,     /* u64 */
    NIKA_FIELD_TIME,    /* u64 */
    NIKA_FIELD_REPLICA, /* u32 replica id */
    NIKA_FIELD_CLIENT,  /* u32 client index */
    NIKA_FIELD_DIGEST,  /* 32 bytes */
    NIKA_FIELD_BYTES,   /* struct nika_span: u32 length + bytes, at most `limit` */
    NIKA_FIELD_LIST, /* struct nika_list of `element` messages (bodies, no frames), at most `limit` */
    NIKA_FIELD_FRAMES, /* struct nika_list of whole frames, each u32 length + bytes, at most `limit` */
    NIKA_FIELD_DIGESTS, /* struct nika_list of 32-byte digests, at most `limit` */
};

struct nika_message_info;

/* A list left in place: `span` covers the elements, without the count. */
struct nika_list {
    uint32_t count;
    struct nika_span span;
};

struct nika_field {
    const char *name;
    enum nika_field_kind kind;
    uint32_t offset;                         /* In the struct. */
    uint32_t limit;                          /* BYTES: size; LIST, FRAMES, DIGESTS: count. */
    const struct nika_message_info *element; /* LIST only. */
};
struct nika_message_info {
    const char *name;      /* "PRE-PREPARE" */
    uint8_t type;          /* Frame type; 0 for element types that never travel alone. */
    uint8_t auth;          /* enum nika_auth_alg that a frame of this type must carry. */
    uint8_t message_class; /* enum nika_message_class (replica.h). */
    uint32_t struct_size;
    uint32_t field_count;
    const struct nika_field *fields;
    const char *doc;
};
/* All messages of one protocol, indexed by frame type (holes are NULL). */
struct nika_message_table {
    const char *protocol;
    uint32_t count;
    const struct nika_message_info *const *messages;
};

/* Decode exactly `body` into `out` (info->struct_size bytes; spans borrow from body). Element structure is validated
 * recursively, nested frames only by length. NIKA_ERR_MALFORMED or NIKA_OK. */
NIKA_MUST_USE enum nika_err nika_decode(const struct nika_message_info *info, struct nika_span body,
                                        void *out);
/* Append the encoding of `in` to `w`. List fields are copied from their spans, which must be canonical. */
void nika_encode(const struct nika_message_info *info, const void *in, struct nika_writer *w);
/* Bytes that nika_encode will write. */
uint32_t nika_encoded_size(const struct nika_message_info *info, const void *in);

/* Iterate a LIST: *at starts at 0. Returns false at the end. `out` has element->struct_size bytes. The list must come
 * from a successful decode. */
bool nika_list_next(const struct nika_list *list, const struct nika_message_info *element,
                    uint32_t *at, void *out);
/* Iterate FRAMES: each element is one whole frame. */
bool nika_frames_next(const struct nika_list *list, uint32_t *at, struct nika_span *frame);
/* Iterate DIGESTS. */
bool nika_digests_next(const struct nika_list *list, uint32_t *at, struct nika_digest *digest);
/* Writers for lists, into a scratch writer: begin, append each, then take the list (borrowing the writer's memory). */
void nika_list_append(struct nika_writer *w, struct nika_list *list,
                      const struct nika_message_info *element, const void *value);
void nika_frames_append(struct nika_writer *w, struct nika_list *list, struct nika_span frame);
void nika_digests_append(struct nika_writer *w, struct nika_list *list,
                         const struct nika_digest *digest);

/* Readable text "v=3 s=17 d=ab12.." for traces. Returns characters written. */
size_t nika_message_text(const struct nika_message_info *info, struct nika_span body, char *out,
                         size_t capacity);

/* X-macro helpers for messages.def; see protocols/pbft/messages.h for the pattern. */
#define NIKA_FIELD_TYPE_U8 uint8_t
#define NIKA_FIELD_TYPE_BOOL uint8_t
#define NIKA_FIELD_TYPE_U32 uint32_t
#define NIKA_FIELD_TYPE_U64 uint64_t
#define NIKA_FIELD_TYPE_VIEW uint64_t
#define NIKA_FIELD_TYPE_SEQ uint64_t
#define NIKA_FIELD_TYPE_TIME uint64_t
#define NIKA_FIELD_TYPE_REPLICA uint32_t
#define NIKA_FIELD_TYPE_CLIENT uint32_t
#define NIKA_FIELD_TYPE_DIGEST struct nika_digest
#define NIKA_FIELD_TYPE_BYTES struct nika_span
#define NIKA_FIELD_TYPE_LIST struct nika_list
#define NIKA_FIELD_TYPE_FRAMES struct nika_list
#define NIKA_FIELD_TYPE_DIGESTS struct nika_list

#endif
