// SPDX-License-Identifier: GPL-2.0-only
#include "py_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Tables: a header, an index of 1, 2, 4 or 8 bytes a slot, then the entries in order of insertion.
 * Only the entries matter here. Objects/dict-common.h (3.8 to 3.10),
 * Include/internal/pycore_dict.h.
 */
#define KEYS_HEADER_SIZE 40 /* of struct _dictkeysobject, 3.8 to 3.10 */
#define KEYS_HEADER_LOG2 32 /* 3.11 on */
#define KEYS_HEADER_MAX 40
#define KEYS_AFTER_REFCOUNT 8 /* the count of who shares the table comes and goes */
#define KEYS_MAX_LOG2 32
#define KEYS_GENERAL 0 /* dk_kind: entries with a hash; others are str keys without */
#define KEYS_LAST_KIND 2
#define MAX_ENTRIES (1u << 20)
#define MAX_TRIES 8

#define ENTRY_WITH_HASH 24 /* hash, key, value */
#define ENTRY_UNICODE 16   /* key, value */

#define VALUES_CAPACITY 0 /* bytes of struct _dictvalues, 3.13 on */
#define VALUES_VALID 3

struct keys_header {
	unsigned char raw[KEYS_HEADER_MAX];
	size_t size;
	uint64_t n_entries, index_bytes;
	bool with_hash;
};

static const char *const symbol_text[PY_N_SYMBOLS] = {
	[PY_SYM_THREADING] = "threading",
	[PY_SYM_ACTIVE] = "_active",
	[PY_SYM_NAME] = "_name",
	[PY_SYM_IDENT] = "_ident",
	[PY_SYM_NATIVE_ID] = "_native_id",
	[PY_SYM_DAEMONIC] = "_daemonic",
	[PY_SYM_MP_PROCESS] = "multiprocessing.process",
	[PY_SYM_CURRENT_PROCESS] = "_current_process",
};

/* dk_refcnt, dk_size, dk_lookup, dk_usable, dk_nentries */
static int parse_keys_size(struct keys_header *h)
{
	uint64_t slots, width;

	memcpy(&slots, h->raw + 8, sizeof(slots));
	memcpy(&h->n_entries, h->raw + 32, sizeof(h->n_entries));
	if (slots & (slots - 1) || slots > (1ULL << KEYS_MAX_LOG2) || h->n_entries > slots)
		return -EINVAL;
	width = slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8;
	h->index_bytes = slots * width;
	h->with_hash = true;
	return 0;
}

/* dk_refcnt, u8 dk_log2_size, dk_log2_index_bytes, dk_kind, u32 dk_version, dk_usable, dk_nentries */
static int parse_keys_log2(struct keys_header *h)
{
	unsigned int log2_size = h->raw[8], log2_index = h->raw[9], kind = h->raw[10];

	memcpy(&h->n_entries, h->raw + 24, sizeof(h->n_entries));
	if (log2_size > KEYS_MAX_LOG2 || log2_index > KEYS_MAX_LOG2 + 3 || kind > KEYS_LAST_KIND ||
	    h->n_entries > (1ULL << log2_size))
		return -EINVAL;
	h->index_bytes = 1ULL << log2_index;
	h->with_hash = kind == KEYS_GENERAL;
	return 0;
}

static int read_keys_header(struct py_reader *r, uint64_t keys, struct keys_header *h)
{
	int err;

	h->size = r->l.keys == PY_KEYS_SIZE ? KEYS_HEADER_SIZE : KEYS_HEADER_LOG2;
	err = py_reader__get(r, keys, h->raw, h->size);
	if (err)
		return err;
	err = r->l.keys == PY_KEYS_SIZE ? parse_keys_size(h) : parse_keys_log2(h);
	if (!err && h->n_entries > MAX_ENTRIES)
		err = -EFBIG;
	return err;
}

/* Makes the raw entries (and for a split table the raw values, else NULL) into items. */
static int fill_items(struct py_dict *d, const unsigned char *raw, const uint64_t *values, size_t n)
{
	struct py_dict_item *item;
	size_t i;

	d->items = calloc(n ? n : 1, sizeof(*d->items));
	if (!d->items)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		item = &d->items[d->n];
		memcpy(&item->key, raw + i * d->stride + d->key_at, sizeof(item->key));
		memcpy(&item->value, raw + i * d->stride + d->key_at + 8, sizeof(item->value));
		if (values)
			item->value = values[i];
		item->slot = i;
		if (item->key && item->value)
			d->n++;
	}
	return 0;
}

/* How many of n values a split table has room for. */
static int limit_values(struct py_reader *r, uint64_t values, uint64_t *n)
{
	unsigned char head[8];
	int err;

	if (!r->l.values_items)
		return 0; /* up to 3.12 there is room for every key */
	err = py_reader__get(r, values, head, sizeof(head));
	if (err)
		return err;
	if (!head[VALUES_VALID])
		return -EAGAIN;
	if (*n > head[VALUES_CAPACITY])
		*n = head[VALUES_CAPACITY];
	return 0;
}

static int read_entries(struct py_reader *r, struct py_dict *d, uint64_t n)
{
	unsigned char *raw = NULL;
	uint64_t *values = NULL;
	int err = -ENOMEM;

	raw = malloc(n * d->stride + 1);
	values = d->values ? malloc(n * sizeof(*values) + 1) : NULL;
	if (!raw || (d->values && !values))
		goto out;
	err = 0;
	if (n)
		err = py_reader__get(r, d->entries, raw, n * d->stride);
	if (!err && n && values)
		err = py_reader__get(r, d->values, values, n * sizeof(*values));
	if (!err)
		err = fill_items(d, raw, values, n);
out:
	free(raw);
	free(values);
	return err;
}

static bool same_root(struct py_reader *r, const struct py_dict *d)
{
	uint64_t root;

	return py_reader__word(r, d->root_addr, 0, &root) == 0 && root == d->root;
}

/* Copies the table at d->keys, with the values at `values` if that is not 0. */
static int load_table(struct py_reader *r, struct py_dict *d, uint64_t values)
{
	struct keys_header before, after;
	uint64_t n;
	int err;

	err = read_keys_header(r, d->keys, &before);
	if (err)
		return err;
	n = before.n_entries;
	if (values) {
		err = limit_values(r, values, &n);
		if (err)
			return err;
	}
	d->values = values ? values + r->l.values_items : 0;
	d->entries = d->keys + before.size + before.index_bytes;
	d->stride = before.with_hash ? ENTRY_WITH_HASH : ENTRY_UNICODE;
	d->key_at = before.with_hash ? 8 : 0;
	err = read_entries(r, d, n);
	if (err)
		return err;
	err = py_reader__get(r, d->keys, after.raw, before.size);
	if (err)
		return err;
	if (memcmp(before.raw + KEYS_AFTER_REFCOUNT, after.raw + KEYS_AFTER_REFCOUNT,
		   before.size - KEYS_AFTER_REFCOUNT) ||
	    !same_root(r, d))
		return -EAGAIN;
	return 0;
}

static int load_dict(struct py_reader *r, uint64_t object, struct py_dict *d)
{
	uint64_t values;
	int err;

	err = py_object__check(r, object, PY_TYPE_DICT);
	if (!err)
		err = py_reader__word(r, object, r->l.ma_keys, &d->keys);
	if (!err)
		err = py_reader__word(r, object, r->l.ma_values, &values);
	if (err)
		return err;
	d->root_addr = object + r->l.ma_keys;
	d->root = d->keys;
	return load_table(r, d, values);
}

/* The values that belong to `type`'s cached keys, of the instance whose word at `root` led there. */
static int load_values(struct py_reader *r, const struct py_type *type, uint64_t values,
		       struct py_dict *d)
{
	int err;

	if (!(type->flags & PY_TYPE_HEAP))
		return -EINVAL;
	err = py_reader__word(r, type->addr, r->l.ht_cached_keys, &d->keys);
	if (err)
		return err;
	return load_table(r, d, values);
}

/* The attributes behind the word at root_addr, which is a dict pointer or NULL. */
static int load_dict_at(struct py_reader *r, uint64_t root_addr, struct py_dict *d)
{
	uint64_t dict;
	int err = py_reader__word(r, root_addr, 0, &dict);

	if (err)
		return err;
	return dict ? load_dict(r, dict, d) : -ENOENT;
}

/* Include/internal/pycore_object.h of each version: _PyObject_ValuesPointer (3.11),
 * _PyObject_DictOrValuesPointer (3.12), _PyObject_ManagedDictPointer and _PyObject_InlineValues. */
static int load_managed(struct py_reader *r, uint64_t object, const struct py_type *type,
			struct py_dict *d)
{
	uint64_t dict_addr = object + (int64_t)r->l.managed_dict;
	int err;

	d->root_addr = r->l.instance == VTBPF_ATTRS_VALUES ? dict_addr - 8 : dict_addr;
	err = py_reader__word(r, d->root_addr, 0, &d->root);
	if (err)
		return err;
	switch (r->l.instance) {
	case VTBPF_ATTRS_VALUES:
		return d->root ? load_values(r, type, d->root, d) : load_dict_at(r, dict_addr, d);
	case VTBPF_ATTRS_TAGGED:
		if (d->root & 1)
			return load_values(r, type, d->root + 1, d);
		return load_dict_at(r, dict_addr, d);
	default:
		if (d->root || !(type->flags & PY_TYPE_INLINE_VALUES))
			return load_dict_at(r, dict_addr, d);
		return load_values(r, type, object + type->basicsize, d);
	}
}

static int load_instance(struct py_reader *r, uint64_t object, struct py_dict *d)
{
	struct py_type type;
	int err = py_object__type(r, object, &type);

	if (err)
		return err;
	if (r->l.instance != VTBPF_ATTRS_DICT && type.flags & PY_TYPE_MANAGED_DICT)
		return load_managed(r, object, &type, d);
	if (type.dictoffset <= 0 || type.dictoffset > type.basicsize)
		return -ENOENT;
	return load_dict_at(r, object + type.dictoffset, d);
}

/* Tries again while the target changes what is being read. */
static int load_quietly(struct py_reader *r, uint64_t object, struct py_dict *d,
			int (*load)(struct py_reader *, uint64_t, struct py_dict *))
{
	int err = -EAGAIN, tries;

	memset(d, 0, sizeof(*d));
	for (tries = 0; err == -EAGAIN && tries < MAX_TRIES; tries++) {
		err = load(r, object, d);
		if (err)
			py_dict__free(d);
	}
	return err;
}

int py_dict__load(struct py_reader *r, uint64_t object, struct py_dict *d)
{
	return load_quietly(r, object, d, load_dict);
}

int py_instance__load(struct py_reader *r, uint64_t object, struct py_dict *d)
{
	return load_quietly(r, object, d, load_instance);
}

void py_dict__free(struct py_dict *d)
{
	free(d->items);
	memset(d, 0, sizeof(*d));
}

/* Names of attributes and modules are interned: most often it is the str of last time. */
static const struct py_dict_item *find_known(struct py_reader *r, const struct py_dict *d,
					     enum py_symbol symbol)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		if (d->items[i].key != r->symbols[symbol])
			continue;
		if (!r->verified[symbol])
			r->verified[symbol] =
				py_str__equals(r, d->items[i].key, symbol_text[symbol]);
		return r->verified[symbol] ? &d->items[i] : NULL;
	}
	return NULL;
}

const struct py_dict_item *py_dict__find(struct py_reader *r, const struct py_dict *d,
					 enum py_symbol symbol)
{
	const struct py_dict_item *known = find_known(r, d, symbol);
	size_t i;

	if (known)
		return known;
	for (i = 0; i < d->n; i++) {
		if (!py_str__equals(r, d->items[i].key, symbol_text[symbol]))
			continue;
		r->symbols[symbol] = d->items[i].key;
		r->verified[symbol] = true;
		return &d->items[i];
	}
	return NULL;
}

bool py_dict__holds(struct py_reader *r, const struct py_dict *d, const struct py_dict_item *item)
{
	uint64_t key_addr = d->entries + (uint64_t)item->slot * d->stride + d->key_at;
	uint64_t value_addr = d->values ? d->values + (uint64_t)item->slot * 8 : key_addr + 8;
	uint64_t key, value;

	return same_root(r, d) && py_reader__word(r, key_addr, 0, &key) == 0 && key == item->key &&
	       py_reader__word(r, value_addr, 0, &value) == 0 && value == item->value;
}
