/* fuzz/targets/handler_ops.c: the operations of the handler target as bytes, and small steps over them (handler_ops.h). */
#include "fuzz/targets/handler_ops.h"

#include "engine/core/bytes.h"

struct handler_op handler_op_read(const uint8_t *b)
{
    return (struct handler_op){.kind = b[0] % OP_KINDS,
                               .sender = b[1],
                               .view = b[2],
                               .seq = b[3],
                               .digest = b[4],
                               .flags = b[5],
                               .count = b[6],
                               .extra = b[7],
                               .number = (uint32_t)nika_load_le(b + 8, 4)};
}

void handler_op_write(const struct handler_op *op, uint8_t *b)
{
    const uint8_t head[] = {op->kind,   op->sender, op->view,  op->seq,
                            op->digest, op->flags,  op->count, op->extra};
    memcpy(b, head, sizeof head);
    nika_store_le(b + sizeof head, op->number, 4);
}

const char *handler_kind_name(uint8_t kind)
{
    static const char *const names[OP_KINDS] = {
        "request",  "pre-prepare", "batch",       "prepare",  "commit", "order",
        "quorum",   "checkpoint",  "view-change", "new-view", "status", "fetch",
        "transfer", "commit-cert", "timer",       "time",     "settle", "raw",
        "damaged",  "ack",         "restart",     "echo"};
    return kind < OP_KINDS ? names[kind] : "?";
}

/* Mostly near where the replica stands: that is where its checks are. */
static void fresh(uint8_t *entry, struct nika_target_draw *draw)
{
    struct handler_op op = {
        .kind = (uint8_t)nika_target_draw(draw, OP_KINDS),
        .sender = (uint8_t)nika_target_draw(draw, 6),
        .view = (uint8_t)(nika_target_draw(draw, 4) == 0 ? nika_target_draw(draw, 6) : 0),
        .seq = (uint8_t)nika_target_draw(draw, 12),
        .digest = (uint8_t)nika_target_draw(draw, 6),
        .flags = (uint8_t)(nika_target_draw(draw, 3) == 0 ? nika_target_draw(draw, 256) : 0),
        .count = (uint8_t)nika_target_draw(draw, 6),
        .extra = (uint8_t)nika_target_draw(draw, 256),
        .number = nika_target_draw(draw, 256)};
    if (op.kind == OP_RESTART) op.count = (uint8_t)nika_target_draw(draw, RESTART_KINDS);
    handler_op_write(&op, entry);
}

static void alter(uint8_t *entry, struct nika_target_draw *draw)
{
    uint32_t at = nika_target_draw(draw, HANDLER_OP_SIZE);
    uint32_t how = nika_target_draw(draw, 4);
    if (how == 0) entry[at]++;
    if (how == 1) entry[at]--;
    if (how == 2) entry[at] = (uint8_t)nika_target_draw(draw, 8);
    if (how == 3) entry[at] = (uint8_t)nika_target_draw(draw, 256);
}

const struct nika_target_list handler_list = {
    .head = 1, .entry = HANDLER_OP_SIZE, .fresh = fresh, .alter = alter};

bool handler_leave_view(struct handler_player *p, bool enter_next)
{
    struct nika_replica_status s;
    desk_status(p->desk, &s);
    /* One that has left its view already is told where it goes. */
    uint64_t next = s.active ? s.view + 1 : s.view;
    for (uint8_t i = 0; i < desk_config(p->desk)->n; i++) {
        p->play(p, &(struct handler_op){.kind = OP_VIEW_CHANGE, .sender = i});
        desk_status(p->desk, &s);
        if (s.view == next && (s.active || !enter_next)) return true;
    }
    if (!enter_next) return false;
    p->play(p, &(struct handler_op){.kind = OP_NEW_VIEW});
    desk_status(p->desk, &s);
    return s.view == next && s.active;
}
