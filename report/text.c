/* report/text.c: foreign text on a page or a terminal: shown, never obeyed. */
#include "report/sheet.h"

#define FOREIGN 0xfffdu

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

static void put(FILE *file, const char *text, bool xml)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        const unsigned char *from = at;
        uint32_t c = next(&at);
        const char *entity = !xml        ? NULL
                             : c == '&'  ? "&amp;"
                             : c == '<'  ? "&lt;"
                             : c == '>'  ? "&gt;"
                             : c == '"'  ? "&quot;"
                             : c == '\'' ? "&#39;"
                                         : NULL;
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
    put(file, text, true);
}

void nika_report_plain(FILE *file, const char *text)
{
    put(file, text, false);
}
