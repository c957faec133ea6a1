/* engine/sim/trace_unpack.c: a packed trace (trace_pack.c) as the lines that it stands for. Its bytes may be anything. */
#include <stdlib.h>

#include "engine/core/err.h"
#include "engine/sim/trace_private.h"

enum outcome { GOOD, CUT, WRONG };
struct unpacker {
    const uint8_t *at, *end;
    enum outcome outcome; /* Once it is not GOOD, it stays, and what is read is 0. */
    struct nika_trace *lines;
};

static const uint8_t *take_bytes(struct unpacker *u, size_t size)
{
    if (u->outcome == GOOD && size > (size_t)(u->end - u->at)) u->outcome = CUT;
    if (u->outcome != GOOD) return NULL;
    const uint8_t *bytes = u->at;
    u->at += size;
    return bytes;
}

static uint8_t take_byte(struct unpacker *u)
{
    const uint8_t *byte = take_bytes(u, 1);
    return byte != NULL ? *byte : 0;
}

static uint64_t take_number(struct unpacker *u, uint64_t max)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;
    for (uint32_t shift = 0; (byte & 0x80) != 0 && u->outcome == GOOD; shift += 7) {
        byte = take_byte(u);
        uint64_t part = byte & 0x7f;
        if (shift > 63 || (part << shift) >> shift != part) {
            u->outcome = WRONG;
            return 0;
        }
        value |= part << shift;
    }
    if (u->outcome == GOOD && value > max) u->outcome = WRONG;
    return u->outcome == GOOD ? value : 0;
}

static uint32_t take_party(struct unpacker *u)
{
    uint64_t code = take_number(u, UINT32_MAX);
    if (code == 0) return NIKA_NODE_NONE;
    uint32_t index = (uint32_t)((code - 1) / 2);
    return code % 2 == 0 ? nika_client_node(index) : index;
}

/* A text goes into a line, and the line perhaps to a terminal. */
static bool is_plain(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < 0x20 || text[i] > 0x7e) return false;
    return true;
}

static struct nika_span take_text(struct unpacker *u, size_t size)
{
    const uint8_t *text = take_bytes(u, size);
    if (text != NULL && !is_plain(text, size)) u->outcome = WRONG;
    return (struct nika_span){text, u->outcome == GOOD ? (uint32_t)size : 0};
}

static struct nika_span take_message(struct unpacker *u, uint32_t flags)
{
    struct nika_span text = {NULL, 0};
    if ((flags & (TRACE_KNOWN | TRACE_TEXT)) == 0) return text;
    uint64_t place = take_number(u, TRACE_KEPT);
    struct trace_kept *kept = place < TRACE_KEPT ? &u->lines->kept[place] : NULL;
    if ((flags & TRACE_KNOWN) != 0) {
        bool good = kept != NULL && kept->text_size > 0 && (flags & TRACE_TEXT) == 0;
        if (!good && u->outcome == GOOD) u->outcome = WRONG;
        return u->outcome == GOOD ? (struct nika_span){(const uint8_t *)kept->text, kept->text_size}
                                  : text;
    }
    uint32_t size = take_byte(u);
    size |= (uint32_t)take_byte(u) << 8;
    if (size > TRACE_MESSAGE_SIZE && u->outcome == GOOD) u->outcome = WRONG;
    text = take_text(u, size);
    if (kept == NULL || u->outcome != GOOD || text.data == NULL) return text;
    kept->text_size = size <= TRACE_KEPT_TEXT_SIZE ? size : 0;
    if (kept->text_size > 0) memcpy(kept->text, text.data, size);
    return text;
}

static void take_tap(struct unpacker *u, uint8_t kind)
{
    static const struct nika_frame some_frame;
    struct nika_trace *t = u->lines;
    struct nika_action note = {0};
    struct nika_digest digest = {{0}};
    struct nika_trusted_certificate certificate = {0};
    uint32_t flags = take_byte(u);
    struct nika_tap tap = {.kind = (enum nika_tap_kind)kind,
                           .event_index = t->head_event,
                           .now_ns = t->head_ns,
                           .to = NIKA_NODE_NONE,
                           .note = &note};
    if ((flags & TRACE_FRAME) != 0) tap.frame = &some_frame;
    if ((flags & TRACE_EVENT) != 0) {
        tap.event_index += take_number(u, UINT64_MAX);
        tap.now_ns += take_number(u, UINT64_MAX);
    }
    tap.node = take_party(u);
    if ((flags & TRACE_TO) != 0) tap.to = take_party(u);
    struct nika_span message = take_message(u, flags);
    if ((flags & TRACE_NUMBERS) != 0) {
        tap.a = take_number(u, UINT64_MAX);
        tap.b = note.a = take_number(u, UINT64_MAX);
        note.b = take_number(u, UINT64_MAX);
        tap.token = note.b >> 8 | note.b << 56;
    }
    if ((flags & TRACE_DIGEST) != 0) {
        const uint8_t *bytes = take_bytes(u, TRACE_DIGEST_SHOWN);
        if (bytes != NULL) memcpy(digest.bytes, bytes, TRACE_DIGEST_SHOWN);
        tap.digest = &digest;
    }
    if ((flags & TRACE_CERTIFICATE) != 0) {
        certificate.value.view = take_number(u, UINT64_MAX);
        certificate.value.order = take_number(u, UINT64_MAX);
        tap.certificate = &certificate;
    }
    if (u->outcome == GOOD) trace_put_tap(t, &tap, &message);
    t->head_event = tap.event_index;
    t->head_ns = tap.now_ns;
}

static void take_decision(struct unpacker *u)
{
    struct nika_choice_name name;
    name.kind = (uint16_t)take_number(u, UINT16_MAX);
    name.type = (uint16_t)take_number(u, UINT16_MAX);
    name.a = take_party(u);
    name.b = take_party(u);
    name.view = take_number(u, UINT64_MAX);
    name.seq = take_number(u, UINT64_MAX);
    name.k = (uint32_t)take_number(u, UINT32_MAX);
    uint64_t value = take_number(u, UINT64_MAX);
    if (u->outcome == GOOD) trace_put_decision(u->lines, &name, value);
}

static void take_ending(struct unpacker *u)
{
    char verdict[UINT8_MAX + 1] = "", digest[TRACE_DIGEST_TEXT_SIZE + 1] = "";
    struct nika_span text = take_text(u, take_byte(u));
    uint64_t events = take_number(u, UINT64_MAX), now_ns = take_number(u, UINT64_MAX);
    struct nika_span sum = take_text(u, TRACE_DIGEST_TEXT_SIZE);
    if (u->outcome != GOOD || sum.data == NULL) return;
    if (u->at != u->end) { /* Nothing comes behind the end. */
        u->outcome = WRONG;
        return;
    }
    if (text.size > 0) memcpy(verdict, text.data, text.size);
    memcpy(digest, sum.data, sum.size);
    trace_put_ending(u->lines,
                     &(struct trace_ending){
                         .verdict = verdict, .digest = digest, .events = events, .now_ns = now_ns});
}

static void take_record(struct unpacker *u)
{
    uint8_t kind = take_byte(u);
    if (kind == TRACE_DECISION)
        take_decision(u);
    else if (kind == TRACE_ENDING)
        take_ending(u);
    else if (kind < NIKA_TAP_COUNT)
        take_tap(u, kind);
    else
        u->outcome = WRONG;
}

bool nika_trace_is_packed(const void *bytes, size_t size)
{
    return size >= sizeof trace_magic && memcmp(bytes, trace_magic, sizeof trace_magic) == 0;
}

enum nika_err nika_trace_unpack(const void *bytes, size_t size, FILE *out, size_t *at)
{
    struct unpacker u = {.at = bytes, .end = (const uint8_t *)bytes + size};
    *at = 0;
    if (!nika_trace_is_packed(bytes, size)) return NIKA_ERR_MALFORMED;
    u.at += sizeof trace_magic;
    const uint8_t *header = u.at, *line_end = memchr(header, '\n', (size_t)(u.end - header));
    if (line_end == NULL) return NIKA_OK; /* Cut within its first line. */
    u.at = line_end + 1;
    u.lines = calloc(1, sizeof *u.lines);
    if (u.lines == NULL) return NIKA_ERR_LIMIT;
    u.lines->file = out;
    u.lines->failed = fwrite(header, 1, (size_t)(u.at - header), out) != (size_t)(u.at - header);
    while (u.outcome == GOOD && u.at < u.end) {
        *at = (size_t)(u.at - (const uint8_t *)bytes);
        take_record(&u);
    }
    trace_flush(u.lines);
    bool failed = u.lines->failed;
    free(u.lines);
    return u.outcome == WRONG ? NIKA_ERR_MALFORMED : failed ? NIKA_ERR_IO : NIKA_OK;
}
