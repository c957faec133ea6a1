/* engine/shim/recorder.c: see recorder.h. */
#include "engine/shim/recorder.h"

#include "engine/core/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_SIZE (256u * 1024u)

struct nika_recorder {
    int fd; /* -1: the recording has ended. */
    struct nika_log *log;
    uint8_t *buffer;
    uint32_t capacity, used;
    uint64_t written, records, events;
    const struct nika_replica_ops *ops;
    struct nika_replica_ops watched;
    const struct nika_app_ops *app_ops;
    const struct nika_app *app;
};
/* nika_replica_ops.recover has no context: whose recovery it is, is known here. */
static struct nika_recorder *recovering;

static void stop(struct nika_recorder *r, const char *why)
{
    nika_log(r->log, NIKA_LOG_ERROR, "recording_ended", "records=%llu reason=\"%s\"",
             (unsigned long long)r->records, why);
    close(r->fd);
    r->fd = -1;
}

void nika_recorder_flush(struct nika_recorder *r)
{
    uint32_t at = 0;
    while (r->fd >= 0 && at < r->used) {
        ssize_t written = write(r->fd, r->buffer + at, r->used - at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            stop(r, strerror(errno));
            return;
        }
        at += (uint32_t)written;
    }
    r->written += r->used;
    r->used = 0;
    if (r->fd >= 0 && r->written > NIKA_RECORDER_BYTES_MAX) stop(r, "as large as it may become");
}

/* Room for one record with `size` bytes in it; false when the recording has ended. */
static bool make_room(struct nika_recorder *r, uint32_t size)
{
    uint32_t need = size + NIKA_WAL_OVERHEAD;
    if (r->fd < 0) return false;
    if (r->used > 0 && need > r->capacity - r->used) nika_recorder_flush(r);
    if (r->fd < 0) return false;
    if (need <= r->capacity) return true;
    uint8_t *grown = realloc(r->buffer, need);
    if (grown == NULL) {
        stop(r, "out of memory");
        return false;
    }
    r->buffer = grown;
    r->capacity = need;
    return true;
}

static void put(struct nika_recorder *r, enum nika_recorded kind, struct nika_span payload)
{
    if (!make_room(r, payload.size)) return;
    struct nika_writer w = nika_writer_of(r->buffer + r->used, r->capacity - r->used);
    nika_wal_write(&w, (uint8_t)kind, r->records++, payload);
    NIKA_ASSERT(!w.failed);
    r->used += w.at;
}

struct nika_recorder *nika_recorder_open(const char *path, const struct nika_recording_head *head,
                                         struct nika_log *log)
{
    uint8_t bytes[1024];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    struct nika_recorder *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->log = log;
    r->capacity = BUFFER_SIZE;
    r->buffer = malloc(BUFFER_SIZE);
    r->fd = r->buffer == NULL
                ? -1
                : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->fd < 0) {
        free(r->buffer);
        free(r);
        return NULL;
    }
    nika_recording_head_write(&w, head);
    NIKA_ASSERT(!w.failed);
    put(r, NIKA_RECORDED_HEAD, (struct nika_span){bytes, w.at});
    return r;
}

void nika_recorder_close(struct nika_recorder *r, bool ended)
{
    if (r == NULL) return;
    if (ended) put(r, NIKA_RECORDED_END, (struct nika_span){NULL, 0});
    nika_recorder_flush(r);
    if (r->fd >= 0) close(r->fd);
    if (recovering == r) recovering = NULL;
    free(r->buffer);
    free(r);
}

/* ---- recovery ---- */
static void put_chunks(struct nika_recorder *r, uint64_t seq)
{
    uint8_t chunk[NIKA_CHUNK_SIZE_MAX];
    for (uint32_t i = 0; i < NIKA_CHUNKS_MAX; i++) {
        struct nika_merkle_proof proof;
        uint32_t size = 0;
        if (r->app_ops->snapshot_chunk(r->app, seq, i, chunk, &size, &proof) != NIKA_OK) return;
        put(r, NIKA_RECORDED_CHUNK, (struct nika_span){chunk, size});
    }
}

static void on_recover(struct nika_replica *replica, uint32_t kind, uint64_t seq,
                       struct nika_span record)
{
    struct nika_recorder *r = recovering;
    NIKA_ASSERT(r != NULL);
    if (kind == NIKA_RECORD_SNAPSHOT) put_chunks(r, seq);
    uint32_t size = record.size + 16u;
    uint8_t *bytes = malloc(size);
    if (bytes != NULL) {
        struct nika_writer w = nika_writer_of(bytes, size);
        nika_write_u32(&w, kind);
        nika_write_u64(&w, seq);
        nika_write_bytes(&w, record);
        put(r, NIKA_RECORDED_RECOVER, (struct nika_span){bytes, w.at});
    }
    free(bytes);
    r->ops->recover(replica, kind, seq, record);
}

const struct nika_replica_ops *nika_recorder_watch(struct nika_recorder *r,
                                                   const struct nika_replica_ops *ops,
                                                   const struct nika_app_ops *app_ops,
                                                   const struct nika_app *app)
{
    recovering = r;
    r->ops = ops;
    r->app_ops = app_ops;
    r->app = app;
    r->watched = *ops;
    r->watched.recover = on_recover;
    return &r->watched;
}

/* ---- running ---- */
void nika_recorder_event(struct nika_recorder *r, const struct nika_event *event)
{
    uint32_t size = nika_recording_event_size(event);
    r->events++;
    if (!make_room(r, size)) return;
    uint8_t *payload = malloc(size);
    if (payload == NULL) {
        stop(r, "out of memory");
        return;
    }
    struct nika_writer w = nika_writer_of(payload, size);
    nika_recording_event_write(&w, event);
    NIKA_ASSERT(!w.failed);
    put(r, NIKA_RECORDED_EVENT, (struct nika_span){payload, w.at});
    free(payload);
}

void nika_recorder_answer(struct nika_recorder *r, enum nika_recorded kind, struct nika_span bytes)
{
    put(r, kind, bytes);
}

void nika_recorder_state(struct nika_recorder *r, const struct nika_replica *module, bool now)
{
    struct nika_digest digest;
    bool due = r->events == 1 || r->events % NIKA_RECORDER_DIGEST_EVENTS == 0;
    if (r->fd < 0 || (!now && !due)) return;
    r->ops->digest(module, &digest);
    put(r, NIKA_RECORDED_DIGEST, (struct nika_span){digest.bytes, sizeof digest.bytes});
}
