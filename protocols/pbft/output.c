/* protocols/pbft/output.c: how a replica speaks: frames, timers, tokens, notes, evidence (PROTOCOLS.md 4, 5).
 *
 * Frames are encoded straight into the effects. It decides nothing about what may be sent when. */
#include "protocols/pbft/state.h"

#define FRAME_TYPE_OFFSET 7u /* length u32 | magic u16 | version u8 | type. */

static enum nika_send_class class_of(uint8_t type)
{
    bool control = type == PBFT_TYPE_pre_prepare || type == PBFT_TYPE_prepare ||
                   type == PBFT_TYPE_commit || type == PBFT_TYPE_checkpoint ||
                   type == PBFT_TYPE_status || type == COMMON_TYPE_fetch_batch;
    return control ? NIKA_CLASS_CONTROL : NIKA_CLASS_BULK;
}

/* Head, body, tail with an authenticator for `to`, into `w` whose memory has room for the largest one. Returns the frame's size. */
static uint32_t write_frame(struct nika_replica *r, uint32_t to,
                            const struct nika_message_info *info, const void *message,
                            uint32_t body_size, struct nika_writer *w)
{
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    uint32_t auth_size = 0;
    enum nika_auth_alg alg = (enum nika_auth_alg)info->auth;
    /* The body is encoded where the frame will have it, so that signing needs no copy. */
    uint8_t *start = w->data + w->at;
    struct nika_writer body = nika_writer_of(start + NIKA_FRAME_HEAD_SIZE, body_size);
    nika_encode(info, message, &body);
    NIKA_ASSERT(!body.failed && body.at == body_size);
    struct nika_span span = {body.data, body_size};
    if (alg != NIKA_AUTH_NONE)
        auth_size = r->host->authenticate(r->host->world, r->self, alg, info->type, to, span, auth);
    uint32_t size = nika_frame_size(body_size, auth_size);
    nika_write_u32(w, size - 4);
    nika_write_u16(w, NIKA_FRAME_MAGIC);
    nika_write_u8(w, NIKA_FRAME_VERSION);
    nika_write_u8(w, info->type);
    nika_write_u16(w, 0);
    nika_write_u32(w, r->config->epoch);
    nika_write_u32(w, r->self);
    nika_write_u32(w, body_size);
    (void)nika_write_reserve(w, body_size);
    nika_write_u8(w, (uint8_t)alg);
    nika_write_u32(w, r->self);
    nika_write_u16(w, (uint16_t)auth_size);
    nika_write_raw(w, auth, auth_size);
    NIKA_ASSERT(!w->failed);
    return size;
}

static void emit(struct nika_replica *r, enum nika_action_kind kind, uint32_t to,
                 const struct nika_message_info *info, const void *message)
{
    uint8_t *bytes = NULL;
    uint32_t body_size = nika_encoded_size(info, message);
    uint32_t room =
        nika_frame_size(body_size, info->auth == NIKA_AUTH_NONE ? 0 : NIKA_AUTH_SIZE_MAX);
    struct nika_action *action = nika_effects_add(r->effects, kind, room, &bytes);
    if (action == NULL) return;
    struct nika_writer w = nika_writer_of(bytes, room);
    action->size = write_frame(r, to, info, message, body_size, &w);
    action->to = to;
    action->send_class = (uint8_t)class_of(info->type);
    /* The room for a larger authenticator goes back: nothing was appended since. */
    r->effects->bytes_used -= room - action->size;
}

void pbft_send(struct nika_replica *r, uint32_t to, const struct nika_message_info *info,
               const void *message)
{
    emit(r, NIKA_ACTION_SEND, to, info, message);
}

void pbft_broadcast(struct nika_replica *r, const struct nika_message_info *info,
                    const void *message)
{
    if (info->auth != NIKA_AUTH_MAC) {
        emit(r, NIKA_ACTION_BROADCAST, NIKA_NODE_NONE, info, message);
        return;
    }
    /* A MAC is for one receiver. */
    for (uint32_t i = 0; i < r->n; i++) {
        if (i != r->self) emit(r, NIKA_ACTION_SEND, i, info, message);
    }
}

void pbft_send_frame(struct nika_replica *r, uint32_t to, struct nika_span frame)
{
    NIKA_ASSERT(frame.size > FRAME_TYPE_OFFSET);
    nika_effects_send(r->effects, to, class_of(frame.data[FRAME_TYPE_OFFSET]), frame);
}

void pbft_broadcast_frame(struct nika_replica *r, struct nika_span frame)
{
    NIKA_ASSERT(frame.size > FRAME_TYPE_OFFSET);
    nika_effects_broadcast(r->effects, class_of(frame.data[FRAME_TYPE_OFFSET]), frame);
}

void pbft_send_batch(struct nika_replica *r, uint32_t to, struct nika_span body)
{
    uint8_t *bytes = NULL;
    uint32_t size = nika_frame_size(body.size, 0);
    enum nika_action_kind kind = to == NIKA_NODE_NONE ? NIKA_ACTION_BROADCAST : NIKA_ACTION_SEND;
    struct nika_action *action = nika_effects_add(r->effects, kind, size, &bytes);
    if (action == NULL) return;
    action->to = to;
    action->send_class = NIKA_CLASS_BULK;
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_frame_write(r->config, COMMON_TYPE_batch, r->self, body, NIKA_AUTH_NONE,
                     (struct nika_span){0}, &w);
    NIKA_ASSERT(!w.failed);
}

uint32_t pbft_store_frame(struct nika_replica *r, const struct nika_message_info *info,
                          const void *message)
{
    uint32_t body_size = nika_encoded_size(info, message);
    uint32_t auth_room =
        info->auth == NIKA_AUTH_NONE ? 0 : nika_suite_signature_size(r->config->suite);
    uint32_t room = nika_frame_size(body_size, auth_room);
    if (room > NIKA_MESSAGE_SIZE_MAX) return 0;
    uint32_t draft = nika_store_alloc(r->store, room);
    if (draft == 0) return 0;
    struct nika_writer w = nika_writer_of(nika_store_at(r->store, draft), room);
    uint32_t size = write_frame(r, NIKA_NODE_NONE, info, message, body_size, &w);
    if (size == room) return draft;
    /* Only suites whose signatures vary in length come here; a block's length is fixed at allocation. */
    struct nika_span frame = {nika_store_at(r->store, draft), size};
    uint32_t handle = nika_store_put(r->store, frame);
    nika_store_free(r->store, draft);
    return handle;
}

void pbft_timer_start(struct nika_replica *r, enum pbft_timer timer, uint64_t delay_ns)
{
    r->timer_armed[timer] = true;
    nika_effects_timer(r->effects, (uint32_t)timer, ++r->timer_generation[timer], delay_ns);
}

void pbft_timer_stop(struct nika_replica *r, enum pbft_timer timer)
{
    if (!r->timer_armed[timer]) return;
    r->timer_armed[timer] = false;
    nika_effects_timer(r->effects, (uint32_t)timer, ++r->timer_generation[timer],
                       NIKA_TIMER_CANCEL);
}

uint64_t pbft_token(const struct nika_replica *r, enum pbft_token kind, uint16_t generation,
                    uint64_t seq)
{
    (void)r;
    NIKA_ASSERT(seq < (UINT64_C(1) << 40));
    return (uint64_t)kind << 56 | (uint64_t)generation << 40 | seq;
}

void pbft_reject(struct nika_replica *r, enum nika_check check, uint32_t sender)
{
    nika_effects_note(r->effects, NIKA_NOTE_REJECT, check, sender, (struct nika_span){0});
}

void pbft_alarm(struct nika_replica *r, enum nika_check check, uint64_t seq)
{
    nika_effects_note(r->effects, NIKA_NOTE_ALARM, check, seq, (struct nika_span){0});
}

void pbft_evidence(struct nika_replica *r, uint8_t type, uint32_t sender, struct nika_span first,
                   struct nika_span second)
{
    uint64_t kind = UINT64_C(1) << (type % 64);
    if (sender >= r->n || (r->evidence[sender].kinds & kind) != 0) return;
    r->evidence[sender].kinds |= kind;
    pbft_queue_note(r, NIKA_QUEUE_EVIDENCE, ++r->evidence_count);
    REACHED(pbft_evidence);
    uint8_t *bytes = NULL;
    uint32_t size = 8 + first.size + second.size;
    struct nika_action *action = nika_effects_add(r->effects, NIKA_ACTION_NOTE, size, &bytes);
    if (action == NULL) return;
    action->id = NIKA_NOTE_EVIDENCE;
    action->a = type;
    action->b = sender;
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_bytes(&w, first);
    nika_write_bytes(&w, second);
}

void pbft_queue_note(struct nika_replica *r, enum nika_queue queue, uint32_t length)
{
    if (length <= r->queue_peak[queue]) return;
    r->queue_peak[queue] = length;
    nika_effects_note(r->effects, NIKA_NOTE_QUEUE, (uint64_t)queue, length, (struct nika_span){0});
}

bool pbft_verify_nested(struct nika_replica *r, struct nika_span raw,
                        const struct nika_message_info *info, struct nika_frame *frame,
                        void *message)
{
    if (nika_frame_parse(raw, r->config->epoch, NIKA_MESSAGE_SIZE_MAX, frame) != NIKA_OK)
        return false;
    if (frame->type != info->type || frame->sender >= r->n || frame->auth_alg != info->auth)
        return false;
    if (nika_decode(info, frame->body, message) != NIKA_OK) return false;
    return r->host->verify(r->host->world, r->self, frame);
}
