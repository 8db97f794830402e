/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) that no capture holds: what lies in the
 * maps, for user space to read at the end. */
#ifndef VTBPF_STATE_H
#define VTBPF_STATE_H

#define NO_SLOT 0xffffffff

/* A thread's state lies in the first free of so many places, from where its tid says on. Ids of threads
 * that were started together lie together, so the next place to try is far off. */
#define THREAD_PLACES 8
#define THREAD_STRIDE 1021

enum verdict { VERDICT_TRACE = 0, VERDICT_IGNORE = 1 };

/* What user space decided about a thread. Its tid may be another thread's by now. */
struct thread_verdict {
	__u64 start_time;  /* of the thread that is meant; 0: it is known by start_ticks only */
	__u64 start_ticks; /* CLOCK_BOOTTIME in VTBPF_TICK_NS, as in /proc/PID/stat */
	__u32 verdict;	   /* enum verdict */
	__u32 _pad;
};

/* A process that is traced. Where processes are followed, all recordings of a family share the map. */
struct target_process {
	__u64 since; /* when it became one, ns: its fork, or its execve(); 0: it was named */
	__u32 seen;  /* own_recording of who had an event of its present program; 0: nobody */
	__u32 ended; /* to be forgotten by user space, once each of them has been told */
};

#define VTBPF_TICK_NS 10000000 /* of USER_HZ, which is 100 on x86_64 and arm64 */

/* In the address of a frame: this is the C function that it calls (bpf/ccall.bpf.h). */
#define FRAME_C_CALL 1ULL

#define FRAME_OPEN_START 0x1
#define FRAME_HIDDEN 0x2     /* not to be written */
#define FRAME_HIDE_BELOW 0x4 /* nor what it calls */
#define FRAME_TASK 0x100     /* the outermost coroutine of a task */

struct open_frame {
	__u64 frame; /* address of the interpreter's frame; 0: this entry is dead */
	__u64 start;
	__u32 code;
	__u32 track;
	__u16 depth;
	__u16 flags;
	__u16 size;  /* where the frame of what it calls lies, bytes above its own; 0: not known */
	__u16 known; /* its code_slot, counted from 1; 0: none */
};

/* So many bytes of it tell one open call from another: what follows may be learnt later. */
#define OPEN_FRAME_SAME __builtin_offsetof(struct open_frame, size)

/* Touched by its own thread only, so nothing in it needs to be atomic. */
struct thread_state {
	__u32 tid; /* 0: the place is free */
	__u32 _pad0;
	__u64 last_frame; /* frame and next_instr of the last event if that was an entry, else 0 */
	__u64 last_instr;
	__u64 last_exit; /* frame of the last exit */
	__u32 slot;	 /* index into `stacks`, or NO_SLOT */
	__u32 depth;	 /* used entries of that stack, dead ones in the middle included */
	__u32 deep;	 /* further open frames, in `deep_frames` */
	__u32 tracks;	 /* greenlet tracks given out */
	__u32 tgid;
	__u32 generation; /* of the verdict */
	__u8 verdict;
	__u8 dead;	/* the thread is gone; its losses could not be written yet */
	__u8 announced; /* its VTBPF_REC_THREAD was written */
	__u8 walked;	/* the frames that were running before its first event are open */
	__u32 batched;	/* records that wait in its open_stack's batch */
	__u32 cuts;	/* `cut_generation` that its open frames know of */
	__u8 ready;	/* walked and announced */
	__u8 loop;	/* it has run a task */
	__u8 _pad[2];
	/*
	 * Counts of a walk over the frames: here, and not on the BPF stack, because the verifier
	 * does not follow values in maps and so need not prove the walk for every possible count.
	 */
	__u32 walk_count; /* frames from where it began to the outermost */
	__u32 walk_left;  /* of these, how many are still to be opened */
	__u64 start_time;
	__u64 start_ticks;
	__u64 root_frame; /* its outermost frame, when that was found */
	__u64 since;	  /* when it was no longer ignored; 0: it never was */
	__u64 root_self;
	__u64 name;	/* str that was told to be its name, 0 none */
	__u64 polled;	/* of a loop: when it was told what is ready; 0: it asks */
	__u64 awaiting; /* the Task that has just suspended, its track, and when */
	__u64 awaiting_since;
	__u64 linked; /* the outermost frame that throw() has linked before a new one; 0: none */
	__u64 thrown; /* the outermost coroutine of the task that was resumed last, or within */
	__u32 awaiting_track;
	__u32 _pad1;
	__u64 announce_since; /* when it was first tried, ns */
	struct open_frame
		single; /* a call about to be written alone: an argument, for the verifier */
	__u64 lost;
	__u64 lost_first;
	__u64 lost_last;
	__u64 lost_total;
	struct vtbpf_counters count;
};

/* What a thread called lately: a code object's id without a look into the shared hash, and without
 * one at the frame where the instruction tells which code object it is. An entry belongs to process
 * tgid; the fields from filename to version are those of struct code_info. */
struct code_slot {
	__u64 key;  /* the instruction at which its frames are entered, or its address */
	__u64 addr; /* 0: the slot is empty */
	__u32 id;
	__u32 tgid;
	__u32 generation; /* of `code_generation` when it was last known to be right */
	__u32 uses;
	__u64 filename;
	__u64 name;
	__u32 firstlineno;
	__u32 version; /* co_version, or what tells names apart where there is none */
	__u32 size;    /* of its frames, bytes; 0: not known, or they do not lie in a stack */
	__u32 _pad;
};

#define CODE_SLOTS 256
#define BATCH_CALLS 32

/* What belongs to one running thread, and to nobody else until it has ended. */
struct open_stack {
	struct open_frame f[VTBPF_MAX_DEPTH];
	struct code_slot codes[CODE_SLOTS];
	struct vtbpf_rec_call batch[BATCH_CALLS]; /* finished calls, written together */
};

struct deep_key {
	__u64 frame;
	__u32 tid;
	__u32 _pad;
};

struct code_key {
	__u64 addr;
	__u32 tgid;
	__u32 _pad;
};

/* All but id and sent is there to notice that the address now holds another code object. */
struct code_info {
	__u64 filename;
	__u64 name;
	__u32 firstlineno;
	__u32 version;
	__u32 id;
	__u32 sent;  /* its records are in the ring */
	__u32 epoch; /* of `code_epoch` when it was last compared */
	__u32 _pad;
};

/* What the target's threads paid, by the costs in `site_costs`: one for all where a GIL lets one of
 * them run at a time, else one a CPU. A cache line each. */
struct spent {
	__u64 ns;
	__u64 _pad[7];
};

#define SPENT_CELLS 256 /* a power of two */

/* ---- sampling --------------------------------------------------------------------------- */

#define VTBPF_NO_FIELD 0xffff

/* Where the BPF side finds the state of a thread, in bytes; from the same table. */
struct vtbpf_states {
	__u16 runtime_interpreters;
	__u16 interp_next, interp_threads;
	__u16 tstate_next, tstate_ident;
	__u16 tstate_frame;   /* the innermost frame, or what points to it */
	__u16 cframe_frame;   /* there, the frame, and behind it the one of these before;
			       VTBPF_NO_FIELD: it is the frame itself */
	__u16 frame_is_entry; /* a byte that C's calls of the interpreter set; 0: there is none */
	__u16 frame_instr;    /* where there is such a byte: the instruction that it executes */
	__u16 tp_name;
	__u16 tstate_raised; /* the exception that is on its way, or its type, value and traceback */
	__u16 raised_traceback; /* there, of the exception; VTBPF_NO_FIELD: it is those three */
	__u16 runtime_gil;	/* the GIL itself, or VTBPF_NO_FIELD: */
	__u16 interp_gil;	/* each interpreter points to its own */
	__u16 gil_wait;		/* there: who waits does so on a futex in what begins here, */
	__u16 gil_wait_bytes;	/* and is so long */
};

/* What user space says of a process that is sampled; the rest is learnt. */
struct sampled_process {
	__u64 runtime;	 /* _PyRuntime */
	__u64 code_type; /* PyCode_Type, once seen */
};

#define SAMPLED_STATES 4 /* interpreters that one thread runs code of at a time */

struct sampled_thread {
	__u64 start_time; /* a tid may come again */
	__u64 timer;	  /* the one that fires: address of the perf_event */
	__u64 ahead;	  /* CPU time of the thread less what the timer has counted, ns */
	__u64 base;	  /* CPU time from which samples count; 0: not known yet */
	__u64 done;	  /* periods since then that there were samples for */
	__u64 ident;
	__u64 tstate[SAMPLED_STATES]; /* innermost first */
	__u64 newest_interp;	      /* when these were found */
	__u64 search_at;	      /* when to look for them again, having found none */
	__u32 n;
	__u32 misses;	    /* searches in a row that found none */
	__u32 frameless;    /* samples without a frame, as long as it is not announced */
	__u32 timed;	    /* it has a timer of its own, and that of its parent does not count */
	__u64 asleep_since; /* 0: it has a CPU */
	__u64 moment;	    /* picked of the present period of sleep, from where that began, ns */
	__u64 to_moment; /* so much sleep until then, or until the next one's; 0: none picked yet */
	__u64 lost, lost_first, lost_last; /* samples not told of: number, times (ns) */
	__u32 sleep_stack;		   /* id, or STACK_* */
	__u32 wait;			   /* enum vtbpf_wait */
};

#define VTBPF_SYSCALLS 512 /* numbers that are looked up: a power of two */

/* What a system call waits for: an enum vtbpf_wait, or what is to be found out. */
enum vtbpf_syscall {
	VTBPF_SYSCALL_FUTEX = VTBPF_WAITS, /* the GIL, or another lock */
	VTBPF_SYSCALL_SELECT,		   /* as many as its first argument says; 0: time */
	VTBPF_SYSCALL_POLL,		   /* likewise its second */
};

#define VTBPF_SCHED_THREADS 16384

/* What --sched knows of a thread. */
struct sched_thread {
	__u64 start_time; /* a tid may come again; 0: not known */
	__u64 since;	  /* when it left its CPU; 0: it has one */
	__u64 woken;	  /* when it was woken; 0: it was not */
	__s64 syscall;	  /* as in VTBPF_EVENT_BLOCKED */
	__u32 waker;	  /* likewise */
	__u32 blocked;	  /* it waits for more than a CPU */
	__u32 tgid;
	__u32 _pad;
};

struct known_stack {
	__u32 id;
	__u32 _pad;
};

#define SAMPLE_RAW_WORDS 24
#define SAMPLE_CLOSELY 64 /* innermost frames whose code objects are looked at each time */
#define STACK_UNREADABLE 0xffffffff
#define STACK_LOST 0xfffffffe	 /* there was no room to tell of it */
#define STACK_IGNORED 0xfffffffd /* of a thread that is ignored */
#define MOST_PERIODS 1000000

/* A walk under way. */
struct sample_walk {
	__u64 raw[SAMPLE_RAW_WORDS]; /* a piece of the target's memory */
	__u64 frame;		     /* where it stands */
	__u64 root;		     /* outermost frame seen */
	__u64 hash;
	struct sampled_process process;
	__u32 tgid;
	__u32 n, n_ids;	      /* frames; of these, in the record */
	__u32 last_id;	      /* of the code object before */
	__u32 bad, truncated; /* it makes no sense; it has more frames */
	__u32 on_shim;	      /* the last frame was one that runs no Python */
	__u32 inlined;	      /* the innermost frame was called without C in between */
	__u32 torn;	      /* the first frame is a generator's that nobody resumed */
	__u32 checked; /* the frame that C's last call of the interpreter came from was passed */
	__u64 below;   /* and this is it */
	__u32 no_room; /* a code object could not be announced */
	__u64 rec[(sizeof(struct vtbpf_rec_stack) + VTBPF_MAX_SAMPLED * 4) / 8]; /* of the stack */
	__u64 code[VTBPF_MAX_SAMPLED];
};

#endif /* VTBPF_STATE_H */
