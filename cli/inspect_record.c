/* cli/inspect_record.c: takes a durable record apart without knowing which protocol wrote it: frames are found by their form, and told
 * by the message table of the protocol that the directory names. */
#include <stdio.h>

#include "cli/inspect.h"

/* The frame at `at`, if there is one. Its epoch is the one it was written in. */
static bool frame_at(struct nika_span payload, uint32_t at, struct nika_frame *out, uint32_t *size)
{
    if (payload.size - at < NIKA_FRAME_HEAD_SIZE) return false;
    const uint8_t *p = payload.data + at;
    uint64_t length = nika_load_le(p, 4) + 4;
    if (length > payload.size - at) return false;
    *size = (uint32_t)length;
    uint32_t epoch = (uint32_t)nika_load_le(p + 10, 4);
    return nika_frame_parse((struct nika_span){p, *size}, epoch, NIKA_MESSAGE_SIZE_MAX, out) ==
           NIKA_OK;
}

static void read_frame(const struct nika_replica_ops *ops, const struct nika_frame *frame,
                       struct inspect_record *out)
{
    if (out->frame_count == INSPECT_FRAMES_MAX) {
        out->frames_more++;
        return;
    }
    struct inspect_frame *f = &out->frames[out->frame_count++];
    const struct nika_message_table *table = ops->messages;
    const struct nika_message_info *info =
        frame->type < table->count ? table->messages[frame->type] : NULL;
    *f = (struct inspect_frame){.type = frame->type,
                                .name = info != NULL ? info->name : "?",
                                .sender = frame->sender,
                                .size = frame->raw.size};
    if (info == NULL) return;
    ops->describe(frame->type, frame->body, &f->summary);
    (void)nika_message_text(info, frame->body, f->text, sizeof f->text);
}

/* What is left behind the frames may be a batch: u32 length and its body. */
static bool read_batch(const struct nika_replica_ops *ops, struct nika_span rest,
                       struct inspect_record *out)
{
    if (rest.size < 4 || nika_load_le(rest.data, 4) != rest.size - 4) return false;
    struct nika_span body = {rest.data + 4, rest.size - 4};
    if (body.size == 0) {
        (void)snprintf(out->batch, sizeof out->batch, "null batch");
        return true;
    }
    for (uint32_t type = 0; type < ops->messages->count; type++) {
        const struct nika_message_info *info = ops->messages->messages[type];
        if (info == NULL || info->message_class != NIKA_MESSAGE_BATCH) continue;
        (void)nika_message_text(info, body, out->batch, sizeof out->batch);
        if (strncmp(out->batch, "malformed", 9) != 0) return true;
    }
    out->batch[0] = '\0';
    return false;
}

/* A certificate: frames behind one another that say the same, each of another sender. An order counts as its sender's vote. */
static const char *judge(const struct inspect_record *r)
{
    uint64_t senders[2] = {0, 0};
    const struct nika_summary *first = &r->frames[0].summary;
    for (uint32_t i = 0; i < r->frame_count; i++) {
        const struct nika_summary *s = &r->frames[i].summary;
        uint32_t sender = r->frames[i].sender;
        if (s->view != first->view || s->seq != first->seq ||
            !nika_digest_equal(&s->digest, &first->digest))
            return "its frames do not agree";
        if (sender >= 128) return "a frame of no replica";
        if (nika_set_has(senders, sender)) return "two frames of one sender";
        senders[sender / 64] |= UINT64_C(1) << (sender % 64);
    }
    return "";
}

static const char *what(const struct inspect_record *r)
{
    switch ((enum nika_message_class)r->summary.message_class) {
    case NIKA_MESSAGE_PROPOSE:
        return "proposal";
    case NIKA_MESSAGE_PREPARE:
        return "prepared certificate";
    case NIKA_MESSAGE_COMMIT:
        return "committed certificate";
    case NIKA_MESSAGE_VIEW_CHANGE:
        return "left view";
    case NIKA_MESSAGE_NEW_VIEW:
        return "entered view";
    case NIKA_MESSAGE_CHECKPOINT:
        return "stable checkpoint";
    case NIKA_MESSAGE_OTHER:
    case NIKA_MESSAGE_REQUEST:
    case NIKA_MESSAGE_REPLY:
    case NIKA_MESSAGE_BATCH:
    case NIKA_MESSAGE_STATUS:
    case NIKA_MESSAGE_TRANSFER:
        break;
    }
    return "record";
}

void inspect_record_read(const struct nika_replica_ops *ops, const struct nika_journal_entry *entry,
                         struct inspect_record *out)
{
    struct nika_span payload = entry->record.payload;
    struct nika_frame frame;
    uint32_t at = 0, size = 0, steps = 0;
    out->entry = *entry;
    out->what = "record";
    out->problem = "";
    out->frame_count = out->frames_more = 0;
    out->batch[0] = '\0';
    memset(&out->summary, 0, sizeof out->summary);
    out->rest = payload.size;
    if (ops == NULL) return;
    ops->describe_record(entry->record.kind, payload, &out->summary);
    /* Before a frame there may be its length, and the count of a list. */
    while (at < payload.size && steps <= 2) {
        if (frame_at(payload, at, &frame, &size)) {
            read_frame(ops, &frame, out);
            at += size;
            steps = 0;
        } else if (out->frame_count > 0 && steps == 0 &&
                   read_batch(ops, (struct nika_span){payload.data + at, payload.size - at}, out)) {
            at = payload.size;
        } else if (payload.size - at < 4) {
            break;
        } else {
            at += 4;
            steps++;
        }
    }
    out->rest = payload.size - at + 4 * steps;
    if (out->rest > payload.size) out->rest = payload.size;
    bool told = out->summary.message_class != NIKA_MESSAGE_OTHER || out->summary.view != 0;
    if (!told && out->frame_count > 0) out->summary = out->frames[0].summary;
    out->what = what(out);
    if (out->frame_count > 1 && out->frames_more == 0) out->problem = judge(out);
}
