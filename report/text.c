/* report/text.c: foreign text on a page or a terminal: shown, never obeyed. */
#include "report/sheet.h"

#include <string.h>

#define FOREIGN 0xfffdu
#define TEXTS 8u
#define TEXT_SIZE 2048u

/* Code points that steer instead of showing: control characters, directions of writing, what XML forbids. */
static bool steers(uint32_t c)
{
    if (c == '\n' || c == '\t') return false;
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0x061c ||
           c == 0x2028 || c == 0x2029 || (c >= 0xd800 && c < 0xe000) || (c & 0xfffe) == 0xfffe;
}

/* One code point of UTF-8; *text moves past it, or past one byte of what is none. */
static uint32_t next(const unsigned char **text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *at = *text;
    uint32_t more = at[0] < 0x80 ? 0 : at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : 1;
    uint32_t c = more == 0 ? at[0] : at[0] & (0x3fu >> more);
    *text = at + 1;
    if (at[0] >= 0x80 && (at[0] < 0xc2 || at[0] > 0xf4)) return FOREIGN;
    for (uint32_t i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) return FOREIGN;
        c = c << 6 | (at[i] & 0x3f);
    }
    if (c < least[more] || c > 0x10ffff) return FOREIGN;
    *text = at + 1 + more;
    return steers(c) ? FOREIGN : c;
}

enum place { PLAIN, XML, MESSAGE, PROPERTY };

/* What stands for a code point that would end the place that it is in. NULL = itself. */
static const char *entity_of(uint32_t c, enum place place)
{
    if (place == XML)
        return c == '&'    ? "&amp;"
               : c == '<'  ? "&lt;"
               : c == '>'  ? "&gt;"
               : c == '"'  ? "&quot;"
               : c == '\'' ? "&#39;"
                           : NULL;
    if (place == PLAIN) return NULL;
    if (c == '%' || c == '\n') return c == '%' ? "%25" : "%0A";
    if (place == MESSAGE) return NULL;
    return c == ':' ? "%3A" : c == ',' ? "%2C" : NULL;
}

static void put(FILE *file, const char *text, enum place place)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        const unsigned char *from = at;
        uint32_t c = next(&at);
        const char *entity = entity_of(c, place);
        if (entity != NULL)
            fputs(entity, file);
        else if (c == FOREIGN)
            fputs("\xef\xbf\xbd", file);
        else
            (void)fwrite(from, 1, (size_t)(at - from), file);
    }
}

void nika_report_xml(FILE *file, const char *text)
{
    put(file, text, XML);
}

void nika_report_plain(FILE *file, const char *text)
{
    put(file, text, PLAIN);
}

void nika_report_annotation(FILE *file, const char *level, const char *path, const char *title,
                            const char *message)
{
    fprintf(file, "::%s ", level);
    if (path != NULL && path[0] != '\0') {
        fputs("file=", file);
        put(file, path, PROPERTY);
        fputs(",line=1,", file);
    }
    fputs("title=", file);
    put(file, title, PROPERTY);
    fputs("::", file);
    put(file, message, MESSAGE);
    fputc('\n', file);
}

const char *nika_report_plain_text(const char *text)
{
    static char ring[TEXTS][TEXT_SIZE];
    static uint32_t at;
    char *out = ring[at++ % TEXTS];
    size_t used = 0;
    const unsigned char *from = (const unsigned char *)text;
    while (*from != '\0' && used + 5 < TEXT_SIZE) {
        const unsigned char *start = from;
        bool foreign = next(&from) == FOREIGN;
        size_t size = foreign ? 3 : (size_t)(from - start);
        memcpy(out + used, foreign ? (const void *)"\xef\xbf\xbd" : start, size);
        used += size;
    }
    out[used] = '\0';
    return out;
}

/* Is there a character that must not reach a terminal? */
static bool has_foreign(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        uint32_t c = next(&at);
        if (c == FOREIGN || c == '\n' || c == '\t') return true;
    }
    return false;
}

void nika_report_shell(char *out, size_t size, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=+,:";
    size_t used = strlen(out);
    bool escaped = has_foreign(text);
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        snprintf(out + used, size - used, "%s", text);
        return;
    }
    used += (size_t)snprintf(out + used, size - used, "%s", escaped ? "$'" : "'");
    for (; *text != '\0' && used + 7 < size; text++) {
        unsigned char c = (unsigned char)*text;
        size_t left = size - used;
        char *to = out + used;
        if (escaped && (c < 0x20 || c >= 0x7f))
            used += (size_t)snprintf(to, left, "\\x%02x", c);
        else if (escaped && (c == '\'' || c == '\\'))
            used += (size_t)snprintf(to, left, "\\%c", c);
        else
            used += c == '\'' ? (size_t)snprintf(to, left, "'\\''")
                              : (size_t)snprintf(to, left, "%c", c);
    }
    if (used + 1 < size) snprintf(out + used, size - used, "'");
}
