/* engine/shim/tss_judge.h: may a trusted process serve what it finds on its disk? Pure: images and the anchor's value in, a verdict out.
 *
 * The rules. Every step was written to image 0, then to image 1, then anchored, then answered. So what was ever answered is in both images,
 * image 0 is never older than image 1, and never more than one step newer. Whatever one interrupted step cannot have left is refused. */
#ifndef ENGINE_SHIM_TSS_JUDGE_H
#define ENGINE_SHIM_TSS_JUDGE_H

#include "engine/shim/tss_state.h"

#define NIKA_TSS_IMAGES 2u
#define NIKA_TSS_WHY_SIZE 300u

struct nika_tss_image {
    enum nika_err found; /* Of nika_tss_state_decode(). */
    struct nika_tss_state state;
};

/* Which image to serve, and whether one of them must be written again (*stale). NIKA_ERR_CONFIG or NIKA_ERR_VERSION with `why`. */
NIKA_MUST_USE enum nika_err
nika_tss_judge_images(const struct nika_tss_image images[NIKA_TSS_IMAGES], uint32_t *chosen,
                      bool *stale, char why[NIKA_TSS_WHY_SIZE]);

/* Does the state belong to this value of its anchor, or to the next one (written, not yet anchored)? A vault moves the anchor by one when it
 * is opened and by one for each certificate. Every image that lies about when it is opened at value x names at most x + 1; its first
 * certificate leaves at x + 2, and from then on no image but its own is taken. NIKA_ERR_CONFIG with `why`. */
NIKA_MUST_USE enum nika_err nika_tss_judge_anchor(const struct nika_tss_state *state, bool anchored,
                                                  uint64_t value, char why[NIKA_TSS_WHY_SIZE]);

#endif
