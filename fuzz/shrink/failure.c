/* fuzz/shrink/failure.c: when two runs fail in the same way (shrink.h). */
#include <ctype.h>

#include "fuzz/shrink/shrink.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) != 0 || c == '_';
}

/* Where the reasons of a stall begin: they name every replica and what it waits for, which is not what failed. */
static size_t length_of(const char *sentence)
{
    const char *stall = strstr(sentence, "excusable");
    const char *reasons = stall != NULL ? strchr(stall, ';') : NULL;
    return reasons != NULL ? (size_t)(reasons - sentence) : strlen(sentence);
}

/* Words with a digit in them say which replica, number or digest; other words say what went wrong. An oracle's id is one of the
 * latter, although it has a digit. */
void nika_failure_shape(const char *sentence, char *out, size_t size)
{
    size_t used = 0, end = length_of(sentence);
    for (size_t at = 0; at < end && used + 1 < size;) {
        size_t length = 0;
        bool digit = false;
        while (at + length < end && is_word(sentence[at + length]))
            digit = isdigit((unsigned char)sentence[at + length++]) != 0 || digit;
        bool oracle = length >= 2 && length <= 3 && sentence[at] == 'O';
        if (length == 0) length = 1;
        if (digit && !oracle) {
            out[used++] = '#';
        } else {
            for (size_t i = 0; i < length && used + 1 < size; i++) out[used++] = sentence[at + i];
        }
        at += length;
    }
    out[used] = '\0';
}

bool nika_failure_of(const struct nika_run_result *r, struct nika_failure *out)
{
    memset(out, 0, sizeof *out);
    out->exit_class = r->exit_class;
    nika_failure_shape(r->sentence, out->shape, sizeof out->shape);
    return r->exit_class != NIKA_EXIT_HELD || strncmp(r->sentence, "as expected", 11) == 0;
}

bool nika_failure_equal(const struct nika_failure *a, const struct nika_failure *b)
{
    return a->exit_class == b->exit_class && strcmp(a->shape, b->shape) == 0;
}
