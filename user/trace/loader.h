/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a program stands that ptrace stops at system calls: still in the dynamic loader or past
 * it? */
#ifndef VTBPF_LOADER_H
#define VTBPF_LOADER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct loader {
	uint64_t start, end; /* addresses of the loader's own code */
	bool mapping;	     /* inside an mmap() of executable file pages */
};

enum loader_state {
	LOADER_BUSY,
	LOADER_MAPPED_CODE, /* it has just mapped executable pages of a file */
	LOADER_DONE,	    /* code outside the loader runs: everything linked is mapped */
};

/* After an execve: finds the loader's code. false: the program has none. */
bool loader__find(struct loader *ld, pid_t pid);

/* At a system call stop, entry or exit. */
enum loader_state loader__at_syscall(struct loader *ld, pid_t pid);

#endif
