/* scenarios/workload.h: clients' requests of a run, closed or open loop, from taps.
 *
 * State is plain data in the world's extra memory, so a world snapshot covers it. Operations come from the application's own
 * generator with draws from streams named by client. */
#ifndef SCENARIOS_WORKLOAD_H
#define SCENARIOS_WORKLOAD_H

#include "engine/sim/world.h"

#define NIKA_WORKLOAD_QUEUE 4u /* Operations a client module queues. */

struct nika_workload_options {
    struct nika_world *world;
    const struct nika_app_ops *app_ops;
    uint64_t app_param;
    uint64_t seed;
    uint64_t requests; /* Of each client. */
    uint32_t clients, payload, read_ppm;
    bool open;
    uint64_t interval_ns; /* Open loop. */
    uint64_t think_ns;
    uint64_t start_ns;
    uint64_t corrupted_clients[2];
};
struct nika_workload_client {
    uint64_t issued, invoked, completed;
    bool waiting; /* Open loop: an arrival waits for room. */
};
struct nika_workload {
    struct nika_workload_options options;
    uint64_t invoked, completed; /* All clients. */
    uint64_t correct_left;       /* Operations of correct clients that have not completed. */
    uint64_t completed_ns;       /* When the last of a correct client did. */
    struct nika_workload_client client[];
};

size_t nika_workload_size(uint32_t clients);
/* `memory` is zeroed. Schedules the first operations. */
struct nika_workload *nika_workload_init(void *memory, const struct nika_workload_options *options);
struct nika_watcher nika_workload_watcher(struct nika_workload *w);

#endif
