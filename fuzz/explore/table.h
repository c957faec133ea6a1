/* fuzz/explore/table.h: growing tables of an exploration. What is put in stays until the table is freed; out of memory ends the
 * program, for a search without its tables has no result. */
#ifndef FUZZ_EXPLORE_TABLE_H
#define FUZZ_EXPLORE_TABLE_H

#include <stddef.h>

#include "engine/core/types.h"

#define EXPLORE_NONE UINT32_MAX

/* Room for `count` elements of `size` bytes in a block that holds *capacity of them; grown by halves. */
void *explore_room(void *block, uint64_t *capacity, uint64_t count, size_t size);
/* The same; what is new is zero. */
void *explore_room_zero(void *block, uint64_t *capacity, uint64_t count, size_t size);

/* Numbers to numbers. Key UINT64_MAX is not allowed. */
struct explore_map {
    uint64_t *keys; /* UINT64_MAX = free. */
    uint32_t *values;
    uint64_t capacity, count;
};
bool explore_map_get(const struct explore_map *map, uint64_t key, uint32_t *value);
void explore_map_put(struct explore_map *map, uint64_t key, uint32_t value);
void explore_map_free(struct explore_map *map);

/* Byte strings, each once, numbered from 0. */
struct explore_set {
    uint8_t *bytes;
    uint64_t *start; /* count + 1 offsets into `bytes`. */
    uint32_t *slots; /* Index + 1; 0 = free. */
    uint64_t bytes_capacity, start_capacity, slot_capacity;
    uint32_t count;
};
uint32_t explore_set_add(struct explore_set *set, const void *data, size_t size);
/* EXPLORE_NONE when it is not there. */
uint32_t explore_set_find(const struct explore_set *set, const void *data, size_t size);
static inline const uint8_t *explore_set_at(const struct explore_set *set, uint32_t index,
                                            size_t *size)
{
    *size = (size_t)(set->start[index + 1] - set->start[index]);
    return set->bytes + set->start[index];
}
uint64_t explore_set_bytes(const struct explore_set *set);
void explore_set_free(struct explore_set *set);

#endif
