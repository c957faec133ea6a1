/* engine/shim/tss_frame.h: the frames between a replica and its trusted process (`nika tss`): one request, one reply, of fixed size.
 *
 * Pure: bytes in, values out. Every field that an operation does not use is zero, so each call has one encoding. */
#ifndef ENGINE_SHIM_TSS_FRAME_H
#define ENGINE_SHIM_TSS_FRAME_H

#include "engine/core/trusted.h"

enum nika_tss_operation {
    NIKA_TSS_HELLO = 1, /* Who are you? The first request of a connection. */
    NIKA_TSS_CERTIFY,   /* kind, counter, value, digest -> certificate */
    NIKA_TSS_VERIFY,    /* certificate, digest -> OK or INVALID */
    NIKA_TSS_READ,      /* counter -> value, epoch */
    NIKA_TSS_REISSUE,   /* counter -> certificate, digest */
    NIKA_TSS_OPERATIONS /* One beyond the last. */
};
enum nika_tss_status {
    NIKA_TSS_OK = 0,
    NIKA_TSS_REFUSED, /* The counter would not move as the kind demands, or there is none: NIKA_ERR_CONFIG. */
    NIKA_TSS_NOT_FOUND, /* Reissue of a counter that never moved: NIKA_ERR_NOT_FOUND. */
    NIKA_TSS_INVALID,   /* Verify: no certificate of the group over this digest: NIKA_ERR_AUTH. */
    NIKA_TSS_GONE,      /* The instance can promise nothing any more: NIKA_ERR_IO. */
    NIKA_TSS_STATUSES
};

/* "TSQ1" | operation u8 | kind u8 | counter u32 | tag u64 | value 2 x u64 | digest | certificate, little-endian. */
#define NIKA_TSS_REQUEST_SIZE (4u + 1u + 1u + 4u + 8u + 16u + 32u + NIKA_TRUSTED_CERTIFICATE_SIZE)
struct nika_tss_request {
    uint8_t operation; /* enum nika_tss_operation */
    uint8_t kind;      /* CERTIFY. */
    uint32_t counter;  /* CERTIFY, READ, REISSUE. */
    uint64_t tag;      /* Comes back in the reply: a late reply is never taken for another one. */
    struct nika_trusted_value value;             /* CERTIFY. */
    struct nika_digest digest;                   /* CERTIFY, VERIFY. */
    struct nika_trusted_certificate certificate; /* VERIFY. */
};

/* "TSR1" | operation u8 | status u8 | tag u64 | instance u32 | epoch u64 | counters u32 | group u32 | value 2 x u64 | digest | certificate */
#define NIKA_TSS_REPLY_SIZE                                                                        \
    (4u + 1u + 1u + 8u + 4u + 8u + 4u + 4u + 16u + 32u + NIKA_TRUSTED_CERTIFICATE_SIZE)
struct nika_tss_reply {
    uint8_t operation, status; /* Of the request; enum nika_tss_status. */
    uint64_t tag;
    uint32_t instance;        /* Of every reply: who answers. */
    uint64_t epoch;           /* Of every reply. */
    uint32_t counters, group; /* HELLO: how many counters it has, and instances the group has. */
    struct nika_trusted_value value;             /* READ. */
    struct nika_digest digest;                   /* REISSUE. */
    struct nika_trusted_certificate certificate; /* CERTIFY, REISSUE. */
};

void nika_tss_request_encode(const struct nika_tss_request *request,
                             uint8_t out[NIKA_TSS_REQUEST_SIZE]);
/* NIKA_ERR_MALFORMED: another size or magic, an unknown operation or kind, or a field set that the operation does not use. A counter out
 * of range is no malformed frame: the instance refuses it. */
NIKA_MUST_USE enum nika_err nika_tss_request_decode(struct nika_span bytes,
                                                    struct nika_tss_request *out);
void nika_tss_reply_encode(const struct nika_tss_reply *reply, uint8_t out[NIKA_TSS_REPLY_SIZE]);
/* NIKA_ERR_MALFORMED as above; fields of a result only with status OK. */
NIKA_MUST_USE enum nika_err nika_tss_reply_decode(struct nika_span bytes,
                                                  struct nika_tss_reply *out);

#endif
