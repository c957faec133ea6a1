/* engine/shim/tss_judge.c: see tss_judge.h. */
#include "engine/shim/tss_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum nika_err judge_one(const struct nika_tss_image *image, const char *name,
                               char why[NIKA_TSS_WHY_SIZE])
{
    if (image->found == NIKA_ERR_VERSION) {
        (void)snprintf(why, NIKA_TSS_WHY_SIZE, "%s was written by another version", name);
        return NIKA_ERR_VERSION;
    }
    if (image->found != NIKA_ERR_AUTH) return NIKA_OK;
    (void)snprintf(why, NIKA_TSS_WHY_SIZE,
                   "%s is foreign: it was written under another key, or altered; expected the key "
                   "file that it was made with",
                   name);
    return NIKA_ERR_CONFIG;
}

static bool same_identity(const struct nika_tss_state *a, const struct nika_tss_state *b)
{
    return a->instance.id == b->instance.id && a->instance.epoch == b->instance.epoch &&
           a->instance.counters == b->instance.counters && a->group == b->group &&
           a->anchored == b->anchored &&
           memcmp(a->epochs, b->epochs, a->group * sizeof a->epochs[0]) == 0;
}

/* By value: images that were decoded have no padding to compare. */
static bool same_counters(const struct nika_tss_state *a, const struct nika_tss_state *b)
{
    if (a->instance.used != b->instance.used || a->life != b->life) return false;
    for (uint32_t i = 0; i < a->instance.counters; i++) {
        const struct nika_trusted_counter *x = &a->instance.counter[i],
                                          *y = &b->instance.counter[i];
        if (nika_trusted_compare(a->bound[i], b->bound[i]) != 0) return false;
        if (x->last.kind != y->last.kind ||
            nika_trusted_compare(x->last.value, y->last.value) != 0 ||
            nika_trusted_compare(x->last.previous, y->last.previous) != 0 ||
            memcmp(&x->digest, &y->digest, sizeof x->digest) != 0)
            return false;
    }
    return true;
}

/* Both are written at the same time, so either may be one step behind: the newer one counts. */
static enum nika_err judge_pair(const struct nika_tss_state *state,
                                const struct nika_tss_state *witness, uint32_t *chosen, bool *stale,
                                char why[NIKA_TSS_WHY_SIZE])
{
    uint64_t a = state->sequence, b = witness->sequence;
    *stale = a != b;
    *chosen = b > a ? 1 : 0;
    if (!same_identity(state, witness)) {
        (void)snprintf(why, NIKA_TSS_WHY_SIZE,
                       "state and witness are of different instances (%" PRIu32 " and %" PRIu32 ")",
                       state->instance.id, witness->instance.id);
        return NIKA_ERR_CONFIG;
    }
    if (a == b && same_counters(state, witness) && state->anchor == witness->anchor) return NIKA_OK;
    if (a == b) {
        (void)snprintf(
            why, NIKA_TSS_WHY_SIZE,
            "state and witness differ in step %" PRIu64 ": one of them is of another life", a);
        return NIKA_ERR_CONFIG;
    }
    if (a != b && (a > b ? a - b : b - a) == 1) return NIKA_OK;
    (void)snprintf(why, NIKA_TSS_WHY_SIZE,
                   "ROLLBACK: %s is at step %" PRIu64 ", %s at step %" PRIu64
                   ". What was certified since is not here; serve the newest files, or register a "
                   "new epoch",
                   a < b ? "state" : "witness", a < b ? a : b, a < b ? "the witness" : "the state",
                   a < b ? b : a);
    return NIKA_ERR_CONFIG;
}

enum nika_err nika_tss_judge_images(const struct nika_tss_image images[NIKA_TSS_IMAGES],
                                    uint32_t *chosen, bool *stale, char why[NIKA_TSS_WHY_SIZE])
{
    *chosen = 0;
    *stale = false;
    why[0] = '\0';
    enum nika_err err = judge_one(&images[0], "state", why);
    if (err == NIKA_OK) err = judge_one(&images[1], "witness", why);
    if (err != NIKA_OK) return err;
    bool torn[NIKA_TSS_IMAGES] = {images[0].found != NIKA_OK, images[1].found != NIKA_OK};
    if (torn[0] && torn[1]) {
        (void)snprintf(why, NIKA_TSS_WHY_SIZE,
                       "state and witness are both torn or damaged: no interrupted write explains "
                       "that. Register a new epoch");
        return NIKA_ERR_CONFIG;
    }
    /* One torn image is the write that was interrupted, or damage later: what was answered is in the other one. */
    *stale = torn[0] || torn[1];
    *chosen = torn[0] ? 1 : 0;
    if (*stale) return NIKA_OK;
    return judge_pair(&images[0].state, &images[1].state, chosen, stale, why);
}

enum nika_err nika_tss_judge_anchor(const struct nika_tss_state *state, bool anchored,
                                    uint64_t value, char why[NIKA_TSS_WHY_SIZE])
{
    why[0] = '\0';
    if (state->anchored != anchored) {
        (void)snprintf(why, NIKA_TSS_WHY_SIZE,
                       state->anchored
                           ? "the state is anchored in a TPM; expected --tpm, without which a "
                             "rollback could not be seen"
                           : "the state has no anchor; expected no --tpm (an anchored instance is "
                             "made with --init --tpm)");
        return NIKA_ERR_CONFIG;
    }
    if (!anchored || state->anchor == value) return NIKA_OK;
    if (state->anchor > value && state->anchor - value == 1) return NIKA_OK;
    (void)snprintf(why, NIKA_TSS_WHY_SIZE,
                   "ROLLBACK: the state belongs to value %" PRIu64
                   " of its anchor, which stands at %" PRIu64
                   ". Serve the newest files, or register a new epoch",
                   state->anchor, value);
    return NIKA_ERR_CONFIG;
}
