/* engine/core/recording.h: the recording of one replica: everything that its module was told, as bytes (DESIGN.md 4).
 *
 * A sequence of records of the write-ahead log's format (wal.h), numbered from 0: the head; what recovery told; then events, each followed
 * by the answers of the host that the module asked for while it handled the event; now and then the digest of the module's state. The
 * module is a function of these, so whoever has them has the run. Encodes and decodes; owns nothing. */
#ifndef ENGINE_CORE_RECORDING_H
#define ENGINE_CORE_RECORDING_H

#include "engine/core/config.h"
#include "engine/core/replica.h"
#include "engine/core/trusted.h"
#include "engine/core/wal.h"

#define NIKA_RECORDING_VERSION 1u
#define NIKA_RECORDING_VERSION_LATER 2u /* The same of a host that certifies later. */
#define NIKA_RECORDING_NAME_SIZE 32u
/* Largest record: an event with a frame and bytes. */
#define NIKA_RECORDING_RECORD_MAX (NIKA_MESSAGE_SIZE_MAX + 64u * 1024u * 1024u)

enum nika_recorded {
    NIKA_RECORDED_HEAD = 1,
    NIKA_RECORDED_CHUNK,   /* Of the snapshot that the next RECOVER tells of. */
    NIKA_RECORDED_RECOVER, /* nika_replica_ops.recover was called. */
    NIKA_RECORDED_EVENT,
    NIKA_RECORDED_AUTH,    /* host->authenticate wrote these bytes. */
    NIKA_RECORDED_VERIFY,  /* host->verify said so. */
    NIKA_RECORDED_JITTER,  /* host->jitter drew this. */
    NIKA_RECORDED_DIGEST,  /* After the events so far. */
    NIKA_RECORDED_END,     /* The node ended in order. */
    NIKA_RECORDED_TRUSTED, /* The trusted subsystem answered so. */
};

struct nika_recording_head {
    struct nika_config config; /* With the group id of the cluster. */
    uint32_t replica;
    bool trusted_later; /* As of the host. */
    uint64_t app_param;
    char protocol[NIKA_RECORDING_NAME_SIZE], app[NIKA_RECORDING_NAME_SIZE];
};
void nika_recording_head_write(struct nika_writer *w, const struct nika_recording_head *head);
/* NIKA_ERR_VERSION, NIKA_ERR_MALFORMED, or NIKA_ERR_CONFIG when the configuration is out of range. */
NIKA_MUST_USE enum nika_err nika_recording_head_read(struct nika_span bytes,
                                                     struct nika_recording_head *out);

/* An event; its frame as raw bytes. */
void nika_recording_event_write(struct nika_writer *w, const struct nika_event *event);
/* `frame` gets the raw frame (size 0 = none); out->frame stays NULL. Spans borrow from `bytes`. NIKA_ERR_MALFORMED. */
NIKA_MUST_USE enum nika_err
nika_recording_event_read(struct nika_span bytes, struct nika_event *out, struct nika_span *frame);
/* An answer of the trusted subsystem; what its call does not give is zero. */
enum nika_recorded_trusted_call {
    NIKA_RECORDED_TRUSTED_CERTIFY = 1,
    NIKA_RECORDED_TRUSTED_VERIFY,
    NIKA_RECORDED_TRUSTED_READ,
    NIKA_RECORDED_TRUSTED_REISSUE,
};
struct nika_recorded_trusted {
    uint8_t call; /* enum nika_recorded_trusted_call */
    enum nika_err err;
    uint8_t certificate[NIKA_TRUSTED_CERTIFICATE_SIZE]; /* CERTIFY, REISSUE. */
    struct nika_trusted_value value;                    /* READ. */
    uint64_t epoch;                                     /* READ. */
    struct nika_digest digest;                          /* REISSUE. */
};
#define NIKA_RECORDING_TRUSTED_MAX (1u + 4u + 4u + NIKA_TRUSTED_CERTIFICATE_SIZE + NIKA_DIGEST_SIZE)
void nika_recording_trusted_write(struct nika_writer *w,
                                  const struct nika_recorded_trusted *answer);
/* NIKA_ERR_MALFORMED. */
NIKA_MUST_USE enum nika_err nika_recording_trusted_read(struct nika_span bytes,
                                                        struct nika_recorded_trusted *out);

/* Bytes that an event needs at most. */
uint32_t nika_recording_event_size(const struct nika_event *event);

#endif
