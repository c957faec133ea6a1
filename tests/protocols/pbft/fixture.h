/* tests/protocols/pbft/fixture.h: one replica under test in the company of three silent ones (n = 4, f = 1, K = 4, L = 8).
 *
 * The silent ones exist as keys: a test sends whatever they might say, correctly signed, and looks at what comes back. */
#ifndef TESTS_PROTOCOLS_PBFT_FIXTURE_H
#define TESTS_PROTOCOLS_PBFT_FIXTURE_H

#include "tests/protocols/pbft/cluster.h"

struct fixture {
    struct cluster *c;
    uint32_t self;
    struct cluster_node *node;
};

/* Replica `self` in view 0, everybody else silent. */
struct fixture fixture_new(uint32_t self);
void fixture_free(struct fixture *f);
static inline struct nika_replica *fixture_replica(const struct fixture *f)
{
    return f->node->replica;
}
static inline struct pbft_slot *fixture_slot(const struct fixture *f, uint64_t seq)
{
    return pbft_slot_find(f->node->replica, seq);
}
/* A batch body with one request of `client` under `timestamp`, signed, with agreed time `time_ns`; its digest into *digest.
 * The bytes are the caller's to free. */
struct cluster_bytes fixture_batch(struct fixture *f, uint32_t client, uint64_t timestamp,
                                   uint64_t time_ns, struct nika_digest *digest);
/* A digest that is no batch's. */
struct nika_digest fixture_digest(uint8_t fill);
/* Sign and deliver. False when ingress refused it. */
bool fixture_send(struct fixture *f, uint32_t sender, const struct nika_message_info *info,
                  const void *message);
void fixture_pre_prepare(struct fixture *f, uint32_t sender, uint64_t view, uint64_t seq,
                         const struct nika_digest *d);
void fixture_prepare(struct fixture *f, uint32_t sender, uint64_t view, uint64_t seq,
                     const struct nika_digest *d);
void fixture_commit(struct fixture *f, uint32_t sender, uint64_t view, uint64_t seq,
                    const struct nika_digest *d);
void fixture_checkpoint(struct fixture *f, uint32_t sender, uint64_t seq,
                        const struct nika_digest *d);
void fixture_give_batch(struct fixture *f, uint32_t sender, struct cluster_bytes body);
/* PRE-PREPARE from replica 0 and its batch, one request each: the slot is accepted. The digest is returned. */
struct nika_digest fixture_order(struct fixture *f, uint64_t seq);
/* All of agreement on `seq` by the silent ones: executed afterwards. */
struct nika_digest fixture_execute(struct fixture *f, uint64_t seq);
uint32_t fixture_rejects(const struct fixture *f, enum nika_check check);
/* COMMIT-CERT frames list of these senders. Free the bytes. */
struct cluster_bytes fixture_commit_frames(struct fixture *f, const uint32_t *senders,
                                           uint32_t count, uint64_t view, uint64_t seq,
                                           const struct nika_digest *d, struct nika_list *list);
/* A whole cluster of four executing `count` requests of client 0, one batch each, timestamps from `first`. */
void fixture_run_requests(struct cluster *c, uint64_t first, uint64_t count);

#endif
