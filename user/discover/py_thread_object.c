// SPDX-License-Identifier: GPL-2.0-only
#include "py_thread_object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void thread_object__free(struct thread_object *o)
{
	py_dict__free(&o->attrs);
}

/*
 * Attributes as threading.Thread.__init__ sets them (Lib/threading.py, 3.8 to 3.15). All four must
 * be there: other classes have a _name too.
 */
int thread_object__load(struct py_reader *r, uint64_t addr, struct thread_object *o)
{
	const struct py_dict_item *ident, *native_id, *daemon;
	uint64_t value;
	int err;

	memset(o, 0, sizeof(*o));
	o->addr = addr;
	err = py_instance__load(r, addr, &o->attrs);
	if (err)
		return err;
	o->name = py_dict__find(r, &o->attrs, PY_SYM_NAME);
	ident = py_dict__find(r, &o->attrs, PY_SYM_IDENT);
	native_id = py_dict__find(r, &o->attrs, PY_SYM_NATIVE_ID);
	daemon = py_dict__find(r, &o->attrs, PY_SYM_DAEMONIC);
	if (!o->name || !ident || !native_id || !daemon)
		return -EINVAL;
	if (py_long__value(r, ident->value, &value) == 0)
		o->ident = value;
	if (py_long__value(r, native_id->value, &value) == 0 && value <= INT32_MAX)
		o->native_id = value;
	if (py_long__value(r, daemon->value, &value) == 0)
		o->daemon = value != 0;
	return 0;
}

char *thread_object__name(struct py_reader *r, const struct thread_object *o)
{
	char *name = py_str__read(r, o->name->value, VTBPF_MAX_STR_BYTES);

	if (name && !py_dict__holds(r, &o->attrs, o->name)) {
		free(name);
		name = NULL;
	}
	return name;
}

/* Is the object that of thread native_id? */
static bool thread_object__is_of(struct py_reader *r, uint64_t object, pid_t native_id)
{
	struct thread_object o;
	bool yes = thread_object__load(r, object, &o) == 0 && o.native_id == (uint64_t)native_id;

	thread_object__free(&o);
	return yes;
}

char *py_thread_name(struct py_reader *r, uint64_t object, pid_t native_id)
{
	struct thread_object o;
	char *name = NULL;

	py_reader__begin(r);
	if (thread_object__load(r, object, &o) == 0)
		name = thread_object__name(r, &o);
	thread_object__free(&o);
	/* Asked after the name was read: what was the thread's then was so before. */
	if (name && native_id && !thread_object__is_of(r, object, native_id)) {
		free(name);
		name = NULL;
	}
	return name;
}
