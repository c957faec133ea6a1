/* Steps along the message tables keep a message a message, reach into what is nested, and take from other messages (fuzz/targets/fields.h). */
#include "fuzz/targets/fields.h"
#include "fuzz/targets/harvest.h"
#include "protocols/hybster/messages.h"
#include "protocols/pbft/messages.h"
#include "tests/support/test.h"

#define ROOM (64u * 1024u)
#define KEPT_MAX 64u

struct bodies {
    const struct nika_message_table *table;
    uint32_t count;
    uint32_t size[KEPT_MAX];
    uint8_t *bytes[KEPT_MAX];
};
static struct bodies pbft = {.table = &pbft_messages}, hybster = {.table = &hybster_messages};

static void keep(void *context, const char *name, struct nika_span bytes)
{
    struct bodies *b = context;
    (void)name;
    if (b->count == KEPT_MAX) return;
    b->bytes[b->count] = malloc(bytes.size);
    memcpy(b->bytes[b->count], bytes.data, bytes.size);
    b->size[b->count++] = bytes.size;
}

static const struct nika_message_info *info_of(const struct bodies *b, uint32_t i)
{
    return b->table->messages[b->bytes[i][0]];
}

static struct nika_span body_of(const struct bodies *b, uint32_t i)
{
    return (struct nika_span){b->bytes[i] + 1, b->size[i] - 1};
}

static void assert_decodes(const struct nika_message_info *info, const uint8_t *body, uint32_t size)
{
    union nika_any_message value;
    enum nika_err err = nika_decode(info, (struct nika_span){body, size}, &value);
    if (err != NIKA_OK) fail_msg("%s of %u bytes does not decode after a step", info->name, size);
}

static uint32_t steps_over(const struct bodies *b, uint32_t i)
{
    static uint8_t body[ROOM], before[ROOM];
    struct nika_target_draw draw = {i + 1};
    uint32_t size = b->size[i] - 1, changed = 0;
    for (uint32_t k = 0; k < 400; k++) {
        /* A list that was emptied stays empty: begin again now and then, as a fuzzer does. */
        if (k % 8 == 0) memcpy(body, b->bytes[i] + 1, size = b->size[i] - 1);
        memcpy(before, body, size);
        uint32_t was = size;
        uint32_t made = nika_fields_mutate(b->table, info_of(b, i), body, size, ROOM, &draw);
        if (made == 0) continue;
        size = made;
        assert_decodes(info_of(b, i), body, size);
        changed += size != was || memcmp(before, body, size) != 0;
    }
    return changed;
}

static void test_what_decodes_decodes_after_any_step(void **state)
{
    struct bodies *const all[] = {&pbft, &hybster};
    (void)state;
    for (uint32_t p = 0; p < 2; p++) {
        assert_true(all[p]->count > 20);
        for (uint32_t i = 0; i < all[p]->count; i++) {
            uint32_t changed = steps_over(all[p], i);
            if (changed < 200) fail_msg("%s: %u changes", info_of(all[p], i)->name, changed);
        }
    }
}

/* The view of a PREPARE in a certificate in a VIEW-CHANGE in a NEW-VIEW: three messages deep. */
static bool nested_vote_moved(struct nika_span body)
{
    struct pbft_new_view new_view;
    struct pbft_view_change change;
    struct pbft_certificate certificate;
    struct pbft_prepare vote;
    struct nika_span bytes;
    struct nika_frame frame;
    uint32_t at = 0, inner = 0, votes = 0;
    if (nika_decode(&pbft_info_new_view, body, &new_view) != NIKA_OK) return false;
    while (nika_frames_next(&new_view.view_changes, &at, &bytes)) {
        if (!nika_fields_frame(bytes, &frame)) continue;
        if (nika_decode(&pbft_info_view_change, frame.body, &change) != NIKA_OK) continue;
        for (inner = 0;
             nika_list_next(&change.prepared, &pbft_info_certificate, &inner, &certificate);) {
            for (votes = 0; nika_frames_next(&certificate.prepares, &votes, &bytes);) {
                if (nika_fields_frame(bytes, &frame) &&
                    nika_decode(&pbft_info_prepare, frame.body, &vote) == NIKA_OK && vote.view > 0)
                    return true;
            }
        }
    }
    return false;
}

static void test_steps_reach_votes_in_nested_certificates(void **state)
{
    static uint8_t body[ROOM];
    bool moved = false;
    (void)state;
    for (uint32_t i = 0; i < pbft.count; i++) {
        if (info_of(&pbft, i) != &pbft_info_new_view || nested_vote_moved(body_of(&pbft, i)))
            continue;
        for (uint32_t seed = 0; seed < 3000 && !moved; seed++) {
            struct nika_target_draw draw = {seed};
            memcpy(body, pbft.bytes[i] + 1, pbft.size[i] - 1);
            uint32_t size = nika_fields_mutate(pbft.table, &pbft_info_new_view, body,
                                               pbft.size[i] - 1, ROOM, &draw);
            moved = size > 0 && nested_vote_moved((struct nika_span){body, size});
        }
    }
    assert_true(moved);
}

static void test_crossing_two_messages_makes_a_message_of_the_first_kind(void **state)
{
    static uint8_t out[ROOM];
    uint32_t crossed = 0, spliced = 0;
    (void)state;
    for (uint32_t seed = 0; seed < 4000; seed++) {
        struct nika_target_draw draw = {seed};
        const struct bodies *b = seed % 2 == 0 ? &pbft : &hybster;
        uint32_t i = nika_target_draw(&draw, b->count), k = nika_target_draw(&draw, b->count);
        uint32_t size = nika_fields_cross(b->table, info_of(b, i), body_of(b, i), info_of(b, k),
                                          body_of(b, k), out, ROOM, &draw);
        if (size == 0) continue;
        crossed++;
        assert_decodes(info_of(b, i), out, size);
        spliced += info_of(b, i) != info_of(b, k);
    }
    assert_true(crossed > 300);
    assert_true(spliced > 50);
}

static void test_a_zero_message_decodes(void **state)
{
    uint8_t body[4096];
    (void)state;
    for (uint32_t type = 0; type < hybster_messages.count; type++) {
        const struct nika_message_info *info = hybster_messages.messages[type];
        if (info == NULL) continue;
        assert_decodes(info, body, nika_fields_zero(info, body, sizeof body));
        assert_int_equal(nika_fields_zero(info, body, 1), 0);
    }
}

static int setup(void **state)
{
    (void)state;
    nika_harvest_bodies("pbft", keep, &pbft);
    nika_harvest_bodies("hybster", keep, &hybster);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < pbft.count; i++) free(pbft.bytes[i]);
    for (uint32_t i = 0; i < hybster.count; i++) free(hybster.bytes[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_decodes_decodes_after_any_step),
        cmocka_unit_test(test_steps_reach_votes_in_nested_certificates),
        cmocka_unit_test(test_crossing_two_messages_makes_a_message_of_the_first_kind),
        cmocka_unit_test(test_a_zero_message_decodes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
