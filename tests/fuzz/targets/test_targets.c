/* The targets judge, and their mutations keep an input an input (fuzz/targets). */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/targets/desk.h"
#include "fuzz/targets/handler.h"
#include "fuzz/targets/kept.h"
#include "protocols/hybster/hybster.h"
#include "protocols/pbft/messages.h"
#include "protocols/pbft/pbft.h"
#include "tests/support/test.h"

/* Does it end by a finding? In a child, because a finding aborts. */
static bool finds(void (*body)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fclose(stderr);
        signal(SIGABRT, SIG_DFL);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* ---- A module that says after others whatever they say, enters the view of every NEW-VIEW, and finds evidence in every STATUS ---- */
struct parrot {
    const struct nika_config *config;
    const struct nika_host *host;
    uint64_t view;
    uint32_t told; /* STATUS messages that it got. */
    bool amnesiac;
};

static size_t parrot_size(const struct nika_config *config)
{
    (void)config;
    return sizeof(struct parrot);
}

static size_t parrot_used(const struct nika_replica *replica)
{
    (void)replica;
    return sizeof(struct parrot);
}

static struct nika_replica *parrot_init(void *memory, const struct nika_config *config,
                                        const struct nika_host *host)
{
    struct parrot *parrot = memory;
    *parrot = (struct parrot){.config = config, .host = host};
    return memory;
}

/* One that passes over what a lost disk means votes at once. */
static bool parrot_is_careless;

static void parrot_recover(struct nika_replica *replica, uint32_t kind, uint64_t seq,
                           struct nika_span record)
{
    struct parrot *parrot = (struct parrot *)(void *)replica;
    (void)seq, (void)record;
    parrot->amnesiac = kind == NIKA_RECORD_AMNESIA && !parrot_is_careless;
}

static void parrot_step(struct nika_replica *replica, const struct nika_event *event,
                        struct nika_effects *effects)
{
    struct parrot *parrot = (struct parrot *)(void *)replica;
    uint8_t auth[NIKA_AUTH_SIZE_MAX], frame[4096];
    if (event->kind != NIKA_EVENT_MESSAGE) return;
    if (event->frame->type == PBFT_TYPE_new_view)
        parrot->view = nika_load_le(event->frame->body.data, 8);
    if (event->frame->type == PBFT_TYPE_status && ++parrot->told == 2) parrot->amnesiac = false;
    if (event->frame->type == PBFT_TYPE_status)
        nika_effects_note(effects, NIKA_NOTE_EVIDENCE, PBFT_TYPE_prepare, event->frame->sender,
                          (struct nika_span){0});
    uint32_t size =
        parrot->host->authenticate(parrot->host->world, parrot->host->self, NIKA_AUTH_SIGNATURE,
                                   event->frame->type, 0, event->frame->body, auth);
    struct nika_writer w = nika_writer_of(frame, sizeof frame);
    nika_frame_write(parrot->config, event->frame->type, parrot->host->self, event->frame->body,
                     NIKA_AUTH_SIGNATURE, (struct nika_span){auth, size}, &w);
    assert_false(w.failed);
    nika_effects_broadcast(effects, NIKA_CLASS_CONTROL, (struct nika_span){frame, w.at});
}

static void parrot_status(const struct nika_replica *replica, struct nika_replica_status *out)
{
    memset(out, 0, sizeof *out);
    out->active = true;
    out->amnesiac = ((const struct parrot *)(const void *)replica)->amnesiac;
    out->view = ((const struct parrot *)(const void *)replica)->view;
}

/* A replica 1 that speaks the words of `like`. */
static struct handler_player parrot_of(const struct nika_replica_ops *like, uint32_t protocol,
                                       void (*parrot_says)(struct nika_replica *,
                                                           const struct nika_event *,
                                                           struct nika_effects *))
{
    static struct nika_replica_ops ops;
    ops = *like;
    ops.size = parrot_size;
    ops.used = parrot_used;
    ops.init = parrot_init;
    ops.recover = parrot_recover;
    ops.step = parrot_says;
    ops.status = parrot_status;
    return (struct handler_player){.desk = desk_new(&ops, NULL, ops.messages, protocol, 1),
                                   .play = ops.hybrid ? handler_play_hybster : handler_play_pbft};
}

static struct handler_player with_parrot(void)
{
    return parrot_of(&nika_replica_pbft, 1, parrot_step);
}

/* One with a trusted subsystem that says after others, certified anew by its own instance or, as an impostor, not. What comes in its own name it
 * sends on as it is. */
static bool parrot_is_impostor;

static void hybrid_parrot_step(struct nika_replica *replica, const struct nika_event *event,
                               struct nika_effects *effects)
{
    const struct parrot *parrot = (const struct parrot *)(const void *)replica;
    const struct nika_host *host = parrot->host;
    const struct nika_frame *heard = event->frame;
    struct nika_trusted_certificate certificate;
    struct nika_digest digest;
    uint8_t body[1024], frame[2048];
    if (event->kind != NIKA_EVENT_MESSAGE) return;
    if (heard->sender == host->self) {
        nika_effects_broadcast(effects, NIKA_CLASS_CONTROL, heard->raw);
        return;
    }
    assert_true(heard->body.size <= sizeof body);
    memcpy(body, heard->body.data, heard->body.size);
    struct nika_span said = {body, heard->body.size};
    (void)nika_replica_hybster.certified(parrot->config, heard->type, said, &digest);
    if (!parrot_is_impostor) {
        assert_int_equal(host->trusted->certify(host->world, host->self, NIKA_TRUSTED_MAC, 0,
                                                (struct nika_trusted_value){0, 0}, &digest,
                                                &certificate),
                         NIKA_OK);
        nika_trusted_certificate_encode(&certificate,
                                        body + said.size - NIKA_TRUSTED_CERTIFICATE_SIZE);
    }
    struct nika_writer w = nika_writer_of(frame, sizeof frame);
    nika_frame_write(parrot->config, heard->type, host->self, said, NIKA_AUTH_NONE,
                     (struct nika_span){0}, &w);
    assert_false(w.failed);
    nika_effects_broadcast(effects, NIKA_CLASS_CONTROL, (struct nika_span){frame, w.at});
}

static void hear_of_checkpoint(struct handler_player *p, uint8_t sender, uint8_t digest)
{
    struct handler_op op = {.kind = OP_CHECKPOINT, .sender = sender, .seq = 4, .digest = digest};
    p->play(p, &op);
    if (p->refused != 0) abort();
}

/* It hears of two different checkpoints at one number, both of `sender`. */
static void two_checkpoints_of(uint8_t sender)
{
    struct handler_player p = parrot_of(&nika_replica_hybster, 2, hybrid_parrot_step);
    hear_of_checkpoint(&p, sender, 1);
    hear_of_checkpoint(&p, sender, 2);
}

static void certifies_two_things(void)
{
    two_checkpoints_of(2);
}

static void says_two_things_that_another_certified(void)
{
    parrot_is_impostor = true; /* In a process of its own: finds(). */
    two_checkpoints_of(2);
}

static void is_shown_two_things_that_it_never_said(void)
{
    two_checkpoints_of(1);
}

static void is_shown_what_it_said_in_other_inputs(void)
{
    struct handler_player p = parrot_of(&nika_replica_hybster, 2, hybrid_parrot_step);
    hear_of_checkpoint(&p, 2, 1);
    desk_reset(p.desk);
    hear_of_checkpoint(&p, 2, 2);
    desk_reset(p.desk);
    hear_of_checkpoint(&p, 1, 1);
    hear_of_checkpoint(&p, 1, 2);
}

static void say(struct handler_player *p, uint8_t kind, uint8_t view, uint8_t digest)
{
    struct handler_op op = {.kind = kind, .sender = 2, .view = view, .digest = digest};
    p->play(p, &op);
}

static void says_the_same_twice(void)
{
    struct handler_player p = with_parrot();
    say(&p, OP_PREPARE, 0, 1);
    say(&p, OP_PREPARE, 0, 1);
    say(&p, OP_COMMIT, 0, 2);
}

static void says_two_things(void)
{
    struct handler_player p = with_parrot();
    say(&p, OP_PREPARE, 0, 1);
    say(&p, OP_PREPARE, 0, 2);
}

static void votes_in_the_view_that_it_left(void)
{
    struct handler_player p = with_parrot();
    say(&p, OP_VIEW_CHANGE, 1, 0);
    say(&p, OP_COMMIT, 0, 1);
}

/* It left view 0, died, and votes there: for the second time, or for something else. */
static void votes_where_it_left(struct handler_player p, bool disk_lost, uint8_t kind)
{
    say(&p, OP_PREPARE, 0, 1);
    say(&p, OP_VIEW_CHANGE, 1, 0);
    if (disk_lost)
        desk_restart_without_disk(p.desk);
    else
        desk_restart(p.desk, 0);
    say(&p, kind, 0, 1);
}

static void votes_again_where_it_left(void)
{
    votes_where_it_left(with_parrot(), false, OP_PREPARE);
}

static void votes_again_without_its_disk(void)
{
    votes_where_it_left(with_parrot(), true, OP_PREPARE);
}

static void votes_anew_without_its_disk(void)
{
    parrot_is_careless = true; /* No question of what it may have forgotten: its counter knows. */
    votes_where_it_left(parrot_of(&nika_replica_hybster, 2, hybrid_parrot_step), true, OP_COMMIT);
}

/* View 2 is not its own; 0x100 = all VIEW-CHANGEs of one sender, flag 1 = one of them less. */
static void enters_with(uint32_t number, uint8_t flags)
{
    struct handler_player p = with_parrot();
    handler_play_pbft(
        &p, &(struct handler_op){.kind = OP_NEW_VIEW, .view = 2, .number = number, .flags = flags});
}

static void enters_with_a_quorum(void)
{
    enters_with(0, 0);
}

static void enters_with_one_less(void)
{
    enters_with(0, 1);
}

static void enters_with_one_sender_thrice(void)
{
    enters_with(0x100, 0);
}

static void finds_evidence_of_two(void)
{
    struct handler_player p = with_parrot();
    for (uint8_t i = 2; i < 4; i++)
        handler_play_pbft(&p, &(struct handler_op){.kind = OP_STATUS, .sender = i});
}

static void finds_evidence_twice(void)
{
    struct handler_player p = with_parrot();
    say(&p, OP_STATUS, 0, 0);
    say(&p, OP_STATUS, 0, 0);
}

/* It forgets what it said, because it kept nothing. */
static void says_after_a_restart(uint8_t digest)
{
    struct handler_player p = with_parrot();
    say(&p, OP_PREPARE, 0, 1);
    desk_restart(p.desk, 0);
    say(&p, OP_PREPARE, 0, digest);
}

static void says_the_same_after_a_restart(void)
{
    says_after_a_restart(1);
}

static void says_another_thing_after_a_restart(void)
{
    says_after_a_restart(2);
}

/* Its disk is lost, and so many others tell it where they stand; then it votes, or not. */
static void after_a_lost_disk(bool voted_before, uint8_t others, bool votes)
{
    struct handler_player p = with_parrot();
    if (voted_before) say(&p, OP_PREPARE, 0, 1);
    desk_restart_without_disk(p.desk);
    for (uint8_t i = 0; i < others; i++)
        handler_play_pbft(&p, &(struct handler_op){.kind = OP_STATUS, .sender = 2 + i});
    if (votes) say(&p, OP_PREPARE, 0, 1);
}

static void waits_without_its_disk(void)
{
    after_a_lost_disk(true, 1, false);
}

static void votes_without_its_disk(void)
{
    after_a_lost_disk(false, 1, true);
}

static void votes_when_two_told_it(void)
{
    after_a_lost_disk(false, 2, true);
}

static void votes_where_it_may_have_voted(void)
{
    after_a_lost_disk(true, 2, true);
}

static void does_not_mind_a_lost_disk(void)
{
    parrot_is_careless = true; /* In a process of its own: finds(). */
    after_a_lost_disk(false, 0, true);
}

static void test_a_vote_that_may_contradict_a_lost_one_is_a_finding(void **state)
{
    (void)state;
    assert_false(finds(waits_without_its_disk));
    assert_true(finds(votes_without_its_disk));
    assert_false(finds(votes_when_two_told_it));
    assert_true(finds(votes_where_it_may_have_voted));
    assert_true(finds(does_not_mind_a_lost_disk));
}

static void test_what_a_replica_may_not_do_is_a_finding(void **state)
{
    (void)state;
    assert_false(finds(enters_with_a_quorum));
    assert_true(finds(enters_with_one_less));
    assert_true(finds(enters_with_one_sender_thrice));
    assert_false(finds(finds_evidence_of_two));
    assert_true(finds(finds_evidence_twice));
}

static void test_what_a_replica_may_not_say_is_a_finding(void **state)
{
    (void)state;
    assert_false(finds(says_the_same_twice));
    assert_true(finds(says_two_things));
    assert_true(finds(votes_in_the_view_that_it_left));
    assert_true(finds(votes_again_where_it_left));
    assert_false(finds(votes_again_without_its_disk));
    assert_true(finds(votes_anew_without_its_disk));
    assert_false(finds(says_the_same_after_a_restart));
    assert_true(finds(says_another_thing_after_a_restart));
}

static void test_what_its_instance_certified_is_its_word(void **state)
{
    (void)state;
    assert_true(finds(certifies_two_things));
    assert_true(finds(says_two_things_that_another_certified));
    assert_false(finds(is_shown_two_things_that_it_never_said));
    assert_false(finds(is_shown_what_it_said_in_other_inputs));
}

/* ---- The player reaches the replica ---- */
static void order_five_and_enter_the_next_view(struct handler_player *p)
{
    struct nika_replica_status s;
    for (uint8_t i = 0; i < 5; i++) {
        struct handler_op order = {.kind = OP_ORDER, .digest = i};
        handler_play_pbft(p, &order);
    }
    desk_status(p->desk, &s);
    assert_int_equal(s.last_executed, 5);
    assert_int_equal(p->refused, 0);
    assert_true(handler_leave_view(p, false));
    desk_status(p->desk, &s);
    assert_int_equal(s.view, 1);
    assert_false(s.active);
    assert_int_equal(s.view_changes_held, 2);
    assert_true(handler_leave_view(p, true));
    desk_status(p->desk, &s);
    assert_true(s.active);
}

static void test_operations_order_checkpoint_and_change_the_view(void **state)
{
    (void)state;
    struct nika_replica_status s;
    struct handler_player p = {.desk = handler_desk("pbft", 1), .play = handler_play_pbft};
    order_five_and_enter_the_next_view(&p);
    /* Back to the beginning, and the same once more. */
    uint64_t first = desk_digest(p.desk);
    desk_reset(p.desk);
    desk_status(p.desk, &s);
    assert_int_equal(s.last_executed, 0);
    assert_true(desk_digest(p.desk) != first);
    order_five_and_enter_the_next_view(&p);
    assert_true(desk_digest(p.desk) == first);
    desk_free(p.desk);
}

/* Batch 1 was accepted, and the replica died with the record of it on its way to the disk: does it then prepare batch 2 in its place? */
static bool prepares_another_after_death(uint32_t survive)
{
    struct handler_player p = {.desk = handler_desk("pbft", 1), .play = handler_play_pbft};
    struct nika_digest said;
    for (uint8_t batch = 1; batch <= 2; batch++) {
        desk_hold(p.desk, batch == 1);
        p.play(&p, &(struct handler_op){.kind = OP_PRE_PREPARE, .digest = batch});
        p.play(&p, &(struct handler_op){.kind = OP_BATCH, .digest = batch});
        if (batch == 2) break;
        assert_false(desk_said(p.desk, NIKA_MESSAGE_PREPARE, 0, 1, &said));
        desk_restart(p.desk, survive);
        desk_settle(p.desk);
    }
    bool prepares = desk_said(p.desk, NIKA_MESSAGE_PREPARE, 0, 1, &said);
    desk_free(p.desk);
    return prepares;
}

static void test_a_restart_keeps_what_was_written_and_loses_what_was_not(void **state)
{
    (void)state;
    struct nika_replica_status s;
    assert_true(prepares_another_after_death(0));
    assert_false(prepares_another_after_death(1));
    static const char *const names[] = {"pbft", "hybster"};
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct handler_player p = {.desk = handler_desk(names[i], 1),
                                   .play = i == 0 ? handler_play_pbft : handler_play_hybster};
        for (uint8_t k = 0; k < 5; k++)
            p.play(&p, &(struct handler_op){.kind = OP_ORDER, .digest = k});
        p.play(&p, &(struct handler_op){.kind = OP_CHECKPOINT, .seq = 10, .flags = 1});
        desk_status(p.desk, &s);
        assert_int_equal(s.low_mark, 4);
        desk_restart(p.desk, 0);
        desk_status(p.desk, &s);
        assert_int_equal(s.low_mark, 4); /* By the snapshot, and the record that it is stable. */
        assert_in_range(s.last_executed, 4, 5);
        assert_false(s.amnesiac);
        desk_free(p.desk);
    }
}

/* Orders one batch after the other, fails as the operation says before one of them, and says how many it committed to. */
static uint32_t commits_of_four(struct handler_op fails, uint32_t before, bool *stopped)
{
    struct nika_replica_status s;
    struct nika_digest said;
    uint32_t commits = 0;
    struct handler_player p = {.desk = handler_desk("hybster", 1), .play = handler_play_hybster};
    fails.kind = OP_RESTART;
    for (uint32_t k = 0; k < 4; k++) {
        if (k == before) p.play(&p, &fails);
        desk_status(p.desk, &s);
        for (uint64_t j = s.last_executed; j < k; j++) /* What it has to execute again. */
            p.play(&p, &(struct handler_op){.kind = OP_ORDER, .digest = (uint8_t)j});
        p.play(&p, &(struct handler_op){.kind = OP_ORDER, .digest = (uint8_t)k});
        commits += desk_said(p.desk, NIKA_MESSAGE_COMMIT, 0, k + 1, &said) ? 1 : 0;
    }
    desk_status(p.desk, &s);
    *stopped = s.wait == NIKA_WAIT_TRUSTED;
    desk_free(p.desk);
    return commits;
}

/* Which view is it in when its disk was lost and it was shown so many of its own words? It opened view 1. */
static uint64_t view_after_echoes(uint32_t count)
{
    struct nika_replica_status s;
    struct handler_player p = {.desk = handler_desk("hybster", 1), .play = handler_play_hybster};
    p.play(&p, &(struct handler_op){.kind = OP_ORDER});
    assert_true(handler_leave_view(&p, true));
    p.play(&p, &(struct handler_op){.kind = OP_RESTART, .count = RESTART_LOST});
    for (uint32_t i = 0; i < count; i++)
        p.play(&p, &(struct handler_op){.kind = OP_ECHO, .number = i});
    p.play(&p, &(struct handler_op){.kind = OP_BATCH}); /* Which its NEW-VIEW is about (HN8). */
    desk_status(p.desk, &s);
    desk_free(p.desk);
    return s.view;
}

static void test_a_replica_hears_its_own_words_again(void **state)
{
    (void)state;
    assert_int_equal(view_after_echoes(0), 0);
    assert_int_equal(view_after_echoes(2), 1);
}

static void test_who_has_no_trusted_subsystem_stops_voting(void **state)
{
    (void)state;
    static const struct {
        struct handler_op fails;
        uint32_t before, commits;
        bool stops;
    } cases[] = {
        {{.count = 0}, 2, 4, false},
        {{.count = RESTART_GONE}, 2, 2, true},
        {{.count = RESTART_GONE, .number = 1}, 2, 3, true},
        {{.count = RESTART_REFUSES}, 2, 2, true},
        {{.count = RESTART_REFUSES, .number = 1 + 4}, 2, 3, true},
        {{.count = RESTART_BACK}, 2, 2, true},
        {{.count = RESTART_ZERO}, 2, 2, true},
        {{.count = RESTART_BACK}, 0, 4, false}, /* No further back than its log. */
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        bool stopped = false;
        uint32_t commits = commits_of_four(cases[i].fails, cases[i].before, &stopped);
        assert_int_equal(commits, cases[i].commits);
        assert_int_equal(stopped, cases[i].stops);
    }
}

/* Two leave for view 2, one of them past a view 1 that can never begin, where two orders of its were certified: does the replica follow? */
static bool follows_past_a_view_that_never_begins(uint32_t past, uint32_t other, uint8_t flags)
{
    struct nika_replica_status s;
    struct handler_player p = {.desk = handler_desk("hybster", 0), .play = handler_play_hybster};
    struct handler_op leave = {
        .kind = OP_VIEW_CHANGE, .sender = (uint8_t)other, .view = 2, .seq = 1};
    p.play(&p, &leave);
    leave.sender = (uint8_t)past;
    leave.flags = flags;
    leave.number = 1u + 4u * 2u;
    p.play(&p, &leave);
    desk_status(p.desk, &s);
    desk_free(p.desk);
    return s.view == 2;
}

static void test_only_its_leader_says_that_a_view_never_begins(void **state)
{
    (void)state;
    assert_true(follows_past_a_view_that_never_begins(1, 2, 1u << 1 | 1u << 4));
    assert_false(follows_past_a_view_that_never_begins(2, 1, 1u << 1 | 1u << 4));
    assert_false(follows_past_a_view_that_never_begins(1, 2, 1u << 1 | 1u << 4 | 1u << 5));
}

static void test_a_damaged_frame_is_refused_at_ingress(void **state)
{
    (void)state;
    struct handler_player p = {.desk = handler_desk("pbft", 1), .play = handler_play_pbft};
    struct handler_op damage = {.kind = OP_DAMAGED, .number = 60};
    handler_play_pbft(&p, &damage);
    struct handler_op vote = {.kind = OP_PREPARE, .sender = 2};
    handler_play_pbft(&p, &vote);
    assert_int_equal(p.refused, 1);
    handler_play_pbft(&p, &vote);
    assert_int_equal(p.delivered, 1);
    desk_free(p.desk);
}

/* ---- Frames that are kept ---- */
static uint64_t digest_of(const struct nika_target *target, const uint8_t *input)
{
    target->run((struct nika_span){input, HANDLER_SIZE_MAX});
    return target->digest();
}

/* An input runs the same whether or not earlier ones made the frames that it needs. */
static void test_kept_frames_change_nothing(void **state)
{
    (void)state;
    enum { INPUTS = 400 };
    static uint8_t inputs[INPUTS][HANDLER_SIZE_MAX];
    static const char *const names[] = {"handler-pbft", "handler-hybster"};
    for (uint32_t i = 0; i < INPUTS; i++) {
        struct nika_target_draw draw = {i / (2 * HANDLER_STARTS)}; /* The same from every start. */
        inputs[i][0] = (uint8_t)(i % (2 * HANDLER_STARTS));
        for (uint32_t at = 1; at < HANDLER_SIZE_MAX; at += HANDLER_OP_SIZE)
            handler_list.fresh(inputs[i] + at, &draw);
    }
    for (uint32_t t = 0; t < ARRAY_COUNT(names); t++) {
        const struct nika_target *target = nika_target_find(names[t]);
        uint64_t with[INPUTS];
        kept_clear();
        for (uint32_t i = 0; i < INPUTS; i++) with[i] = digest_of(target, inputs[i]);
        for (uint32_t i = 0; i < INPUTS; i++) {
            kept_clear();
            assert_true(digest_of(target, inputs[i]) == with[i]);
        }
    }
}

/* ---- Mutations ---- */
static void test_a_mutated_list_holds_whole_entries(void **state)
{
    (void)state;
    uint8_t data[1 + 8 * HANDLER_OP_SIZE] = {0};
    uint32_t size = 0, largest = 0, changed = 0;
    for (uint32_t seed = 0; seed < 2000; seed++) {
        uint8_t before[sizeof data];
        memcpy(before, data, sizeof data);
        uint32_t was = size;
        size = nika_target_list_mutate(&handler_list, data, size, sizeof data, seed);
        assert_true(size >= 1 && size <= sizeof data);
        assert_int_equal((size - 1) % HANDLER_OP_SIZE, 0);
        if (size > largest) largest = size;
        changed += size != was || memcmp(before, data, size) != 0;
    }
    assert_int_equal(largest, sizeof data);
    assert_true(changed > 1900);
}

static void test_the_same_seed_mutates_alike(void **state)
{
    (void)state;
    for (uint32_t i = 0; nika_targets[i] != NULL; i++) {
        uint8_t a[256] = {1, 2, 3}, b[256] = {1, 2, 3};
        if (!nika_target_mutates(nika_targets[i])) continue;
        uint32_t size = nika_target_mutate(nika_targets[i], a, 3, sizeof a, 42);
        assert_int_equal(nika_target_mutate(nika_targets[i], b, 3, sizeof b, 42), size);
        assert_memory_equal(a, b, size);
    }
}

static void test_crossing_takes_from_both(void **state)
{
    (void)state;
    uint8_t a[1 + 4 * HANDLER_OP_SIZE], b[sizeof a], out[sizeof a];
    bool mixed = false;
    memset(a, 1, sizeof a);
    memset(b, 2, sizeof b);
    for (uint32_t seed = 0; seed < 50; seed++) {
        uint32_t size =
            nika_target_list_cross(&handler_list, (struct nika_span){a, sizeof a},
                                   (struct nika_span){b, sizeof b}, out, sizeof out, seed);
        assert_int_equal((size - 1) % HANDLER_OP_SIZE, 0);
        mixed = mixed || (size > HANDLER_OP_SIZE && memchr(out, 1, size) != NULL &&
                          memchr(out, 2, size) != NULL && out[size - 1] == 2);
        /* Never a cut inside an entry. */
        for (uint32_t at = 1; at < size; at += HANDLER_OP_SIZE)
            assert_int_equal(out[at], out[at + HANDLER_OP_SIZE - 1]);
    }
    assert_true(mixed);
}

/* ---- Schedules ---- */
struct compared {
    const struct nika_target *target;
    uint32_t count, different;
};

/* The log of a run is made in a world made anew, and its digest is the run's: `show` and `run` must have gone the same way. */
static void compare_ways(void *context, const char *name, struct nika_span bytes)
{
    struct compared *c = context;
    (void)name;
    for (uint32_t seed = 0; seed < 6; seed++) {
        static uint8_t data[8192];
        uint32_t size = bytes.size;
        FILE *nowhere = fopen("/dev/null", "w");
        assert_non_null(nowhere);
        memcpy(data, bytes.data, size);
        if (seed > 0) size = nika_target_mutate(c->target, data, size, 4000, seed);
        struct nika_span input = {data, size};
        c->target->run(input);
        uint64_t from_copy = c->target->digest();
        c->target->show(input, nowhere);
        fclose(nowhere);
        c->different += from_copy != c->target->digest();
        c->count++;
    }
}

static void test_a_schedule_from_a_copy_is_the_run_of_a_world_made_anew(void **state)
{
    static const char *const names[] = {"schedule-pbft", "schedule-hybster"};
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct compared c = {.target = nika_target_find(names[i])};
        c.target->seeds(compare_ways, &c);
        assert_true(c.count >= 60);
        assert_int_equal(c.different, 0);
    }
}

/* ---- Limits ---- */
/* Processor time that passes before a run, as a driver's own, and by the run. */
static volatile uint64_t work;
static void burn(uint32_t ms)
{
    struct rusage usage;
    do {
        for (uint32_t i = 0; i < 1000000; i++) work = work + i;
        assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    } while (usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 < (time_t)ms);
}

static void burn_in_a_run(struct nika_span input)
{
    burn(input.size * 100u);
}

static void limited(uint32_t before, uint32_t within)
{
    static const uint8_t bytes[100] = {0};
    struct nika_target slow = {.name = "tss", .run = burn_in_a_run};
    nika_target_enforce(nika_target_find("tss")); /* One second. */
    burn(before);
    nika_target_run(&slow, (struct nika_span){bytes, within});
}

static void slow_between_runs(void)
{
    limited(1400, 0);
}

/* It ends by the finding, which on a busy machine may come late: the timer sees ticks. */
static void slow_in_a_run(void)
{
    limited(0, 100);
}

static void test_a_slow_run_is_a_finding_and_a_slow_driver_is_none(void **state)
{
    (void)state;
    assert_int_equal(nika_target_limits(nika_target_find("tss"))->seconds, 1);
    assert_false(finds(slow_between_runs));
    assert_true(finds(slow_in_a_run));
}

static void test_each_block_counts_where_a_sanitizer_tells_of_it(void **state)
{
#if defined(__SANITIZE_ADDRESS__)
    bool told = true;
#elif defined(__has_feature)
    bool told = __has_feature(address_sanitizer);
#else
    bool told = false;
#endif
    (void)state;
    uint64_t before = nika_target_allocated();
    void *volatile block = malloc(1000);
    uint64_t counted = nika_target_allocated() - before;
    assert_non_null(block);
    free(block);
    assert_int_equal(counted, told ? 1000 : 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_replica_may_not_say_is_a_finding),
        cmocka_unit_test(test_what_its_instance_certified_is_its_word),
        cmocka_unit_test(test_what_a_replica_may_not_do_is_a_finding),
        cmocka_unit_test(test_operations_order_checkpoint_and_change_the_view),
        cmocka_unit_test(test_a_slow_run_is_a_finding_and_a_slow_driver_is_none),
        cmocka_unit_test(test_a_restart_keeps_what_was_written_and_loses_what_was_not),
        cmocka_unit_test(test_only_its_leader_says_that_a_view_never_begins),
        cmocka_unit_test(test_each_block_counts_where_a_sanitizer_tells_of_it),
        cmocka_unit_test(test_a_damaged_frame_is_refused_at_ingress),
        cmocka_unit_test(test_kept_frames_change_nothing),
        cmocka_unit_test(test_a_vote_that_may_contradict_a_lost_one_is_a_finding),
        cmocka_unit_test(test_a_replica_hears_its_own_words_again),
        cmocka_unit_test(test_who_has_no_trusted_subsystem_stops_voting),
        cmocka_unit_test(test_a_mutated_list_holds_whole_entries),
        cmocka_unit_test(test_the_same_seed_mutates_alike),
        cmocka_unit_test(test_crossing_takes_from_both),
        cmocka_unit_test(test_a_schedule_from_a_copy_is_the_run_of_a_world_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
