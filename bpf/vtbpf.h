/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The contract between vtbpf's BPF programs, its capture files and its decoder.
 *
 * Everything that crosses the kernel/user border is declared here, in vtbpf_process.h,
 * vtbpf_async.h, vtbpf_event.h, vtbpf_args.h, vtbpf_exception.h, vtbpf_gc.h, vtbpf_gil.h,
 * vtbpf_sample.h, vtbpf_trigger.h and vtbpf_state.h, its further parts, and nowhere else. None
 * includes any other header: the BPF side includes this one after vmlinux.h, the user side after
 * <linux/types.h>.
 * A capture file is a struct vtbpf_capture_header followed by records, byte for byte as they came
 * out of the ring buffer; user space adds records of its own kinds (VTBPF_REC_USER and above).
 *
 * Records only ever grow by new kinds. A number is never used again for something else.
 */
#ifndef VTBPF_H
#define VTBPF_H

#define VTBPF_MAX_DEPTH 512  /* open frames a thread keeps in its array; deeper ones are hashed */
#define VTBPF_MAX_SLOTS 1024 /* threads that have such an array at one time */
#define VTBPF_MAX_SITES 64   /* probe sites of one interpreter */
#define VTBPF_NUMBERED_SITES 24	      /* the same where each has a program of its own */
#define VTBPF_MAX_STR_BYTES (1 << 20) /* no string of the target is read beyond this */
#define VTBPF_STR_SMALL 120	      /* payload of the two sizes of VTBPF_REC_STR */
#define VTBPF_STR_LARGE 4064
#define VTBPF_COMM_LEN 16
#define VTBPF_MAX_SAMPLED 1024 /* frames of a sampled stack: the innermost ones */

/* What it means that a probe site was reached. */
enum vtbpf_site_kind {
	VTBPF_SITE_NONE = 0,
	VTBPF_SITE_ENTRY = 1,	   /* the frame in frame_reg starts or resumes */
	VTBPF_SITE_EXIT = 2,	   /* it returns or is unwound */
	VTBPF_SITE_YIELD = 3,	   /* it suspends: generator, coroutine */
	VTBPF_SITE_THROW = 4,	   /* throw() resumes the generator frame in frame_reg */
	VTBPF_SITE_TRACEBACK = 5,  /* PyTraceBack_Here(frame object in frame_reg): throw(), maybe */
	VTBPF_SITE_CODE_FREED = 6, /* the code object in frame_reg dies */
	VTBPF_SITE_EXCEPTION = 7,  /* the same function's very beginning: VTBPF_SITE_RAISES only */
	VTBPF_SITE_RAISED = 8,	   /* an exception reaches the frame in frame_reg; the same */
	VTBPF_SITE_HANDLED = 9,	   /* POP_EXCEPT in that frame: it has handled an exception */
};

/* Registers, numbered as DWARF numbers them for x86_64 (0 rax, 1 rdx, 2 rcx, 3 rbx, 4 rsi, 5 rdi,
 * 6 rbp, 7 rsp, 8-15 r8-r15) and as the architecture numbers them for arm64 (x0-x30, 31 sp). */
#define VTBPF_NO_REG 0xff

struct vtbpf_site {
	__u8 kind; /* enum vtbpf_site_kind */
	__u8 frame_reg;
	__u8 instr_reg; /* next_instr at an entry, or VTBPF_NO_REG: tells a re-dispatched handler apart */
	__u8 flags;	/* VTBPF_SITE_* */
	__s16 frame_at; /* with VTBPF_SITE_FRAME_IN_WORD, else 0 */
	__s16 instr_at; /* with VTBPF_SITE_INSTR_IN_WORD, else 0 */
};

/* In flags: how many code units (2 bytes) next_instr points past the start of the instruction. */
#define VTBPF_SITE_ADVANCED_MASK 0x03
#define VTBPF_SITE_INSTR_ADVANCED 0x01 /* by one */
/* The frame is in the 8 bytes at frame_reg + frame_at, and next_instr in those at instr_reg +
 * instr_at: a compiler put them there before the site. The register is the stack or frame pointer. */
#define VTBPF_SITE_FRAME_IN_WORD 0x04
#define VTBPF_SITE_INSTR_IN_WORD 0x08
/* Exceptions are watched here, besides what the kind says. */
#define VTBPF_SITE_RAISES 0x10

/*
 * Where the BPF side finds what it reads, in bytes. Filled by discover from the interpreter's
 * version (user/discover/cpython.c cites the source of each number); rodata on the BPF side.
 */
struct vtbpf_layout {
	__u16 minor;		/* 11 for CPython 3.11 */
	__u16 flags;		/* VTBPF_LAYOUT_* */
	__u16 frame_code;	/* frame -> code object (tagged pointer from 3.14 on: low 3 bits) */
	__u16 frame_previous;	/* frame -> calling frame */
	__u16 frame_owner;	/* frame -> owner byte; 0 when there is none (<= 3.10) */
	__u16 owner_generator;	/* value of the owner byte of a generator's frame */
	__u16 owner_first_shim; /* owners >= this are not Python frames: skip when walking */
	__u16 frame_localsplus; /* frame -> first local variable */
	__u16 frameobj_frame; /* PyFrameObject -> frame; unused when VTBPF_LAYOUT_FRAME_IS_OBJECT */
	__u16 code_flags;     /* co_flags, int */
	__u16 code_firstlineno; /* int */
	__u16 code_filename;
	__u16 code_name;     /* co_qualname, or co_name up to 3.10 */
	__u16 code_version;  /* co_version, u32; 0 when there is none */
	__u16 str_length;    /* code points */
	__u16 str_state;     /* u32 of bit-fields */
	__u16 str_ascii;     /* data of an ASCII string */
	__u16 str_compact;   /* data of a compact non-ASCII string */
	__u8 str_kind_shift; /* kind: 3 bits of state; 1, 2 or 4 bytes a code point */
	__u8 str_compact_bit;
	__u8 str_ascii_bit;
	__u8 resume_mask; /* an entry whose (oparg & resume_mask) == resume_ignore is not a call; */
	__u8 resume_ignore; /* resume_mask 0: no such entries */
	__u8 _pad[3];
};

/* How an object finds its attributes. */
enum vtbpf_attrs_form {
	VTBPF_ATTRS_NONE = 0, /* not known: nothing is looked up */
	VTBPF_ATTRS_DICT,     /* a dict, or NULL, at tp_dictoffset */
	VTBPF_ATTRS_VALUES,   /* 3.11: a values pointer beside the dict pointer */
	VTBPF_ATTRS_TAGGED,   /* 3.12: one word, values when its low bit is set, else a dict */
	VTBPF_ATTRS_INLINE,   /* 3.13: a dict pointer, and values behind the object itself */
};

/* Where the BPF side finds an attribute of an object, in bytes. Filled from the table of
 * user/discover/py_layout.c, which cites the source of each number; rodata on the BPF side. */
struct vtbpf_attrs {
	__u8 form;	   /* enum vtbpf_attrs_form */
	__u8 keys_log2;	   /* the header of a dict's keys is that of 3.11 on */
	__s8 managed_dict; /* object -> its managed dict pointer */
	__u8 _pad;
	__u16 ob_type, tp_basicsize, tp_flags, tp_dictoffset, ht_cached_keys;
	__u16 ma_keys, ma_values;
	__u16 values_items; /* values -> first value */
};

#define VTBPF_LAYOUT_TAGGED_CODE 0x1	 /* clear the low 3 bits of frame -> code */
#define VTBPF_LAYOUT_FRAME_IS_OBJECT 0x2 /* <= 3.10: the frame is the PyFrameObject */
#define VTBPF_LAYOUT_FREE_THREADED 0x4

/* ---- records ---------------------------------------------------------------------------- */

enum vtbpf_rec_kind {
	VTBPF_REC_NONE = 0,
	VTBPF_REC_CALL = 1,	  /* a finished call, struct vtbpf_rec_call */
	VTBPF_REC_CALL_TRACK = 2, /* the same, of a greenlet: struct vtbpf_rec_call_track */
	VTBPF_REC_CODE = 3,	  /* a code object seen for the first time */
	VTBPF_REC_STR = 4,	  /* a piece of its file name or name */
	VTBPF_REC_THREAD = 5,	  /* a thread's first event */
	VTBPF_REC_THREAD_EXIT = 6,
	VTBPF_REC_LOST = 7,	     /* calls that found no room in the ring buffer */
	VTBPF_REC_EXEC = 8,	     /* the process became another program */
	VTBPF_REC_FORK = 20,	     /* of a process that is followed, struct vtbpf_rec_fork */
	VTBPF_REC_PROCESS_EXIT = 21, /* its end, struct vtbpf_rec_process_exit */
	VTBPF_REC_SAMPLE = 9, /* where a thread was while it had the CPU, struct vtbpf_rec_sample */
	VTBPF_REC_STACK = 10, /* frames that samples refer to, struct vtbpf_rec_stack */
	VTBPF_REC_SLEEP = 11, /* where it was while it had not, struct vtbpf_rec_sleep */
	VTBPF_REC_TRIGGER = 13, /* what a trigger waits for has come, struct vtbpf_rec_trigger */
	VTBPF_REC_RAISE = 14, /* an exception that a trigger may wait for, struct vtbpf_rec_raise */
	VTBPF_REC_EVENT = 15, /* what is no call, struct vtbpf_rec_event */

	VTBPF_REC_USER = 128,
	VTBPF_REC_SESSION = 128,     /* first record of a capture, struct vtbpf_rec_session */
	VTBPF_REC_TEXT = 129,	     /* a piece of text about the session, struct vtbpf_rec_text */
	VTBPF_REC_PROCESS = 130,     /* a process, struct vtbpf_rec_process */
	VTBPF_REC_THREAD_NAME = 131, /* what Python calls a thread, struct vtbpf_rec_thread_name */
	VTBPF_REC_SOURCE = 132,	     /* a piece of a source file, struct vtbpf_rec_source */
	VTBPF_REC_END = 133,	     /* last record of a whole capture, struct vtbpf_rec_end */
	VTBPF_REC_COUNTERS = 134,    /* struct vtbpf_rec_counters, at the end and now and then */
	VTBPF_REC_LEFT_OUT = 137, /* struct vtbpf_rec_left_out: first calls of an ignored thread */
	VTBPF_REC_OVERFLOW = 136, /* struct vtbpf_rec_overflow: only the newest calls were kept */
	VTBPF_REC_PAUSE = 135,	  /* struct vtbpf_rec_pause: nothing was recorded for a while */
	VTBPF_REC_WINDOW = 138,	  /* struct vtbpf_rec_window: only in such was recorded */
	VTBPF_REC_OVERHEAD = 139, /* struct vtbpf_rec_overhead: the last one holds */
	VTBPF_REC_SAMPLING = 140, /* struct vtbpf_rec_sampling: from here on stacks are sampled */
	VTBPF_REC_SAMPLE_COUNTERS = 141, /* struct vtbpf_rec_sample_counters, at the end */
	VTBPF_REC_HIT = 142,		 /* struct vtbpf_rec_hit: why this dump was made */
	VTBPF_REC_MISSED = 143, /* struct vtbpf_rec_missed: a process that was to be followed */
	VTBPF_REC_NS_PID = 144, /* struct vtbpf_rec_ns_pid: what a process calls itself */
};

/* Every record starts so. len counts the whole record, this prefix included, and is a multiple of
 * 8. */
struct vtbpf_rec {
	__u16 len;
	__u8 kind;
	__u8 flags; /* VTBPF_F_* */
	__u32 tid;  /* as vtbpf's own pid namespace counts; process id for process-wide records */
};

/* flags of a call */
#define VTBPF_F_OPEN_START 0x01	 /* it was running before the trace began; start is clipped */
#define VTBPF_F_OPEN_END 0x02	 /* it was running when the trace or its thread ended; clipped */
#define VTBPF_F_SUSPENDED 0x04	 /* it ended by yield or await */
#define VTBPF_F_EXIT_MISSED 0x08 /* its exit was not seen; end is when that was noticed */

/* start is CLOCK_MONOTONIC in ns. Records of one (tid, track) come in order of their ends, so a
 * callee precedes its caller. depth of a thread's outermost Python frame is 0; 65535 means "at
 * least". Calls open at attach have starts 1 ns apart in order of depth so that they nest. */
struct vtbpf_rec_call {
	struct vtbpf_rec rec;
	__u64 start;
	__u64 dur;
	__u32 code; /* id announced by a VTBPF_REC_CODE */
	__u16 depth;
	__u16 _pad;
};

/* Greenlets share a tid but not a stack. Track 0 is the thread's own; others are numbered as seen. */
struct vtbpf_rec_call_track {
	struct vtbpf_rec_call call;
	__u32 track;
	__u32 _pad;
};

/* The strings follow as VTBPF_REC_STR records of the same id; the record may come again (same id,
 * same content) when the ring had no room for all of it. */
struct vtbpf_rec_code {
	struct vtbpf_rec rec;
	__u32 id;
	__u32 tgid;
	__u64 addr;	/* PyCodeObject in the target */
	__u64 filename; /* PyUnicodeObject */
	__u64 name;	/* PyUnicodeObject */
	__u32 firstlineno;
	__u32 co_flags;
	__u32 version;
	__u32 _pad;
};

enum vtbpf_str_which {
	VTBPF_STR_FILENAME = 0,
	VTBPF_STR_NAME = 1,
	/* Not of a code object: what Python calls the thread of the record. After its
	 * VTBPF_REC_THREAD, and again when it ends with another name. */
	VTBPF_STR_THREAD = 2,
};

/* data holds `bytes` bytes of the string's own storage, from byte `offset` on, `width` bytes a code
 * point (1: Latin-1 or ASCII, 2: UCS-2, 4: UCS-4), host byte order. The string is whole when pieces
 * cover length * width bytes. width 0: it could not be read. */
struct vtbpf_rec_str {
	struct vtbpf_rec rec;
	__u32 code;
	__u8 which; /* enum vtbpf_str_which */
	__u8 width;
	__u16 bytes;
	__u32 offset;
	__u32 length;
	__u8 data[];
};

struct vtbpf_rec_thread {
	struct vtbpf_rec rec;
	__u64 ts;
	__u32 tgid;
	__u32 _pad;
	__u64 start_time; /* task->start_time, ns; tells a reused tid apart */
	__u64 root_self; /* first local of its outermost frame: the Thread object of threading's threads */
	char comm[VTBPF_COMM_LEN];
	__u64 start_boottime; /* the same time as start_time by CLOCK_BOOTTIME, as /proc has it */
	__u64 thread_pointer; /* of its TLS: what threading.get_ident() returns, on x86_64 */
};

#define VTBPF_F_NAME_FOLLOWS 0x01 /* flags of a thread: VTBPF_STR_THREAD comes */

struct vtbpf_rec_thread_exit {
	struct vtbpf_rec rec;
	__u64 ts;
};

struct vtbpf_rec_lost {
	struct vtbpf_rec rec;
	__u64 lost;	   /* calls; with VTBPF_F_LOST_SAMPLES samples */
	__u64 first, last; /* start of the first of them, end of the last, ns */
};
#define VTBPF_F_LOST_SAMPLES 0x01

struct vtbpf_rec_session {
	struct vtbpf_rec rec;  /* tid: the target's pid */
	__u64 start;	       /* CLOCK_MONOTONIC when tracing became active */
	__u64 realtime_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	__u64 boottime_offset; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC, ns */
	__u64 proc_start; /* start time of the process, clock ticks since boot (/proc/PID/stat 22) */
	__u32 ns_pid;	  /* the target's pid in its own namespace */
	__u32 python;	  /* PY_VERSION_HEX */
};

enum vtbpf_text_what {
	VTBPF_TEXT_VERSION = 1, /* of the vtbpf that captured */
	VTBPF_TEXT_KERNEL = 2,	/* uname release */
	VTBPF_TEXT_HOST = 3,
	VTBPF_TEXT_BOOT_ID = 4,
	VTBPF_TEXT_COMMAND = 5,	   /* command line of the target, arguments separated by NUL */
	VTBPF_TEXT_EXE = 6,	   /* mapped file that holds the interpreter */
	VTBPF_TEXT_PLAN = 7,	   /* the probe plan as --dry-run prints it */
	VTBPF_TEXT_FILTER = 8,	   /* one filter in force, as the option was given; one or more */
	VTBPF_TEXT_WARNING = 9,	   /* something the reader of the trace must know; zero or more */
	VTBPF_TEXT_MAIN_NAME = 10, /* process name as VizTracer shows it, when known */
	VTBPF_TEXT_CWD = 11,	   /* target's working directory, for relative file names */
	VTBPF_TEXT_CLOCK = 12,	   /* "AT OFFSET ERROR" of the wall clock in ns; one or more */
	VTBPF_TEXT_SYSCALLS = 13,  /* names of the machine's system calls by number, a line each */
	VTBPF_TEXT_ARGS = 14,	   /* a glob of --args, as it was given; zero or more */
};

#define VTBPF_F_MORE 0x80 /* flags of text, source: the next one of its kind goes on with it */

struct vtbpf_rec_text {
	struct vtbpf_rec rec;
	__u16 what; /* enum vtbpf_text_what */
	__u16 bytes;
	__u32 _pad;
	char text[];
};

/* May come several times for a tid: the last one holds. Zero bytes: no Python name, comm holds. */
struct vtbpf_rec_thread_name {
	struct vtbpf_rec rec;
	__u64 ident; /* threading.get_ident(), 0 unknown */
	__u32 tgid;
	__u16 bytes; /* UTF-8 */
	__u16 _pad;
	char comm[VTBPF_COMM_LEN];
	char name[];
};

/* Pieces of one file follow one another: the name first (VTBPF_F_SOURCE_NAME), then its text. */
struct vtbpf_rec_source {
	struct vtbpf_rec rec;
	__u32 bytes;
	__u32 _pad;
	char data[];
};
#define VTBPF_F_SOURCE_NAME 0x01

struct vtbpf_counters {
	__u64 calls;	    /* records of finished calls written to the ring */
	__u64 lost;	    /* calls that found no room */
	__u64 below_min;    /* calls shorter than --min-duration */
	__u64 too_deep;	    /* calls below --max-stack-depth */
	__u64 ignored;	    /* entries of ignored threads */
	__u64 hidden;	    /* calls left out for the function's sake */
	__u64 duplicates;   /* entries of a handler that was dispatched again */
	__u64 helpers;	    /* exits of frames that CPython 3.12+ puts under __init__ */
	__u64 unmatched;    /* exits of other frames that were not open: a wrong plan */
	__u64 exit_missed;  /* frames whose exit was not seen: likewise */
	__u64 entry_missed; /* callers whose entry was not seen: likewise */
	__u64 unreadable;   /* reads of the target's memory that failed */
	__u64 foreign;	    /* hits by a process that is not a target */
	__u64 stale_codes;  /* code objects that died without having been seen to: a wrong plan */
};

struct vtbpf_rec_counters {
	struct vtbpf_rec rec;
	struct vtbpf_counters count;
};

/* With --tracer-entries. */
struct vtbpf_rec_overflow {
	struct vtbpf_rec rec;
	__u64 overwritten; /* calls that gave way to newer ones */
};

/* Calls that ran at its beginning are cut off there, those that ran at its end begin anew. */
struct vtbpf_rec_pause {
	struct vtbpf_rec rec; /* tid: the target's pid */
	__u64 from, to;	      /* CLOCK_MONOTONIC ns */
};

/* Of a trace in windows: --sample-rate, --max-overhead. Calls are cut off at both ends. */
struct vtbpf_rec_window {
	struct vtbpf_rec rec; /* tid: the target's pid */
	__u64 from, to;	      /* CLOCK_MONOTONIC ns */
};

/* With --max-overhead: what vtbpf cost the target's threads so far, and what it was allowed to. */
struct vtbpf_rec_overhead {
	struct vtbpf_rec rec; /* tid: the target's pid */
	__u64 from, to;	      /* since vtbpf began, CLOCK_MONOTONIC ns */
	__u64 lost;	      /* ns of the target's time */
	__u64 worst;	      /* the most in any 10 s, ns per second */
	__u64 stated;	      /* what was allowed, ns per second */
	__u32 windows;
	__u32 flags; /* VTBPF_OVERHEAD_* */
};

#define VTBPF_OVERHEAD_SAMPLED \
	0x1 /* windows would have cost too much: stacks were sampled instead */

/* A new thread is ignored by what was asked for while tracing: what it recorded before that was known
 * does not count. */
struct vtbpf_rec_left_out {
	struct vtbpf_rec rec;
	__u64 from, until; /* when those began, CLOCK_MONOTONIC ns */
};

struct vtbpf_rec_end {
	struct vtbpf_rec rec;
	__u64 ts; /* CLOCK_MONOTONIC when tracing ended */
};

/* ---- verdicts on code objects ----------------------------------------------------------- */

#define VTBPF_HIDE_CALL 0x1    /* its calls are not written */
#define VTBPF_HIDE_BELOW 0x2   /* nor is what they call, and what that calls */
#define VTBPF_WATCH_EXIT 0x4   /* a trigger wants to know how long they take */
#define VTBPF_WATCH_ENTRY 0x8  /* or how often they are called */
#define VTBPF_WATCH_RAISE 0x10 /* of no code object: one waits for exceptions */
#define VTBPF_SHOW_ARGS 0x20   /* what they are called with is told of */
#define VTBPF_HIDE_ARGS 0x40   /* it is not; neither: not judged yet, so it is told of, too */

/* Code objects with higher ids are left to decode. */
#define VTBPF_MAX_VERDICTS (1 << 20)

#include "vtbpf_async.h"
#include "vtbpf_event.h"
#include "vtbpf_args.h"
#include "vtbpf_ccall.h"
#include "vtbpf_gc.h"
#include "vtbpf_gil.h"
#include "vtbpf_sample.h"
#include "vtbpf_process.h"
#include "vtbpf_exception.h"
#include "vtbpf_trigger.h"
#include "vtbpf_state.h"

/* ---- capture file ----------------------------------------------------------------------- */

#define VTBPF_CAPTURE_MAGIC "VTBPFcap"
#define VTBPF_CAPTURE_VERSION 1

struct vtbpf_capture_header {
	char magic[8];
	__u16 version;	   /* of the writer */
	__u16 min_version; /* a reader must know at least this */
	__u16 header_len;  /* records start here */
	__u16 byte_order;  /* 0x1234 as the writer stores it */
	__u64 reserved[6];
};

_Static_assert(sizeof(struct vtbpf_rec) == 8, "record prefix");
_Static_assert(sizeof(struct vtbpf_rec_call) == 32, "call record");
_Static_assert(sizeof(struct vtbpf_rec_call_track) == 40, "call record of a track");
_Static_assert(sizeof(struct vtbpf_rec_code) == 56, "code record");
_Static_assert(sizeof(struct vtbpf_rec_str) == 24, "string record");
_Static_assert(sizeof(struct vtbpf_rec_thread) == 72, "thread record");
_Static_assert(sizeof(struct vtbpf_rec_left_out) == sizeof(struct vtbpf_rec_pause), "spans");
_Static_assert(sizeof(struct vtbpf_rec_window) == sizeof(struct vtbpf_rec_pause), "spans");
_Static_assert(sizeof(struct vtbpf_rec_overhead) == 56, "overhead record");
_Static_assert(sizeof(struct vtbpf_rec_lost) == 32, "lost record");
_Static_assert(sizeof(struct vtbpf_rec_session) == 48, "session record");
_Static_assert(sizeof(struct vtbpf_rec_thread_name) == 40, "thread name record");
_Static_assert(sizeof(struct vtbpf_capture_header) == 64, "capture header");
_Static_assert(sizeof(struct vtbpf_layout) == 44, "layout");
_Static_assert(sizeof(struct vtbpf_attrs) == 20, "attributes");
_Static_assert((sizeof(struct vtbpf_rec_str) + VTBPF_STR_SMALL) % 8 == 0, "string record, small");
_Static_assert((sizeof(struct vtbpf_rec_str) + VTBPF_STR_LARGE) % 8 == 0, "string record, large");

#endif /* VTBPF_H */
