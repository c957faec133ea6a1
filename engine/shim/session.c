/* engine/shim/session.c: hand-shake and records; see session.h. */
#include "engine/shim/session.h"

#include "engine/core/assert.h"
#include "engine/core/bytes.h"
#include "engine/core/digest.h"

#include <stdlib.h>

#define SIGNATURE NIKA_IDENTITY_SIGNATURE_SIZE
#define ANSWER_SIZE (NIKA_SESSION_HELLO_SIZE + SIGNATURE)
/* Far below what AES-GCM allows for one key, far above what one connection lives to see. */
#define RECORDS_MAX (UINT64_C(1) << 40)
#define FRAME_LENGTH_SIZE 4u
#define BUFFER_STEP 4096u
#define DOMAIN "nika-session-v1"

enum phase {
    AWAIT_HELLO,  /* Responder. */
    AWAIT_ANSWER, /* Initiator. */
    AWAIT_PROOF,  /* Responder. */
    OPEN,
    ENDED,
};

/* Bytes of one thing that has arrived in part; grows with what arrives, never with what is announced. */
struct part {
    uint8_t *data;
    uint32_t size, capacity;
};

struct nika_session {
    struct nika_session_options options;
    enum phase phase;
    enum nika_session_end end;
    uint32_t peer;
    uint32_t frame_size_max;
    bool confirmed;
    uint8_t hello[NIKA_SESSION_HELLO_SIZE]; /* Own. */
    struct nika_digest transcript;
    struct nika_key shared;
    uint8_t output[ANSWER_SIZE];
    uint32_t output_at, output_size;
    struct nika_sealer *sealer, *opener;
    uint64_t sealed, opened;
    struct part raw;   /* A hand-shake message or record. */
    struct part frame; /* A frame that spans records. */
};

static const char *const end_texts[NIKA_SESSION_END_COUNT] = {
    [NIKA_SESSION_GOING_ON] = "open",
    [NIKA_SESSION_BAD_MAGIC] = "not the session protocol",
    [NIKA_SESSION_BAD_VERSION] = "another version of the session protocol",
    [NIKA_SESSION_OTHER_GROUP] = "another cluster's group id",
    [NIKA_SESSION_NOT_FOR_US] = "addressed to another node",
    [NIKA_SESSION_UNKNOWN_NODE] = "a node that is not in the cluster file",
    [NIKA_SESSION_OUR_ID] = "a peer with our own id",
    [NIKA_SESSION_OTHER_NODE] = "another node answered than was called",
    [NIKA_SESSION_BAD_KEY] = "ephemeral key of low order",
    [NIKA_SESSION_BAD_SIGNATURE] = "signature of the hand-shake is wrong",
    [NIKA_SESSION_BAD_RECORD_SIZE] = "record beyond the limit",
    [NIKA_SESSION_BAD_RECORD] = "record altered, replayed or out of order",
    [NIKA_SESSION_BAD_FRAME_SIZE] = "frame beyond the limit",
    [NIKA_SESSION_TRUNCATED] = "ended in the middle of a message",
    [NIKA_SESSION_WORN_OUT] = "key used up",
    [NIKA_SESSION_NO_MEMORY] = "out of memory",
    [NIKA_SESSION_REFUSED] = "frame refused",
};

const char *nika_session_end_text(enum nika_session_end end)
{
    return (size_t)end < NIKA_SESSION_END_COUNT ? end_texts[end] : "unknown";
}

/* ---- buffers ---- */
static bool part_add(struct part *part, const uint8_t *data, uint32_t size)
{
    if (size > part->capacity - part->size) {
        uint32_t wanted = part->size + size;
        uint32_t capacity = part->capacity < BUFFER_STEP ? BUFFER_STEP : part->capacity * 2;
        if (capacity < wanted) capacity = wanted;
        uint8_t *grown = realloc(part->data, capacity);
        if (grown == NULL) return false;
        part->data = grown;
        part->capacity = capacity;
    }
    if (size > 0) memcpy(part->data + part->size, data, size);
    part->size += size;
    return true;
}

static void part_drop(struct part *part)
{
    free(part->data);
    *part = (struct part){0};
}

/* ---- set-up ---- */
static void write_hello(struct nika_session *s, uint32_t to)
{
    struct nika_key public_key;
    struct nika_writer w = nika_writer_of(s->hello, sizeof s->hello);
    nika_exchange_public(&s->options.ephemeral, &public_key);
    nika_write_u32(&w, NIKA_SESSION_MAGIC);
    nika_write_u16(&w, NIKA_SESSION_VERSION);
    nika_write_u32(&w, s->options.self);
    nika_write_u32(&w, to);
    nika_write_digest(&w, &s->options.group);
    nika_write_raw(&w, s->options.nonce.bytes, NIKA_KEY_SIZE);
    nika_write_raw(&w, public_key.bytes, NIKA_KEY_SIZE);
    NIKA_ASSERT(!w.failed);
    NIKA_ASSERT(w.at == sizeof s->hello);
}

static void put_output(struct nika_session *s, const void *data, uint32_t size)
{
    NIKA_ASSERT(size <= sizeof s->output - s->output_size);
    memcpy(s->output + s->output_size, data, size);
    s->output_size += size;
}

struct nika_session *nika_session_new(const struct nika_session_options *options)
{
    struct nika_session *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->options = *options;
    s->peer = NIKA_NODE_NONE;
    if (!options->initiator) return s;
    NIKA_ASSERT(options->peer != options->self);
    s->phase = AWAIT_ANSWER;
    s->peer = options->peer;
    write_hello(s, options->peer);
    put_output(s, s->hello, sizeof s->hello);
    return s;
}

void nika_session_free(struct nika_session *s)
{
    if (s == NULL) return;
    nika_sealer_free(s->sealer);
    nika_sealer_free(s->opener);
    part_drop(&s->raw);
    part_drop(&s->frame);
    nika_key_erase(s, sizeof *s);
    free(s);
}

/* ---- hand-shake ---- */
struct hello {
    uint32_t magic, node, to;
    uint16_t version;
    struct nika_digest group;
    struct nika_key ephemeral;
};

static struct hello read_hello(const uint8_t *bytes)
{
    struct hello h;
    struct nika_reader r = nika_reader_of((struct nika_span){bytes, NIKA_SESSION_HELLO_SIZE});
    memset(&h, 0, sizeof h);
    h.magic = nika_read_u32(&r);
    h.version = nika_read_u16(&r);
    h.node = nika_read_u32(&r);
    h.to = nika_read_u32(&r);
    h.group = nika_read_digest(&r);
    (void)nika_read_raw(&r, NIKA_KEY_SIZE);
    memcpy(h.ephemeral.bytes, nika_read_raw(&r, NIKA_KEY_SIZE), NIKA_KEY_SIZE);
    NIKA_ASSERT(nika_reader_done(&r));
    return h;
}

/* Everything about a HELLO that can be judged without cryptography. */
static enum nika_session_end check_hello(const struct nika_session *s, const struct hello *h)
{
    if (h->magic != NIKA_SESSION_MAGIC) return NIKA_SESSION_BAD_MAGIC;
    if (h->version != NIKA_SESSION_VERSION) return NIKA_SESSION_BAD_VERSION;
    if (!nika_digest_equal(&h->group, &s->options.group)) return NIKA_SESSION_OTHER_GROUP;
    if (h->node == s->options.self) return NIKA_SESSION_OUR_ID;
    if (h->to != s->options.self) return NIKA_SESSION_NOT_FOR_US;
    if (s->options.initiator && h->node != s->options.peer) return NIKA_SESSION_OTHER_NODE;
    if (s->options.identity_of(s->options.context, h->node) == NULL)
        return NIKA_SESSION_UNKNOWN_NODE;
    return NIKA_SESSION_GOING_ON;
}

/* The hash that both sides sign: the initiator's HELLO, then the responder's. */
static void set_transcript(struct nika_session *s, const uint8_t *other)
{
    const uint8_t *first = s->options.initiator ? s->hello : other;
    const uint8_t *second = s->options.initiator ? other : s->hello;
    const struct nika_span parts[] = {{(const uint8_t *)DOMAIN, sizeof DOMAIN - 1},
                                      {first, NIKA_SESSION_HELLO_SIZE},
                                      {second, NIKA_SESSION_HELLO_SIZE}};
    nika_sha256(parts, ARRAY_COUNT(parts), &s->transcript);
}

/* What the side in this role signs. */
static void signed_text(const struct nika_session *s, bool initiator, uint8_t out[64])
{
    static const char roles[2][33] = {DOMAIN " responder       ", DOMAIN " initiator       "};
    memcpy(out, roles[initiator ? 1 : 0], 32);
    memcpy(out + 32, s->transcript.bytes, NIKA_DIGEST_SIZE);
}

static void sign(const struct nika_session *s, uint8_t signature[SIGNATURE])
{
    uint8_t text[64];
    signed_text(s, s->options.initiator, text);
    nika_identity_sign(s->options.identity, (struct nika_span){text, sizeof text}, signature);
}

static bool verify(const struct nika_session *s, const uint8_t *signature)
{
    uint8_t text[64];
    const struct nika_key *key = s->options.identity_of(s->options.context, s->peer);
    signed_text(s, !s->options.initiator, text);
    return key != NULL &&
           nika_identity_verify(key, (struct nika_span){text, sizeof text}, signature);
}

static enum nika_session_end open_records(struct nika_session *s)
{
    static const char *const labels[2] = {DOMAIN " responder to initiator",
                                          DOMAIN " initiator to responder"};
    struct nika_key key;
    nika_key_derive(&s->shared, &s->transcript, labels[s->options.initiator ? 1 : 0], &key);
    s->sealer = nika_sealer_new(&key, true);
    nika_key_derive(&s->shared, &s->transcript, labels[s->options.initiator ? 0 : 1], &key);
    s->opener = nika_sealer_new(&key, false);
    nika_key_erase(&key, sizeof key);
    nika_key_erase(&s->shared, sizeof s->shared);
    nika_key_erase(&s->options.ephemeral, sizeof s->options.ephemeral);
    if (s->sealer == NULL || s->opener == NULL) return NIKA_SESSION_NO_MEMORY;
    s->frame_size_max = s->options.frame_size_max(s->options.context, s->peer);
    s->phase = OPEN;
    return NIKA_SESSION_GOING_ON;
}

static enum nika_session_end on_hello(struct nika_session *s, const uint8_t *bytes)
{
    uint8_t signature[SIGNATURE];
    struct hello h = read_hello(bytes);
    enum nika_session_end end = check_hello(s, &h);
    if (end != NIKA_SESSION_GOING_ON) return end;
    if (!nika_exchange_shared(&s->options.ephemeral, &h.ephemeral, &s->shared))
        return NIKA_SESSION_BAD_KEY;
    s->peer = h.node;
    write_hello(s, h.node);
    set_transcript(s, bytes);
    sign(s, signature);
    put_output(s, s->hello, sizeof s->hello);
    put_output(s, signature, sizeof signature);
    s->phase = AWAIT_PROOF;
    return NIKA_SESSION_GOING_ON;
}

static enum nika_session_end on_answer(struct nika_session *s, const uint8_t *bytes)
{
    uint8_t signature[SIGNATURE];
    struct hello h = read_hello(bytes);
    enum nika_session_end end = check_hello(s, &h);
    if (end != NIKA_SESSION_GOING_ON) return end;
    set_transcript(s, bytes);
    if (!verify(s, bytes + NIKA_SESSION_HELLO_SIZE)) return NIKA_SESSION_BAD_SIGNATURE;
    if (!nika_exchange_shared(&s->options.ephemeral, &h.ephemeral, &s->shared))
        return NIKA_SESSION_BAD_KEY;
    sign(s, signature);
    put_output(s, signature, sizeof signature);
    return open_records(s);
}

static enum nika_session_end on_proof(struct nika_session *s, const uint8_t *bytes)
{
    if (!verify(s, bytes)) return NIKA_SESSION_BAD_SIGNATURE;
    return open_records(s);
}

/* ---- records and frames ---- */
static enum nika_session_end give_frame(struct nika_session *s, const uint8_t *data, uint32_t size)
{
    bool good = s->options.on_frame(s->options.context, (struct nika_span){data, size});
    return good ? NIKA_SESSION_GOING_ON : NIKA_SESSION_REFUSED;
}

/* How long the frame is whose length field stands at `data`; 0 when that is beyond the limit. */
static uint32_t frame_size(const struct nika_session *s, const uint8_t *data)
{
    uint64_t size = nika_load_le(data, FRAME_LENGTH_SIZE) + FRAME_LENGTH_SIZE;
    return size <= s->frame_size_max ? (uint32_t)size : 0;
}

/* Continue the frame that spans records; *at moves past what it took. */
static enum nika_session_end continue_frame(struct nika_session *s, const uint8_t *data,
                                            uint32_t size, uint32_t *at)
{
    struct part *frame = &s->frame;
    uint32_t wanted = FRAME_LENGTH_SIZE;
    if (frame->size >= FRAME_LENGTH_SIZE) wanted = frame_size(s, frame->data);
    while (true) {
        uint32_t left = size - *at, need = wanted - frame->size;
        uint32_t take = left < need ? left : need;
        if (!part_add(frame, data + *at, take)) return NIKA_SESSION_NO_MEMORY;
        *at += take;
        if (frame->size < wanted) return NIKA_SESSION_GOING_ON;
        if (wanted != FRAME_LENGTH_SIZE) break;
        wanted = frame_size(s, frame->data);
        if (wanted <= FRAME_LENGTH_SIZE) return NIKA_SESSION_BAD_FRAME_SIZE;
    }
    enum nika_session_end end = give_frame(s, frame->data, frame->size);
    part_drop(frame);
    return end;
}

static enum nika_session_end on_plain(struct nika_session *s, const uint8_t *data, uint32_t size)
{
    enum nika_session_end end = NIKA_SESSION_GOING_ON;
    uint32_t at = 0;
    while (at < size && end == NIKA_SESSION_GOING_ON) {
        if (s->frame.size > 0 || size - at < FRAME_LENGTH_SIZE) {
            end = continue_frame(s, data, size, &at);
            continue;
        }
        uint32_t wanted = frame_size(s, data + at);
        if (wanted <= FRAME_LENGTH_SIZE) return NIKA_SESSION_BAD_FRAME_SIZE;
        if (wanted > size - at) {
            end = continue_frame(s, data, size, &at);
            continue;
        }
        end = give_frame(s, data + at, wanted);
        at += wanted;
    }
    return end;
}

static enum nika_session_end on_record(struct nika_session *s, uint8_t *bytes, uint32_t size)
{
    struct nika_span head = {bytes, NIKA_SESSION_RECORD_HEAD};
    struct nika_span sealed = {bytes + NIKA_SESSION_RECORD_HEAD, size - NIKA_SESSION_RECORD_HEAD};
    if (s->opened >= RECORDS_MAX) return NIKA_SESSION_WORN_OUT;
    if (!nika_unseal(s->opener, s->opened, head, sealed, bytes + NIKA_SESSION_RECORD_HEAD))
        return NIKA_SESSION_BAD_RECORD;
    s->opened++;
    s->confirmed = true;
    return on_plain(s, bytes + NIKA_SESSION_RECORD_HEAD, sealed.size - NIKA_SEAL_TAG_SIZE);
}

/* ---- the stream ---- */
/* Bytes of the message that begins at `data`, of which `size` (>= 1) are there; 0 = beyond the limit. While the size of a record is not
 * known yet, that of its head. */
static uint32_t message_size(const struct nika_session *s, const uint8_t *data, uint32_t size)
{
    switch (s->phase) {
    case AWAIT_HELLO:
        return NIKA_SESSION_HELLO_SIZE;
    case AWAIT_ANSWER:
        return ANSWER_SIZE;
    case AWAIT_PROOF:
        return SIGNATURE;
    case OPEN: {
        if (size < NIKA_SESSION_RECORD_HEAD) return NIKA_SESSION_RECORD_HEAD;
        uint64_t plain = nika_load_le(data, NIKA_SESSION_RECORD_HEAD);
        if (plain > NIKA_SESSION_RECORD_MAX) return 0;
        return (uint32_t)plain + NIKA_SESSION_RECORD_OVERHEAD;
    }
    case ENDED:
        break;
    }
    return 0;
}

static enum nika_session_end on_message(struct nika_session *s, uint8_t *bytes, uint32_t size)
{
    switch (s->phase) {
    case AWAIT_HELLO:
        return on_hello(s, bytes);
    case AWAIT_ANSWER:
        return on_answer(s, bytes);
    case AWAIT_PROOF:
        return on_proof(s, bytes);
    case OPEN:
        return on_record(s, bytes, size);
    case ENDED:
        break;
    }
    return s->end;
}

/* A stranger is known by its first bytes: it need not send a whole HELLO to be turned away. */
static enum nika_session_end check_start(const struct nika_session *s, const uint8_t *data,
                                         uint32_t size)
{
    if (s->phase != AWAIT_HELLO && s->phase != AWAIT_ANSWER) return NIKA_SESSION_GOING_ON;
    if (size >= 4 && nika_load_le(data, 4) != NIKA_SESSION_MAGIC) return NIKA_SESSION_BAD_MAGIC;
    if (size >= 6 && nika_load_le(data + 4, 2) != NIKA_SESSION_VERSION)
        return NIKA_SESSION_BAD_VERSION;
    return NIKA_SESSION_GOING_ON;
}

/* Take one message out of `data`, or keep what there is of it; *at moves on. */
static enum nika_session_end take_message(struct nika_session *s, uint8_t *data, uint32_t size,
                                          uint32_t *at)
{
    struct part *raw = &s->raw;
    if (raw->size == 0) {
        uint8_t *here = data + *at;
        uint32_t wanted = message_size(s, here, size - *at);
        if (wanted == 0) return NIKA_SESSION_BAD_RECORD_SIZE;
        if (wanted <= size - *at && wanted > NIKA_SESSION_RECORD_HEAD) {
            *at += wanted;
            return on_message(s, here, wanted);
        }
    }
    /* Byte counts, not contents, decide how much is taken; the head of a record first. */
    uint32_t wanted = message_size(s, raw->data, raw->size);
    if (wanted == 0) return NIKA_SESSION_BAD_RECORD_SIZE;
    uint32_t take = wanted - raw->size < size - *at ? wanted - raw->size : size - *at;
    if (!part_add(raw, data + *at, take)) return NIKA_SESSION_NO_MEMORY;
    *at += take;
    enum nika_session_end end = check_start(s, raw->data, raw->size);
    if (end != NIKA_SESSION_GOING_ON || raw->size < wanted) return end;
    if (s->phase == OPEN && raw->size == NIKA_SESSION_RECORD_HEAD) {
        bool bounded = message_size(s, raw->data, raw->size) != 0;
        return bounded ? end : NIKA_SESSION_BAD_RECORD_SIZE;
    }
    struct part whole = *raw;
    *raw = (struct part){0};
    end = on_message(s, whole.data, whole.size);
    part_drop(&whole);
    return end;
}

enum nika_session_end nika_session_receive(struct nika_session *s, uint8_t *data, uint32_t size)
{
    uint32_t at = 0;
    if (s->phase == ENDED) return s->end;
    while (at < size && s->end == NIKA_SESSION_GOING_ON) s->end = take_message(s, data, size, &at);
    if (s->end != NIKA_SESSION_GOING_ON) s->phase = ENDED;
    return s->end;
}

enum nika_session_end nika_session_finish(const struct nika_session *s)
{
    if (s->end != NIKA_SESSION_GOING_ON) return s->end;
    bool boundary = s->phase == OPEN && s->raw.size == 0 && s->frame.size == 0;
    return boundary ? NIKA_SESSION_GOING_ON : NIKA_SESSION_TRUNCATED;
}

struct nika_span nika_session_output(const struct nika_session *s)
{
    return (struct nika_span){s->output + s->output_at, s->output_size - s->output_at};
}

void nika_session_sent(struct nika_session *s, uint32_t size)
{
    NIKA_ASSERT(size <= s->output_size - s->output_at);
    s->output_at += size;
    if (s->output_at == s->output_size) s->output_at = s->output_size = 0;
}

bool nika_session_is_open(const struct nika_session *s)
{
    return s->phase == OPEN;
}

bool nika_session_is_confirmed(const struct nika_session *s)
{
    return s->confirmed;
}

uint32_t nika_session_peer(const struct nika_session *s)
{
    return s->peer;
}

uint32_t nika_session_seal(struct nika_session *s, uint8_t *record, uint32_t size)
{
    NIKA_ASSERT(s->phase == OPEN);
    NIKA_ASSERT(size <= NIKA_SESSION_RECORD_MAX);
    if (s->sealed >= RECORDS_MAX) return 0;
    nika_store_le(record, size, NIKA_SESSION_RECORD_HEAD);
    struct nika_span head = {record, NIKA_SESSION_RECORD_HEAD};
    uint8_t *plain = record + NIKA_SESSION_RECORD_HEAD;
    nika_seal(s->sealer, s->sealed++, head, (struct nika_span){plain, size}, plain);
    return size + NIKA_SESSION_RECORD_OVERHEAD;
}

size_t nika_session_memory(const struct nika_session *s)
{
    return sizeof *s + s->raw.capacity + s->frame.capacity;
}
