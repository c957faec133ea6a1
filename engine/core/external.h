/* engine/core/external.h: what is said to an application in another process (PROTOCOLS.md 4), and the port that says it.
 *
 * A request is u32 length of the rest | id u64 | method u8 | body; an answer is u32 length | id u64 | status u8 | body, little-endian, in order.
 * Status 0: done. Anything else, or an answer that breaks this form, ends the replica: it counts as crashed and recovers from its disk. */
#ifndef ENGINE_CORE_EXTERNAL_H
#define ENGINE_CORE_EXTERNAL_H

#include "engine/core/limits.h"
#include "engine/core/types.h"

#define NIKA_EXTERNAL_VERSION "nika-app-1"
/* A state is handed over in one piece, so it is small. Copies of it are kept for snapshots. */
#define NIKA_EXTERNAL_STATE_MAX (1024u * 1024u)
#define NIKA_EXTERNAL_HEAD_SIZE 9u /* id and method or status. */

/* Bodies; `bytes` is u32 length and bytes. */
enum nika_external_method {
    NIKA_EXTERNAL_HELLO =
        1, /* version bytes | op max u32 | reply max u32 | state max u32 -> version bytes. The state is empty after it. */
    NIKA_EXTERNAL_EXECUTE, /* client u32 | timestamp u64 | agreed time u64 ns | op bytes -> result bytes */
    NIKA_EXTERNAL_QUERY, /* client u32 | timestamp u64 | op bytes -> result bytes; changes nothing */
    NIKA_EXTERNAL_SNAPSHOT, /* nothing -> state bytes, 1..state max, a function of the state alone */
    NIKA_EXTERNAL_RESTORE,  /* state bytes -> nothing */
    NIKA_EXTERNAL_METHODS,  /* Their count, plus one. */
};

struct nika_external_port {
    void *context;
    /* Ask and wait. The body of the answer goes into out[0..capacity); returns its size. Does not return when the application fails. */
    uint32_t (*call)(void *context, enum nika_external_method method, struct nika_span body,
                     uint8_t *out, uint32_t capacity);
    /* It answered in the right form what cannot be: does not return either. */
    void (*refuse)(void *context, enum nika_external_method method, const char *why);
};

#endif
