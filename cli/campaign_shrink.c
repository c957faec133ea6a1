/* cli/campaign_shrink.c: see campaign_shrink.h. */
#include "cli/campaign_shrink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/campaign_folder.h"
#include "cli/cli.h"
#include "cli/progress.h"

#define KINDS_MAX 32u
#define ARGUMENTS_MAX 160u
#define RUNS_SECONDS 600u /* A budget in runs still ends one day. */
#define GRACE_SECONDS 20u /* To write the result; then it hangs. */

/* A failure that is a run by itself: not a worker that died, and not two runs that differ. */
static bool can_shrink(const json_t *failure)
{
    json_int_t class = json_integer_value(json_object_get(failure, "exit_class"));
    return class != NIKA_EXIT_NONDETERMINISTIC &&
           json_array_size(json_object_get(failure, "seeds")) > 0 &&
           json_object_get(failure, "process") == NULL;
}

/* `nika shrink ...` and `nika report ...` in this process, which ends with them. */
static _Noreturn void shrink_here(const json_t *failure, const char *stem,
                                  const struct cli_shrink_budget *budget)
{
    char seed[24], limit[24], out[1400], log[1400], text[1400];
    char *argv[ARGUMENTS_MAX + 1];
    int argc = 0;
    size_t i;
    json_t *set;
    snprintf(seed, sizeof seed, "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_array_get(json_object_get(failure, "seeds"), 0)));
    snprintf(limit, sizeof limit, "%" PRIu64, budget->runs != 0 ? budget->runs : budget->seconds);
    snprintf(out, sizeof out, "%s.json", stem);
    snprintf(log, sizeof log, "%s.log", stem);
    snprintf(text, sizeof text, "%s.txt", stem);
    const char *fixed[] = {"shrink",  json_string_value(json_object_get(failure, "path")),
                           "--seed",  seed,
                           "--quiet", "--out",
                           out,       "--log",
                           log,       budget->runs != 0 ? "--runs" : "--time",
                           limit};
    for (i = 0; i < ARRAY_COUNT(fixed); i++) argv[argc++] = (char *)(uintptr_t)fixed[i];
    if (budget->runs != 0) {
        argv[argc++] = (char *)(uintptr_t) "--time";
        argv[argc++] = (char *)(uintptr_t) "600";
    }
    json_array_foreach(json_object_get(failure, "sets"), i, set)
    {
        if (argc + 2 > (int)ARGUMENTS_MAX) _exit(NIKA_EXIT_USAGE);
        argv[argc++] = (char *)(uintptr_t) "--set";
        argv[argc++] = (char *)(uintptr_t)json_string_value(set);
    }
    argv[argc] = NULL;
    int file = open(text, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0) _exit(1);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    int status = cli_shrink.run(argc, argv);
    if (status == 0) { /* And what happens in it, to look at. */
        char page[1400];
        snprintf(page, sizeof page, "%s.html", stem);
        const char *words[] = {"report", out, "-o", page};
        for (i = 0; i < ARRAY_COUNT(words); i++) argv[i] = (char *)(uintptr_t)words[i];
        argv[ARRAY_COUNT(words)] = NULL;
        (void)cli_report_command.run((int)ARRAY_COUNT(words), argv);
    }
    fflush(NULL);
    _exit(status);
}

/* Waits for the child; kills it when it takes too long or everything is to stop. */
static void wait_for(pid_t pid, uint64_t seconds, volatile int *stop, struct cli_progress *progress,
                     uint32_t done, uint64_t kinds)
{
    uint64_t until = cli_clock_ns() + seconds * UINT64_C(1000000000);
    const struct timespec pause = {0, 10000000};
    int status;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid || (got < 0 && errno != EINTR)) return;
        cli_progress_show(progress, done, kinds, CLI_PROGRESS_BY_RATE, "");
        if (*stop != 0 || cli_clock_ns() > until) kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
}

void cli_campaign_shrink(const struct nika_results *results, const char *folder,
                         const struct cli_shrink_budget *budget, bool quiet, volatile int *stop)
{
    char path[1200], stem[1300], small[1400];
    const char *signature;
    json_t *failure;
    uint32_t kinds = 0;
    struct cli_progress progress;
    if (budget->seconds == 0 && budget->runs == 0) return;
    json_t *summary = nika_campaign_summary(results, true);
    json_t *failures = json_object_get(summary, "failures");
    size_t total = json_object_size(failures) < KINDS_MAX ? json_object_size(failures) : KINDS_MAX;
    cli_progress_init(&progress, "making small", "failures", quiet);
    snprintf(path, sizeof path, "%s/shrunk", folder);
    if (json_object_size(failures) > 0 && !cli_make_folder(path)) {
        fprintf(stderr, "nika: %s: %s; failures stay as they are\n", path, strerror(errno));
        json_decref(summary);
        return;
    }
    json_object_foreach(failures, signature, failure)
    {
        snprintf(stem, sizeof stem, "%s/%s", path, signature);
        snprintf(small, sizeof small, "%s.json", stem);
        if (*stop != 0 || kinds == KINDS_MAX) break;
        if (!can_shrink(failure) || access(small, F_OK) == 0) continue;
        kinds++;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) shrink_here(failure, stem, budget);
        if (pid < 0) {
            fprintf(stderr, "nika: no process to shrink %s: %s\n", signature, strerror(errno));
            break;
        }
        wait_for(pid, (budget->runs != 0 ? RUNS_SECONDS : budget->seconds) + GRACE_SECONDS, stop,
                 &progress, kinds - 1, total);
    }
    cli_progress_end(&progress);
    json_decref(summary);
}

void cli_campaign_shrunk_text(const json_t *summary, const char *folder, FILE *file)
{
    char small[1400];
    const char *signature;
    json_t *failure;
    json_object_foreach(json_object_get(summary, "failures"), signature, failure)
    {
        snprintf(small, sizeof small, "%s/shrunk/%s.json", folder, signature);
        if (access(small, F_OK) == 0) fprintf(file, "shrunk    %s\n", small);
    }
}
