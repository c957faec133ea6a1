/* cli/diff_align.c: aligns two traces: the first event that differs, and the events that only one of them has afterwards.
 *
 * The first difference is exact. After it all event numbers, most times and with them most digests differ; so from there on events
 * are the same when they say the same apart from these, and come for the same time. */
#include "cli/diff_align.h"

#include <inttypes.h>
#include <stdlib.h>

#include "engine/core/digest.h"

#define WHAT_SIZE 2048u

static bool is_decision(const char *line)
{
    return strncmp(line, "{\"d\":", 5) == 0;
}

/* Does a word begin here that says when, or what exactly, but not what kind of thing happened? */
static bool is_detail(const char *at)
{
    static const char *const words[] = {
        "\"token\":", "\"x\":", "time_ns=", "digest=", "result_digest=",
        "result=",    "op=",    "data=",    "nonce="};
    for (uint32_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (strncmp(at, words[i], strlen(words[i])) == 0) return true;
    }
    return false;
}

static uint64_t key_of(const char *what)
{
    char text[WHAT_SIZE];
    size_t used = 0;
    for (const char *at = what; *at != '\0' && used < sizeof text;) {
        bool starts = at == what || at[-1] == ',' || at[-1] == ' ' || at[-1] == '"';
        if (starts && is_detail(at)) {
            at += strcspn(at, " ,}");
        } else {
            text[used++] = *at++;
        }
    }
    return nika_hash64(text, used, 0);
}

/* False with a message when a line is none of a trace. */
static bool index_run(const struct cli_side *side, struct cli_aligned *out)
{
    const struct cli_lines *lines = &side->lines;
    out->side = side;
    out->events = calloc(lines->count, sizeof *out->events);
    out->decisions = calloc(lines->count, sizeof *out->decisions);
    if (out->events == NULL || out->decisions == NULL) return false;
    for (size_t i = 1; i + 1 < lines->count; i++) {
        const char *line = lines->line[i];
        struct cli_event *e = &out->events[out->event_count];
        int at = 0;
        if (is_decision(line)) {
            out->decisions[out->decision_count++] = (struct cli_decision){line, out->event_count};
        } else if (sscanf(line, "{\"e\":%" SCNu64 ",\"t\":%" SCNu64 ",%n", &e->index, &e->now_ns,
                          &at) == 2 &&
                   at > 0 && strncmp(line + at, "\"k\":\"", 5) == 0) {
            e->what = line + at;
            e->line = i;
            e->key = key_of(e->what);
            out->event_count++;
        } else {
            fprintf(stderr, "nika: %s:%zu: no line of a trace\n", side->label, i + 1);
            return false;
        }
    }
    out->end = lines->line[lines->count - 1];
    return true;
}

static void free_run(struct cli_aligned *r)
{
    free(r->events);
    free(r->decisions);
}

/* ---- text ---- */
static const char *note_name(json_int_t note)
{
    static const char *const names[] = {"",           "rejects",  "has evidence",   "ALARM",
                                        "view",       "commits",  "executes",       "stable",
                                        "checkpoint", "transfer", "queue grows to", "waits for"};
    return note > 0 && note < (json_int_t)ARRAY_COUNT(names) ? names[note] : "note";
}

static void put_node(const json_t *node, FILE *file)
{
    if (json_is_integer(node)) fprintf(file, "r%" JSON_INTEGER_FORMAT, json_integer_value(node));
    if (json_is_string(node)) fprintf(file, "%s", json_string_value(node));
}

static size_t node_count(const json_t *o)
{
    return (json_object_get(o, "n") != NULL) + (size_t)(json_object_get(o, "to") != NULL);
}

void cli_diff_put_event(const struct cli_event *e, const char *line, FILE *file)
{
    json_t *o = json_loads(line, 0, NULL);
    const json_t *to = json_object_get(o, "to"), *a = json_object_get(o, "a");
    const char *kind = json_string_value(json_object_get(o, "k")),
               *message = json_string_value(json_object_get(o, "m")),
               *fields = json_string_value(json_object_get(o, "f")),
               *digest = json_string_value(json_object_get(o, "x"));
    bool received = kind != NULL && strcmp(kind, "deliver") == 0;
    fprintf(file, "event %" PRIu64 ", %" PRIu64 ".%06" PRIu64 " s, ", e->index,
            e->now_ns / 1000000000, e->now_ns / 1000 % 1000000);
    put_node(received ? to : json_object_get(o, "n"), file);
    fprintf(file, "%s%s", node_count(o) > 0 ? " " : "", kind != NULL ? kind : "?");
    if (to != NULL) {
        fprintf(file, received ? " from " : " to ");
        put_node(received ? json_object_get(o, "n") : to, file);
    }
    if (message != NULL) fprintf(file, " %s %s", message, fields != NULL ? fields : "");
    if (json_object_get(o, "note") != NULL)
        fprintf(file, " %s", note_name(json_integer_value(json_object_get(o, "note"))));
    if (a != NULL && message == NULL) {
        fprintf(file, " %" JSON_INTEGER_FORMAT, json_integer_value(a));
        fprintf(file, " %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(o, "b")));
    }
    if (digest != NULL) fprintf(file, " digest %s", digest);
    fprintf(file, "\n");
    json_decref(o);
}

/* ---- the first difference ---- */
static bool event_equal(const struct cli_event *a, const struct cli_event *b)
{
    return a->index == b->index && a->now_ns == b->now_ns && strcmp(a->what, b->what) == 0;
}

static void print_decision(const char *label, const struct cli_aligned *r, size_t index, FILE *file)
{
    if (index >= r->decision_count) {
        fprintf(file, "%-9s (nothing more)\n", label);
        return;
    }
    json_t *o = json_loads(r->decisions[index].text, 0, NULL);
    const char *text = json_string_value(json_object_get(o, "d"));
    fprintf(file, "%-9s %s = %" JSON_INTEGER_FORMAT "\n", label, text != NULL ? text : "?",
            json_integer_value(json_object_get(o, "v")));
    json_decref(o);
}

size_t cli_diff_decision(const struct cli_aligned *a, const struct cli_aligned *b)
{
    size_t i = 0;
    while (i < a->decision_count && i < b->decision_count &&
           strcmp(a->decisions[i].text, b->decisions[i].text) == 0)
        i++;
    return i;
}

/* What was decided otherwise before the runs part is why they part. */
static void print_cause(const struct cli_aligned *a, const struct cli_aligned *b, size_t parted,
                        FILE *file)
{
    size_t i = cli_diff_decision(a, b);
    if (i == a->decision_count && i == b->decision_count) {
        fprintf(file,
                "decided   the same in both: the scenario, the seed or the program differs\n");
        return;
    }
    size_t before = i < a->decision_count ? a->decisions[i].before : a->event_count;
    if (i < b->decision_count && b->decisions[i].before < before) before = b->decisions[i].before;
    if (before > parted) {
        fprintf(file, "decided   the same up to there\n");
        return;
    }
    fprintf(file, "decided   otherwise for the first time %s",
            before == 0 || before > a->event_count ? "at the start\n" : "after ");
    if (before > 0 && before <= a->event_count)
        cli_diff_put_event(&a->events[before - 1], a->side->lines.line[a->events[before - 1].line],
                           file);
    print_decision("  A", a, i, file);
    print_decision("  B", b, i, file);
}

static void print_side(const char *label, const struct cli_aligned *r, size_t index, FILE *file)
{
    fprintf(file, "%-9s ", label);
    if (index < r->event_count) {
        cli_diff_put_event(&r->events[index], r->side->lines.line[r->events[index].line], file);
    } else {
        fprintf(file, "(the run has ended)\n");
    }
}

/* ---- what followed ---- */
struct entry {
    struct cli_event *event;
    uint64_t order;
};

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->event->key != y->event->key) return x->event->key < y->event->key ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static struct entry *sorted(struct cli_aligned *r, size_t from)
{
    size_t count = r->event_count - from;
    struct entry *list = calloc(count + 1, sizeof *list);
    if (list == NULL) return NULL;
    for (size_t i = 0; i < count; i++) list[i] = (struct entry){&r->events[from + i], i};
    qsort(list, count, sizeof *list, by_key);
    return list;
}

/* Marks the events behind `from` that the other run does not have, or not so often. */
bool cli_diff_mark_alone(struct cli_aligned *a, struct cli_aligned *b, size_t from)
{
    size_t x = 0, y = 0, a_count = a->event_count - from, b_count = b->event_count - from;
    struct entry *left = sorted(a, from), *right = sorted(b, from);
    bool good = left != NULL && right != NULL;
    while (good && (x < a_count || y < b_count)) {
        bool only_a = y == b_count || (x < a_count && left[x].event->key < right[y].event->key);
        bool only_b = x == a_count || (y < b_count && left[x].event->key > right[y].event->key);
        if (only_a) left[x].event->alone = true;
        if (only_b) right[y].event->alone = true;
        x += !only_b;
        y += !only_a;
    }
    free(left);
    free(right);
    return good;
}

void cli_diff_count_kinds(const struct cli_aligned *r, uint32_t side, struct cli_tally *tallies)
{
    for (size_t i = 0; i < r->event_count; i++) {
        char kind[16];
        uint32_t k = 0;
        if (sscanf(r->events[i].what, "\"k\":\"%15[a-z]", kind) != 1) continue;
        while (k < CLI_DIFF_KINDS && tallies[k].kind[0] != '\0' &&
               strcmp(tallies[k].kind, kind) != 0)
            k++;
        if (k == CLI_DIFF_KINDS) continue;
        memcpy(tallies[k].kind, kind, sizeof kind);
        tallies[k].total[side]++;
        tallies[k].alone[side] += r->events[i].alone;
    }
}

/* Disks, timers, queues and periodic messages follow from the rest: they are counted, not told. */
static bool is_told(const struct cli_event *e)
{
    static const char *const quiet[] = {"\"k\":\"persist\"", "\"k\":\"stored\"", "\"k\":\"timer\""};
    for (uint32_t i = 0; i < ARRAY_COUNT(quiet); i++) {
        if (strncmp(e->what, quiet[i], strlen(quiet[i])) == 0) return false;
    }
    if (strstr(e->what, "\"m\":\"STATUS\"") != NULL) return false;
    return strstr(e->what, "\"note\":10,") == NULL && strstr(e->what, "\"note\":11,") == NULL;
}

size_t cli_diff_next_told(const struct cli_aligned *r, size_t at)
{
    while (at < r->event_count && !(r->events[at].alone && is_told(&r->events[at]))) at++;
    return at;
}

static void print_followed(const struct cli_aligned *a, const struct cli_aligned *b, size_t from,
                           uint32_t shown, FILE *file)
{
    size_t x = cli_diff_next_told(a, from), y = cli_diff_next_told(b, from);
    uint64_t more = 0;
    fprintf(file, "followed\n");
    while (x < a->event_count || y < b->event_count) {
        bool left = y == b->event_count ||
                    (x < a->event_count && a->events[x].now_ns <= b->events[y].now_ns);
        const struct cli_aligned *r = left ? a : b;
        const struct cli_event *e = &r->events[left ? x : y];
        if (shown > 0) {
            fprintf(file, "  only %s  ", left ? "A" : "B");
            cli_diff_put_event(e, r->side->lines.line[e->line], file);
            shown--;
        } else {
            more++;
        }
        if (left) {
            x = cli_diff_next_told(a, x + 1);
        } else {
            y = cli_diff_next_told(b, y + 1);
        }
    }
    if (more > 0) fprintf(file, "          and %" PRIu64 " more (--lines N)\n", more);
}

static void print_kinds(const struct cli_aligned *a, const struct cli_aligned *b, FILE *file)
{
    struct cli_tally tallies[CLI_DIFF_KINDS] = {0};
    cli_diff_count_kinds(a, 0, tallies);
    cli_diff_count_kinds(b, 1, tallies);
    fprintf(file, "%-10s %9s %9s %9s %9s\n", "events", "A", "B", "only A", "only B");
    for (uint32_t k = 0; k < CLI_DIFF_KINDS && tallies[k].kind[0] != '\0'; k++) {
        const struct cli_tally *t = &tallies[k];
        fprintf(file, "  %-8s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", t->kind,
                t->total[0], t->total[1], t->alone[0], t->alone[1]);
    }
}

static void print_end(const char *label, const struct cli_aligned *r, FILE *file)
{
    json_t *o = json_loads(r->end, 0, NULL);
    const char *verdict = json_string_value(json_object_get(o, "end")),
               *digest = json_string_value(json_object_get(o, "digest"));
    fprintf(file, "%-9s %s, %" JSON_INTEGER_FORMAT " events, digest %s\n", label,
            verdict != NULL ? verdict : "?", json_integer_value(json_object_get(o, "events")),
            digest != NULL ? digest : "?");
    json_decref(o);
}

static void print_difference(struct cli_aligned *a, struct cli_aligned *b, size_t parted,
                             uint32_t shown, FILE *file)
{
    bool told = parted < a->event_count || parted < b->event_count;
    fprintf(file, "same      %zu events at the start\n", parted);
    print_cause(a, b, parted, file);
    if (told) {
        fprintf(file, "diverged\n");
        print_side("  A", a, parted, file);
        print_side("  B", b, parted, file);
        bool moved = parted < a->event_count && parted < b->event_count &&
                     strcmp(a->events[parted].what, b->events[parted].what) == 0;
        if (moved) fprintf(file, "          the same event, at another time\n");
        if (cli_diff_mark_alone(a, b, parted)) print_followed(a, b, parted, shown, file);
        print_kinds(a, b, file);
    } else {
        fprintf(file, "diverged  in no event that a trace tells; only the digests differ\n");
    }
}

/* Two runs beside each other, up to the first event that differs. False with a message when one of them is no trace. */
struct pair {
    struct cli_aligned left, right;
    size_t parted;
    bool same;
};

static bool align(const struct cli_side *a, const struct cli_side *b, struct pair *p)
{
    if (!index_run(a, &p->left) || !index_run(b, &p->right)) return false;
    while (p->parted < p->left.event_count && p->parted < p->right.event_count &&
           event_equal(&p->left.events[p->parted], &p->right.events[p->parted]))
        p->parted++;
    p->same = p->parted == p->left.event_count && p->parted == p->right.event_count &&
              strcmp(p->left.end, p->right.end) == 0;
    return true;
}

json_t *cli_diff_object(const struct cli_side *a, const struct cli_side *b, uint32_t shown)
{
    struct pair p = {0};
    json_t *root =
        align(a, b, &p) ? cli_diff_json(&p.left, &p.right, p.parted, p.same, shown) : NULL;
    free_run(&p.left);
    free_run(&p.right);
    return root;
}

int cli_diff(const struct cli_side *a, const struct cli_side *b, uint32_t shown, bool json,
             FILE *file)
{
    struct pair p = {0};
    int status = NIKA_EXIT_USAGE;
    if (!json) fprintf(file, "A         %s\nB         %s\n", a->label, b->label);
    if (align(a, b, &p)) {
        status = p.same ? 0 : 1;
        if (json) {
            cli_json_print(cli_diff_json(&p.left, &p.right, p.parted, p.same, shown), "diff");
        } else {
            if (p.same) fprintf(file, "same      all %zu events\n", p.parted);
            if (!p.same) print_difference(&p.left, &p.right, p.parted, shown, file);
            print_end("end A", &p.left, file);
            print_end("end B", &p.right, file);
        }
    }
    free_run(&p.left);
    free_run(&p.right);
    return status;
}
