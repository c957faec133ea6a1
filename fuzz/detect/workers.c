/* fuzz/detect/workers.c: cells in worker processes, one cell each; a parent that outlives them.
 *
 * A worker writes a record for each campaign and ends with its cell. One that dies in a run has told its parent by the slot which run
 * that was; another one goes on behind that campaign. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "fuzz/campaign/campaign.h"
#include "fuzz/detect/detect.h"

#define POLL_MS 100
#define NO_MEMORY 70 /* Exit status of a worker that could not allocate. */
/* Longer than any record: texts in it are names and paths. */
#define LINE_MAX_BYTES 8192u

struct worker {
    pid_t pid; /* 0 = none. */
    int from;
    uint32_t cell;
    bool late; /* Killed, for its run took too long. */
    char line[LINE_MAX_BYTES];
    size_t size;
};
/* What came of the campaigns of a cell so far. */
struct score {
    uint32_t campaigns, found;
    uint64_t runs;
    uint64_t
        quota; /* Runs in vain after which it is outpaced; 0 = no cell of its bug kept the budget. */
};
struct crew {
    const struct nika_detect_plan *plan;
    struct nika_detect_slot *slots;
    struct worker workers[NIKA_CAMPAIGN_JOBS_MAX];
    struct score *scores; /* One a cell. */
    bool *done;           /* Of each cell and campaign. */
    uint32_t next_cell, cells_done;
    bool broken;
};

static bool *done_of(const struct crew *crew, uint32_t cell, uint32_t campaign)
{
    return &crew->done[(size_t)cell * NIKA_DETECT_CAMPAIGNS_MAX + campaign];
}

static void note(struct crew *crew, uint32_t cell, uint32_t campaign,
                 const struct nika_detect_outcome *outcome)
{
    struct score *score = &crew->scores[cell];
    *done_of(crew, cell, campaign) = true;
    score->campaigns++;
    score->found += outcome->found;
    score->runs += outcome->runs;
}

static struct nika_detect_outcome outcome_of(const json_t *record)
{
    return (struct nika_detect_outcome){
        json_is_true(json_object_get(record, "found")),
        (uint64_t)json_integer_value(json_object_get(record, "runs"))};
}

/* Runs that a cell may still do in vain; 0 = as many as its campaigns have. */
static uint64_t quota_left(const struct score *score)
{
    if (score->quota == 0 || score->found > 0) return 0;
    return score->quota > score->runs ? score->quota - score->runs : 0;
}

/* Has it found so little that it is given up? */
static bool hopeless(const struct crew *crew, uint32_t cell)
{
    const struct score *score = &crew->scores[cell];
    uint32_t patience = crew->plan->patience;
    if (score->found > 0) return false;
    return (patience != 0 && score->campaigns >= patience) ||
           (score->quota != 0 && score->runs >= score->quota);
}

/* The next campaign of the cell to run; the number of campaigns when there is none, or it is given up. The sound modules have one. */
static uint32_t next_campaign(const struct crew *crew, uint32_t cell)
{
    const struct nika_detect_plan *plan = crew->plan;
    uint32_t count = plan->cells[cell].bug != NULL ? plan->campaigns : 1;
    for (uint32_t k = 0; k < count && !hopeless(crew, cell); k++) {
        if (!*done_of(crew, cell, k)) return k;
    }
    return plan->campaigns;
}

/* What earlier cells of its bug have found decides how long a cell goes on in vain. False while one of them is not done: what comes of
 * a cell must not depend on who is faster. */
static bool compare_with_rivals(struct crew *crew, uint32_t cell)
{
    const struct nika_detect_plan *plan = crew->plan;
    uint64_t quota = 0;
    if (plan->outpaced == 0 || plan->cells[cell].bug == NULL) return true;
    for (uint32_t i = 0; i < cell; i++) {
        const struct score *rival = &crew->scores[i];
        if (plan->cells[i].bug != plan->cells[cell].bug) continue;
        if (next_campaign(crew, i) != plan->campaigns) return false;
        if (rival->found == 0 || rival->found * 20 < rival->campaigns * 19) continue;
        uint64_t after = nika_detect_outpaced_after(plan->outpaced, rival->found, rival->runs);
        if (quota == 0 || after < quota) quota = after;
    }
    crew->scores[cell].quota = quota;
    return true;
}

/* ---- the worker ---- */
static _Noreturn void work(struct crew *crew, uint32_t index, uint32_t cell, int to)
{
    struct nika_detect_hunt *hunt = nika_detect_hunt_new(crew->plan, cell);
    FILE *file = fdopen(to, "w");
    signal(SIGINT, SIG_IGN); /* The parent decides when workers end. */
    if (hunt == NULL || file == NULL) _exit(NO_MEMORY);
    for (;;) {
        uint32_t k = next_campaign(crew, cell);
        if (k == crew->plan->campaigns) break;
        json_t *record =
            nika_detect_campaign(hunt, k, quota_left(&crew->scores[cell]), &crew->slots[index]);
        char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
        if (text == NULL) _exit(NO_MEMORY);
        struct nika_detect_outcome outcome = outcome_of(record);
        note(crew, cell, k, &outcome);
        if (fprintf(file, "%s\n", text) < 0 || fflush(file) != 0) break;
        free(text);
        json_decref(record);
    }
    _exit(0);
}

/* ---- the parent ---- */
static bool start(struct crew *crew, uint32_t index, uint32_t cell)
{
    struct worker *w = &crew->workers[index];
    int ends[2];
    if (pipe(ends) != 0) return false;
    atomic_store(&crew->slots[index].started_ns, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        work(crew, index, cell, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    *w = (struct worker){.pid = pid, .from = ends[0], .cell = cell};
    return true;
}

static void keep(struct crew *crew, const struct worker *w, const char *text)
{
    json_t *record = json_loads(text, 0, NULL);
    json_int_t campaign = json_integer_value(json_object_get(record, "campaign"));
    struct nika_detect_outcome outcome = outcome_of(record);
    NIKA_ASSERT(record != NULL && campaign >= 0 && campaign < crew->plan->campaigns);
    note(crew, w->cell, (uint32_t)campaign, &outcome);
    json_decref(record);
    if (!crew->plan->keep(crew->plan->context, text)) crew->broken = true;
}

/* The worker has ended: by itself, or by its run. */
static void ended(struct crew *crew, uint32_t index)
{
    struct worker *w = &crew->workers[index];
    const struct nika_detect_slot *slot = &crew->slots[index];
    int status = 0;
    char what[100] = "ended with its process";
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) continue;
    close(w->from);
    w->pid = 0;
    if (WIFSIGNALED(status))
        snprintf(what, sizeof what, "was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    if (w->late) snprintf(what, sizeof what, "took longer than the limit of a run");
    if (*crew->plan->stop != 0) return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        crew->cells_done++;
        return;
    }
    /* Not in a run: nothing of the bug's, and it would happen again. */
    if (atomic_load(&slot->started_ns) == 0) {
        crew->broken = true;
        return;
    }
    json_t *record = nika_detect_death(crew->plan, w->cell, slot, what);
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    if (text != NULL) keep(crew, w, text);
    free(text);
    json_decref(record);
    if (next_campaign(crew, w->cell) == crew->plan->campaigns)
        crew->cells_done++;
    else if (!start(crew, index, w->cell))
        crew->broken = true;
}

static void hear(struct crew *crew, uint32_t index)
{
    struct worker *w = &crew->workers[index];
    ssize_t got = read(w->from, w->line + w->size, sizeof w->line - 1 - w->size);
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
        ended(crew, index);
        return;
    }
    w->size += (size_t)got;
    for (char *end; (end = memchr(w->line, '\n', w->size)) != NULL;) {
        *end = '\0';
        keep(crew, w, w->line);
        w->size -= (size_t)(end + 1 - w->line);
        memmove(w->line, end + 1, w->size);
    }
    NIKA_ASSERT(w->size + 1 < sizeof w->line);
}

/* Workers for cells that have something left. False when there is none and none works. */
static bool employ(struct crew *crew)
{
    const struct nika_detect_plan *plan = crew->plan;
    bool busy = false;
    for (uint32_t i = 0; i < plan->jobs && !crew->broken; i++) {
        while (crew->workers[i].pid == 0 && crew->next_cell < plan->cell_count &&
               *plan->stop == 0 && compare_with_rivals(crew, crew->next_cell)) {
            uint32_t cell = crew->next_cell++;
            if (next_campaign(crew, cell) == plan->campaigns)
                crew->cells_done++;
            else if (!start(crew, i, cell))
                crew->broken = true;
            if (crew->broken) break;
        }
        busy = busy || crew->workers[i].pid != 0;
    }
    return busy;
}

/* Has the run of this worker taken too long? Its beginning is read last: one that begins meanwhile is not late. */
static bool is_late(const struct crew *crew, uint32_t index)
{
    const struct nika_detect_plan *plan = crew->plan;
    const struct nika_detect_slot *slot = &crew->slots[index];
    uint64_t now = plan->now_ns(), cpu = plan->cpu_of(crew->workers[index].pid);
    uint64_t run_cpu = atomic_load(&slot->run_cpu_ns), started = atomic_load(&slot->started_ns);
    if (started == 0) return false;
    return cpu > run_cpu + plan->run_limit_ns ||
           now > started + NIKA_DETECT_WAIT * plan->run_limit_ns;
}

static void wait_for_news(struct crew *crew)
{
    struct pollfd list[NIKA_CAMPAIGN_JOBS_MAX];
    uint32_t of[NIKA_CAMPAIGN_JOBS_MAX], count = 0;
    for (uint32_t i = 0; i < crew->plan->jobs; i++) {
        if (crew->workers[i].pid == 0) continue;
        of[count] = i;
        list[count++] = (struct pollfd){.fd = crew->workers[i].from, .events = POLLIN};
    }
    if (poll(list, count, POLL_MS) < 0) return;
    for (uint32_t i = 0; i < count; i++) {
        struct worker *w = &crew->workers[of[i]];
        if (list[i].revents != 0) {
            hear(crew, of[i]);
        } else if (!w->late && is_late(crew, of[i])) {
            w->late = true;
            kill(w->pid, SIGKILL);
        }
    }
}

static void dismiss(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->plan->jobs; i++) {
        struct worker *w = &crew->workers[i];
        if (w->pid == 0) continue;
        kill(w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR) continue;
        close(w->from);
    }
}

static void learn_known(struct crew *crew)
{
    const struct nika_detect_plan *plan = crew->plan;
    for (uint32_t cell = 0; cell < plan->cell_count; cell++) {
        for (uint32_t k = 0; k < plan->campaigns; k++) {
            struct nika_detect_outcome outcome = {0};
            if (plan->known(plan->context, cell, k, &outcome)) note(crew, cell, k, &outcome);
        }
    }
}

enum nika_detect_end nika_detect_run(const struct nika_detect_plan *plan)
{
    struct crew *crew = calloc(1, sizeof *crew);
    size_t size = plan->jobs * sizeof *crew->slots;
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    enum nika_detect_end end = NIKA_DETECT_BROKEN;
    NIKA_ASSERT(plan->jobs >= 1 && plan->jobs <= NIKA_CAMPAIGN_JOBS_MAX);
    NIKA_ASSERT(plan->campaigns >= 1 && plan->campaigns <= NIKA_DETECT_CAMPAIGNS_MAX);
    if (crew != NULL) {
        crew->done = calloc(plan->cell_count, NIKA_DETECT_CAMPAIGNS_MAX * sizeof *crew->done);
        crew->scores = calloc(plan->cell_count, sizeof *crew->scores);
    }
    if (crew != NULL && crew->done != NULL && crew->scores != NULL && shared != MAP_FAILED) {
        crew->plan = plan;
        crew->slots = shared;
        learn_known(crew);
        while (!crew->broken && *plan->stop == 0 && employ(crew)) {
            wait_for_news(crew);
            plan->progress(plan->context, crew->cells_done);
        }
        dismiss(crew);
        end = crew->broken       ? NIKA_DETECT_BROKEN
              : *plan->stop != 0 ? NIKA_DETECT_STOPPED
                                 : NIKA_DETECT_DONE;
    }
    if (shared != MAP_FAILED) munmap(shared, size);
    if (crew != NULL) {
        free(crew->done);
        free(crew->scores);
    }
    free(crew);
    return end;
}
