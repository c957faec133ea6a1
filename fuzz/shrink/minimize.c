/* fuzz/shrink/minimize.c: fewer decisions (shrink.h).
 *
 * An attempt leaves out some decisions; they become fair. What an accepted run did not ask for any more is gone with them, so lists
 * get shorter by more than was left out. */
#include "fuzz/shrink/shrink.h"

/* From the harmless to the telling: what is left should be acts of faults. */
static const uint16_t kinds[] = {NIKA_CHOICE_JITTER,    NIKA_CHOICE_DISK,    NIKA_CHOICE_APP,
                                 NIKA_CHOICE_TIE,       NIKA_CHOICE_LATENCY, NIKA_CHOICE_REORDER,
                                 NIKA_CHOICE_DUPLICATE, NIKA_CHOICE_CORRUPT, NIKA_CHOICE_LOSS,
                                 NIKA_CHOICE_FAULT};

/* The list without [from, to); with `keep` != 0, of these only what is of another kind (keep > 0: only that kind stays). */
static bool without(struct nika_shrink *s, uint32_t from, uint32_t to)
{
    struct nika_decisions rest = {0};
    bool good = nika_decisions_copy(&rest, &s->decisions) == NIKA_OK;
    if (good) {
        memmove(&rest.list[from], &rest.list[to], (rest.count - to) * sizeof *rest.list);
        rest.count -= to - from;
        good = nika_shrink_try(s, NULL, &rest, NIKA_SHRINK_ANY);
    }
    nika_decisions_clear(&rest);
    return good;
}

/* Only decisions of `kind`, or (not `only`) all others. */
static bool with_kind(struct nika_shrink *s, uint16_t kind, bool only)
{
    struct nika_decisions rest = {0};
    uint32_t count = 0;
    bool good = nika_decisions_copy(&rest, &s->decisions) == NIKA_OK;
    for (uint32_t i = 0; good && i < rest.count; i++) {
        if ((rest.list[i].name.kind == kind) == only) rest.list[count++] = rest.list[i];
    }
    good = good && count < rest.count;
    rest.count = count;
    good = good && nika_shrink_try(s, NULL, &rest, NIKA_SHRINK_ANY);
    nika_decisions_clear(&rest);
    return good;
}

bool nika_shrink_decision_kinds(struct nika_shrink *s)
{
    uint64_t accepted = s->accepted;
    if (s->decisions.count > 0 && without(s, 0, s->decisions.count)) return true;
    (void)with_kind(s, NIKA_CHOICE_FAULT, true);
    for (uint32_t i = 0; i < ARRAY_COUNT(kinds) && !s->stopped; i++)
        (void)with_kind(s, kinds[i], false);
    return s->accepted > accepted;
}

bool nika_shrink_decisions(struct nika_shrink *s)
{
    uint64_t accepted = s->accepted;
    for (uint32_t size = s->decisions.count; size > 0 && !s->stopped;) {
        uint64_t before = s->accepted;
        /* From the end: what comes late follows from what came early. */
        for (uint32_t end = s->decisions.count; end > 0 && !s->stopped;) {
            uint32_t from = end > size ? end - size : 0;
            (void)without(s, from, end);
            end = from < s->decisions.count ? from : s->decisions.count;
        }
        /* At the finest grain again, until no single one can go. */
        if (size == 1 && s->accepted == before) break;
        size = size > 1 ? size / 2 : 1;
        if (size > s->decisions.count) size = s->decisions.count;
    }
    return s->accepted > accepted;
}
