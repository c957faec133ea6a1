/* tests/faults/fake_host.h: a fault host that records what faults ask of it, and hand-made frames of every message type. */
#ifndef TESTS_FAULTS_FAKE_HOST_H
#define TESTS_FAULTS_FAKE_HOST_H

#include "engine/core/digest.h"
#include "engine/core/tap.h"
#include "faults/registry.h"
#include "faults/support.h"
#include "tests/support/test.h"

#define FAKE_FRAME_MAX (64u * 1024u)
#define FAKE_WAKES_MAX 64u
#define FAKE_TYPES 18u

struct fake {
    struct nika_config config;
    struct nika_chooser chooser;
    struct nika_fault_host host;
    struct nika_fault fault;
    uint64_t values_act; /* 1: the chooser always says act. */
    uint64_t view;       /* That every replica is in; the target, replica 0, leads view 4. */
    uint64_t now_ns, acted, effects, injected, resigned;
    uint32_t wakes;
    uint64_t cookies[FAKE_WAKES_MAX];
    bool down[4];
    struct nika_trusted_instance trusted; /* Of replica 0. */
    struct nika_trusted_key *trusted_key;
    uint64_t state[32768];
    uint8_t frames[FAKE_TYPES][FAKE_FRAME_MAX];
    uint32_t sizes[FAKE_TYPES];
    uint8_t out_bytes[FAKE_FRAME_MAX];
    uint8_t body[FAKE_FRAME_MAX];
};

static const uint8_t fake_auth[16] = {1, 2, 3};

static uint64_t fake_driver(struct nika_chooser *c, const struct nika_choice_name *name, uint64_t n)
{
    (void)name;
    return *(uint64_t *)c->driver_state == 0 ? 0 : n - 1;
}
static uint64_t fake_now(void *world)
{
    return ((struct fake *)world)->now_ns;
}
static void fake_acted(void *world, struct nika_fault *fault, uint32_t target)
{
    (void)target;
    fault->acted++;
    ((struct fake *)world)->acted++;
}
static void fake_wake(void *world, struct nika_fault *fault, uint64_t at_ns, uint64_t cookie)
{
    struct fake *f = world;
    (void)fault;
    assert_true(at_ns >= f->now_ns);
    if (f->wakes < FAKE_WAKES_MAX) f->cookies[f->wakes++] = cookie;
}
static void fake_crash(void *world, uint32_t replica)
{
    struct fake *f = world;
    assert_false(f->down[replica]);
    f->down[replica] = true;
    f->effects++;
}
static void fake_restart(void *world, uint32_t replica, bool amnesia)
{
    struct fake *f = world;
    (void)amnesia;
    assert_true(f->down[replica]);
    f->down[replica] = false;
}
static void fake_pause(void *world, uint32_t node, bool paused)
{
    (void)node;
    if (paused) ((struct fake *)world)->effects++;
}
static void fake_cpu(void *world, uint32_t node, uint32_t permille)
{
    (void)node;
    if (permille != 1000) ((struct fake *)world)->effects++;
}
static void fake_clock_set(void *world, uint32_t node, int64_t offset_ns, int64_t drift_ppm)
{
    (void)node;
    if (offset_ns != 0 || drift_ppm != 0) ((struct fake *)world)->effects++;
}
static void fake_clock_jump(void *world, uint32_t node, int64_t by_ns)
{
    (void)node;
    assert_int_not_equal(by_ns, 0);
    ((struct fake *)world)->effects++;
}
static bool fake_rot(void *world, uint32_t replica, uint32_t position_ppm)
{
    (void)replica;
    assert_true(position_ppm < FAULT_PPM_MAX);
    ((struct fake *)world)->effects++;
    return true;
}
static void fake_twin(void *world, const struct nika_fault *fault, uint32_t replica)
{
    ((struct fake *)world)->effects++;
    assert_true(fault->ops->twins && nika_fault_targets(fault, replica));
}
static bool fake_settled(void *world)
{
    (void)world;
    return false;
}
static bool fake_is_corrupted(void *world, uint32_t node)
{
    struct fake *f = world;
    bool client = f->fault.ops->fault_class == NIKA_FAULT_CLIENT;
    if (nika_is_client(node) != client) return false;
    return nika_fault_targets(&f->fault, nika_client_index(node));
}
/* A body that a fault signs must be canonical, or receivers would only test their decoder; that of the one fault which tests
 * decoders must never be. */
static void fake_check_body(const struct fake *f, uint8_t type, struct nika_span body, bool lie)
{
    static uint64_t value[64];
    static uint8_t again[FAKE_FRAME_MAX * 4];
    struct nika_writer w = nika_writer_of(again, sizeof again);
    assert_true(type < pbft_messages.count && pbft_messages.messages[type] != NULL);
    const struct nika_message_info *info = pbft_messages.messages[type];
    assert_true(info->struct_size <= sizeof value);
    bool malformed = strcmp(f->fault.ops->name, "malform") == 0;
    if (malformed && lie) {
        assert_int_not_equal(nika_decode(info, body, value), NIKA_OK);
        return;
    }
    assert_int_equal(nika_decode(info, body, value), NIKA_OK);
    nika_encode(info, value, &w);
    assert_int_equal(w.at, body.size);
    assert_memory_equal(again, body.data, body.size);
}
static void fake_write(const struct fake *f, uint8_t type, uint32_t sender, struct nika_span body,
                       struct nika_writer *w)
{
    enum nika_auth_alg alg = (enum nika_auth_alg)pbft_messages.messages[type]->auth;
    struct nika_span auth = {fake_auth, alg == NIKA_AUTH_NONE ? 0 : sizeof fake_auth};
    nika_frame_write(&f->config, type, sender, body, alg, auth, w);
}
static enum nika_err fake_trusted_certify(void *world, uint32_t replica,
                                          enum nika_trusted_kind kind, uint32_t counter,
                                          struct nika_trusted_value value,
                                          const struct nika_digest *digest,
                                          struct nika_trusted_certificate *out)
{
    struct fake *f = world;
    assert_true(fake_is_corrupted(f, replica));
    f->effects++;
    return nika_trusted_certify(&f->trusted, f->trusted_key, kind, counter, value, digest, out);
}
static void fake_must_be_out_of_model(const struct fake *f, const struct nika_fault *fault)
{
    assert_ptr_equal(fault, &f->fault);
    assert_int_equal(fault->ops->fault_class, NIKA_FAULT_TRUSTED);
}
static void fake_trusted_copy(void *world, const struct nika_fault *fault, uint32_t replica,
                              struct nika_trusted_instance *out)
{
    struct fake *f = world;
    fake_must_be_out_of_model(f, fault);
    assert_int_equal(replica, 0);
    *out = f->trusted;
}
static void fake_trusted_put(void *world, const struct nika_fault *fault, uint32_t replica,
                             const struct nika_trusted_instance *state)
{
    struct fake *f = world;
    fake_must_be_out_of_model(f, fault);
    assert_int_equal(state->id, replica);
    f->trusted = *state;
    f->effects++;
}
static enum nika_err
fake_trusted_clone(void *world, const struct nika_fault *fault, struct nika_trusted_instance *clone,
                   enum nika_trusted_kind kind, uint32_t counter, struct nika_trusted_value value,
                   const struct nika_digest *digest, struct nika_trusted_certificate *out)
{
    struct fake *f = world;
    fake_must_be_out_of_model(f, fault);
    f->effects++;
    return nika_trusted_certify(clone, f->trusted_key, kind, counter, value, digest, out);
}
static void fake_trusted_forge(void *world, const struct nika_fault *fault,
                               struct nika_trusted_certificate *certificate,
                               const struct nika_digest *digest)
{
    struct fake *f = world;
    (void)digest;
    fake_must_be_out_of_model(f, fault);
    assert_int_not_equal(certificate->kind, 0);
    f->effects++;
}
static enum nika_err fake_resign(void *world, struct nika_outgoing *out, uint8_t type,
                                 struct nika_span body)
{
    struct fake *f = world;
    assert_true(fake_is_corrupted(f, out->from));
    fake_check_body(f, type, body, true);
    struct nika_writer w = nika_writer_of(out->bytes, out->capacity);
    fake_write(f, type, out->from, body, &w);
    if (w.failed) return NIKA_ERR_LIMIT;
    out->type = type;
    out->size = w.at;
    f->resigned++;
    return NIKA_OK;
}
static void fake_inject(void *world, uint32_t from, uint32_t to, uint8_t type,
                        enum nika_auth_alg alg, struct nika_span body)
{
    struct fake *f = world;
    assert_true(fake_is_corrupted(f, from));
    assert_true(to < f->config.n);
    assert_int_equal(alg, pbft_messages.messages[type]->auth);
    fake_check_body(f, type, body, true);
    f->injected++;
}
static void fake_inject_raw(void *world, uint32_t from, uint32_t to, struct nika_span frame)
{
    struct fake *f = world;
    (void)to;
    assert_true(fake_is_corrupted(f, from));
    assert_true(frame.size > 0);
    f->injected++;
}
static void fake_status(void *world, uint32_t replica, struct nika_replica_status *out)
{
    (void)replica;
    *out = (struct nika_replica_status){
        .view = ((struct fake *)world)->view, .active = true, .low_mark = 8};
}

static struct nika_span fake_frame(struct fake *f, uint8_t type, uint32_t sender, const void *value)
{
    const struct nika_message_info *info = pbft_messages.messages[type];
    struct nika_writer body = nika_writer_of(f->body, sizeof f->body);
    struct nika_writer w = nika_writer_of(f->frames[type], FAKE_FRAME_MAX);
    nika_encode(info, value, &body);
    fake_write(f, type, sender, (struct nika_span){f->body, body.at}, &w);
    assert_false(body.failed || w.failed);
    f->sizes[type] = w.at;
    return (struct nika_span){f->frames[type], w.at};
}

/* The digest that the hand-made PRE-PREPARE orders: that of the hand-made BATCH. */
static struct nika_digest fake_batch(struct fake *f, uint32_t requests)
{
    uint8_t list[1024];
    struct nika_writer w = nika_writer_of(list, sizeof list);
    struct common_batch batch = {.time_ns = 7, .requests = {0, {list, 0}}};
    for (uint32_t i = 0; i < requests; i++) {
        struct common_request r = {
            .client = 0, .timestamp = 5 + i, .op = {(const uint8_t *)"op", 2}};
        struct nika_span raw = fake_frame(f, COMMON_TYPE_request, nika_client_node(0), &r);
        nika_frames_append(&w, &batch.requests, raw);
    }
    struct nika_span frame = fake_frame(f, COMMON_TYPE_batch, 0, &batch);
    struct nika_frame parsed;
    struct nika_digest digest;
    assert_int_equal(nika_frame_parse(frame, f->config.epoch, FAKE_FRAME_MAX, &parsed), NIKA_OK);
    struct nika_span parts[] = {{(const uint8_t *)"BATCH", 5}, parsed.body};
    nika_sha256(parts, 2, &digest);
    return digest;
}

static void fake_messages(struct fake *f, uint32_t requests)
{
    struct nika_digest d = fake_batch(f, requests);
    uint8_t l1[4096], l2[4096], l3[4096];
    struct nika_writer w1 = nika_writer_of(l1, sizeof l1), w2 = nika_writer_of(l2, sizeof l2);
    struct nika_writer w3 = nika_writer_of(l3, sizeof l3);
    struct pbft_pre_prepare pp = {.view = 4, .seq = 9, .digest = d};
    struct pbft_prepare prepare = {.view = 4, .seq = 9, .digest = d};
    struct pbft_commit commit = {.view = 4, .seq = 9, .digest = d};
    struct pbft_checkpoint checkpoint = {.seq = 8, .digest = d};
    struct nika_span pp_raw = fake_frame(f, PBFT_TYPE_pre_prepare, 0, &pp);
    struct nika_span prepare_raw = fake_frame(f, PBFT_TYPE_prepare, 0, &prepare);
    struct nika_span commit_raw = fake_frame(f, PBFT_TYPE_commit, 0, &commit);
    struct nika_span checkpoint_raw = fake_frame(f, PBFT_TYPE_checkpoint, 0, &checkpoint);
    struct pbft_certificate certificate = {.pre_prepare = pp_raw};
    struct pbft_view_change vc = {.view = 5, .low_mark = 8};
    nika_frames_append(&w1, &certificate.prepares, prepare_raw);
    nika_list_append(&w2, &vc.prepared, &pbft_info_certificate, &certificate);
    nika_frames_append(&w3, &vc.checkpoints, checkpoint_raw);
    struct nika_span vc_raw = fake_frame(f, PBFT_TYPE_view_change, 0, &vc);
    struct pbft_new_view nv = {.view = 8};
    nika_frames_append(&w1, &nv.view_changes, vc_raw);
    nika_frames_append(&w2, &nv.pre_prepares, pp_raw);
    (void)fake_frame(f, PBFT_TYPE_new_view, 0, &nv);
    struct pbft_status status = {.view = 4, .active = 1};
    (void)fake_frame(f, PBFT_TYPE_status, 0, &status);
    struct pbft_commit_cert cert = {.commits = {0, {NULL, 0}}};
    nika_frames_append(&w3, &cert.commits, commit_raw);
    (void)fake_frame(f, PBFT_TYPE_commit_cert, 0, &cert);
    struct common_reply reply = {.timestamp = 5, .full = 1, .result = {(const uint8_t *)"ok", 2}};
    (void)fake_frame(f, COMMON_TYPE_reply, 0, &reply);
    struct common_meta meta = {.seq = 8, .chunk_count = 1, .total_size = 3};
    (void)fake_frame(f, COMMON_TYPE_meta, 0, &meta);
    struct common_chunk chunk = {.seq = 8, .data = {(const uint8_t *)"abc", 3}};
    nika_digests_append(&w1, &chunk.proof, &d);
    (void)fake_frame(f, COMMON_TYPE_chunk, 0, &chunk);
}

static void fake_init(struct fake *f, const struct nika_fault_ops *ops, bool acts)
{
    memset(f, 0, sizeof *f);
    nika_config_default(&f->config);
    f->config.clients = 2;
    f->view = 4;
    f->values_act = acts;
    f->chooser.driver = fake_driver;
    f->chooser.driver_state = &f->values_act;
    f->host = (struct nika_fault_host){.world = f,
                                       .config = &f->config,
                                       .messages = &pbft_messages,
                                       .chooser = &f->chooser,
                                       .now_ns = fake_now,
                                       .acted = fake_acted,
                                       .wake = fake_wake,
                                       .crash = fake_crash,
                                       .restart = fake_restart,
                                       .pause = fake_pause,
                                       .cpu_slow = fake_cpu,
                                       .clock_set = fake_clock_set,
                                       .clock_jump = fake_clock_jump,
                                       .disk_rot = fake_rot,
                                       .resign = fake_resign,
                                       .inject = fake_inject,
                                       .inject_raw = fake_inject_raw,
                                       .is_corrupted = fake_is_corrupted,
                                       .twin = fake_twin,
                                       .settled = fake_settled,
                                       .trusted_certify = fake_trusted_certify,
                                       .trusted_copy = fake_trusted_copy,
                                       .trusted_put = fake_trusted_put,
                                       .trusted_clone = fake_trusted_clone,
                                       .trusted_forge = fake_trusted_forge,
                                       .status = fake_status};
    static struct nika_trusted_key *trusted_key;
    static const uint8_t secret[NIKA_TRUSTED_SECRET_SIZE] = {3};
    if (trusted_key == NULL)
        trusted_key = nika_trusted_key_new(secret); /* For the whole program. */
    f->trusted_key = trusted_key;
    nika_trusted_instance_init(&f->trusted, 0, 1, NIKA_TRUSTED_COUNTERS_MAX);
    f->fault = (struct nika_fault){.ops = ops,
                                   .host = &f->host,
                                   .active = true,
                                   .targets = {1, 0},
                                   .from_ns = 0,
                                   .to_ns = 1000000000u,
                                   .state = f->state};
    for (uint32_t i = 0; i < ops->param_count; i++) f->fault.params[i] = ops->params[i].fallback;
    assert_true(ops->state_size <= sizeof f->state);
    fake_messages(f, 2);
}

#endif
