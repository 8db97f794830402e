/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --args: what functions are called with. Read when a call has just been opened, before it has run
 * anything, and told of at once; decode joins it to the call, which has the same thread and start. Which
 * functions is user space's verdict; one that has none yet is told of, and left to decode.
 */
#ifndef VTBPF_ARGS_BPF_H
#define VTBPF_ARGS_BPF_H

const volatile struct vtbpf_args_layout args_layout;

struct code_param {
	__u16 slot; /* among the frame's locals */
	__u8 cell;  /* there is a cell there, and the argument in it */
	__u8 name_bytes, name_width;
	__u8 _pad[3];
	__u8 name[VTBPF_ARG_NAME];
};

struct code_params {
	__u32 n;
	__u32 known;
	struct code_param p[VTBPF_MAX_ARGS];
};

/* By id of the code object. This map and the next are made only with --args. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32);
	__type(value, struct code_params);
} arg_codes SEC(".maps");

static const struct code_params no_params;

/* By a thread's slot: the event that it is making. */
struct arg_buffer {
	__u64 frame;
	__u32 at; /* where the next argument goes in data */
	__u32 code;
	char rec[sizeof(struct vtbpf_rec_event)]; /* what data follows */
	char data[VTBPF_ARGS_BYTES + sizeof(struct vtbpf_arg) + VTBPF_ARG_NAME + VTBPF_ARG_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VTBPF_MAX_SLOTS);
	__type(key, __u32);
	__type(value, struct arg_buffer);
} arg_buffers SEC(".maps");

/* ---- parameters ------------------------------------------------------------------------- */

#define FAST_CELL 0x40	/* CO_FAST_CELL, Include/internal/pycore_code.h */
#define CO_VARARGS 0x04 /* Include/cpython/code.h */
#define CO_VARKEYWORDS 0x08
#define MAX_CELLS 64

static __always_inline __u32 int_at(__u64 addr)
{
	__u32 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)addr);
	return value;
}

/* Up to 3.10 a parameter that inner functions use has its cell behind the locals (co_cell2arg). */
static __always_inline void find_cell(struct code_param *p, __u64 code, __u32 i)
{
	__u64 cell2arg = word_at(code + args_layout.code_cell2arg);
	__u64 cells = word_at(code + args_layout.code_cells), n;

	if (!cell2arg)
		return;
	n = word_at(cells + args_layout.ob_size);
	for (__u32 c = 0; c < MAX_CELLS; c++) {
		if (c >= n)
			return;
		if (word_at(cell2arg + c * sizeof(__u64)) != i)
			continue;
		p->slot = int_at(code + args_layout.code_nlocals) + c;
		p->cell = 1;
		return;
	}
}

/* One parameter. Functions of their own to the verifier, as emit_str() is. */
__noinline int learn_param(__u64 code, __u32 id, __u32 i)
{
	struct code_params *params = bpf_map_lookup_elem(&arg_codes, &id);
	__u64 names = word_at(code + args_layout.code_names);
	struct str_header h = {};
	struct code_param *p;
	__u32 bytes;
	__u8 kind = 0;

	if (!params || i >= VTBPF_MAX_ARGS)
		return 0;
	p = &params->p[i];
	str_read_header(word_at(names + args_layout.tuple_items + i * sizeof(__u64)), &h);
	bytes = h.length * h.width;
	asm volatile("" : "+r"(bytes)); /* keep the bound where the verifier sees it */
	if (bytes > VTBPF_ARG_NAME)
		bytes = VTBPF_ARG_NAME;
	if (bpf_probe_read_user(p->name, bytes, (void *)h.data))
		bytes = 0;
	p->name_bytes = bytes;
	p->name_width = h.width;
	p->slot = i;
	p->cell = 0;
	if (!args_layout.code_kinds) {
		find_cell(p, code, i);
		return 0;
	}
	bpf_probe_read_user(
		&kind, 1,
		(void *)(word_at(code + args_layout.code_kinds) + args_layout.bytes_data + i));
	p->cell = kind & FAST_CELL ? 1 : 0;
	return 0;
}

__noinline int learn_params(__u64 frame, __u32 id)
{
	struct code_params *params;
	struct frame_link link;
	__u32 flags, n;

	if (frame_read_link(frame, &link))
		return -1;
	bpf_map_update_elem(&arg_codes, &id, &no_params, BPF_ANY);
	flags = int_at(link.code + layout.code_flags);
	n = int_at(link.code + args_layout.code_argcount) +
	    int_at(link.code + args_layout.code_kwonly) + (flags & CO_VARARGS ? 1 : 0) +
	    (flags & CO_VARKEYWORDS ? 1 : 0);
	for (__u32 i = 0; i < VTBPF_MAX_ARGS; i++) {
		if (i >= n)
			break;
		learn_param(link.code, id, i);
	}
	params = bpf_map_lookup_elem(&arg_codes, &id);
	if (!params)
		return -1;
	params->n = n;
	params->known = 1;
	return 0;
}

/* ---- values ----------------------------------------------------------------------------- */

/* Names of types, in one word. */
#define NAMED(a, b, c, d, e, f, g, h)                                                            \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#define NAMED_INT NAMED('i', 'n', 't', 0, 0, 0, 0, 0)
#define NAMED_STR NAMED('s', 't', 'r', 0, 0, 0, 0, 0)
#define NAMED_SET NAMED('s', 'e', 't', 0, 0, 0, 0, 0)
#define NAMED_BOOL NAMED('b', 'o', 'o', 'l', 0, 0, 0, 0)
#define NAMED_LIST NAMED('l', 'i', 's', 't', 0, 0, 0, 0)
#define NAMED_DICT NAMED('d', 'i', 'c', 't', 0, 0, 0, 0)
#define NAMED_FLOAT NAMED('f', 'l', 'o', 'a', 't', 0, 0, 0)
#define NAMED_BYTES NAMED('b', 'y', 't', 'e', 's', 0, 0, 0)
#define NAMED_TUPLE NAMED('t', 'u', 'p', 'l', 'e', 0, 0, 0)
#define NAMED_NONE NAMED('N', 'o', 'n', 'e', 'T', 'y', 'p', 'e')

#define LONG_SIGN 3	    /* in lv_tag: 0 positive, 1 zero, 2 negative; above bit 3 the digits */
#define LONG_SIZE_SHIFT 3   /* (Include/internal/pycore_long.h, 3.12) */
#define TYPE_NAME_BYTES 256 /* of a type's name */

static const __u64 type_names[VTBPF_ARG_N_TYPES] = {
	[VTBPF_ARG_TYPE_INT] = NAMED_INT,     [VTBPF_ARG_TYPE_BOOL] = NAMED_BOOL,
	[VTBPF_ARG_TYPE_FLOAT] = NAMED_FLOAT, [VTBPF_ARG_TYPE_STR] = NAMED_STR,
	[VTBPF_ARG_TYPE_BYTES] = NAMED_BYTES, [VTBPF_ARG_TYPE_LIST] = NAMED_LIST,
	[VTBPF_ARG_TYPE_TUPLE] = NAMED_TUPLE, [VTBPF_ARG_TYPE_DICT] = NAMED_DICT,
	[VTBPF_ARG_TYPE_SET] = NAMED_SET,     [VTBPF_ARG_TYPE_NONE] = NAMED_NONE,
};

struct arg_source {
	__u64 from; /* address of the value's bytes */
	__u64 name; /* of the type, in one word, where its address tells it; else 0 */
	__u32 bytes;
	__u32 text; /* they end in a NUL */
};

static __always_inline void long_value(__u64 object, struct vtbpf_arg *a, struct arg_source *s)
{
	__u64 n = word_at(object + args_layout.long_size), tag = n;

	if (args_layout.long_tag) {
		a->width = (tag & LONG_SIGN) == 2;
		n = tag & 1 ? 0 : tag >> LONG_SIZE_SHIFT;
	} else if ((__s64)n < 0) {
		a->width = 1;
		n = -n;
	}
	a->length = n;
	s->from = object + args_layout.long_digits;
	s->bytes = n < VTBPF_ARG_BYTES / 4 ? n * 4 : VTBPF_ARG_BYTES;
}

static __always_inline void str_value(__u64 object, struct vtbpf_arg *a, struct arg_source *s)
{
	struct str_header h = {};

	mark_read_header(object, &h);
	if (!h.width) {
		a->kind = VTBPF_ARG_UNREADABLE;
		return;
	}
	a->width = h.width;
	a->length = h.length;
	s->from = h.data;
	s->bytes = (h.length < VTBPF_ARG_CHARS ? h.length : VTBPF_ARG_CHARS) * h.width;
}

static __always_inline void sized_value(__u64 size_at, struct vtbpf_arg *a)
{
	a->kind = VTBPF_ARG_SIZED;
	a->length = word_at(size_at);
}

/* What is of a built-in type itself. Others, which may be derived from it, are told by their type's
 * name: what they look like is for their own code to say. */
static __always_inline void built_in_value(__u64 object, __u64 name, struct vtbpf_arg *a,
					   struct arg_source *s)
{
	switch (name) {
	case NAMED_INT:
	case NAMED_BOOL:
		a->kind = name == NAMED_INT ? VTBPF_ARG_INT : VTBPF_ARG_BOOL;
		s->text = 0;
		long_value(object, a, s);
		return;
	case NAMED_FLOAT:
		a->kind = VTBPF_ARG_FLOAT;
		s->text = 0;
		s->from = object + args_layout.ob_body;
		s->bytes = sizeof(double);
		return;
	case NAMED_STR:
		a->kind = VTBPF_ARG_STR;
		s->text = 0;
		str_value(object, a, s);
		return;
	case NAMED_BYTES:
	case NAMED_LIST:
	case NAMED_TUPLE:
		sized_value(object + args_layout.ob_size, a);
		return;
	case NAMED_DICT: /* ma_used */
		sized_value(object + args_layout.ob_body, a);
		return;
	case NAMED_SET:
		sized_value(object + args_layout.set_used, a);
		return;
	}
}

static __always_inline __u64 name_of_type(__u64 type)
{
	for (__u32 i = 0; i < VTBPF_ARG_N_TYPES; i++)
		if (type == args_layout.types[i])
			return type_names[i];
	return 0;
}

static __always_inline void classify(__u64 object, struct vtbpf_arg *a, struct arg_source *s)
{
	__u64 type = word_at(object + args_layout.ob_type), name[2] = {};

	if (!type)
		return;
	s->from = word_at(type + args_layout.tp_name);
	s->name = name[0] = name_of_type(type);
	if (!s->name && bpf_probe_read_user_str(name, sizeof(name), (void *)s->from) <= 0)
		return;
	a->kind = VTBPF_ARG_OTHER;
	s->text = 1;
	if (!s->name && word_at(type + args_layout.tp_flags) & TYPE_HEAP)
		return;
	if (name[0] == NAMED_NONE && !(name[1] & 0xff))
		a->kind = VTBPF_ARG_NONE;
	else
		built_in_value(object, name[0], a, s);
}

/* Argument i, which the parameter says how to find, is added to those of the thread's event. */
__noinline int take_arg(__u32 slot, __u32 i)
{
	struct arg_buffer *b = bpf_map_lookup_elem(&arg_buffers, &slot);
	__u32 id = b ? b->code : 0, at = b ? b->at : 0, bytes, room;
	struct code_params *params = bpf_map_lookup_elem(&arg_codes, &id);
	struct arg_source s = {};
	struct vtbpf_arg a = {};
	struct code_param *p;
	__u64 object;
	__s64 got = 0;
	char *to;

	if (!b || !params || i >= VTBPF_MAX_ARGS)
		return 0;
	p = &params->p[i];
	object = word_at(b->frame + layout.frame_localsplus + p->slot * sizeof(__u64));
	if (layout.flags & VTBPF_LAYOUT_TAGGED_CODE)
		object &= ~7ULL;
	if (p->cell && object)
		object = word_at(object + args_layout.ob_body);
	if (!object)
		return 0;
	if (at > VTBPF_ARGS_BYTES)
		return -1;
	classify(object, &a, &s);
	to = b->data + at + sizeof(a);
	__builtin_memcpy(to, p->name, VTBPF_ARG_NAME);
	a.name_width = p->name_width;
	a.name_bytes = p->name_bytes;
	room = (p->name_bytes + 7) & 0x38;
	if (room > VTBPF_ARG_NAME)
		room = VTBPF_ARG_NAME;
	to += room;
	if (s.text && s.name) {
		__builtin_memcpy(to, &s.name, sizeof(s.name));
		for (bytes = 0; bytes < sizeof(s.name) && s.name >> 8 * bytes & 0xff;)
			bytes++;
	} else if (s.text) {
		got = bpf_probe_read_user_str(to, TYPE_NAME_BYTES, (void *)s.from);
		bytes = got > 0 ? got - 1 : 0;
	} else {
		bytes = s.bytes;
		asm volatile("" : "+r"(bytes)); /* keep the bound where the verifier sees it */
		if (bytes > VTBPF_ARG_BYTES)
			bytes = VTBPF_ARG_BYTES;
		if (bpf_probe_read_user(to, bytes, (void *)s.from))
			got = -1;
	}
	if (got < 0) {
		a.kind = VTBPF_ARG_UNREADABLE;
		bytes = 0;
	}
	a.bytes = bytes;
	*(struct vtbpf_arg *)(b->data + at) = a;
	b->at = at + sizeof(a) + room + ((bytes + 7) & ~7U);
	return 0;
}

/* ---- calls ------------------------------------------------------------------------------ */

/* The frame has not run before: an entry is also where a generator goes on. */
static __always_inline bool is_first_entry(__u64 frame, __u64 instr)
{
	__u8 oparg = 0, owner = 0;

	if (layout.flags & VTBPF_LAYOUT_FRAME_IS_OBJECT)
		return (__s32)int_at(frame + args_layout.frame_lasti) < 0;
	if (instr) { /* RESUME: its lowest two bits say why (Lib/opcode.py, dis.rst) */
		bpf_probe_read_user(&oparg, 1, (void *)(instr + 1));
		return !(oparg & 3);
	}
	bpf_probe_read_user(&owner, 1, (void *)(frame + layout.frame_owner));
	return owner != layout.owner_generator;
}

static __always_inline void lose_args(void)
{
	__sync_fetch_and_add(&events_lost, 1);
}

static __always_inline void fill_args(struct arg_buffer *b, const struct open_frame *f, __u32 tid)
{
	struct vtbpf_rec_event *r = (void *)b->rec;

	__builtin_memset(r, 0, sizeof(*r));
	fill_prefix(&r->rec, VTBPF_REC_EVENT, 0, tid);
	r->rec.flags = verdict_on(f->code) & VTBPF_SHOW_ARGS ? VTBPF_F_ARGS_ASKED : 0;
	r->start = f->start;
	r->value[0] = f->depth;
	r->code = f->code;
	r->track = f->track;
	r->what = VTBPF_EVENT_ARGS;
	b->frame = f->frame;
	b->code = f->code;
	b->at = 0;
}

static __always_inline void emit_args(struct arg_buffer *b)
{
	struct vtbpf_rec_event *r = (void *)b->rec;
	__u32 at = b->at;

	if (!at)
		return;
	asm volatile("" : "+r"(at)); /* two comparisons, of which Linux 6.12 understands each */
	if (at > sizeof(b->data))
		return;
	r->rec.len = sizeof(*r) + at;
	r->text[0].bytes = at;
	if (bpf_ringbuf_output(&events, r, sizeof(*r) + at, wakeup_flags()))
		lose_args();
}

/* The parameters of the code object, learnt when it is first seen. */
static __always_inline struct code_params *params_of(__u64 frame, __u32 id)
{
	struct code_params *params = bpf_map_lookup_elem(&arg_codes, &id);

	if (params && params->known)
		return params;
	if (learn_params(frame, id))
		return 0;
	return bpf_map_lookup_elem(&arg_codes, &id);
}

/* The call of `frame`, opened since `begin`. */
__noinline int take_args(__u32 tid, __u64 frame, __u64 instr, __u64 begin)
{
	struct thread_state *t = thread_of(tid);
	struct open_stack *s = t ? stack_of(t) : 0;
	struct open_frame *f = s && t->depth ? stack_at(s, t->depth - 1) : 0;
	struct code_params *params;
	struct arg_buffer *b;
	__u32 slot, n;

	if (!t)
		return 0;
	if (!f || f->frame != frame)
		f = deep_find(t, tid, frame);
	if (!f || f->start < begin || f->flags & FRAME_HIDDEN || f->depth >= max_stack_depth ||
	    verdict_on(f->code) & VTBPF_HIDE_ARGS || !is_first_entry(frame, instr))
		return 0;
	slot = t->slot;
	params = params_of(frame, f->code);
	b = bpf_map_lookup_elem(&arg_buffers, &slot);
	if (!params || !b) {
		lose_args();
		return 0;
	}
	n = params->n;
	fill_args(b, f, tid);
	for (__u32 i = 0; i < VTBPF_MAX_ARGS; i++) {
		if (i >= n)
			break;
		if (take_arg(slot, i)) {
			lose_args();
			break;
		}
	}
	emit_args(b);
	return 0;
}

#endif
