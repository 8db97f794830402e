/* SPDX-License-Identifier: GPL-2.0-only */
/* The capabilities(7) of the calling thread, as masks: bit N is capability N of <linux/capability.h>. */
#ifndef VTBPF_CAPS_H
#define VTBPF_CAPS_H

#include <linux/capability.h>
#include <stdint.h>

/* Linux 5.8 and 5.9; a build on older headers must still know them. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

#define CAP_MASK(n) (1ULL << (n))

/* What is in force. 0 also when the kernel does not tell. */
uint64_t caps__effective(void);

/* What may be put in force. */
uint64_t caps__permitted(void);

/* Puts in force what of the mask is permitted. 0 or a negative errno. */
int caps__use(uint64_t mask);

/* Gives up for good all that is not in the mask: nothing that is executed from here on has it either.
 * 0 or a negative errno. */
int caps__keep(uint64_t mask);

#endif
