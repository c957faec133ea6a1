/* engine/shim/tss_pair.h: two files made durable at the same time, so that both take hardly longer than one: a device is asked to empty its cache
 * once or twice, but not one time after the other.
 *
 * Owns a thread that does nothing but sync the second file. It is at work before nika_tss_pair_new() returns, so a process may then give up the
 * system calls by which threads begin (tss_confine.c). */
#ifndef ENGINE_SHIM_TSS_PAIR_H
#define ENGINE_SHIM_TSS_PAIR_H

struct nika_tss_pair;
/* NULL: no thread can be had. */
struct nika_tss_pair *nika_tss_pair_new(void);
/* NULL is ignored. */
void nika_tss_pair_free(struct nika_tss_pair *pair);
/* 0 when both are durable, else an errno of one of them. */
int nika_tss_pair_sync(struct nika_tss_pair *pair, int first, int second);

#endif
