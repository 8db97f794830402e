/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) that triggers need. */
#ifndef VTBPF_TRIGGER_H
#define VTBPF_TRIGGER_H

/* ---- records ---------------------------------------------------------------------------- */

enum vtbpf_trigger_what {
	VTBPF_TRIGGER_SLOW = 1, /* value: ns that the call took */
	VTBPF_TRIGGER_RATE,	/* value: calls within a second */
};

struct vtbpf_rec_trigger {
	struct vtbpf_rec rec;
	__u64 ts, start; /* now, and when the call began; CLOCK_MONOTONIC ns */
	__u64 value, limit;
	__u32 code; /* id of the function's code object */
	__u32 what; /* enum vtbpf_trigger_what */
};

#define VTBPF_TYPE_BYTES 64 /* of the name of a type, with the NUL; longer ones are cut off */

/* An exception has reached the first frame of its way. */
struct vtbpf_rec_raise {
	struct vtbpf_rec rec;
	__u64 ts;   /* CLOCK_MONOTONIC ns */
	__u32 code; /* id of the frame's code object; 0: could not be read */
	__u32 _pad;
	char type[VTBPF_TYPE_BYTES]; /* tp_name: of a class that Python code defines, without module */
};

/* In a dump that a trigger asked for. */
struct vtbpf_rec_hit {
	struct vtbpf_rec rec; /* tid: the thread, or the process where it is not known */
	__u64 ts;	      /* when it was noticed, CLOCK_MONOTONIC ns */
	__u64 value;	      /* ns, or calls in a second; 0: none */
	__u16 expr_bytes, name_bytes;
	__u32 _pad;
	char text[]; /* the trigger as it was asked for, then the name of what fired it */
};

/* ---- functions that triggers watch ------------------------------------------------------ */

#define WATCH_RATES 4	 /* limits on the rate of one function */
#define WATCH_BUCKETS 16 /* of the last second of its calls */
#define WATCH_BUCKET_NS 62500000

/* Durations are counted by their highest bit and the three bits below it: exact below 8 ns, to an
 * eighth above, up to 2^40 ns (18 minutes). */
#define WATCH_BIN_BITS 3
#define WATCH_BINS ((41 - WATCH_BIN_BITS) << WATCH_BIN_BITS)

/* One function. User space writes what limits it, and reads the rest. */
struct code_watch {
	__u64 limit_ns;	   /* a longer call is a hit; 0: none is */
	__u64 quiet_ns;	   /* after a hit further ones are only counted so long */
	__u64 quiet_until; /* CLOCK_MONOTONIC */
	__u64 quiet;	   /* how many */
	__u64 unsaid;	   /* hits for which the ring had no room */
	struct vtbpf_rec_trigger last;
	__u64 rates[WATCH_RATES]; /* calls in a second; more is a hit. 0: no limit */
	__u32 over[WATCH_RATES];  /* it is above that now */
	__u64 bucket;		  /* number of the newest sixteenth of a second */
	__u64 sum;		  /* of counts */
	__u32 counts[WATCH_BUCKETS];
	__u32 learns; /* durations are counted in bins */
	__u32 _pad;
	__u32 bins[WATCH_BINS];
};

/* ---- exceptions ------------------------------------------------------------------------- */

/* What is decided once: whether an exception of this type that begins in this function is waited for.
 * By name, because the address of a type that died may be another's. */
struct raise_key {
	char type[VTBPF_TYPE_BYTES];
	__u32 code;
	__u32 _pad;
};

enum raise_verdict {
	RAISE_ASKED = 0, /* user space has not said yet */
	RAISE_DROP,
	RAISE_TELL,
};

struct raise_state {
	__u64 quiet_until; /* until then further ones are only counted, CLOCK_MONOTONIC ns */
	__u32 verdict;	   /* enum raise_verdict */
	__u32 _pad;
};

_Static_assert(sizeof(struct vtbpf_rec_raise) == 88, "raise record");
_Static_assert(sizeof(struct vtbpf_rec_trigger) == 48, "trigger record");
_Static_assert(sizeof(struct vtbpf_rec_hit) == 32, "hit record");

#endif /* VTBPF_TRIGGER_H */
