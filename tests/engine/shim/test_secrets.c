/* tests/engine/shim/test_secrets.c: a process with the keys of a replica leaves no core file and lets no other process of its user look into it. */
#include "engine/shim/node.h"
#include "tests/support/test.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a process allows that nothing was asked of; 77 where the machine forbids it anyway, for then nothing could be seen to change. */
static int allow_everything(void)
{
    struct rlimit core;
    if (prctl(PR_SET_DUMPABLE, 1) != 0 || prctl(PR_GET_DUMPABLE) != 1) return 77;
    if (getrlimit(RLIMIT_CORE, &core) != 0) return 77;
    if (core.rlim_max == 0) core.rlim_max = RLIM_INFINITY; /* Root may. */
    core.rlim_cur = core.rlim_max;
    return setrlimit(RLIMIT_CORE, &core) == 0 ? 0 : 77;
}

static int what_is_allowed(void)
{
    struct rlimit core;
    if (prctl(PR_GET_DUMPABLE) != 0) return 1;
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0) return 2;
    return core.rlim_max == 0 ? 0 : 3;
}

/* A node that cannot even lock its pid file: whatever fails later, it was safe before. */
static int open_node(void)
{
    static struct nika_problems problems;
    static const struct nika_node_config config = {.pid_file = "/nobody-has-this/folder.pid"};
    static const struct nika_cluster cluster;
    const struct nika_node_options options = {
        .file = "node.json", .config = &config, .cluster = &cluster};
    return nika_node_new(&options, &problems) == NULL && problems.count == 1 ? 0 : 4;
}

static int in_a_child(int (*act)(void))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int code = allow_everything();
        if (code == 0) code = act();
        _exit(code != 0 ? code : what_is_allowed());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int ask(void)
{
    nika_node_keep_secrets();
    return 0;
}
static int do_nothing(void)
{
    return 0;
}

static void test_memory_with_keys_is_in_no_core_file(void **state)
{
    (void)state;
    int before = in_a_child(do_nothing);
    if (before == 77) skip();
    assert_int_equal(before, 1); /* Else the next lines prove nothing. */
    assert_int_equal(in_a_child(ask), 0);
    assert_int_equal(in_a_child(open_node), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_with_keys_is_in_no_core_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
