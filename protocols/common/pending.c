/* protocols/common/pending.c: see pending.h. The list is threaded through the per-client entries by client index + 1. */
#include "protocols/common/pending.h"

#include "engine/core/assert.h"
#include "engine/core/planted.h"

size_t common_pending_size(const struct nika_config *config)
{
    return config->clients * sizeof(struct common_pending_entry);
}

void common_pending_init(struct common_pending *p, const struct nika_config *config, void *memory)
{
    *p = (struct common_pending){
        .clients = config->clients, .limit = config->pending_max, .entries = memory};
}

struct common_pending_entry *common_pending_of(struct common_pending *p, uint32_t client)
{
    if (client >= p->clients || p->entries[client].timestamp == 0) return NULL;
    return &p->entries[client];
}

static void unlink_entry(struct common_pending *p, struct nika_store *store, uint32_t client)
{
    struct common_pending_entry *entry = &p->entries[client];
    if (entry->prev != 0) p->entries[entry->prev - 1].next = entry->next;
    if (entry->next != 0) p->entries[entry->next - 1].prev = entry->prev;
    if (p->head == client + 1) p->head = entry->next;
    if (p->tail == client + 1) p->tail = entry->prev;
    nika_store_free(store, entry->frame);
    memset(entry, 0, sizeof *entry);
    NIKA_ASSERT(p->count > 0);
    p->count--;
}

enum nika_err common_pending_add(struct common_pending *p, struct nika_store *store,
                                 uint32_t client, uint64_t timestamp, struct nika_span frame)
{
    NIKA_ASSERT(client < p->clients && timestamp != 0);
    struct common_pending_entry *entry = &p->entries[client];
    if (entry->timestamp == timestamp) return NIKA_OK;
    bool makes_way = entry->proposed && entry->timestamp < timestamp;
    if (entry->timestamp != 0 && !makes_way) return NIKA_ERR_LIMIT;
    if (!NIKA_PLANTED(I06) && entry->timestamp == 0 && p->count >= p->limit) return NIKA_ERR_LIMIT;
    uint32_t handle = nika_store_put_keeping(store, frame, p->reserve);
    if (handle == 0) return NIKA_ERR_LIMIT;
    if (makes_way) unlink_entry(p, store, client);
    *entry =
        (struct common_pending_entry){.timestamp = timestamp, .frame = handle, .prev = p->tail};
    if (p->tail != 0) p->entries[p->tail - 1].next = client + 1;
    p->tail = client + 1;
    if (p->head == 0) p->head = client + 1;
    p->count++;
    return NIKA_OK;
}

bool common_pending_executed(struct common_pending *p, struct nika_store *store, uint32_t client,
                             uint64_t timestamp)
{
    struct common_pending_entry *entry = common_pending_of(p, client);
    if (entry == NULL || entry->timestamp > timestamp) return false;
    bool was_head = p->head == client + 1;
    unlink_entry(p, store, client);
    return was_head;
}

uint32_t common_pending_head(const struct common_pending *p)
{
    for (uint32_t client = p->clients; NIKA_PLANTED(I14) && client-- > 0;) {
        if (p->entries[client].timestamp != 0) return client;
    }
    return p->head == 0 ? NIKA_NODE_NONE : p->head - 1;
}

uint32_t common_pending_after(const struct common_pending *p, uint32_t client)
{
    uint32_t next = p->entries[client].next;
    return next == 0 ? NIKA_NODE_NONE : next - 1;
}

void common_pending_unpropose(struct common_pending *p)
{
    for (uint32_t at = p->head; at != 0; at = p->entries[at - 1].next)
        p->entries[at - 1].proposed = false;
}
