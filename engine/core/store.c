/* engine/core/store.c: the bounded allocator of variable-size bytes (store.h).
 *
 * The region is a row of blocks, each a 16-byte header and a payload; a header knows the size of its own block and of the one before, so
 * that a block that becomes free is joined with free neighbours, and the last one gives its room back to what was never used. Free blocks lie in lists by
 * size, eight to each power of two, with bits for the lists that are not empty (after Masmano et al., "TLSF", ECRTS '04): alloc and
 * free look at a bounded number of blocks, and what a call returns depends on the earlier calls alone. */
#include "engine/core/store.h"

#include "engine/core/assert.h"

#define BLOCK_LIVE 0x4e4b4c56u
#define BLOCK_FREE 0x4e4b4652u
#define BLOCK_SIZE_MIN 32u
#define OCTAVE_MIN 5u
#define TRIES 4u /* Blocks of one list looked at. The first one that fits is taken. */

struct block {
    uint32_t magic;
    uint32_t length; /* What was asked for. */
    uint32_t size;   /* With this header; a multiple of 16. */
    uint32_t before; /* Size of the block before, 0 = this is the first. */
};
/* First in the payload of a free block: handles of its neighbours in the list, 0 = none. */
struct links {
    uint32_t next, previous;
};
_Static_assert(sizeof(struct block) == 16, "payloads stay 16-aligned");
_Static_assert(sizeof(struct block) + sizeof(struct links) <= BLOCK_SIZE_MIN, "links fit");
_Static_assert(offsetof(struct nika_store, bytes) % 16 == 0, "payloads stay 16-aligned");

/* ---- headers: through memcpy, because the region is an array of bytes ---- */
static struct block block_load(const struct nika_store *s, uint32_t handle)
{
    struct block block;
    memcpy(&block, s->bytes + handle - sizeof block, sizeof block);
    return block;
}

static void block_save(struct nika_store *s, uint32_t handle, const struct block *block)
{
    memcpy(s->bytes + handle - sizeof *block, block, sizeof *block);
}

static struct block block_live(const struct nika_store *s, uint32_t handle)
{
    NIKA_ASSERT(handle >= sizeof(struct block));
    NIKA_ASSERT(handle < s->top);
    NIKA_ASSERT(handle % 16 == 0);
    struct block block = block_load(s, handle);
    NIKA_ASSERT(block.magic == BLOCK_LIVE);
    return block;
}

/* The block before the one at `handle` is now of this size. */
static void before_save(struct nika_store *s, uint32_t handle, uint32_t size)
{
    memcpy(s->bytes + handle - sizeof(struct block) + offsetof(struct block, before), &size,
           sizeof size);
}

static struct links links_load(const struct nika_store *s, uint32_t handle)
{
    struct links links;
    memcpy(&links, s->bytes + handle, sizeof links);
    return links;
}

static void links_save(struct nika_store *s, uint32_t handle, struct links links)
{
    memcpy(s->bytes + handle, &links, sizeof links);
}

/* ---- free blocks ---- */
/* The list of blocks of `size`: all in a later list are larger. */
static uint32_t list_of(uint32_t size)
{
    uint32_t octave = 31u - (uint32_t)__builtin_clz(size);
    return (octave - OCTAVE_MIN) * NIKA_STORE_PARTS +
           ((size >> (octave - 3)) & (NIKA_STORE_PARTS - 1));
}

/* The first list from `list` on that is not empty, or NIKA_STORE_OCTAVES * NIKA_STORE_PARTS. */
static uint32_t list_from(const struct nika_store *s, uint32_t list)
{
    uint32_t octave = list / NIKA_STORE_PARTS;
    if (octave >= NIKA_STORE_OCTAVES) return list;
    uint32_t parts = (uint32_t)s->parts[octave] >> list % NIKA_STORE_PARTS;
    if (parts != 0) return list + (uint32_t)__builtin_ctz(parts);
    uint32_t later = s->octaves & ~((2u << octave) - 1u);
    if (later == 0) return NIKA_STORE_OCTAVES * NIKA_STORE_PARTS;
    octave = (uint32_t)__builtin_ctz(later);
    return octave * NIKA_STORE_PARTS + (uint32_t)__builtin_ctz(s->parts[octave]);
}

/* A block becomes free, at the head of its list. */
static void list_add(struct nika_store *s, uint32_t handle, uint32_t size, uint32_t before)
{
    uint32_t list = list_of(size), next = s->free_list[list];
    const struct block block = {.magic = BLOCK_FREE, .size = size, .before = before};
    block_save(s, handle, &block);
    links_save(s, handle, (struct links){.next = next});
    if (next != 0) {
        struct links links = links_load(s, next);
        links.previous = handle;
        links_save(s, next, links);
    }
    s->free_list[list] = handle;
    s->octaves |= 1u << list / NIKA_STORE_PARTS;
    s->parts[list / NIKA_STORE_PARTS] |= (uint8_t)(1u << list % NIKA_STORE_PARTS);
}

static void list_remove(struct nika_store *s, uint32_t handle, uint32_t size)
{
    uint32_t list = list_of(size);
    struct links links = links_load(s, handle);
    if (links.next != 0) {
        struct links next = links_load(s, links.next);
        next.previous = links.previous;
        links_save(s, links.next, next);
    }
    if (links.previous != 0) {
        struct links previous = links_load(s, links.previous);
        previous.next = links.next;
        links_save(s, links.previous, previous);
        return;
    }
    s->free_list[list] = links.next;
    if (links.next != 0) return;
    uint32_t octave = list / NIKA_STORE_PARTS;
    s->parts[octave] &= (uint8_t) ~(1u << list % NIKA_STORE_PARTS);
    if (s->parts[octave] == 0) s->octaves &= ~(1u << octave);
}

/* A free block of at least `size` bytes, of which that many end at `end` or before: its handle, or 0. */
static uint32_t free_find(const struct nika_store *s, uint32_t size, uint32_t end)
{
    for (uint32_t list = list_from(s, list_of(size)); list < NIKA_STORE_OCTAVES * NIKA_STORE_PARTS;
         list = list_from(s, list + 1)) {
        uint32_t handle = s->free_list[list];
        for (uint32_t i = 0; i < TRIES && handle != 0; i++) {
            struct block block = block_load(s, handle);
            NIKA_ASSERT(block.magic == BLOCK_FREE);
            if (block.size >= size && handle - (uint32_t)sizeof block + size <= end) return handle;
            handle = links_load(s, handle).next;
        }
    }
    return 0;
}

/* ---- the interface ---- */
size_t nika_store_size(uint32_t capacity)
{
    return offsetof(struct nika_store, bytes) + (((size_t)capacity + 15u) & ~(size_t)15u);
}

struct nika_store *nika_store_init(void *memory, uint32_t capacity)
{
    struct nika_store *s = memory;
    memset(s, 0, offsetof(struct nika_store, bytes));
    s->capacity = capacity;
    return s;
}

size_t nika_store_used(const struct nika_store *s)
{
    return offsetof(struct nika_store, bytes) + s->top;
}

uint32_t nika_store_alloc(struct nika_store *s, uint32_t size)
{
    return nika_store_alloc_keeping(s, size, 0);
}

uint32_t nika_store_alloc_keeping(struct nika_store *s, uint32_t size, uint32_t keep)
{
    NIKA_ASSERT(size >= 1);
    if (size > s->capacity || keep > s->capacity) return 0;
    uint32_t end = s->capacity - keep;
    uint64_t wanted = ((uint64_t)size + sizeof(struct block) + 15u) & ~(uint64_t)15u;
    if (wanted > end) return 0;
    struct block block = {.magic = BLOCK_LIVE, .length = size, .size = (uint32_t)wanted};
    if (block.size < BLOCK_SIZE_MIN) block.size = BLOCK_SIZE_MIN;
    uint32_t handle = free_find(s, block.size, end);
    if (handle != 0) {
        struct block found = block_load(s, handle);
        list_remove(s, handle, found.size);
        block.before = found.before;
        uint32_t rest = found.size - block.size;
        if (rest >= BLOCK_SIZE_MIN) {
            list_add(s, handle + block.size, rest, block.size);
            before_save(s, handle + found.size, rest);
        } else {
            block.size = found.size;
        }
    } else {
        if (s->top > end || block.size > end - s->top) return 0;
        handle = s->top + (uint32_t)sizeof(struct block);
        block.before = s->last;
        s->top += block.size;
        s->last = block.size;
    }
    block_save(s, handle, &block);
    s->in_use += block.size;
    if (s->in_use > s->peak) s->peak = s->in_use;
    return handle;
}

uint32_t nika_store_put(struct nika_store *s, struct nika_span bytes)
{
    return nika_store_put_keeping(s, bytes, 0);
}

uint32_t nika_store_put_keeping(struct nika_store *s, struct nika_span bytes, uint32_t keep)
{
    /* An empty value still needs a handle that is not 0. */
    uint32_t handle = nika_store_alloc_keeping(s, bytes.size == 0 ? 1 : bytes.size, keep);
    if (handle == 0) return 0;
    if (bytes.size > 0) {
        memcpy(s->bytes + handle, bytes.data, bytes.size);
        return handle;
    }
    struct block block = block_load(s, handle);
    block.length = 0;
    block_save(s, handle, &block);
    return handle;
}

uint8_t *nika_store_at(struct nika_store *s, uint32_t handle)
{
    (void)block_live(s, handle);
    return s->bytes + handle;
}

uint32_t nika_store_length(const struct nika_store *s, uint32_t handle)
{
    return block_live(s, handle).length;
}

struct nika_span nika_store_span(const struct nika_store *s, uint32_t handle)
{
    struct block block = block_live(s, handle);
    return (struct nika_span){.data = s->bytes + handle, .size = block.length};
}

void nika_store_free(struct nika_store *s, uint32_t handle)
{
    if (handle == 0) return;
    struct block block = block_live(s, handle);
    NIKA_ASSERT(s->in_use >= block.size);
    s->in_use -= block.size;
    uint32_t next = handle + block.size;
    if (next < s->top) {
        struct block after = block_load(s, next);
        if (after.magic == BLOCK_FREE) {
            list_remove(s, next, after.size);
            block.size += after.size;
        }
    }
    /* A second free of the same handle must not find it live, wherever the block goes. */
    block.magic = BLOCK_FREE;
    block_save(s, handle, &block);
    if (block.before != 0) {
        uint32_t previous = handle - block.before;
        struct block ahead = block_load(s, previous);
        if (ahead.magic == BLOCK_FREE) {
            list_remove(s, previous, ahead.size);
            handle = previous;
            block.size += ahead.size;
            block.before = ahead.before;
        }
    }
    if (handle - (uint32_t)sizeof block + block.size == s->top) {
        s->top = handle - (uint32_t)sizeof block;
        s->last = block.before;
        return;
    }
    list_add(s, handle, block.size, block.before);
    before_save(s, handle + block.size, block.size);
}
