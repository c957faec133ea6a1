/* fuzz/targets/driver_libfuzzer.c: one target under libFuzzer; the build names it in NIKA_TARGET. Also what AFL++ and others that speak
 * libFuzzer's interface call. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "fuzz/targets/openssl_memory.h"
#include "fuzz/targets/target.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max) __attribute__((weak));
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t out_size, unsigned seed);

/* Freed memory waits this long for a late access: many inputs. AddressSanitizer's own 256 MB make every block of the library fresh memory. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=16";
}

#define STRINGIFY(x) #x
#define TO_TEXT(x) STRINGIFY(x)

/* The engine's own handler exits without a stack or an artifact; a fuzzer needs the abort. */
static void broken(void *context, const char *file, int line, const char *expression)
{
    (void)context;
    nika_target_fail("%s:%d: broken invariant: %s", file, line, expression);
}

static const struct nika_target *target(void)
{
    static const struct nika_target *found;
    if (found == NULL) nika_assert_set_handler(broken, NULL);
    if (found == NULL) found = nika_target_find(TO_TEXT(NIKA_TARGET));
    NIKA_TARGET_CHECK(found != NULL, "no target %s", TO_TEXT(NIKA_TARGET));
    return found;
}

static uint64_t runs;
static volatile sig_atomic_t spent;

static void print_states(void)
{
    fprintf(stderr, "stat::protocol_states_reached:  %u\nstat::runs:  %llu\n", nika_target_states(),
            (unsigned long long)runs);
}

static void on_spent(int signal)
{
    spent = signal;
}

/* libFuzzer passes over options that begin with two dashes. --states=off: protocol states are no coverage; --planted=ID: a museum build
 * carries this bug. A soft limit on processor time (ulimit -St) ends it between two runs, as a limit on time does, with the code of an
 * interrupt. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char planted[] = "--planted=";
    for (int i = 1; i < *argc; i++) {
        const char *word = (*argv)[i];
        if (strcmp(word, "--states=off") == 0) nika_target_use_states(false);
        if (strncmp(word, planted, sizeof planted - 1) != 0) continue;
        NIKA_TARGET_CHECK(nika_target_plant(word + sizeof planted - 1),
                          "no planted bug %s in this build", word + sizeof planted - 1);
    }
    openssl_memory_install();
    nika_target_enforce(target());
    atexit(print_states);
    (void)signal(SIGXCPU, on_spent);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > target()->size_max) return -1;
    if (spent != 0) {
        print_states();
        (void)raise(SIGINT); /* libFuzzer says what it did, and ends. */
        _exit(0);
    }
    runs++;
    nika_target_run(target(), (struct nika_span){data, (uint32_t)size});
    return 0;
}

/* What is longer is not run: a step that makes it is a run thrown away. */
static size_t limited(size_t size_max)
{
    return size_max < target()->size_max ? size_max : target()->size_max;
}

static size_t of_bytes(uint8_t *data, size_t size, size_t size_max)
{
    return LLVMFuzzerMutate != NULL ? LLVMFuzzerMutate(data, size, size_max) : size;
}

/* The target's own steps keep an input meaningful; one in eight is the library's, which keeps it honest. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    struct nika_target_draw draw = {seed};
    size_max = limited(size_max);
    if (size > size_max) size = size_max;
    if (!nika_target_mutates(target()) || nika_target_draw(&draw, 8) == 0)
        return of_bytes(data, size, size_max);
    return nika_target_mutate(target(), data, (uint32_t)size, (uint32_t)size_max,
                              nika_target_draw(&draw, UINT32_MAX));
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t out_size, unsigned seed)
{
    struct nika_span first = {a, (uint32_t)a_size}, second = {b, (uint32_t)b_size};
    out_size = limited(out_size);
    if (nika_target_crosses(target()))
        return nika_target_cross(target(), first, second, out, (uint32_t)out_size, seed);
    struct nika_target_draw draw = {seed};
    uint32_t head = nika_target_draw(&draw, first.size + 1);
    uint32_t skip = nika_target_draw(&draw, second.size + 1);
    uint32_t tail = second.size - skip;
    if (head > out_size) head = (uint32_t)out_size;
    if (tail > out_size - head) tail = (uint32_t)out_size - head;
    if (head > 0) memcpy(out, a, head);
    if (tail > 0) memcpy(out + head, b + skip, tail);
    return head + tail;
}
