/* fuzz/explore/table.c: see table.h. */
#include "fuzz/explore/table.h"

#include <stdlib.h>

#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/core/mix.h"

#define START_CAPACITY 64u

void *explore_room(void *block, uint64_t *capacity, uint64_t count, size_t size)
{
    if (count <= *capacity) return block;
    uint64_t larger = *capacity + *capacity / 2;
    if (larger < count) larger = count;
    if (larger < START_CAPACITY) larger = START_CAPACITY;
    block = realloc(block, larger * size);
    NIKA_ASSERT(block != NULL);
    *capacity = larger;
    return block;
}

void *explore_room_zero(void *block, uint64_t *capacity, uint64_t count, size_t size)
{
    uint64_t before = *capacity;
    block = explore_room(block, capacity, count, size);
    if (*capacity > before)
        memset((uint8_t *)block + before * size, 0, (*capacity - before) * size);
    return block;
}

/* ---- numbers to numbers ---- */

static uint64_t place_of(const struct explore_map *map, uint64_t key)
{
    uint64_t at = nika_mix(key) & (map->capacity - 1);
    while (map->keys[at] != UINT64_MAX && map->keys[at] != key) at = (at + 1) & (map->capacity - 1);
    return at;
}

bool explore_map_get(const struct explore_map *map, uint64_t key, uint32_t *value)
{
    if (map->capacity == 0) return false;
    uint64_t at = place_of(map, key);
    if (map->keys[at] == UINT64_MAX) return false;
    *value = map->values[at];
    return true;
}

static void map_grow(struct explore_map *map)
{
    struct explore_map old = *map;
    map->capacity = old.capacity == 0 ? START_CAPACITY : old.capacity * 2;
    map->keys = malloc(map->capacity * sizeof *map->keys);
    map->values = malloc(map->capacity * sizeof *map->values);
    NIKA_ASSERT(map->keys != NULL && map->values != NULL);
    memset(map->keys, 0xff, map->capacity * sizeof *map->keys);
    for (uint64_t i = 0; i < old.capacity; i++) {
        if (old.keys[i] == UINT64_MAX) continue;
        uint64_t at = place_of(map, old.keys[i]);
        map->keys[at] = old.keys[i];
        map->values[at] = old.values[i];
    }
    free(old.keys);
    free(old.values);
}

void explore_map_put(struct explore_map *map, uint64_t key, uint32_t value)
{
    NIKA_ASSERT(key != UINT64_MAX);
    if (map->count * 2 >= map->capacity) map_grow(map);
    uint64_t at = place_of(map, key);
    if (map->keys[at] == UINT64_MAX) map->count++;
    map->keys[at] = key;
    map->values[at] = value;
}

void explore_map_free(struct explore_map *map)
{
    free(map->keys);
    free(map->values);
    memset(map, 0, sizeof *map);
}

/* ---- byte strings ---- */

static uint64_t slot_of(const struct explore_set *set, const uint8_t *data, size_t size)
{
    uint64_t at = nika_hash64(data, size, 0) & (set->slot_capacity - 1);
    for (;; at = (at + 1) & (set->slot_capacity - 1)) {
        size_t held_size = 0;
        if (set->slots[at] == 0) return at;
        const uint8_t *held = explore_set_at(set, set->slots[at] - 1, &held_size);
        if (held_size == size && (size == 0 || memcmp(held, data, size) == 0)) return at;
    }
}

static void set_grow(struct explore_set *set)
{
    free(set->slots);
    set->slot_capacity = set->slot_capacity == 0 ? START_CAPACITY : set->slot_capacity * 2;
    set->slots = calloc(set->slot_capacity, sizeof *set->slots);
    NIKA_ASSERT(set->slots != NULL);
    for (uint32_t i = 0; i < set->count; i++) {
        size_t size = 0;
        const uint8_t *data = explore_set_at(set, i, &size);
        set->slots[slot_of(set, data, size)] = i + 1;
    }
}

uint32_t explore_set_add(struct explore_set *set, const void *data, size_t size)
{
    if ((uint64_t)set->count * 2 >= set->slot_capacity) set_grow(set);
    set->start =
        explore_room(set->start, &set->start_capacity, set->count + 2ull, sizeof *set->start);
    if (set->count == 0) set->start[0] = 0;
    uint64_t at = slot_of(set, data, size);
    if (set->slots[at] != 0) return set->slots[at] - 1;
    uint64_t used = set->start[set->count];
    set->bytes = explore_room(set->bytes, &set->bytes_capacity, used + size + 1, 1);
    if (size > 0) memcpy(set->bytes + used, data, size);
    set->start[set->count + 1] = used + size;
    set->slots[at] = ++set->count;
    return set->count - 1;
}

uint32_t explore_set_find(const struct explore_set *set, const void *data, size_t size)
{
    if (set->slot_capacity == 0) return EXPLORE_NONE;
    uint32_t slot = set->slots[slot_of(set, data, size)];
    return slot == 0 ? EXPLORE_NONE : slot - 1;
}

uint64_t explore_set_bytes(const struct explore_set *set)
{
    return set->bytes_capacity + set->start_capacity * sizeof *set->start +
           set->slot_capacity * sizeof *set->slots;
}

void explore_set_free(struct explore_set *set)
{
    free(set->bytes);
    free(set->start);
    free(set->slots);
    memset(set, 0, sizeof *set);
}
