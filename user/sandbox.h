/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vtbpf may still ask of the kernel when it works on what others have written: seccomp filters, of
 * system calls that are allowed. Execution of programs, debugging, writing to other processes, mounts,
 * namespaces, modules and the network end the process; whatever else is not allowed does not exist
 * (ENOSYS). No memory may become executable.
 */
#ifndef VTBPF_SANDBOX_H
#define VTBPF_SANDBOX_H

enum sandbox {
	SANDBOX_RECORD, /* a trace under way: attaches, reads the ring and the target, writes files */
	SANDBOX_CONVERT, /* reads captures and traces, writes files; no BPF, no new processes */
	SANDBOX_DEPUTY,	 /* opens files and signals for others (trace/deputy.h) */
};

/* All threads of the process, and what they begin, are in it from here on; another one may be entered
 * later, and holds beside this. A kernel without seccomp is no error: with -v there is a message. */
void sandbox__enter(enum sandbox which);

#endif
