/* tests/engine/shim/soft_tpm.h: a TPM in software (swtpm) behind a terminal of its own, which a trusted process opens as it opens a device. */
#ifndef TESTS_ENGINE_SHIM_SOFT_TPM_H
#define TESTS_ENGINE_SHIM_SOFT_TPM_H

#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "engine/shim/tss_tpm.h"
#include "tests/engine/shim/disk_faults.h"

struct soft_tpm {
    pid_t process;
    int terminal; /* Its side, until it runs. */
    int keep;     /* Our side, open all the time: the TPM would end with its last user. */
    char dir[64], tcti[96];
};

static inline bool soft_tpm_raw(int fd)
{
    struct termios mode;
    if (tcgetattr(fd, &mode) != 0) return false;
    cfmakeraw(&mode);
    return tcsetattr(fd, TCSANOW, &mode) == 0;
}

static inline void soft_tpm_stop(struct soft_tpm *t)
{
    if (t->process > 0) {
        (void)kill(t->process, SIGKILL);
        (void)waitpid(t->process, NULL, 0);
        t->process = 0;
    }
    if (t->terminal >= 0) (void)close(t->terminal);
    if (t->keep >= 0) (void)close(t->keep);
    t->terminal = t->keep = -1;
    disk_faults_remove_tree(t->dir);
}

/* False when there is none: no swtpm, or a program without libtss2. */
static inline bool soft_tpm_start(struct soft_tpm *t)
{
    static const char *const places[] = {"/usr/bin/swtpm", "/usr/local/bin/swtpm"};
    char fd[16], state[80], name[64];
    const char *program = NULL;
    struct nika_disk_store_error error;
    struct nika_tss_tpm *tpm = NULL;
    for (uint32_t i = 0; i < 2 && program == NULL; i++)
        if (access(places[i], X_OK) == 0) program = places[i];
    *t = (struct soft_tpm){.terminal = posix_openpt(O_RDWR | O_NOCTTY), .keep = -1};
    disk_faults_folder(t->dir);
    if (program == NULL || t->terminal < 0 || grantpt(t->terminal) != 0 ||
        unlockpt(t->terminal) != 0 || ptsname_r(t->terminal, name, sizeof name) != 0)
        return false;
    t->keep = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (t->keep < 0 || !soft_tpm_raw(t->keep)) return false;
    snprintf(t->tcti, sizeof t->tcti, "device:%s", name);
    snprintf(fd, sizeof fd, "%d", t->terminal);
    snprintf(state, sizeof state, "dir=%s", t->dir);
    t->process = fork();
    if (t->process == 0) {
        (void)execl(program, "swtpm", "chardev", "--tpm2", "--fd", fd, "--tpmstate", state,
                    "--flags", "not-need-init,startup-clear", (char *)NULL);
        _exit(1);
    }
    /* Its end must hang up whoever uses it, so it alone holds this side. */
    (void)close(t->terminal);
    t->terminal = -1;
    /* Also makes the counter. The first command waits until it is up. */
    if (t->process > 0 &&
        nika_tss_tpm_open(t->tcti, NIKA_TSS_TPM_INDEX, true, &tpm, &error) == NIKA_OK) {
        nika_tss_tpm_close(tpm);
        return true;
    }
    if (strstr(error.text, "built without") == NULL)
        fprintf(stderr, "swtpm does not answer: %s\n", error.text);
    return false;
}

#endif
