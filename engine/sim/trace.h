/* engine/sim/trace.h: a run as JSON Lines, written through taps and the chooser's tap; and the same packed, at a fifth of the size.
 *
 * Line 1: {"nika_trace":1,"version":...,"scenario":{...},"seed":...}. Then decisions {"d":"latency 2>0 ...","v":17} (only those
 * that are not 0), events {"e":12,"t":3400,"k":"deliver","n":2,...}, and the last line {"end":...,"digest":...}. A trace
 * without its last line is truncated. A packed trace has a magic number and line 1, then binary records; unpacked it is the
 * other form, byte for byte. */
#ifndef ENGINE_SIM_TRACE_H
#define ENGINE_SIM_TRACE_H

#include <stdio.h>

#include "engine/sim/world.h"

struct nika_trace;
enum nika_trace_form { NIKA_TRACE_LINES, NIKA_TRACE_PACKED };
/* Writes to `file` (borrowed). `header` is one JSON object without newline, written as line 1. NULL when out of memory. */
struct nika_trace *nika_trace_new(FILE *file, const char *header, enum nika_trace_form form,
                                  struct nika_world *w);
/* Attach to the world: adds a watcher and the chooser's tap. */
void nika_trace_attach(struct nika_trace *t);
/* Write the last line with the digest and `verdict` (text). NIKA_ERR_IO when any write failed. */
NIKA_MUST_USE enum nika_err nika_trace_end(struct nika_trace *t, const char *verdict);
void nika_trace_free(struct nika_trace *t);

/* `bytes` begin as a packed trace does. */
bool nika_trace_is_packed(const void *bytes, size_t size);
/* Write the lines of a packed trace to `out`, up to where the bytes end or are wrong. NIKA_OK when all were whole records, the
 * last line among them or not; NIKA_ERR_MALFORMED with *at = where the first wrong record begins; NIKA_ERR_IO; NIKA_ERR_LIMIT when out of memory.
 * A record that the end of the bytes cuts is left out, as an incomplete last line is. */
NIKA_MUST_USE enum nika_err nika_trace_unpack(const void *bytes, size_t size, FILE *out,
                                              size_t *at);

#endif
