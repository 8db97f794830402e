/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) WITH Linux-syscall-note */
/* The part of the contract (vtbpf.h, which includes this) that tells of processes. */
#ifndef VTBPF_PROCESS_H
#define VTBPF_PROCESS_H

/* rec.tid is the pid in all of them. */

/* flags of a session: its target belongs to the family of another recording in the same capture, which
 * may know the process by other means. */
#define VTBPF_F_RELATIVE 0x01

struct vtbpf_rec_exec {
	struct vtbpf_rec rec;
	__u64 ts;
};

struct vtbpf_rec_process {
	struct vtbpf_rec rec;
	__u32 ppid;
	__u16 bytes;
	__u16 _pad;
	char name[];
};

/* Of a process that is not the target (struct vtbpf_rec_session has its) and calls itself otherwise. */
struct vtbpf_rec_ns_pid {
	struct vtbpf_rec rec;
	__u32 ns_pid;
	__u32 _pad;
};

struct vtbpf_rec_fork {
	struct vtbpf_rec rec;
	__u64 ts;
	__u32 ppid;
	__u32 _pad;
};
#define VTBPF_F_NOT_FOLLOWED 0x01 /* flags of a fork: there was no room for one more process */

struct vtbpf_rec_process_exit {
	struct vtbpf_rec rec;
	__u64 ts;
	char comm[VTBPF_COMM_LEN]; /* of its last thread */
	__u32 seen;		   /* see struct target_process; never in a capture */
	__u32 _pad;
};

/* A process that ran Python, or may have, and is not in the trace. */
struct vtbpf_rec_missed {
	struct vtbpf_rec rec;
	__u32 ppid;
	__u16 bytes; /* of the reason, UTF-8 */
	__u16 _pad;
	char comm[VTBPF_COMM_LEN];
	char reason[];
};

#endif
