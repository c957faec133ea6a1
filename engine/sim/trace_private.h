/* engine/sim/trace_private.h: a trace while it is written, shared by its two forms (trace.c, trace_pack.c) and by the reader of the
 * packed one (trace_unpack.c). */
#ifndef ENGINE_SIM_TRACE_PRIVATE_H
#define ENGINE_SIM_TRACE_PRIVATE_H

#include "engine/core/choice.h"
#include "engine/core/tap.h"
#include "engine/sim/trace.h"

#define TRACE_TEXT_SIZE 512u
#define TRACE_BUFFER_SIZE (1u << 18) /* Small enough to stay in a processor's cache. */
#define TRACE_LINE_SIZE 4096u /* No line and no record is longer; room for it is made once. */
#define TRACE_HEAD_SIZE 64u
/* Name and fields of a message as they stand in a line. */
#define TRACE_MESSAGE_SIZE (TRACE_TEXT_SIZE + 128)
/* Texts of messages that were written lately: what is sent to all is written once for each receiver. */
#define TRACE_KEPT 128u
#define TRACE_KEPT_TEXT_SIZE 320u
#define TRACE_KEPT_BODY_SIZE 320u
_Static_assert(TRACE_LINE_SIZE >= TRACE_MESSAGE_SIZE + 512, "a text of control characters fits");

struct trace_kept {
    uint32_t body_size, text_size; /* text_size 0 = nothing is kept here. */
    uint8_t type;
    uint8_t body[TRACE_KEPT_BODY_SIZE];
    char text[TRACE_KEPT_TEXT_SIZE];
};
struct nika_trace {
    FILE *file;
    struct nika_world *world; /* NULL: a reader's. */
    enum nika_trace_form form;
    bool failed;
    uint32_t used, line; /* Where the line that is written now begins. */
    /* How lines of one event begin; of a packed trace, the event and time of the record before. */
    uint64_t head_event, head_ns;
    uint32_t head_size;
    char head[TRACE_HEAD_SIZE];
    struct trace_kept kept[TRACE_KEPT];
    char buffer[TRACE_BUFFER_SIZE]; /* Not stdio's: a trace is written in small pieces. */
};

/* What a message's text is kept by. */
struct trace_place {
    struct trace_kept *kept; /* NULL when it is too long for that. */
    bool known;              /* The text is there. */
};

/* Room for a whole line or record; its pieces look no more, trace_end() looks once. */
void trace_begin(struct nika_trace *t);
void trace_end(struct nika_trace *t);
void trace_flush(struct nika_trace *t);
/* False when `frame` has no text: no frame, or of a type that the protocol does not know. */
bool trace_has_message(const struct nika_trace *t, const struct nika_frame *frame);
struct trace_place trace_place_of(struct nika_trace *t, const struct nika_frame *frame);
/* Write the text of a message that was not known at its place, and keep it there. */
void trace_put_message(struct nika_trace *t, const struct nika_frame *frame,
                       const struct trace_place *place);
/* The line of a tap. `message`: its text where the frame is not at hand; NULL = that of its frame. */
void trace_put_tap(struct nika_trace *t, const struct nika_tap *tap,
                   const struct nika_span *message);
void trace_put_decision(struct nika_trace *t, const struct nika_choice_name *name, uint64_t value);
#define TRACE_DIGEST_TEXT_SIZE 32u /* Of a run digest, without NUL. */
struct trace_ending {
    const char *verdict, *digest;
    uint64_t events, now_ns;
};
void trace_put_ending(struct nika_trace *t, const struct trace_ending *ending);

/* ---- trace_pack.c ---- */
/* First bytes of a packed trace. */
extern const char trace_magic[8];
enum { TRACE_DECISION = 0xfd, TRACE_ENDING = 0xfe }; /* Kinds of records beside those of taps. */
enum trace_flag {
    TRACE_EVENT = 1,    /* Another event than the record's before: how much later, and when. */
    TRACE_TO = 2,       /* A receiver. */
    TRACE_KNOWN = 4,    /* The text that is kept at this place. */
    TRACE_TEXT = 8,     /* A text, and the place at which it is kept from now on. */
    TRACE_NUMBERS = 16, /* Three numbers; without them they are 0. */
    TRACE_DIGEST = 32,
    TRACE_CERTIFICATE = 64,
    TRACE_FRAME = 128, /* It is about a message, known or not. */
};
#define TRACE_DIGEST_SHOWN                                                                         \
    4u /* The first bytes: enough to see that two runs executed different things. */
void trace_pack_tap(void *trace, const struct nika_tap *tap);
void trace_pack_decision(void *trace, const struct nika_choice_name *name, uint64_t n,
                         uint64_t value);
void trace_pack_ending(struct nika_trace *t, const struct trace_ending *ending);
/* A line says numbers and a digest of this tap. */
static inline bool trace_has_numbers(const struct nika_tap *tap)
{
    return tap->kind == NIKA_TAP_NOTE || tap->frame == NULL || tap->kind == NIKA_TAP_DROPPED;
}

static inline void trace_put_bytes(struct nika_trace *t, const void *bytes, uint32_t size)
{
    memcpy(t->buffer + t->used, bytes, size);
    t->used += size;
}
static inline void trace_put_char(struct nika_trace *t, char c)
{
    t->buffer[t->used++] = c;
}

#endif
