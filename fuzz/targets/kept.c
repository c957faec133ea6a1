/* fuzz/targets/kept.c: see kept.h. */
#include "fuzz/targets/kept.h"

#include <string.h>

#include "engine/core/mix.h"
#include "fuzz/targets/target.h"

#define SLOTS (1u << 15) /* Of which half may be taken: what is not there is seen soon. */
#define BYTES (16u * 1024u * 1024u)

/* The frame lies behind its key. */
static struct slot {
    uint64_t hash;
    uint32_t at, key_size, size; /* size 0 = nothing. */
} slots[SLOTS];
static uint8_t bytes[BYTES];
static uint32_t count, used;

/* By words: keys are short, and a call of the library with its checks took longer than both. */
static uint64_t word_at(const void *key, uint32_t at)
{
    uint64_t word;
    memcpy(&word, (const uint8_t *)key + at, sizeof word);
    return word;
}

static uint64_t hash_of(const void *key, uint32_t key_size)
{
    uint64_t hash = key_size;
    for (uint32_t at = 0; at < key_size; at += 8)
        hash = nika_fold(hash ^ word_at(key, at), NIKA_GOLDEN) + at;
    return nika_mix(hash);
}

static bool same(const struct slot *s, uint64_t hash, const void *key, uint32_t key_size)
{
    uint64_t other = 0;
    if (s->hash != hash || s->key_size != key_size) return false;
    for (uint32_t at = 0; at < key_size; at += 8)
        other |= word_at(bytes + s->at, at) ^ word_at(key, at);
    return other == 0;
}

/* Where the key is, or the free slot where it goes. */
static struct slot *find(uint64_t hash, const void *key, uint32_t key_size)
{
    uint32_t at = (uint32_t)hash % SLOTS;
    while (slots[at].size > 0 && !same(&slots[at], hash, key, key_size)) at = (at + 1) % SLOTS;
    return &slots[at];
}

struct nika_span kept_find(const void *key, uint32_t key_size)
{
    const struct slot *s = find(hash_of(key, key_size), key, key_size);
    return s->size > 0 ? (struct nika_span){bytes + s->at + s->key_size, s->size}
                       : (struct nika_span){0};
}

struct nika_span kept_add(const void *key, uint32_t key_size, struct nika_span frame)
{
    uint32_t size = (key_size + frame.size + 15u) / 16u * 16u;
    NIKA_TARGET_CHECK(key_size % 8 == 0 && frame.size > 0, "a key of %u bytes", key_size);
    if (count >= SLOTS / 2 || size > BYTES - used) return frame;
    uint64_t hash = hash_of(key, key_size);
    struct slot *s = find(hash, key, key_size);
    NIKA_TARGET_CHECK(s->size == 0, "kept twice");
    *s = (struct slot){hash, used, key_size, frame.size};
    memcpy(bytes + used, key, key_size);
    memcpy(bytes + used + key_size, frame.data, frame.size);
    used += size;
    count++;
    return (struct nika_span){bytes + s->at + key_size, frame.size};
}

void kept_tidy(void)
{
    if (count >= SLOTS / 2 || used >= BYTES - BYTES / 16u) kept_clear();
}

void kept_clear(void)
{
    memset(slots, 0, sizeof slots);
    count = used = 0;
}
