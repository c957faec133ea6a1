/* tests/engine/sim/test_auth.c: authentication as the world does it: every suite, MACs by receiver, one verification for all receivers
 * of a broadcast, and its price to each of them. */
#include "tests/engine/sim/script.h"

enum { TYPE_SIGNED = 1, TYPE_MAC = 2 };
static const struct nika_message_info mac_info = {.name = "TOY-MAC",
                                                  .type = TYPE_MAC,
                                                  .auth = NIKA_AUTH_MAC,
                                                  .message_class = NIKA_MESSAGE_PREPARE,
                                                  .struct_size = sizeof(struct toy_message),
                                                  .field_count = 1,
                                                  .fields = toy_fields,
                                                  .doc = "a number under a MAC"};
static const struct nika_message_info *const infos[] = {NULL, &toy_info, &mac_info};
static const struct nika_message_table table = {"toy", 3, infos};

static uint32_t mac_for, verdicts, good;

/* A MAC made for `mac_for`, sent to replica 2. */
static void send_mac(struct nika_replica *r, struct nika_effects *effects)
{
    uint8_t body[8] = {5}, auth[NIKA_AUTH_SIZE_MAX], frame[512];
    struct nika_span span = {body, 8};
    uint32_t size = r->host->authenticate(r->host->world, r->host->self, NIKA_AUTH_MAC, TYPE_MAC,
                                          mac_for, span, auth);
    struct nika_writer w = nika_writer_of(frame, sizeof frame);
    nika_frame_write(r->config, TYPE_MAC, r->host->self, span, NIKA_AUTH_MAC,
                     (struct nika_span){auth, size}, &w);
    nika_effects_send(effects, 2, NIKA_CLASS_CONTROL, (struct nika_span){w.data, w.at});
}
static void macs(struct nika_replica *r, const struct nika_event *e, struct nika_effects *effects)
{
    if (e->kind == NIKA_EVENT_START && r->host->self == 0) send_mac(r, effects);
}
/* Replica 0 broadcasts; each receiver has the frame verified twice more, as one nested in another message. */
static void signs(struct nika_replica *r, const struct nika_event *e, struct nika_effects *effects)
{
    if (e->kind == NIKA_EVENT_START && r->host->self == 0) toy_send(r, effects, 5);
    if (e->kind != NIKA_EVENT_MESSAGE) return;
    struct nika_frame frame = *e->frame;
    verdicts++;
    good += r->host->verify(r->host->world, r->host->self, &frame);
    frame.sender = 3; /* Not who signed it. */
    verdicts++;
    good += r->host->verify(r->host->world, r->host->self, &frame);
}

static struct nika_world_options suite_options(script_step *step, enum nika_suite suite)
{
    struct nika_world_options o = script_options(step);
    const char *reason = NULL;
    script_ops.messages = &table;
    nika_keyring_free(o.keyring);
    o.config.suite = suite;
    assert_int_equal(nika_config_seal(&o.config, &reason), NIKA_OK);
    o.keyring = nika_keyring_new_derived(suite, o.config.n, o.config.clients, 1);
    assert_non_null(o.keyring);
    verdicts = good = 0;
    return o;
}
static const enum nika_suite suites[] = {NIKA_SUITE_ED25519, NIKA_SUITE_ECDSA_P256,
                                         NIKA_SUITE_RSA_2048, NIKA_SUITE_SIM};

static void test_every_suite_delivers_what_is_signed_and_only_for_its_signer(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(suites); i++) {
        struct nika_world_options o = suite_options(signs, suites[i]);
        struct nika_world *w = script_world(&o, 1);
        (void)nika_world_run(w, 5 * MS);
        assert_int_equal(seen_of(1, 1, NIKA_EVENT_MESSAGE, 0), 1);
        assert_int_equal(verdicts, 6);
        assert_int_equal(good, 3);
        script_end(w, &o);
    }
}

static void test_a_mac_is_good_for_its_receiver_only(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(suites); i++) {
        for (mac_for = 1; mac_for <= 2; mac_for++) {
            struct nika_world_stats stats;
            struct nika_world_options o = suite_options(macs, suites[i]);
            struct nika_world *w = script_world(&o, 1);
            (void)nika_world_run(w, 5 * MS);
            nika_world_stats(w, &stats);
            assert_int_equal(seen_of(2, 1, NIKA_EVENT_MESSAGE, 0), mac_for == 2);
            assert_int_equal(stats.dropped[NIKA_DROP_AUTH], mac_for != 2);
            script_end(w, &o);
        }
    }
}

static void test_the_verdict_cache_changes_neither_the_run_nor_its_price(void **state)
{
    (void)state;
    char digest[2][33];
    uint64_t cached[2], asked[2];
    for (uint32_t on = 0; on < 2; on++) {
        struct nika_world_stats stats;
        struct nika_world_options o = suite_options(signs, NIKA_SUITE_ED25519);
        o.cpu.verify_ns = 40000;
        o.verdict_cache = on != 0;
        struct nika_world *w = script_world(&o, 1);
        (void)nika_world_run(w, 5 * MS);
        nika_world_stats(w, &stats);
        nika_world_digest_text(w, digest[on]);
        cached[on] = stats.verifications_cached;
        asked[on] = stats.verifications;
        assert_int_equal(good, 3);
        script_end(w, &o);
    }
    assert_string_equal(digest[0], digest[1]);
    assert_int_equal(asked[0], 9);
    assert_int_equal(asked[1], 9);
    assert_int_equal(cached[0], 2); /* The receivers of one broadcast share its buffer. */
    assert_int_equal(cached[1], 7); /* One good and one bad verdict were worked out. */
}

/* The sender signs 1 ms, the receiver verifies 2 ms: a reply to a broadcast leaves when both are done. */
static void answers(struct nika_replica *r, const struct nika_event *e,
                    struct nika_effects *effects)
{
    if (e->kind == NIKA_EVENT_START && r->host->self == 0) toy_send(r, effects, 5);
    if (e->kind == NIKA_EVENT_MESSAGE && r->host->self == 1) toy_send(r, effects, 6);
}
static void test_signing_and_verifying_delay_what_follows(void **state)
{
    (void)state;
    struct nika_world_options o = suite_options(answers, NIKA_SUITE_SIM);
    o.network.latency[0] = toy_latency(100 * US, 100 * US);
    o.cpu.sign_ns = (uint32_t)MS;
    o.cpu.verify_ns = 2 * (uint32_t)MS;
    struct nika_world *w = script_world(&o, 1);
    (void)nika_world_run(w, 50 * MS);
    /* Start 1 ns, sign 1 ms, link 0.1, verify 2 + sign 1, link 0.1; the module sees a message as it arrives, its effects leave later. */
    assert_int_equal(seen_last(0, 1, NIKA_EVENT_MESSAGE)->now_ns,
                     1 + MS + 100 * US + 3 * MS + 100 * US);
    script_end(w, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_suite_delivers_what_is_signed_and_only_for_its_signer),
        cmocka_unit_test(test_a_mac_is_good_for_its_receiver_only),
        cmocka_unit_test(test_the_verdict_cache_changes_neither_the_run_nor_its_price),
        cmocka_unit_test(test_signing_and_verifying_delay_what_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
