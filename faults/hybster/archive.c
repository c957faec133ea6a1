/* faults/hybster/archive.c: see archive.h. */
#include "faults/hybster/archive.h"

static void hear_order(struct archive *a, const struct nika_frame *frame)
{
    struct hybster_prepare m;
    if (frame->raw.size > ARCHIVE_ORDER_SIZE ||
        nika_decode(&hybster_info_prepare, frame->body, &m) != NIKA_OK ||
        archive_order(a, m.view, m.seq) != NULL)
        return;
    struct archive_order *o = &a->order[a->orders++ % ARCHIVE_ORDERS];
    *o = (struct archive_order){
        .view = m.view, .seq = m.seq, .digest = m.digest, .size = frame->raw.size};
    memcpy(o->frame, frame->raw.data, frame->raw.size);
}

static void hear_change(struct archive *a, const struct nika_frame *frame)
{
    struct hybster_view_change m;
    if (frame->raw.size > ARCHIVE_CHANGE_SIZE ||
        nika_decode(&hybster_info_view_change, frame->body, &m) != NIKA_OK ||
        archive_change(a, frame->sender, m.view, m.view + 1) != NULL)
        return;
    struct archive_change *c = &a->change[a->changes++ % ARCHIVE_CHANGES];
    c->view = m.view;
    c->sender = frame->sender;
    c->size = frame->raw.size;
    memcpy(c->frame, frame->raw.data, frame->raw.size);
}

void archive_hear(struct archive *a, const struct nika_config *config, struct nika_span raw)
{
    struct nika_frame frame;
    if (nika_frame_parse(raw, config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK) return;
    if (frame.type == HYBSTER_TYPE_prepare) hear_order(a, &frame);
    if (frame.type == HYBSTER_TYPE_view_change) hear_change(a, &frame);
}

const struct archive_order *archive_order(const struct archive *a, uint64_t view, uint64_t seq)
{
    for (uint32_t i = 0; i < ARCHIVE_ORDERS; i++) {
        const struct archive_order *o = &a->order[i];
        if (o->size != 0 && o->view == view && o->seq == seq) return o;
    }
    return NULL;
}

const struct nika_digest *archive_other(const struct archive *a, const struct nika_digest *digest)
{
    for (uint32_t i = 0; i < ARCHIVE_ORDERS; i++) {
        const struct archive_order *o = &a->order[i];
        if (o->size != 0 && !nika_digest_is_null(&o->digest) &&
            !nika_digest_equal(&o->digest, digest))
            return &o->digest;
    }
    return NULL;
}

const struct archive_change *archive_change(const struct archive *a, uint32_t sender, uint64_t view,
                                            uint64_t limit)
{
    const struct archive_change *best = NULL;
    for (uint32_t i = 0; i < ARCHIVE_CHANGES; i++) {
        const struct archive_change *c = &a->change[i];
        if (c->size == 0 || c->sender != sender || c->view < view || c->view >= limit) continue;
        if (best == NULL || c->view < best->view) best = c;
    }
    return best;
}
