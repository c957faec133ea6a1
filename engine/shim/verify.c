/* engine/shim/verify.c: see verify.h. */
#include "engine/shim/verify.h"

#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/core/mix.h"
#include "engine/shim/log.h"
#include "engine/shim/resident.h"
#include "engine/shim/trust.h"

#include <stdlib.h>
#include <sys/mman.h>

#define SCRATCH_SIZE (NIKA_MESSAGE_SIZE_MAX + 4096u)
#define DECODED_SIZE 1024u /* A decoded message, without what its lists point to. */

struct nika_verifier {
    const struct nika_config *config;
    struct nika_keyring *keyring;
    struct nika_host host;
    struct nika_verify_stats stats;
    struct nika_recorder *recorder;
    struct nika_trust *trust;
    uint64_t jitter_seed, jitter_count;
    uint8_t *scratch; /* Signed bytes. Pages that no message needed are never touched. */
    struct nika_digest verdicts[NIKA_VERDICTS]; /* All zero = none. */
};

static struct nika_span signed_bytes(struct nika_verifier *v, uint8_t type, uint32_t sender,
                                     struct nika_span body, bool mac, uint32_t receiver)
{
    struct nika_writer w = nika_writer_of(v->scratch, SCRATCH_SIZE);
    nika_frame_signed_bytes(v->config, type, sender, body, &w);
    if (mac) nika_write_u32(&w, receiver);
    NIKA_ASSERT(!w.failed);
    return (struct nika_span){w.data, w.at};
}

/* What was signed, by whom and how, in `message`; its name in `identity`. */
static struct nika_span identify(struct nika_verifier *v, const struct nika_frame *frame,
                                 struct nika_digest *identity)
{
    struct nika_span message = signed_bytes(v, frame->type, frame->sender, frame->body, false, 0);
    const struct nika_span parts[] = {message, frame->auth};
    nika_sha256(parts, ARRAY_COUNT(parts), identity);
    return message;
}

static struct nika_digest *place_of(struct nika_verifier *v, const struct nika_digest *identity)
{
    return &v->verdicts[nika_load_le(identity->bytes, 4) % NIKA_VERDICTS];
}

/* MACs in place of signatures are cheaper than asking the clock what they cost, and than remembering which were good. */
static bool is_keyed(const struct nika_verifier *v, uint32_t sender)
{
    return nika_keyring_is_keyed(v->keyring, sender);
}

static bool verify_keyed(struct nika_verifier *v, const struct nika_frame *frame)
{
    struct nika_span message = signed_bytes(v, frame->type, frame->sender, frame->body, false, 0);
    v->stats.signatures++;
    return nika_verify(v->keyring, frame->sender, message, frame->auth) == NIKA_OK;
}

static bool verify_signature(struct nika_verifier *v, const struct nika_frame *frame,
                             struct nika_digest *identity)
{
    struct nika_span message = identify(v, frame, identity);
    struct nika_digest *place = place_of(v, identity);
    if (nika_digest_equal(place, identity)) {
        v->stats.remembered++;
        return true;
    }
    uint64_t from = nika_clock_thread();
    bool good = nika_verify(v->keyring, frame->sender, message, frame->auth) == NIKA_OK;
    v->stats.ns += nika_clock_thread() - from;
    v->stats.signatures++;
    if (good) *place = *identity;
    return good;
}

static bool verify_frame(struct nika_verifier *v, const struct nika_frame *frame)
{
    struct nika_digest identity;
    switch ((enum nika_auth_alg)frame->auth_alg) {
    case NIKA_AUTH_NONE:
        return true;
    case NIKA_AUTH_SIGNATURE:
        return is_keyed(v, frame->sender) ? verify_keyed(v, frame)
                                          : verify_signature(v, frame, &identity);
    case NIKA_AUTH_MAC:
        v->stats.macs++;
        return nika_mac_verify(
                   v->keyring, frame->sender, v->host.self,
                   signed_bytes(v, frame->type, frame->sender, frame->body, true, v->host.self),
                   frame->auth) == NIKA_OK;
    }
    return false;
}

static bool host_verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    struct nika_verifier *v = world;
    NIKA_ASSERT(self == v->host.self);
    bool good = verify_frame(v, frame);
    uint8_t verdict = good ? 1 : 0;
    if (v->recorder != NULL)
        nika_recorder_answer(v->recorder, NIKA_RECORDED_VERIFY, (struct nika_span){&verdict, 1});
    return good;
}

static uint32_t host_authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                                  uint32_t to, struct nika_span body, uint8_t *auth)
{
    struct nika_verifier *v = world;
    uint32_t size = NIKA_AUTH_SIZE_MAX;
    NIKA_ASSERT(self == v->host.self);
    if (alg == NIKA_AUTH_NONE) return 0;
    bool mac = alg == NIKA_AUTH_MAC;
    struct nika_span message = signed_bytes(v, type, self, body, mac, to);
    bool told = !mac && !is_keyed(v, self);
    uint64_t from = told ? nika_clock_thread() : 0;
    enum nika_err err = mac ? nika_mac(v->keyring, self, to, message, auth, &size)
                            : nika_sign(v->keyring, self, message, auth, &size);
    v->stats.ns += told ? nika_clock_thread() - from : 0;
    v->stats.made++;
    NIKA_ASSERT(err == NIKA_OK);
    if (v->recorder != NULL)
        nika_recorder_answer(v->recorder, NIKA_RECORDED_AUTH, (struct nika_span){auth, size});
    return size;
}

/* Jitter need not be secret, only different from one node to the next. */
static uint64_t host_jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    struct nika_verifier *v = world;
    (void)self;
    uint64_t value =
        n < 2 ? 0 : nika_mix(v->jitter_seed + timer + NIKA_GOLDEN * ++v->jitter_count) % n;
    uint8_t bytes[8];
    nika_store_le(bytes, value, sizeof bytes);
    if (v->recorder != NULL)
        nika_recorder_answer(v->recorder, NIKA_RECORDED_JITTER,
                             (struct nika_span){bytes, sizeof bytes});
    return value;
}

/* ---- the trusted subsystem: the same world as the other services ---- */
static enum nika_err trusted_certify(void *world, uint32_t self, enum nika_trusted_kind kind,
                                     uint32_t counter, struct nika_trusted_value value,
                                     const struct nika_digest *digest,
                                     struct nika_trusted_certificate *out)
{
    const struct nika_verifier *v = world;
    NIKA_ASSERT(self == v->host.self);
    return nika_trust_certify(v->trust, kind, counter, value, digest, out);
}

static bool trusted_verify(void *world, uint32_t self,
                           const struct nika_trusted_certificate *certificate,
                           const struct nika_digest *digest)
{
    const struct nika_verifier *v = world;
    (void)self;
    return nika_trust_verify(v->trust, certificate, digest);
}

static enum nika_err trusted_read(void *world, uint32_t self, uint32_t counter,
                                  struct nika_trusted_value *value, uint64_t *epoch)
{
    const struct nika_verifier *v = world;
    (void)self;
    return nika_trust_read(v->trust, counter, value, epoch);
}

static enum nika_err trusted_reissue(void *world, uint32_t self, uint32_t counter,
                                     struct nika_trusted_certificate *out,
                                     struct nika_digest *digest)
{
    const struct nika_verifier *v = world;
    (void)self;
    return nika_trust_reissue(v->trust, counter, out, digest);
}

static const struct nika_trusted_ops trusted_ops = {.certify = trusted_certify,
                                                    .verify = trusted_verify,
                                                    .read = trusted_read,
                                                    .reissue = trusted_reissue};

void nika_verifier_trust(struct nika_verifier *verifier, struct nika_trust *trust)
{
    verifier->trust = trust;
    verifier->host.trusted = &trusted_ops;
    verifier->host.trusted_later = nika_trust_is_later(trust);
}

struct nika_verifier *nika_verifier_new(const struct nika_config *config,
                                        struct nika_keyring *keyring, uint32_t self)
{
    struct nika_verifier *v = calloc(1, sizeof *v);
    if (v == NULL) return NULL;
    v->config = config;
    v->keyring = keyring;
    v->host = (struct nika_host){.world = v,
                                 .self = self,
                                 .authenticate = host_authenticate,
                                 .verify = host_verify,
                                 .jitter = host_jitter};
    nika_random_bytes(&v->jitter_seed, sizeof v->jitter_seed);
    v->scratch = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (v->scratch != MAP_FAILED) return v;
    free(v);
    return NULL;
}

void nika_verifier_free(struct nika_verifier *verifier)
{
    if (verifier == NULL) return;
    munmap(verifier->scratch, SCRATCH_SIZE);
    free(verifier);
}

void nika_verifier_record(struct nika_verifier *verifier, struct nika_recorder *recorder)
{
    verifier->recorder = recorder;
}

void nika_verifier_drop(struct nika_verifier *verifier)
{
    nika_resident_drop(verifier->scratch, SCRATCH_SIZE);
}

const struct nika_host *nika_verifier_host(const struct nika_verifier *verifier)
{
    return &verifier->host;
}

const struct nika_verify_stats *nika_verifier_stats(const struct nika_verifier *verifier)
{
    return &verifier->stats;
}

/* Replicas pass on what others signed: requests to the primary, orders and votes to who lacks them. Everything else is from the peer
 * itself, and a client speaks only for itself. */
static bool is_bound(uint32_t peer, const struct nika_frame *frame)
{
    if (frame->sender == peer) return true;
    return !nika_is_client(peer) && frame->auth_alg != NIKA_AUTH_MAC;
}

enum nika_arrival nika_verifier_admit(struct nika_verifier *verifier,
                                      const struct nika_message_table *messages, uint32_t peer,
                                      struct nika_span bytes, struct nika_frame *out)
{
    if (nika_ingress(verifier->config, messages, bytes, out) != NIKA_OK)
        return NIKA_ARRIVAL_MALFORMED;
    return is_bound(peer, out) ? NIKA_ARRIVAL_GOOD : NIKA_ARRIVAL_UNBOUND;
}

enum nika_arrival nika_verifier_judge(struct nika_verifier *verifier,
                                      const struct nika_message_table *messages, uint32_t peer,
                                      struct nika_span bytes, struct nika_frame *out)
{
    enum nika_arrival arrival = nika_verifier_admit(verifier, messages, peer, bytes, out);
    if (arrival != NIKA_ARRIVAL_GOOD) return arrival;
    return verify_frame(verifier, out) ? NIKA_ARRIVAL_GOOD : NIKA_ARRIVAL_FORGED;
}

bool nika_verifier_check(struct nika_verifier *verifier, const struct nika_frame *frame)
{
    return verify_frame(verifier, frame);
}

/* ---- ahead of the loop ---- */
static bool has_frames(const struct nika_message_info *info, uint32_t depth)
{
    for (uint32_t i = 0; depth > 0 && i < info->field_count; i++) {
        const struct nika_field *f = &info->fields[i];
        if (f->kind == NIKA_FIELD_FRAMES) return true;
        if (f->kind == NIKA_FIELD_LIST && has_frames(f->element, depth - 1)) return true;
    }
    return false;
}

bool nika_verifier_is_costly(struct nika_verifier *verifier,
                             const struct nika_message_table *messages,
                             const struct nika_frame *frame)
{
    struct nika_digest identity;
    if (has_frames(messages->messages[frame->type], NIKA_NESTING_MAX)) return true;
    if (frame->auth_alg != NIKA_AUTH_SIGNATURE || is_keyed(verifier, frame->sender)) return false;
    (void)identify(verifier, frame, &identity);
    return !nika_digest_equal(place_of(verifier, &identity), &identity);
}

static void keep(struct nika_verdicts *out, const struct nika_digest *identity)
{
    if (out->count == out->capacity) {
        uint32_t capacity = out->capacity == 0 ? 8 : out->capacity * 2;
        if (capacity > NIKA_VERDICTS_AHEAD_MAX) return;
        struct nika_digest *grown = realloc(out->good, capacity * sizeof *grown);
        if (grown == NULL) return;
        out->good = grown;
        out->capacity = capacity;
    }
    out->good[out->count++] = *identity;
}

static bool look_at(struct nika_verifier *v, const struct nika_message_table *messages,
                    const struct nika_frame *frame, uint32_t depth, struct nika_verdicts *out);

/* A nested frame whose signature is wrong is the module's to judge: it says which check it breaks. */
static void look_into(struct nika_verifier *v, const struct nika_message_table *messages,
                      const struct nika_message_info *info, const void *decoded, uint32_t depth,
                      struct nika_verdicts *out)
{
    for (uint32_t i = 0; depth > 0 && i < info->field_count; i++) {
        const struct nika_field *f = &info->fields[i];
        const struct nika_list *list =
            (const struct nika_list *)(const void *)((const uint8_t *)decoded + f->offset);
        uint32_t at = 0;
        struct nika_span bytes;
        struct nika_frame frame;
        _Alignas(16) uint8_t element[DECODED_SIZE];
        if (f->kind == NIKA_FIELD_FRAMES) {
            while (nika_frames_next(list, &at, &bytes)) {
                if (nika_frame_parse(bytes, v->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) ==
                    NIKA_OK)
                    (void)look_at(v, messages, &frame, depth - 1, out);
            }
        } else if (f->kind == NIKA_FIELD_LIST && f->element->struct_size <= sizeof element) {
            while (nika_list_next(list, f->element, &at, element))
                look_into(v, messages, f->element, element, depth - 1, out);
        }
    }
}

static bool look_at(struct nika_verifier *v, const struct nika_message_table *messages,
                    const struct nika_frame *frame, uint32_t depth, struct nika_verdicts *out)
{
    _Alignas(16) uint8_t decoded[DECODED_SIZE];
    struct nika_digest identity;
    if (frame->auth_alg == NIKA_AUTH_SIGNATURE && !is_keyed(v, frame->sender)) {
        if (!verify_signature(v, frame, &identity)) return false;
        keep(out, &identity);
    }
    const struct nika_message_info *info =
        frame->type < messages->count ? messages->messages[frame->type] : NULL;
    if (depth == 0 || info == NULL || info->struct_size > sizeof decoded ||
        !has_frames(info, depth))
        return true;
    if (nika_decode(info, frame->body, decoded) == NIKA_OK)
        look_into(v, messages, info, decoded, depth, out);
    return true;
}

bool nika_verifier_look_ahead(struct nika_verifier *verifier,
                              const struct nika_message_table *messages,
                              const struct nika_frame *frame, struct nika_verdicts *out)
{
    return look_at(verifier, messages, frame, NIKA_NESTING_MAX, out);
}

void nika_verifier_remember(struct nika_verifier *verifier, const struct nika_digest *identity)
{
    *place_of(verifier, identity) = *identity;
}
