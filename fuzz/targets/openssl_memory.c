/* fuzz/targets/openssl_memory.c: see openssl_memory.h. */
#include "fuzz/targets/openssl_memory.h"

#include <openssl/crypto.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_SIZE 64u
#define CLASSES 16u /* Larger blocks are rare: malloc has them. */

struct block {
    size_t size; /* That it has room for. */
    struct block *next;
    alignas(16) uint8_t bytes[];
};
static struct block *unused[CLASSES];

static struct block *block_of(void *bytes)
{
    return (struct block *)(void *)((uint8_t *)bytes - offsetof(struct block, bytes));
}

static void *take(size_t size, const char *file, int line)
{
    size_t at = size > 0 ? (size - 1) / CLASS_SIZE : 0;
    (void)file, (void)line;
    if (size > SIZE_MAX / 2) return NULL;
    if (at < CLASSES && unused[at] != NULL) {
        struct block *b = unused[at];
        unused[at] = b->next;
        return b->bytes;
    }
    size_t room = (at + 1) * CLASS_SIZE;
    struct block *b = malloc(sizeof *b + room);
    if (b == NULL) return NULL;
    b->size = room;
    return b->bytes;
}

static void give(void *bytes, const char *file, int line)
{
    (void)file, (void)line;
    if (bytes == NULL) return;
    struct block *b = block_of(bytes);
    size_t at = b->size / CLASS_SIZE - 1;
    if (at >= CLASSES) {
        free(b);
        return;
    }
    b->next = unused[at];
    unused[at] = b;
}

static void *resize(void *bytes, size_t size, const char *file, int line)
{
    if (bytes == NULL) return take(size, file, line);
    size_t had = block_of(bytes)->size;
    if (size > 0 && size <= had) return bytes;
    void *more = size > 0 ? take(size, file, line) : NULL;
    if (size > 0 && more == NULL) return NULL;
    if (size > 0) memcpy(more, bytes, had);
    give(bytes, file, line);
    return more;
}

void openssl_memory_install(void)
{
    (void)CRYPTO_set_mem_functions(take, resize, give);
}
