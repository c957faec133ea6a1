/* tests/protocols/hybster/test_evidence.c: what convicts the owner of a trusted subsystem and what does not (engine/oracle/accountability.h).
 * Each piece of evidence stands beside innocent twins, which differ in one thing. Replica 1 is suspected. */
#include "engine/oracle/accountability.h"
#include "tests/protocols/hybster/build.h"

#define SUSPECT 1u
#define PILLARS 2u

struct bench {
    struct fixture *f;
    struct nika_evidence_rules rules;
    struct nika_archive *archive;
};

static void begin(struct bench *b, uint32_t pillars)
{
    static const uint64_t corrupted[2] = {1u << SUSPECT, 0};
    b->f = fixture_new_pillars(2, pillars);
    b->rules = (struct nika_evidence_rules){&b->f->config, &nika_replica_hybster, b->f->keyring,
                                            b->f->key};
    void *memory = calloc(1, nika_archive_size());
    assert_non_null(memory);
    b->archive = nika_archive_init(memory, &b->rules, corrupted);
}

static void end(struct bench *b)
{
    free(b->archive);
    fixture_free(b->f);
}

static void add(struct bench *b, struct fixture_bytes frame)
{
    nika_archive_add(b->archive, fixture_span(frame));
    free(frame.data);
}

static void order(struct bench *b, struct build_order spec)
{
    add(b, build_order(b->f, &spec));
}
static void view_change(struct bench *b, struct build_view_change spec)
{
    add(b, build_view_change(b->f, &spec));
}

static struct nika_accusation accuse(struct bench *b)
{
    static uint8_t scratch[NIKA_EVIDENCE_SCRATCH];
    struct nika_accusation out;
    nika_archive_accuse(b->archive, &out);
    assert_false(out.full);
    /* What convicts here convicts in the whole group, of this and nothing else, and nobody else. */
    for (uint32_t i = 0; i < out.count; i++) {
        const struct nika_conviction *c = &out.list[i];
        struct nika_span frames[NIKA_EVIDENCE_FRAMES], twice[NIKA_EVIDENCE_FRAMES];
        for (uint32_t k = 0; k < NIKA_EVIDENCE_FRAMES; k++)
            frames[k] = nika_archive_frame(b->archive, c, k);
        for (uint32_t kind = NIKA_GUILT_EQUIVOCATION; kind < NIKA_GUILT_COUNT; kind++) {
            for (uint32_t replica = 0; replica < FIXTURE_REPLICAS; replica++)
                assert_int_equal(nika_evidence_verify(&b->rules, kind, replica, frames, scratch),
                                 kind == c->kind && replica == c->replica);
        }
        for (uint32_t k = 0; k < NIKA_EVIDENCE_FRAMES; k++) {
            twice[0] = twice[1] = frames[k];
            assert_false(nika_evidence_verify(&b->rules, c->kind, c->replica, twice, scratch));
        }
    }
    return out;
}

static void nobody(struct bench *b)
{
    assert_int_equal(accuse(b).count, 0);
}

static struct nika_accusation the_suspect(struct bench *b, enum nika_guilt kind, const char *words)
{
    struct nika_accusation a = accuse(b);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.culprits[0], 1u << SUSPECT);
    assert_int_equal(a.list[0].kind, kind);
    assert_true(a.list[0].corrupted);
    if (strstr(a.list[0].sentence, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, a.list[0].sentence);
    return a;
}

/* The first frame that a test archived, with another one: evidence of nothing. The archive gets the other one, too. */
static void innocent(struct bench *b, struct fixture_bytes first, struct fixture_bytes twin)
{
    static uint8_t scratch[NIKA_EVIDENCE_SCRATCH];
    for (uint32_t order = 0; order < 2; order++) {
        struct nika_span frames[NIKA_EVIDENCE_FRAMES] = {fixture_span(order == 0 ? first : twin),
                                                         fixture_span(order == 0 ? twin : first)};
        for (uint32_t kind = NIKA_GUILT_EQUIVOCATION; kind < NIKA_GUILT_COUNT; kind++)
            for (uint32_t replica = 0; replica < FIXTURE_REPLICAS; replica++)
                assert_false(nika_evidence_verify(&b->rules, kind, replica, frames, scratch));
    }
    add(b, first);
    add(b, twin);
    nobody(b);
}

static struct build_order vote(bool commit, uint8_t digest)
{
    return (struct build_order){
        .commit = commit, .sender = SUSPECT, .view = 1, .seq = 5, .digest = build_digest(digest)};
}

static void two_orders(struct build_order first, struct build_order twin)
{
    struct bench b;
    begin(&b, 1);
    innocent(&b, build_order(b.f, &first), build_order(b.f, &twin));
    end(&b);
}

/* A PREPARE or a COMMIT `first`; beside it what a working trusted subsystem may also say, or others; then what it may not. */
static void two_votes(bool first, bool second)
{
    static const enum build_flaw flaws[] = {FLAW_KIND,  FLAW_COUNTER, FLAW_VALUE, FLAW_INSTANCE,
                                            FLAW_EPOCH, FLAW_MAC,     FLAW_DIGEST};
    struct build_order other = vote(second, 0xbb), twin = other;
    struct bench b;
    two_orders(vote(first, 0xaa), vote(first, 0xaa)); /* The same, reissued. */
    twin.seq = 6;
    two_orders(vote(first, 0xaa), twin);
    twin = other;
    twin.view = 2;
    two_orders(vote(first, 0xaa), twin);
    twin = other;
    twin.sender = 0;
    two_orders(vote(first, 0xaa), twin);
    for (uint32_t i = 0; i < ARRAY_COUNT(flaws); i++) {
        twin = other;
        twin.flaw = flaws[i];
        two_orders(vote(first, 0xaa), twin);
    }
    begin(&b, 1);
    order(&b, vote(first, 0xaa));
    order(&b, other);
    the_suspect(&b, NIKA_GUILT_TRUSTED, "bound one value twice: [1|5] of counter 0 to ");
    end(&b);
}

static void test_two_votes_at_one_value_convict(void **state)
{
    (void)state;
    two_votes(false, false);
    two_votes(true, true);
    two_votes(false,
              true); /* A leader's COMMIT for its own PREPARE: two statements all the same. */
    two_votes(true, false);
}

static struct build_view_change leaving(uint64_t low_mark)
{
    return (struct build_view_change){
        .sender = SUSPECT, .view = 3, .from = 1, .low_mark = low_mark, .previous = {1, 5}};
}

static void two_leaving(struct bench *b, struct build_view_change twin)
{
    struct build_view_change first = leaving(0);
    innocent(b, build_view_change(b->f, &first), build_view_change(b->f, &twin));
}

static void test_two_view_changes_from_one_value_convict(void **state)
{
    (void)state;
    struct bench b;
    struct build_view_change twin;
    begin(&b, 1);
    two_leaving(&b, leaving(0));
    twin = leaving(4); /* It may certify a value that the counter has again: it does not hide it. */
    twin.previous = (struct nika_trusted_value){3, 0};
    two_leaving(&b, twin);
    twin = leaving(4); /* An independent certificate is another matter than a continuing one. */
    twin.flaw = FLAW_KIND;
    two_leaving(&b, twin);
    twin = leaving(4);
    twin.view = 4;
    twin.previous = (struct nika_trusted_value){3, 0};
    two_leaving(&b, twin);
    twin = leaving(4);
    twin.flaw = FLAW_EPOCH;
    two_leaving(&b, twin);
    view_change(&b, leaving(4));
    the_suspect(&b, NIKA_GUILT_TRUSTED, "bound one value twice: [3|0] of counter 0 to ");
    end(&b);
}

static void test_a_value_that_was_passed_over_convicts(void **state)
{
    (void)state;
    struct bench b;
    struct build_order at_the_end = vote(true, 0xaa), beyond = vote(true, 0xbb);
    begin(&b, 1);
    at_the_end.seq = 5;
    beyond.view = 3;
    beyond.seq = 1;
    struct build_view_change first = leaving(0);
    innocent(&b, build_view_change(b.f, &first), build_order(b.f, &at_the_end));
    innocent(&b, build_view_change(b.f, &first), build_order(b.f, &beyond));
    beyond.view = 1;
    beyond.seq = 6;
    order(&b, beyond);
    the_suspect(&b, NIKA_GUILT_TRUSTED,
                "bound [1|6] of counter 0, which then passed over it from [1|5] to [3|0]");
    end(&b);
}

static void test_each_pillar_has_its_own_counter(void **state)
{
    (void)state;
    struct bench b;
    struct build_view_change unit = leaving(0);
    struct build_order odd = vote(true, 0xaa), even = vote(true, 0xbb);
    begin(&b, PILLARS);
    unit.previous = (struct nika_trusted_value){1, 4}; /* Of the even orders. */
    unit.others[1] = (struct nika_trusted_value){1, 9};
    even.seq = 4;
    odd.seq = 9;
    view_change(&b, unit);
    order(&b, even);
    order(&b, odd);
    nobody(&b);
    odd.seq = 11;
    order(&b, odd);
    the_suspect(&b, NIKA_GUILT_TRUSTED,
                "bound [1|11] of counter 2, which then passed over it from [1|9] to [3|0]");
    end(&b);
}

static void test_two_new_views_convict(void **state)
{
    (void)state;
    struct bench b;
    struct build_new_view spec = {.sender = SUSPECT, .view = 4};
    begin(&b, 1);
    add(&b, build_new_view(b.f, &spec));
    add(&b, build_new_view(b.f, &spec));
    spec.base = 1;
    spec.view = 7;
    add(&b, build_new_view(b.f, &spec));
    nobody(&b);
    spec.view = 4;
    add(&b, build_new_view(b.f, &spec));
    the_suspect(&b, NIKA_GUILT_TRUSTED, "bound one value twice: [4|0] of counter 1 to ");
    end(&b);
}

/* A trusted MAC binds no counter, so it is the replica that says two things. */
static void test_two_checkpoints_for_one_number_are_equivocation(void **state)
{
    (void)state;
    struct bench b;
    struct build_checkpoint spec = {.sender = SUSPECT, .seq = 4, .state = 1}, twin;
    begin(&b, 1);
    add(&b, build_checkpoint(b.f, &spec));
    add(&b, build_checkpoint(b.f, &spec));
    spec.state = 2;
    twin = spec;
    twin.seq = 8;
    add(&b, build_checkpoint(b.f, &twin));
    for (enum build_flaw flaw = FLAW_KIND; flaw < FLAW_COUNT; flaw++) {
        if (flaw == FLAW_COUNTER || flaw == FLAW_VALUE) continue; /* It has none. */
        twin = spec;
        twin.flaw = flaw;
        add(&b, build_checkpoint(b.f, &twin));
    }
    nobody(&b);
    add(&b, build_checkpoint(b.f, &spec));
    the_suspect(&b, NIKA_GUILT_EQUIVOCATION, "signed two CHECKPOINTs at view 0 seq 4");
    end(&b);
}

static void test_two_acknowledgements_convict_nobody(void **state)
{
    (void)state;
    struct bench b;
    struct build_ack spec = {.sender = SUSPECT, .view = 3, .base = 1}, first = spec;
    begin(&b, 1);
    spec.low_mark = 4;
    innocent(&b, build_ack(b.f, &first), build_ack(b.f, &spec));
    end(&b);
}

/* A COMMIT-CERT of replica 2, of which its PREPARE alone matters here. */
static struct fixture_bytes order_in_proof(struct bench *b, struct build_order spec)
{
    uint8_t bytes[1024];
    struct fixture_bytes prepare = build_order(b->f, &spec);
    struct hybster_commit_cert m = {.prepare = fixture_span(prepare)};
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_encode(&hybster_info_commit_cert, &m, &w);
    assert_false(w.failed);
    struct fixture_bytes frame =
        fixture_frame(b->f, 2, &hybster_info_commit_cert, (struct nika_span){bytes, w.at});
    free(prepare.data);
    return frame;
}

/* Whoever shows an order to others shows what convicts its leader. */
static void test_orders_within_other_messages_convict(void **state)
{
    (void)state;
    for (uint32_t where = 0; where < 4; where++) {
        struct bench b;
        struct build_view_change change = {.sender = 2, .view = 3, .from = 1};
        struct build_ack ack = {.sender = 2, .view = 3, .base = 1};
        struct build_new_view start = {.sender = 0, .view = 3};
        change.prepares[0] = ack.prepares[0] = vote(false, 0xbb);
        change.prepare_count = ack.prepare_count = 1;
        begin(&b, 1);
        order(&b, vote(false, 0xaa));
        nobody(&b);
        if (where == 0) view_change(&b, change);
        if (where == 1) add(&b, build_ack(b.f, &ack));
        start.acks[0] = ack;
        start.ack_count = 1;
        if (where == 2) add(&b, build_new_view(b.f, &start));
        if (where == 3) add(&b, order_in_proof(&b, vote(false, 0xbb)));
        the_suspect(&b, NIKA_GUILT_TRUSTED, "bound one value twice: [1|5] of counter 0 to ");
        end(&b);
    }
}

/* A frame's sender is no part of a certificate, so that relaying evidence under another name frames nobody. */
static void test_damage_frames_nobody(void **state)
{
    (void)state;
    static uint8_t scratch[NIKA_EVIDENCE_SCRATCH];
    struct bench b;
    begin(&b, 1);
    struct build_order one = vote(false, 0xaa), two = vote(false, 0xbb);
    struct fixture_bytes honest = build_order(b.f, &one), other = build_order(b.f, &two);
    struct nika_span frames[NIKA_EVIDENCE_FRAMES] = {fixture_span(honest), fixture_span(other)};
    for (uint32_t i = 0; i < other.size; i++) {
        other.data[i] ^= 2;
        bool body = i >= NIKA_FRAME_HEAD_SIZE && i < NIKA_FRAME_HEAD_SIZE + HYBSTER_ORDER_SIZE;
        for (uint32_t replica = 0; replica < FIXTURE_REPLICAS; replica++) {
            bool holds =
                nika_evidence_verify(&b.rules, NIKA_GUILT_TRUSTED, replica, frames, scratch);
            assert_false(holds && (replica != SUSPECT || body));
        }
        other.data[i] ^= 2;
    }
    assert_true(nika_evidence_verify(&b.rules, NIKA_GUILT_TRUSTED, SUSPECT, frames, scratch));
    /* It takes the group's key to judge, whatever the suite of signatures. */
    struct nika_evidence_rules rules = b.rules;
    struct nika_config config = b.f->config;
    config.suite = NIKA_SUITE_HMAC;
    rules.config = &config;
    assert_true(nika_evidence_verify(&rules, NIKA_GUILT_TRUSTED, SUSPECT, frames, scratch));
    rules.trusted = NULL;
    assert_false(nika_evidence_verify(&rules, NIKA_GUILT_TRUSTED, SUSPECT, frames, scratch));
    static const uint8_t secret[NIKA_TRUSTED_SECRET_SIZE] = {9};
    rules.trusted = nika_trusted_key_new(secret);
    assert_false(nika_evidence_verify(&rules, NIKA_GUILT_TRUSTED, SUSPECT, frames, scratch));
    nika_trusted_key_free(rules.trusted);
    free(honest.data);
    free(other.data);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_votes_at_one_value_convict),
        cmocka_unit_test(test_two_view_changes_from_one_value_convict),
        cmocka_unit_test(test_a_value_that_was_passed_over_convicts),
        cmocka_unit_test(test_each_pillar_has_its_own_counter),
        cmocka_unit_test(test_two_new_views_convict),
        cmocka_unit_test(test_two_checkpoints_for_one_number_are_equivocation),
        cmocka_unit_test(test_two_acknowledgements_convict_nobody),
        cmocka_unit_test(test_orders_within_other_messages_convict),
        cmocka_unit_test(test_damage_frames_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
