/* engine/core/recording.c: see recording.h. */
#include "engine/core/recording.h"

#define EVENT_HEAD_SIZE (1u + 8u + 4u + 4u + 8u + 8u + 4u + 4u)

/* Every field of the configuration, in one order for both directions. */
struct field {
    uint32_t offset, size;
};
#define FIELD(name)                                                                                \
    {                                                                                              \
        offsetof(struct nika_config, name), sizeof(((struct nika_config *)0)->name)                \
    }
static const struct field config_fields[] = {FIELD(protocol),
                                             FIELD(n),
                                             FIELD(f),
                                             FIELD(clients),
                                             FIELD(epoch),
                                             FIELD(suite),
                                             FIELD(checkpoint_interval),
                                             FIELD(window),
                                             FIELD(pipeline),
                                             FIELD(batch_count_max),
                                             FIELD(batch_bytes_max),
                                             FIELD(op_size_max),
                                             FIELD(reply_size_max),
                                             FIELD(pending_max),
                                             FIELD(chunk_size),
                                             FIELD(snapshot_size_max),
                                             FIELD(store_bytes),
                                             FIELD(read_only),
                                             FIELD(backoff_max),
                                             FIELD(batch_ns),
                                             FIELD(request_ns),
                                             FIELD(status_ns),
                                             FIELD(retransmit_ns),
                                             FIELD(fetch_ns),
                                             FIELD(lag_ns),
                                             FIELD(client_ns),
                                             FIELD(time_skew_ns),
                                             FIELD(pace_ns),
                                             FIELD(pillars)};

/* The last field came later and is left out where it says nothing. */
static uint32_t field_count(bool pillars)
{
    return ARRAY_COUNT(config_fields) - (pillars ? 0 : 1);
}

static uint64_t field_get(const struct nika_config *c, const struct field *f)
{
    const uint8_t *at = (const uint8_t *)c + f->offset;
    uint64_t wide;
    uint32_t narrow;
    if (f->size == sizeof wide) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    if (f->size == 1) return *at;
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
}

static bool field_set(struct nika_config *c, const struct field *f, uint64_t value)
{
    uint8_t *at = (uint8_t *)c + f->offset;
    uint32_t narrow = (uint32_t)value;
    if (f->size == sizeof value) {
        memcpy(at, &value, sizeof value);
        return true;
    }
    if (f->size == 1) {
        *at = value != 0;
        return value <= 1;
    }
    memcpy(at, &narrow, sizeof narrow);
    return value <= UINT32_MAX;
}

static void write_name(struct nika_writer *w, const char name[NIKA_RECORDING_NAME_SIZE])
{
    nika_write_bytes(w, (struct nika_span){(const uint8_t *)name,
                                           (uint32_t)strnlen(name, NIKA_RECORDING_NAME_SIZE)});
}

static bool read_name(struct nika_reader *r, char out[NIKA_RECORDING_NAME_SIZE])
{
    struct nika_span name = nika_read_bytes(r, NIKA_RECORDING_NAME_SIZE - 1);
    memset(out, 0, NIKA_RECORDING_NAME_SIZE);
    if (name.size > 0) memcpy(out, name.data, name.size);
    return memchr(out, 0, name.size) == NULL;
}

void nika_recording_head_write(struct nika_writer *w, const struct nika_recording_head *head)
{
    nika_write_u32(w, head->trusted_later ? NIKA_RECORDING_VERSION_LATER : NIKA_RECORDING_VERSION);
    uint32_t fields = field_count(head->config.pillars != 1);
    nika_write_u32(w, fields);
    for (uint32_t i = 0; i < fields; i++)
        nika_write_u64(w, field_get(&head->config, &config_fields[i]));
    nika_write_digest(w, &head->config.group_id);
    nika_write_u32(w, head->replica);
    nika_write_u64(w, head->app_param);
    write_name(w, head->protocol);
    write_name(w, head->app);
}

enum nika_err nika_recording_head_read(struct nika_span bytes, struct nika_recording_head *out)
{
    struct nika_reader r = nika_reader_of(bytes);
    const char *reason;
    bool good = true;
    memset(out, 0, sizeof *out);
    uint32_t version = nika_read_u32(&r);
    out->trusted_later = version == NIKA_RECORDING_VERSION_LATER;
    if (version != NIKA_RECORDING_VERSION && !out->trusted_later) return NIKA_ERR_VERSION;
    uint32_t fields = nika_read_u32(&r);
    if (fields != field_count(false) && fields != field_count(true)) return NIKA_ERR_VERSION;
    out->config.pillars = 1;
    for (uint32_t i = 0; i < fields; i++)
        good = field_set(&out->config, &config_fields[i], nika_read_u64(&r)) && good;
    struct nika_digest group = nika_read_digest(&r);
    out->replica = nika_read_u32(&r);
    out->app_param = nika_read_u64(&r);
    good = read_name(&r, out->protocol) && read_name(&r, out->app) && good;
    if (!good || !nika_reader_done(&r)) return NIKA_ERR_MALFORMED;
    if (nika_config_seal(&out->config, &reason) != NIKA_OK || out->replica >= out->config.n)
        return NIKA_ERR_CONFIG;
    out->config.group_id = group;
    return NIKA_OK;
}

uint32_t nika_recording_event_size(const struct nika_event *event)
{
    return EVENT_HEAD_SIZE + event->bytes.size +
           (event->frame == NULL ? 0 : event->frame->raw.size);
}

void nika_recording_event_write(struct nika_writer *w, const struct nika_event *event)
{
    const struct nika_span none = {NULL, 0};
    nika_write_u8(w, (uint8_t)event->kind);
    nika_write_u64(w, event->now_ns);
    nika_write_u32(w, event->timer);
    nika_write_u32(w, (uint32_t)event->status);
    nika_write_u64(w, event->generation);
    nika_write_u64(w, event->token);
    nika_write_bytes(w, event->frame == NULL ? none : event->frame->raw);
    nika_write_bytes(w, event->bytes);
}

enum nika_err nika_recording_event_read(struct nika_span bytes, struct nika_event *out,
                                        struct nika_span *frame)
{
    struct nika_reader r = nika_reader_of(bytes);
    memset(out, 0, sizeof *out);
    uint8_t kind = nika_read_u8(&r);
    out->kind = (enum nika_event_kind)kind;
    out->now_ns = nika_read_u64(&r);
    out->timer = nika_read_u32(&r);
    out->status = (int32_t)nika_read_u32(&r);
    out->generation = nika_read_u64(&r);
    out->token = nika_read_u64(&r);
    *frame = nika_read_bytes(&r, NIKA_MESSAGE_SIZE_MAX);
    out->bytes = nika_read_bytes(&r, NIKA_RECORDING_RECORD_MAX);
    bool good = nika_reader_done(&r) && kind <= NIKA_EVENT_CERTIFIED &&
                (kind == NIKA_EVENT_MESSAGE) == (frame->size > 0);
    return good ? NIKA_OK : NIKA_ERR_MALFORMED;
}

void nika_recording_trusted_write(struct nika_writer *w, const struct nika_recorded_trusted *answer)
{
    nika_write_u8(w, answer->call);
    nika_write_u32(w, (uint32_t)answer->err);
    if (answer->err != NIKA_OK || answer->call == NIKA_RECORDED_TRUSTED_VERIFY) return;
    if (answer->call == NIKA_RECORDED_TRUSTED_READ) {
        nika_write_u64(w, answer->value.view);
        nika_write_u64(w, answer->value.order);
        nika_write_u64(w, answer->epoch);
        return;
    }
    nika_write_bytes(w, (struct nika_span){answer->certificate, sizeof answer->certificate});
    if (answer->call == NIKA_RECORDED_TRUSTED_REISSUE) nika_write_digest(w, &answer->digest);
}

enum nika_err nika_recording_trusted_read(struct nika_span bytes, struct nika_recorded_trusted *out)
{
    struct nika_reader r = nika_reader_of(bytes);
    memset(out, 0, sizeof *out);
    out->call = nika_read_u8(&r);
    int32_t err = (int32_t)nika_read_u32(&r);
    out->err = (enum nika_err)err;
    bool known = out->call >= NIKA_RECORDED_TRUSTED_CERTIFY &&
                 out->call <= NIKA_RECORDED_TRUSTED_REISSUE && err <= NIKA_OK &&
                 err >= NIKA_ERR_VERSION;
    bool full = known && err == NIKA_OK && out->call != NIKA_RECORDED_TRUSTED_VERIFY;
    if (full && out->call == NIKA_RECORDED_TRUSTED_READ) {
        out->value.view = nika_read_u64(&r);
        out->value.order = nika_read_u64(&r);
        out->epoch = nika_read_u64(&r);
    } else if (full) {
        struct nika_span made = nika_read_bytes(&r, sizeof out->certificate);
        if (made.size == sizeof out->certificate) memcpy(out->certificate, made.data, made.size);
        if (out->call == NIKA_RECORDED_TRUSTED_REISSUE) out->digest = nika_read_digest(&r);
        known = made.size == sizeof out->certificate;
    }
    return known && nika_reader_done(&r) ? NIKA_OK : NIKA_ERR_MALFORMED;
}
