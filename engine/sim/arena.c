/* engine/sim/arena.c: the one region in which a run lives, at one fixed address (DESIGN.md 4).
 *
 * Virtual memory is reserved once per world and touched lazily. Owns the mapping; knows of each segment only how many of its
 * bytes are in use. */
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/sim/internal.h"

#define ARENA_ADDRESS ((void *)0x520000000000)
#define ARENA_BYTES (UINT64_C(64) << 30)
#define ARENA_BYTES_MIN (UINT64_C(1) << 30)
#define SEGMENTS_MAX (5u * NIKA_REPLICAS_MAX + NIKA_CLIENTS_MAX + 16u)

bool sim_arena_open(struct nika_world *w)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    w->segments = calloc(SEGMENTS_MAX, sizeof *w->segments);
    if (w->segments == NULL) return false;
    for (uint64_t size = ARENA_BYTES; size >= ARENA_BYTES_MIN; size /= 2) {
        void *at =
            mmap(ARENA_ADDRESS, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, -1, 0);
        /* A kernel or sanitizer that refuses the address costs only equal pointers in a debugger. */
        if (at == MAP_FAILED) at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (at == MAP_FAILED) continue;
        w->arena = at;
        w->arena_capacity = size;
        return true;
    }
    return false;
}

void sim_arena_close(struct nika_world *w)
{
    if (w->arena != NULL) (void)munmap(w->arena, w->arena_capacity);
    free(w->segments);
    w->arena = NULL;
    w->segments = NULL;
}

void *sim_arena_scratch(struct nika_world *w, size_t size)
{
    size_t rounded = (size + 4095u) & ~(size_t)4095u;
    if (rounded < size || rounded > w->arena_capacity - w->arena_at) return NULL;
    void *base = w->arena + w->arena_at;
    w->arena_at += rounded;
    return base;
}

void *sim_arena_segment(struct nika_world *w, size_t size, enum sim_use use, uint32_t node)
{
    NIKA_ASSERT(w->segment_count < SEGMENTS_MAX);
    void *base = sim_arena_scratch(w, size);
    if (base == NULL) return NULL;
    w->segments[w->segment_count++] =
        (struct sim_segment){.base = base, .capacity = size, .use = use, .node = node};
    return base;
}

size_t sim_segment_used(const struct nika_world *w, const struct sim_segment *s)
{
    const struct nika_world_options *o = &w->options;
    switch (s->use) {
    case SIM_USE_ALL:
        return s->capacity;
    case SIM_USE_EVENTS:
        return w->core->queue.high_water * sizeof(struct sim_event);
    case SIM_USE_HEAP:
        return w->core->queue.count * sizeof(struct sim_key);
    case SIM_USE_STORE:
        return nika_store_used((const struct nika_store *)s->base);
    case SIM_USE_MODULE:
        if (w->node[s->node].module == NULL) return 0;
        return o->replica_ops->used(w->node[s->node].module);
    case SIM_USE_APP:
        return w->node[s->node].app == NULL ? 0 : o->app_ops->used(w->node[s->node].app);
    case SIM_USE_LOG:
        return w->node[s->node].disk.size;
    case SIM_USE_TRUSTED:
        return nika_trusted_instance_used((const struct nika_trusted_instance *)(void *)s->base);
    case SIM_USE_EXTRA:
        if (o->extra_used == NULL) return s->capacity;
        return o->extra_used(w->extra);
    }
    return s->capacity;
}
