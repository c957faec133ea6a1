/* cli/lines.c: files of lines, whole in memory: traces and what is compared with them. */
#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"

/* The whole file with a NUL behind it. NULL with errno. */
static char *read_whole(FILE *file, size_t *size)
{
    size_t capacity = 1 << 16, used = 0;
    char *text = malloc(capacity);
    while (text != NULL) {
        size_t got = fread(text + used, 1, capacity - used - 1, file);
        used += got;
        if (got == 0) break;
        if (used + 1 < capacity) continue;
        capacity *= 2;
        char *larger = capacity <= ((size_t)1 << 34) ? realloc(text, capacity) : NULL;
        if (larger == NULL) free(text);
        text = larger;
    }
    if (text == NULL || ferror(file) != 0) {
        free(text);
        if (errno == 0) errno = EIO;
        return NULL;
    }
    text[used] = '\0';
    *size = used;
    return text;
}

bool cli_lines_split(char *text, size_t size, struct cli_lines *out)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += text[i] == '\n';
    out->text = text;
    out->line = calloc(count + 1, sizeof *out->line);
    if (out->line == NULL) return false;
    char *start = text;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\n') continue;
        text[i] = '\0';
        out->line[out->count++] = start;
        start = text + i + 1;
    }
    /* What follows the last newline is an incomplete line: the file was cut. */
    return true;
}

/* A packed trace as its lines; anything else as it is. NULL with a message. */
static char *unpack(const char *path, char *text, size_t *size)
{
    char *lines = NULL;
    size_t lines_size = 0, at = 0;
    if (!nika_trace_is_packed(text, *size)) return text;
    FILE *out = open_memstream(&lines, &lines_size);
    enum nika_err err = out != NULL ? nika_trace_unpack(text, *size, out, &at) : NIKA_ERR_LIMIT;
    if (out != NULL && fclose(out) != 0) err = NIKA_ERR_LIMIT;
    free(text);
    *size = lines_size;
    if (err == NIKA_OK) return lines;
    if (err == NIKA_ERR_MALFORMED)
        fprintf(stderr, "nika: %s: corrupt: no record of a trace at byte %zu\n", path, at);
    else
        fprintf(stderr, "nika: %s: out of memory\n", path);
    free(lines);
    return NULL;
}

bool cli_lines_read(const char *path, struct cli_lines *out)
{
    size_t size = 0;
    errno = 0;
    FILE *file = fopen(path, "rb");
    char *text = file != NULL ? read_whole(file, &size) : NULL;
    if (text == NULL) fprintf(stderr, "nika: %s: %s\n", path, strerror(errno));
    if (file != NULL) fclose(file);
    if (text != NULL) text = unpack(path, text, &size);
    return text != NULL && cli_lines_split(text, size, out);
}

void cli_lines_free(struct cli_lines *lines)
{
    free(lines->line);
    free(lines->text);
    memset(lines, 0, sizeof *lines);
}
