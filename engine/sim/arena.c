/* engine/sim/arena.c: the one region in which a run lives, at one fixed address (DESIGN.md 4).
 *
 * Virtual memory is reserved once per process and touched lazily. Owns the mapping; knows of each segment only how many of its
 * bytes are in use. Between two worlds the mapping stays: giving back the pages of every run and asking for them again costs
 * more than a short run does. */
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/sim/internal.h"

#define ARENA_ADDRESS ((void *)0x520000000000)
#define ARENA_BYTES (UINT64_C(64) << 30)
#define ARENA_BYTES_MIN (UINT64_C(1) << 30)
#define SEGMENTS_MAX                                                                               \
    (9u * NIKA_REPLICAS_MAX + NIKA_CLIENTS_MAX + NIKA_FAULTS_MAX + 16u) /* Four of each twin. */

#define ARENA_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/* What the last world left. `base` is NULL while a world has it; the layout stays for comparison. */
static struct arena_left {
    uint8_t *base;
    size_t capacity, end;
    struct sim_segment *segments;
    uint32_t count;
    const struct nika_replica_ops *replica_ops;
    const struct nika_client_ops *client_ops;
    const struct nika_app_ops *app_ops;
} left;

static void forget_layout(void)
{
    free(left.segments);
    left = (struct arena_left){0};
}

bool sim_arena_open(struct nika_world *w)
{
    const int flags = ARENA_FLAGS;
    w->segments = calloc(SEGMENTS_MAX, sizeof *w->segments);
    if (w->segments == NULL) return false;
    if (left.base != NULL) {
        w->arena = left.base;
        w->arena_capacity = left.capacity;
        left.base = NULL;
        return true;
    }
    forget_layout();
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

/* How many segments lie where they lay in the last world, and for the same modules. */
static uint32_t segments_kept(const struct nika_world *w)
{
    const struct nika_world_options *o = &w->options;
    uint32_t same = 0;
    if (o->replica_ops != left.replica_ops || o->client_ops != left.client_ops ||
        o->app_ops != left.app_ops)
        return 0;
    while (same < left.count && same < w->segment_count) {
        const struct sim_segment *a = &left.segments[same], *b = &w->segments[same];
        if (a->base != b->base || a->capacity != b->capacity || a->use != b->use ||
            a->node != b->node)
            break;
        same++;
    }
    return same;
}

bool sim_arena_settle(struct nika_world *w)
{
    uint32_t kept = segments_kept(w);
    bool good = true;
    if (kept < left.count) {
        /* What lies beyond a segment's used prefix means nothing to the segment, but would to another. */
        uint8_t *from = left.segments[kept].base;
        good = madvise(from, (size_t)(w->arena + left.end - from), MADV_DONTNEED) == 0 ||
               mmap(w->arena, w->arena_capacity, PROT_READ | PROT_WRITE, ARENA_FLAGS | MAP_FIXED,
                    -1, 0) != MAP_FAILED;
    }
    forget_layout();
    return good;
}

void sim_arena_clear(struct nika_world *w)
{
    /* What is in use is told by segments that are about to be cleared. */
    for (uint32_t i = 0; i < w->segment_count; i++)
        w->segment_used[i] = sim_segment_used(w, &w->segments[i]);
    for (uint32_t i = 0; i < w->segment_count; i++)
        memset(w->segments[i].base, 0, w->segment_used[i]);
}

void sim_arena_close(struct nika_world *w)
{
    bool complete = w->segment_used != NULL;
    /* One mapping stays; of several worlds at once the first to be closed leaves it, usually at the fixed address. */
    if (complete && left.base == NULL) {
        sim_arena_clear(w);
        left = (struct arena_left){.base = w->arena,
                                   .capacity = w->arena_capacity,
                                   .end = w->arena_at,
                                   .segments = w->segments,
                                   .count = w->segment_count,
                                   .replica_ops = w->options.replica_ops,
                                   .client_ops = w->options.client_ops,
                                   .app_ops = w->options.app_ops};
    } else {
        if (w->arena != NULL) (void)munmap(w->arena, w->arena_capacity);
        free(w->segments);
        if (left.base == NULL) forget_layout();
    }
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
