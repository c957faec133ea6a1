/* tests/protocols/pbft/test_evidence.c: what convicts a PBFT replica and what does not (engine/oracle/accountability.h). Each piece
 * of evidence stands beside its innocent twin, which differs in one thing. */
#include "engine/oracle/accountability.h"
#include "tests/protocols/pbft/view_build.h"

struct bench {
    struct cluster *c;
    struct nika_evidence_rules rules;
    struct nika_archive *archive;
};

static const uint64_t corrupted_3[2] = {1u << 3, 0};

static void begin(struct bench *b)
{
    b->c = cluster_new(4, 1);
    b->rules = (struct nika_evidence_rules){&b->c->config, &nika_replica_pbft, b->c->keyring, NULL};
    void *memory = calloc(1, nika_archive_size());
    assert_non_null(memory);
    b->archive = nika_archive_init(memory, &b->rules, corrupted_3);
}

static void end(struct bench *b)
{
    free(b->archive);
    cluster_free(b->c);
}

static void add(struct bench *b, struct cluster_bytes frame)
{
    nika_archive_add(b->archive, cluster_span(frame));
    free(frame.data);
}

static struct cluster_bytes vote(struct bench *b, uint32_t sender, bool commit, uint64_t view,
                                 uint64_t seq, uint8_t digest)
{
    struct pbft_commit m = {.view = view, .seq = seq, .digest = build_digest(digest)};
    return cluster_frame(b->c, sender, 0, commit ? &pbft_info_commit : &pbft_info_prepare, &m);
}

static void commit_at(struct bench *b, uint32_t sender, uint64_t view, uint64_t seq, uint8_t digest)
{
    add(b, vote(b, sender, true, view, seq, digest));
}

static struct nika_accusation accuse(struct bench *b)
{
    struct nika_accusation out;
    nika_archive_accuse(b->archive, &out);
    /* What convicts here convicts everywhere: from the keys and the frames alone. */
    uint8_t *scratch = malloc(NIKA_EVIDENCE_SCRATCH);
    for (uint32_t i = 0; i < out.count; i++) {
        struct nika_span frames[NIKA_EVIDENCE_FRAMES];
        for (uint32_t k = 0; k < NIKA_EVIDENCE_FRAMES; k++)
            frames[k] = nika_archive_frame(b->archive, &out.list[i], k);
        assert_true(nika_evidence_verify(&b->rules, out.list[i].kind, out.list[i].replica, frames,
                                         scratch));
        /* Nobody else is guilty of it, and not of anything else. */
        assert_false(nika_evidence_verify(&b->rules, out.list[i].kind,
                                          (out.list[i].replica + 1) % 4, frames, scratch));
        for (uint32_t kind = NIKA_GUILT_EQUIVOCATION; kind < NIKA_GUILT_COUNT; kind++) {
            bool holds =
                nika_evidence_verify(&b->rules, kind, out.list[i].replica, frames, scratch);
            assert_int_equal(holds, kind == out.list[i].kind);
        }
    }
    free(scratch);
    return out;
}

static void test_two_contents_for_one_key_convict_and_repetitions_do_not(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    for (uint32_t i = 0; i < 3; i++) commit_at(&b, 3, 0, 5, 0xaa);
    commit_at(&b, 3, 1, 5, 0xbb);            /* Another view. */
    commit_at(&b, 3, 0, 6, 0xbb);            /* Another number. */
    add(&b, vote(&b, 3, false, 0, 5, 0xbb)); /* Another class. */
    commit_at(&b, 2, 0, 5, 0xbb);            /* Another signer. */
    assert_int_equal(accuse(&b).count, 0);
    commit_at(&b, 3, 0, 5, 0xbb);
    struct nika_accusation a = accuse(&b);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.culprits[0], 1u << 3);
    assert_int_equal(a.list[0].kind, NIKA_GUILT_EQUIVOCATION);
    assert_true(a.list[0].corrupted);
    assert_non_null(strstr(a.list[0].sentence, "two COMMITs at view 0 seq 5"));
    /* One statement shown twice is one statement. */
    struct nika_span one = nika_archive_frame(b.archive, a.list, 0);
    struct nika_span twice[NIKA_EVIDENCE_FRAMES] = {one, one};
    uint8_t *scratch = malloc(NIKA_EVIDENCE_SCRATCH);
    assert_false(nika_evidence_verify(&b.rules, NIKA_GUILT_EQUIVOCATION, 3, twice, scratch));
    free(scratch);
    end(&b);
}

static void test_a_forged_or_damaged_frame_convicts_nobody(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    commit_at(&b, 3, 0, 5, 0xaa);
    struct cluster_bytes other = vote(&b, 3, true, 0, 5, 0xbb);
    /* Each byte of it damaged in turn: no damaged frame is evidence. */
    for (uint32_t i = 0; i < other.size; i++) {
        other.data[i] ^= 1;
        nika_archive_add(b.archive, cluster_span(other));
        other.data[i] ^= 1;
    }
    assert_int_equal(accuse(&b).count, 0);
    add(&b, other);
    assert_int_equal(accuse(&b).count, 1);
    end(&b);
}

static void test_macs_convince_only_their_receiver(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    commit_at(&b, 3, 0, 5, 0xaa);
    commit_at(&b, 3, 0, 5, 0xbb);
    struct nika_accusation a = accuse(&b);
    struct nika_span frames[NIKA_EVIDENCE_FRAMES] = {nika_archive_frame(b.archive, a.list, 0),
                                                     nika_archive_frame(b.archive, a.list, 1)};
    struct nika_config config = b.c->config;
    struct nika_evidence_rules rules = b.rules;
    uint8_t *scratch = malloc(NIKA_EVIDENCE_SCRATCH);
    assert_true(nika_evidence_verify(&rules, a.list[0].kind, 3, frames, scratch));
    config.suite = NIKA_SUITE_HMAC;
    rules.config = &config;
    assert_false(nika_evidence_verify(&rules, a.list[0].kind, 3, frames, scratch));
    free(scratch);
    end(&b);
}

static const struct build_certificate carried = {.view = 1, .seq = 2, .digest = 0xaa};
static const struct build_certificate older = {.view = 0, .seq = 2, .digest = 0xaa};

static struct cluster_bytes view_change(struct bench *b, uint32_t sender, uint64_t view,
                                        uint64_t low_mark, const struct build_certificate *prepared)
{
    struct build_view_change spec = {.sender = sender,
                                     .view = view,
                                     .low_mark = low_mark,
                                     .prepared = prepared,
                                     .prepared_count = prepared != NULL ? 1 : 0};
    return build_view_change(b->c, &spec);
}

static void test_a_view_change_that_forgets_a_commit_convicts(void **state)
{
    (void)state;
    static const struct {
        uint64_t view, low_mark;
        const struct build_certificate *prepared;
        bool guilty;
    } cases[] = {
        {3, 0, NULL, true},      /* Forgets it. */
        {3, 0, &older, true},    /* Remembers only what an earlier view prepared. */
        {3, 0, &carried, false}, /* Carries it. */
        {3, 4, NULL, false},     /* Is past it: a stable checkpoint covers it. */
        {1, 0, NULL, false},     /* Was for a view that the COMMIT did not leave. */
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bench b;
        begin(&b);
        commit_at(&b, 3, 1, 2, 0xaa);
        add(&b, view_change(&b, 3, cases[i].view, cases[i].low_mark, cases[i].prepared));
        add(&b, view_change(&b, 2, cases[i].view, cases[i].low_mark, NULL)); /* Never committed. */
        struct nika_accusation a = accuse(&b);
        assert_int_equal(a.count, cases[i].guilty ? 1 : 0);
        assert_int_equal(a.culprits[0], cases[i].guilty ? 1u << 3 : 0);
        if (cases[i].guilty) assert_int_equal(a.list[0].kind, NIKA_GUILT_AMNESIA);
        end(&b);
    }
}

/* How the VIEW-CHANGEs behind a NEW-VIEW may be more than they should. */
enum proofs { PROOFS_GOOD, PROOFS_ONE_TWICE, PROOFS_CONTRADICT };

/* A NEW-VIEW for view 3, whose primary is replica 3. */
static struct cluster_bytes new_view(struct bench *b, uint32_t proofs, uint8_t ordered,
                                     enum proofs how)
{
    static const struct build_certificate contradicting = {.view = 1, .seq = 2, .digest = 0xbb};
    const struct build_certificate *first = how == PROOFS_CONTRADICT ? &contradicting : NULL;
    struct cluster_bytes changes[4];
    struct build_order orders[2] = {{.view = 3, .seq = 1, .signer = 3},
                                    {.view = 3, .seq = 2, .digest = ordered, .signer = 3}};
    for (uint32_t i = 0; i < proofs; i++)
        changes[i] = view_change(b, how == PROOFS_ONE_TWICE ? i % 3 : i, 3, 0,
                                 i == 2   ? &carried
                                 : i == 1 ? &older
                                          : first);
    struct cluster_bytes frame = build_new_view(b->c, 3, 3, changes, proofs, orders, 2);
    for (uint32_t i = 0; i < proofs; i++) free(changes[i].data);
    return frame;
}

static void test_a_new_view_must_follow_from_its_view_changes(void **state)
{
    (void)state;
    static const struct {
        uint32_t proofs;
        uint8_t ordered;
        enum proofs how;
        bool guilty;
    } cases[] = {
        {3, 0xaa, PROOFS_GOOD, false},
        {3, 0xbb, PROOFS_GOOD, true},      /* Another batch. */
        {3, 0, PROOFS_GOOD, true},         /* The null batch, although one is prepared. */
        {2, 0xaa, PROOFS_GOOD, true},      /* No quorum. */
        {4, 0xaa, PROOFS_ONE_TWICE, true}, /* A quorum, and one of it again. */
        /* Two certificates of one view differ: more than f lied, and who follows either of them is not to blame. */
        {3, 0xaa, PROOFS_CONTRADICT, false},
        {3, 0xbb, PROOFS_CONTRADICT, false},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bench b;
        begin(&b);
        add(&b, new_view(&b, cases[i].proofs, cases[i].ordered, cases[i].how));
        struct nika_accusation a = accuse(&b);
        assert_int_equal(a.culprits[0] >> 3 & 1, cases[i].guilty);
        if (cases[i].guilty) {
            assert_int_equal(a.count, 1);
            assert_int_equal(a.list[0].kind, NIKA_GUILT_UNJUSTIFIED);
        }
        end(&b);
    }
}

static void test_statements_inside_others_count(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    /* The NEW-VIEW holds an order by replica 3 for (3, 2); here is another, given to somebody else. */
    add(&b, new_view(&b, 3, 0xaa, PROOFS_GOOD));
    struct pbft_pre_prepare m = {.view = 3, .seq = 2, .digest = build_digest(0xbb)};
    add(&b, cluster_frame(b.c, 3, 0, &pbft_info_pre_prepare, &m));
    struct nika_accusation a = accuse(&b);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.culprits[0], 1u << 3);
    assert_non_null(strstr(a.list[0].sentence, "two proposals at view 3 seq 2"));
    end(&b);
}

static void test_two_quorums_that_disagree_are_a_conflict_and_promise_f_plus_1(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    for (uint32_t i = 0; i < 3; i++) commit_at(&b, i, 0, 7, 0xaa);
    commit_at(&b, 1, 0, 7, 0xbb);
    commit_at(&b, 2, 0, 7, 0xbb);
    assert_false(accuse(&b).conflict); /* The second one is no quorum yet. */
    commit_at(&b, 3, 0, 7, 0xbb);
    struct nika_accusation a = accuse(&b);
    assert_true(a.conflict);
    assert_int_equal(a.conflict_seq, 7);
    assert_int_equal(a.promised, 2);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.culprits[0], 1u << 1 | 1u << 2);
    assert_false(a.list[0].corrupted);
    end(&b);
}

/* Number 2 is committed in view 0, something else in view `second`; replica 3 had opened view 3 with what does not follow. */
static void test_a_new_view_that_does_not_follow_promises_its_signer(void **state)
{
    (void)state;
    static const struct {
        uint64_t second;
        uint32_t promised;
    } cases[] = {{3, 1}, {2, 2}}; /* Before view 3 its NEW-VIEW explains nothing. */
    for (uint32_t k = 0; k < ARRAY_COUNT(cases); k++) {
        struct bench b;
        begin(&b);
        for (uint32_t i = 0; i < 3; i++) commit_at(&b, i, 0, 2, 0xaa);
        for (uint32_t i = 1; i < 4; i++) commit_at(&b, i, cases[k].second, 2, 0xbb);
        add(&b, new_view(&b, 3, 0xbb, PROOFS_GOOD));
        struct nika_accusation a = accuse(&b);
        assert_true(a.conflict);
        assert_int_equal(a.promised, cases[k].promised);
        assert_int_equal(a.culprits[0] >> 3 & 1, 1);
        end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_contents_for_one_key_convict_and_repetitions_do_not),
        cmocka_unit_test(test_a_forged_or_damaged_frame_convicts_nobody),
        cmocka_unit_test(test_macs_convince_only_their_receiver),
        cmocka_unit_test(test_a_view_change_that_forgets_a_commit_convicts),
        cmocka_unit_test(test_a_new_view_must_follow_from_its_view_changes),
        cmocka_unit_test(test_statements_inside_others_count),
        cmocka_unit_test(test_two_quorums_that_disagree_are_a_conflict_and_promise_f_plus_1),
        cmocka_unit_test(test_a_new_view_that_does_not_follow_promises_its_signer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
