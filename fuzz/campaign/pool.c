/* fuzz/campaign/pool.c: worker processes that run blocks, and a parent that outlives every one of them.
 *
 * A run that kills its worker, or takes too long, is a finding: the parent knows from the shared slot which seed it was, starts
 * another worker and gives it the block again with that seed left out. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/last_words.h"

#define POLL_MS 100
#define DEATHS_MAX 16u
#define NO_MEMORY 70 /* Exit status of a worker that could not allocate. */

/* What the parent writes to a worker. */
struct order {
    uint32_t scenario, count;
    uint64_t first;
    uint32_t skip_count, reserved;
    struct nika_skip skips[NIKA_BLOCK_SKIPS_MAX];
};
struct worker {
    pid_t pid; /* 0 = none. */
    int to, from;
    struct nika_last_words words;
    bool busy;
    struct order order;
    char *text; /* The record as far as it has come. */
    size_t size;
};
struct pool {
    const struct nika_plan *plan;
    struct nika_slot *slots;
    struct worker workers[NIKA_CAMPAIGN_JOBS_MAX];
    char (*digests)[33];
    uint64_t next_block, blocks; /* Of all shards. */
    uint64_t runs_done;
    uint32_t deaths; /* Of workers that were not in a run. */
    bool stopped, broken;
};

static uint64_t seed_blocks(const struct nika_plan *plan)
{
    return (plan->last - plan->first) / NIKA_BLOCK_RUNS + 1;
}

/* Scenarios go round first, so that each has been seen early. */
static void block_at(const struct nika_plan *plan, uint64_t number, struct order *out)
{
    memset(out, 0, sizeof *out);
    out->scenario = (uint32_t)(number % plan->scenario_count);
    out->first = plan->first + number / plan->scenario_count * NIKA_BLOCK_RUNS;
    uint64_t left = plan->last - out->first + 1;
    out->count = left < NIKA_BLOCK_RUNS ? (uint32_t)left : NIKA_BLOCK_RUNS;
}

static struct nika_block block_of(const struct pool *pool, const struct order *order)
{
    const struct nika_plan *plan = pool->plan;
    struct nika_block block = {.scenario = plan->scenarios[order->scenario],
                               .strategy = plan->strategy,
                               .sets = &plan->sets[order->scenario],
                               .version = plan->version,
                               .scenario_digest = pool->digests[order->scenario],
                               .first = order->first,
                               .count = order->count,
                               .skip_count = order->skip_count};
    memcpy(block.skips, order->skips, sizeof block.skips);
    return block;
}

/* Is the block this shard's? By its identity, so that a campaign can go on with another number of shards. */
static bool is_mine(const struct pool *pool, const struct order *order, char id[33])
{
    const struct nika_plan *plan = pool->plan;
    struct nika_block block = block_of(pool, order);
    nika_block_id(&block, id);
    return plan->shards == 1 || nika_block_shard(id, plan->shards) == plan->shard;
}

/* Runs that this shard holds, those already known included. */
static uint64_t runs_of(const struct pool *pool)
{
    char id[33];
    uint64_t runs = 0;
    struct order order;
    for (uint64_t b = 0; b < pool->blocks; b++) {
        block_at(pool->plan, b, &order);
        if (pool->plan->shards == 1 || is_mine(pool, &order, id)) runs += order.count;
    }
    return runs;
}

/* ---- the worker ---- */
static bool read_all(int fd, void *data, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, (char *)data + got, size - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        got += (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *data, size_t size)
{
    for (size_t put = 0; put < size;) {
        ssize_t n = write(fd, (const char *)data + put, size - put);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        put += (size_t)n;
    }
    return true;
}

static _Noreturn void work(struct pool *pool, uint32_t index, int orders, int records, int errors)
{
    struct order order;
    struct nika_runner *runner = NULL;
    uint32_t scenario = UINT32_MAX;
    /* A terminal sends SIGINT to all: the parent decides when workers end. */
    signal(SIGINT, SIG_IGN);
    if (dup2(errors, STDERR_FILENO) < 0) _exit(NO_MEMORY);
    close(errors);
    while (read_all(orders, &order, sizeof order)) {
        const char *reason;
        struct nika_block block = block_of(pool, &order);
        if (order.scenario != scenario) {
            nika_runner_free(runner);
            runner = nika_runner_new(block.scenario, &reason);
            scenario = order.scenario;
        }
        json_t *record =
            runner != NULL ? nika_block_run(&block, runner, &pool->slots[index], pool->plan->now_ns)
                           : NULL;
        char *text = record != NULL ? json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        json_decref(record);
        if (text == NULL) _exit(NO_MEMORY);
        bool good = write_all(records, text, strlen(text)) && write_all(records, "\n", 1);
        free(text);
        if (!good) break;
    }
    _exit(0);
}

/* ---- the parent ---- */
static void close_both(const int ends[2])
{
    for (uint32_t i = 0; i < 2; i++) {
        if (ends[i] >= 0) close(ends[i]);
    }
}

static bool start(struct pool *pool, uint32_t index)
{
    struct worker *w = &pool->workers[index];
    int orders[2] = {-1, -1}, records[2] = {-1, -1}, errors = -1;
    if (pipe(orders) != 0 || pipe(records) != 0 || !nika_last_words_open(&w->words, &errors)) {
        close_both(orders);
        close_both(records);
        return false;
    }
    atomic_store(&pool->slots[index].started_ns, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        for (uint32_t i = 0; i < pool->plan->jobs; i++) {
            if (pool->workers[i].pid == 0) continue;
            close(pool->workers[i].to);
            close(pool->workers[i].from);
            nika_last_words_close(&pool->workers[i].words);
        }
        close(orders[1]);
        close(records[0]);
        nika_last_words_close(&w->words);
        work(pool, index, orders[0], records[1], errors);
    }
    close(errors);
    if (pid < 0) {
        close_both(orders);
        close_both(records);
        nika_last_words_close(&w->words);
        return false;
    }
    close(orders[0]);
    close(records[1]);
    w->pid = pid;
    w->to = orders[1];
    w->from = records[0];
    w->busy = false;
    return true;
}

/* What became of it, and what it said last. */
static void reap(struct worker *w, char *what, size_t size)
{
    int status = 0;
    char said[NIKA_SKIP_SIZE];
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) continue;
    nika_last_words_hear(&w->words);
    nika_last_words_say(&w->words, said, sizeof said);
    bool killed = WIFSIGNALED(status), no_memory = !killed && WEXITSTATUS(status) == NO_MEMORY;
    /* Nobody but the kernel, when memory runs out, sends SIGKILL unasked. */
    if (what != NULL && killed)
        snprintf(what, size, "was killed by signal %d (%s)%s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)),
                 WTERMSIG(status) == SIGKILL ? ", as when memory ends" : "");
    if (what != NULL && no_memory) snprintf(what, size, "ran out of memory");
    if (what != NULL && !killed && !no_memory)
        snprintf(what, size, "ended its process with status %d", WEXITSTATUS(status));
    size_t put = what != NULL ? strlen(what) : 0;
    if (what != NULL && said[0] != '\0') snprintf(what + put, size - put, ": %s", said);
    if (w->to >= 0) close(w->to);
    close(w->from);
    nika_last_words_close(&w->words);
    free(w->text);
    w->text = NULL;
    w->size = 0;
    w->pid = 0;
}

static bool give(struct worker *w)
{
    w->busy = true;
    w->size = 0;
    return write_all(w->to, &w->order, sizeof w->order);
}

/* The next block of this shard that is not known. False when there is none. */
static bool next_order(struct pool *pool, struct order *out)
{
    const struct nika_plan *plan = pool->plan;
    while (pool->next_block < pool->blocks) {
        char id[33];
        block_at(plan, pool->next_block++, out);
        if (!is_mine(pool, out, id)) continue;
        if (!nika_results_has(plan->known, id)) return true;
        pool->runs_done += out->count;
    }
    return false;
}

/* A worker died: another one takes its block, without the seed whose run killed it. */
static void replace(struct pool *pool, uint32_t index, const char *why)
{
    struct worker *w = &pool->workers[index];
    struct order order = w->order;
    bool running = atomic_load(&pool->slots[index].started_ns) != 0;
    struct nika_skip skip = {.seed = atomic_load(&pool->slots[index].seed)};
    reap(w, skip.what, sizeof skip.what);
    w->busy = false;
    if (why != NULL) snprintf(skip.what, sizeof skip.what, "%s", why);
    /* Between runs it was not the run's doing, so that the record must not show it; but a machine that kills every worker has no use. */
    bool room = running ? order.skip_count < NIKA_BLOCK_SKIPS_MAX : pool->deaths++ < DEATHS_MAX;
    if (running && room) order.skips[order.skip_count++] = skip;
    w->order = order;
    if (room && start(pool, index) && give(w)) return;
    fprintf(stderr, "nika: a worker %s; %s\n", skip.what,
            room ? "no other can be started" : "too many of them did");
    pool->broken = true;
}

static void take_record(struct pool *pool, struct worker *w)
{
    const struct nika_plan *plan = pool->plan;
    w->text[w->size - 1] = '\0';
    json_t *record = json_loads(w->text, 0, NULL);
    bool failed = json_array_size(json_object_get(record, "failures")) > 0;
    json_decref(record);
    if (!plan->keep(plan->context, w->text)) pool->broken = true;
    pool->runs_done += w->order.count;
    w->busy = false;
    w->size = 0;
    if (failed && plan->fail_fast) pool->stopped = true;
}

static void receive(struct pool *pool, uint32_t index)
{
    struct worker *w = &pool->workers[index];
    if (w->text == NULL) w->text = malloc(NIKA_RECORD_SIZE_MAX);
    ssize_t n = w->text != NULL && w->size < NIKA_RECORD_SIZE_MAX
                    ? read(w->from, w->text + w->size, NIKA_RECORD_SIZE_MAX - w->size)
                    : 0;
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
        replace(pool, index, NULL);
        return;
    }
    w->size += (size_t)n;
    if (w->text[w->size - 1] == '\n') take_record(pool, w);
}

/* Resident, for a world reserves far more than it ever touches. 0 when the system does not say. */
static uint64_t resident_bytes(pid_t pid)
{
    char path[64], text[128] = "";
    uint64_t pages = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    if (fgets(text, sizeof text, file) == NULL || sscanf(text, "%*u %" SCNu64, &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void check_memory(struct pool *pool, uint32_t index)
{
    char why[64];
    struct worker *w = &pool->workers[index];
    uint64_t limit = pool->plan->memory_limit;
    if (limit == 0 || w->pid == 0 || !w->busy) return;
    if (atomic_load(&pool->slots[index].started_ns) == 0 || resident_bytes(w->pid) <= limit) return;
    kill(w->pid, SIGKILL);
    snprintf(why, sizeof why, "ran out of memory: more than %" PRIu64 " MiB", limit >> 20);
    replace(pool, index, why);
}

static void check_limits(struct pool *pool)
{
    char why[64];
    uint64_t now = pool->plan->now_ns();
    for (uint32_t i = 0; i < pool->plan->jobs; i++) {
        struct worker *w = &pool->workers[i];
        check_memory(pool, i);
        uint64_t started = atomic_load(&pool->slots[i].started_ns);
        if (w->pid == 0 || !w->busy || started == 0 || now < started ||
            now - started < pool->plan->run_limit_ns)
            continue;
        kill(w->pid, SIGKILL);
        snprintf(why, sizeof why, "took longer than %" PRIu64 " s and was stopped",
                 pool->plan->run_limit_ns / UINT64_C(1000000000));
        replace(pool, i, why);
    }
}

/* Give work to who has none. Returns how many are busy. */
static uint32_t dispatch(struct pool *pool, bool more)
{
    uint32_t busy = 0;
    for (uint32_t i = 0; i < pool->plan->jobs && !pool->broken; i++) {
        struct worker *w = &pool->workers[i];
        if (w->busy) {
            busy++;
            continue;
        }
        if (!more || !next_order(pool, &w->order)) continue;
        bool good = (w->pid != 0 || start(pool, i)) && give(w);
        if (!good) pool->broken = true;
        busy++;
    }
    return busy;
}

static void wait_for_records(struct pool *pool)
{
    struct pollfd fds[2 * NIKA_CAMPAIGN_JOBS_MAX]; /* Of each its records, and what it says. */
    uint32_t index[NIKA_CAMPAIGN_JOBS_MAX], count = 0;
    for (uint32_t i = 0; i < pool->plan->jobs; i++) {
        const struct worker *w = &pool->workers[i];
        if (!w->busy) continue;
        fds[2 * count] = (struct pollfd){.fd = w->from, .events = POLLIN};
        fds[2 * count + 1] = (struct pollfd){.fd = w->words.from, .events = POLLIN};
        index[count++] = i;
    }
    if (poll(fds, 2 * count, POLL_MS) <= 0) return;
    for (uint32_t k = 0; k < count && !pool->broken; k++) {
        if (fds[2 * k + 1].revents != 0) nika_last_words_hear(&pool->workers[index[k]].words);
        if (fds[2 * k].revents != 0) receive(pool, index[k]);
    }
}

static void end_workers(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->plan->jobs; i++) {
        struct worker *w = &pool->workers[i];
        if (w->pid == 0) continue;
        if (w->busy) kill(w->pid, SIGKILL);
        close(w->to);
        w->to = -1; /* The end of its orders is the end of its work. */
        reap(w, NULL, 0);
    }
}

enum nika_pool_end nika_pool_run(const struct nika_plan *plan)
{
    struct pool *pool = calloc(1, sizeof *pool);
    enum nika_pool_end end = NIKA_POOL_BROKEN;
    size_t slots_size = NIKA_CAMPAIGN_JOBS_MAX * sizeof(struct nika_slot);
    void *slots = mmap(NULL, slots_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool != NULL) pool->digests = calloc(plan->scenario_count, sizeof pool->digests[0]);
    if (pool != NULL && pool->digests != NULL && slots != MAP_FAILED) {
        pool->plan = plan;
        pool->slots = slots;
        pool->blocks = seed_blocks(plan) * plan->scenario_count;
        for (uint32_t i = 0; i < plan->scenario_count; i++)
            nika_scenario_digest(plan->scenarios[i], pool->digests[i]);
        signal(SIGPIPE, SIG_IGN);
        uint64_t started = plan->now_ns(), total = runs_of(pool);
        bool late = false;
        for (;;) {
            late = late || (plan->budget_ns != 0 && plan->now_ns() - started >= plan->budget_ns);
            pool->stopped = pool->stopped || *plan->stop != 0;
            uint32_t busy = dispatch(pool, !late && !pool->stopped);
            plan->progress(plan->context, pool->runs_done, total);
            if (pool->broken || busy == 0 || *plan->stop != 0) break;
            wait_for_records(pool);
            check_limits(pool);
        }
        end_workers(pool);
        bool all = pool->runs_done == total;
        end = pool->broken    ? NIKA_POOL_BROKEN
              : all           ? NIKA_POOL_DONE
              : pool->stopped ? NIKA_POOL_STOPPED
                              : NIKA_POOL_BUDGET;
    }
    if (slots != MAP_FAILED) munmap(slots, slots_size);
    if (pool != NULL) free(pool->digests);
    free(pool);
    return end;
}
