/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Exceptions as events (--exceptions): where one reaches its first frame, and where a frame goes on
 * after it (exception_caught.bpf.h). The former is seen as triggers see it (raise.bpf.h).
 *
 * Functions that call one another have 512 bytes of stack together, so what belongs to a hit lies in a
 * map, and take_exception() calls one function after another.
 */
#ifndef VTBPF_EXCEPTION_BPF_H
#define VTBPF_EXCEPTION_BPF_H

const volatile struct vtbpf_exception_site exception_sites[VTBPF_MAX_EXCEPTION_SITES];
const volatile __u64 exception_runtime; /* _PyRuntime, in the file's own address space */

#define CAUGHT_MAX 6 /* of one hit */

struct caught {
	__u64 exc, ts;
};

struct traceback_walk {
	__u64 tb;
	__u64 frame;  /* the one that goes on */
	__u64 before; /* frame object of the entry before */
	__u32 left;   /* frames since */
	__u32 _pad;
};

/* What is to be told of. */
struct exception {
	__u64 ts;
	__u64 type;
	__u64 message; /* str, 0: none */
	__s64 value;
	__u32 code;
	__u32 track;
	__u32 what; /* enum vtbpf_event_what */
	__u32 _pad;
};

/* What a thread's hit is about. */
struct exception_work {
	__u64 runtime, frame, ts;
	struct frame_link link; /* of the frame */
	struct raised raised;
	struct caught caught[CAUGHT_MAX];
	__u64 n_caught;
	struct exception e;
	struct line_walk line;
	struct traceback_walk walk;
	struct landings landings; /* a new list */
	struct str_header message;
	char name[VTBPF_TYPE_SMALL];
};

/* Made only with --exceptions, as are those below and in exception_line.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* tid */
	__type(value, struct exception_work);
} exception_works SEC(".maps");

/* All zeros. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exception_work);
} exception_blank SEC(".maps");

static __always_inline struct exception_work *work_of(__u32 tid)
{
	return bpf_map_lookup_elem(&exception_works, &tid);
}

static __always_inline struct exception_work *work_begin(__u32 tid)
{
	struct exception_work *w = work_of(tid), *blank;
	__u32 zero = 0;

	if (w)
		return w;
	blank = bpf_map_lookup_elem(&exception_blank, &zero);
	if (!blank || bpf_map_update_elem(&exception_works, &tid, blank, BPF_ANY))
		return 0;
	return work_of(tid);
}

/* ---- records ---------------------------------------------------------------------------- */

/* Puts the characters behind the type; what cannot be read is left out. */
static __always_inline void put_message(struct vtbpf_rec_event *r, const struct str_header *h,
					__u32 at, const __u32 type_room, const __u32 room)
{
	__u32 chars = h->length < VTBPF_MESSAGE_CHARS ? h->length : VTBPF_MESSAGE_CHARS;
	__u32 bytes = chars * h->width;

	asm volatile("" : "+r"(bytes), "+r"(at)); /* keep the bounds where the verifier sees them */
	if (bytes > room)
		bytes = room;
	if (!h->width || at > type_room ||
	    bpf_probe_read_user(r->data + at, bytes, (void *)h->data))
		return;
	r->text[1].bytes = bytes;
	r->text[1].width = h->width;
}

static __always_inline int put_exception(const struct exception_work *w, __u32 tid,
					 const __u32 type_room, const __u32 room)
{
	struct vtbpf_rec_event *r = bpf_ringbuf_reserve(&events, sizeof(*r) + type_room + room, 0);
	__u64 name = word_at(w->e.type + states.tp_name);
	long n;

	if (!r)
		return -1;
	__builtin_memset(r, 0, sizeof(*r));
	fill_prefix(&r->rec, VTBPF_REC_EVENT, sizeof(*r) + type_room + room, tid);
	r->start = w->e.ts;
	r->what = w->e.what;
	r->code = w->e.code;
	r->track = w->e.track;
	r->value[0] = w->e.value;
	n = bpf_probe_read_user_str(r->data, type_room, (void *)name);
	r->text[0].bytes = n > 0 && n <= type_room ? n - 1 : 0;
	if (n <= 0) {
		r->value[1] = name;
		r->value[2] = w->runtime - exception_runtime;
	}
	put_message(r, &w->message, r->text[0].bytes, type_room, room);
	bpf_ringbuf_submit(r, wakeup_flags());
	return 0;
}

static __always_inline bool is_large(struct exception_work *w)
{
	return w->message.length * w->message.width > VTBPF_MESSAGE_SMALL ||
	       bpf_probe_read_user_str(w->name, sizeof(w->name),
				       (void *)word_at(w->e.type + states.tp_name)) ==
		       sizeof(w->name);
}

/* Tells what w->e says. A function of its own to the verifier, as are the others of that kind. */
__noinline int emit_exception(__u32 tid)
{
	struct exception_work *w = work_of(tid);
	int err;

	if (!w)
		return 0;
	flush_batch(tid); /* calls that ended before */
	w->message.length = w->message.width = 0;
	if (w->e.message)
		str_read_header(w->e.message, &w->message);
	if (is_large(w))
		err = put_exception(w, tid, VTBPF_TYPE_LARGE, VTBPF_MESSAGE_LARGE);
	else
		err = put_exception(w, tid, VTBPF_TYPE_SMALL, VTBPF_MESSAGE_SMALL);
	if (err)
		__sync_fetch_and_add(&events_lost, 1);
	return 0;
}

/* ---- what it says ----------------------------------------------------------------------- */

#define TUPLE_SUBCLASS (1UL << 26) /* of tp_flags, Include/object.h */
#define EXCEPTION_SUBCLASS (1UL << 30)

/* Is it an exception, and not what one will be made of? */
static __always_inline bool is_exception(__u64 object)
{
	return object && type_flags(object) & EXCEPTION_SUBCLASS;
}

/*
 * args[0] if that is a str and of no subclass of it. Up to 3.11 C code sets a type and a value, of which
 * the exception is made when somebody asks for it: the value is its args when it is a tuple, else args[0]
 * (_PyErr_CreateException() in Python/errors.c). The names of functions tell which type is str.
 */
static __always_inline __u64 message_of(__u64 value, __u64 function_name)
{
	__u64 str = word_at(function_name + attrs.ob_type), args = value;

	if (is_exception(value))
		args = word_at(value + exceptions.exc_args);
	if (!args)
		return 0;
	if (type_flags(args) & TUPLE_SUBCLASS) {
		if (!word_at(args + exceptions.var_size))
			return 0;
		args = word_at(args + exceptions.tuple_items);
	}
	return args && word_at(args + attrs.ob_type) == str ? args : 0;
}

/* The frame, if it is open, else the one that is on top. */
static __always_inline struct open_frame *open_frame_near(struct thread_state *t, __u32 tid,
							  __u64 frame)
{
	struct open_stack *s = stack_of(t);
	struct open_frame *f = deep_find(t, tid, frame);
	__s32 at;

	if (f || !s || !t->depth)
		return f;
	at = stack_at(s, t->depth - 1)->frame == frame ? -1 : stack_find(t, frame);
	return stack_at(s, at < 0 ? t->depth - 1 : (__u32)at);
}

/* Takes note of the frame's code object and its track in w->e. 0 where the user has not asked to see it. */
__noinline int set_frame(__u32 tid)
{
	struct thread_state *t = thread_of(tid);
	struct exception_work *w = work_of(tid);
	struct open_frame *f;

	if (!t || !w)
		return 0;
	f = open_frame_near(t, tid, w->frame);
	if (f && f->frame == w->frame && f->flags & FRAME_HIDDEN)
		return 0;
	w->e.track = f ? f->track : 0;
	w->e.code = code_intern(w->link.code, 0, tid);
	return 1;
}

/* ---- raised ----------------------------------------------------------------------------- */

/* What has reached the frame of w? 0: nothing that is known. */
__noinline int look_at_raised(__u32 tid)
{
	struct thread_state *t = thread_of(tid);
	struct exception_work *w = work_of(tid);
	struct raised raised = {};

	if (!t || !w || !find_raised(t, tid, w->runtime, &raised) ||
	    frame_read_link(w->frame, &w->link))
		return 0;
	w->raised = raised;
	w->ts = bpf_ktime_get_ns();
	return 1;
}

__noinline int tell_raised(__u32 tid)
{
	struct exception_work *w = work_of(tid);

	if (!w || w->raised.traceback || !set_frame(tid))
		return 0;
	w->e.what = VTBPF_EVENT_RAISED;
	w->e.ts = w->ts;
	w->e.type = w->raised.type;
	w->e.value = frame_line(&w->line, w->frame, w->link.code, w->e.code);
	w->e.message = message_of(w->raised.value, word_at(w->link.code + layout.code_name));
	emit_exception(tid);
	return 0;
}

#endif
