/* cli/wire.c: `nika wire`: the wire format of a protocol as Markdown, from the same tables that encode and decode it. */
#include "cli/cli.h"
#include "engine/core/auth.h"
#include "protocols/registry.h"
#include "report/sheet.h"

static const char *kind_text(const struct nika_field *field, char out[96])
{
    switch (field->kind) {
    case NIKA_FIELD_U8:
        return "u8";
    case NIKA_FIELD_BOOL:
        return "u8, 0 or 1";
    case NIKA_FIELD_U32:
        return "u32";
    case NIKA_FIELD_U64:
        return "u64";
    case NIKA_FIELD_VIEW:
        return "u64 view";
    case NIKA_FIELD_SEQ:
        return "u64 sequence number";
    case NIKA_FIELD_TIME:
        return "u64 nanoseconds";
    case NIKA_FIELD_REPLICA:
        return "u32 replica";
    case NIKA_FIELD_CLIENT:
        return "u32 client";
    case NIKA_FIELD_DIGEST:
        return "32 bytes SHA-256";
    case NIKA_FIELD_BYTES:
        snprintf(out, 96, "u32 length, then at most %u bytes", field->limit);
        return out;
    case NIKA_FIELD_LIST:
        snprintf(out, 96, "u32 count, then at most %u x %s", field->limit, field->element->name);
        return out;
    case NIKA_FIELD_FRAMES:
        snprintf(out, 96, "u32 count, then at most %u frames, each u32 length and bytes",
                 field->limit);
        return out;
    case NIKA_FIELD_DIGESTS:
        snprintf(out, 96, "u32 count, then at most %u digests of 32 bytes", field->limit);
        return out;
    }
    return "";
}

static void print_fields(const struct nika_message_info *info)
{
    char text[96];
    printf("\n| field | encoding |\n|---|---|\n");
    for (uint32_t i = 0; i < info->field_count; i++)
        printf("| %s | %s |\n", info->fields[i].name, kind_text(&info->fields[i], text));
}

/* Bytes of a field, or of its length or count when what follows varies. */
static uint32_t least_size(const struct nika_field *field)
{
    switch (field->kind) {
    case NIKA_FIELD_U8:
    case NIKA_FIELD_BOOL:
        return 1;
    case NIKA_FIELD_U64:
    case NIKA_FIELD_VIEW:
    case NIKA_FIELD_SEQ:
    case NIKA_FIELD_TIME:
        return 8;
    case NIKA_FIELD_DIGEST:
        return NIKA_DIGEST_SIZE;
    case NIKA_FIELD_U32:
    case NIKA_FIELD_REPLICA:
    case NIKA_FIELD_CLIENT:
    case NIKA_FIELD_BYTES:
    case NIKA_FIELD_LIST:
    case NIKA_FIELD_FRAMES:
    case NIKA_FIELD_DIGESTS:
        return 4;
    }
    return 0;
}

static void print_size(const struct nika_message_info *info)
{
    uint32_t size = 0;
    bool fixed = true;
    for (uint32_t i = 0; i < info->field_count; i++) {
        enum nika_field_kind kind = info->fields[i].kind;
        size += least_size(&info->fields[i]);
        fixed = fixed && kind != NIKA_FIELD_BYTES && kind != NIKA_FIELD_LIST &&
                kind != NIKA_FIELD_FRAMES && kind != NIKA_FIELD_DIGESTS;
    }
    printf("Body: %s%u bytes.\n", fixed ? "" : "at least ", size);
}

static void print_message(const struct nika_message_info *info)
{
    static const char *const auth[] = {"none: bound by its digest", "signature of the sender",
                                       "session MAC"};
    printf("\n## %s (type %u)\n\n%s\n\nAuthenticated by: %s. ", info->name, info->type, info->doc,
           auth[info->auth]);
    print_size(info);
    print_fields(info);
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_message_info *element = info->fields[i].element;
        if (element == NULL) continue;
        printf("\n%s: %s\n", element->name, element->doc);
        print_fields(element);
    }
}

static void print_frame(void)
{
    printf("Integers are little-endian and of fixed width; there is no padding; trailing bytes are "
           "rejected. Every message\nhas one encoding.\n\n## Frame\n\n"
           "length u32 (of the rest), magic u16 = 0x%04x, version u8 = %u, type u8, flags u16 = 0, "
           "epoch u32, sender u32,\nbody length u32, body, auth algorithm u8 (0 none, 1 signature, "
           "2 MAC), key id u32 (= sender), auth length u16, auth.\n\n"
           "Signed bytes: \"nika-v1\", suite u8, type u8, group id (32 bytes), epoch u32, sender "
           "u32, body. A MAC adds the\nreceiver u32. Clients carry the top bit in sender and "
           "receiver.\n",
           NIKA_FRAME_MAGIC, NIKA_FRAME_VERSION);
    printf("\nBytes of a signature at most:");
    const struct nika_schema_key *key = &nika_schema[NIKA_KEY_SUITE];
    for (uint32_t i = 0; key->names(i) != NULL; i++)
        printf("%s %s %u", i > 0 ? "," : "", key->names(i),
               nika_suite_signature_size(nika_suite_parse(key->names(i))));
    printf(".\n");
}

/* ---- JSON ---- */
static json_t *fields_json(const struct nika_message_info *info)
{
    static const char *const kinds[] = {
        [NIKA_FIELD_U8] = "u8",         [NIKA_FIELD_BOOL] = "bool",
        [NIKA_FIELD_U32] = "u32",       [NIKA_FIELD_U64] = "u64",
        [NIKA_FIELD_VIEW] = "view",     [NIKA_FIELD_SEQ] = "seq",
        [NIKA_FIELD_TIME] = "time",     [NIKA_FIELD_REPLICA] = "replica",
        [NIKA_FIELD_CLIENT] = "client", [NIKA_FIELD_DIGEST] = "digest",
        [NIKA_FIELD_BYTES] = "bytes",   [NIKA_FIELD_LIST] = "list",
        [NIKA_FIELD_FRAMES] = "frames", [NIKA_FIELD_DIGESTS] = "digests"};
    json_t *list = json_array();
    char text[96];
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[i];
        json_t *one = json_pack("{s:s, s:s, s:s}", "name", field->name, "kind", kinds[field->kind],
                                "encoding", kind_text(field, text));
        if (field->limit > 0) json_object_set_new(one, "limit", json_integer(field->limit));
        if (field->element != NULL)
            json_object_set_new(one, "element",
                                json_pack("{s:s, s:s, s:o}", "name", field->element->name, "doc",
                                          field->element->doc, "fields",
                                          fields_json(field->element)));
        json_array_append_new(list, one);
    }
    return list;
}

static void print_json(const struct nika_protocol *protocol)
{
    static const char *const auth[] = {"none", "signature", "mac"};
    const struct nika_message_table *table = protocol->replica->messages;
    json_t *messages = json_array();
    for (uint32_t i = 0; i < table->count; i++) {
        const struct nika_message_info *info = table->messages[i];
        if (info == NULL) continue;
        json_array_append_new(messages, json_pack("{s:s, s:i, s:s, s:s, s:o}", "name", info->name,
                                                  "type", (int)info->type, "doc", info->doc, "auth",
                                                  auth[info->auth], "fields", fields_json(info)));
    }
    cli_json_print(json_pack("{s:s, s:{s:i, s:i}, s:o}", "protocol", protocol->name, "frame",
                             "magic", (int)NIKA_FRAME_MAGIC, "version", (int)NIKA_FRAME_VERSION,
                             "messages", messages),
                   "wire");
}

struct arguments {
    const char *protocol;
    bool dissector, json;
};
enum { OPTION_DISSECTOR = 256, OPTION_JSON };
static const struct argp_option options[] = {
    {"dissector", OPTION_DISSECTOR, NULL, 0,
     "print a Wireshark dissector in Lua instead, for the files of nika report --format pcapng", 0},
    CLI_JSON_OPTION(OPTION_JSON),
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    if (key == OPTION_DISSECTOR) a->dissector = true;
    if (key == OPTION_JSON) a->json = true;
    if (key == OPTION_DISSECTOR || key == OPTION_JSON) return 0;
    if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
    if (state->arg_num > 0) argp_error(state, "one protocol at a time, got \"%s\" too", text);
    a->protocol = text;
    return 0;
}

static const struct argp argp = {
    options, parse, "[PROTOCOL]", "Print the wire format of a protocol (default pbft) as Markdown.",
    NULL,    NULL,  NULL};

static int run(int argc, char **argv)
{
    struct arguments a = {.protocol = "pbft"};
    cli_parse(&argp, argc, argv, &a);
    const char *name = a.protocol;
    const struct nika_protocol *protocol = nika_protocol_find(name);
    if (protocol == NULL) {
        const char *near = cli_did_you_mean(name, cli_protocol_at, NULL);
        fprintf(stderr, "nika: no protocol \"%s\"%s\n", nika_report_plain_text(name),
                near[0] != '\0' ? near : " (nika list protocols)");
        return NIKA_EXIT_USAGE;
    }
    const struct nika_message_table *table = protocol->replica->messages;
    if (a.dissector) {
        cli_wire_dissector(table);
        return 0;
    }
    if (a.json) {
        print_json(protocol);
        return 0;
    }
    printf("# Wire format of %s\n\nPrinted by `nika wire %s` from the message tables.\n\n",
           protocol->name, protocol->name);
    print_frame();
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->messages[i] != NULL) print_message(table->messages[i]);
    }
    return 0;
}

const struct cli_command cli_wire = {
    "wire",
    "[PROTOCOL]",
    "print the wire format",
    "Prints frame, signed bytes and every message of a protocol, from the tables that encode and "
    "decode them.",
    &argp,
    run};
