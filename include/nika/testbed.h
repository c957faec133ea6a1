/* nika/testbed.h: the whole program `nika` as one function, for programs that test a protocol of their own.
 *
 * A program that defines nika_protocol_list and nika_protocol_count (protocols/registry.h) has its own protocols in place of Nika's:
 * they then run under every command, fault, oracle and scenario. It may list Nika's too, such as &nika_replica_pbft. Applications are
 * replaced in the same way by nika_app_list and nika_app_count (apps/registry.h). `find_package(nika COMPONENTS sim)` and
 * `pkg-config nika-sim` find what to link; docs/tutorial.md writes such a program step by step.
 *
 * The headers of the testbed change with it: build against the version that you run. */
#ifndef NIKA_TESTBED_H
#define NIKA_TESTBED_H

#ifdef __cplusplus
extern "C" {
#endif

/* The command line of `nika`, argv[0] being the program as it was called: for a `main` that does nothing else. Returns the exit code.
 * Call once a process. */
int nika_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
