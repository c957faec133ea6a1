/* engine/sim/disk.c: the disk of each replica: a write-ahead log with group commit, snapshots, and what a crash leaves of them.
 *
 * One fsync runs at a time; records that arrive meanwhile share the next. Only the durable prefix survives a crash for sure; of the rest
 * a drawn part does. Clients have the same timing and no log, for they never crash. */
#include "engine/sim/internal.h"

#define COMPACT_BYTES_MIN (64u * 1024u)
enum { DRAW_FSYNC = 1, DRAW_TEAR = 2 };

static struct sim_pending *pending_at(const struct nika_world *w, uint32_t handle)
{
    return (struct sim_pending *)(void *)(w->local->bytes + handle);
}

static void fsync_start(struct nika_world *w, uint32_t index, uint64_t at)
{
    struct sim_disk *disk = &w->node[index].disk;
    if (disk->batch != 0 || disk->first == 0) return;
    uint64_t extra = 0;
    if (pending_at(w, disk->first)->ready_ns > at) at = pending_at(w, disk->first)->ready_ns;
    for (uint32_t handle = disk->first; handle != 0; handle = pending_at(w, handle)->next) {
        if (pending_at(w, handle)->ready_ns > at) break;
        disk->batch++;
        if (pending_at(w, handle)->delay_ns > extra) extra = pending_at(w, handle)->delay_ns;
    }
    struct nika_choice_name name = {
        .kind = NIKA_CHOICE_DISK, .type = DRAW_FSYNC, .a = sim_choice_id(w, index)};
    uint64_t latency = sim_latency(w, &w->options.disk.fsync, &name) + extra;
    disk->batch_done = false;
    (void)sim_schedule(w, SIM_FSYNC, index, at + latency, 0, 0, 0);
}

static void pending_add(struct nika_world *w, uint32_t index, struct sim_pending *pending)
{
    struct sim_disk *disk = &w->node[index].disk;
    pending->ready_ns = w->leave_ns;
    pending->number = ++disk->issued;
    struct nika_span bytes = {(const uint8_t *)pending, sizeof *pending};
    uint32_t handle = nika_store_put(w->local, bytes);
    NIKA_ASSERT(handle != 0 && "more records are on their way to the disk than memory holds");
    if (disk->first == 0)
        disk->first = handle;
    else
        pending_at(w, disk->last)->next = handle;
    disk->last = handle;
    fsync_start(w, index, w->leave_ns);
}

/* A trim takes effect once all that was issued before it is durable, for on that it may rely: a snapshot that is still on its way
 * when the node crashes must find the log that it was to replace. */
static void trim_adopt(struct sim_disk *disk)
{
    if (disk->lying || disk->synced < disk->trim_barrier) return;
    if (disk->trim_asked > disk->trimmed) disk->trimmed = disk->trim_asked;
}

/* Live records of the durable prefix move together; what is not durable moves down behind them. */
static void compact(struct nika_world *w, uint32_t index)
{
    struct sim_disk *disk = &w->node[index].disk;
    uint8_t *log = w->logs[index];
    struct nika_span prefix = {log, disk->durable};
    uint32_t newest[256] = {0}; /* Offset + 1 of the newest record of a kind. */
    struct nika_wal_record record;
    uint32_t at = 0, kept = 0;
    trim_adopt(disk);
    for (uint32_t from = 0; nika_wal_next(prefix, &at, &record) == NIKA_OK; from = at)
        newest[record.kind] = from + 1;
    if (at != disk->durable) return; /* Rotten: leave the evidence for the next recovery. */
    at = 0;
    for (uint32_t from = 0; nika_wal_next(prefix, &at, &record) == NIKA_OK; from = at) {
        bool latest = (record.kind & NIKA_RECORD_LATEST) != 0;
        bool live = latest ? newest[record.kind] == from + 1 : record.seq > disk->trimmed;
        if (!live) continue;
        memmove(log + kept, log + from, at - from);
        kept += at - from;
    }
    uint32_t gone = disk->durable - kept;
    memmove(log + kept, log + disk->durable, disk->size - disk->durable);
    memset(log + disk->size - gone, 0, gone);
    disk->durable = kept;
    disk->size -= gone;
    disk->compacted = disk->size;
    for (uint32_t handle = disk->first; handle != 0; handle = pending_at(w, handle)->next) {
        struct sim_pending *pending = pending_at(w, handle);
        pending->start = pending->start > gone ? pending->start - gone : 0;
        pending->end = pending->end > gone ? pending->end - gone : 0;
    }
}

/* Only when no fsync covers records in flight could their offsets be mistaken; offsets are moved, so any time will do. */
static bool log_has_room(struct nika_world *w, uint32_t index, uint32_t size)
{
    struct sim_disk *disk = &w->node[index].disk;
    uint32_t limit = w->options.disk.log_bytes_max;
    if (disk->size > COMPACT_BYTES_MIN && disk->size / 2 > disk->compacted) compact(w, index);
    if (size <= limit && disk->size <= limit - size) return true;
    compact(w, index);
    return size <= limit && disk->size <= limit - size;
}

static void ask_faults(struct nika_world *w, uint32_t index, struct sim_pending *pending)
{
    enum nika_disk_fault fault =
        sim_fault_on_disk(w, sim_id(w, index), pending->kind, &pending->delay_ns);
    pending->lost = fault == NIKA_DISK_LOST_FSYNC;
    if (fault == NIKA_DISK_FULL) pending->status = 1;
}

static void tap_record(struct nika_world *w, enum nika_tap_kind kind, uint32_t index,
                       const struct sim_pending *p)
{
    uint64_t what =
        p->kind == NIKA_RECORD_SNAPSHOT ? NIKA_RECORD_SNAPSHOT : p->summary.message_class;
    if (sim_wants(w, kind)) {
        uint64_t a = kind == NIKA_TAP_PERSIST ? p->kind : (uint64_t)(p->status != 0);
        struct nika_tap tap = {.kind = kind,
                               .node = sim_id(w, index),
                               .to = NIKA_NODE_NONE,
                               .a = a,
                               .b = p->seq,
                               .token = p->token,
                               .summary = &p->summary};
        sim_tap(w, &tap);
    }
    sim_fault_on_tap(w, index, kind, what, p->seq);
}

void sim_disk_persist(struct nika_world *w, uint32_t index, const struct nika_action *action,
                      struct nika_span bytes)
{
    struct sim_disk *disk = &w->node[index].disk;
    struct sim_pending pending;
    memset(&pending, 0, sizeof pending);
    pending.kind = action->id;
    pending.seq = action->a;
    pending.token = action->token;
    if (sim_is_replica(w, index)) {
        w->options.replica_ops->describe_record(action->id, bytes, &pending.summary);
        ask_faults(w, index, &pending);
        uint32_t size = bytes.size + NIKA_WAL_OVERHEAD;
        if (pending.status == 0 && !log_has_room(w, index, size)) pending.status = 1;
        pending.start = disk->size;
        if (pending.status == 0) {
            struct nika_writer writer = nika_writer_of(w->logs[index] + disk->size, size);
            nika_wal_write(&writer, (uint8_t)action->id, action->a, bytes);
            NIKA_ASSERT(!writer.failed);
            disk->size += size;
        }
        pending.end = disk->size;
    } else {
        /* A client stores nothing but the timestamps it may use (D7). */
        pending.summary.message_class = NIKA_MESSAGE_REQUEST;
        pending.summary.seq = action->a;
    }
    pending_add(w, index, &pending);
    tap_record(w, NIKA_TAP_PERSIST, index, &pending);
}

/* Behind all that is on its way; with nothing on its way at once. */
void sim_disk_certify(struct nika_world *w, uint32_t index, const struct nika_action *action,
                      struct nika_span bytes)
{
    struct sim_disk *disk = &w->node[index].disk;
    struct sim_pending pending;
    memset(&pending, 0, sizeof pending);
    NIKA_ASSERT(w->options.trusted_later && sim_is_replica(w, index) &&
                bytes.size == NIKA_DIGEST_SIZE);
    pending.certify = true;
    pending.kind = action->id;
    pending.seq = action->a;
    pending.order = action->b;
    pending.token = action->token;
    memcpy(pending.digest.bytes, bytes.data, NIKA_DIGEST_SIZE);
    pending.start = pending.end = disk->size;
    if (disk->first != 0) {
        pending_add(w, index, &pending);
        return;
    }
    pending.refused = disk->failing > 0;
    uint32_t handle =
        nika_store_put(w->local, (struct nika_span){(const uint8_t *)&pending, sizeof pending});
    NIKA_ASSERT(handle != 0 && "more certificates were asked for than memory holds");
    (void)sim_schedule(w, SIM_STORED, index, w->leave_ns, 0, handle, 0);
}

void sim_disk_told(struct nika_world *w, uint32_t index)
{
    struct sim_disk *disk = &w->node[index].disk;
    disk->failing--;
    disk->refuse = disk->issued;
}

/* ---- snapshots: meta | module bytes (u32 length) | chunks (u32 length each) ---- */
static bool snapshot_write(struct nika_world *w, uint32_t index,
                           const struct nika_snapshot_meta *meta, struct nika_span module_bytes,
                           struct nika_writer *writer)
{
    const struct nika_app_ops *ops = w->options.app_ops;
    uint32_t chunk_size = w->options.config.chunk_size;
    struct nika_merkle_proof proof;
    nika_snapshot_meta_write(writer, meta);
    nika_write_bytes(writer, module_bytes);
    for (uint32_t i = 0; i < meta->chunk_count; i++) {
        uint32_t size = 0;
        nika_write_u32(writer, 0);
        if (writer->failed || writer->capacity - writer->at < chunk_size) return false;
        if (ops->snapshot_chunk(w->node[index].app, meta->seq, i, writer->data + writer->at, &size,
                                &proof) != NIKA_OK)
            return false;
        NIKA_ASSERT(size <= chunk_size);
        nika_store_le(writer->data + writer->at - 4, size, 4);
        writer->at += size;
    }
    return !writer->failed;
}

void sim_disk_save(struct nika_world *w, uint32_t index, const struct nika_action *action,
                   struct nika_span bytes)
{
    struct sim_pending pending;
    memset(&pending, 0, sizeof pending);
    pending.kind = NIKA_RECORD_SNAPSHOT;
    pending.seq = action->a;
    pending.token = action->token;
    pending.summary.message_class = NIKA_MESSAGE_CHECKPOINT;
    pending.summary.seq = action->a;
    pending.start = pending.end = w->node[index].disk.size;
    if (sim_is_replica(w, index)) {
        const struct nika_snapshot_meta *meta = sim_app_meta(w, index, action->a);
        struct nika_writer writer = nika_writer_of(w->scratch, SIM_SCRATCH_BYTES);
        ask_faults(w, index, &pending);
        if (meta == NULL || !snapshot_write(w, index, meta, bytes, &writer)) pending.status = 1;
        if (pending.status == 0 && writer.at <= w->options.disk.snapshot_bytes_max)
            pending.object =
                nika_store_put(w->snapshots[index], (struct nika_span){writer.data, writer.at});
        if (pending.object == 0) pending.status = 1;
    }
    pending_add(w, index, &pending);
    tap_record(w, NIKA_TAP_PERSIST, index, &pending);
}

static void saved_remove(struct nika_world *w, uint32_t index, uint32_t at)
{
    struct sim_disk *disk = &w->node[index].disk;
    nika_store_free(w->snapshots[index], disk->saved[at].object);
    disk->saved_count--;
    for (uint32_t i = at; i < disk->saved_count; i++) disk->saved[i] = disk->saved[i + 1];
}

/* The newest snapshot that a crash cannot take: recovery needs one, so it stays whatever is asked. UINT32_MAX when there is none. */
static uint32_t saved_newest(const struct sim_disk *disk)
{
    for (uint32_t i = disk->saved_count; i > 0; i--) {
        if (!disk->saved[i - 1].lost) return i - 1;
    }
    return UINT32_MAX;
}

static void saved_add(struct nika_world *w, uint32_t index, const struct sim_pending *pending)
{
    struct sim_disk *disk = &w->node[index].disk;
    if (disk->saved_count == SIM_SNAPSHOTS_MAX)
        saved_remove(w, index, saved_newest(disk) == 0 ? 1 : 0);
    disk->saved[disk->saved_count++] =
        (struct sim_saved){.seq = pending->seq, .object = pending->object, .lost = pending->lost};
}

void sim_disk_drop(struct nika_world *w, uint32_t index, uint64_t before)
{
    struct sim_disk *disk = &w->node[index].disk;
    for (uint32_t i = 0; i + 1 < disk->saved_count;) {
        if (disk->saved[i].seq < before && i != saved_newest(disk))
            saved_remove(w, index, i);
        else
            i++;
    }
}

void sim_disk_trim(struct nika_world *w, uint32_t index, uint64_t seq)
{
    struct sim_disk *disk = &w->node[index].disk;
    if (seq <= disk->trim_asked) return;
    disk->trim_asked = seq;
    disk->trim_barrier = disk->issued;
}

/* ---- durability ---- */
static void batch_durable(struct nika_world *w, uint32_t index)
{
    struct sim_disk *disk = &w->node[index].disk;
    uint32_t handle = disk->first, end = disk->durable;
    bool lost = false;
    for (uint32_t i = 0; i < disk->batch; i++, handle = pending_at(w, handle)->next) {
        const struct sim_pending *pending = pending_at(w, handle);
        lost = lost || pending->lost;
        if (!lost && pending->end > end) end = pending->end;
        if (pending->object != 0) saved_add(w, index, pending);
    }
    disk->durable = end;
    for (uint32_t i = 0; !lost && i < disk->saved_count; i++) disk->saved[i].lost = false;
    disk->batch_done = true;
    disk->synced += disk->batch;
    disk->lying = lost;
    trim_adopt(disk);
}

void sim_disk_fsynced(struct nika_world *w, const struct sim_event *e)
{
    struct sim_node *node = &w->node[e->node];
    struct sim_disk *disk = &node->disk;
    if (e->epoch != node->epoch || disk->batch == 0) return;
    if (!disk->batch_done) batch_durable(w, e->node);
    uint32_t handle = disk->first;
    struct sim_pending pending = *pending_at(w, handle);
    disk->first = pending.next;
    if (disk->first == 0) disk->last = 0;
    disk->batch--;
    if (disk->batch > 0)
        (void)sim_schedule(w, SIM_FSYNC, e->node, w->core->now, 0, 0, 0);
    else
        fsync_start(w, e->node, w->core->now);
    uint32_t slot = sim_event_new(w);
    NIKA_ASSERT(slot != UINT32_MAX);
    struct sim_event *stored = &w->events[slot];
    stored->kind = SIM_STORED;
    stored->node = e->node;
    stored->epoch = e->epoch;
    stored->handle = handle;
    if (pending.status != 0) disk->failing++;
    if (pending.certify) {
        pending_at(w, handle)->refused = disk->failing > 0 || pending.number <= disk->refuse;
        sim_node_deliver(w, slot);
        return;
    }
    tap_record(w, NIKA_TAP_STORED, e->node, &pending);
    sim_node_deliver(w, slot);
}

void sim_disk_crash(struct nika_world *w, uint32_t index)
{
    struct sim_disk *disk = &w->node[index].disk;
    uint32_t unsynced = disk->size - disk->durable, kept = 0;
    struct nika_choice_name name = {
        .kind = NIKA_CHOICE_DISK, .type = DRAW_TEAR, .a = sim_choice_id(w, index)};
    for (uint32_t handle = disk->first; handle != 0;) {
        struct sim_pending pending = *pending_at(w, handle);
        /* Of a batch that is done, the object is among the saved ones already. */
        bool saved = disk->batch_done && disk->batch > 0;
        if (saved) disk->batch--;
        if (pending.object != 0 && !saved) nika_store_free(w->snapshots[index], pending.object);
        nika_store_free(w->local, handle);
        handle = pending.next;
    }
    if (unsynced > 0 && !sim_fault_on_tear(w, sim_id(w, index), unsynced, &kept))
        kept = (uint32_t)nika_choice(&w->core->chooser, &name, (uint64_t)unsynced + 1);
    if (kept > unsynced) kept = unsynced;
    memset(w->logs[index] + disk->durable + kept, 0, unsynced - kept);
    disk->size = disk->durable + kept;
    disk->first = disk->last = disk->batch = 0;
    disk->batch_done = disk->lying = false;
    disk->issued = disk->synced = disk->trim_barrier = 0;
    disk->failing = disk->refuse = 0;
    disk->trim_asked = disk->trimmed;
    for (uint32_t i = disk->saved_count; i > 0; i--) {
        if (disk->saved[i - 1].lost) saved_remove(w, index, i - 1);
    }
}

void sim_disk_wipe(struct nika_world *w, uint32_t index)
{
    struct sim_disk *disk = &w->node[index].disk;
    memset(w->logs[index], 0, disk->size);
    while (disk->saved_count > 0) saved_remove(w, index, 0);
    memset(disk, 0, sizeof *disk);
}

/* Restore the app from one snapshot. False when its chunks do not lead to the recorded root. */
static bool snapshot_restore(struct nika_world *w, uint32_t index, const struct sim_saved *saved,
                             struct nika_snapshot_meta *meta, struct nika_span *module_bytes)
{
    const struct nika_app_ops *ops = w->options.app_ops;
    struct nika_app *app = w->node[index].app;
    struct nika_reader r = nika_reader_of(nika_store_span(w->snapshots[index], saved->object));
    struct nika_snapshot_meta got;
    memset(&got, 0, sizeof got);
    nika_snapshot_meta_read(&r, meta);
    *module_bytes = nika_read_bytes(&r, UINT32_MAX);
    if (r.failed || ops->restore_begin(app, meta) != NIKA_OK) return false;
    for (uint32_t i = 0; i < meta->chunk_count; i++) {
        struct nika_span chunk = nika_read_bytes(&r, UINT32_MAX);
        if (r.failed || ops->restore_chunk(app, i, chunk) != NIKA_OK) return false;
    }
    return ops->restore_end(app, &got) == NIKA_OK && nika_digest_equal(&got.root, &meta->root);
}

static void app_restart(struct nika_world *w, uint32_t index)
{
    memset(w->app_memory[index], 0, w->options.app_ops->used(w->node[index].app));
    w->node[index].app =
        w->options.app_ops->init(w->app_memory[index], &w->options.config, w->options.app_param);
}

/* A crash may have come between the snapshot's becoming durable and its report. */
static void tap_recovered_snapshot(struct nika_world *w, uint32_t index, uint64_t seq)
{
    struct nika_summary summary = {.message_class = NIKA_MESSAGE_CHECKPOINT, .seq = seq};
    struct nika_tap tap = {.kind = NIKA_TAP_STORED,
                           .node = sim_id(w, index),
                           .to = NIKA_NODE_NONE,
                           .b = seq,
                           .summary = &summary};
    if (sim_wants(w, NIKA_TAP_STORED)) sim_tap(w, &tap);
}

static void recover_one(struct nika_world *w, uint32_t index, const struct nika_snapshot_meta *meta,
                        struct nika_span module_bytes)
{
    sim_app_remember(w, index, meta);
    tap_recovered_snapshot(w, index, meta->seq);
    if (sim_wants(w, NIKA_TAP_RESTORED)) {
        struct nika_tap tap = {.kind = NIKA_TAP_RESTORED,
                               .node = index,
                               .to = NIKA_NODE_NONE,
                               .a = meta->seq,
                               .digest = &meta->root};
        sim_tap(w, &tap);
    }
    sim_node_recover(w, index, NIKA_RECORD_SNAPSHOT, meta->seq, module_bytes);
}

/* The newest intact snapshot is the state; the older ones are kept beside it, for peers that need them. */
static void recover_snapshots(struct nika_world *w, uint32_t index)
{
    struct sim_disk *disk = &w->node[index].disk;
    struct nika_snapshot_meta meta;
    struct nika_span module_bytes;
    uint32_t end = disk->saved_count;
    for (; end > 0; end--) {
        memset(&meta, 0, sizeof meta);
        bool intact = snapshot_restore(w, index, &disk->saved[end - 1], &meta, &module_bytes);
        app_restart(w, index);
        if (intact) break;
    }
    for (uint32_t i = 0; i < end; i++) {
        memset(&meta, 0, sizeof meta);
        bool older = i > 0 && disk->saved[i].seq <= disk->saved[i - 1].seq;
        if (older || !snapshot_restore(w, index, &disk->saved[i], &meta, &module_bytes)) continue;
        recover_one(w, index, &meta, module_bytes);
    }
}

/* A record that an fsync never covered may survive a crash all the same: recovery makes it durable, and says so. */
static void tap_recovered(struct nika_world *w, uint32_t index,
                          const struct nika_wal_record *record)
{
    struct nika_summary summary;
    if (!sim_wants(w, NIKA_TAP_STORED)) return;
    memset(&summary, 0, sizeof summary);
    w->options.replica_ops->describe_record(record->kind, record->payload, &summary);
    struct nika_tap tap = {.kind = NIKA_TAP_STORED,
                           .node = sim_id(w, index),
                           .to = NIKA_NODE_NONE,
                           .b = record->seq,
                           .summary = &summary};
    sim_tap(w, &tap);
}

bool sim_disk_recover(struct nika_world *w, uint32_t index)
{
    struct sim_disk *disk = &w->node[index].disk;
    struct nika_span log = {w->logs[index], disk->size};
    struct nika_wal_record record;
    uint32_t good = 0, at = 0, newest[256] = {0};
    if (nika_wal_scan(log, &good) == NIKA_WAL_CORRUPT) {
        sim_disk_wipe(w, index);
        return true;
    }
    memset(w->logs[index] + good, 0, disk->size - good);
    disk->size = disk->durable = log.size = good;
    recover_snapshots(w, index);
    for (uint32_t from = 0; nika_wal_next(log, &at, &record) == NIKA_OK; from = at)
        newest[record.kind] = from + 1;
    at = 0;
    for (uint32_t from = 0; nika_wal_next(log, &at, &record) == NIKA_OK; from = at) {
        bool latest = (record.kind & NIKA_RECORD_LATEST) != 0;
        if (latest ? newest[record.kind] != from + 1 : record.seq <= disk->trimmed) continue;
        tap_recovered(w, index, &record);
        sim_node_recover(w, index, record.kind, record.seq, record.payload);
    }
    return false;
}

bool sim_disk_rot(struct nika_world *w, uint32_t index, uint32_t position_ppm)
{
    struct sim_disk *disk = &w->node[index].disk;
    if (!sim_is_replica(w, index) || disk->durable == 0) return false;
    uint64_t bit = (uint64_t)disk->durable * 8u * (position_ppm % 1000000u) / 1000000u;
    w->logs[index][bit / 8] = (uint8_t)(w->logs[index][bit / 8] ^ (1u << (bit % 8)));
    return true;
}
