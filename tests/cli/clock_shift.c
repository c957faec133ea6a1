/* tests/cli/clock_shift.c: preloaded into one replica, moves its wall clock by NIKA_CLOCK_SHIFT_S seconds (negative: back). The monotonic
 * clock stays. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *out) /* tidy: it moves the clock */
{
    long result = syscall(SYS_clock_gettime, clock, out);
    const char *shift = getenv("NIKA_CLOCK_SHIFT_S");
    if (result == 0 && clock == CLOCK_REALTIME && shift != NULL)
        out->tv_sec += strtol(shift, NULL, 10);
    return (int)result;
}
