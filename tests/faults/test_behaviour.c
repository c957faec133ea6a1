/* tests/faults/test_behaviour.c: every registered fault acts when its chooser says so, never when it says 0, and what it signs
 * is canonical and from a corrupted node (the fake host asserts that). */
#include "tests/faults/fake_host.h"

static struct fake fake;

/* The faults that this file has seen act; a new one is added here with the message that it needs. */
static const char *const covered[] = {"delay",
                                      "loss",
                                      "duplicate",
                                      "reorder",
                                      "partition",
                                      "isolate",
                                      "priorities",
                                      "round-partition",
                                      "clog",
                                      "corrupt",
                                      "crash",
                                      "restart-each",
                                      "pause",
                                      "slow-cpu",
                                      "lost-fsync",
                                      "torn-write",
                                      "bit-rot",
                                      "full-disk",
                                      "slow-disk",
                                      "clock-offset",
                                      "clock-drift",
                                      "clock-jump",
                                      "silent",
                                      "omit",
                                      "delay-own",
                                      "equivocate",
                                      "mutate",
                                      "malform",
                                      "replay",
                                      "bad-auth",
                                      "lying-state",
                                      "corrupt-reply",
                                      "lying-view-change",
                                      "lying-new-view",
                                      "forged-checkpoint",
                                      "gap",
                                      "grammar",
                                      "byzzfuzz",
                                      "starve",
                                      "twins",
                                      "withhold-batch",
                                      "invent-request",
                                      "big-time",
                                      "flood",
                                      "feed-subset",
                                      "client-equivocate",
                                      "client-reuse-timestamp",
                                      "client-bad-auth",
                                      "client-bad-request",
                                      "client-flood",
                                      "trusted-crash",
                                      "trusted-halt",
                                      "trusted-gap",
                                      "trusted-rollback",
                                      "trusted-clone",
                                      "trusted-reset",
                                      "trusted-key-leak"};
/* What speaks Hybster alone: the host of this file speaks PBFT. tests/scenarios/test_certified_lies.c sees them act. */
static const char *const elsewhere[] = {"certified-lies", "two-faced", "trusted-equivocate"};

static bool is_elsewhere(const struct nika_fault_ops *ops)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(elsewhere); i++) {
        if (strcmp(elsewhere[i], ops->name) == 0) return true;
    }
    return false;
}

static bool touched(const struct nika_outgoing *out)
{
    return out->changed || out->drop || out->copies != 0 || out->delay_ns != 0 ||
           out->hold_until_ns != 0 || out->unordered;
}

/* Gives one hand-made message to the fault; returns what became of it in `fake.out_bytes`. */
static struct nika_outgoing offer(uint8_t type, uint32_t to)
{
    const struct nika_fault_ops *ops = fake.fault.ops;
    struct nika_frame frame;
    struct nika_span raw = {fake.frames[type], fake.sizes[type]};
    assert_int_equal(nika_frame_parse(raw, fake.config.epoch, FAKE_FRAME_MAX, &frame), NIKA_OK);
    memcpy(fake.out_bytes, raw.data, raw.size);
    struct nika_summary summary = {
        .message_class = pbft_messages.messages[type]->message_class, .view = 4, .seq = 9};
    struct nika_outgoing out = {.from = frame.sender,
                                .to = to,
                                .type = type,
                                .size = raw.size,
                                .capacity = FAKE_FRAME_MAX,
                                .bytes = fake.out_bytes,
                                .summary = &summary};
    uint64_t before = fake.acted;
    if (ops->on_link != NULL) ops->on_link(&fake.fault, &out);
    if (ops->on_send != NULL && fake_is_corrupted(&fake, out.from)) ops->on_send(&fake.fault, &out);
    if (touched(&out)) assert_true(fake.acted > before);
    /* To count an act is not to act. */
    if (ops->fault_class == NIKA_FAULT_NETWORK && fake.acted > before) assert_true(touched(&out));
    if (memcmp(fake.out_bytes, raw.data, raw.size) != 0) assert_true(out.changed);
    if (ops->fault_class < NIKA_FAULT_BYZANTINE) return out;
    struct nika_span sent = {out.bytes, out.size};
    assert_int_equal(nika_frame_parse(sent, fake.config.epoch, FAKE_FRAME_MAX, &frame), NIKA_OK);
    fake_check_body(&fake, frame.type, frame.body, out.changed);
    return out;
}

static void offer_all(void)
{
    for (uint8_t type = 1; type < FAKE_TYPES; type++) {
        if (fake.sizes[type] == 0) continue;
        for (uint32_t to = 1; to < fake.config.n; to++) (void)offer(type, to);
    }
    (void)offer(COMMON_TYPE_reply, nika_client_node(1));
    struct common_request later = {.client = 0, .timestamp = 50};
    (void)fake_frame(&fake, COMMON_TYPE_request, nika_client_node(0), &later);
    (void)offer(COMMON_TYPE_request, 2);
    (void)offer(COMMON_TYPE_request, 0); /* Into a minority of one. */
}

static void receive_request(void)
{
    const struct nika_fault_ops *ops = fake.fault.ops;
    struct nika_span raw = {fake.frames[COMMON_TYPE_request], fake.sizes[COMMON_TYPE_request]};
    struct nika_frame frame;
    uint64_t before = fake.acted;
    assert_int_equal(nika_frame_parse(raw, fake.config.epoch, FAKE_FRAME_MAX, &frame), NIKA_OK);
    if (ops->on_receive == NULL) return;
    bool shown = ops->on_receive(&fake.fault, 0, &frame);
    if (!shown) assert_true(fake.acted > before);
}

static void use_disk(void)
{
    const struct nika_fault_ops *ops = fake.fault.ops;
    uint64_t delay_ns = 0, before = fake.acted;
    uint32_t kept = 0;
    if (ops->on_disk != NULL && ops->on_disk(&fake.fault, 0, 1, &delay_ns) != NIKA_DISK_OK)
        assert_true(fake.acted > before);
    if (ops->on_disk != NULL)
        assert_int_equal(ops->on_disk(&fake.fault, 1, 1, &delay_ns), NIKA_DISK_OK);
    if (ops->on_tear != NULL && ops->on_tear(&fake.fault, 0, 100, &kept)) {
        assert_true(kept > 0 && kept < 100);
        assert_true(fake.acted > before);
    }
}

static void tap_everything(void)
{
    const struct nika_fault_ops *ops = fake.fault.ops;
    if (ops->on_tap == NULL) return;
    for (uint32_t a = 0; a < 512; a++) {
        fake.view = a < 256 ? 4 : 5; /* As a primary, then as a backup. */
        for (uint32_t node = 0; node < fake.config.n; node++) {
            ops->on_tap(&fake.fault, node, NIKA_TAP_PERSIST, a % 256, 1);
            ops->on_tap(&fake.fault, node, NIKA_TAP_STORED, a % 256, 1);
        }
    }
}

/* The module of replica 0 certifies three values; what fails or kills it is an act. */
static void use_trusted(void)
{
    const struct nika_fault_ops *ops = fake.fault.ops;
    if (ops->on_trusted == NULL) return;
    for (uint64_t order = 1; order <= 3; order++) {
        struct nika_trusted_call call = {.operation = NIKA_TRUSTED_CERTIFY,
                                         .kind = NIKA_TRUSTED_INDEPENDENT,
                                         .value = {0, order}};
        struct nika_trusted_certificate certificate;
        struct nika_digest digest = {{7}};
        bool done = ops->on_trusted(&fake.fault, 0, &call) == NIKA_OK &&
                    nika_trusted_certify(&fake.trusted, fake.trusted_key, NIKA_TRUSTED_INDEPENDENT,
                                         0, call.value, &digest, &certificate) == NIKA_OK;
        call.after = true;
        if (done) (void)ops->on_trusted(&fake.fault, 0, &call);
        if (call.crash) fake.down[0] = true;
        if (!done || call.crash) assert_true(fake.acted > 0);
        if (call.crash) return;
    }
}

/* One life of a fault, from start to stop, with an occasion for everything that any fault waits for. */
static void live(void)
{
    const struct nika_fault_ops *ops = fake.fault.ops;
    if (ops->start != NULL) ops->start(&fake.fault);
    offer_all();
    receive_request();
    use_disk();
    tap_everything();
    use_trusted();
    for (uint32_t i = 0; i < fake.wakes; i++) {
        fake.now_ns += FAULT_MS;
        ops->on_wake(&fake.fault, fake.cookies[i]);
    }
    if (ops->stop != NULL) ops->stop(&fake.fault);
    for (uint32_t i = 0; i < fake.config.n; i++) assert_false(fake.down[i]);
}

static void test_every_registered_fault_is_covered(void **state)
{
    (void)state;
    assert_int_equal(nika_fault_count, ARRAY_COUNT(covered) + ARRAY_COUNT(elsewhere));
    for (uint32_t i = 0; i < ARRAY_COUNT(covered); i++)
        assert_non_null(nika_fault_find(covered[i]));
    for (uint32_t i = 0; i < ARRAY_COUNT(elsewhere); i++)
        assert_non_null(nika_fault_find(elsewhere[i]));
}

static void test_every_fault_acts_when_told_to(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        if (is_elsewhere(nika_fault_list[i])) continue;
        fake_init(&fake, nika_fault_list[i], true);
        live();
        if (fake.acted == 0) print_error("%s never acted\n", nika_fault_list[i]->name);
        assert_true(fake.acted > 0);
    }
}

static void test_no_fault_acts_when_the_choice_is_zero(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        fake_init(&fake, nika_fault_list[i], false);
        live();
        if (fake.acted != 0) print_error("%s acted\n", nika_fault_list[i]->name);
        assert_int_equal(fake.acted, 0);
        assert_int_equal(fake.effects + fake.injected + fake.resigned, 0);
    }
}

/* A `type` names messages that some faults cannot act on (a BATCH has no authenticator); all other names must work. */
static void test_every_named_variant_acts(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        const struct nika_fault_ops *ops = nika_fault_list[i];
        for (uint32_t k = 0; k < ops->param_count; k++) {
            const struct nika_fault_param *p = &ops->params[k];
            if (p->names == NULL || strcmp(p->name, "type") == 0 || is_elsewhere(ops)) continue;
            for (uint64_t value = 0; value <= p->high; value++) {
                fake_init(&fake, ops, true);
                fake.fault.params[k] = value;
                live();
                if (fake.acted == 0) print_error("%s %s=%s\n", ops->name, p->name, p->names[value]);
                assert_true(fake.acted > 0);
            }
        }
    }
}

static struct nika_digest digest_of(const struct nika_outgoing *out)
{
    struct nika_frame frame;
    struct pbft_pre_prepare m;
    struct nika_span raw = {out->bytes, out->size};
    assert_int_equal(nika_frame_parse(raw, fake.config.epoch, FAKE_FRAME_MAX, &frame), NIKA_OK);
    assert_int_equal(nika_decode(&pbft_info_pre_prepare, frame.body, &m), NIKA_OK);
    return m.digest;
}

static struct nika_digest batch_digest_of(const struct nika_outgoing *out)
{
    struct nika_frame frame;
    struct nika_digest digest;
    struct nika_span raw = {out->bytes, out->size};
    assert_int_equal(nika_frame_parse(raw, fake.config.epoch, FAKE_FRAME_MAX, &frame), NIKA_OK);
    struct nika_span parts[] = {{(const uint8_t *)"BATCH", 5}, frame.body};
    nika_sha256(parts, 2, &digest);
    return digest;
}

static void equivocates_with(uint32_t requests)
{
    fake_init(&fake, nika_fault_find("equivocate"), true);
    fake_messages(&fake, requests);
    struct nika_outgoing out = offer(COMMON_TYPE_batch, 1);
    struct nika_digest honest = batch_digest_of(&out);
    assert_false(out.changed);
    out = offer(COMMON_TYPE_batch, 2);
    struct nika_digest other = batch_digest_of(&out);
    assert_false(nika_digest_equal(&honest, &other));
    for (uint32_t to = 1; to < 4; to++) {
        out = offer(PBFT_TYPE_pre_prepare, to);
        struct nika_digest d = digest_of(&out);
        assert_true(nika_digest_equal(&d, to < 2 ? &honest : &other));
    }
    out = offer(PBFT_TYPE_commit, 3);
    assert_true(out.changed);
    struct nika_digest vote = digest_of(&out); /* Same layout: view, seq, digest. */
    assert_true(nika_digest_equal(&vote, &other));
}

static void test_equivocation_is_a_real_batch_and_one_story(void **state)
{
    (void)state;
    equivocates_with(1);
    equivocates_with(2);
}

static void test_order_before_its_batch_waits_and_is_then_told(void **state)
{
    (void)state;
    fake_init(&fake, nika_fault_find("equivocate"), true);
    struct nika_outgoing out = offer(PBFT_TYPE_pre_prepare, 2);
    assert_true(out.drop);
    assert_int_equal(fake.injected, 0);
    out = offer(COMMON_TYPE_batch, 2);
    assert_true(out.changed);
    assert_true(fake.injected >= 1);
}

static void test_forwarded_request_is_not_signed_by_the_forwarder(void **state)
{
    (void)state;
    fake_init(&fake, nika_fault_find("mutate"), true);
    struct nika_summary summary = {.message_class = NIKA_MESSAGE_REQUEST};
    memcpy(fake.out_bytes, fake.frames[COMMON_TYPE_request], fake.sizes[COMMON_TYPE_request]);
    struct nika_outgoing out = {.from = 0,
                                .to = 1,
                                .type = COMMON_TYPE_request,
                                .size = fake.sizes[COMMON_TYPE_request],
                                .capacity = FAKE_FRAME_MAX,
                                .bytes = fake.out_bytes,
                                .summary = &summary};
    fake.fault.ops->on_send(&fake.fault, &out);
    assert_false(out.changed);
    (void)offer(PBFT_TYPE_prepare, 1);
    assert_true(fake.resigned >
                0); /* The silence above means something: its own message is signed. */
}

/* Everything happens, and the mutation is number `how`. */
static uint64_t lie_number(struct nika_chooser *c, const struct nika_choice_name *name, uint64_t n)
{
    return name->type == 2 ? *(uint64_t *)c->driver_state : n - 1;
}

static void test_byzzfuzz_tells_all_receivers_of_a_round_the_same_of_many_lies(void **state)
{
    (void)state;
    static uint8_t first[FAKE_FRAME_MAX], last[FAKE_FRAME_MAX];
    uint32_t different = 0;
    for (uint64_t how = 0; how < 32; how++) {
        fake_init(&fake, nika_fault_find("byzzfuzz"), true);
        fake.values_act = how;
        fake.chooser.driver = lie_number;
        fake.fault.ops->start(&fake.fault);
        struct nika_outgoing one = offer(PBFT_TYPE_prepare, 1);
        assert_true(one.changed);
        memcpy(first, one.bytes, one.size);
        struct nika_outgoing two = offer(PBFT_TYPE_prepare, 2);
        assert_int_equal(one.size, two.size);
        assert_memory_equal(first, two.bytes, two.size);
        different += how == 0 || memcmp(first, last, one.size) != 0;
        memcpy(last, first, one.size);
    }
    assert_in_range(different, 8, 32);
}

static void test_partition_spares_its_own_side(void **state)
{
    (void)state;
    fake_init(&fake, nika_fault_find("partition"), true);
    fake.fault.targets[0] = 3; /* {0, 1} against {2, 3}. */
    fake.fault.ops->start(&fake.fault);
    assert_false(offer(PBFT_TYPE_commit, 1).drop);
    assert_true(offer(PBFT_TYPE_commit, 2).drop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_registered_fault_is_covered),
        cmocka_unit_test(test_every_fault_acts_when_told_to),
        cmocka_unit_test(test_no_fault_acts_when_the_choice_is_zero),
        cmocka_unit_test(test_every_named_variant_acts),
        cmocka_unit_test(test_equivocation_is_a_real_batch_and_one_story),
        cmocka_unit_test(test_order_before_its_batch_waits_and_is_then_told),
        cmocka_unit_test(test_forwarded_request_is_not_signed_by_the_forwarder),
        cmocka_unit_test(test_partition_spares_its_own_side),
        cmocka_unit_test(test_byzzfuzz_tells_all_receivers_of_a_round_the_same_of_many_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
