/* fuzz/targets/driver_plain.c: the program nika-fuzz: replays inputs without a fuzzer, writes seeds and dictionaries, shows what an input
 * means. Any compiler; findings of any fuzzer.
 *
 *   nika-fuzz list
 *   nika-fuzz run TARGET FILE|DIR...       every input, twice, forwards and backwards: the same judgement each time, and in a build
 *                                          that counts edges the same coverage
 *   nika-fuzz seeds TARGET DIR             seeds from the scenario library
 *   nika-fuzz dictionary TARGET            words for -dict=
 *   nika-fuzz options TARGET               libFuzzer's options: the limits of the registry
 *   nika-fuzz show TARGET FILE             what the input means */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "fuzz/targets/edges.h"
#include "fuzz/targets/inputs.h"
#include "fuzz/targets/target.h"

#define EXIT_USAGE 64
#define SIZE_FUZZED_MAX 4096u /* Fuzzers make no longer inputs; replays may. */
#define SIZE_SHORT_MAX 128u

static const char usage[] = "usage: nika-fuzz list\n"
                            "       nika-fuzz run TARGET FILE|DIR...\n"
                            "       nika-fuzz seeds TARGET DIR\n"
                            "       nika-fuzz dictionary TARGET\n"
                            "       nika-fuzz options TARGET\n"
                            "       nika-fuzz show TARGET FILE\n";

static int complain(const char *what, const char *which)
{
    fprintf(stderr, "nika-fuzz: %s%s\n%s", what, which, usage);
    return EXIT_USAGE;
}

static int list(void)
{
    for (uint32_t i = 0; nika_targets[i] != NULL; i++)
        printf("%-16s %s\n", nika_targets[i]->name, nika_targets[i]->doc);
    return 0;
}

/* What must not depend on the inputs before. */
struct outcome {
    uint64_t digest, edges;
};

/* Says the milliseconds of processor time that the slowest input took. */
static struct outcome one(const struct nika_target *target, const struct nika_input *input,
                          uint32_t *slowest)
{
    struct outcome outcome = {0};
    fprintf(stderr, "%s\n", input->path); /* So that a crash says in which. */
    (void)nika_edges_take();
    clock_t before = clock();
    nika_target_run(target, (struct nika_span){input->data, input->size});
    outcome.edges = nika_edges_take(); /* Before what depends on time. */
    uint32_t took = (uint32_t)((clock() - before) / (CLOCKS_PER_SEC / 1000));
    if (took > *slowest) *slowest = took;
    uint32_t memory = nika_target_memory_mb(), limit = nika_target_limits(target)->memory_mb;
    NIKA_TARGET_CHECK(memory <= limit, "more than %u MB of memory", limit);
    if (target->digest != NULL) outcome.digest = target->digest();
    return outcome;
}

/* Nothing of one input may reach the next: a second pass in the other order must see the same. */
static int run(const struct nika_target *target, char **paths, int count)
{
    struct nika_inputs inputs = {0};
    for (int i = 0; i < count; i++) {
        if (!nika_inputs_add(&inputs, paths[i], target->size_max)) {
            fprintf(stderr, "nika-fuzz: %s: %s\n", paths[i], strerror(errno));
            return EXIT_USAGE;
        }
    }
    struct outcome *first = calloc(inputs.count + 1u, sizeof *first);
    if (first == NULL) return 3;
    uint32_t slowest = 0;
    nika_target_enforce(target);
    /* What is made once, for all inputs, whoever needs it first: not a part of anybody's coverage. */
    for (uint32_t i = 0; i < inputs.count && nika_edges_count() > 0; i++)
        (void)one(target, &inputs.list[i], &slowest);
    for (uint32_t i = 0; i < inputs.count; i++) first[i] = one(target, &inputs.list[i], &slowest);
    for (uint32_t i = inputs.count; i-- > 0;) {
        struct outcome again = one(target, &inputs.list[i], &slowest);
        NIKA_TARGET_CHECK(again.digest == first[i].digest, "%s ran differently the second time",
                          inputs.list[i].path);
        NIKA_TARGET_CHECK(again.edges == first[i].edges, "%s has other coverage the second time",
                          inputs.list[i].path);
    }
    const struct nika_target_limits *limits = nika_target_limits(target);
    printf("%s: %u inputs, twice each, in two orders: no finding; %u ms of %u s at most, %u of %u "
           "MB\n",
           target->name, inputs.count, slowest, limits->seconds, nika_target_memory_mb(),
           limits->memory_mb);
    free(first);
    nika_inputs_free(&inputs);
    return 0;
}

struct folder {
    const char *path;
    uint32_t count;
};

static void write_seed(void *context, const char *name, struct nika_span bytes)
{
    struct folder *folder = context;
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    FILE *file = fopen(path, "wb");
    bool good = file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    if (file != NULL) good = fclose(file) == 0 && good;
    if (!good) {
        fprintf(stderr, "nika-fuzz: %s: %s\n", path, strerror(errno));
        exit(EXIT_USAGE);
    }
    folder->count++;
}

static int seeds(const struct nika_target *target, const char *path)
{
    struct folder folder = {path, 0};
    if (mkdir(path, 0777) != 0 && errno != EEXIST) return complain(strerror(errno), path);
    if (target->seeds != NULL) target->seeds(write_seed, &folder);
    printf("%s: %u seeds in %s\n", target->name, folder.count, path);
    return 0;
}

static int show(const struct nika_target *target, const char *path)
{
    struct nika_inputs inputs = {0};
    if (!nika_inputs_add(&inputs, path, target->size_max) || inputs.count != 1)
        return complain("show takes one readable file, not ", path);
    struct nika_span bytes = {inputs.list[0].data, inputs.list[0].size};
    if (target->show != NULL) {
        target->show(bytes, stdout);
    } else {
        for (uint32_t i = 0; i < bytes.size; i++)
            printf("%02x%c", bytes.data[i], i % 32 == 31 || i + 1 == bytes.size ? '\n' : ' ');
    }
    nika_inputs_free(&inputs);
    return 0;
}

/* As a file `.options` of OSS-Fuzz has them. A clock on the wall is libFuzzer's; the driver watches the processor time by itself. */
static int options(const struct nika_target *target)
{
    const struct nika_target_limits *limits = nika_target_limits(target);
    printf("max_len = %u\n",
           target->size_max < SIZE_FUZZED_MAX ? target->size_max : SIZE_FUZZED_MAX);
    puts("len_control = 0\nentropic = 0");
    /* No other fuzzer writes into its corpus: every second it would read thousands of names. */
    puts("reload = 0");
    /* Whether a shorter input would do as well is asked for each edge of each run, a tenth of it; of these none is long. */
    if (target->size_max <= SIZE_SHORT_MAX) puts("reduce_inputs = 0");
    printf("rss_limit_mb = %u\ntimeout = %u\n", limits->memory_mb, limits->seconds);
    return 0;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "list") == 0 && argc == 2) return list();
    if (strcmp(word, "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc < 3) return complain("expected a command and a target", "");
    const struct nika_target *target = nika_target_find(argv[2]);
    if (target == NULL) return complain("no such target (see nika-fuzz list): ", argv[2]);
    if (strcmp(word, "run") == 0 && argc > 3) return run(target, argv + 3, argc - 3);
    if (strcmp(word, "seeds") == 0 && argc == 4) return seeds(target, argv[3]);
    if (strcmp(word, "show") == 0 && argc == 4) return show(target, argv[3]);
    if (strcmp(word, "options") == 0 && argc == 3) return options(target);
    if (strcmp(word, "dictionary") == 0 && argc == 3) {
        if (target->dictionary != NULL) target->dictionary(stdout);
        return 0;
    }
    return complain("no such command, or not these arguments: ", word);
}
