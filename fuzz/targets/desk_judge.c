/* fuzz/targets/desk_judge.c: see desk_judge.h. */
#include "fuzz/targets/desk_judge.h"

#include "engine/core/bytes.h"
#include "engine/oracle/bounds.h"
#include "fuzz/targets/fields.h"

static uint32_t quorum_of(const struct desk *d)
{
    const struct nika_config *c = desk_config(d);
    return desk_is_hybrid(d) ? c->f + 1 : 2 * c->f + 1;
}

static const struct nika_list *list_named(const struct nika_message_info *info, const char *name,
                                          const union nika_any_message *message)
{
    for (uint32_t i = 0; i < info->field_count; i++) {
        if (info->fields[i].kind == NIKA_FIELD_FRAMES && strcmp(info->fields[i].name, name) == 0)
            return (const void *)((const uint8_t *)message + info->fields[i].offset);
    }
    nika_target_fail("%s has no list %s", info->name, name);
}

static const struct nika_message_info *info_of(const struct desk *d, uint8_t type)
{
    const struct nika_message_table *table = desk_messages(d);
    return type < table->count ? table->messages[type] : NULL;
}

/* The view is the first field of both messages. */
static uint64_t view_of(struct nika_span body)
{
    return body.size >= 8 ? nika_load_le(body.data, 8) : UINT64_MAX;
}

static bool counts(const struct desk *d, const struct nika_frame *frame, uint64_t view)
{
    const struct nika_message_info *info = info_of(d, frame->type);
    return info != NULL && info->message_class == NIKA_MESSAGE_VIEW_CHANGE &&
           frame->sender < desk_config(d)->n && view_of(frame->body) == view;
}

void desk_judge_heard(struct desk_judge *j, const struct desk *d, const struct nika_frame *frame,
                      bool (*verify)(void *desk, uint32_t self, const struct nika_frame *frame))
{
    const struct nika_message_info *info = info_of(d, frame->type);
    union nika_any_message message;
    struct nika_frame one;
    struct nika_span bytes;
    uint32_t at = 0, senders = 0;
    if (info != NULL && info->message_class == NIKA_MESSAGE_STATUS && frame->sender < 32)
        j->reported |= 1u << frame->sender;
    if (info == NULL || info->message_class != NIKA_MESSAGE_NEW_VIEW) return;
    if (nika_decode(info, frame->body, &message) != NIKA_OK) return;
    uint64_t view = view_of(frame->body);
    const struct nika_list *list = list_named(info, "view_changes", &message);
    while (nika_frames_next(list, &at, &bytes)) {
        if (nika_frame_parse(bytes, desk_config(d)->epoch, NIKA_MESSAGE_SIZE_MAX, &one) ==
                NIKA_OK &&
            counts(d, &one, view) && verify((void *)(uintptr_t)d, desk_self(d), &one))
            senders |= 1u << one.sender;
    }
    if ((uint32_t)__builtin_popcount(senders) < quorum_of(d)) return;
    j->shown[j->count++ % DESK_VIEWS_MAX] = view;
}

void desk_judge_note(struct desk_judge *j, const struct desk *d, const struct nika_action *note)
{
    const char *name = NULL;
    if (note->id == NIKA_NOTE_QUEUE) {
        uint64_t bound = nika_bound_of(desk_config(d), note->a, &name);
        NIKA_TARGET_CHECK(note->b <= bound, "O9: %llu %s, at most %llu",
                          (unsigned long long)note->b, name, (unsigned long long)bound);
    }
    if (note->id != NIKA_NOTE_EVIDENCE || note->b >= DESK_SENDERS_MAX) return;
    uint64_t type = UINT64_C(1) << note->a % 64;
    NIKA_TARGET_CHECK((j->told[note->b] & type) == 0,
                      "O9: evidence against replica %llu for type %llu again",
                      (unsigned long long)note->b, (unsigned long long)note->a);
    j->told[note->b] |= type;
}

void desk_judge_said(struct desk_judge *j, const struct nika_summary *s, bool again)
{
    bool is_vote = s->message_class == NIKA_MESSAGE_PROPOSE ||
                   s->message_class == NIKA_MESSAGE_PREPARE ||
                   s->message_class == NIKA_MESSAGE_COMMIT;
    if (is_vote && s->seq > j->voted_max) j->voted_max = s->seq;
    if (again) return;
    j->voted = true;
}

void desk_judge_forget(struct desk_judge *j)
{
    j->view = j->count = 0;
}

void desk_judge_restart(struct desk_judge *j, bool amnesiac)
{
    memset(j->told, 0, sizeof j->told);
    j->reported = 0;
    j->voted = false;
    j->amnesiac = amnesiac;
}

/* Of PBFT; a hybrid replica accounts for its counter instead, and O6 judges it. */
static void judge_remembering(const struct desk_judge *j, const struct desk *d,
                              const struct nika_replica_status *s)
{
    uint32_t others = j->reported & ~(1u << desk_self(d));
    NIKA_TARGET_CHECK((uint32_t)__builtin_popcount(others) >= 2 * desk_config(d)->f,
                      "AMN: votes again when %d others told where they stand",
                      __builtin_popcount(others));
    NIKA_TARGET_CHECK(s->low_mark >= j->voted_max,
                      "AMN: votes again above %llu, and may have voted up to %llu",
                      (unsigned long long)s->low_mark, (unsigned long long)j->voted_max);
}

static void judge_amnesia(struct desk_judge *j, const struct desk *d,
                          const struct nika_replica_status *s)
{
    NIKA_TARGET_CHECK(!j->voted || !s->amnesiac, "AMN: votes while it may have forgotten votes");
    if (j->amnesiac && !s->amnesiac && !desk_is_hybrid(d)) judge_remembering(j, d, s);
    j->amnesiac = s->amnesiac;
    j->voted = false;
}

void desk_judge_stands(struct desk_judge *j, const struct desk *d,
                       const struct nika_replica_status *s)
{
    judge_amnesia(j, d, s);
    if (!s->active || s->view <= j->view) return;
    j->view = s->view;
    if (s->view % desk_config(d)->n == desk_self(d)) return; /* It made the NEW-VIEW itself. */
    for (uint32_t i = 0; i < j->count && i < DESK_VIEWS_MAX; i++) {
        if (j->shown[i] == s->view) return;
    }
    nika_target_fail("NV3: active in view %llu, for which no quorum was shown",
                     (unsigned long long)s->view);
}
