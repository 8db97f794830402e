/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What Python calls a thread, read at the thread's first event. Later would be too late: a short
 * thread is gone before user space can look.
 *
 * The outermost frame of a thread that threading started is Thread._bootstrap(self), and self._name
 * lies in the object's attributes (user/discover/py_dict.c says how each version keeps them). All of
 * it is the target's memory: what cannot be read is taken for 0, and 0 leads nowhere.
 */
#ifndef VTBPF_THREAD_NAME_BPF_H
#define VTBPF_THREAD_NAME_BPF_H

/* tp_flags, Include/object.h: 3.8 to 3.15 agree. */
#define TYPE_INLINE_VALUES (1UL << 2)
#define TYPE_MANAGED_DICT (1UL << 4)
#define TYPE_HEAP (1UL << 9)
#define TYPE_UNICODE (1UL << 28)
#define TYPE_DICT (1UL << 29)

#define KEYS_MANY 1024 /* attributes looked at, with bpf_loop() */
#define KEYS_FEW 48    /* without; a class that shares its keys has at most 30 */
#define KEYS_MAX_LOG2 31
#define KEYS_HEADER_LOG2 32 /* bytes before the index table: from 3.11 on ... */
#define KEYS_HEADER_SIZE 40 /* ... and before */
#define VALUES_VALID 3	    /* byte of struct _dictvalues, 3.13 on */

static __always_inline __u64 word_at(__u64 addr)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)addr);
	return word;
}

static __always_inline __u64 type_flags(__u64 object)
{
	__u64 type = word_at(object + attrs.ob_type);

	return type ? word_at(type + attrs.tp_flags) : 0;
}

#define STR_IS_MAX 24

/* Is the str these n ASCII characters? */
static __always_inline bool str_is(__u64 str, const char *text, const __u32 n)
{
	char got[STR_IS_MAX] = {};
	__u32 state = 0, differs = 0;

	if (!str || word_at(str + layout.str_length) != n ||
	    bpf_probe_read_user(&state, sizeof(state), (void *)(str + layout.str_state)) ||
	    !((state >> layout.str_ascii_bit) & 1) || !((state >> layout.str_compact_bit) & 1) ||
	    bpf_probe_read_user(got, n, (void *)(str + layout.str_ascii)))
		return false;
	for (__u32 i = 0; i < n; i++)
		differs |= got[i] ^ text[i];
	return !differs;
}

#define STR_IS(str, text) str_is(str, text, sizeof(text) - 1)

/* ---- attributes ------------------------------------------------------------------------- */

struct key_search {
	__u64 entries; /* first entry */
	__u64 values;  /* first value, 0: each lies behind its key */
	__u64 n;
	__u64 found; /* address of the value */
	__u32 stride, key_at;
};

static long key_step(__u32 i, void *arg)
{
	struct key_search *s = arg;
	__u64 addr = s->entries + (__u64)i * s->stride + s->key_at;

	if (i >= s->n)
		return 1;
	if (!STR_IS(word_at(addr), "_name"))
		return 0;
	s->found = s->values ? s->values + (__u64)i * 8 : addr + 8;
	return 1;
}

/* dk_refcnt, u8 dk_log2_size, dk_log2_index_bytes, dk_kind, u32 dk_version, dk_usable, dk_nentries;
 * up to 3.10 dk_refcnt, dk_size, dk_lookup, dk_usable, dk_nentries. */
static __always_inline int keys_open(struct key_search *s, __u64 keys)
{
	__u64 head[5] = {}, slots, width;
	bool hashed = true;

	if (!keys || bpf_probe_read_user(head, sizeof(head), (void *)keys))
		return -1;
	if (attrs.keys_log2) {
		width = head[1] >> 8 & 0xff;
		if (width > KEYS_MAX_LOG2)
			return -1;
		hashed = !(head[1] >> 16 & 0xff);
		s->entries = keys + KEYS_HEADER_LOG2 + (1ULL << width);
		s->n = head[3];
	} else {
		slots = head[1];
		width = slots <= 0xff ? 1 : slots <= 0xffff ? 2 : 4;
		s->entries = keys + KEYS_HEADER_SIZE + slots * width;
		s->n = head[4];
	}
	s->stride = hashed ? 24 : 16;
	s->key_at = hashed ? 8 : 0;
	return 0;
}

static __always_inline int dict_open(struct key_search *s, __u64 dict)
{
	if (!dict || !(type_flags(dict) & TYPE_DICT))
		return -1;
	s->values = word_at(dict + attrs.ma_values);
	if (s->values)
		s->values += attrs.values_items;
	return keys_open(s, word_at(dict + attrs.ma_keys));
}

/* Values in the order of the keys that the type caches. From 3.13 on they have a header: how many
 * there is room for, and whether they still hold. */
static __always_inline int values_open(struct key_search *s, __u64 values, __u64 type)
{
	__u64 head = attrs.values_items ? word_at(values) : 0;

	s->values = values + attrs.values_items;
	if (keys_open(s, word_at(type + attrs.ht_cached_keys)))
		return -1;
	if (attrs.values_items && s->n > (head & 0xff))
		s->n = head & 0xff;
	return attrs.values_items && !(head >> 8 * VALUES_VALID & 0xff) ? -1 : 0;
}

static __always_inline int managed_open(struct key_search *s, __u64 object, __u64 type, __u64 flags)
{
	__u64 at = object + (__s64)attrs.managed_dict, word = word_at(at), values;

	switch (attrs.form) {
	case VTBPF_ATTRS_VALUES:
		values = word_at(at - 8);
		return values ? values_open(s, values, type) : dict_open(s, word);
	case VTBPF_ATTRS_TAGGED:
		return word & 1 ? values_open(s, word + 1, type) : dict_open(s, word);
	default:
		if (word || !(flags & TYPE_INLINE_VALUES))
			return dict_open(s, word);
		return values_open(s, object + word_at(type + attrs.tp_basicsize), type);
	}
}

/* Where the object keeps its attribute _name: address of the pointer to it, 0 when it has none. A
 * function of its own to the verifier. */
__noinline __u64 find_name_attr(__u64 object)
{
	__u64 type = word_at(object + attrs.ob_type), flags;
	struct key_search s = {};
	int err;

	if (!type)
		return 0;
	flags = word_at(type + attrs.tp_flags);
	if (!(flags & TYPE_HEAP)) /* Thread and what derives from it are classes of Python's */
		return 0;
	if (attrs.form != VTBPF_ATTRS_DICT && flags & TYPE_MANAGED_DICT)
		err = managed_open(&s, object, type, flags);
	else
		err = dict_open(&s, word_at(object + word_at(type + attrs.tp_dictoffset)));
	if (err)
		return 0;
	if (have_bpf_loop) {
		bpf_loop(KEYS_MANY, key_step, &s, 0);
		return s.found;
	}
	for (int i = 0; i < KEYS_FEW; i++)
		if (key_step(i, &s))
			break;
	return s.found;
}

/* ---- the thread ------------------------------------------------------------------------- */

/* First local of the thread's outermost frame: self, if that is a method. */
static __always_inline __u64 frame_self(__u64 frame)
{
	return word_at(frame + layout.frame_localsplus) & ~7ULL; /* tagged from 3.14 on */
}

/* Is it a frame of threading's Thread._bootstrap()? Lib/threading.py, 3.8 to 3.15. */
static __always_inline bool frame_is_bootstrap(__u64 frame)
{
	struct frame_link link;
	__u64 name;

	if (!frame || frame_read_link(frame, &link))
		return false;
	name = word_at(link.code + layout.code_name);
	return layout.minor < 11 ? STR_IS(name, "_bootstrap") : STR_IS(name, "Thread._bootstrap");
}

/* The str that is the thread's name, given its outermost frame; 0 when it is not known. */
__noinline __u64 thread_name_str(__u64 frame)
{
	__u64 slot, name;

	if (attrs.form == VTBPF_ATTRS_NONE || !frame_is_bootstrap(frame))
		return 0;
	slot = find_name_attr(frame_self(frame));
	name = slot ? word_at(slot) : 0;
	return name && type_flags(name) & TYPE_UNICODE ? name : 0;
}

#endif
