/* cli/campaign_folder.c: see campaign_folder.h. */
#include "cli/campaign_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/campaign_shrink.h"
#include "cli/cli.h"
#include "report/sheet.h"

bool cli_make_folder(const char *path)
{
    char part[1024];
    if (strlen(path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return false;
    }
    return true;
}

bool cli_plan_write_document(const json_t *document, const char *folder)
{
    char path[1200], temporary[1300];
    snprintf(path, sizeof path, "%s/" CLI_PLAN, folder);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    char *text = json_dumps(document, JSON_INDENT(1) | JSON_SORT_KEYS);
    FILE *file = text != NULL ? fopen(temporary, "w") : NULL;
    bool good = file != NULL && fprintf(file, "%s\n", text) > 0 && fflush(file) == 0 &&
                fsync(fileno(file)) == 0;
    good = file != NULL && fclose(file) == 0 && good;
    good = good && rename(temporary, path) == 0;
    if (!good) fprintf(stderr, "nika: %s: cannot write: %s\n", path, strerror(errno));
    free(text);
    return good;
}

bool cli_plan_write(const struct nika_plan *plan, bool open_end, const char *folder)
{
    json_t *document = nika_plan_document(plan, open_end);
    bool good = document != NULL && cli_plan_write_document(document, folder);
    json_decref(document);
    return good;
}

json_t *cli_plan_read(const char *folder, struct nika_diagnoses *d)
{
    char path[1200];
    json_error_t error;
    snprintf(path, sizeof path, "%s/" CLI_PLAN, folder);
    if (access(path, F_OK) != 0) return NULL;
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) nika_diagnose_plain(d, "%s:%d: %s", path, error.line, error.text);
    if (document != NULL && nika_plan_check(document, path, d)) return document;
    json_decref(document);
    return NULL;
}

static bool write_summary(const json_t *summary, const char *folder)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/campaign.json", folder);
    FILE *file = fopen(path, "w");
    char *text = json_dumps(summary, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    bool good = file != NULL && text != NULL && fprintf(file, "%s\n", text) > 0;
    good = file != NULL && fclose(file) == 0 && good;
    free(text);
    if (good) {
        snprintf(path, sizeof path, "%s/junit.xml", folder);
        file = fopen(path, "w");
        good = file != NULL && nika_campaign_junit(summary, file);
        good = file != NULL && fclose(file) == 0 && good;
    }
    if (good) {
        snprintf(path, sizeof path, "%s/index.html", folder);
        file = fopen(path, "w");
        good = file != NULL && nika_campaign_html(summary, folder, file);
        good = file != NULL && fclose(file) == 0 && good;
    }
    if (!good) fprintf(stderr, "nika: %s: cannot write: %s\n", path, strerror(errno));
    return good;
}

/* Each kind of failure, and what must fail and never did. */
static void annotate(const json_t *summary)
{
    char line[NIKA_REPRODUCE_SIZE], sentence[NIKA_REPRODUCE_SIZE];
    const char *name;
    json_t *one;
    json_object_foreach(json_object_get(summary, "failures"), name, one)
    {
        nika_failure_reproduce(one, line, sizeof line);
        snprintf(sentence, sizeof sentence, "%" JSON_INTEGER_FORMAT " times: %s",
                 json_integer_value(json_object_get(one, "count")),
                 json_string_value(json_object_get(one, "sentence")));
        cli_annotate((int)json_integer_value(json_object_get(one, "exit_class")),
                     json_string_value(json_object_get(one, "path")), sentence, line);
    }
    json_object_foreach(json_object_get(summary, "cases"), name, one)
    {
        if (!json_is_true(json_object_get(one, "never"))) continue;
        snprintf(sentence, sizeof sentence, "%s: what must fail here never did", name);
        cli_annotate(NIKA_EXIT_EXPECTATION, json_string_value(json_object_get(one, "path")),
                     sentence, "more seeds");
    }
}

int cli_campaign_conclude(struct nika_results *results, const char *folder, bool complete,
                          bool json, bool annotations)
{
    char path[1200];
    struct nika_diagnoses d = {0};
    snprintf(path, sizeof path, "%s/" CLI_RESULTS, folder);
    bool good = nika_results_write(results, path, &d);
    cli_print_diagnoses(&d);
    json_t *summary = nika_campaign_summary(results, complete && good);
    if (summary == NULL) {
        fprintf(stderr, "nika: out of memory\n");
        return NIKA_EXIT_INCONCLUSIVE;
    }
    good = write_summary(summary, folder) && good;
    int status = (int)json_integer_value(json_object_get(summary, "exit_class"));
    if (annotations) annotate(summary);
    if (json) {
        json_dumpf(summary, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        nika_campaign_text(summary, stdout);
        cli_campaign_shrunk_text(summary, folder, stdout);
        printf("results   %s/%s, campaign.json, junit.xml, index.html\n",
               nika_report_plain_text(folder), CLI_RESULTS);
    }
    json_decref(summary);
    return good ? status : nika_exit_worse(status, NIKA_EXIT_INCONCLUSIVE);
}
