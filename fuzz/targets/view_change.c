/* fuzz/targets/view_change.c: view changes: VIEW-CHANGE, NEW-VIEW and what they nest, of PBFT and of Hybster, said to one replica.
 *
 * Input: head u8 | messages, each sender u8 | type u8 | size u16 | body. The head picks protocol, replica, start, and whether disk and application
 * answer at once. Every message is signed and certified from the inside outwards by whoever it names (sign.h), so what a check rejects it rejects
 * for what is said. Type 255 is no message: its body is a timer to fire. Judged as the handler targets are (desk.h). */
#include "fuzz/targets/fields.h"
#include "fuzz/targets/handler.h"
#include "fuzz/targets/sign.h"
#include "protocols/hybster/messages.h"
#include "protocols/pbft/messages.h"

#define SIZE_MAX_INPUT (32u * 1024u)
#define PART_HEAD 4u
#define TIMER 255u
#define SEED_MAX 4096u /* What fuzzers are told to make at most. */
#define HEAD_HYBSTER 1u
#define HEAD_SELF 2u
#define HEAD_START 4u /* Times 0..7. */
#define HEAD_HOLD 0x80u
#define MESSAGES_MAX 64u

static uint64_t last_digest;

static const struct nika_message_table *table_of(uint8_t head)
{
    return (head & HEAD_HYBSTER) != 0 ? &hybster_messages : &pbft_messages;
}

/* ---- Inputs as lists of messages ---- */
struct message {
    uint8_t sender, type;
    struct nika_span body;
};
static uint32_t split(struct nika_span input, struct message *out)
{
    struct nika_reader r = nika_reader_of(input);
    uint32_t count = 0;
    (void)nika_read_u8(&r);
    while (nika_reader_left(&r) >= PART_HEAD && count < MESSAGES_MAX) {
        struct message m = {.sender = nika_read_u8(&r), .type = nika_read_u8(&r)};
        uint32_t size = nika_read_u16(&r);
        if (size > nika_reader_left(&r)) size = nika_reader_left(&r);
        m.body = (struct nika_span){nika_read_raw(&r, size), size};
        out[count++] = m;
    }
    return count;
}

static uint32_t join(uint8_t head, const struct message *messages, uint32_t count, uint8_t *out,
                     uint32_t capacity)
{
    struct nika_writer w = nika_writer_of(out, capacity);
    nika_write_u8(&w, head);
    for (uint32_t i = 0; i < count; i++) {
        if (messages[i].body.size > UINT16_MAX ||
            messages[i].body.size + PART_HEAD > capacity - w.at)
            break;
        nika_write_u8(&w, messages[i].sender);
        nika_write_u8(&w, messages[i].type);
        nika_write_u16(&w, (uint16_t)messages[i].body.size);
        nika_write_raw(&w, messages[i].body.data, messages[i].body.size);
    }
    return w.at;
}

/* ---- Running ---- */
static struct handler_target handlers[2] = {{.protocol = "pbft", .play = handler_play_pbft},
                                            {.protocol = "hybster", .play = handler_play_hybster}};

static void report_state(struct desk *d, uint8_t head)
{
    struct nika_replica_status s;
    desk_status(d, &s);
    nika_target_state((s.view < 6 ? s.view : 6) | (uint64_t)s.active << 3 |
                      (uint64_t)(head & HEAD_HYBSTER) << 4 | (uint64_t)s.wait << 5 |
                      (uint64_t)(s.view_changes_held < 4 ? s.view_changes_held : 4) << 10 |
                      (s.last_committed < 6 ? s.last_committed : 6) << 13 |
                      (uint64_t)s.transferring << 16);
}

static void run(struct nika_span input)
{
    struct message messages[MESSAGES_MAX];
    if (input.size == 0) return;
    uint8_t head = input.data[0];
    uint32_t count = split(input, messages);
    struct desk *d = handler_started(&handlers[head & HEAD_HYBSTER], (head & HEAD_SELF) != 0,
                                     head / HEAD_START % HANDLER_STARTS);
    uint64_t delivered = 0;
    desk_reset(d);
    desk_hold(d, (head & HEAD_HOLD) != 0);
    for (uint32_t i = 0; i < count; i++) {
        const struct message *m = &messages[i];
        desk_forget(d);
        if (m->type == TIMER) {
            desk_pass(d, UINT64_C(1000000000));
            desk_fire(d, m->sender % NIKA_TIMERS_MAX);
            desk_settle(d);
        } else {
            struct nika_span frame = sign_message(d, table_of(head), m->sender, m->type, m->body);
            delivered = delivered * 3 + (frame.size > 0 && desk_deliver(d, frame) ? 1 : 2);
        }
        report_state(d, head);
    }
    desk_hold(d, false);
    desk_settle(d);
    last_digest = desk_digest(d) ^ delivered;
}

static uint64_t digest(void)
{
    return last_digest;
}

/* ---- Mutation: messages as in a list, and steps inside one along its table ---- */
static uint32_t alter(const struct nika_message_table *table, struct message *m, uint8_t *room,
                      struct nika_target_draw *draw)
{
    const struct nika_message_info *info = m->type < table->count ? table->messages[m->type] : NULL;
    if (info == NULL || nika_target_draw(draw, 12) == 0) {
        m->sender = (uint8_t)nika_target_draw(draw, 5);
        return 0;
    }
    if (m->body.size > 0) memcpy(room, m->body.data, m->body.size);
    uint32_t size = nika_fields_mutate(table, info, room, m->body.size, SIZE_MAX_INPUT, draw);
    if (size > 0) m->body = (struct nika_span){room, size};
    return size;
}

static uint32_t mutate(uint8_t *data, uint32_t size, uint32_t capacity, uint32_t seed)
{
    static uint8_t out[SIZE_MAX_INPUT], room[2][SIZE_MAX_INPUT];
    struct message messages[MESSAGES_MAX + 1], one;
    struct nika_target_draw draw = {seed};
    if (size == 0 || capacity > SIZE_MAX_INPUT) return size;
    uint32_t count = split((struct nika_span){data, size}, messages);
    uint8_t head = data[0];
    uint32_t steps = 1 + nika_target_draw(&draw, 2);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t at = count > 0 ? nika_target_draw(&draw, count) : 0;
        uint32_t how = count == 0 ? 1 : nika_target_draw(&draw, 12);
        uint32_t to = count > 0 ? nika_target_draw(&draw, count) : 0;
        if (how == 0) {
            head = (uint8_t)(head ^ (nika_target_draw(&draw, 4) == 0
                                         ? HEAD_HOLD
                                         : HEAD_SELF << nika_target_draw(&draw, 4)));
        } else if (how == 1 && count < MESSAGES_MAX) {
            messages[count++] = (struct message){
                .sender = (uint8_t)nika_target_draw(&draw, 8), .type = TIMER, .body = {data, 0}};
        } else if (how == 2) {
            memmove(&messages[at], &messages[at + 1], (count - at - 1) * sizeof messages[0]);
            count--;
        } else if (how == 3 && count < MESSAGES_MAX) {
            messages[count++] = messages[at];
        } else if (how == 4) {
            one = messages[at];
            messages[at] = messages[to];
            messages[to] = one;
        } else if (count > 0) {
            (void)alter(table_of(head), &messages[at], room[i], &draw);
        }
    }
    uint32_t made = join(head, messages, count, out, capacity);
    memcpy(data, out, made);
    return made;
}

/* The first messages of one and the last of the other, or one message with a part of another's. */
static uint32_t cross(struct nika_span a, struct nika_span b, uint8_t *out, uint32_t capacity,
                      uint32_t seed)
{
    static uint8_t room[SIZE_MAX_INPUT];
    struct message first[MESSAGES_MAX], second[MESSAGES_MAX];
    struct nika_target_draw draw = {seed};
    if (a.size == 0 || b.size == 0) return 0;
    uint32_t first_count = split(a, first), second_count = split(b, second);
    const struct nika_message_table *table = table_of(a.data[0]);
    if (first_count == 0 || second_count == 0 || table != table_of(b.data[0])) return 0;
    uint32_t at = nika_target_draw(&draw, first_count),
             from = nika_target_draw(&draw, second_count);
    const struct message *m = &first[at], *donor = &second[from];
    bool known = m->type < table->count && table->messages[m->type] != NULL &&
                 donor->type < table->count && table->messages[donor->type] != NULL;
    if (known && nika_target_draw(&draw, 2) == 0) {
        uint32_t size =
            nika_fields_cross(table, table->messages[m->type], m->body,
                              table->messages[donor->type], donor->body, room, sizeof room, &draw);
        if (size > 0) first[at].body = (struct nika_span){room, size};
        return join(a.data[0], first, first_count, out, capacity);
    }
    for (uint32_t i = from; i < second_count && at < MESSAGES_MAX; i++) first[at++] = second[i];
    return join(a.data[0], first, at, out, capacity);
}

/* ---- Seeds: what the players of the handler targets say when a view changes ---- */
struct taken {
    const struct nika_message_table *table;
    uint8_t bytes[SEED_MAX];
    struct nika_writer w;
};

static void take(void *context, struct nika_span bytes)
{
    struct taken *t = context;
    struct nika_frame frame;
    if (!nika_fields_frame(bytes, &frame) || nika_is_client(frame.sender)) return;
    if (frame.body.size + PART_HEAD > sizeof t->bytes - t->w.at) return;
    nika_write_u8(&t->w, (uint8_t)frame.sender);
    nika_write_u8(&t->w, frame.type);
    nika_write_u16(&t->w, (uint16_t)frame.body.size);
    nika_write_raw(&t->w, frame.body.data, frame.body.size);
}

static void story(struct handler_player *p, uint32_t kind)
{
    static const uint8_t certificates[] = {0, 1, 3};
    for (uint8_t view = 1; view < 4; view++) {
        for (uint8_t sender = 0; sender < 4; sender++) {
            struct handler_op change = {.kind = OP_VIEW_CHANGE,
                                        .sender = sender,
                                        .count = certificates[kind % 3],
                                        .digest = (uint8_t)kind,
                                        .number = view};
            p->play(p, &change);
        }
        if (kind >= 3) p->play(p, &(struct handler_op){.kind = OP_ACK, .sender = 2, .count = 1});
        struct handler_op next = {.kind = OP_NEW_VIEW,
                                  .count = certificates[kind % 3],
                                  .digest = (uint8_t)kind,
                                  .number = 4};
        p->play(p, &next);
        p->play(p, &(struct handler_op){.kind = OP_PRE_PREPARE, .digest = 1});
        p->play(p, &(struct handler_op){.kind = OP_CHECKPOINT, .seq = 3, .flags = 1});
    }
}

static void seeds(nika_target_seed *seed, void *context)
{
    static struct taken t;
    char name[48];
    for (uint32_t head = 0; head < HEAD_START * HANDLER_STARTS; head++) {
        for (uint32_t kind = 0; kind < 4; kind++) {
            struct handler_target *h = &handlers[head & HEAD_HYBSTER];
            struct handler_player p = {
                .desk = handler_started(h, (head & HEAD_SELF) != 0, head / HEAD_START),
                .play = h->play,
                .take = take,
                .take_context = &t};
            desk_reset(p.desk);
            t.w = nika_writer_of(t.bytes, sizeof t.bytes);
            nika_write_u8(&t.w, (uint8_t)head);
            story(&p, kind);
            snprintf(name, sizeof name, "%s-%u-%u", h->protocol, head, kind);
            seed(context, name, (struct nika_span){t.bytes, t.w.at});
        }
    }
}

static void show(struct nika_span input, FILE *out)
{
    struct message messages[MESSAGES_MAX];
    char text[512];
    if (input.size == 0) return;
    const struct nika_message_table *table = table_of(input.data[0]);
    uint32_t count = split(input, messages);
    fprintf(out, "%s, replica %u, start %u%s\n", table->protocol,
            (input.data[0] & HEAD_SELF) != 0 ? 1 : 0, input.data[0] / HEAD_START % HANDLER_STARTS,
            (input.data[0] & HEAD_HOLD) != 0 ? ", disk and application answer when told" : "");
    for (uint32_t i = 0; i < count; i++) {
        const struct message *m = &messages[i];
        const struct nika_message_info *info =
            m->type < table->count ? table->messages[m->type] : NULL;
        if (m->type == TIMER) {
            fprintf(out, "timer %u\n", m->sender % NIKA_TIMERS_MAX);
            continue;
        }
        text[0] = '\0';
        if (info != NULL) (void)nika_message_text(info, m->body, text, sizeof text);
        fprintf(out, "%u: %s %s\n", m->sender, info != NULL ? info->name : "?", text);
    }
}

static void dictionary(FILE *out)
{
    nika_fields_dictionary(&pbft_messages, out);
}

const struct nika_target nika_target_view_change = {
    .name = "view-change",
    .doc = "VIEW-CHANGE, NEW-VIEW and all that they nest, of PBFT and Hybster, signed anew, to one "
           "replica.",
    .size_max = SIZE_MAX_INPUT,
    .run = run,
    .mutate = mutate,
    .cross = cross,
    .seeds = seeds,
    .dictionary = dictionary,
    .show = show,
    .digest = digest,
};
