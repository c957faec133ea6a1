/* cli/json.c: what programs read: JSON (one object, one line, keys sorted, with the number of its format), annotations. */
#include <stdlib.h>

#include "cli/cli.h"
#include "report/sheet.h"

void cli_json_version(json_t *root, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "nika_%s", name);
    json_object_set_new(root, key, json_integer(CLI_JSON_FORMAT));
}

void cli_json_print(json_t *root, const char *name)
{
    cli_json_version(root, name);
    char *text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENSURE_ASCII |
                                      JSON_REAL_PRECISION(3));
    printf("%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(root);
}

void cli_annotate(int exit_class, const char *path, const char *sentence, const char *reproduce)
{
    char message[CLI_LINE_SIZE + 1024];
    if (exit_class == NIKA_EXIT_HELD) return;
    snprintf(message, sizeof message, "%s\nreproduce: %s", sentence, reproduce);
    nika_report_annotation(stderr, exit_class == NIKA_EXIT_INCONCLUSIVE ? "warning" : "error", path,
                           nika_exit_name(exit_class), message);
}
