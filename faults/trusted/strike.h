/* faults/trusted/strike.h: when a fault of the trusted part acts: on which certificates, and how often. Decides only by choices. */
#ifndef FAULTS_TRUSTED_STRIKE_H
#define FAULTS_TRUSTED_STRIKE_H

#include "faults/support.h"

/* The first three parameters of each of them. */
enum { STRIKE_SKIP, STRIKE_REPEAT, STRIKE_RATE, STRIKE_PARAMS };
#define STRIKE_PARAM_LIST(times)                                                                   \
    {.name = "skip",                                                                               \
     .doc = "Certificates of each target that it lets pass first.",                                \
     .low = 0,                                                                                     \
     .high = 1000000,                                                                              \
     .fallback = 0},                                                                               \
        {.name = "repeat",                                                                         \
         .doc = "Acts on each target at most.",                                                    \
         .low = 1,                                                                                 \
         .high = 1000000,                                                                          \
         .fallback = (times)},                                                                     \
        FAULT_PARAM_RATE

struct strike {
    uint32_t seen[NIKA_REPLICAS_MAX], acts[NIKA_REPLICAS_MAX];
    bool armed; /* The call that is being done; a call has no other one within it. */
};
/* Is this the call of a target that wants a counter moved, and shall the fault act on it? Asked once, before the call is done. */
bool strike_due(struct nika_fault *fault, struct strike *strike, uint32_t replica,
                const struct nika_trusted_call *call);
/* The act was done. */
void strike_acted(struct nika_fault *fault, struct strike *strike, uint32_t replica);
/* The call was done, and it is the one that strike_due() chose. */
bool strike_follows(struct strike *strike, const struct nika_trusted_call *call);
/* A digest that no module certifies: the second one of a value. */
struct nika_digest strike_digest(void);

#endif
