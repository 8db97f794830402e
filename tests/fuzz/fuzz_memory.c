// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the memory of a Python process: everything that is read of a running target from
 * outside. A header says which version it is of and which pieces of memory follow, at which
 * addresses. All other addresses lead somewhere into the same bytes, so that damaged pointers do too.
 * The corpus is what was read of real interpreters.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/discover/cpython.h"
#include "../../user/discover/py_gc.h"
#include "../../user/discover/py_interpreters.h"
#include "../../user/discover/py_lines.h"
#include "../../user/discover/py_objects.h"
#include "../../user/discover/py_reader.h"
#include "../../user/discover/py_threads.h"

#define FIRST_MINOR 8
#define MINORS 8
#define MAX_PIECES 4096
#define MAX_BYTES (2 << 20) /* that are read for an input: more of them can be tried so */

enum { CHANGES = 1, HAS_HOLES = 2, SHORT_READS = 4 };

struct head {
	uint8_t minor, behaves;
	uint16_t n_pieces;
	uint32_t unused;
	uint64_t runtime; /* where _PyRuntime is */
};

struct piece {
	uint64_t addr, len;
};

struct memory {
	struct piece pieces[MAX_PIECES];
	size_t n_pieces;
	const uint8_t *data; /* of the pieces, one after the other */
	size_t size;
	uint8_t behaves;
	uint32_t reads;
	size_t bytes;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where in the data the byte at addr is, and how many follow it there. */
static size_t find(const struct memory *m, uint64_t addr, size_t *room)
{
	size_t at = 0;

	for (size_t i = 0; i < m->n_pieces && at < m->size; i++) {
		const struct piece *p = &m->pieces[i];

		if (addr - p->addr < p->len && addr - p->addr < m->size - at) {
			at += addr - p->addr;
			*room = p->len - (addr - p->addr);
			*room = *room < m->size - at ? *room : m->size - at;
			return at;
		}
		at += p->len < m->size - at ? p->len : m->size - at;
	}
	at = addr % m->size;
	*room = m->size - at;
	return at;
}

static ssize_t read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct memory *m = ctx;
	uint8_t *out = buf;
	size_t done = 0;

	m->bytes += len;
	if (addr < 4096 || m->bytes > MAX_BYTES ||
	    ((m->behaves & HAS_HOLES) && (addr >> 12) % 7 == 3))
		return -EFAULT;
	if ((m->behaves & SHORT_READS) && len > 64)
		len = 64;
	while (done < len) {
		size_t room, at = find(m, addr + done, &room);

		if (room > len - done)
			room = len - done;
		memcpy(out + done, m->data + at, room);
		done += room;
	}
	m->reads++;
	if ((m->behaves & CHANGES) && len && m->reads % 5 == 0)
		out[m->reads % len] ^= 1 << m->reads % 8;
	return (ssize_t)len;
}

/* False when there is nothing in it. */
static bool take(struct memory *m, struct head *h, const uint8_t *data, size_t size)
{
	size_t table;

	if (size < sizeof(*h))
		return false;
	memcpy(h, data, sizeof(*h));
	m->n_pieces = h->n_pieces % (MAX_PIECES + 1);
	table = m->n_pieces * sizeof(m->pieces[0]);
	if (size - sizeof(*h) < table + 64)
		return false;
	memcpy(m->pieces, data + sizeof(*h), table);
	m->data = data + sizeof(*h) + table;
	m->size = size - sizeof(*h) - table;
	m->behaves = h->behaves;
	m->reads = 0;
	m->bytes = 0;
	return true;
}

static void read_frames(struct py_reader *r, struct py_threads *threads)
{
	struct py_frame frames[32];
	uint32_t line;
	size_t i;

	for (i = 0; i < threads->n && i < 4; i++) {
		int n = py_thread_frames(r, &threads->threads[i], frames, 32);

		py_thread__refresh(r, &threads->threads[i]);
		for (int k = 0; k < n && k < 4; k++) {
			py_reader__begin(r);
			py_frame__line(r, &frames[k], &line);
			py_frame__holds(r, &frames[k]);
			free(py_str(r, frames[k].name, 4096));
			free(py_str(r, frames[k].filename, 4096));
		}
	}
}

static void read_objects(struct py_reader *r)
{
	struct py_dict d;
	uint64_t value;

	for (uint64_t at = r->runtime & ~7ULL, i = 0; i < 3; i++, at += 64) {
		py_reader__begin(r);
		py_long__value(r, at, &value);
		if (!py_dict__load(r, at, &d)) {
			py_dict__find(r, &d, PY_SYM_NAME);
			if (d.n)
				py_dict__holds(r, &d, &d.items[0]);
			py_dict__free(&d);
		}
		if (!py_instance__load(r, at, &d))
			py_dict__free(&d);
		free(py_str(r, at, 4096));
		free(py_thread_name(r, at, 1));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct probe_plan plan;
	static struct memory m;
	struct head h;
	struct py_reader r;
	struct py_threads threads;
	struct py_gil gils[4];
	uint64_t flags[4];

	if (!take(&m, &h, data, size))
		return 0;
	memset(&plan, 0, sizeof(plan));
	plan.layout = cpython__of(FIRST_MINOR + h.minor % MINORS)->layout;
	plan.runtime_vaddr = h.runtime;
	if (py_reader__init(&r, &plan, read_memory, &m))
		abort();
	if (!py_threads__read(&r, &threads)) {
		read_frames(&r, &threads);
		py_threads__free(&threads);
	}
	py_gils__read(&r, gils, 4);
	py_gc__flags(&r, flags, 4);
	free(py_process_name(&r));
	read_objects(&r);
	return 0;
}
