/* fuzz/targets/kept.h: frames that were made before, by all that their bytes depend on besides the group's keys, which every desk of a protocol
 * shares. Most operations say what an earlier one said, and a frame is a function of its key: that it was kept changes nothing but the time. */
#ifndef FUZZ_TARGETS_KEPT_H
#define FUZZ_TARGETS_KEPT_H

#include "engine/core/types.h"

/* A key is a structure without padding, of whole words. The frame stays as it is until kept_tidy(); empty when none is kept. */
struct nika_span kept_find(const void *key, uint32_t key_size);
/* Keep a copy of `frame` and return it, or the frame itself when there is no more room. */
struct nika_span kept_add(const void *key, uint32_t key_size, struct nika_span frame);
/* Make room when there is none: every frame that was found is gone. */
void kept_tidy(void);
void kept_clear(void);

#endif
