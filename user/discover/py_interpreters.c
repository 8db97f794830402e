// SPDX-License-Identifier: GPL-2.0-only
#include "py_interpreters.h"

#include <errno.h>

/* From `locked` to switch_number: Include/internal/pycore_gil.h (3.8 to 3.15). */
#define GIL_SWITCHES_AFTER_LOCKED 0x8

static bool is_listed(const uint64_t *interps, int n, uint64_t interp)
{
	int i;

	for (i = 0; i < n; i++) {
		if (interps[i] == interp)
			return true;
	}
	return false;
}

int py_interpreters__list(struct py_reader *r, uint64_t *interps, int max)
{
	uint64_t interp;
	int err, n = 0;

	err = py_reader__word(r, r->runtime, r->l.runtime_interpreters, &interp);
	while (!err && interp && n < max && !is_listed(interps, n, interp)) {
		interps[n++] = interp;
		err = py_reader__word(r, interp, r->l.interp_next, &interp);
	}
	return err && !n ? err : n;
}

/* The GIL at addr. Free-threaded builds have one that is off unless asked for (PYTHON_GIL=1). */
static int read_gil(struct py_reader *r, uint64_t addr, struct py_gil *gil)
{
	bool can_be_off = r->frame.flags & VTBPF_LAYOUT_FREE_THREADED;
	int32_t enabled = 1, locked = 0;
	int err = 0;

	if (can_be_off)
		err = py_reader__get(r, addr, &enabled, sizeof(enabled));
	if (!err)
		err = py_reader__get(r, addr + r->l.gil_locked, &locked, sizeof(locked));
	if (!err)
		err = py_reader__word(r, addr, r->l.gil_holder, &gil->holder);
	if (!err)
		err = py_reader__word(r, addr, r->l.gil_locked + GIL_SWITCHES_AFTER_LOCKED,
				      &gil->switches);
	if (err)
		return err;
	gil->addr = addr;
	gil->wait_begin = addr + r->l.gil_locked + PY_GIL_COND_AFTER_LOCKED;
	gil->wait_end = gil->wait_begin + PY_GIL_CONDS_BYTES;
	/* last_holder stays when the GIL is free */
	if (locked != 1)
		gil->holder = 0;
	return enabled ? 0 : -ENOENT;
}

static bool is_known(const struct py_gil *gils, int n, uint64_t addr)
{
	int i;

	for (i = 0; i < n; i++) {
		if (gils[i].addr == addr)
			return true;
	}
	return false;
}

int py_gils__read(struct py_reader *r, struct py_gil *gils, int max)
{
	uint64_t interps[PY_MAX_INTERPRETERS], addr;
	int n = 0, n_interps, i;

	py_reader__begin(r);
	if (r->l.interp_gil == PY_NO_FIELD)
		return max && read_gil(r, r->runtime + r->l.runtime_gil, gils) == 0;
	n_interps = py_interpreters__list(r, interps, PY_MAX_INTERPRETERS);
	for (i = 0; i < n_interps && n < max; i++) {
		if (py_reader__word(r, interps[i], r->l.interp_gil, &addr) == 0 &&
		    !is_known(gils, n, addr) && read_gil(r, addr, &gils[n]) == 0)
			n++;
	}
	return n;
}
