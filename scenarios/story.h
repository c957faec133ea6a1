/* scenarios/story.h: a run told for people: one line for each tap that says something about the protocol. Watches only.
 *
 * A line reads "  1234 us  r2  -> all COMMIT view=0 seq=3 digest=#2". Signs: -> sent, => accepted (proposals only), -x lost. What comes
 * at every interval (STATUS) and what says nothing new is left out, unless all is asked for. */
#ifndef SCENARIOS_STORY_H
#define SCENARIOS_STORY_H

#include "engine/core/replica.h"
#include "engine/core/tap.h"
#include "scenarios/scenario.h"

#define NIKA_STORY_LINE_SIZE 768u
#define NIKA_STORY_DIGESTS_MAX 64u

struct nika_story {
    const struct nika_replica_ops *protocol;
    /* Names the faults, so that their acts are told; NULL = they are not. Borrowed. */
    const struct nika_scenario *scenario;
    /* Tell what comes at every interval and what others tell already, too: deliveries, timers, writes, STATUS. */
    bool all;
    /* Digests as #1, #2 in order of appearance instead of their first bytes: short, and the same whatever is hashed. */
    bool name_digests;
    uint32_t digest_count;
    char digests[NIKA_STORY_DIGESTS_MAX][8];
};

/* The line of a tap, without newline. False when the tap belongs to no story. */
bool nika_story_line(struct nika_story *story, const struct nika_tap *tap,
                     char out[NIKA_STORY_LINE_SIZE]);
/* Is the line about `seq`, or about what concerns every number: views, crashes, transfers, acts of faults? 0 = always. */
bool nika_story_concerns(const struct nika_story *story, const struct nika_tap *tap, uint64_t seq);
/* Is the tap a turning point, and what happened there? Views, transfers, evidence, alarms, crashes, GST, acts of faults. The text names
 * no node, so that equal texts of several nodes can be joined. */
bool nika_story_turn(struct nika_story *story, const struct nika_tap *tap, char *out, size_t size);
/* "r2", "c1" or "all". */
const char *nika_story_node(uint32_t node, char out[16]);

#endif
