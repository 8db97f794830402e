/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Code objects. Their names cross the ring once, at first sight; calls then carry an id. The
 * address of a code object that died may be used for another one. Where the plan has a site at which
 * code objects die, they are forgotten there. Else what identifies one is compared at each use: first
 * line, addresses of file name and name, and co_version where there is one. Each thread keeps those
 * it called lately in its open_stack; the hash of all is shared.
 */
#ifndef VTBPF_CODE_BPF_H
#define VTBPF_CODE_BPF_H

/*
 * Length and hash of a str (the hash is the next field after the length, and set: names of code
 * objects are interned). Up to 3.11, which have no co_version, programs that exec() generated code
 * were seen to put a new function with a new name at exactly the addresses of the one before.
 */
static __always_inline __u32 str_fingerprint(__u64 str)
{
	__u64 head[2] = {};

	bpf_probe_read_user(head, sizeof(head), (void *)(str + layout.str_length));
	return head[0] ^ head[1] ^ head[1] >> 32;
}

/* What tells it from others, field by field: all functions that call one another have 512 bytes of stack
 * together, which leaves none for a copy of the object. */
static __always_inline int code_read(__u64 code, struct code_info *c)
{
	if (bpf_probe_read_user(&c->filename, 8, (void *)(code + layout.code_filename)) ||
	    bpf_probe_read_user(&c->name, 8, (void *)(code + layout.code_name)) ||
	    bpf_probe_read_user(&c->firstlineno, 4, (void *)(code + layout.code_firstlineno)))
		return -1;
	if (!layout.code_version)
		c->version = str_fingerprint(c->name);
	else if (bpf_probe_read_user(&c->version, 4, (void *)(code + layout.code_version)))
		return -1;
	return 0;
}

static __always_inline bool code_same(const struct code_info *a, const struct code_info *b)
{
	return a->filename == b->filename && a->name == b->name &&
	       a->firstlineno == b->firstlineno && a->version == b->version;
}

/* ---- strings ---------------------------------------------------------------------------- */

struct str_header {
	__u64 data;
	__u32 length; /* code points */
	__u32 width;  /* bytes a code point; 0: not readable */
};

static __always_inline void str_read_header(__u64 str, struct str_header *h)
{
	__u64 length = 0;
	__u32 state = 0;

	h->width = 0;
	h->length = 0;
	if (bpf_probe_read_user(&length, sizeof(length), (void *)(str + layout.str_length)) ||
	    bpf_probe_read_user(&state, sizeof(state), (void *)(str + layout.str_state)))
		return;
	h->width = (state >> layout.str_kind_shift) & 7;
	if (!((state >> layout.str_compact_bit) & 1) ||
	    (h->width != 1 && h->width != 2 && h->width != 4))
		h->width = 0;
	if (length > VTBPF_MAX_STR_BYTES / 4)
		length = VTBPF_MAX_STR_BYTES / 4;
	h->length = length;
	h->data = str +
		  (((state >> layout.str_ascii_bit) & 1) ? layout.str_ascii : layout.str_compact);
}

struct str_cursor {
	struct str_header h;
	__u32 code;
	__u32 tid;
	__u32 which;
	__u32 offset;
	__s32 err;
};

static __always_inline void fill_piece(struct vtbpf_rec_str *r, struct str_cursor *c, __u32 bytes)
{
	r->code = c->code;
	r->which = c->which;
	r->width = c->h.width;
	r->bytes = bytes;
	r->offset = c->offset;
	r->length = c->h.length;
}

/* Writes the next piece. The record's reserved size must be a constant, hence the two sizes. */
static __always_inline int emit_piece(struct str_cursor *c, __u32 left, const __u32 room)
{
	struct vtbpf_rec_str *r =
		bpf_ringbuf_reserve(&events, sizeof(struct vtbpf_rec_str) + room, 0);
	__u32 bytes = left < room ? left : room;

	if (!r)
		return -1;
	fill_prefix(&r->rec, VTBPF_REC_STR, sizeof(*r) + room, c->tid);
	asm volatile("" : "+r"(bytes)); /* keep the bound where the verifier sees it */
	if (bytes > room)
		bytes = room;
	if (bpf_probe_read_user(r->data, bytes, (void *)(c->h.data + c->offset))) {
		c->h.width = 0;
		bytes = 0;
	}
	fill_piece(r, c, bytes);
	bpf_ringbuf_submit(r, names_awaited ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	c->offset += bytes;
	return 0;
}

/* 1: done, or no room (err). */
static long str_step(__u32 i __attribute__((unused)), void *arg)
{
	struct str_cursor *c = arg;
	__u32 left = c->h.width ? c->h.length * c->h.width - c->offset : 0;

	if (left <= VTBPF_STR_SMALL)
		c->err = emit_piece(c, left, VTBPF_STR_SMALL);
	else
		c->err = emit_piece(c, left, VTBPF_STR_LARGE);
	return c->err || !c->h.width || c->offset >= c->h.length * c->h.width;
}

/* The verifier knows no more of *v than that it is a number: without bpf_loop() it follows each turn of a
 * loop, and takes one that adds to a number it knows something of for a new case. */
static __always_inline void forget(__u32 *v)
{
	bpf_probe_read_kernel(v, sizeof(*v), v);
}

#define STR_MAX_PIECES (VTBPF_MAX_STR_BYTES / VTBPF_STR_LARGE + 2)
#define STR_FEW_PIECES 8 /* without bpf_loop(): 32 kB */

/* A function of its own to the verifier, so that its loop is proved once and not per caller. */
__noinline int emit_str(__u64 str, __u32 code, __u32 which, __u32 tid)
{
	struct str_cursor c = { .code = code, .which = which, .tid = tid };

	str_read_header(str, &c.h);
	if (have_bpf_loop) {
		bpf_loop(STR_MAX_PIECES, str_step, &c, 0);
		return c.err;
	}
	forget(&c.h.length);
	forget(&c.h.width);
	for (int i = 0; i < STR_FEW_PIECES; i++) {
		if (str_step(i, &c))
			break;
		forget(&c.offset);
	}
	return c.err;
}

/* ---- interning -------------------------------------------------------------------------- */

/* Announces a code object. 0, or -1 when the ring had no room for all of it. */
static __always_inline int code_announce(const struct code_key *key, const struct code_info *info)
{
	__u32 tid = key->tgid; /* that of the process: any of its threads may be the first */
	struct vtbpf_rec_code *r = EMIT_RESERVE(struct vtbpf_rec_code, VTBPF_REC_CODE, tid);

	if (!r)
		return -1;
	r->id = info->id;
	r->tgid = key->tgid;
	r->addr = key->addr;
	r->filename = info->filename;
	r->name = info->name;
	r->firstlineno = info->firstlineno;
	r->co_flags = 0;
	bpf_probe_read_user(&r->co_flags, 4, (void *)(key->addr + layout.code_flags));
	r->version = layout.code_version ? info->version : 0;
	r->_pad = 0;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	if (emit_str(info->filename, info->id, VTBPF_STR_FILENAME, tid))
		return -1;
	return emit_str(info->name, info->id, VTBPF_STR_NAME, tid);
}

/* What is known of the code object, which is compared with that; NULL when it cannot be read. */
static __noinline struct code_info *code_look_up(const struct code_key *key)
{
	struct code_info fresh = {}, *info;

	info = bpf_map_lookup_elem(&codes, key);
	if (info && codes_watched && !codes_unwatched && info->sent && info->epoch == code_epoch)
		return info; /* its death would have removed it */
	fresh.epoch = code_epoch;
	if (code_read(key->addr, &fresh))
		return 0;
	if (info && code_same(info, &fresh)) {
		info->epoch = fresh.epoch;
		return info;
	}
	fresh.id = new_id(ID_OF_CODE);
	bpf_map_update_elem(&codes, key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&codes, key);
}

/* Id of the code object, which is announced when it is new or when its names found no room last
 * time; 0 when it cannot be read. A function of its own to the verifier, for the same reason as
 * emit_str(). */
__noinline __u32 code_intern_shared(__u64 code, __u32 tgid)
{
	struct code_key key = { .addr = code, .tgid = tgid };
	struct code_info *info = code_look_up(&key);

	if (!info)
		return 0;
	if (!info->sent)
		info->sent = !code_announce(&key, info);
	return info->id;
}

static __always_inline void code_forget(__u64 code, __u32 tgid)
{
	struct code_key key = { .addr = code, .tgid = tgid };

	bpf_map_delete_elem(&codes, &key);
	__sync_fetch_and_add(&code_generation, 1);
}

/* Has the code object been announced? Then its id may be kept elsewhere. */
static __noinline bool code_is_sent(__u64 code, __u32 tgid)
{
	struct code_key key = { .addr = code, .tgid = tgid };
	struct code_info *info = bpf_map_lookup_elem(&codes, &key);

	return info && info->sent;
}

/* From 3.11 on a code object holds its own instructions. Free-threaded builds of 3.14+ run copies. */
static __always_inline bool code_holds_instr(void)
{
	return layout.minor >= 11 &&
	       !(layout.flags & VTBPF_LAYOUT_FREE_THREADED && layout.minor >= 14);
}

static __always_inline __u32 slot_index(__u64 key)
{
	return (key >> 4 ^ key >> 12) & (CODE_SLOTS - 1);
}

static __always_inline bool slot_is_for(const struct code_slot *slot, __u64 key, __u32 tgid)
{
	return slot->key == key && slot->tgid == tgid && slot->addr;
}

/* No code object has died since the slot was filled, so it is right. Now and then, as its uses are
 * counted, one looks at the code object all the same, to notice a plan that misses their deaths. */
#define LOOK_EVERY 64
#define CODE_LONGEST 65536 /* bytes of a code object that are looked at as its own */

static __always_inline bool slot_is_fresh(const struct code_slot *slot)
{
	return codes_watched && slot->generation == code_generation && slot->uses % LOOK_EVERY;
}

/* Does the slot's code object look as it did when the slot was filled? */
static __always_inline bool slot_is_right(const struct code_slot *slot, __u64 code)
{
	struct code_info c = {};

	return slot->addr == code && !code_read(code, &c) && slot->filename == c.filename &&
	       slot->name == c.name && slot->firstlineno == c.firstlineno &&
	       slot->version == c.version;
}

static __always_inline void slot_fill(struct code_slot *slot, __u64 key, __u64 code, __u32 tgid)
{
	struct code_key known = { .addr = code, .tgid = tgid };
	struct code_info *info = bpf_map_lookup_elem(&codes, &known);

	slot->addr = 0;
	if (!info || !info->sent)
		return;
	slot->filename = info->filename;
	slot->name = info->name;
	slot->firstlineno = info->firstlineno;
	slot->version = info->version;
	slot->size = 0;
	slot->tgid = tgid;
	slot->key = key;
	slot->addr = code;
}

/* What its slot is found by: `instr`, where that is an instruction of the code object. */
static __always_inline __u64 code_key_of(__u64 code, __u64 instr)
{
	return code_holds_instr() && instr - code < CODE_LONGEST ? instr : code;
}

/* Id of a code object whose slot must be looked at closely, or belongs to another. */
static __always_inline __u32 slot_renew(struct thread_state *t, struct code_slot *slot, __u64 key,
					__u64 code)
{
	__u32 generation = code_generation, id;

	if (slot_is_for(slot, key, t->tgid) && slot->generation == generation) {
		if (slot_is_right(slot, code))
			return slot->id;
		if (codes_watched) {
			t->count.stale_codes++;
			code_forget(code, t->tgid);
		}
	}
	id = code_intern_shared(code, t->tgid);
	if (!slot_is_for(slot, key, t->tgid) || slot->id != id)
		slot_fill(slot, key, code, t->tgid);
	slot->id = id;
	slot->generation = generation;
	return id;
}

/* Id of a code object of the running thread's, which may be about to execute `instr` of it (0: not
 * known); 0 when it cannot be read. */
__noinline __u32 code_intern(__u64 code, __u64 instr, __u32 tid)
{
	struct thread_state *t = thread_of(tid);
	struct open_stack *s = t ? stack_of(t) : 0;
	__u64 key = code_key_of(code, instr);
	struct code_slot *slot;

	if (!t)
		return 0;
	if (!s)
		return code_intern_shared(code, t->tgid);
	slot = &s->codes[slot_index(key)];
	if (key == code)
		slot->uses++;
	if (slot_is_for(slot, key, t->tgid) && slot->addr == code && slot_is_fresh(slot))
		return slot->id;
	return slot_renew(t, slot, key, code);
}

/* The slot of the code object that `instr` is one of, if nothing needs to be looked at for that. */
static __always_inline struct code_slot *slot_of_instr(struct thread_state *t, struct open_stack *s,
						       __u64 instr)
{
	struct code_slot *slot;

	if (!code_holds_instr() || !codes_watched || !instr || !s)
		return 0;
	slot = &s->codes[slot_index(instr)];
	slot->uses++;
	return slot_is_for(slot, instr, t->tgid) && slot_is_fresh(slot) ? slot : 0;
}

#endif
