/* tests/museum/directed_replica.c: planted bugs of one replica, shown by what its peers may say to it (directed.h).
 *
 * Replica 1 or 2 of four, the others silent (tests/protocols/pbft/fixture.h): K = 4, L = 8, so the window is 1 to 8. */
#include "tests/museum/directed.h"
#include "tests/protocols/pbft/fixture.h"
#include "tests/protocols/pbft/view_build.h"

/* An event that no world would bring in this order; its effects are dropped. */
static void give(struct fixture *f, const struct nika_event *event)
{
    nika_effects_clear(&f->c->effects);
    nika_replica_pbft.step(f->node->replica, event, &f->c->effects);
}

static void deliver(struct fixture *f, struct cluster_bytes frame)
{
    assert_true(cluster_deliver(f->c, f->self, frame));
    free(frame.data);
}

static bool done(struct fixture *f, bool shown)
{
    fixture_free(f);
    return shown;
}

/* Replica `self` in view 1, opened by replica 1 with nothing to carry over. */
static struct fixture in_view_one(uint32_t self)
{
    struct fixture f = fixture_new(self);
    struct cluster_bytes changes[3];
    static const uint32_t senders[] = {0, 1, 3};
    for (uint32_t i = 0; i < 3; i++) {
        struct build_view_change change = {.sender = senders[i], .view = 1};
        changes[i] = build_view_change(f.c, &change);
    }
    deliver(&f, build_new_view(f.c, 1, 1, changes, 3, NULL, 0));
    for (uint32_t i = 0; i < 3; i++) free(changes[i].data);
    assert_int_equal(fixture_replica(&f)->core.view, 1);
    assert_true(fixture_replica(&f)->core.active);
    return f;
}

/* I03: the last number of all sits in the window. */
static bool last_number_in_window(void)
{
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    fixture_pre_prepare(&f, 0, 0, UINT64_MAX, &d);
    return done(&f, common_slot_place(&fixture_replica(&f)->core, UINT64_MAX)->seq == UINT64_MAX);
}

/* I04: T_req expired as the first request was executed; the expiry arrives when T_req times the second one. */
static bool old_expiry_counts(void)
{
    struct fixture f = fixture_new(1);
    cluster_request(f.c, 0, 1);
    struct nika_event expiry = {.kind = NIKA_EVENT_TIMER,
                                .now_ns = f.c->now_ns,
                                .timer = COMMON_TIMER_REQUEST,
                                .generation = f.node->timer_generation[COMMON_TIMER_REQUEST]};
    (void)fixture_execute(&f, 1);
    cluster_request(f.c, 0, 2);
    give(&f, &expiry);
    return done(&f, fixture_replica(&f)->core.view != 0);
}

/* I05: an order of view 1 waits for the disk; what the disk says of view 0 does not let its PREPARE go. */
static bool old_completion_counts(void)
{
    struct fixture f = in_view_one(2);
    struct nika_digest d;
    f.node->hold_disk = true;
    struct cluster_bytes body = fixture_batch(&f, 0, 1, f.c->now_ns + 1, &d);
    fixture_pre_prepare(&f, 1, 1, 1, &d);
    fixture_give_batch(&f, 1, body);
    free(body.data);
    assert_int_not_equal(fixture_slot(&f, 1)->base.order, 0);
    uint16_t before = (uint16_t)(fixture_replica(&f)->view_generation - 1);
    struct nika_event stored = {.kind = NIKA_EVENT_STORED,
                                .now_ns = f.c->now_ns,
                                .token = common_token(PBFT_TOKEN_PROPOSAL, before, 1)};
    give(&f, &stored);
    return done(&f, fixture_slot(&f, 1)->prepare_sent);
}

static uint32_t verified;
static bool (*verify_really)(void *world, uint32_t self, const struct nika_frame *frame);
static bool verify_counted(void *world, uint32_t self, const struct nika_frame *frame)
{
    verified++;
    return verify_really(world, self, frame);
}

/* I07: the same VIEW-CHANGE ten times costs its signature checks ten times. */
static bool repetition_costs(void)
{
    struct fixture f = fixture_new(2);
    struct build_certificate prepared = {.seq = 1, .digest = 7};
    struct build_view_change change = {
        .sender = 3, .view = 1, .prepared = &prepared, .prepared_count = 1};
    verify_really = f.node->host.verify;
    f.node->host.verify = verify_counted;
    verified = 0;
    deliver(&f, build_view_change(f.c, &change));
    uint32_t once = verified;
    assert_true(once > 0);
    for (uint32_t i = 0; i < 9; i++) deliver(&f, build_view_change(f.c, &change));
    return done(&f, verified > once);
}

/* I08: more pairs than there are senders and kinds. */
static bool evidence_grows(void)
{
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1);
    fixture_commit(&f, 2, 0, 1, &d);
    for (uint32_t i = 0; i < 4 * 64; i++) {
        struct nika_digest other = fixture_digest((uint8_t)i);
        other.bytes[0]++;
        fixture_commit(&f, 2, 0, 1, &other);
    }
    struct nika_digest other = fixture_digest(1);
    fixture_commit(&f, 2, 0, 1, &other);
    return done(&f, fixture_replica(&f)->core.evidence_count > 4 * 64);
}

static jmp_buf broken;
static void on_broken(void *context, const char *file, int line, const char *expression)
{
    (void)context, (void)file, (void)line, (void)expression;
    longjmp(broken, 1);
}

/* I09. */
static bool empty_list_breaks(void)
{
    static struct fixture f;
    static struct cluster_bytes frame;
    volatile bool broke = false;
    struct pbft_commit_cert empty = {0};
    f = fixture_new(1);
    frame = cluster_frame(f.c, 2, 1, &pbft_info_commit_cert, &empty);
    nika_assert_set_handler(on_broken, NULL);
    if (setjmp(broken) == 0)
        (void)cluster_deliver(f.c, 1, frame);
    else
        broke = true;
    nika_assert_set_handler(NULL, NULL);
    free(frame.data);
    return done(&f, broke);
}

/* I10: number 2000, of a window of eight, makes room for 2000 orders. */
static bool span_sizes_memory(void)
{
    struct fixture f = fixture_new(2);
    struct build_certificate far = {.seq = 2000, .digest = 7};
    struct cluster_bytes changes[3];
    static const uint32_t senders[] = {0, 1, 3};
    for (uint32_t i = 0; i < 3; i++) {
        struct build_view_change change = {.sender = senders[i], .view = 1};
        if (senders[i] == 1) change.prepared = &far;
        if (senders[i] == 1) change.prepared_count = 1;
        changes[i] = build_view_change(f.c, &change);
    }
    uint32_t before = fixture_replica(&f)->core.store->peak;
    deliver(&f, build_new_view(f.c, 1, 1, changes, 3, NULL, 0));
    for (uint32_t i = 0; i < 3; i++) free(changes[i].data);
    assert_int_equal(fixture_replica(&f)->core.view, 0);
    return done(&f, fixture_replica(&f)->core.store->peak - before > 2000 * 32);
}

/* I19: the certificate of number 4 is durable, the snapshot is not, and the log before it goes. */
static bool log_cut_too_early(void)
{
    struct fixture f = fixture_new(1);
    f.node->hold_disk = true;
    for (uint64_t s = 1; s <= 4; s++) (void)fixture_execute(&f, s);
    const struct common_snapshot *own = common_snapshot_find(&fixture_replica(&f)->core, 4);
    assert_non_null(own);
    struct nika_digest state = own->digest;
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_checkpoint(&f, i, 4, &state);
    }
    assert_int_equal(fixture_replica(&f)->core.low_mark, 4);
    struct nika_event stored = {.kind = NIKA_EVENT_STORED,
                                .now_ns = f.c->now_ns,
                                .token = common_token(COMMON_TOKEN_STABLE, 0, 4)};
    give(&f, &stored);
    return done(&f, fixture_replica(&f)->core.trimmed == 4);
}

/* PB17. */
static bool low_mark_unproven(void)
{
    struct fixture f = fixture_new(2);
    struct build_view_change change = {
        .sender = 3, .view = 1, .low_mark = 400, .no_checkpoints = true};
    deliver(&f, build_view_change(f.c, &change));
    return done(&f, fixture_replica(&f)->core.view_changes[3].view == 1);
}

/* PB26: alone in view 1, where nobody else wants to be, a replica goes on to view 2 because a request came. */
static bool request_timer_in_limbo(void)
{
    struct fixture f = fixture_new(2);
    cluster_request(f.c, 0, 1);
    assert_true(cluster_fire(f.c, 2, COMMON_TIMER_REQUEST));
    assert_int_equal(fixture_replica(&f)->core.view, 1);
    cluster_request(f.c, 1, 1);
    (void)cluster_fire(f.c, 2, COMMON_TIMER_REQUEST);
    return done(&f, fixture_replica(&f)->core.view == 2);
}

/* PB27: number 9 is in the window of whoever knows that 4 is stable; this replica asks nobody. */
static bool nobody_asked(void)
{
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_digest(1);
    f.c->now_ns += 1000;
    uint64_t due = fixture_replica(&f)->core.status_due_ns;
    fixture_pre_prepare(&f, 0, 0, 9, &d);
    return done(&f, fixture_replica(&f)->core.status_due_ns >= due);
}

/* PB28: two vouch for a far state, so that it is fetched; then one of them claims view 1000. */
static bool view_of_one_status(void)
{
    struct fixture f = fixture_new(1);
    struct nika_digest state = fixture_digest(9);
    fixture_checkpoint(&f, 2, 16, &state);
    fixture_checkpoint(&f, 3, 16, &state);
    assert_true(fixture_replica(&f)->core.transfer.active);
    struct pbft_status status = {.view = 1000, .active = 1, .has_new_view = 1};
    assert_true(fixture_send(&f, 3, &pbft_info_status, &status));
    return done(&f, fixture_replica(&f)->core.view == 1000);
}

/* Three COMMITs as one COMMIT-CERT: of `first_seq`, 2 and 2; the last one's signature damaged or not. */
static bool cert_commits(uint64_t first_seq, bool damaged)
{
    static const uint32_t senders[] = {0, 2, 3};
    struct fixture f = fixture_new(1);
    struct pbft_commit_cert cert = {0};
    uint8_t bytes[4096];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    for (uint32_t i = 0; i < 3; i++) {
        struct pbft_commit m = {.seq = i == 0 ? first_seq : 2, .digest = fixture_digest(5)};
        struct cluster_bytes frame = cluster_frame(f.c, senders[i], 0, &pbft_info_commit, &m);
        if (damaged && i == 2) frame.data[frame.size - 1] ^= 1;
        nika_frames_append(&w, &cert.commits, cluster_span(frame));
        free(frame.data);
    }
    assert_false(w.failed);
    assert_true(fixture_send(&f, 3, &pbft_info_commit_cert, &cert));
    const struct pbft_slot *slot = fixture_slot(&f, 2);
    return done(&f, slot != NULL && slot->base.committed);
}

/* PB29: one COMMIT is of another number. */
static bool mixed_cert(void)
{
    return cert_commits(1, false);
}

/* W05: one COMMIT was never signed. */
static bool forged_cert(void)
{
    return cert_commits(2, true);
}

/* W07: number 1 is committed with three COMMITs; then one of the three says something else, and the proof is lost to peers. */
static bool proof_lost(void)
{
    struct fixture f = fixture_new(1);
    struct nika_digest d = fixture_order(&f, 1), other = fixture_digest(5);
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1) fixture_commit(&f, i, 0, 1, &d);
    }
    fixture_commit(&f, 3, 0, 1, &other);
    struct pbft_slot *slot = fixture_slot(&f, 1);
    assert_true(slot->base.committed);
    pbft_commit_cert_keep(fixture_replica(&f), slot);
    return done(&f, slot->commit_cert == 0);
}

/* W15: the state of number 20 is being fetched; its source proves that 16 is stable, too. */
static bool older_target(void)
{
    struct fixture f = fixture_new(1);
    struct nika_digest state = fixture_digest(9), older = fixture_digest(8);
    fixture_checkpoint(&f, 2, 20, &state);
    fixture_checkpoint(&f, 3, 20, &state);
    assert_int_equal(fixture_replica(&f)->core.transfer.seq, 20);
    uint32_t source = fixture_replica(&f)->core.transfer.source;
    struct common_no_snapshot answer = {.seq = 16};
    uint8_t bytes[4096];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    for (uint32_t i = 0; i < 4; i++) {
        struct pbft_checkpoint m = {.seq = 16, .digest = older};
        struct cluster_bytes frame = cluster_frame(f.c, i, 0, &pbft_info_checkpoint, &m);
        nika_frames_append(&w, &answer.checkpoints, cluster_span(frame));
        free(frame.data);
    }
    assert_false(w.failed);
    assert_true(fixture_send(&f, source, &common_info_no_snapshot, &answer));
    return done(&f, fixture_replica(&f)->core.transfer.seq == 16);
}

/* W20: it crashed when its VIEW-CHANGE was durable, and comes back. */
static bool view_change_lost(void)
{
    struct fixture f = fixture_new(2);
    cluster_request(f.c, 0, 1);
    assert_true(cluster_fire(f.c, 2, COMMON_TIMER_REQUEST));
    assert_int_equal(f.node->sent[PBFT_TYPE_view_change], 1);
    cluster_crash_restart(f.c, 2);
    assert_false(fixture_replica(&f)->core.active);
    return done(&f, f.node->sent[PBFT_TYPE_view_change] == 1);
}

const struct directed directed_replica[] = {
    {"I03", last_number_in_window},
    {"I04", old_expiry_counts},
    {"I05", old_completion_counts},
    {"I07", repetition_costs},
    {"I08", evidence_grows},
    {"I09", empty_list_breaks},
    {"I10", span_sizes_memory},
    {"I19", log_cut_too_early},
    {"PB17", low_mark_unproven},
    {"PB26", request_timer_in_limbo},
    {"PB27", nobody_asked},
    {"PB28", view_of_one_status},
    {"PB29", mixed_cert},
    {"W05", forged_cert},
    {"W07", proof_lost},
    {"W15", older_target},
    {"W20", view_change_lost},
};
const uint32_t directed_replica_count = sizeof directed_replica / sizeof directed_replica[0];
