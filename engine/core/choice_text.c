/* engine/core/choice_text.c: names of decisions as text, for decision logs and reports: "latency
 * 2>0 t5 v3 s17 #1".
 *
 * Parties are replica numbers, "c3" for client 3, "-" for none. A field that is 0 (t, v, s) is left
 * out; the occurrence number never is. A name has exactly one text. */
#include "engine/core/choice.h"

#include "engine/core/decimal.h"

#define NAME_TEXT_MAX 160u

static const char *const kind_names[] = {
    [NIKA_CHOICE_LATENCY] = "latency",     [NIKA_CHOICE_LOSS] = "loss",
    [NIKA_CHOICE_DUPLICATE] = "duplicate", [NIKA_CHOICE_REORDER] = "reorder",
    [NIKA_CHOICE_CORRUPT] = "corrupt",     [NIKA_CHOICE_TIE] = "tie",
    [NIKA_CHOICE_DISK] = "disk",           [NIKA_CHOICE_APP] = "app",
    [NIKA_CHOICE_FAULT] = "fault",         [NIKA_CHOICE_SETUP] = "setup",
    [NIKA_CHOICE_WORKLOAD] = "workload",   [NIKA_CHOICE_JITTER] = "jitter",
};

static inline char *add(char *at, const char *text, size_t size)
{
    memcpy(at, text, size);
    return at + size;
}

static inline char *add_party(char *at, uint32_t party)
{
    if (party == NIKA_NODE_NONE) return add(at, "-", 1);
    if (nika_is_client(party)) *at++ = 'c';
    return at + nika_decimal(at, nika_client_index(party));
}

static inline char *add_field(char *at, char letter, uint64_t value)
{
    *at++ = ' ';
    *at++ = letter;
    return at + nika_decimal(at, value);
}

/* A name at `at`, which has room for NAME_TEXT_MAX: the longest is a kind of 10 letters and seven numbers of 20. Returns its end. */
static char *write_name(const struct nika_choice_name *name, char *at)
{
    if (name->kind < ARRAY_COUNT(kind_names) && kind_names[name->kind] != NULL) {
        at = add(at, kind_names[name->kind], strlen(kind_names[name->kind]));
    } else {
        at = add(at, "kind", 4);
        at += nika_decimal(at, name->kind);
    }
    *at++ = ' ';
    at = add_party(at, name->a);
    *at++ = '>';
    at = add_party(at, name->b);
    if (name->type != 0) at = add_field(at, 't', name->type);
    if (name->view != 0) at = add_field(at, 'v', name->view);
    if (name->seq != 0) at = add_field(at, 's', name->seq);
    return add_field(at, '#', name->k);
}

size_t nika_choice_name_text(const struct nika_choice_name *name, char *out, size_t capacity)
{
    char text[NAME_TEXT_MAX];
    if (capacity == 0) return 0;
    size_t size = (size_t)(write_name(name, text) - text);
    if (size > capacity - 1) size = capacity - 1; /* What does not fit is cut. */
    memcpy(out, text, size);
    out[size] = '\0';
    return size;
}

static bool take(const char **at, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(*at, word, size) != 0) return false;
    *at += size;
    return true;
}

static bool take_number(const char **at, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    const char *p = *at;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    if (p == *at || value > max) return false;
    *at = p;
    *out = value;
    return true;
}

static bool take_party(const char **at, uint32_t *out)
{
    uint64_t value = 0;
    bool none = take(at, "-");
    bool client = !none && take(at, "c");
    if (!none && !take_number(at, client ? NIKA_CLIENT_BIT - 1 : UINT32_MAX, &value)) return false;
    *out = none ? NIKA_NODE_NONE : client ? nika_client_node((uint32_t)value) : (uint32_t)value;
    return true;
}

static bool take_kind(const char **at, uint16_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < ARRAY_COUNT(kind_names); i++) {
        const char *rest = *at;
        if (kind_names[i] == NULL || !take(&rest, kind_names[i]) || *rest != ' ') continue;
        *at = rest;
        *out = (uint16_t)i;
        return true;
    }
    if (!take(at, "kind") || !take_number(at, UINT16_MAX, &value)) return false;
    *out = (uint16_t)value;
    return true;
}

static bool take_name(const char *at, struct nika_choice_name *out)
{
    uint64_t type = 0, k = 0;
    if (!take_kind(&at, &out->kind) || !take(&at, " ")) return false;
    if (!take_party(&at, &out->a) || !take(&at, ">") || !take_party(&at, &out->b)) return false;
    if (take(&at, " t") && !take_number(&at, UINT16_MAX, &type)) return false;
    if (take(&at, " v") && !take_number(&at, UINT64_MAX, &out->view)) return false;
    if (take(&at, " s") && !take_number(&at, UINT64_MAX, &out->seq)) return false;
    if (!take(&at, " #") || !take_number(&at, UINT32_MAX, &k)) return false;
    out->type = (uint16_t)type;
    out->k = (uint32_t)k;
    return *at == '\0';
}

enum nika_err nika_choice_name_parse(const char *text, struct nika_choice_name *out)
{
    struct nika_choice_name name = {0};
    char again[NAME_TEXT_MAX];
    memset(out, 0, sizeof *out);
    if (!take_name(text, &name)) return NIKA_ERR_MALFORMED;
    /* Leading zeros, explicit zero fields, "4294967295" for "-": a second text of one name is
     * refused. */
    (void)nika_choice_name_text(&name, again, sizeof again);
    if (strcmp(again, text) != 0) return NIKA_ERR_MALFORMED;
    *out = name;
    return NIKA_OK;
}
