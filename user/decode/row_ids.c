// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "row_ids.h"

#include "decoder.h"

#define SHOWN_FIRST (KERNEL_TID_MAX + 1)
#define SHOWN_LAST INT32_MAX

/* A number that stands in some input or was made up. */
struct id {
	UT_hash_handle hh;
	uint64_t number;
	bool taken;  /* as a tid, or a made-up pid, of an input that was done already */
	bool is_pid; /* a process is shown with it */
};

/* A process among all, in the order of the inputs; those shown as one are a list. */
struct shown {
	struct scan_process *process;
	const struct row_ids_input *input;
	struct shown *same;  /* the next one that is shown as one with it */
	struct shown *chain; /* the next other one that had the same key */
};

struct shown_slot {
	UT_hash_handle hh;
	struct chrome_key key;
	struct shown *first; /* by `chain` */
};

struct assigning {
	struct id *ids;
	struct shown_slot *slots;
	uint64_t spare;
};

static int add_id(struct assigning *a, uint64_t number, struct id **out)
{
	struct id *id;

	HASH_FIND(hh, a->ids, &number, sizeof(number), id);
	if (!id) {
		id = calloc(1, sizeof(*id));
		if (!id)
			return -ENOMEM;
		id->number = number;
		HASH_ADD(hh, a->ids, number, sizeof(number), id);
		if (!id->hh.tbl) {
			free(id);
			return -ENOMEM;
		}
	}
	if (out)
		*out = id;
	return 0;
}

static int add_ids(struct assigning *a, const struct trace_scan *s)
{
	const struct scan_process *p;
	const struct scan_row *row;
	int err = 0;

	for (p = s->first_process; p && !err; p = p->next)
		err = p->key.odd ? 0 : add_id(a, p->key.pid, NULL);
	for (row = s->first_row; row && !err; row = row->next)
		err = row->key.odd & CHROME_ODD_TID ? 0 : add_id(a, row->key.tid, NULL);
	return err;
}

static int spare_id(struct assigning *a, uint64_t *out)
{
	struct id *id;

	for (; a->spare <= SHOWN_LAST; a->spare++) {
		HASH_FIND(hh, a->ids, &a->spare, sizeof(a->spare), id);
		if (!id) {
			*out = a->spare;
			return add_id(a, a->spare++, NULL);
		}
	}
	return -ENOSPC;
}

/* ---- processes -------------------------------------------------------------------------- */

static bool is_one_process(const struct scan_process *a, const struct scan_process *b)
{
	return a->boot && b->boot && !strcmp(a->boot, b->boot) && a->start_ticks >= 0 &&
	       a->start_ticks == b->start_ticks && a->kernel_pid == b->kernel_pid;
}

static int64_t begin_of(const struct row_ids_input *in)
{
	return in->scan->first == CLOCK_UNKNOWN ? CLOCK_UNKNOWN : in->scan->first + in->shift;
}

/* Events of the input that begins first are written first: they must be the earlier ones on each row
 * that both have. */
static bool is_in_order(const struct shown *a, const struct row_ids_input *in,
			const struct scan_process *p)
{
	bool first = begin_of(a->input) <= begin_of(in);
	int64_t apart = in->shift - a->input->shift; /* what to add to times of `in` */
	const struct scan_row *row, *other;
	struct chrome_key key;

	for (row = in->scan->first_row; row; row = row->next) {
		if (row->process != p || row->first == CLOCK_UNKNOWN ||
		    row->key.tid > KERNEL_TID_MAX)
			continue;
		key = row->key;
		key.pid = a->process->key.pid;
		other = trace_scan__row(a->input->scan, &key);
		if (!other || other->first == CLOCK_UNKNOWN)
			continue;
		if (first ? other->last > row->first + apart : row->last + apart > other->first)
			return false;
	}
	return true;
}

static bool fits(const struct shown *list, const struct row_ids_input *in,
		 const struct scan_process *p)
{
	const struct shown *a;

	for (a = list; a; a = a->same) {
		if (a->input == in || !is_one_process(a->process, p) || !is_in_order(a, in, p))
			return false;
	}
	return true;
}

/* Those that had the kernel's pid: made-up ones of an input that was put together before stand where
 * the pid stands that they were made up for. */
static struct shown_slot *get_slot(struct assigning *a, const struct scan_process *p)
{
	struct chrome_key key = p->key;
	struct shown_slot *slot;

	if (!key.odd && p->kernel_pid > 0)
		key.pid = (uint64_t)p->kernel_pid;
	HASH_FIND(hh, a->slots, &key, sizeof(key), slot);
	if (slot)
		return slot;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->key = key;
	HASH_ADD(hh, a->slots, key, sizeof(slot->key), slot);
	if (!slot->hh.tbl) {
		free(slot);
		return NULL;
	}
	return slot;
}

/* The process gets the pid that it has, if that is still free, or a made-up one. */
static int choose_pid(struct assigning *a, struct scan_process *p, bool is_first)
{
	struct id *id;
	int err;

	p->shown = p->key.pid;
	if (p->key.odd) /* no number */
		return is_first ? 0 : spare_id(a, &p->shown);
	err = add_id(a, p->key.pid, &id);
	if (!err && (id->is_pid || (p->shown > KERNEL_TID_MAX && id->taken)))
		err = spare_id(a, &p->shown);
	if (!err)
		err = add_id(a, p->shown, &id);
	if (!err)
		id->is_pid = true;
	return err;
}

static int show_process(struct assigning *a, const struct row_ids_input *in, struct scan_process *p)
{
	struct shown_slot *slot = get_slot(a, p);
	struct shown *new = slot ? calloc(1, sizeof(*new)) : NULL, **at;

	if (!new)
		return -ENOMEM;
	new->process = p;
	new->input = in;
	for (at = &slot->first; *at && !fits(*at, in, p); at = &(*at)->chain)
		;
	if (*at) {
		p->shown = (*at)->process->shown;
		p->joined = true;
		new->same = (*at)->same;
		(*at)->same = new;
		return 0;
	}
	*at = new;
	return choose_pid(a, p, new == slot->first);
}

/* ---- rows ------------------------------------------------------------------------------- */

static int show_row(struct assigning *a, struct scan_row *row)
{
	struct id *id;
	int err;

	row->shown = row->key.tid;
	if (row->key.odd & CHROME_ODD_TID || row->key.tid <= KERNEL_TID_MAX)
		return 0;
	err = add_id(a, row->key.tid, &id);
	if (err)
		return err;
	if (id->taken)
		return spare_id(a, &row->shown);
	return 0;
}

static int take(struct assigning *a, uint64_t number)
{
	struct id *id;
	int err = number > KERNEL_TID_MAX ? add_id(a, number, &id) : 0;

	if (!err && number > KERNEL_TID_MAX)
		id->taken = true;
	return err;
}

/* Only when the input is done: two of its own rows may have the same. */
static int take_all(struct assigning *a, const struct trace_scan *s)
{
	const struct scan_process *p;
	const struct scan_row *row;
	int err = 0;

	for (p = s->first_process; p && !err; p = p->next)
		err = take(a, p->shown);
	for (row = s->first_row; row && !err; row = row->next)
		err = row->key.odd & CHROME_ODD_TID ? 0 : take(a, row->shown);
	return err;
}

static int assign_input(struct assigning *a, const struct row_ids_input *in)
{
	struct scan_process *p;
	struct scan_row *row;
	int err = 0;

	for (p = in->scan->first_process; p && !err; p = p->next)
		err = show_process(a, in, p);
	for (row = in->scan->first_row; row && !err; row = row->next)
		err = show_row(a, row);
	return err ? err : take_all(a, in->scan);
}

static void release(struct assigning *a)
{
	struct shown_slot *slot, *next_slot;
	struct shown *s, *same, *next;
	struct id *id, *next_id;

	HASH_ITER(hh, a->slots, slot, next_slot) {
		HASH_DEL(a->slots, slot);
		for (s = slot->first; s; s = next) {
			next = s->chain;
			for (; s; s = same) {
				same = s->same;
				free(s);
			}
		}
		free(slot);
	}
	HASH_ITER(hh, a->ids, id, next_id) {
		HASH_DEL(a->ids, id);
		free(id);
	}
}

int row_ids__assign(struct row_ids_input *in, size_t n)
{
	struct assigning a = { .spare = SHOWN_FIRST };
	int err = 0;
	size_t i;

	for (i = 0; i < n && !err; i++)
		err = add_ids(&a, in[i].scan);
	for (i = 0; i < n && !err; i++)
		err = assign_input(&a, &in[i]);
	release(&a);
	return err;
}
