/* tests/protocols/client/test_client.c: C-a to C-g of PROTOCOLS.md 1.5, each as a claim, with a host whose signature is a fixed tag. */
#include "tests/support/test.h"

#include "engine/core/check.h"
#include "engine/core/digest.h"
#include "protocols/client/client.h"
#include "protocols/common/messages.h"

#define OP_MAX 64u
#define REPLY_MAX 64u

struct rig {
    struct nika_config config;
    struct nika_host host;
    void *memory;
    struct nika_replica *client;
    struct nika_effects effects;
    struct nika_action actions[32];
    uint8_t bytes[8192];
    uint64_t timer_generation, timer_delay; /* Last armed. */
    uint64_t timestamp;                     /* Of the last REQUEST sent. */
};

static uint32_t sign(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type, uint32_t to,
                     struct nika_span body, uint8_t *auth)
{
    (void)world, (void)self, (void)type, (void)to, (void)body;
    assert_int_equal(alg, NIKA_AUTH_SIGNATURE);
    memset(auth, 0x5a, 8);
    return 8;
}

static void boot(struct rig *r)
{
    memset(r->memory, 0, nika_client_bft.size(&r->config));
    r->client = nika_client_bft.init(r->memory, &r->config, &r->host);
}
static struct rig *open_rig(uint32_t n, uint32_t f, bool read_only)
{
    struct rig *r = calloc(1, sizeof *r);
    r->config = (struct nika_config){.n = n,
                                     .f = f,
                                     .clients = 3,
                                     .op_size_max = OP_MAX,
                                     .reply_size_max = REPLY_MAX,
                                     .read_only = read_only,
                                     .client_ns = 1000};
    r->host = (struct nika_host){.self = nika_client_node(2), .authenticate = sign};
    r->effects = (struct nika_effects){.actions = r->actions,
                                       .capacity = 32,
                                       .bytes = r->bytes,
                                       .bytes_capacity = sizeof r->bytes};
    r->memory = malloc(nika_client_bft.size(&r->config));
    boot(r);
    return r;
}
static void close_rig(struct rig *r)
{
    free(r->memory);
    free(r);
}
static const struct nika_action *find(const struct rig *r, enum nika_action_kind kind)
{
    for (uint32_t i = 0; i < r->effects.count; i++) {
        if (r->actions[i].kind == kind) return &r->actions[i];
    }
    return NULL;
}
/* The request of a SEND or BROADCAST action. */
static struct common_request request_of(struct rig *r, const struct nika_action *action)
{
    struct nika_frame frame;
    struct common_request request;
    assert_non_null(action);
    assert_int_equal(nika_frame_parse(nika_action_bytes(&r->effects, action), 0, 4096, &frame),
                     NIKA_OK);
    assert_int_equal(frame.type, COMMON_TYPE_request);
    assert_int_equal(frame.sender, r->host.self);
    assert_int_equal(nika_decode(&common_info_request, frame.body, &request), NIKA_OK);
    return request;
}
static void step(struct rig *r, struct nika_event event)
{
    nika_effects_clear(&r->effects);
    nika_client_bft.step(r->client, &event, &r->effects);
    assert_false(r->effects.overflow);
    for (uint32_t i = 0; i < r->effects.count; i++) {
        const struct nika_action *action = &r->actions[i];
        if (action->kind == NIKA_ACTION_TIMER)
            r->timer_generation = action->token, r->timer_delay = action->a;
        if (action->kind == NIKA_ACTION_SEND || action->kind == NIKA_ACTION_BROADCAST)
            r->timestamp = request_of(r, action).timestamp;
    }
}
static void stored(struct rig *r, uint64_t token, int32_t status)
{
    step(r, (struct nika_event){.kind = NIKA_EVENT_STORED, .token = token, .status = status});
}
/* Invoke, and make the reservation durable if one is asked for. Effects are those of the step that sent. */
static void invoke(struct rig *r, uint64_t token, int32_t flags)
{
    step(r, (struct nika_event){.kind = NIKA_EVENT_INVOKE,
                                .token = token,
                                .status = flags,
                                .bytes = {(const uint8_t *)"op", 2}});
    const struct nika_action *persist = find(r, NIKA_ACTION_PERSIST);
    if (persist != NULL) stored(r, persist->token, 0);
}
static void fire(struct rig *r)
{
    step(r, (struct nika_event){.kind = NIKA_EVENT_TIMER,
                                .timer = NIKA_CLIENT_TIMER,
                                .generation = r->timer_generation});
}
static struct common_reply reply_with(const struct rig *r, const char *result)
{
    struct common_reply m = {.client = 2, .timestamp = r->timestamp, .seq = 9, .full = 1};
    m.result = (struct nika_span){(const uint8_t *)result, (uint32_t)strlen(result)};
    nika_sha256_one(result, m.result.size, &m.result_digest);
    return m;
}
static void deliver(struct rig *r, uint32_t sender, struct common_reply m)
{
    uint8_t body[256];
    struct nika_writer w = nika_writer_of(body, sizeof body);
    nika_encode(&common_info_reply, &m, &w);
    struct nika_frame frame = {.type = COMMON_TYPE_reply,
                               .auth_alg = NIKA_AUTH_MAC,
                               .sender = sender,
                               .body = {body, w.at}};
    step(r, (struct nika_event){.kind = NIKA_EVENT_MESSAGE, .frame = &frame});
}
static void assert_completed(struct rig *r, uint64_t token, const char *result)
{
    const struct nika_action *done = find(r, NIKA_ACTION_COMPLETE);
    assert_non_null(done);
    assert_int_equal(done->token, token);
    assert_int_equal(done->size, strlen(result));
    assert_memory_equal(nika_action_bytes(&r->effects, done).data, result, done->size);
}
static void assert_pending(struct rig *r)
{
    assert_null(find(r, NIKA_ACTION_COMPLETE));
}
static void assert_rejected(struct rig *r, enum nika_check check, uint32_t sender)
{
    const struct nika_action *note = find(r, NIKA_ACTION_NOTE);
    assert_non_null(note);
    assert_int_equal(note->id, NIKA_NOTE_REJECT);
    assert_int_equal(note->a, check);
    assert_int_equal(note->b, sender);
    assert_pending(r);
}

/* D7 */
static void test_timestamps_increase_and_are_durable_before_they_are_sent(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    uint64_t durable = 0, last = 0;
    for (uint64_t k = 0; k < 200; k++) {
        step(r, (struct nika_event){
                    .kind = NIKA_EVENT_INVOKE, .token = k, .bytes = {(const uint8_t *)"op", 2}});
        const struct nika_action *persist = find(r, NIKA_ACTION_PERSIST);
        if (persist != NULL) {
            assert_null(find(r, NIKA_ACTION_SEND));
            assert_int_equal(persist->id, NIKA_CLIENT_RECORD_TIMESTAMP);
            uint64_t upper = nika_load_le(nika_action_bytes(&r->effects, persist).data, 8);
            assert_int_equal(upper, persist->a);
            assert_int_equal(upper, durable + NIKA_CLIENT_TIMESTAMP_BLOCK);
            stored(r, persist->token, 0);
            durable = upper;
        }
        struct common_request request = request_of(r, find(r, NIKA_ACTION_SEND));
        assert_true(request.timestamp > last && request.timestamp <= durable);
        last = request.timestamp;
        deliver(r, 0, reply_with(r, "x"));
        deliver(r, 1, reply_with(r, "x"));
        assert_completed(r, k, "x");
    }
    close_rig(r);
}

static void test_recovered_client_starts_after_its_reserved_block(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    uint8_t record[8];
    nika_store_le(record, 128, 8);
    nika_client_bft.recover(r->client, NIKA_CLIENT_RECORD_TIMESTAMP, 128,
                            (struct nika_span){record, 8});
    invoke(r, 1, 0);
    assert_int_equal(r->timestamp, 129);
    boot(r);
    nika_client_bft.recover(r->client, NIKA_RECORD_AMNESIA, 0, (struct nika_span){NULL, 0});
    step(r, (struct nika_event){.kind = NIKA_EVENT_START, .now_ns = 5000});
    invoke(r, 1, 0);
    assert_int_equal(r->timestamp, 5001);
    close_rig(r);
}

static void test_failed_reservation_is_tried_again_and_nothing_is_sent_meanwhile(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    step(r, (struct nika_event){
                .kind = NIKA_EVENT_INVOKE, .token = 1, .bytes = {(const uint8_t *)"op", 2}});
    stored(r, find(r, NIKA_ACTION_PERSIST)->token, 1);
    assert_null(find(r, NIKA_ACTION_SEND));
    fire(r);
    assert_null(find(r, NIKA_ACTION_SEND));
    stored(r, find(r, NIKA_ACTION_PERSIST)->token, 0);
    assert_non_null(find(r, NIKA_ACTION_SEND));
    close_rig(r);
}

static void test_first_send_goes_to_the_believed_primary_which_w_replies_teach(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    invoke(r, 1, 0);
    assert_int_equal(find(r, NIKA_ACTION_SEND)->to, 0);
    assert_int_equal(request_of(r, find(r, NIKA_ACTION_SEND)).replier, 0xffffffffu);
    struct common_reply m = reply_with(r, "x");
    m.view = 6;
    deliver(r, 1, m);
    m.view = 999; /* A lone liar teaches nothing beyond what another says. */
    deliver(r, 3, m);
    assert_completed(r, 1, "x");
    invoke(r, 2, 0);
    assert_int_equal(find(r, NIKA_ACTION_SEND)->to, 2);
    close_rig(r);
}

static void test_result_needs_w_equal_replies_with_one_full(void **state)
{
    (void)state;
    struct rig *r = open_rig(7, 2, false);
    invoke(r, 1, 0);
    struct common_reply good = reply_with(r, "good"), hash = good, elsewhere = good;
    hash.full = 0;
    hash.result.size = 0;
    elsewhere.seq = 10;
    deliver(r, 0, hash);
    deliver(r, 1, hash);
    deliver(r, 2, elsewhere);
    deliver(r, 3, reply_with(r, "evil"));
    assert_pending(r);
    deliver(r, 4, hash); /* W equal, but none full. */
    assert_pending(r);
    deliver(r, 5, good);
    assert_completed(r, 1, "good");
    assert_int_equal(find(r, NIKA_ACTION_COMPLETE)->a, 9);
    close_rig(r);
}

static void test_writes_need_q_replies_while_the_read_only_path_is_on(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, true);
    invoke(r, 1, 0);
    deliver(r, 0, reply_with(r, "x"));
    deliver(r, 1, reply_with(r, "x"));
    assert_pending(r);
    deliver(r, 2, reply_with(r, "x"));
    assert_completed(r, 1, "x");
    close_rig(r);
}

static void test_timeout_broadcasts_the_same_bytes_with_doubling_up_to_the_cap(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    uint8_t sent[512];
    invoke(r, 1, 0);
    struct nika_span frame = nika_action_bytes(&r->effects, find(r, NIKA_ACTION_SEND));
    uint32_t size = frame.size;
    memcpy(sent, frame.data, size);
    const uint64_t delays[] = {2000, 4000, 8000, 16000, 16000};
    assert_int_equal(r->timer_delay, 1000);
    uint64_t stale = r->timer_generation;
    for (uint32_t i = 0; i < ARRAY_COUNT(delays); i++) {
        fire(r);
        frame = nika_action_bytes(&r->effects, find(r, NIKA_ACTION_BROADCAST));
        assert_int_equal(frame.size, size);
        assert_memory_equal(frame.data, sent, size);
        assert_int_equal(r->timer_delay, delays[i]);
    }
    step(r, (struct nika_event){
                .kind = NIKA_EVENT_TIMER, .timer = NIKA_CLIENT_TIMER, .generation = stale});
    assert_int_equal(r->effects.count, 0);
    deliver(r, 0, reply_with(r, "x"));
    deliver(r, 2, reply_with(r, "x"));
    assert_completed(r, 1, "x");
    assert_true(r->timer_delay == NIKA_TIMER_CANCEL);
    close_rig(r);
}

static void test_one_operation_is_outstanding_and_the_queue_is_bounded(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    invoke(r, 1, 0);
    for (uint64_t token = 2; token <= 1 + NIKA_CLIENT_QUEUE; token++) {
        invoke(r, token, 0);
        assert_int_equal(r->effects.count, 0);
    }
    invoke(r, 99, 0);
    assert_rejected(r, NIKA_CHECK_R4, r->host.self);
    for (uint64_t token = 1; token <= 1 + NIKA_CLIENT_QUEUE; token++) {
        deliver(r, 0, reply_with(r, "x"));
        assert_pending(r);
        deliver(r, 1, reply_with(r, "x"));
        assert_completed(r, token, "x");
        assert_int_equal(find(r, NIKA_ACTION_SEND) != NULL, token <= NIKA_CLIENT_QUEUE);
    }
    close_rig(r);
}

static void test_a_replica_counts_once_and_its_newest_reply_stands(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    invoke(r, 1, 0);
    deliver(r, 3, reply_with(r, "evil"));
    deliver(r, 3, reply_with(r, "evil"));
    assert_pending(r);
    deliver(r, 3, reply_with(r, "good"));
    deliver(r, 1, reply_with(r, "evil")); /* 3 no longer stands by it. */
    assert_pending(r);
    deliver(r, 0, reply_with(r, "good"));
    assert_completed(r, 1, "good");
    close_rig(r);
}

static void test_replies_that_do_not_fit_are_rejected(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    invoke(r, 1, 0);
    deliver(r, 0, reply_with(r, "x"));
    struct common_reply good = reply_with(r, "x"), m = good;
    m.client = 1;
    deliver(r, 1, m), assert_rejected(r, NIKA_CHECK_CG, 1);
    m = good, m.timestamp++;
    deliver(r, 1, m), assert_rejected(r, NIKA_CHECK_CG, 1);
    m = good, m.tentative = 1;
    deliver(r, 1, m), assert_rejected(r, NIKA_CHECK_CG, 1);
    m = good, m.result_digest.bytes[0] ^= 1;
    deliver(r, 1, m), assert_rejected(r, NIKA_CHECK_CG, 1);
    m = good, m.result.data =
                  (const uint8_t *)"y"; /* The digest that the others gave, over another result. */
    deliver(r, 1, m), assert_rejected(r, NIKA_CHECK_CG, 1);
    m = good, m.full = 0;
    deliver(r, 1, m), assert_rejected(r, NIKA_CHECK_CG, 1);
    deliver(r, 4, good), assert_rejected(r, NIKA_CHECK_CG, 4);
    deliver(r, nika_client_node(1), good), assert_rejected(r, NIKA_CHECK_CG, nika_client_node(1));
    m = reply_with(r, "0123456789012345678901234567890123456789012345678901234567890123456789");
    deliver(r, 1, m), assert_rejected(r, NIKA_CHECK_CG, 1);
    struct nika_frame frame = {.type = COMMON_TYPE_reply,
                               .auth_alg = NIKA_AUTH_MAC,
                               .sender = 1,
                               .body = {(const uint8_t *)"ab", 2}};
    step(r, (struct nika_event){.kind = NIKA_EVENT_MESSAGE, .frame = &frame});
    assert_rejected(r, NIKA_CHECK_W0, 1);
    m = good, m.timestamp = 0; /* Late: neither counted nor an offence. */
    deliver(r, 1, m);
    assert_int_equal(r->effects.count, 0);
    deliver(r, 1, good);
    assert_completed(r, 1, "x");
    close_rig(r);
}

static void test_read_goes_to_all_and_needs_q_equal_results(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, true);
    invoke(r, 1, NIKA_OP_READ_ONLY);
    assert_int_equal(request_of(r, find(r, NIKA_ACTION_BROADCAST)).flags, NIKA_OP_READ_ONLY);
    struct common_reply m = reply_with(r, "x");
    deliver(r, 0, m);
    m.seq = 7; /* The same value at another place is the same read. */
    deliver(r, 1, m);
    assert_pending(r);
    deliver(r, 2, m);
    assert_completed(r, 1, "x");
    assert_int_equal(find(r, NIKA_ACTION_COMPLETE)->a, 7);
    close_rig(r);
}

static void assert_fell_back(struct rig *r, uint64_t read_timestamp)
{
    const struct nika_action *send = find(r, NIKA_ACTION_SEND);
    assert_int_equal(request_of(r, send).flags, 0);
    assert_true(request_of(r, send).timestamp > read_timestamp);
    for (uint32_t i = 0; i < 3; i++) deliver(r, i, reply_with(r, "z"));
    assert_completed(r, 1, "z");
}
static void test_read_without_agreement_is_ordered_under_a_new_timestamp(void **state)
{
    (void)state;
    const char *results[] = {"x", "x", "y", "y"};
    struct rig *r = open_rig(4, 1, true);
    invoke(r, 1, NIKA_OP_READ_ONLY);
    uint64_t timestamp = r->timestamp;
    for (uint32_t i = 0; i < 4; i++) {
        assert_null(find(r, NIKA_ACTION_SEND));
        deliver(r, i, reply_with(r, results[i]));
    }
    assert_fell_back(r, timestamp);
    invoke(r, 1, NIKA_OP_READ_ONLY); /* The next read takes the short path again. */
    assert_non_null(find(r, NIKA_ACTION_BROADCAST));
    timestamp = r->timestamp;
    fire(r);
    assert_fell_back(r, timestamp);
    close_rig(r);
}

static void test_read_is_ordered_when_the_cluster_has_no_read_only_path(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    invoke(r, 1, NIKA_OP_READ_ONLY);
    assert_int_equal(request_of(r, find(r, NIKA_ACTION_SEND)).flags, 0);
    close_rig(r);
}

static void test_operation_without_reply_completes_when_sent(void **state)
{
    (void)state;
    struct rig *r = open_rig(4, 1, false);
    invoke(r, 1, NIKA_OP_NO_REPLY);
    assert_int_equal(request_of(r, find(r, NIKA_ACTION_SEND)).flags, NIKA_OP_NO_REPLY);
    assert_completed(r, 1, "");
    invoke(r, 2, 0);
    assert_pending(r);
    close_rig(r);
}

static void test_the_same_events_give_the_same_effects(void **state)
{
    (void)state;
    struct rig *a = open_rig(4, 1, true), *b = open_rig(4, 1, true);
    for (uint32_t k = 0; k < 300; k++) {
        uint64_t draw = nika_hash64(&k, sizeof k, 5);
        for (uint32_t side = 0; side < 2; side++) {
            struct rig *r = side == 0 ? a : b;
            if (draw % 4 == 0) invoke(r, k, (int32_t)(draw >> 8) & 3);
            if (draw % 4 == 1) fire(r);
            if (draw % 4 >= 2)
                deliver(r, (uint32_t)(draw >> 16) % 4,
                        reply_with(r, (draw >> 20) % 3 == 0 ? "x" : "y"));
        }
        assert_int_equal(a->effects.count, b->effects.count);
        assert_int_equal(a->effects.bytes_used, b->effects.bytes_used);
        assert_memory_equal(a->bytes, b->bytes, a->effects.bytes_used);
    }
    close_rig(a), close_rig(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timestamps_increase_and_are_durable_before_they_are_sent),
        cmocka_unit_test(test_recovered_client_starts_after_its_reserved_block),
        cmocka_unit_test(test_failed_reservation_is_tried_again_and_nothing_is_sent_meanwhile),
        cmocka_unit_test(test_first_send_goes_to_the_believed_primary_which_w_replies_teach),
        cmocka_unit_test(test_result_needs_w_equal_replies_with_one_full),
        cmocka_unit_test(test_writes_need_q_replies_while_the_read_only_path_is_on),
        cmocka_unit_test(test_timeout_broadcasts_the_same_bytes_with_doubling_up_to_the_cap),
        cmocka_unit_test(test_one_operation_is_outstanding_and_the_queue_is_bounded),
        cmocka_unit_test(test_a_replica_counts_once_and_its_newest_reply_stands),
        cmocka_unit_test(test_replies_that_do_not_fit_are_rejected),
        cmocka_unit_test(test_read_goes_to_all_and_needs_q_equal_results),
        cmocka_unit_test(test_read_without_agreement_is_ordered_under_a_new_timestamp),
        cmocka_unit_test(test_read_is_ordered_when_the_cluster_has_no_read_only_path),
        cmocka_unit_test(test_operation_without_reply_completes_when_sent),
        cmocka_unit_test(test_the_same_events_give_the_same_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
