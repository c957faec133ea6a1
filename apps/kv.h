/* apps/kv.h: operations and results of the key-value application, and helpers that build them.
 *
 * Operation: kind u8 | fields, all lengths u32, nothing after the last field:
 *   PUT key value | GET key | DEL key | CAS key expect_present u8 (0, 1) expected new (expected is empty when not present)
 *   RANGE first last limit u32 (keys with first <= key < last in byte order; an empty `last` means no upper bound)
 * Result: status u8, then for GET value (u32 length), for RANGE count u32 | count x { key, value } | more u8. A status other than OK is
 * followed by nothing. Every byte string has a result: what does not parse is NIKA_KV_BAD. */
#ifndef APPS_KV_H
#define APPS_KV_H

#include "engine/core/bytes.h"
#include "engine/core/err.h"

#define NIKA_KV_KEY_MAX 64u
#define NIKA_KV_VALUE_MAX 1024u
#define NIKA_KV_RANGE_MAX 16u /* Entries of one RANGE result: bounds the work of one operation. */

enum nika_kv_kind {
    NIKA_KV_PUT = 1,
    NIKA_KV_GET,
    NIKA_KV_DEL,
    NIKA_KV_CAS,
    NIKA_KV_RANGE,
};
enum nika_kv_status {
    NIKA_KV_OK = 0,
    NIKA_KV_NOT_FOUND,     /* GET, DEL, CAS: no such key. */
    NIKA_KV_MISMATCH,      /* CAS: the key has another value, or has one when none was expected. */
    NIKA_KV_FULL,          /* The key's bucket has no room (kv_pages.h). Nothing was changed. */
    NIKA_KV_BAD,           /* Not an operation, or beyond the limits above. */
    NIKA_KV_REPLY_LIMIT,   /* The value does not fit a reply of this cluster. */
    NIKA_KV_NOT_READ_ONLY, /* A writing operation on the read-only path. */
};

struct nika_kv_op {
    enum nika_kv_kind kind;
    struct nika_span key;      /* RANGE: first. */
    struct nika_span value;    /* PUT, CAS: the new value. RANGE: last. */
    struct nika_span expected; /* CAS. */
    bool expect_present;       /* CAS. */
    uint32_t limit;            /* RANGE, 1..NIKA_KV_RANGE_MAX. */
};

/* Parse exactly `bytes`; the spans borrow from them. NIKA_ERR_MALFORMED. */
NIKA_MUST_USE enum nika_err nika_kv_parse(struct nika_span bytes, struct nika_kv_op *out);
/* Append the one encoding of `op`; the writer fails when it does not fit. parse(write(op)) == op for an op within limits. */
void nika_kv_write(struct nika_writer *w, const struct nika_kv_op *op);
/* Byte order, a shorter key first: <0, 0, >0. */
int nika_kv_compare(struct nika_span a, struct nika_span b);

#endif
