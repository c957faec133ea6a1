/* cli/bench_pattern_node.c: the nodes of the bare pattern: frames, MACs, coalesced writes, and what a replica answers. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/bench_pattern.h"
#include "engine/core/assert.h"
#include "engine/core/msan.h"

#define BUFFER_SIZE (1024u * 1024u) /* Twice what a full window can have on its way. */
#define SLOTS 256u

bool pattern_node_init(struct pattern_node *node, uint32_t self, const int *fds)
{
    *node = (struct pattern_node){.self = self};
    char digest[] = "SHA256";
    const OSSL_PARAM sha256[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    node->mac = algorithm == NULL ? NULL : EVP_MAC_CTX_new(algorithm);
    EVP_MAC_free(algorithm);
    if (node->mac == NULL || EVP_MAC_CTX_set_params(node->mac, sha256) != 1) return false;
    for (uint32_t i = 0; i < PATTERN_NODES; i++) {
        struct pattern_link *link = &node->links[i];
        link->fd = fds[i];
        if (link->fd < 0) continue;
        link->in = malloc(BUFFER_SIZE);
        link->out = malloc(BUFFER_SIZE);
        link->key_out = (struct nika_key){{(uint8_t)self, (uint8_t)i}};
        link->key_in = (struct nika_key){{(uint8_t)i, (uint8_t)self}};
        if (link->in == NULL || link->out == NULL) return false;
    }
    return true;
}

void pattern_node_free(struct pattern_node *node)
{
    for (uint32_t i = 0; i < PATTERN_NODES; i++) {
        free(node->links[i].in);
        free(node->links[i].out);
    }
    EVP_MAC_CTX_free(node->mac);
}

static void tag(struct pattern_node *node, const struct nika_key *key, struct nika_span message,
                uint8_t out[PATTERN_MAC])
{
    size_t size = 0;
    nika_msan_read(message.data, message.size);
    nika_msan_enter();
    NIKA_ASSERT(EVP_MAC_init(node->mac, key->bytes, sizeof key->bytes, NULL) == 1);
    NIKA_ASSERT(EVP_MAC_update(node->mac, message.data, message.size) == 1);
    NIKA_ASSERT(EVP_MAC_final(node->mac, out, &size, PATTERN_MAC) == 1);
    nika_msan_leave();
    nika_msan_written(out, PATTERN_MAC);
    NIKA_ASSERT(size == PATTERN_MAC);
}

static bool is_tagged(struct pattern_node *node, const struct nika_key *key,
                      struct nika_span message, const uint8_t given[PATTERN_MAC])
{
    uint8_t wanted[PATTERN_MAC];
    tag(node, key, message, wanted);
    return CRYPTO_memcmp(wanted, given, sizeof wanted) == 0;
}

void pattern_send(struct pattern_node *node, uint32_t to, const struct pattern_frame *frame)
{
    struct pattern_link *link = &node->links[to];
    uint32_t size = (uint32_t)frame->body.size;
    uint8_t *at = link->out + link->out_size;
    NIKA_ASSERT(link->out_size + PATTERN_HEADER + size + PATTERN_MAC <= BUFFER_SIZE);
    memset(at, 0, PATTERN_HEADER);
    memcpy(at, &size, sizeof size);
    at[4] = (uint8_t)frame->type;
    memcpy(at + 8, &frame->number, sizeof frame->number);
    if (size > 0) memcpy(at + PATTERN_HEADER, frame->body.data, size);
    const struct nika_span message = {at, PATTERN_HEADER + size};
    tag(node, &link->key_out, message, at + message.size);
    link->out_size += PATTERN_HEADER + size + PATTERN_MAC;
}

/* All whole frames of one peer; the rest stays. */
static bool handle_input(struct pattern_node *node, uint32_t from)
{
    struct pattern_link *link = &node->links[from];
    size_t at = 0;
    while (link->in_size - at >= PATTERN_HEADER) {
        struct pattern_frame frame;
        uint32_t size;
        const uint8_t *bytes = link->in + at;
        memcpy(&size, bytes, sizeof size);
        if (size > BUFFER_SIZE / 2) return false;
        if (link->in_size - at < PATTERN_HEADER + size + PATTERN_MAC) break;
        const struct nika_span message = {bytes, PATTERN_HEADER + size};
        if (!is_tagged(node, &link->key_in, message, bytes + message.size)) return false;
        frame.type = (enum pattern_type)bytes[4];
        memcpy(&frame.number, bytes + 8, sizeof frame.number);
        frame.body = (struct nika_span){bytes + PATTERN_HEADER, size};
        node->on_frame(node, from, &frame);
        at += PATTERN_HEADER + size + PATTERN_MAC;
    }
    memmove(link->in, link->in + at, link->in_size - at);
    link->in_size -= at;
    return true;
}

static bool flush(struct pattern_link *link)
{
    size_t done = 0;
    while (done < link->out_size) {
        ssize_t n = send(link->fd, link->out + done, link->out_size - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) return false;
        if (n > 0) done += (size_t)n;
    }
    link->out_size = 0;
    return true;
}

bool pattern_round(struct pattern_node *node, int wait_ms)
{
    struct pollfd polls[PATTERN_NODES];
    for (uint32_t i = 0; i < PATTERN_NODES; i++)
        polls[i] = (struct pollfd){.fd = node->links[i].fd, .events = POLLIN};
    if (poll(polls, PATTERN_NODES, wait_ms) < 0) return errno == EINTR;
    for (uint32_t i = 0; i < PATTERN_NODES; i++) {
        struct pattern_link *link = &node->links[i];
        if (polls[i].fd < 0 || polls[i].revents == 0) continue;
        ssize_t n =
            recv(link->fd, link->in + link->in_size, BUFFER_SIZE - link->in_size, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
        if (n > 0) link->in_size += (size_t)n;
        if (n > 0 && !handle_input(node, i)) return false;
    }
    if (node->on_round != NULL) node->on_round(node);
    for (uint32_t i = 0; i < PATTERN_NODES; i++) {
        if (node->links[i].out_size > 0 && !flush(&node->links[i])) return false;
    }
    return true;
}

/* ---- a replica ---- */
struct slot {
    uint64_t seq, requests[PATTERN_BATCH];
    uint32_t count, prepares, commits; /* Count 0: no proposal yet. */
    bool committed, done;
};
struct replica {
    struct slot slots[SLOTS];
    uint64_t next; /* Of the primary: the last sequence number that it gave. */
    uint32_t payload, waiting;
    uint8_t batch[PATTERN_BATCH * (8u + PATTERN_PAYLOAD_MAX)]; /* Of the primary: what waits. */
};

static struct slot *slot_of(struct replica *r, uint64_t seq)
{
    struct slot *s = &r->slots[seq % SLOTS];
    if (s->seq != seq) *s = (struct slot){.seq = seq};
    return s;
}

static void broadcast(struct pattern_node *node, const struct pattern_frame *frame)
{
    for (uint32_t i = 0; i < PATTERN_REPLICAS; i++) {
        if (i != node->self) pattern_send(node, i, frame);
    }
}

/* Two PREPAREs besides the proposal, then three COMMITs with its own. */
static void advance(struct pattern_node *node, struct slot *s)
{
    if (s->count == 0) return;
    if (!s->committed && s->prepares >= 2) {
        s->committed = true;
        s->commits++;
        broadcast(node, &(struct pattern_frame){.type = PATTERN_COMMIT, .number = s->seq});
    }
    if (!s->committed || s->done || s->commits < 3) return;
    s->done = true;
    for (uint32_t i = 0; i < s->count; i++)
        pattern_send(node, PATTERN_REPLICAS,
                     &(struct pattern_frame){.type = PATTERN_REPLY, .number = s->requests[i]});
}

static void accept_proposal(struct pattern_node *node, uint64_t seq, struct nika_span batch)
{
    struct replica *r = node->context;
    struct slot *s = slot_of(r, seq);
    size_t each = sizeof(uint64_t) + r->payload;
    for (size_t at = 0; at + each <= batch.size && s->count < PATTERN_BATCH; at += each)
        memcpy(&s->requests[s->count++], batch.data + at, sizeof(uint64_t));
    if (node->self != 0) {
        s->prepares++;
        broadcast(node, &(struct pattern_frame){.type = PATTERN_PREPARE, .number = seq});
    }
    advance(node, s);
}

/* The primary: what waits becomes a proposal. */
static void propose(struct pattern_node *node)
{
    struct replica *r = node->context;
    if (r->waiting == 0) return;
    const struct nika_span batch = {r->batch,
                                    r->waiting * ((uint32_t)sizeof(uint64_t) + r->payload)};
    r->waiting = 0;
    r->next++;
    broadcast(node, &(struct pattern_frame){
                        .type = PATTERN_PRE_PREPARE, .number = r->next, .body = batch});
    accept_proposal(node, r->next, batch);
}

static void on_replica_frame(struct pattern_node *node, uint32_t from,
                             const struct pattern_frame *frame)
{
    struct replica *r = node->context;
    (void)from;
    if (frame->type == PATTERN_REQUEST) {
        uint8_t *at = r->batch + r->waiting * (sizeof(uint64_t) + r->payload);
        memcpy(at, &frame->number, sizeof frame->number);
        memcpy(at + sizeof frame->number, frame->body.data, r->payload);
        if (++r->waiting == PATTERN_BATCH) propose(node);
    } else if (frame->type == PATTERN_PRE_PREPARE) {
        accept_proposal(node, frame->number, frame->body);
    } else {
        struct slot *s = slot_of(r, frame->number);
        if (frame->type == PATTERN_PREPARE) s->prepares++;
        if (frame->type == PATTERN_COMMIT) s->commits++;
        advance(node, s);
    }
}

void pattern_replica(uint32_t self, const int *fds, uint32_t payload)
{
    struct replica *r = calloc(1, sizeof *r);
    struct pattern_node node;
    if (r == NULL || !pattern_node_init(&node, self, fds)) _exit(1);
    r->payload = payload;
    node.context = r;
    node.on_frame = on_replica_frame;
    if (self == 0) node.on_round = propose;
    while (pattern_round(&node, -1)) continue;
    pattern_node_free(&node);
    free(r);
}
