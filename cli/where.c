/* cli/where.c: places in a run: reading them, and telling when the run is there (where.h). */
#include "cli/where.h"

#include <stdlib.h>
#include <strings.h>

#include "engine/core/check.h"

enum names { NO_NAMES, TYPES, TIMERS, CHECKS, FAULTS, ORACLES };
#define VIOLATED UINT32_MAX /* In place of a tap. */

static const struct what {
    const char *word;
    uint32_t tap;
    uint32_t note; /* Of NIKA_TAP_NOTE. */
    uint32_t b;    /* Of a note of views, its b. */
    enum names names;
} whats[] = {
    {"sent", NIKA_TAP_SENT, 0, 0, TYPES},
    {"received", NIKA_TAP_DELIVERED, 0, 0, TYPES},
    {"lost", NIKA_TAP_DROPPED, 0, 0, TYPES},
    {"timer", NIKA_TAP_TIMER, 0, 0, TIMERS},
    {"leaves", NIKA_TAP_NOTE, NIKA_NOTE_VIEW, 0, NO_NAMES},
    {"enters", NIKA_TAP_NOTE, NIKA_NOTE_VIEW, 1, NO_NAMES},
    {"committed", NIKA_TAP_NOTE, NIKA_NOTE_COMMITTED, 0, NO_NAMES},
    {"executed", NIKA_TAP_NOTE, NIKA_NOTE_EXECUTED, 0, NO_NAMES},
    {"checkpoint", NIKA_TAP_NOTE, NIKA_NOTE_CHECKPOINT, 0, NO_NAMES},
    {"stable", NIKA_TAP_NOTE, NIKA_NOTE_STABLE, 0, NO_NAMES},
    {"transfer", NIKA_TAP_NOTE, NIKA_NOTE_TRANSFER, 0, NO_NAMES},
    {"rejected", NIKA_TAP_NOTE, NIKA_NOTE_REJECT, 0, CHECKS},
    {"evidence", NIKA_TAP_NOTE, NIKA_NOTE_EVIDENCE, 0, NO_NAMES},
    {"alarm", NIKA_TAP_NOTE, NIKA_NOTE_ALARM, 0, NO_NAMES},
    {"wants", NIKA_TAP_INVOKED, 0, 0, NO_NAMES},
    {"completed", NIKA_TAP_COMPLETED, 0, 0, NO_NAMES},
    {"crashed", NIKA_TAP_CRASHED, 0, 0, NO_NAMES},
    {"restarted", NIKA_TAP_RESTARTED, 0, 0, NO_NAMES},
    {"fault", NIKA_TAP_FAULT, 0, 0, FAULTS},
    {"calm", NIKA_TAP_GST, 0, 0, NO_NAMES},
    {"violated", VIOLATED, 0, 0, ORACLES},
};

/* ---- names ---- */
struct names_of {
    const struct nika_replica_ops *protocol;
    const struct nika_scenario *scenario;
    enum names names;
};

/* NULL past the end; "" where there is a hole. */
static const char *name_at(const void *context, uint32_t index)
{
    const struct names_of *n = context;
    const struct nika_message_table *table = n->protocol->messages;
    const char *name = NULL;
    switch (n->names) {
    case NO_NAMES:
        return NULL;
    case TYPES:
        if (index >= table->count) return NULL;
        return table->messages[index] != NULL ? table->messages[index]->name : "";
    case TIMERS:
        if (index >= NIKA_TIMERS_MAX || n->protocol->timer_name == NULL) return NULL;
        name = n->protocol->timer_name(index);
        return name != NULL ? name : "";
    case CHECKS:
        return index < NIKA_CHECK_COUNT ? nika_check_name((enum nika_check)index) : NULL;
    case FAULTS:
        return index < n->scenario->fault_count ? n->scenario->faults[index].ops->name : NULL;
    case ORACLES:
        if (index < nika_oracle_count) return nika_oracle_list[index]->id;
        index -= nika_oracle_count;
        return index < nika_oracle_count ? nika_oracle_list[index]->name : NULL;
    }
    return NULL;
}

static const char *what_at(const void *context, uint32_t index)
{
    (void)context;
    return index < ARRAY_COUNT(whats) ? whats[index].word : NULL;
}

static void complain_name(char *problem, const char *what, const char *name, const char *near)
{
    snprintf(problem, NIKA_DIAGNOSIS_SIZE, "%s: nothing is called \"%s\" in this run%s%s%s", what,
             name, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
             near != NULL ? "\"?" : "");
}

static bool parse_name(const struct names_of *n, const char *text, struct cli_where *out,
                       char *problem)
{
    const char *name;
    for (uint32_t i = 0; (name = name_at(n, i)) != NULL; i++) {
        if (name[0] == '\0' || strcasecmp(name, text) != 0) continue;
        out->named = true;
        out->name = n->names == ORACLES ? i % nika_oracle_count : i;
        return true;
    }
    if (name_at(n, 0) == NULL)
        snprintf(problem, NIKA_DIAGNOSIS_SIZE, "\"%s\" takes no name here, got \"%s\"",
                 whats[out->what].word, text);
    else
        complain_name(problem, whats[out->what].word, text, nika_did_you_mean(text, name_at, n));
    return false;
}

static bool parse_what(struct names_of *n, const char *term, struct cli_where *out, char *problem)
{
    char word[32];
    size_t size = strcspn(term, ":");
    snprintf(word, sizeof word, "%.*s", (int)(size < sizeof word ? size : sizeof word - 1), term);
    if (out->kind == CLI_WHERE_HAPPENS) {
        snprintf(problem, NIKA_DIAGNOSIS_SIZE, "one thing happens at a time: \"%s\" and \"%s\"",
                 whats[out->what].word, word);
        return false;
    }
    out->kind = CLI_WHERE_HAPPENS;
    out->what = 0;
    while (out->what < ARRAY_COUNT(whats) && strcasecmp(whats[out->what].word, word) != 0)
        out->what++;
    if (out->what == ARRAY_COUNT(whats)) {
        const char *near = nika_did_you_mean(word, what_at, NULL);
        snprintf(problem, NIKA_DIAGNOSIS_SIZE, "no event, time or condition: \"%s\"%s%s%s", term,
                 near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                 near != NULL ? "\"?" : " (examples: 120, 1.5s, sent:NEW-VIEW, view=2)");
        return false;
    }
    n->names = whats[out->what].names;
    return term[size] == '\0' || parse_name(n, term + size + 1, out, problem);
}

/* ---- numbers ---- */
static bool digits(const char *text, uint64_t *out)
{
    size_t size = strspn(text, "0123456789");
    *out = strtoull(text, NULL, 10);
    return size > 0 && size <= 18 && text[size] == '\0';
}

/* "1.5s", "20ms": integers and fractions down to the nanosecond. */
static bool parse_time(const char *text, uint64_t *ns)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
    size_t whole = strspn(text, "0123456789"), unit = 0;
    const char *fraction = text[whole] == '.' ? text + whole + 1 : "";
    size_t part = strspn(fraction, "0123456789");
    const char *name = text[whole] == '.' ? fraction + part : text + whole;
    while (unit < ARRAY_COUNT(units) && strcmp(units[unit].unit, name) != 0) unit++;
    if (unit == ARRAY_COUNT(units) || whole == 0 || whole > 9 || part > 9) return false;
    if (text[whole] == '.' && part == 0) return false;
    *ns = strtoull(text, NULL, 10) * units[unit].ns;
    uint64_t scale = units[unit].ns;
    for (size_t i = 0; i < part; i++) {
        scale /= 10;
        *ns += (uint64_t)(fraction[i] - '0') * scale;
    }
    return true;
}

static bool parse_filter(struct nika_runner *runner, const char *term, struct cli_where *out,
                         char *problem)
{
    const struct nika_config *c = nika_world_config(nika_runner_world(runner));
    size_t size = strcspn(term, "=");
    uint64_t value;
    if (!digits(term + size + 1, &value)) {
        snprintf(problem, NIKA_DIAGNOSIS_SIZE, "%.*s= takes a number, got \"%s\"", (int)size, term,
                 term + size + 1);
        return false;
    }
    bool replica = strncmp(term, "replica=", 8) == 0, client = strncmp(term, "client=", 7) == 0;
    if (strncmp(term, "view=", 5) == 0) {
        out->has_view = true;
        out->view = value;
    } else if (strncmp(term, "seq=", 4) == 0) {
        out->has_seq = true;
        out->seq = value;
    } else if (replica || client) {
        if (value >= (replica ? c->n : c->clients)) {
            snprintf(problem, NIKA_DIAGNOSIS_SIZE, "%s: this run has %u %s, from 0", term,
                     replica ? c->n : c->clients, replica ? "replicas" : "clients");
            return false;
        }
        out->has_node = true;
        out->node = replica ? (uint32_t)value : nika_client_node((uint32_t)value);
    } else {
        snprintf(problem, NIKA_DIAGNOSIS_SIZE,
                 "\"%.*s=\": expected view=N, seq=N, replica=N or client=N", (int)size, term);
        return false;
    }
    return true;
}

bool cli_where_parse(const char *text, struct nika_runner *runner, struct cli_where *out,
                     char problem[NIKA_DIAGNOSIS_SIZE])
{
    char copy[CLI_WHERE_SIZE], *rest = copy, *term;
    struct names_of names = {cli_story_of(runner).protocol, nika_runner_drawn(runner), NO_NAMES};
    memset(out, 0, sizeof *out);
    snprintf(problem, NIKA_DIAGNOSIS_SIZE, "expected an event, a time or a condition");
    if (strlen(text) >= sizeof copy || text[0] == '\0') return false;
    snprintf(copy, sizeof copy, "%s", text);
    snprintf(out->text, sizeof out->text, "%s", text);
    if (digits(text, &out->number)) return true;
    out->kind = CLI_WHERE_TIME;
    if (parse_time(text, &out->number)) return true;
    out->kind = CLI_WHERE_STATE;
    while ((term = strsep(&rest, ",")) != NULL) {
        bool good = strchr(term, '=') != NULL ? parse_filter(runner, term, out, problem)
                                              : parse_what(&names, term, out, problem);
        if (!good) return false;
    }
    if (out->kind == CLI_WHERE_HAPPENS || out->has_view || out->has_seq) return true;
    snprintf(problem, NIKA_DIAGNOSIS_SIZE,
             "\"%s\" says where and not what: add view=N, seq=N or what happens, such as sent",
             text);
    return false;
}

/* ---- is it there? ---- */
/* View and sequence number of what happened. False: it has none. */
static bool numbers_of(const struct nika_tap *tap, uint64_t *view, uint64_t *seq)
{
    if (tap->frame != NULL) {
        bool numbered = tap->summary != NULL &&
                        tap->summary->message_class != NIKA_MESSAGE_REQUEST &&
                        tap->summary->message_class != NIKA_MESSAGE_REPLY;
        *view = numbered ? tap->summary->view : UINT64_MAX;
        *seq = numbered ? tap->summary->seq : UINT64_MAX;
        return numbered;
    }
    *view = *seq = UINT64_MAX;
    if (tap->kind == NIKA_TAP_COMPLETED) *seq = tap->a;
    if (tap->kind != NIKA_TAP_NOTE) return tap->kind == NIKA_TAP_COMPLETED;
    if (tap->a == NIKA_NOTE_VIEW) *view = tap->note->a;
    if (tap->a == NIKA_NOTE_COMMITTED) *view = tap->note->b;
    if (tap->a == NIKA_NOTE_ALARM) *seq = tap->note->b;
    if (tap->a == NIKA_NOTE_COMMITTED || tap->a == NIKA_NOTE_EXECUTED ||
        tap->a == NIKA_NOTE_STABLE || tap->a == NIKA_NOTE_CHECKPOINT ||
        tap->a == NIKA_NOTE_TRANSFER)
        *seq = tap->note->a;
    return *view != UINT64_MAX || *seq != UINT64_MAX;
}

static bool name_fits(const struct cli_where *w, const struct nika_tap *tap)
{
    if (!w->named) return true;
    switch (whats[w->what].names) {
    case TYPES:
        return tap->frame != NULL && tap->frame->type == w->name;
    case TIMERS:
        return tap->a == w->name && !nika_is_client(tap->node);
    case CHECKS:
        return tap->note->a == w->name;
    case FAULTS:
        return tap->a == w->name;
    case NO_NAMES:
    case ORACLES:
        break;
    }
    return false;
}

bool cli_where_tap(const struct cli_where *w, const struct nika_tap *tap)
{
    uint64_t view, seq;
    if (w->kind != CLI_WHERE_HAPPENS || whats[w->what].tap != (uint32_t)tap->kind) return false;
    const struct what *what = &whats[w->what];
    if (tap->kind == NIKA_TAP_NOTE && tap->a != what->note) return false;
    if (what->note == NIKA_NOTE_VIEW && (tap->note->b != 0) != (what->b != 0)) return false;
    uint32_t node = tap->kind == NIKA_TAP_DELIVERED ? tap->to : tap->node;
    if ((w->has_node && node != w->node) || !name_fits(w, tap)) return false;
    if (!w->has_view && !w->has_seq) return true;
    return numbers_of(tap, &view, &seq) && (!w->has_view || view == w->view) &&
           (!w->has_seq || seq == w->seq);
}

bool cli_where_violation(const struct cli_where *w, const struct nika_violation *v)
{
    if (w->kind != CLI_WHERE_HAPPENS || whats[w->what].tap != VIOLATED) return false;
    return (!w->named || v->oracle == w->name) && (!w->has_seq || v->seq == w->seq) &&
           !w->has_view && (!w->has_node || v->node == w->node || v->other == w->node);
}

void cli_where_state(const struct cli_where *w, const struct nika_world *world, uint64_t out[2])
{
    struct nika_replica_status status;
    uint32_t n = nika_world_config(world)->n;
    out[0] = out[1] = 0;
    for (uint32_t i = 0; w->kind == CLI_WHERE_STATE && i < n; i++) {
        if (!nika_world_is_up(world, i) || (w->has_node && w->node != i)) continue;
        nika_world_status(world, i, &status);
        if ((!w->has_view || status.view == w->view) &&
            (!w->has_seq || status.last_executed == w->seq))
            out[i / 64] |= UINT64_C(1) << (i % 64);
    }
}
