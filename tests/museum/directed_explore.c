/* tests/museum/directed_explore.c: planted bugs that need so rare a course of events that only a search over all states of a small cluster
 * shows them (directed.h). */
#include "fuzz/explore/explore.h"
#include "tests/museum/directed.h"
#include "tests/support/test.h"

/* T10: leader 1 certifies an order below the state from which its NEW-VIEW starts; a VIEW-CHANGE of its own and one of a replica that had
 * not entered view 1 hide that state, and only the ack of the latter tells. Without the
 * bug the whole space, of three times as many states, holds (docs/exploring.md). */
static bool reaches_below_acks(void)
{
    const char *reason = NULL;
    struct nika_explore_result r;
    struct nika_explore_options options = {.protocol = nika_protocol_find("hybster"),
                                           .n = 3,
                                           .f = 1,
                                           .views = 3,
                                           .orders = 1,
                                           .checkpoint = 1,
                                           .corrupted = 1,
                                           .states_max = 250000};
    struct nika_explore *x = nika_explore_new(&options, &reason);
    assert_non_null(x);
    nika_explore_run(x, &r);
    nika_explore_free(x);
    return r.end == NIKA_EXPLORE_VIOLATION && r.depth == 12;
}

const struct directed directed_explore[] = {
    {"T10", reaches_below_acks},
};
const uint32_t directed_explore_count = ARRAY_COUNT(directed_explore);
