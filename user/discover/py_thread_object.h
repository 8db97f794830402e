/* SPDX-License-Identifier: GPL-2.0-only */
/* A threading.Thread in another process. */
#ifndef VTBPF_PY_THREAD_OBJECT_H
#define VTBPF_PY_THREAD_OBJECT_H

#include "py_objects.h"

/* What it said when it was read, which is not yet to be believed. */
struct thread_object {
	uint64_t addr;
	struct py_dict attrs;
	const struct py_dict_item *name;
	uint64_t ident;	    /* 0 when it has not started */
	uint64_t native_id; /* 0 when it has none */
	bool daemon;
};

/* Reads the object at addr. 0 or a negative errno (-EINVAL: no Thread). Free it in both cases. */
int thread_object__load(struct py_reader *r, uint64_t addr, struct thread_object *o);
void thread_object__free(struct thread_object *o);

/* Its name as malloc'ed UTF-8, if it was still the Thread's when it had been read; else NULL. */
char *thread_object__name(struct py_reader *r, const struct thread_object *o);

#endif
