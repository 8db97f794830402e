/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --c-calls: calls of C functions. One is kept among the thread's open frames, above the frame
 * that calls it, whose address with the lowest bit set stands for it: a frame calls one C function
 * at a time. Its name has an id like a code object's, so all that is done with calls is done with
 * it, too.
 */
#ifndef VTBPF_CCALL_BPF_H
#define VTBPF_CCALL_BPF_H

const volatile struct vtbpf_c_site c_sites[VTBPF_MAX_C_SITES];
const volatile struct vtbpf_c_layout c_layout;
const volatile bool c_follow_caller;
const volatile __u32 c_site_cost; /* of a hit, ns, besides what is done then */

/* What its name is made of. */
struct c_key {
	__u64 method; /* PyMethodDef */
	__u64 owner;  /* str of its module, or the name of a type as a C string; 0: none */
	__u32 tgid;
	__u32 of_module; /* owner is the former */
};

struct c_info {
	__u64 name; /* of the method, to notice that another one lies there */
	__u32 id;
	__u32 sent;
};

/* Has room only with --c-calls. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct c_key);
	__type(value, struct c_info);
} c_functions SEC(".maps");

struct c_method { /* PyMethodDef */
	__u64 name, function;
	__u32 flags, _pad;
};

#define C_WORDS 8 /* words of a callable that are looked at, from its type on */

#if defined(__TARGET_ARCH_x86)
#define C_IP(ctx) LOAD_CTX(__builtin_offsetof(struct pt_regs, ip))
#else /* no sites are found there */
#define C_IP(ctx) 0
#endif

/* Where x86_64 passes the first arguments: rdi, rsi, rdx. */
#define C_REG_0 5
#define C_REG_1 4
#define C_REG_2 1

/* A call as its handler finds it. */
struct c_call {
	__u64 callable, self, stack;
	struct c_key key;
	__u64 list_type; /* of a method that a type has: that type; else 0 */
	__u32 id;
	__u32 at_call; /* it is the machine's call */
};

static __always_inline __u64 c_type_of(__u64 object)
{
	return word_at(object + c_layout.head - 8);
}

/* tp_name, behind the head of a type, which is one word longer (PyVarObject). */
static __always_inline __u64 c_type_name(__u64 type)
{
	return word_at(type + c_layout.head + 8);
}

#define C_TAGS 3ULL /* lowest bits of a reference on the stack, from 3.14 on; a NULL has one, too */

/* A bound method stands for what it is bound to, and the object. */
static __always_inline void c_unbind(__u64 moved, struct c_call *c)
{
	__u64 w[3] = {};

	if (bpf_probe_read_user(w, sizeof(w), (void *)(c->callable + c_layout.head - 8)) ||
	    w[0] != moved + c_layout.method_type)
		return;
	c->callable = w[1];
	c->self = w[2];
}

/* What a handler is about to call, and on what; `above` words lie above the arguments. */
static __always_inline int c_read_stack(__u64 instr, __u32 above, __u64 moved, struct c_call *c)
{
	__u64 words[3] = {};
	__u8 unit[CODE_UNIT] = {};
	bool bound;

	if (bpf_probe_read_user(unit, sizeof(unit), (void *)instr) ||
	    !(c_layout.opcodes[(unit[0] >> 6) & (VTBPF_C_OPCODES - 1)] >> (unit[0] & 63) & 1))
		return -1;
	if (bpf_probe_read_user(words, sizeof(words),
				(void *)(c->stack - 8ULL * (unit[1] + 2 + above))))
		return -1;
	for (int i = 0; i < 3; i++)
		words[i] &= ~C_TAGS;
	bound = c_layout.callable_first ? words[1] : words[0];
	if (c_layout.callable_first || words[0]) {
		c->callable = words[0];
		c->self = words[1] ? words[1] : unit[1] ? words[2] : 0;
	} else {
		c->callable = words[1];
		c->self = unit[1] ? words[2] : 0;
	}
	if (!bound)
		c_unbind(moved, c);
	return c->callable ? 0 : -1;
}

/*
 * Is the callable what sys.setprofile calls a C function? Fills the key of its name: as VizTracer
 * has it, a function's module, else the type of what it is bound to; of a method that a type has,
 * the type of its first argument.
 */
static __always_inline int c_read_callable(__u64 moved, struct c_call *c)
{
	__u64 w[C_WORDS] = {}, type, self = c->self;

	if (bpf_probe_read_user(w, sizeof(w), (void *)(c->callable + c_layout.head - 8)))
		return -1;
	type = w[0] - moved;
	c->list_type = 0;
	c->key.of_module = 0;
	if (type == c_layout.types[0] || type == c_layout.types[1]) { /* PyCFunctionObject */
		c->key.method = w[1];
		self = w[2];
		c->key.owner = w[3];
		c->key.of_module = w[3] != 0;
	} else if (type == c_layout.types[2]) { /* PyMethodDescrObject */
		c->list_type = w[1];
		c->key.method = w[4];
		c->key.owner = 0;
		if (!self)
			c->key.owner = c_type_name(w[1]);
	} else {
		return -1;
	}
	if (!c->key.owner && self)
		c->key.owner = c_type_name(c_type_of(self));
	return c->key.method ? 0 : -1;
}

/* ---- names ------------------------------------------------------------------------------ */

#define C_OWNER_BYTES 128
#define C_NAME_BYTES 128
#define C_TEXT_BYTES 264 /* both, a dot between them */

/* Appends the owner's name and a dot. Returns how long that is; 0 when it cannot be told here. */
static __always_inline __u32 c_put_owner(const struct c_key *key, __u8 *data)
{
	struct str_header h = {};
	long n = 0;

	if (key->of_module) {
		if (!(type_flags(key->owner) & TYPE_UNICODE))
			return 0; /* some extensions give the module itself */
		str_read_header(key->owner, &h);
		n = h.width == 1 && h.length < C_OWNER_BYTES ? h.length : 0;
		n &= C_OWNER_BYTES - 1;
		if (bpf_probe_read_user(data, n, (void *)h.data))
			n = 0;
	} else if (key->owner) {
		n = bpf_probe_read_user_str(data, C_OWNER_BYTES, (void *)key->owner) - 1;
	}
	if (n <= 0 || n >= C_OWNER_BYTES)
		return 0;
	data[n & (C_OWNER_BYTES - 1)] = '.';
	return n + 1;
}

/* What cannot be read is left to user space: names lie in pages of files, which after a fork
 * nobody may have touched yet. */
static __always_inline int c_emit_text(const struct c_key *key, const struct c_info *info,
				       __u32 tid, __u8 which)
{
	struct vtbpf_rec_str *r =
		bpf_ringbuf_reserve(&events, sizeof(struct vtbpf_rec_str) + C_TEXT_BYTES, 0);
	bool read = true;
	__u32 at = 0;
	long n = 0;

	if (!r)
		return -1;
	fill_prefix(&r->rec, VTBPF_REC_STR, sizeof(*r) + C_TEXT_BYTES, tid);
	if (which == VTBPF_STR_NAME) {
		at = c_put_owner(key, r->data) & (2 * C_OWNER_BYTES - 1);
		if (at > C_OWNER_BYTES)
			at = C_OWNER_BYTES;
		n = bpf_probe_read_user_str(r->data + at, C_NAME_BYTES, (void *)info->name) - 1;
		read = n > 0 && n < C_NAME_BYTES && (at || !key->owner);
	}
	r->code = info->id;
	r->which = which;
	r->width = read;
	r->bytes = r->length = read ? at + n : 0;
	r->offset = 0;
	bpf_ringbuf_submit(r, names_awaited ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline int c_announce(const struct c_key *key, const struct c_info *info)
{
	struct vtbpf_rec_code *r = EMIT_RESERVE(struct vtbpf_rec_code, VTBPF_REC_CODE, key->tgid);

	if (!r)
		return -1;
	r->id = info->id;
	r->tgid = key->tgid;
	r->addr = key->method;
	r->filename = key->owner;
	r->name = info->name;
	r->firstlineno = 0;
	r->co_flags = VTBPF_CODE_IS_C | (key->of_module ? VTBPF_CODE_HAS_MODULE : 0);
	r->version = 0;
	r->_pad = 0;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	if (c_emit_text(key, info, key->tgid, VTBPF_STR_FILENAME))
		return -1;
	return c_emit_text(key, info, key->tgid, VTBPF_STR_NAME);
}

/* Id of the function, announced when it is new; 0 when it cannot be read. */
static __noinline __u32 c_intern(const struct c_key *key)
{
	struct c_info *info = bpf_map_lookup_elem(&c_functions, key), fresh = {};
	__u64 name = word_at(key->method);

	if (!name)
		return 0;
	if (!info || info->name != name) {
		fresh.name = name;
		fresh.id = new_id(ID_OF_CODE);
		bpf_map_update_elem(&c_functions, key, &fresh, BPF_ANY);
		info = bpf_map_lookup_elem(&c_functions, key);
	}
	if (!info)
		return 0;
	if (!info->sent)
		info->sent = !c_announce(key, info);
	return info->id;
}

/* ---- entry and exit ---------------------------------------------------------------------- */

static __always_inline __u64 c_frame(__u64 frame)
{
	return frame | FRAME_C_CALL;
}

static __always_inline struct open_frame *top_frame(struct thread_state *t, struct open_stack *s)
{
	return s && t->depth ? stack_at(s, t->depth - 1) : 0;
}

/* What tells that a handler that gave up goes on in another: nothing is called twice from one place
 * of the stack without an end between. */
static __always_inline __u16 c_place(__u64 stack)
{
	return stack >> 3;
}

/* Ends the C call on top, if it is this frame's; elsewhere on the stacks where there are several.
 * */
static __always_inline bool c_end(struct thread_state *t, __u32 tid, __u64 frame, __u64 now,
				  __u8 flags)
{
	struct open_stack *s = stack_of(t);
	struct open_frame *top = top_frame(t, s);

	if (top && top->frame == c_frame(frame)) {
		if (flags & VTBPF_F_EXIT_MISSED)
			t->count.exit_missed++;
		end_call(t, s, top, tid, now, flags);
		t->depth--;
		if (t->depth && !stack_at(s, t->depth - 1)->frame)
			stack_trim(t, s);
		return true;
	}
	if (!t->tracks && !t->deep)
		return false;
	if (!deep_find(t, tid, c_frame(frame)) && stack_find(t, c_frame(frame)) < 0)
		return false;
	close_elsewhere(t, tid, c_frame(frame), now, flags);
	return true;
}

/* Is this the call that is open already? */
static __always_inline bool c_is_open(struct thread_state *t, __u32 tid, __u64 frame,
				      const struct c_call *c)
{
	struct open_frame *top = top_frame(t, stack_of(t));

	if (t->deep)
		top = deep_find(t, tid, c_frame(frame));
	return top && top->frame == c_frame(frame) && top->code == c->id &&
	       (c->at_call || top->known == c_place(c->stack));
}

/* Is the frame's own call left out? */
static __always_inline bool caller_is_hidden(struct thread_state *t, __u32 tid, __u64 frame)
{
	struct open_stack *s = stack_of(t);
	struct open_frame *f = deep_find(t, tid, frame);
	__s32 at = f ? -1 : stack_find(t, frame);

	if (at >= 0 && s)
		f = stack_at(s, at);
	return f && (f->flags & FRAME_HIDDEN || verdict_on(f->code) & VTBPF_HIDE_CALL);
}

static __always_inline void c_open(struct thread_state *t, __u32 tid, __u64 frame,
				   const struct c_call *c)
{
	struct open_stack *s = stack_of(t);
	struct open_frame *top = top_frame(t, s), f = {};
	struct parent p = {};

	if (top && !t->deep && top->frame == frame)
		child_of(&p, top);
	else if (!parent_if_open(t, tid, frame, &p))
		return;
	f.code = c->id;
	inherit(&f, &p);
	if (c_follow_caller && caller_is_hidden(t, tid, frame))
		f.flags |= FRAME_HIDDEN;
	f.frame = c_frame(frame);
	f.known = c_place(c->stack);
	f.start = bpf_ktime_get_ns();
	stack_push(t, s, &f, tid);
}

static __always_inline bool c_text_is(__u64 text, const char *want, const __u32 n)
{
	char have[8] = {};

	if (bpf_probe_read_user_str(have, sizeof(have), (void *)text) != n)
		return false;
	for (__u32 i = 0; i < n; i++)
		if (have[i] != want[i])
			return false;
	return true;
}

/* list.append: its handler does that itself, and makes no call behind which it could be seen to
 * end. */
static __always_inline bool c_is_append(const struct c_call *c)
{
	return c->list_type && c_text_is(c_type_name(c->list_type), "list", 5) &&
	       c_text_is(word_at(c->key.method), "append", 7);
}

static __always_inline struct thread_state *c_thread(__u32 tid, __u32 tgid, __u64 frame)
{
	struct thread_state *t = thread_of(tid);
	struct hit hit = { .frame = frame, .kind = VTBPF_SITE_EXIT };

	if (!t || t->dead)
		t = thread_new(tid, tgid);
	if (!t)
		return 0;
	if (t->generation != generation)
		change_verdict(tid);
	if (t->verdict == VERDICT_IGNORE)
		return 0;
	if (!t->ready)
		make_ready(t, tid, &hit);
	if (t->cuts != cut_generation)
		hide_below_cuts(tid);
	return t;
}

/* What is about to be called, and on what. */
static __always_inline int c_read_call(struct pt_regs *ctx,
				       const volatile struct vtbpf_c_site *site, __u64 frame,
				       __u64 moved, struct c_call *c)
{
	__u64 callable = read_reg(ctx, C_REG_0), args = read_reg(ctx, C_REG_1), third;

	if (site->kind != VTBPF_C_VECTOR && site->kind != VTBPF_C_TUPLE) {
		if (site->flags & VTBPF_C_STACK_IN_FRAME)
			c->stack = word_at(frame + c_layout.frame_instr + 8);
		else
			c->stack = read_place(ctx, site->stack_reg, site->stack_at,
					      site->flags & VTBPF_C_STACK_IN_WORD);
		return c_read_stack(word_at(frame + c_layout.frame_instr), site->kind == VTBPF_C_KW,
				    moved, c);
	}
	third = read_reg(ctx, C_REG_2);
	c->at_call = 1;
	c->callable = callable;
	if (site->kind == VTBPF_C_VECTOR) {
		c->self = third << 1 ? word_at(args) : 0;
		return 0;
	}
	if (c_type_of(args) != moved + c_layout.tuple_type) {
		c->callable = args;
		args = third;
		if (c_type_of(args) != moved + c_layout.tuple_type)
			return -1;
	}
	c->self = word_at(args + c_layout.head) ? word_at(args + c_layout.head + 8) : 0;
	return 0;
}

/* The same, and whether it is C. A function of its own, whose stack is free again afterwards. */
static __noinline int c_read(struct pt_regs *ctx, __u64 index, __u64 frame, struct c_call *c)
{
	const volatile struct vtbpf_c_site *site = &c_sites[index & (VTBPF_MAX_C_SITES - 1)];
	__u64 moved = C_IP(ctx) - site->vaddr;

	return c_read_call(ctx, site, frame, moved, c) || c_read_callable(moved, c);
}

/* Opens what is about to be called, if it is C. */
static __noinline void c_take_entry(struct pt_regs *ctx, __u64 index, __u32 tid, __u64 frame)
{
	__u8 kind = c_sites[index & (VTBPF_MAX_C_SITES - 1)].kind;
	struct thread_state *t = thread_of(tid);
	struct c_call c = {};

	if (!t || c_read(ctx, index, frame, &c))
		return;
	c.key.tgid = t->tgid;
	c.id = c_intern(&c.key);
	if (!c.id)
		t->count.unreadable++;
	if (!c.id || (verdict_on(c.id) & (VTBPF_HIDE_CALL | VTBPF_HIDE_BELOW)) == VTBPF_HIDE_CALL ||
	    c_is_open(t, tid, frame, &c))
		return;
	c_end(t, tid, frame, bpf_ktime_get_ns(), VTBPF_F_EXIT_MISSED);
	c_open(t, tid, frame, &c);
	if (kind == VTBPF_C_APPEND && c_is_append(&c))
		c_end(t, tid, frame, bpf_ktime_get_ns(), 0);
}

static __always_inline void c_take_hit(struct pt_regs *ctx, __u64 index)
{
	const volatile struct vtbpf_c_site *site = &c_sites[index & (VTBPF_MAX_C_SITES - 1)];
	__u64 id = current_ids(), frame;
	__u32 tid = id;
	struct thread_state *t;

	frame = read_place(ctx, site->frame_reg, site->frame_at,
			   site->flags & VTBPF_C_FRAME_IN_WORD);
	if (site->kind != VTBPF_C_EXIT) {
		if (c_thread(tid, id >> 32, frame))
			c_take_entry(ctx, index, tid, frame);
		return;
	}
	t = thread_of(tid);
	if (t && !t->dead && t->ready)
		c_end(t, tid, frame, bpf_ktime_get_ns(), 0);
}

static __always_inline int on_c_site(struct pt_regs *ctx, __u64 index)
{
	__u64 begin = budgeted ? bpf_ktime_get_ns() : 0;

	if (active)
		c_take_hit(ctx, index);
	if (budgeted)
		budget_spend(c_site_cost + bpf_ktime_get_ns() - begin);
	return 0;
}

SEC("?uprobe.multi")
int on_c_site_multi(struct pt_regs *ctx)
{
	return on_c_site(ctx, bpf_get_attach_cookie(ctx));
}

SEC("?uprobe")
int on_c_site_cookie(struct pt_regs *ctx)
{
	return on_c_site(ctx, bpf_get_attach_cookie(ctx));
}

#endif
