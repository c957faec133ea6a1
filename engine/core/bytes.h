/* engine/core/bytes.h: the only way to read or write wire bytes: a checked cursor, little-endian.
 *
 * A reader or writer that ran out stays failed (`failed` is sticky); check once at the end. Reads after a failure
 * return zero, writes are dropped. Neither owns its memory. */
#ifndef ENGINE_CORE_BYTES_H
#define ENGINE_CORE_BYTES_H

#include "engine/core/types.h"

struct nika_reader {
    const uint8_t *data;
    uint32_t size;
    uint32_t at;
    bool failed;
};
struct nika_writer {
    uint8_t *data;
    uint32_t capacity;
    uint32_t at;
    bool failed;
};

static inline struct nika_reader nika_reader_of(struct nika_span span)
{
    return (struct nika_reader){.data = span.data, .size = span.size};
}
static inline struct nika_writer nika_writer_of(void *data, uint32_t capacity)
{
    return (struct nika_writer){.data = (uint8_t *)data, .capacity = capacity};
}
static inline uint32_t nika_reader_left(const struct nika_reader *r)
{
    return r->failed ? 0 : r->size - r->at;
}
/* All bytes consumed and no read failed. */
static inline bool nika_reader_done(const struct nika_reader *r)
{
    return !r->failed && r->at == r->size;
}
static inline const uint8_t *nika_read_raw(struct nika_reader *r, uint32_t size)
{
    if (r->failed || size > r->size - r->at) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += size;
    return p;
}
/* `size` bytes, at most 8, of the low end. Byte by byte says the same, of which compilers make eight loads or stores. */
static inline uint64_t nika_load_le(const uint8_t *p, uint32_t size)
{
    uint64_t value = 0;
    memcpy(&value, p, size);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}
static inline void nika_store_le(uint8_t *p, uint64_t value, uint32_t size)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(p, &value, size);
}
static inline uint8_t nika_read_u8(struct nika_reader *r)
{
    const uint8_t *p = nika_read_raw(r, 1);
    return p == NULL ? 0 : p[0];
}
static inline uint16_t nika_read_u16(struct nika_reader *r)
{
    const uint8_t *p = nika_read_raw(r, 2);
    return p == NULL ? 0 : (uint16_t)nika_load_le(p, 2);
}
static inline uint32_t nika_read_u32(struct nika_reader *r)
{
    const uint8_t *p = nika_read_raw(r, 4);
    return p == NULL ? 0 : (uint32_t)nika_load_le(p, 4);
}
static inline uint64_t nika_read_u64(struct nika_reader *r)
{
    const uint8_t *p = nika_read_raw(r, 8);
    return p == NULL ? 0 : nika_load_le(p, 8);
}
static inline struct nika_digest nika_read_digest(struct nika_reader *r)
{
    struct nika_digest d = {{0}};
    const uint8_t *p = nika_read_raw(r, NIKA_DIGEST_SIZE);
    if (p != NULL) memcpy(d.bytes, p, NIKA_DIGEST_SIZE);
    return d;
}
/* u32 length, then that many bytes, at most `limit`. Borrowed from the reader's memory. */
static inline struct nika_span nika_read_bytes(struct nika_reader *r, uint32_t limit)
{
    uint32_t size = nika_read_u32(r);
    if (size > limit) r->failed = true;
    const uint8_t *p = nika_read_raw(r, size);
    return (struct nika_span){.data = p, .size = p == NULL ? 0 : size};
}

static inline uint8_t *nika_write_reserve(struct nika_writer *w, uint32_t size)
{
    if (w->failed || size > w->capacity - w->at) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->data + w->at;
    w->at += size;
    return p;
}
static inline void nika_write_raw(struct nika_writer *w, const void *data, uint32_t size)
{
    uint8_t *p = nika_write_reserve(w, size);
    if (p != NULL && size > 0) memcpy(p, data, size);
}
static inline void nika_write_u8(struct nika_writer *w, uint8_t value)
{
    nika_write_raw(w, &value, 1);
}
static inline void nika_write_u16(struct nika_writer *w, uint16_t value)
{
    uint8_t *p = nika_write_reserve(w, 2);
    if (p != NULL) nika_store_le(p, value, 2);
}
static inline void nika_write_u32(struct nika_writer *w, uint32_t value)
{
    uint8_t *p = nika_write_reserve(w, 4);
    if (p != NULL) nika_store_le(p, value, 4);
}
static inline void nika_write_u64(struct nika_writer *w, uint64_t value)
{
    uint8_t *p = nika_write_reserve(w, 8);
    if (p != NULL) nika_store_le(p, value, 8);
}
static inline void nika_write_digest(struct nika_writer *w, const struct nika_digest *d)
{
    nika_write_raw(w, d->bytes, NIKA_DIGEST_SIZE);
}
static inline void nika_write_bytes(struct nika_writer *w, struct nika_span span)
{
    nika_write_u32(w, span.size);
    nika_write_raw(w, span.data, span.size);
}

#endif
