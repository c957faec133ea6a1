/* engine/core/store.c: the bounded allocator of variable-size bytes (store.h).
 *
 * A block is a 16-byte header and a payload of one of four sizes to each power of two; it keeps its
 * class for ever, so alloc and free are O(1) and what a call returns depends on the earlier calls
 * alone. Blocks are never split or merged; one that is somewhat larger is taken before new room is. */
#include "engine/core/store.h"

#include "engine/core/assert.h"

#define BLOCK_LIVE 0x4e4b4c56u
#define BLOCK_FREE 0x4e4b4652u
#define CLASS_SIZE_MIN 64u

struct block {
    uint32_t magic;
    uint32_t length; /* What was asked for. */
    uint32_t size_class;
    uint32_t next; /* Handle of the next free block of the class. */
};
_Static_assert(sizeof(struct block) == 16, "payloads stay 16-aligned");
_Static_assert(offsetof(struct nika_store, bytes) % 16 == 0, "payloads stay 16-aligned");

/* Headers go through memcpy because the region is an array of bytes. */
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
    NIKA_ASSERT(handle < s->high_water);
    NIKA_ASSERT(handle % 16 == 0);
    struct block block = block_load(s, handle);
    NIKA_ASSERT(block.magic == BLOCK_LIVE);
    return block;
}

/* 64, then 80, 96, 112, 128, 160, 192, 224, 256, ... */
static uint32_t class_of(uint32_t size)
{
    if (size <= CLASS_SIZE_MIN) return 0;
    uint32_t octave = 31u - (uint32_t)__builtin_clz(size - 1);
    uint32_t quarter = (size - 1) >> (octave - 2) & 3u;
    return (octave - 6u) * 4u + quarter + 1;
}

static uint32_t class_bytes(uint32_t size_class)
{
    uint32_t above = size_class - 1;
    uint32_t payload =
        size_class == 0 ? CLASS_SIZE_MIN : (5u + above % 4u) * (CLASS_SIZE_MIN / 4 << above / 4u);
    return payload + (uint32_t)sizeof(struct block);
}

/* The class of a free block for `size_class`: its own, or one of those up to twice as large. NIKA_STORE_CLASSES: there is none. */
static uint32_t class_with_room(const struct nika_store *s, uint32_t size_class)
{
    uint32_t end = size_class + 4u;
    if (end > NIKA_STORE_CLASSES) end = NIKA_STORE_CLASSES;
    for (uint32_t i = size_class; i < end; i++)
        if (s->free_list[i] != 0) return i;
    return NIKA_STORE_CLASSES;
}

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
    return offsetof(struct nika_store, bytes) + s->high_water;
}

uint32_t nika_store_alloc(struct nika_store *s, uint32_t size)
{
    return nika_store_alloc_keeping(s, size, 0);
}

uint32_t nika_store_alloc_keeping(struct nika_store *s, uint32_t size, uint32_t keep)
{
    NIKA_ASSERT(size >= 1);
    uint32_t size_class = class_of(size);
    if (size_class >= NIKA_STORE_CLASSES) return 0;
    uint32_t found = class_with_room(s, size_class), handle;
    if (found < NIKA_STORE_CLASSES) {
        size_class = found;
        handle = s->free_list[found];
        struct block old = block_load(s, handle);
        NIKA_ASSERT(old.magic == BLOCK_FREE);
        s->free_list[found] = old.next;
    } else {
        uint32_t bytes = class_bytes(size_class);
        uint32_t fresh = s->capacity - s->high_water;
        if (keep > fresh || bytes > fresh - keep) return 0;
        handle = s->high_water + (uint32_t)sizeof(struct block);
        s->high_water += bytes;
    }
    uint32_t bytes = class_bytes(size_class);
    const struct block block = {.magic = BLOCK_LIVE, .length = size, .size_class = size_class};
    block_save(s, handle, &block);
    s->in_use += bytes;
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
    NIKA_ASSERT(block.size_class < NIKA_STORE_CLASSES);
    uint32_t bytes = class_bytes(block.size_class);
    NIKA_ASSERT(s->in_use >= bytes);
    block.magic = BLOCK_FREE;
    block.next = s->free_list[block.size_class];
    block_save(s, handle, &block);
    s->free_list[block.size_class] = handle;
    s->in_use -= bytes;
}
