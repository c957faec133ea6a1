/* fuzz/targets/limits.c: a slow run and a greedy one are findings, by the limits of the registry (targets.def).
 *
 * A timer of processor time ticks all the while and counts the ticks of the present run: a run costs no system call, and a busy machine makes
 * none slow. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz/targets/target.h"

#define TICKS_PER_SECOND 10u

static struct nika_target_limits limits;
static volatile sig_atomic_t running,
    ticks; /* Of the present run: what a driver does between two is nobody's. */
static char too_slow[100], too_large[100];

uint32_t nika_target_memory_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint32_t)(usage.ru_maxrss / 1024) : 0;
}

/* Sanitizers with an allocator of their own tell of each block; it stays installed. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *))
    __attribute__((weak));
static uint64_t allocated;
static bool counting;

static void on_malloc(const volatile void *block, size_t size)
{
    (void)block;
    allocated += size;
}

static void on_free(const volatile void *block)
{
    (void)block;
}

uint64_t nika_target_allocated(void)
{
    if (!counting && __sanitizer_install_malloc_and_free_hooks != NULL)
        (void)__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    counting = true;
    return allocated;
}

/* In a signal handler: nothing but system calls. */
_Noreturn static void end(const char *sentence)
{
    ssize_t written = write(STDERR_FILENO, sentence, strlen(sentence));
    (void)written;
    abort();
}

static void on_tick(int signal)
{
    (void)signal;
    if (running == 0) return;
    ticks = ticks + 1;
    if ((uint32_t)ticks > limits.seconds * TICKS_PER_SECOND) end(too_slow);
    if (nika_target_memory_mb() > limits.memory_mb) end(too_large);
}

void nika_target_enforce(const struct nika_target *target)
{
    struct timeval tick = {.tv_usec = 1000000 / TICKS_PER_SECOND};
    struct itimerval timer = {.it_interval = tick, .it_value = tick};
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    limits = *nika_target_limits(target);
    snprintf(too_slow, sizeof too_slow,
             "nika-fuzz: finding: more than %u s of processor time in one run\n", limits.seconds);
    snprintf(too_large, sizeof too_large, "nika-fuzz: finding: more than %u MB of memory\n",
             limits.memory_mb);
    NIKA_TARGET_CHECK(sigaction(SIGPROF, &action, NULL) == 0 &&
                          setitimer(ITIMER_PROF, &timer, NULL) == 0,
                      "no timer for the limits");
}

void nika_target_run(const struct nika_target *target, struct nika_span input)
{
    ticks = 0;
    running = 1;
    target->run(input);
    running = 0;
}
