/* engine/sim/trace.h: a run as JSON Lines, written through taps and the chooser's tap.
 *
 * Line 1: {"nika_trace":1,"version":...,"scenario":{...},"seed":...}. Then decisions {"d":"latency 2>0 ...","v":17} (only those
 * that are not 0), events {"e":12,"t":3400,"k":"deliver","n":2,...}, and the last line {"end":...,"digest":...}. A trace
 * without its last line is truncated. */
#ifndef ENGINE_SIM_TRACE_H
#define ENGINE_SIM_TRACE_H

#include <stdio.h>

#include "engine/sim/world.h"

struct nika_trace;
/* Writes to `file` (borrowed). `header` is one JSON object without newline, written as line 1. NULL when out of memory. */
struct nika_trace *nika_trace_new(FILE *file, const char *header, struct nika_world *w);
/* Attach to the world: adds a watcher and the chooser's tap. */
void nika_trace_attach(struct nika_trace *t);
/* Write the last line with the digest and `verdict` (text). NIKA_ERR_IO when any write failed. */
NIKA_MUST_USE enum nika_err nika_trace_end(struct nika_trace *t, const char *verdict);
void nika_trace_free(struct nika_trace *t);

#endif
