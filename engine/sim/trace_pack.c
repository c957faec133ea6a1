/* engine/sim/trace_pack.c: a trace in records of a dozen bytes instead of lines of a hundred (trace.h). Watches only.
 *
 * After the magic number and line 1: records. First byte: kind of a tap, TRACE_DECISION or TRACE_ENDING. Numbers are LEB128 of at
 * most 64 bits; a party is 0 for none, 2 * index + 1 for a replica and 2 * index + 2 for a client.
 *
 *   tap:      kind, flags, [events later, ns later], node, [to], [place | place, size (2 bytes), text], [3 numbers], [digest],
 *             [view, order]
 *   decision: kind, kind of choice, type, a, b, view, seq, k, value
 *   ending:   kind, size and text of the verdict, events, time, digest as 32 characters
 *
 * A text is what a line says of a message. Writer and reader both keep the last at each place, so that it is written once. */
#include "engine/core/assert.h"
#include "engine/sim/trace_private.h"

const char trace_magic[8] = {'N', 'I', 'K', 'A', 'T', 'R', '1', '\n'};

static inline void put_number(struct nika_trace *t, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) trace_put_char(t, (char)(value | 0x80));
    trace_put_char(t, (char)value);
}

static inline void put_party(struct nika_trace *t, uint32_t party)
{
    uint64_t index = nika_client_index(party);
    put_number(t, party == NIKA_NODE_NONE ? 0
                  : nika_is_client(party) ? 2 * index + 2
                                          : 2 * index + 1);
}

static uint32_t put_message(struct nika_trace *t, const struct nika_frame *frame)
{
    if (!trace_has_message(t, frame)) return 0;
    struct trace_place place = trace_place_of(t, frame);
    put_number(t, place.kept == NULL ? TRACE_KEPT : (uint64_t)(place.kept - t->kept));
    if (place.known) return TRACE_KNOWN;
    uint32_t size_at = t->used;
    t->used += 2;
    trace_put_message(t, frame, &place);
    uint32_t size = t->used - size_at - 2;
    t->buffer[size_at] = (char)(size & 255);
    t->buffer[size_at + 1] = (char)(size >> 8);
    return TRACE_TEXT;
}

static uint32_t put_numbers(struct nika_trace *t, const struct nika_tap *tap)
{
    bool note = tap->kind == NIKA_TAP_NOTE;
    uint64_t b = note ? tap->note->a : tap->b, c = note ? tap->note->b : tap->token;
    if ((tap->a | b | c) == 0) return 0;
    put_number(t, tap->a);
    put_number(t, b);
    /* The first byte of a token says whose it is, the rest counts: both become small. */
    put_number(t, note ? c : c << 8 | c >> 56);
    return TRACE_NUMBERS;
}

void trace_pack_tap(void *trace, const struct nika_tap *tap)
{
    struct nika_trace *t = trace;
    uint32_t flags = tap->frame != NULL ? TRACE_FRAME : 0;
    trace_begin(t);
    trace_put_char(t, (char)tap->kind);
    t->used++; /* The flags, when they are known. */
    if (tap->event_index != t->head_event || tap->now_ns != t->head_ns) {
        flags |= TRACE_EVENT;
        put_number(t, tap->event_index - t->head_event);
        put_number(t, tap->now_ns - t->head_ns);
        t->head_event = tap->event_index;
        t->head_ns = tap->now_ns;
    }
    put_party(t, tap->node);
    if (tap->to != NIKA_NODE_NONE) {
        flags |= TRACE_TO;
        put_party(t, tap->to);
    }
    flags |= put_message(t, tap->frame);
    if (trace_has_numbers(tap)) {
        flags |= put_numbers(t, tap);
        if (tap->digest != NULL && tap->kind != NIKA_TAP_NOTE) {
            flags |= TRACE_DIGEST;
            trace_put_bytes(t, tap->digest->bytes, TRACE_DIGEST_SHOWN);
        }
    }
    if (tap->certificate != NULL) {
        flags |= TRACE_CERTIFICATE;
        put_number(t, tap->certificate->value.view);
        put_number(t, tap->certificate->value.order);
    }
    t->buffer[t->line + 1] = (char)flags;
    trace_end(t);
}

void trace_pack_decision(void *trace, const struct nika_choice_name *name, uint64_t n,
                         uint64_t value)
{
    struct nika_trace *t = trace;
    (void)n;
    if (value == 0) return;
    trace_begin(t);
    trace_put_char(t, (char)TRACE_DECISION);
    put_number(t, name->kind);
    put_number(t, name->type);
    put_party(t, name->a);
    put_party(t, name->b);
    put_number(t, name->view);
    put_number(t, name->seq);
    put_number(t, name->k);
    put_number(t, value);
    trace_end(t);
}

void trace_pack_ending(struct nika_trace *t, const struct trace_ending *ending)
{
    size_t size = strlen(ending->verdict);
    NIKA_ASSERT(size <= UINT8_MAX);
    trace_begin(t);
    trace_put_char(t, (char)TRACE_ENDING);
    trace_put_char(t, (char)size);
    trace_put_bytes(t, ending->verdict, (uint32_t)size);
    put_number(t, ending->events);
    put_number(t, ending->now_ns);
    trace_put_bytes(t, ending->digest, TRACE_DIGEST_TEXT_SIZE);
    trace_end(t);
}
