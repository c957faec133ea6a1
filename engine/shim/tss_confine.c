/* engine/shim/tss_confine.c: what a trusted process takes from itself before it serves: rights, memory that others can read, system calls. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine/shim/tss_server.h"

bool nika_tss_user(const char *text, uint32_t *uid, uint32_t *gid)
{
    const struct passwd *entry = getpwnam(text);
    char *end = NULL;
    if (entry == NULL) {
        unsigned long number = strtoul(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end != '\0' || number >= UINT32_MAX) return false;
        *uid = *gid = (uint32_t)number;
        entry = getpwuid((uid_t)number);
        if (entry != NULL) *gid = entry->pw_gid;
        return true;
    }
    *uid = entry->pw_uid;
    *gid = entry->pw_gid;
    return true;
}

bool nika_tss_become(const char *user, struct nika_disk_store_error *error)
{
    uint32_t uid = 0, gid = 0;
    if (!nika_tss_user(user, &uid, &gid)) {
        nika_disk_say(error, "--user: no user \"%.100s\"", user);
        return false;
    }
    if (uid == 0) {
        nika_disk_say(error, "--user: \"%.100s\" is root; expected a user of its own", user);
        return false;
    }
    if (geteuid() == uid && getuid() == uid) return true;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
        nika_disk_say(error, "--user %.100s: %s (only root can become another user)", user,
                      strerror(errno));
        return false;
    }
    return true;
}

bool nika_tss_seal_memory(bool *locked)
{
    const struct rlimit none = {0, 0};
    *locked = mlockall(MCL_CURRENT) == 0;
    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Nothing that opens, connects, forks, executes or makes memory executable. */
static const int allowed[] = {
    SCMP_SYS(read),        SCMP_SYS(write),         SCMP_SYS(pwrite64),
    SCMP_SYS(fdatasync),   SCMP_SYS(recvfrom),      SCMP_SYS(sendto),
    SCMP_SYS(recvmsg),     SCMP_SYS(sendmsg),       SCMP_SYS(accept4),
    SCMP_SYS(getsockopt),  SCMP_SYS(poll),          SCMP_SYS(ppoll),
    SCMP_SYS(close),       SCMP_SYS(clock_gettime), SCMP_SYS(brk),
    SCMP_SYS(munmap),      SCMP_SYS(mremap),        SCMP_SYS(madvise),
    SCMP_SYS(futex),       SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield),   SCMP_SYS(restart_syscall),
    SCMP_SYS(exit_group),  SCMP_SYS(exit),
};

/* ThreadSanitizer has a thread of its own, which begins after the first of ours and may be late. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED_BY                                                                                 \
    SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday)
#endif
#endif
static int allow_watcher(scmp_filter_ctx filter)
{
    int err = 0;
#ifdef WATCHED_BY
    static const int calls[] = {WATCHED_BY};
    for (uint32_t i = 0; err == 0 && i < ARRAY_COUNT(calls); i++)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
#else
    (void)filter;
#endif
    return err;
}

int nika_tss_confine(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) return ENOMEM;
    tzset(); /* Or the first log line would open the file of the time zone. */
    /* All threads that there are (tss_pair.h). */
    int err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (uint32_t i = 0; err == 0 && i < ARRAY_COUNT(allowed); i++)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    if (err == 0) err = allow_watcher(filter);
    /* Memory for data, never for code. */
    if (err == 0)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (err == 0)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (err == 0) err = seccomp_load(filter);
    seccomp_release(filter);
    return -err;
}
