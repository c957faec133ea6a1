/* engine/core/wal.c: the record format of the write-ahead log (wal.h, PROTOCOLS.md 1.12).
 *
 * Reads what a disk gave back after a crash, so every length is doubted. Owns nothing and does no
 * input or output. */
#include "engine/core/wal.h"

#include "engine/core/digest.h"
#include "engine/core/planted.h"

#define HEAD_SIZE 13u /* len u32, kind u8, seq u64 */
#define CRC_SIZE 4u
_Static_assert(HEAD_SIZE + CRC_SIZE == NIKA_WAL_OVERHEAD, "record layout");

void nika_wal_write(struct nika_writer *w, uint8_t kind, uint64_t seq, struct nika_span payload)
{
    if (w->failed || payload.size > UINT32_MAX - NIKA_WAL_OVERHEAD ||
        payload.size + NIKA_WAL_OVERHEAD > w->capacity - w->at) {
        w->failed = true; /* Never half a record. */
        return;
    }
    uint32_t start = w->at;
    nika_write_u32(w, payload.size);
    nika_write_u8(w, kind);
    nika_write_u64(w, seq);
    nika_write_raw(w, payload.data, payload.size);
    nika_write_u32(w, nika_crc32c(0, w->data + start, w->at - start));
}

enum nika_err nika_wal_next(struct nika_span log, uint32_t *at, struct nika_wal_record *out)
{
    memset(out, 0, sizeof *out);
    if (*at == log.size) return NIKA_ERR_NOT_FOUND;
    if (*at > log.size || log.size - *at < NIKA_WAL_OVERHEAD) return NIKA_ERR_MALFORMED;
    struct nika_reader r = {.data = log.data, .size = log.size, .at = *at};
    uint32_t size = nika_read_u32(&r);
    if (size > log.size - *at - NIKA_WAL_OVERHEAD) return NIKA_ERR_MALFORMED;
    struct nika_wal_record record = {.kind = nika_read_u8(&r), .seq = nika_read_u64(&r)};
    record.payload = (struct nika_span){.data = nika_read_raw(&r, size), .size = size};
    uint32_t crc = nika_read_u32(&r);
    if (!NIKA_PLANTED(I16) && crc != nika_crc32c(0, log.data + *at, HEAD_SIZE + size))
        return NIKA_ERR_MALFORMED;
    *out = record;
    *at = r.at;
    return NIKA_OK;
}

/* A rotten length hides where the next record begins, so every offset is tried. Most offsets fail
 * on their length alone. */
static bool good_record_after(struct nika_span log, uint32_t bad)
{
    struct nika_wal_record record;
    for (uint32_t i = bad + 1; i < log.size && log.size - i >= NIKA_WAL_OVERHEAD; i++) {
        uint32_t at = i;
        if (nika_wal_next(log, &at, &record) == NIKA_OK) return true;
    }
    return false;
}

enum nika_wal_end nika_wal_scan(struct nika_span log, uint32_t *good_size)
{
    struct nika_wal_record record;
    uint32_t at = 0;
    enum nika_err err = NIKA_OK;
    while (err == NIKA_OK) err = nika_wal_next(log, &at, &record);
    *good_size = at;
    if (err == NIKA_ERR_NOT_FOUND) return NIKA_WAL_CLEAN;
    return !NIKA_PLANTED(I17) && good_record_after(log, at) ? NIKA_WAL_CORRUPT : NIKA_WAL_TORN;
}
