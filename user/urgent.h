/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Not being pushed off the CPU where the target would have to wait for it.
 *
 * Whoever reads the target's memory or mappings, or sets a probe in it, holds its memory lock
 * meanwhile. The kernel may take him off his CPU right then (__get_user_pages() in mm/gup.c asks for
 * it at each page, Linux 6.18), or give him the lock, for which he had to wait, long before it gives
 * him a CPU. On a machine without an idle CPU the target's next mmap() or munmap() waits until he has
 * it: up to 16 ms were seen. A real-time task is not taken off for an ordinary one and gets its CPU
 * at once. For one thread only, the one that calls.
 */
#ifndef VTBPF_URGENT_H
#define VTBPF_URGENT_H

/* From here on nothing ordinary takes the CPU away. 0, or a negative errno where the caller may not
 * have that (CAP_SYS_NICE): it goes on as it was. Children that are begun meanwhile are urgent, too. */
int urgent__begin(void);

/* To be called for each read of a long urgent piece of work: lets others run now and then, where it
 * does no harm. Does nothing when nothing is urgent. */
void urgent__breathe(void);

/* Back to what was before urgent__begin(). */
void urgent__end(void);

#endif
