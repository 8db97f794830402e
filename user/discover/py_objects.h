/* SPDX-License-Identifier: GPL-2.0-only */
/* Python objects in another process: types, integers, strings, dictionaries, attributes. */
#ifndef VTBPF_PY_OBJECTS_H
#define VTBPF_PY_OBJECTS_H

#include "py_reader.h"

/* tp_flags, Include/object.h: 3.8 to 3.15 agree */
#define PY_TYPE_INLINE_VALUES (1UL << 2) /* 3.13 on */
#define PY_TYPE_MANAGED_DICT (1UL << 4)	 /* 3.11 on */
#define PY_TYPE_HEAP (1UL << 9)
#define PY_TYPE_LONG (1UL << 24)
#define PY_TYPE_UNICODE (1UL << 28)
#define PY_TYPE_DICT (1UL << 29)

/* The type of the object at `object`. -ESTALE when the object is known to be dead. */
int py_object__type(struct py_reader *r, uint64_t object, struct py_type *type);

/* 0 when the object is of a type that has `flag`, -EINVAL when it is not, or an error of reading. */
int py_object__check(struct py_reader *r, uint64_t object, uint64_t flag);

/* Value of an int (or bool). -ERANGE when it is negative or does not fit. */
int py_long__value(struct py_reader *r, uint64_t object, uint64_t *value);

/* py_str within a pass. */
char *py_str__read(struct py_reader *r, uint64_t object, size_t max_bytes);

/* Whether the str at `object` is this ASCII text. */
bool py_str__equals(struct py_reader *r, uint64_t object, const char *text);

struct py_dict_item {
	uint64_t key, value; /* objects */
	uint32_t slot;	     /* which entry of the table */
};

/*
 * A copy of a dictionary, or of an instance's attributes, as they were at one moment. The target
 * goes on changing them: py_dict__holds says whether an item is still there.
 */
struct py_dict {
	uint64_t root_addr, root; /* the word that leads to the table, and what it was */
	uint64_t keys;
	uint64_t values;	 /* first value of a split table, 0 for a combined one */
	uint64_t entries;	 /* first entry */
	uint32_t stride, key_at; /* size of an entry, and where its key is; its value follows */
	size_t n;
	struct py_dict_item *items;
};

/* Copies the dict at `object`. 0 or a negative errno: -EINVAL no dict, -EFBIG too large to be one,
 * -EAGAIN it changed each time it was read. Free it with py_dict__free; after an error it is
 * empty. */
int py_dict__load(struct py_reader *r, uint64_t object, struct py_dict *d);

/* The same for the attributes in the instance itself (not those of its class). -ENOENT: it has
 * none. */
int py_instance__load(struct py_reader *r, uint64_t object, struct py_dict *d);
void py_dict__free(struct py_dict *d);

/* The item whose key is the name `symbol`, NULL when there is none. */
const struct py_dict_item *py_dict__find(struct py_reader *r, const struct py_dict *d,
					 enum py_symbol symbol);

/* What `symbol` stands for in a module of the interpreter. 0 or a negative errno: -ENOENT when the module
 * is not imported, or has no such name. */
int py_module__get(struct py_reader *r, uint64_t interp, enum py_symbol module,
		   enum py_symbol symbol, uint64_t *value);

/* Whether the item is still where it was found. */
bool py_dict__holds(struct py_reader *r, const struct py_dict *d, const struct py_dict_item *item);

#endif
