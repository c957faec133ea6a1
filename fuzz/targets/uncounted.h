/* fuzz/targets/uncounted.h: what a target makes once and keeps for later inputs is no part of any input's coverage, or coverage would depend
 * on the inputs before. */
#ifndef FUZZ_TARGETS_UNCOUNTED_H
#define FUZZ_TARGETS_UNCOUNTED_H

/* From begin to end no edge counts. May be nested. Does nothing in builds that count none. */
void nika_uncounted_begin(void);
void nika_uncounted_end(void);

#endif
