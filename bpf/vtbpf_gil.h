/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What --gil knows while it watches. Another part of the contract, see vtbpf.h. */
#ifndef VTBPF_GIL_H
#define VTBPF_GIL_H

#define VTBPF_MAX_GILS 1024
#define VTBPF_GIL_THREADS 16384

/* A lock is found by the process and the address of its struct _gil_runtime_state; address 0 counts the
 * locks of the process. */
struct vtbpf_gil_key {
	__u64 base;
	__u32 tgid;
	__u32 _pad;
};

struct vtbpf_gil {
	__u64 since;   /* the holder has it, CLOCK_MONOTONIC ns */
	__u64 taken;   /* when it was taken last, by whomever; 0: not yet */
	__u32 holder;  /* tid; 0: none */
	__u32 number;  /* 0, 1, 2... in the process; of address 0: how many there are */
	__u32 dropper; /* tid of who gave it up, if others may have asked for that; 0: nobody */
	__u32 _pad;
};

struct vtbpf_gil_thread {
	__u64 base;	 /* of the lock that is meant by all below */
	__u64 wants;	 /* since when; 0: it does not */
	__u64 dropped;	 /* when it gave it up and others may have asked for that; 0: it did not */
	__u64 handed;	 /* when another thread had it after that; 0: not yet */
	__u64 cpu_delay; /* ns for which it had waited for a CPU by then */
	__u32 tgid;
	__u32 contended; /* somebody had it when the thread came for it */
};

#endif
