/* engine/shim/counter_history.c: see counter_history.h. */
#include "engine/shim/counter_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

bool nika_counter_init(struct nika_counter_history *h)
{
    memset(h, 0, sizeof *h);
    /* Pages that no number falls into are never touched. */
    void *memory = mmap(NULL, NIKA_COUNTER_MAX / 8, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    h->seen = memory == MAP_FAILED ? NULL : memory;
    return h->seen != NULL;
}

void nika_counter_fini(struct nika_counter_history *h)
{
    if (h->seen != NULL) munmap(h->seen, NIKA_COUNTER_MAX / 8);
    h->seen = NULL;
}

uint64_t nika_counter_begin(struct nika_counter_history *h)
{
    h->begun++;
    return h->highest;
}

static const char *judge(const struct nika_counter_history *h, uint64_t floor, uint64_t number)
{
    if (number == 0 || number >= NIKA_COUNTER_MAX) return "which is no number of an operation";
    if ((h->seen[number / 8] & (1u << (number % 8))) != 0) return "as another one was";
    if (number <= floor) return "though a later number was answered before it began";
    if (number > h->begun) return "more than were ever begun";
    return NULL;
}

void nika_counter_answer(struct nika_counter_history *h, uint32_t client, uint64_t floor,
                         uint64_t number)
{
    const char *wrong = judge(h, floor, number);
    h->answered++;
    if (wrong != NULL && h->violations++ == 0)
        snprintf(h->first, sizeof h->first,
                 "an operation of client %u was answered %" PRIu64 ", %s (floor %" PRIu64
                 ", begun %" PRIu64 ")",
                 client, number, wrong, floor, h->begun);
    if (number == 0 || number >= NIKA_COUNTER_MAX) return;
    h->seen[number / 8] = (uint8_t)(h->seen[number / 8] | 1u << (number % 8));
    if (number > h->highest) h->highest = number;
}
