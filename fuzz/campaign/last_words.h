/* fuzz/campaign/last_words.h: what a worker process writes to its standard error, passed on, and its end kept: when the process dies
 * in a run, that is why. Owns the reading end of a pipe. */
#ifndef FUZZ_CAMPAIGN_LAST_WORDS_H
#define FUZZ_CAMPAIGN_LAST_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* The report of a sanitizer ends with its summary and little after that. */
#define NIKA_LAST_WORDS_KEPT 4096u

struct nika_last_words {
    int from; /* -1 = nobody writes any more. */
    size_t size;
    char kept[NIKA_LAST_WORDS_KEPT];
};

/* Makes the pipe; `*to` is for the process that writes. False when there is none to have. */
bool nika_last_words_open(struct nika_last_words *words, int *to);
/* Take what there is, without waiting, and pass it on to standard error. Once the writer has ended nothing is lost. */
void nika_last_words_hear(struct nika_last_words *words);
void nika_last_words_close(struct nika_last_words *words);
/* The line of it that says most: a sanitizer's summary, or the last one. Printable, and without process numbers and addresses, so that the same
 * end has the same words. Empty when nothing was written. */
void nika_last_words_say(const struct nika_last_words *words, char *out, size_t size);

#endif
