/* engine/core/wal.h: the record format of the write-ahead log (PROTOCOLS.md 1.12), shared by the simulated disk and the shim.
 *
 * Record: len u32 (of payload) | kind u8 | seq u64 | payload | CRC32C u32 over all before it. Scanning stops at the first torn or bad record; a bad record
 * that is followed by a good one is corruption, not a torn tail. */
#ifndef ENGINE_CORE_WAL_H
#define ENGINE_CORE_WAL_H

#include "engine/core/bytes.h"
#include "engine/core/err.h"

#define NIKA_WAL_OVERHEAD 17u

struct nika_wal_record {
    uint8_t kind;
    uint64_t seq;
    struct nika_span payload;
};
enum nika_wal_end {
    NIKA_WAL_CLEAN,   /* The log ends after a whole record. */
    NIKA_WAL_TORN,    /* An incomplete or bad last record; cut it. */
    NIKA_WAL_CORRUPT, /* A bad record with a good one behind it. */
};
void nika_wal_write(struct nika_writer *w, uint8_t kind, uint64_t seq, struct nika_span payload);
/* Read the record at *at and move past it. NIKA_OK, NIKA_ERR_NOT_FOUND at the end, NIKA_ERR_MALFORMED when torn or bad. */
NIKA_MUST_USE enum nika_err nika_wal_next(struct nika_span log, uint32_t *at,
                                          struct nika_wal_record *out);
/* Scan the whole log: how it ends, and the bytes of the good prefix. */
enum nika_wal_end nika_wal_scan(struct nika_span log, uint32_t *good_size);

#endif
