// SPDX-License-Identifier: GPL-2.0-only
/* What the modules of a running Python hold under a name. */
#include <errno.h>

#include "py_interpreters.h"
#include "py_objects.h"

/* Value of the item `symbol` of the dict at `dict`. -ENOENT when it has none. */
static int py_dict__get(struct py_reader *r, uint64_t dict, enum py_symbol symbol, uint64_t *value)
{
	const struct py_dict_item *item;
	struct py_dict d;
	int err;

	err = py_dict__load(r, dict, &d);
	if (!err) {
		item = py_dict__find(r, &d, symbol);
		if (item)
			*value = item->value;
		else
			err = -ENOENT;
	}
	py_dict__free(&d);
	return err;
}

int py_module__get(struct py_reader *r, uint64_t interp, enum py_symbol module,
		   enum py_symbol symbol, uint64_t *value)
{
	uint64_t modules, object, dict;
	int err = py_reader__word(r, interp, r->l.interp_modules, &modules);

	if (!err)
		err = py_dict__get(r, modules, module, &object);
	if (!err)
		err = py_reader__word(r, object, r->l.md_dict, &dict);
	return err ? err : py_dict__get(r, dict, symbol, value);
}

/* The main interpreter is the oldest, and the last of the list. */
static int current_process(struct py_reader *r, uint64_t *object)
{
	uint64_t interps[PY_MAX_INTERPRETERS] = { 0 };
	int n = py_interpreters__list(r, interps, PY_MAX_INTERPRETERS);

	if (n <= 0)
		return n ? n : -ENOENT;
	return py_module__get(r, interps[n - 1], PY_SYM_MP_PROCESS, PY_SYM_CURRENT_PROCESS, object);
}

char *py_process_name(struct py_reader *r)
{
	const struct py_dict_item *item;
	struct py_dict attrs = {};
	char *name = NULL;
	uint64_t object;

	py_reader__begin(r);
	if (current_process(r, &object) || py_instance__load(r, object, &attrs))
		return NULL;
	item = py_dict__find(r, &attrs, PY_SYM_NAME);
	if (item)
		name = py_str__read(r, item->value, PROCESS_NAME_MAX);
	py_dict__free(&attrs);
	return name;
}
