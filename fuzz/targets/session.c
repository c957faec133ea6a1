/* fuzz/targets/session.c: a session under a hostile network and a hostile peer (engine/shim/session.h, PROTOCOLS.md 5).
 *
 * Input: head u8 | operations of six bytes: kind u8, a u8, size u16, at u16. Two nodes shake hands and exchange records by the real code; the
 * operations carry their bytes in pieces, damage, repeat, drop or invent them, and say what the peer seals. Whatever happens: the node under
 * test delivers the very frames that its authenticated peer sealed, in order, or ends for good; it opens only to a hand-shake that nobody
 * touched; and it holds no more memory than what it received explains. */
#include "engine/shim/session.h"
#include "engine/core/bytes.h"
#include "fuzz/targets/target.h"

#include <stdlib.h>

#define OP_SIZE 6u
#define OPS_MAX 48u
#define FRAME_MAX 3000u
#define CLIENT_FRAME_MAX 200u
#define STREAM_MAX (256u * 1024u)
#define PIECE_MAX 4096u
#define NODES 3u
#define HEAD_CALLS 1u  /* The node under test is the initiator. */
#define HEAD_CLIENT 2u /* The peer is a client, which may send less. */

enum {
    OP_CARRY,
    OP_ANSWER,
    OP_RECORD,
    OP_LIE,
    OP_RAW,
    OP_AGAIN,
    OP_DROP,
    OP_SEAL,
    OP_FINISH,
    OP_KINDS
};
struct op {
    uint8_t kind, a;
    uint16_t size, at;
};

/* The node under test, its peer, and an account of what must come of it. */
struct account {
    struct nika_session *tested, *peer;
    enum nika_session_end end;
    bool clean;  /* All bytes so far came as they were sent. */
    bool shaken; /* So did those of the hand-shake. */
    uint32_t sealed, delivered, received;
    size_t base;
    uint8_t last[PIECE_MAX + NIKA_SESSION_RECORD_OVERHEAD];
    uint32_t last_size;
    uint8_t late[PIECE_MAX]; /* Inside the last record, when the network kept it back. */
    uint32_t late_size;
    uint64_t digest;
};
static struct nika_key secret[NODES], public_key[NODES];
static uint8_t stream[STREAM_MAX]; /* What the peer sealed and the network let through. */
static uint64_t last_digest;

static const struct nika_key *identity_of(void *context, uint32_t node)
{
    (void)context;
    if (nika_is_client(node)) return nika_client_index(node) == 0 ? &public_key[2] : NULL;
    return node < 2 ? &public_key[node] : NULL;
}

static uint32_t frame_size_max(void *context, uint32_t node)
{
    (void)context;
    return nika_is_client(node) ? CLIENT_FRAME_MAX : FRAME_MAX;
}

static bool on_frame(void *context, struct nika_span frame)
{
    struct account *a = context;
    uint32_t max = frame_size_max(NULL, nika_session_peer(a->tested));
    NIKA_TARGET_CHECK(frame.size <= max, "a frame of %u bytes, at most %u", frame.size, max);
    NIKA_TARGET_CHECK(frame.size <= a->sealed - a->delivered &&
                          memcmp(stream + a->delivered, frame.data, frame.size) == 0,
                      "a frame of %u bytes that the peer did not send there", frame.size);
    a->delivered += frame.size;
    return true;
}

static bool ignore_frame(void *context, struct nika_span frame)
{
    (void)context, (void)frame;
    return true;
}

static struct nika_session *make(struct account *a, uint32_t self, uint32_t peer, bool calls,
                                 bool tested)
{
    uint32_t index = nika_is_client(self) ? 2 : self;
    struct nika_session_options o = {.initiator = calls,
                                     .self = self,
                                     .peer = peer,
                                     .identity = &secret[index],
                                     .identity_of = identity_of,
                                     .frame_size_max = frame_size_max,
                                     .on_frame = tested ? on_frame : ignore_frame,
                                     .context = a};
    memset(o.group.bytes, 0x11, sizeof o.group.bytes);
    memset(o.ephemeral.bytes, (int)(0x20 + index), sizeof o.ephemeral.bytes);
    memset(o.nonce.bytes, (int)(0x40 + index), sizeof o.nonce.bytes);
    struct nika_session *s = nika_session_new(&o);
    NIKA_TARGET_CHECK(s != NULL, "out of memory");
    return s;
}

/* ---- Giving bytes to the node under test ---- */
static void give(struct account *a, uint8_t *bytes, uint32_t size, bool honest)
{
    bool ended = a->end != NIKA_SESSION_GOING_ON, open = nika_session_is_open(a->tested);
    uint32_t delivered = a->delivered;
    if (size == 0) return;
    if (!honest) a->clean = false;
    if (!honest && !open) a->shaken = false;
    a->received += size;
    enum nika_session_end end = nika_session_receive(a->tested, bytes, size);
    NIKA_TARGET_CHECK(!ended || (end == a->end && a->delivered == delivered),
                      "it went on after it had ended: %s", nika_session_end_text(a->end));
    a->end = end;
    NIKA_TARGET_CHECK(!nika_session_is_open(a->tested) || a->shaken,
                      "open after a hand-shake that was touched");
    size_t memory = nika_session_memory(a->tested);
    NIKA_TARGET_CHECK(memory <= a->base + 8192u + 4u * (size_t)a->received,
                      "%zu bytes held after %u received", memory, a->received);
    a->digest = a->digest * 31 + (uint64_t)end * 7 + a->delivered;
    nika_target_state((uint64_t)end | (uint64_t)nika_session_is_open(a->tested) << 8 |
                      (uint64_t)nika_session_is_confirmed(a->tested) << 9 |
                      (uint64_t)(a->delivered > 0) << 10);
}

static void in_pieces(struct account *a, uint8_t *bytes, uint32_t size, const struct op *op)
{
    uint32_t step = op->a == 0 ? size : op->a;
    for (uint32_t at = 0; at < size; at += step)
        give(a, bytes + at, size - at < step ? size - at : step, true);
}

static void carry(struct account *a, const struct op *op)
{
    uint8_t bytes[512];
    struct nika_span out = nika_session_output(a->peer);
    uint32_t size = out.size < sizeof bytes ? out.size : sizeof bytes;
    if (size == 0) return;
    memcpy(bytes, out.data, size);
    nika_session_sent(a->peer, size);
    if (op->size != 0) {
        bytes[op->at % size] ^= (uint8_t)op->size;
        give(a, bytes, size, (op->size & 0xff) == 0);
        return;
    }
    in_pieces(a, bytes, size, op);
}

static void answer(struct account *a, const struct op *op)
{
    uint8_t bytes[512];
    struct nika_span out = nika_session_output(a->tested);
    uint32_t size = out.size < sizeof bytes ? out.size : sizeof bytes;
    if (size == 0) return;
    memcpy(bytes, out.data, size);
    nika_session_sent(a->tested, size);
    if (op->a != 0) {
        bytes[op->at % size] ^= op->a;
        a->shaken = a->shaken && nika_session_is_open(a->tested);
    }
    (void)nika_session_receive(a->peer, bytes, size);
}

/* ---- What the peer seals ---- */
/* Frames of `size` bytes, the last one cut off when the record is full. */
static uint32_t frames_of(const struct op *op, uint8_t *out, uint32_t capacity)
{
    uint32_t size = 5u + op->size % 512u, count = 1u + op->a % 8u, at = 0;
    for (uint32_t i = 0; i < count && at + size <= capacity; i++) {
        nika_store_le(out + at, size - 4, 4);
        memset(out + at + 4, (int)(op->at + i), size - 4);
        at += size;
    }
    return at;
}

static void record(struct account *a, const struct op *op, bool lie)
{
    uint8_t *bytes = a->last, *plain = bytes + NIKA_SESSION_RECORD_HEAD;
    if (!nika_session_is_open(a->peer)) return;
    uint32_t size = frames_of(op, plain, PIECE_MAX);
    if (lie) { /* Any bytes as the stream: sizes that no frame may have, frames that never end. */
        size = op->size % PIECE_MAX;
        memset(plain, op->a, size);
        if (size >= 4 && op->at != 0) nika_store_le(plain, op->at, 4);
    }
    if (size > STREAM_MAX - a->sealed) return;
    memcpy(stream + a->sealed, plain, size);
    a->sealed += size;
    a->late_size = 0;
    a->last_size = nika_session_seal(a->peer, bytes, size);
    uint8_t copy[sizeof a->last];
    memcpy(copy, bytes, a->last_size);
    give(a, copy, a->last_size, true);
}

static void altered(struct account *a, const struct op *op)
{
    uint8_t copy[sizeof a->last];
    if (a->last_size == 0) return;
    if (a->late_size > 0 &&
        a->late_size <= STREAM_MAX - a->sealed) { /* Late, and still the next one. */
        memcpy(stream + a->sealed, a->late, a->late_size);
        a->sealed += a->late_size;
    }
    a->late_size = 0;
    memcpy(copy, a->last, a->last_size);
    if (op->a != 0) copy[op->at % a->last_size] ^= op->a;
    give(a, copy, a->last_size, false);
}

/* A record that does not arrive, or late: nothing behind it may arrive before. */
static void drop(struct account *a, const struct op *op)
{
    if (!nika_session_is_open(a->peer)) return;
    uint32_t size = frames_of(op, a->last + NIKA_SESSION_RECORD_HEAD, PIECE_MAX);
    memcpy(a->late, a->last + NIKA_SESSION_RECORD_HEAD, size);
    a->late_size = size;
    a->last_size = nika_session_seal(a->peer, a->last, size);
    a->clean = false;
}

static void raw(struct account *a, const struct op *op)
{
    uint8_t bytes[PIECE_MAX];
    uint32_t size = op->size % PIECE_MAX;
    memset(bytes, op->a, sizeof bytes);
    if (op->at != 0) nika_store_le(bytes, op->at, 4);
    give(a, bytes, size, false);
}

static void seal(struct account *a, const struct op *op)
{
    uint8_t bytes[PIECE_MAX + NIKA_SESSION_RECORD_OVERHEAD];
    if (!nika_session_is_open(a->tested)) return;
    uint32_t size = frames_of(op, bytes + NIKA_SESSION_RECORD_HEAD, PIECE_MAX);
    size = nika_session_seal(a->tested, bytes, size);
    enum nika_session_end end = nika_session_receive(a->peer, bytes, size);
    NIKA_TARGET_CHECK(end == NIKA_SESSION_GOING_ON || !a->clean || !nika_session_is_open(a->peer),
                      "the peer refuses what was sealed for it: %s", nika_session_end_text(end));
}

static void play(struct account *a, const struct op *op)
{
    switch (op->kind % OP_KINDS) {
    case OP_CARRY:
        carry(a, op);
        return;
    case OP_ANSWER:
        answer(a, op);
        return;
    case OP_RECORD:
    case OP_LIE:
        record(a, op, op->kind % OP_KINDS == OP_LIE);
        return;
    case OP_RAW:
        raw(a, op);
        return;
    case OP_AGAIN:
        altered(a, op);
        return;
    case OP_DROP:
        drop(a, op);
        return;
    case OP_SEAL:
        seal(a, op);
        return;
    default: {
        enum nika_session_end end = nika_session_finish(a->tested);
        NIKA_TARGET_CHECK(end == NIKA_SESSION_GOING_ON || a->end == NIKA_SESSION_GOING_ON ||
                              end == a->end,
                          "it ends for another reason than it ended");
    }
    }
}

static void run(struct nika_span input)
{
    static bool made;
    if (input.size == 0) return;
    for (uint32_t i = 0; !made && i < NODES; i++) {
        memset(secret[i].bytes, (int)(i + 1), sizeof secret[i].bytes);
        nika_identity_public(&secret[i], &public_key[i]);
    }
    made = true;
    bool calls = (input.data[0] & HEAD_CALLS) != 0;
    uint32_t peer = (input.data[0] & HEAD_CLIENT) != 0 && !calls ? nika_client_node(0) : 1;
    struct account *a = calloc(1, sizeof *a);
    NIKA_TARGET_CHECK(a != NULL, "out of memory");
    a->clean = a->shaken = true;
    a->tested = make(a, 0, calls ? peer : NIKA_NODE_NONE, calls, true);
    a->peer = make(a, peer, calls ? NIKA_NODE_NONE : 0, !calls, false);
    a->base = nika_session_memory(a->tested);
    for (uint32_t at = 1; at + OP_SIZE <= input.size; at += OP_SIZE) {
        const uint8_t *b = input.data + at;
        struct op op = {b[0], b[1], (uint16_t)nika_load_le(b + 2, 2),
                        (uint16_t)nika_load_le(b + 4, 2)};
        play(a, &op);
    }
    last_digest = a->digest;
    nika_session_free(a->tested);
    nika_session_free(a->peer);
    free(a);
}

static uint64_t digest(void)
{
    return last_digest;
}

static void fresh(uint8_t *entry, struct nika_target_draw *draw)
{
    entry[0] = (uint8_t)nika_target_draw(draw, OP_KINDS);
    entry[1] = (uint8_t)(nika_target_draw(draw, 2) == 0 ? 0 : nika_target_draw(draw, 256));
    nika_store_le(entry + 2, nika_target_draw(draw, 2) == 0 ? 0 : nika_target_draw(draw, 1024), 2);
    nika_store_le(entry + 4, nika_target_draw(draw, 256), 2);
}

static void alter(uint8_t *entry, struct nika_target_draw *draw)
{
    entry[nika_target_draw(draw, OP_SIZE)] = (uint8_t)nika_target_draw(draw, 256);
}

static const struct nika_target_list list = {
    .head = 1, .entry = OP_SIZE, .fresh = fresh, .alter = alter};

static void seeds(nika_target_seed *seed, void *context)
{
    static const uint8_t story[][OP_SIZE] = {{OP_CARRY},         {OP_ANSWER},     {OP_CARRY, 7},
                                             {OP_RECORD, 2, 40}, {OP_SEAL, 1, 9}, {OP_RECORD},
                                             {OP_LIE, 0, 100},   {OP_FINISH}};
    static const uint8_t attack[][OP_SIZE] = {{OP_CARRY},        {OP_ANSWER}, {OP_CARRY},
                                              {OP_RECORD, 1, 9}, {OP_AGAIN},  {OP_DROP, 1},
                                              {OP_RECORD, 3, 7}, {OP_FINISH}};
    static const uint8_t wrong[][OP_SIZE] = {
        {OP_CARRY, 0, 1, 0, 20}, {OP_RAW, 78, 60}, {OP_ANSWER}};
    static const struct {
        const char *name;
        const uint8_t *ops;
        uint32_t size;
    } stories[] = {{"story", story[0], sizeof story},
                   {"attack", attack[0], sizeof attack},
                   {"wrong", wrong[0], sizeof wrong}};
    uint8_t bytes[1 + OPS_MAX * OP_SIZE];
    char name[32];
    for (uint32_t i = 0; i < ARRAY_COUNT(stories); i++) {
        for (uint8_t head = 0; head < 3; head++) {
            bytes[0] = head;
            memcpy(bytes + 1, stories[i].ops, stories[i].size);
            snprintf(name, sizeof name, "%s-%u", stories[i].name, head);
            seed(context, name, (struct nika_span){bytes, stories[i].size + 1});
        }
    }
}

const struct nika_target nika_target_session = {
    .name = "session",
    .doc = "Hand-shake and records under a hostile network and peer: the frames that were sent, in "
           "order, or an end.",
    .size_max = 1 + OPS_MAX * OP_SIZE,
    .run = run,
    .list = &list,
    .seeds = seeds,
    .digest = digest,
};
