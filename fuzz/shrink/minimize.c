/* fuzz/shrink/minimize.c: fewer decisions (shrink.h).
 *
 * An attempt leaves out some decisions; they become fair. What an accepted run did not ask for any more is gone with them, so lists
 * get shorter by more than was left out. */
#include "fuzz/shrink/shrink.h"

/* More acts of one fault than this are better said in one line. */
#define ACTS_MAX 8u
/* The value of a decision to act (choice.h): a millionth below one. */
#define ACT 999999u

/* From the harmless to the telling: what is left should be acts of faults. */
static const uint16_t kinds[] = {NIKA_CHOICE_JITTER,    NIKA_CHOICE_DISK,    NIKA_CHOICE_APP,
                                 NIKA_CHOICE_TIE,       NIKA_CHOICE_LATENCY, NIKA_CHOICE_REORDER,
                                 NIKA_CHOICE_DUPLICATE, NIKA_CHOICE_CORRUPT, NIKA_CHOICE_LOSS,
                                 NIKA_CHOICE_FAULT};

/* May this decision be left out? Where the failure is that nothing happened, acts are what should have made it happen. */
static bool may_go(const struct nika_shrink *s, const struct nika_decision *d)
{
    return !s->missing || d->name.kind != NIKA_CHOICE_FAULT;
}

/* Which decisions an attempt leaves out: places [from, to) and, unless 0, one kind or all but one kind. */
struct selection {
    uint32_t from, to;
    uint16_t only, others_than;
};

static bool is_selected(const struct selection *l, uint32_t index, const struct nika_decision *d)
{
    if (index < l->from || index >= l->to) return false;
    if (l->only != 0) return d->name.kind == l->only;
    return l->others_than == 0 || d->name.kind != l->others_than;
}

static bool without(struct nika_shrink *s, const struct selection *selection)
{
    struct nika_decisions rest = {0};
    uint32_t count = 0;
    bool good = nika_decisions_copy(&rest, &s->decisions) == NIKA_OK;
    for (uint32_t i = 0; good && i < rest.count; i++) {
        const struct nika_decision *d = &rest.list[i];
        if (!is_selected(selection, i, d) || !may_go(s, d)) rest.list[count++] = *d;
    }
    good = good && count < rest.count;
    rest.count = count;
    good = good && nika_shrink_try(s, NULL, &rest, NIKA_SHRINK_ANY);
    nika_decisions_clear(&rest);
    return good;
}

/* Fault `fault` acts always, or no more than the list says. Of its decisions only arguments stay, or (not `arguments`) none. */
static bool with_rule(struct nika_shrink *s, uint32_t fault, bool always, bool arguments)
{
    struct nika_decisions rest = {0};
    uint32_t count = 0, bit = UINT32_C(1) << fault;
    bool good = nika_decisions_copy(&rest, &s->decisions) == NIKA_OK;
    for (uint32_t i = 0; good && i < rest.count; i++) {
        const struct nika_decision *d = &rest.list[i];
        bool own = d->name.kind == NIKA_CHOICE_FAULT && d->name.a == fault;
        if (!own || !always || (arguments && d->value != ACT)) rest.list[count++] = *d;
    }
    rest.count = count;
    rest.always = always ? rest.always | bit : rest.always & ~bit;
    good = good && nika_shrink_try(s, NULL, &rest, NIKA_SHRINK_ANY);
    nika_decisions_clear(&rest);
    return good;
}

/* A fault that must act all the time (silence, loss) is one line, not a line for each message. */
static void sum_up_acts(struct nika_shrink *s)
{
    for (uint32_t fault = 0; !s->missing && fault < s->scenario->fault_count; fault++) {
        uint32_t acts = 0;
        for (uint32_t i = 0; i < s->decisions.count; i++) {
            const struct nika_choice_name *name = &s->decisions.list[i].name;
            acts += name->kind == NIKA_CHOICE_FAULT && name->a == fault;
        }
        if (acts > ACTS_MAX && !with_rule(s, fault, true, false))
            (void)with_rule(s, fault, true, true);
    }
}

bool nika_shrink_decision_kinds(struct nika_shrink *s)
{
    uint64_t accepted = s->accepted;
    for (uint32_t i = 0; i < s->scenario->fault_count && !s->stopped; i++) {
        if ((s->decisions.always >> i & 1) != 0) (void)with_rule(s, i, false, true);
    }
    struct selection selection = {.to = UINT32_MAX};
    if (without(s, &selection)) return true;
    selection.others_than = NIKA_CHOICE_FAULT;
    (void)without(s, &selection);
    selection.others_than = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(kinds) && !s->stopped; i++) {
        selection.only = kinds[i];
        (void)without(s, &selection);
    }
    return s->accepted > accepted;
}

bool nika_shrink_decisions(struct nika_shrink *s)
{
    uint64_t accepted = s->accepted;
    uint32_t first = s->decisions.count;
    bool summed_up = false;
    for (uint32_t size = first; size > 0 && !s->stopped;) {
        uint64_t before = s->accepted;
        /* Nearly all of them are needed: look whether they can be said in fewer words before each is tried. */
        if (!summed_up && size <= first / 16 && s->decisions.count > first / 2) {
            sum_up_acts(s);
            summed_up = true;
        }
        /* From the end: what comes late follows from what came early. */
        for (uint32_t end = s->decisions.count; end > 0 && !s->stopped;) {
            uint32_t from = end > size ? end - size : 0;
            struct selection selection = {.from = from, .to = end};
            (void)without(s, &selection);
            end = from < s->decisions.count ? from : s->decisions.count;
        }
        /* At the finest grain again, until no single one can go. */
        if (size == 1 && s->accepted == before) break;
        size = size > 1 ? size / 2 : 1;
        if (size > s->decisions.count) size = s->decisions.count;
    }
    sum_up_acts(s);
    return s->accepted > accepted;
}
