/* cli/words.c: which word was meant, of those that there are. */
#include "apps/registry.h"
#include "cli/cli.h"
#include "protocols/registry.h"
#include "scenarios/schema.h"

const char *cli_did_you_mean(const char *word,
                             const char *(*at)(const void *context, uint32_t index),
                             const void *context)
{
    static char text[160];
    const char *near = nika_did_you_mean(word, at, context);
    if (near == NULL) return "";
    snprintf(text, sizeof text, "; did you mean \"%s\"?", near);
    return text;
}

const char *cli_protocol_at(const void *context, uint32_t index)
{
    (void)context;
    return index < nika_protocol_count ? nika_protocol_list[index].name : NULL;
}

const char *cli_app_at(const void *context, uint32_t index)
{
    (void)context;
    return index < nika_app_count ? nika_app_list[index]->name : NULL;
}

const char *cli_suite_at(const void *context, uint32_t index)
{
    (void)context;
    return nika_schema[NIKA_KEY_SUITE].names(index);
}
