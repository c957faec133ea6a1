/* fuzz/campaign/last_words.c: see last_words.h. */
#include "fuzz/campaign/last_words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/core/assert.h"

bool nika_last_words_open(struct nika_last_words *words, int *to)
{
    int ends[2];
    *words = (struct nika_last_words){.from = -1};
    if (pipe(ends) != 0) return false;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    words->from = ends[0];
    *to = ends[1];
    return true;
}

void nika_last_words_close(struct nika_last_words *words)
{
    if (words->from >= 0) close(words->from);
    words->from = -1;
}

static void keep(struct nika_last_words *words, const char *text, size_t size)
{
    NIKA_ASSERT(size <= sizeof words->kept);
    size_t over =
        words->size + size > sizeof words->kept ? words->size + size - sizeof words->kept : 0;
    memmove(words->kept, words->kept + over, words->size - over);
    words->size -= over;
    memcpy(words->kept + words->size, text, size);
    words->size += size;
}

void nika_last_words_hear(struct nika_last_words *words)
{
    char text[1024];
    while (words->from >= 0) {
        ssize_t got = read(words->from, text, sizeof text);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            nika_last_words_close(words);
            return;
        }
        keep(words, text, (size_t)got);
        (void)fwrite(text, 1, (size_t)got, stderr);
        fflush(stderr);
    }
}

/* The next line of what is kept from *at on, without its end; *size is its size. False when there is none. */
static bool next_line(const struct nika_last_words *words, size_t *at, const char **line,
                      size_t *size)
{
    if (*at >= words->size) return false;
    *line = words->kept + *at;
    const char *end = memchr(*line, '\n', words->size - *at);
    *size = end != NULL ? (size_t)(end - *line) : words->size - *at;
    *at += *size + 1;
    return true;
}

static bool begins(const char *line, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* "==4711==ABORTING" says nothing that the exit status does not. */
static bool is_plain(const char *line, size_t size)
{
    size_t i = 0;
    while (i < size && line[i] == ' ') i++;
    return i < size && !begins(line, size, "==");
}

static size_t hex_digits(const char *line, size_t from, size_t size)
{
    size_t at = from;
    while (at < size && strchr("0123456789abcdef", line[at]) != NULL && line[at] != '\0') at++;
    return at - from;
}

void nika_last_words_say(const struct nika_last_words *words, char *out, size_t size)
{
    const char *line, *best = NULL;
    size_t at = 0, length, best_size = 0, put = 0;
    bool summary = false;
    NIKA_ASSERT(size > 0);
    while (next_line(words, &at, &line, &length)) {
        bool is_summary = begins(line, length, "SUMMARY: ");
        if (!is_summary && (summary || !is_plain(line, length))) continue;
        best = line;
        best_size = length;
        summary = is_summary;
    }
    for (size_t i = 0; i < best_size && put + 1 < size; i++) {
        out[put++] = best[i] >= ' ' && best[i] <= '~' ? best[i] : '?';
        if (put >= 2 && best[i] == 'x' && out[put - 2] == '0')
            i += hex_digits(best, i + 1, best_size);
    }
    out[put] = '\0';
}
