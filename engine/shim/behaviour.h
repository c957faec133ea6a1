/* engine/shim/behaviour.h: a Byzantine behaviour of faults/ around the module of a live replica, or of a client of the load generator. In
 * builds with NIKA_BEHAVIOURS alone.
 *
 * The same object code as in the simulator: it sees what this node sends and receives, decides by a seed, and signs with this node's keys.
 * It knows of no other node but what it is sent. Owns copies of frames that are to leave later, at most NIKA_BEHAVIOUR_HELD. */
#ifndef ENGINE_SHIM_BEHAVIOUR_H
#define ENGINE_SHIM_BEHAVIOUR_H

#include "engine/core/fault.h"
#include "engine/shim/links.h"
#include "engine/shim/log.h"

#define NIKA_BEHAVIOUR_HELD 4096u /* Frames; more leave at once. */
#define NIKA_BEHAVIOUR_WAKES 64u

struct nika_behaviour_options {
    const struct nika_fault_ops *ops; /* Class BYZANTINE for replicas, CLIENT for clients. */
    uint64_t params[NIKA_FAULT_PARAMS_MAX];
    uint64_t seed;
};
struct nika_behaviour;
/* The node that lies. `module` is a client's own, or the replica's that `replica_ops` says the position of; NULL for a client. */
struct nika_behaviour_node {
    const struct nika_config *config;
    const struct nika_replica_ops *replica_ops;
    struct nika_replica *module;
    const struct nika_host *host; /* Signs, and says who it is. */
    struct nika_links *links;
    struct nika_log *log;
};
/* All borrowed until free. NULL when memory is short. */
struct nika_behaviour *nika_behaviour_new(const struct nika_behaviour_options *options,
                                          const struct nika_behaviour_node *node);
void nika_behaviour_free(struct nika_behaviour *behaviour);
/* What the module wants to send, to one receiver. */
void nika_behaviour_send(struct nika_behaviour *behaviour, uint32_t to,
                         enum nika_send_class send_class, struct nika_span frame);
/* False: the module is not to see it. */
bool nika_behaviour_receive(struct nika_behaviour *behaviour, const struct nika_frame *frame);
/* How often it acted. */
uint64_t nika_behaviour_acts(const struct nika_behaviour *behaviour);
/* Monotonic time at which something is due, and doing it. */
uint64_t nika_behaviour_deadline(const struct nika_behaviour *behaviour);
void nika_behaviour_run(struct nika_behaviour *behaviour);

#endif
