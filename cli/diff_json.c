/* cli/diff_json.c: how two runs differ, as JSON. */
#include <stdlib.h>

#include "cli/diff_align.h"

static json_t *event_json(const struct cli_aligned *r, size_t index)
{
    char *text = NULL;
    size_t size = 0;
    if (index >= r->event_count) return json_null();
    const struct cli_event *e = &r->events[index];
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) return json_null();
    cli_diff_put_event(e, r->side->lines.line[e->line], file);
    if (fclose(file) != 0) size = 0;
    json_t *one =
        json_pack("{s:I, s:I, s:s%}", "event", (json_int_t)e->index, "virtual_ns",
                  (json_int_t)e->now_ns, "text", size > 0 ? text : "", size > 0 ? size - 1 : 0);
    free(text);
    return one;
}

static json_t *decision_json(const struct cli_aligned *r, size_t index)
{
    if (index >= r->decision_count) return json_null();
    json_t *o = json_loads(r->decisions[index].text, 0, NULL);
    json_t *one = json_pack("{s:O?, s:O?}", "name", json_object_get(o, "d"), "value",
                            json_object_get(o, "v"));
    json_decref(o);
    return one;
}

static json_t *end_json(const struct cli_aligned *r)
{
    json_t *o = json_loads(r->end, 0, NULL);
    json_t *one = json_pack("{s:s, s:O?, s:O?, s:O?}", "run", r->side->label, "verdict",
                            json_object_get(o, "end"), "events", json_object_get(o, "events"),
                            "digest", json_object_get(o, "digest"));
    json_decref(o);
    return one;
}

static json_t *followed_json(const struct cli_aligned *a, const struct cli_aligned *b, size_t from,
                             uint32_t shown, json_int_t *more)
{
    json_t *list = json_array();
    size_t x = cli_diff_next_told(a, from), y = cli_diff_next_told(b, from);
    while (x < a->event_count || y < b->event_count) {
        bool left = y >= b->event_count ||
                    (x < a->event_count && a->events[x].now_ns <= b->events[y].now_ns);
        if (json_array_size(list) < shown) {
            json_t *one = event_json(left ? a : b, left ? x : y);
            json_object_set_new(one, "only", json_string(left ? "a" : "b"));
            json_array_append_new(list, one);
        } else {
            ++*more;
        }
        if (left) x = cli_diff_next_told(a, x + 1);
        if (!left) y = cli_diff_next_told(b, y + 1);
    }
    return list;
}

static json_t *kinds_json(const struct cli_aligned *a, const struct cli_aligned *b)
{
    struct cli_tally tallies[CLI_DIFF_KINDS] = {0};
    json_t *kinds = json_object();
    cli_diff_count_kinds(a, 0, tallies);
    cli_diff_count_kinds(b, 1, tallies);
    for (uint32_t k = 0; k < CLI_DIFF_KINDS && tallies[k].kind[0] != '\0'; k++)
        json_object_set_new(kinds, tallies[k].kind,
                            json_pack("{s:I, s:I, s:I, s:I}", "a", (json_int_t)tallies[k].total[0],
                                      "b", (json_int_t)tallies[k].total[1], "only_a",
                                      (json_int_t)tallies[k].alone[0], "only_b",
                                      (json_int_t)tallies[k].alone[1]));
    return kinds;
}

json_t *cli_diff_json(struct cli_aligned *a, struct cli_aligned *b, size_t parted, bool same,
                      uint32_t shown)
{
    json_int_t more = 0;
    json_t *root = json_pack("{s:b, s:I, s:o, s:o}", "same", (int)same, "same_events",
                             (json_int_t)parted, "a", end_json(a), "b", end_json(b));
    if (!same) {
        size_t decision = cli_diff_decision(a, b);
        json_object_set_new(root, "decided",
                            json_pack("{s:o, s:o}", "a", decision_json(a, decision), "b",
                                      decision_json(b, decision)));
        json_object_set_new(
            root, "diverged",
            json_pack("{s:o, s:o}", "a", event_json(a, parted), "b", event_json(b, parted)));
        if (cli_diff_mark_alone(a, b, parted))
            json_object_set_new(root, "followed", followed_json(a, b, parted, shown, &more));
        json_object_set_new(root, "followed_more", json_integer(more));
        json_object_set_new(root, "kinds", kinds_json(a, b));
    }
    cli_json_version(root, "diff");
    return root;
}
