/* cli/fidelity.h: one scenario in two worlds, for `nika fidelity`: what each side reports, what the simulated side did to its nodes and
 * when, and the network that the real side runs on. */
#ifndef CLI_FIDELITY_H
#define CLI_FIDELITY_H

#include "cli/live.h"
#include "engine/shim/histogram.h"

#define CLI_ACTS_MAX 1024u
#define CLI_LEFT_OUT_MAX 64u

/* What happens to a replica of the real cluster, at the instant at which it happened in the simulation. */
enum cli_act_kind {
    CLI_ACT_KILL,   /* kill -9 */
    CLI_ACT_START,  /* Again, with its data. */
    CLI_ACT_FORGET, /* Again, without: the disk was lost. */
    CLI_ACT_STOP,   /* SIGSTOP */
    CLI_ACT_RESUME, /* SIGCONT */
    CLI_ACT_CUT,    /* From everybody whose network is whole. */
    CLI_ACT_HEAL,
    CLI_ACT_SETTLE, /* GST: no more loss. */
};
struct cli_act {
    uint64_t at_ns;
    enum cli_act_kind kind;
    uint32_t replica;
};
struct cli_plan {
    uint32_t count;
    struct cli_act acts[CLI_ACTS_MAX]; /* By time. */
    uint32_t left_out_count;
    char left_out[CLI_LEFT_OUT_MAX][160]; /* What the real side does not do, and why. */
};
void cli_plan_left_out(struct cli_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* False when there are too many. Keeps them in order of time. */
bool cli_plan_add(struct cli_plan *plan, uint64_t at_ns, enum cli_act_kind kind, uint32_t replica);

/* Of one side. */
struct cli_world_figures {
    uint64_t expected, commits; /* Requests of clients: sent, answered. */
    uint64_t executed;          /* Highest sequence number. */
    uint64_t view;              /* Highest of a correct replica. */
    uint64_t duration_ns;       /* From the first request to the last answer. */
    struct nika_histogram latency;
    int exit_class; /* enum nika_exit */
    char sentence[NIKA_DIAGNOSIS_SIZE];
};

/* ---- fidelity_plan.c ---- */
/* Run the scenario in the simulator; `plan` gets what the real side is to do. False with a message. */
bool cli_fidelity_simulate(const struct nika_scenario *s, uint64_t seed, struct cli_plan *plan,
                           struct cli_world_figures *out);

/* ---- fidelity_net.c: the network of the real side ---- */
enum cli_net_kind {
    CLI_NET_LOOPBACK, /* No delay, no loss, no partitions. */
    CLI_NET_NAMESPACES, /* A namespace for each replica and one for the clients, joined by a bridge: partitions. */
    CLI_NET_RELAY, /* And delay and loss, by a process of this program between the cables. */
    CLI_NET_NETEM, /* The same by the kernel, on every interface. */
    CLI_NET_COUNT
};
extern const char *const cli_net_names[CLI_NET_COUNT];
struct cli_relay {
    int pid, control; /* 0, -1: does not run. */
};
struct cli_net {
    enum cli_net_kind kind;
    struct cli_relay relay;
    uint32_t n;
    int home, clients, replicas[NIKA_REPLICAS_MAX]; /* Open namespaces; -1 = none. */
    char prefix[32];
    bool made;
};
/* The most that this machine can do, and in `why` what is missing for more and what to do about it ("" = nothing is). */
enum cli_net_kind cli_net_best(char why[400]);
/* Make it; `seed` is that of the frames that get lost. False with a message; to be removed all the same. */
bool cli_net_make(struct cli_net *net, enum cli_net_kind kind, uint32_t n, uint64_t seed);
void cli_net_remove(struct cli_net *net);
/* Delay and loss of every interface, from now on. False with a message. */
bool cli_net_shape(struct cli_net *net, uint64_t delay_us, uint64_t jitter_us, uint64_t loss_ppm);
bool cli_net_cut(struct cli_net *net, uint32_t replica, bool cut);
/* Address of a replica, as its peers see it. */
void cli_net_address(const struct cli_net *net, uint32_t replica, char out[32]);
/* What this process opens and starts from here on is in the network of a replica, or of the clients (NIKA_NODE_NONE). */
bool cli_net_enter(const struct cli_net *net, uint32_t replica);

/* ---- fidelity_relay.c: a switch that delays and loses frames ---- */
/* Can this process read and write the frames of an interface? */
bool cli_relay_possible(void);
/* Between the interfaces p0 to p(count - 1) of the namespace `hub`. False with a message; to be stopped all the same. */
bool cli_relay_start(struct cli_relay *relay, int hub, uint32_t count, uint64_t seed);
void cli_relay_stop(struct cli_relay *relay);
/* From now on. False with a message. */
bool cli_relay_shape(const struct cli_relay *relay, uint64_t delay_us, uint64_t jitter_us,
                     uint64_t loss_ppm);
/* Ports that are cut off reach each other alone. */
bool cli_relay_cut(const struct cli_relay *relay, uint32_t port, bool cut);

/* ---- fidelity_live.c ---- */
struct cli_live_options {
    const struct nika_scenario *scenario;
    uint64_t seed, timeout_ns;
    const char *dir; /* Kept; NULL = a temporary one. */
    enum cli_net_kind network;
};
/* Run it on a real cluster, with what `plan` says; adds to what is left out. False with a message when there is nothing to judge. */
bool cli_fidelity_live(const struct cli_live_options *options, struct cli_plan *plan,
                       struct cli_world_figures *out);

#endif
