/* protocols/common/output.c: how a replica speaks: frames, timers, tokens, notes, evidence (PROTOCOLS.md 4, 5).
 *
 * Frames are encoded straight into the effects. It decides nothing about what may be sent when. */
#include "protocols/common/output.h"

#define FRAME_TYPE_OFFSET 7u /* length u32 | magic u16 | version u8 | type. */

static enum nika_send_class class_of(const struct common_core *core, uint8_t type)
{
    bool control = type < 64 && (core->hooks->control_types >> type & 1) != 0;
    return control ? NIKA_CLASS_CONTROL : NIKA_CLASS_BULK;
}

/* Head, body, tail with an authenticator for `to`, into `w` whose memory has room for the largest one. Returns the frame's size. */
static uint32_t write_frame(struct common_core *core, uint32_t to,
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
        auth_size = core->host->authenticate(core->host->world, core->self, alg, info->type, to,
                                             span, auth);
    uint32_t size = nika_frame_size(body_size, auth_size);
    nika_write_u32(w, size - 4);
    nika_write_u16(w, NIKA_FRAME_MAGIC);
    nika_write_u8(w, NIKA_FRAME_VERSION);
    nika_write_u8(w, info->type);
    nika_write_u16(w, 0);
    nika_write_u32(w, core->config->epoch);
    nika_write_u32(w, core->self);
    nika_write_u32(w, body_size);
    (void)nika_write_reserve(w, body_size);
    nika_write_u8(w, (uint8_t)alg);
    nika_write_u32(w, core->self);
    nika_write_u16(w, (uint16_t)auth_size);
    nika_write_raw(w, auth, auth_size);
    NIKA_ASSERT(!w->failed);
    return size;
}

static void emit(struct common_core *core, enum nika_action_kind kind, uint32_t to,
                 const struct nika_message_info *info, const void *message)
{
    uint8_t *bytes = NULL;
    uint32_t body_size = nika_encoded_size(info, message);
    uint32_t room =
        nika_frame_size(body_size, info->auth == NIKA_AUTH_NONE ? 0 : NIKA_AUTH_SIZE_MAX);
    struct nika_action *action = nika_effects_add(core->effects, kind, room, &bytes);
    if (action == NULL) return;
    struct nika_writer w = nika_writer_of(bytes, room);
    action->size = write_frame(core, to, info, message, body_size, &w);
    action->to = to;
    action->send_class = (uint8_t)class_of(core, info->type);
    /* The room for a larger authenticator goes back: nothing was appended since. */
    core->effects->bytes_used -= room - action->size;
}

void common_send(struct common_core *core, uint32_t to, const struct nika_message_info *info,
                 const void *message)
{
    emit(core, NIKA_ACTION_SEND, to, info, message);
}

void common_broadcast(struct common_core *core, const struct nika_message_info *info,
                      const void *message)
{
    if (info->auth != NIKA_AUTH_MAC) {
        emit(core, NIKA_ACTION_BROADCAST, NIKA_NODE_NONE, info, message);
        return;
    }
    /* A MAC is for one receiver. */
    for (uint32_t k = 0; k < core->n; k++) {
        uint32_t i = NIKA_PLANTED(C01) ? core->n - 1 - k : k;
        if (i != core->self) emit(core, NIKA_ACTION_SEND, i, info, message);
    }
}

void common_send_frame(struct common_core *core, uint32_t to, struct nika_span frame)
{
    NIKA_ASSERT(frame.size > FRAME_TYPE_OFFSET);
    nika_effects_send(core->effects, to, class_of(core, frame.data[FRAME_TYPE_OFFSET]), frame);
}

void common_broadcast_frame(struct common_core *core, struct nika_span frame)
{
    NIKA_ASSERT(frame.size > FRAME_TYPE_OFFSET);
    nika_effects_broadcast(core->effects, class_of(core, frame.data[FRAME_TYPE_OFFSET]), frame);
}

void common_send_batch(struct common_core *core, uint32_t to, struct nika_span body)
{
    uint8_t *bytes = NULL;
    uint32_t size = nika_frame_size(body.size, 0);
    enum nika_action_kind kind = to == NIKA_NODE_NONE ? NIKA_ACTION_BROADCAST : NIKA_ACTION_SEND;
    struct nika_action *action = nika_effects_add(core->effects, kind, size, &bytes);
    if (action == NULL) return;
    action->to = to;
    action->send_class = NIKA_CLASS_BULK;
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_frame_write(core->config, COMMON_TYPE_batch, core->self, body, NIKA_AUTH_NONE,
                     (struct nika_span){0}, &w);
    NIKA_ASSERT(!w.failed);
}

uint32_t common_store_frame(struct common_core *core, const struct nika_message_info *info,
                            const void *message)
{
    uint32_t body_size = nika_encoded_size(info, message);
    uint32_t auth_room =
        info->auth == NIKA_AUTH_NONE ? 0 : nika_suite_signature_size(core->config->suite);
    uint32_t room = nika_frame_size(body_size, auth_room);
    if (room > NIKA_MESSAGE_SIZE_MAX) return 0;
    uint32_t draft = nika_store_alloc(core->store, room);
    if (draft == 0) return 0;
    struct nika_writer w = nika_writer_of(nika_store_at(core->store, draft), room);
    uint32_t size = write_frame(core, NIKA_NODE_NONE, info, message, body_size, &w);
    if (size == room) return draft;
    /* Only suites whose signatures vary in length come here; a block's length is fixed at allocation. */
    struct nika_span frame = {nika_store_at(core->store, draft), size};
    uint32_t handle = nika_store_put(core->store, frame);
    nika_store_free(core->store, draft);
    return handle;
}

const char *common_timer_name(uint32_t timer)
{
    static const char *const names[COMMON_TIMER_COUNT] = {
        [COMMON_TIMER_REQUEST] = "request",   [COMMON_TIMER_VIEW] = "view change",
        [COMMON_TIMER_BATCH] = "batch",       [COMMON_TIMER_STATUS] = "status",
        [COMMON_TIMER_FETCH] = "batch fetch", [COMMON_TIMER_TRANSFER] = "state transfer",
        [COMMON_TIMER_LAG] = "lag",
    };
    return timer < COMMON_TIMER_COUNT ? names[timer] : NULL;
}

void common_timer_start(struct common_core *core, enum common_timer timer, uint64_t delay_ns)
{
    core->timer_armed[timer] = true;
    if (!NIKA_PLANTED(I04)) core->timer_generation[timer]++;
    nika_effects_timer(core->effects, (uint32_t)timer, core->timer_generation[timer], delay_ns);
}

void common_timer_stop(struct common_core *core, enum common_timer timer)
{
    if (!core->timer_armed[timer]) return;
    core->timer_armed[timer] = false;
    if (!NIKA_PLANTED(I04)) core->timer_generation[timer]++;
    nika_effects_timer(core->effects, (uint32_t)timer, core->timer_generation[timer],
                       NIKA_TIMER_CANCEL);
}

#define TOKEN_NUMBERS (UINT64_C(1) << 40)

/* Numbers come from peers and disks: a large one is cut, never an assertion. */
uint64_t common_token(uint32_t kind, uint16_t generation, uint64_t number)
{
    return (uint64_t)kind << 56 | (uint64_t)generation << 40 | (number & (TOKEN_NUMBERS - 1));
}

uint64_t common_token_number(uint64_t token, uint64_t near)
{
    uint64_t above = (token - near) & (TOKEN_NUMBERS - 1);
    uint64_t below = TOKEN_NUMBERS - above;
    return above >= TOKEN_NUMBERS / 2 && near >= below ? near - below : near + above;
}

void common_reject(struct common_core *core, enum nika_check check, uint32_t sender)
{
    NIKA_ASSERT(!NIKA_PLANTED(W10) || check != NIKA_CHECK_W0);
    if (NIKA_PLANTED(C03) && check == NIKA_CHECK_SA2) check = NIKA_CHECK_SA1;
    nika_effects_note(core->effects, NIKA_NOTE_REJECT, check, sender, (struct nika_span){0});
}

void common_alarm(struct common_core *core, enum nika_check check, uint64_t seq)
{
    nika_effects_note(core->effects, NIKA_NOTE_ALARM, check, seq, (struct nika_span){0});
}

void common_evidence(struct common_core *core, uint8_t type, uint32_t sender,
                     struct nika_span first, struct nika_span second)
{
    uint64_t kind = UINT64_C(1) << (type % 64);
    bool told = sender < core->n && (core->evidence[sender].kinds & kind) != 0;
    if (sender >= core->n || (!NIKA_PLANTED(I08) && told)) return;
    core->evidence[sender].kinds |= kind;
    common_queue_note(core, NIKA_QUEUE_EVIDENCE, ++core->evidence_count);
    REACHED(replica_evidence);
    uint8_t *bytes = NULL;
    uint32_t size = 8 + first.size + second.size;
    struct nika_action *action = nika_effects_add(core->effects, NIKA_ACTION_NOTE, size, &bytes);
    if (action == NULL) return;
    action->id = NIKA_NOTE_EVIDENCE;
    action->a = type;
    action->b = sender;
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_write_bytes(&w, first);
    nika_write_bytes(&w, second);
}

void common_queue_note(struct common_core *core, enum nika_queue queue, uint32_t length)
{
    if (length <= core->queue_peak[queue]) return;
    core->queue_peak[queue] = length;
    nika_effects_note(core->effects, NIKA_NOTE_QUEUE, (uint64_t)queue, length,
                      (struct nika_span){0});
}

void common_note_committed(struct common_core *core, const struct common_slot *slot,
                           const uint64_t signers[2])
{
    uint8_t *bytes = NULL;
    uint32_t bitmap = (core->n + 7) / 8;
    struct nika_action *action =
        nika_effects_add(core->effects, NIKA_ACTION_NOTE, NIKA_DIGEST_SIZE + bitmap, &bytes);
    if (action == NULL) return;
    action->id = NIKA_NOTE_COMMITTED;
    action->a = slot->seq;
    action->b = slot->commit_view;
    memcpy(bytes, slot->commit_digest.bytes, NIKA_DIGEST_SIZE);
    for (uint32_t i = 0; i < bitmap; i++)
        bytes[NIKA_DIGEST_SIZE + i] = (uint8_t)(signers[i / 8] >> (8 * (i % 8)));
}

void common_store_note(struct common_core *core)
{
    uint64_t bytes = core->config->store_bytes;
    uint64_t level = (uint64_t)core->store->peak * 16 / bytes;
    uint64_t noted = (uint64_t)core->queue_peak[NIKA_QUEUE_STORE_BYTES] * 16 / bytes;
    if (level > noted) common_queue_note(core, NIKA_QUEUE_STORE_BYTES, core->store->peak);
}

bool common_nested_open(const struct common_core *core, struct nika_span raw,
                        const struct nika_message_info *info, struct nika_frame *frame,
                        void *message)
{
    if (nika_frame_parse(raw, core->config->epoch, NIKA_MESSAGE_SIZE_MAX, frame) != NIKA_OK)
        return false;
    if (frame->type != info->type || frame->sender >= core->n || frame->auth_alg != info->auth)
        return false;
    return nika_decode(info, frame->body, message) == NIKA_OK;
}

bool common_verify_nested(struct common_core *core, struct nika_span raw,
                          const struct nika_message_info *info, struct nika_frame *frame,
                          void *message)
{
    return common_nested_open(core, raw, info, frame, message) &&
           core->host->verify(core->host->world, core->self, frame);
}
