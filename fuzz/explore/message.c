/* fuzz/explore/message.c: messages and lists of them, each once (model.h). */
#include <stdlib.h>

#include "fuzz/explore/model.h"
#include "protocols/hybster/messages.h"

/* ---- lists ---- */

const uint16_t *explore_list_at(const struct explore_model *m, uint32_t list, uint32_t *count)
{
    size_t size = 0;
    const uint8_t *bytes = explore_set_at(&m->lists, list, &size);
    *count = (uint32_t)(size / sizeof(uint16_t));
    return (const uint16_t *)(const void *)bytes;
}

static int by_number(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

uint32_t explore_list_add(struct explore_model *m, uint16_t *ids, uint32_t count)
{
    uint32_t kept = 0;
    if (count > 1) qsort(ids, count, sizeof *ids, by_number);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || ids[kept - 1] != ids[i]) ids[kept++] = ids[i];
    }
    return explore_set_add(&m->lists, ids, kept * sizeof *ids);
}

uint32_t explore_list_join(struct explore_model *m, uint32_t a, uint32_t b)
{
    uint16_t ids[2 * EXPLORE_LIST_MAX];
    uint32_t count_a = 0, count_b = 0;
    const uint16_t *from = explore_list_at(m, a, &count_a);
    NIKA_ASSERT(count_a <= EXPLORE_LIST_MAX);
    if (count_a > 0) memcpy(ids, from, count_a * sizeof *ids);
    from = explore_list_at(m, b, &count_b);
    NIKA_ASSERT(count_b <= EXPLORE_LIST_MAX);
    if (count_b > 0) memcpy(ids + count_a, from, count_b * sizeof *ids);
    return explore_list_add(m, ids, count_a + count_b);
}

uint32_t explore_list_with(struct explore_model *m, uint32_t list, uint32_t message)
{
    uint16_t id = (uint16_t)message;
    return explore_list_join(m, list, explore_list_add(m, &id, 1));
}

/* ---- batches ---- */

uint32_t explore_batch(struct explore_model *m, const struct nika_digest *digest)
{
    uint32_t batch = explore_set_add(&m->digests, digest->bytes, NIKA_DIGEST_SIZE);
    NIKA_ASSERT(batch < EXPLORE_BATCHES_MAX);
    return batch;
}

struct nika_digest explore_batch_digest(const struct explore_model *m, uint32_t batch)
{
    struct nika_digest digest;
    size_t size = 0;
    memcpy(digest.bytes, explore_set_at(&m->digests, batch, &size), NIKA_DIGEST_SIZE);
    return digest;
}

void explore_batch_made(struct explore_model *m, const struct nika_digest *digest,
                        struct nika_span frame)
{
    m->batch[explore_batch(m, digest)] = explore_set_add(&m->batches, frame.data, frame.size) + 1;
}

/* ---- messages ---- */

void explore_message_frame(const struct explore_model *m, uint32_t message, struct nika_frame *out)
{
    size_t size = 0;
    const uint8_t *bytes = explore_set_at(&m->frames, message, &size);
    enum nika_err err = nika_frame_parse((struct nika_span){bytes, (uint32_t)size}, m->config.epoch,
                                         NIKA_MESSAGE_SIZE_MAX, out);
    NIKA_ASSERT(err == NIKA_OK);
}

/* Everything but `orders`, which message_add() fills in. */
static void describe(struct explore_model *m, struct nika_span raw, struct explore_message *out)
{
    struct nika_frame frame;
    struct nika_summary summary;
    enum nika_err err = nika_frame_parse(raw, m->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame);
    NIKA_ASSERT(err == NIKA_OK);
    m->ops->describe(frame.type, frame.body, &summary);
    const struct nika_message_info *info = m->ops->messages->messages[frame.type];
    memset(out, 0, sizeof *out);
    out->type = frame.type;
    out->message_class = info->message_class;
    out->sender = frame.sender;
    out->view = summary.view;
    out->seq = summary.seq;
    bool order = info->message_class == NIKA_MESSAGE_PROPOSE ||
                 info->message_class == NIKA_MESSAGE_PREPARE ||
                 info->message_class == NIKA_MESSAGE_COMMIT;
    out->value = order ? explore_batch(m, &summary.digest) : EXPLORE_NONE;
}

/* The proposals in the lists of frames of a body, and in those of the frames in them. */
static void inner_orders(struct explore_model *m, const struct nika_message_info *info,
                         struct nika_span body, uint16_t *ids, uint32_t *count)
{
    uint64_t room[64];
    NIKA_ASSERT(info->struct_size <= sizeof room);
    if (nika_decode(info, body, room) != NIKA_OK) return;
    for (uint32_t f = 0; f < info->field_count; f++) {
        if (info->fields[f].kind != NIKA_FIELD_FRAMES) continue;
        struct nika_list list;
        memcpy(&list, (const uint8_t *)room + info->fields[f].offset, sizeof list);
        struct nika_span raw;
        for (uint32_t at = 0; nika_frames_next(&list, &at, &raw);) {
            uint32_t inner = explore_message_add(m, raw);
            const struct explore_message *message = &m->messages[inner];
            uint32_t below = 0;
            const uint16_t *orders = explore_list_at(m, message->orders, &below);
            NIKA_ASSERT(*count + below + 1 <= EXPLORE_LIST_MAX);
            for (uint32_t k = 0; k < below; k++) ids[(*count)++] = orders[k];
            if (message->message_class == NIKA_MESSAGE_PROPOSE) ids[(*count)++] = (uint16_t)inner;
        }
    }
}

uint32_t explore_message_add(struct explore_model *m, struct nika_span raw)
{
    struct nika_frame frame;
    uint16_t ids[EXPLORE_LIST_MAX];
    uint32_t count = 0, before = m->frames.count;
    uint32_t id = explore_set_add(&m->frames, raw.data, raw.size);
    if (m->frames.count == before) return id;
    NIKA_ASSERT(id < EXPLORE_MESSAGES_MAX);
    m->messages = explore_room(m->messages, &m->messages_capacity, id + 1ull, sizeof *m->messages);
    describe(m, raw, &m->messages[id]);
    enum nika_err err = nika_frame_parse(raw, m->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame);
    NIKA_ASSERT(err == NIKA_OK);
    inner_orders(m, m->ops->messages->messages[frame.type], frame.body, ids, &count);
    m->messages[id].orders = explore_list_add(m, ids, count);
    return id;
}

struct nika_span explore_frame(struct explore_model *m, uint32_t sender,
                               const struct nika_message_info *info, struct nika_span body)
{
    static uint8_t bytes[NIKA_CONTROL_SIZE_MAX * 4];
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    const struct nika_host *host = &m->place[0].host;
    uint32_t size = info->auth == NIKA_AUTH_NONE
                        ? 0
                        : host->authenticate(host->world, sender, (enum nika_auth_alg)info->auth,
                                             info->type, 0, body, auth);
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_frame_write(&m->config, info->type, sender, body, (enum nika_auth_alg)info->auth,
                     (struct nika_span){auth, size}, &w);
    NIKA_ASSERT(!w.failed);
    return (struct nika_span){bytes, w.at};
}

uint32_t explore_request(struct explore_model *m, uint32_t index)
{
    uint8_t op[1] = {0}, bytes[256];
    struct common_request request = {
        .client = index, .timestamp = 1, .replier = NIKA_NODE_NONE, .op = {op, sizeof op}};
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_encode(&common_info_request, &request, &w);
    NIKA_ASSERT(!w.failed);
    return explore_message_add(m, explore_frame(m, nika_client_node(index), &common_info_request,
                                                (struct nika_span){bytes, w.at}));
}
