/* cli/history.c: `nika history`: was what clients saw one store, used one operation after the other? */
#include "cli/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"

#define LINE_SIZE_MAX 16384u
#define OPS_MAX (16u * 1024u * 1024u)

enum { OPTION_JSON = 256 };
struct arguments {
    const char *path;
    bool json;
};
static const struct argp_option options[] = {CLI_JSON_OPTION(OPTION_JSON), {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    if (key == OPTION_JSON) a->json = true;
    if (key == OPTION_JSON) return 0;
    return cli_parse_word(key, text, state, &a->path, "one file at a time",
                          "which history? (a file of nika client --history FILE)");
}

static const struct argp argp = {
    options,
    parse,
    "FILE",
    "Judge what clients of application kv saw: is it linearizable?\v"
    "FILE has one JSON object a line, as nika client --history FILE appends them: "
    "{\"client\":0,\"op\":\"put\",\"key\":\"k\",\"value\":\"v\",\"call\":1,\"return\":2}. op is "
    "put or "
    "get; the value of a get is what was read, null when the key was absent; call and return are "
    "nanoseconds of one clock, return null when no answer came. Values of one key must differ, and "
    "keys must be absent at the start: then the answer is exact.\n\n"
    "Exit code 0: linearizable. 1: not; the first contradiction is named. 6: cannot be decided. "
    "64: "
    "not such a file; the line is named.\n\n"
    "  nika client bench --dir out/t --clients 10 --history seen.jsonl\n"
    "  nika history seen.jsonl",
    NULL,
    NULL,
    NULL};

FILE *cli_history_open(const char *path)
{
    FILE *file = fopen(path, "ae");
    if (file == NULL) fprintf(stderr, "nika: %s: %s\n", path, strerror(errno));
    return file;
}

static json_t *time_or_null(uint64_t ns)
{
    return ns == CLI_HISTORY_NEVER ? json_null() : json_integer((json_int_t)ns);
}

bool cli_history_append(FILE *file, const struct cli_history_op *op)
{
    json_t *value = op->value == NULL ? json_null() : json_string(op->value);
    json_t *root =
        value == NULL ? NULL
                      : json_pack("{s:i, s:s, s:s, s:o, s:o, s:o}", "client", (int)op->client, "op",
                                  op->write ? "put" : "get", "key", op->key, "value", value, "call",
                                  time_or_null(op->call_ns), "return", time_or_null(op->return_ns));
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL) {
        errno = EILSEQ;
        return false;
    }
    bool good = fprintf(file, "%s\n", text) > 0;
    free(text);
    return good;
}

/* ---- reading ---- */
struct history {
    struct cli_history_op *ops;
    size_t count, capacity;
    uint64_t unanswered;
};

static bool grow(struct history *h)
{
    if (h->count < h->capacity) return true;
    if (h->count >= OPS_MAX) return false;
    size_t capacity = h->capacity == 0 ? 4096 : 2 * h->capacity;
    struct cli_history_op *ops = realloc(h->ops, capacity * sizeof *ops);
    if (ops == NULL) return false;
    h->ops = ops;
    h->capacity = capacity;
    return true;
}

/* NULL, or what is wrong with the line. The texts become the history's. */
static const char *read_line(struct history *h, const char *line)
{
    const char *op, *key;
    json_t *value, *end;
    json_int_t client, call;
    json_error_t error;
    const char *wrong = NULL;
    if (!grow(h)) return "more operations than memory or the limit of 16777216 allows";
    json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) return "not a JSON object";
    if (json_unpack_ex(root, &error, JSON_STRICT, "{s:I, s:s, s:s, s:o, s:I, s:o}", "client",
                       &client, "op", &op, "key", &key, "value", &value, "call", &call, "return",
                       &end) != 0)
        wrong = "expected the keys client, op, key, value, call and return, and no others";
    else if (strcmp(op, "put") != 0 && strcmp(op, "get") != 0)
        wrong = "op: expected put or get";
    else if (!json_is_string(value) && !json_is_null(value))
        wrong = "value: expected text or null";
    else if (client < 0 || client > UINT32_MAX || call < 0)
        wrong = "client, call: expected numbers that are not negative";
    else if (!json_is_null(end) && (!json_is_integer(end) || json_integer_value(end) < 0))
        wrong = "return: expected a time or null";
    if (wrong == NULL) {
        struct cli_history_op *out = &h->ops[h->count];
        bool answered = json_is_integer(end);
        *out = (struct cli_history_op){
            .key = strdup(key),
            .value = json_is_null(value) ? NULL : strdup(json_string_value(value)),
            .write = op[0] == 'p',
            .client = (uint32_t)client,
            .call_ns = (uint64_t)call,
            .return_ns = answered ? (uint64_t)json_integer_value(end) : CLI_HISTORY_NEVER};
        h->count++;
        h->unanswered += answered ? 0 : 1;
        if (out->key == NULL || (out->value == NULL && !json_is_null(value)))
            wrong = "out of memory";
    }
    json_decref(root);
    return wrong;
}

static int read_file(const char *path, struct history *h)
{
    static char line[LINE_SIZE_MAX];
    uint64_t number = 0;
    int status = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "nika: %s: %s\n", path, strerror(errno));
        return NIKA_EXIT_USAGE;
    }
    while (status == 0 && fgets(line, sizeof line, file) != NULL) {
        const char *wrong =
            strchr(line, '\n') == NULL ? "longer than 16383 bytes, or cut off" : NULL;
        number++;
        if (wrong == NULL) wrong = read_line(h, line);
        if (wrong == NULL) continue;
        fprintf(stderr, "nika: %s: line %" PRIu64 ": %s\n", path, number, wrong);
        status = NIKA_EXIT_USAGE;
    }
    if (status == 0 && h->count == 0) {
        fprintf(stderr, "nika: %s: no operation in it\n", path);
        status = NIKA_EXIT_USAGE;
    }
    (void)fclose(file);
    return status;
}

static int judge(struct history *h, bool json)
{
    char why[1024] = "";
    uint64_t(*zones)[3] = malloc((h->count + 1) * sizeof *zones);
    if (zones == NULL) {
        fprintf(stderr, "nika: out of memory\n");
        return NIKA_EXIT_INCONCLUSIVE;
    }
    enum cli_history_verdict verdict = cli_history_check(h->ops, h->count, zones, why, sizeof why);
    free(zones);
    if (json) {
        cli_json_print(
            json_pack("{s:I, s:I, s:s, s:o}", "operations", (json_int_t)h->count, "unanswered",
                      (json_int_t)h->unanswered, "verdict",
                      verdict == CLI_HISTORY_LINEARIZABLE ? "linearizable"
                      : verdict == CLI_HISTORY_VIOLATED   ? "violated"
                                                          : "undecided",
                      "why", verdict == CLI_HISTORY_LINEARIZABLE ? json_null() : json_string(why)),
            "history");
    } else {
        printf("operations %zu, without an answer %" PRIu64 ": %s\n", h->count, h->unanswered,
               verdict == CLI_HISTORY_LINEARIZABLE ? "linearizable"
               : verdict == CLI_HISTORY_VIOLATED   ? "NOT linearizable"
                                                   : "cannot be decided");
        if (verdict != CLI_HISTORY_LINEARIZABLE) printf("%s\n", why);
    }
    if (verdict == CLI_HISTORY_LINEARIZABLE) return 0;
    return verdict == CLI_HISTORY_VIOLATED ? NIKA_EXIT_SAFETY : NIKA_EXIT_INCONCLUSIVE;
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    struct history h = {0};
    cli_parse(&argp, argc, argv, &a);
    int status = read_file(a.path, &h);
    if (status == 0) status = judge(&h, a.json);
    for (size_t i = 0; i < h.count; i++) {
        free((void *)(uintptr_t)h.ops[i].key);
        free((void *)(uintptr_t)h.ops[i].value);
    }
    free(h.ops);
    return status;
}

const struct cli_command cli_history_command = {
    "history",
    "FILE",
    "judge what clients of a live cluster saw",
    "Says whether a history of puts and gets is linearizable, exactly.",
    &argp,
    run};
