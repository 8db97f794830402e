/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* All maps, the configuration that user space writes before load, and the gate it opens last. */
#ifndef VTBPF_MAPS_BPF_H
#define VTBPF_MAPS_BPF_H

/* The same source makes two objects: one that walks far with bpf_loop(), in few instructions, and one for
 * Linux before 5.17, which has neither that nor, before 5.12, atomic operations with a result. Maps
 * and variables are the same in both. */
#ifdef VTBPF_OLD_KERNEL
enum { have_bpf_loop = false };
#else
enum { have_bpf_loop = true };
#endif

/* ---- configuration: constants to the verifier, which drops the branches that do not apply ---- */

#define MAX_THREADS 16384 /* a power of two */

const volatile struct vtbpf_layout layout;
const volatile struct vtbpf_attrs attrs;
const volatile struct vtbpf_site sites[VTBPF_MAX_SITES];
const volatile bool sites_in_words; /* some of them find their frame or next_instr in a word */
const volatile __u64 min_duration_ns;
const volatile __u32 max_stack_depth = 0xffffffff;  /* calls at this depth or deeper are dropped */
const volatile __u32 thread_mask = MAX_THREADS - 1; /* numbers a place in `thread_states` */
const volatile __u64 wakeup_bytes = 1 << 20;	    /* wake the reader when so much is waiting */
const volatile bool unmatched_is_lost; /* the JIT runs: calls end that were not seen to begin */
const volatile bool codes_watched;     /* there is a site of kind VTBPF_SITE_CODE_FREED */

const volatile __u32 triggers;	     /* VTBPF_WATCH_*: what is watched of any function */
const volatile __u64 raise_runtime;  /* _PyRuntime, where exceptions are watched */
const volatile bool following;	     /* children of a target are targets, whatever they execute */
const volatile bool follows_another; /* ... and another recording, whose map it is, notes them */
const volatile __u32 own_recording;  /* tells the recordings of a family apart; never 0 */
const volatile bool c_watched;	     /* --c-calls */
const volatile bool budgeted; /* --max-overhead: count what is spent, and stop at `spent_limit` */
const volatile __u32 site_costs[VTBPF_MAX_SITES]; /* of a hit, ns */

/* ---- state that user space changes while tracing --------------------------------------------- */

volatile __u32 active;	    /* nothing is recorded before every site is attached */
volatile __u32 generation;  /* grows when `verdicts` changed */
volatile __u64 start_ns;    /* CLOCK_MONOTONIC when `active` was set */
volatile __u64 stopped_ns;  /* when it was cleared, before user space asked for that; else 0 */
volatile __u64 verdicts_ns; /* and when a change of `verdicts` counts from */
volatile bool spent_by_cpu; /* several of the target's threads may be here at once */
volatile __u64 spent_limit; /* of one of `spent` */
volatile __u32 sample_cost; /* of a timer that fires, ns, besides what is done then */
struct spent spent[SPENT_CELLS];
volatile __u64 raise_quiet_ns; /* after an exception further ones like it are only counted so long */
__u64 raises_quiet;	       /* how many that are waited for */
__u64 raises_unsaid;	       /* for which the ring had no room ... */
struct vtbpf_rec_raise last_unsaid; /* ... the last one of them */
volatile __u64 spent_at_start; /* user space's notes: when recording began, and when it ended */
volatile __u64 spent_at_stop;

/* VTBPF_HIDE_*, by id of the code object. Written by user space when it has read the name: calls made
 * before that are left to decode. */
__u8 code_verdicts[VTBPF_MAX_VERDICTS];
volatile __u32 cut_generation; /* grows when one with VTBPF_HIDE_BELOW was added */
volatile __u32 names_awaited;  /* user space wants to know of new code objects at once */

/* ---- per thread ------------------------------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_THREADS);
	__type(key, __u32); /* tid */
	__type(value, __u32);
} threads SEC(".maps");

/* Looking into a hash costs more than all else that is done to find a thread's state, so that lies, if
 * the place is free, where the tid alone says; `threads` tells the place in any case. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_THREADS);
	__type(key, __u32);
	__type(value, struct thread_state);
} thread_states SEC(".maps");

/* What user space decided about threads by their tid, before or while they run. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* tid */
	__type(value, struct thread_verdict);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* tgid */
	__type(value, struct target_process);
} targets SEC(".maps");

/* ---- open frames ----------------------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VTBPF_MAX_SLOTS);
	__type(key, __u32);
	__type(value, struct open_stack);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, VTBPF_MAX_SLOTS);
	__type(value, __u32);
} free_slots SEC(".maps");

/* Frames deeper than VTBPF_MAX_DEPTH, and all frames of threads that got no slot. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct deep_key);
	__type(value, struct open_frame);
} deep_frames SEC(".maps");

/* ---- code objects ---------------------------------------------------------------------------- */

/* Least recently used code objects make room: they are announced again, under a new id. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct code_key);
	__type(value, struct code_info);
} codes SEC(".maps");

/* By id of the code object: index of its watch. Both have room only where there are triggers. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} watched_codes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct code_watch);
} watches SEC(".maps");

/* Has room only where a trigger waits for exceptions. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct raise_key);
	__type(value, struct raise_state);
} raises SEC(".maps");

/* How many were given out; with VTBPF_OLD_KERNEL by each CPU, whose programs do not interrupt one another
 * (bpf_prog_active in kernel/trace/bpf_trace.c). */
enum { ID_OF_CODE, ID_OF_STACK, ID_OF_TASK, ID_OF_ARROW, ID_KINDS };
__u64 ids_given[ID_KINDS];
const volatile __u32 cpus = 1;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ID_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} ids_of_cpu SEC(".maps");

/* An id that nothing else of the kind has; 0: there is none. */
static __always_inline __u32 new_id(__u32 kind)
{
#ifdef VTBPF_OLD_KERNEL
	__u64 *given = bpf_map_lookup_elem(&ids_of_cpu, &kind);

	return given ? (*given)++ * cpus + bpf_get_smp_processor_id() + 1 : 0;
#else
	return __sync_fetch_and_add(&ids_given[kind], 1) + 1;
#endif
}
volatile bool codes_unwatched;	/* for now there is none, whatever codes_watched says */
volatile __u32 code_generation; /* grows when a code object dies */
volatile __u32 code_epoch;	/* grows when some may have died unseen: all are compared anew */

/* ---- output ---------------------------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} events SEC(".maps");

/* Tells the process that holds the probes to end: the limit is reached. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} alarms SEC(".maps");

/* Counters of threads that are gone; those of living threads are in `threads`. */
struct vtbpf_counters totals;
__u64 events_lost; /* of what is no call, that found no room; `totals` counts calls */

#endif
