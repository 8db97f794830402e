// SPDX-License-Identifier: GPL-2.0-only
#include "py_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../urgent.h"
#include "cpython.h"
#include "py_args.h"
#include "py_tids.h"

#define PASS_BYTES (64u << 20)
#define READ_COST \
	32 /* what a read costs the budget beside its bytes: bounds the system calls too */
#define ADDR_MIN 4096
#define ADDR_END (1ULL << 63) /* also keeps pread's offset positive */

/*
 * The file stands for the address space that was there when it was opened: once the process has
 * exited or become another program it reads as empty, so a reused pid is never mistaken for it.
 */
static ssize_t read_mem(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct py_reader *r = ctx;
	ssize_t n;

	urgent__breathe();
	n = pread(r->mem_fd, buf, len, addr);
	if (n > 0)
		return n;
	if (n == 0)
		return -ESRCH;
	return errno == EINTR ? 0 : -EFAULT;
}

static int spend(struct py_reader *r, size_t len)
{
	uint64_t cost = (uint64_t)len + READ_COST;

	if (r->budget < cost)
		return -EFBIG;
	r->budget -= cost;
	return 0;
}

ssize_t py_reader__get_some(struct py_reader *r, uint64_t addr, void *buf, size_t min, size_t max)
{
	ssize_t n;
	int err;

	if (addr < ADDR_MIN || addr >= ADDR_END || max > ADDR_END - addr)
		return -EFAULT;
	if (r->gone)
		return -ESRCH;
	err = spend(r, max);
	if (err)
		return err;
	n = r->read(r->ctx, addr, buf, max);
	if (n == -ESRCH)
		r->gone = true;
	if (n < 0)
		return n;
	return (size_t)n < min ? -EFAULT : n;
}

bool py_reader__is_gone(struct py_reader *r)
{
	char byte;

	if (!r->gone)
		r->gone = r->read(r->ctx, r->runtime, &byte, sizeof(byte)) == -ESRCH;
	return r->gone;
}

int py_reader__get(struct py_reader *r, uint64_t addr, void *buf, size_t len)
{
	ssize_t n = py_reader__get_some(r, addr, buf, len, len);

	return n < 0 ? n : 0;
}

int py_reader__word(struct py_reader *r, uint64_t base, int64_t offset, uint64_t *value)
{
	uint64_t addr = base + (uint64_t)offset;

	/* a base near either end of the address space wraps round */
	if (base < ADDR_MIN || base >= ADDR_END)
		return -EFAULT;
	return py_reader__get(r, addr, value, sizeof(*value));
}

/* Takes what the interpreter's own debug offsets say. They are in the file, so they can be read as
 * soon as it is mapped, which for a program that is just starting may be later than the first
 * pass. */
static void refine(struct py_reader *r)
{
	unsigned char raw[PY_DEBUG_OFFSETS_MAX];

	if (py_reader__get(r, r->runtime, raw, sizeof(raw)) == 0)
		r->refined = py_layout__refine(&r->l, raw, sizeof(raw)) == 0;
}

void py_reader__begin(struct py_reader *r)
{
	r->budget = PASS_BYTES;
	memset(r->types, 0, sizeof(r->types));
	memset(r->verified, 0, sizeof(r->verified));
	if (!r->refined && r->l.minor >= PY_DEBUG_OFFSETS_SINCE)
		refine(r);
}

int py_reader__init(struct py_reader *r, const struct probe_plan *plan, py_read_fn fn, void *ctx)
{
	const struct py_layout *l = py_layout__find(plan->layout.minor);

	if (!l)
		return -ENOTSUP;
	memset(r, 0, sizeof(*r));
	r->mem_fd = -1;
	r->read = fn;
	r->ctx = ctx;
	r->l = *l;
	r->frame = plan->layout;
	r->runtime = plan->runtime_vaddr;
	r->budget = PASS_BYTES;
	return 0;
}

static int open_target(struct py_reader *r, pid_t pid)
{
	char path[64];
	int err;

	r->pid = pid;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	r->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->mem_fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	err = py_tids__read_ns(path, NULL, &r->ns_pid);
	if (err)
		return err;
	urgent__begin();
	py_reader__begin(r);
	urgent__end();
	return r->gone ? -ESRCH : 0;
}

struct py_reader *py_reader__new(pid_t pid, const struct probe_plan *plan, uint64_t load_bias)
{
	struct py_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return NULL;
	err = py_reader__init(r, plan, read_mem, r);
	if (!err) {
		r->runtime += load_bias;
		err = open_target(r, pid);
	}
	if (err) {
		py_reader__free(r);
		errno = -err;
		return NULL;
	}
	return r;
}

void py_reader__free(struct py_reader *r)
{
	if (!r)
		return;
	if (r->mem_fd >= 0)
		close(r->mem_fd);
	free(r);
}

void py_reader__attrs(const struct py_reader *r, struct vtbpf_attrs *out)
{
	memset(out, 0, sizeof(*out));
	/* the rows of the table are those of builds with the GIL */
	if (r->refined || !(r->frame.flags & VTBPF_LAYOUT_FREE_THREADED))
		py_layout__attrs(&r->l, out);
}

int py_reader__args(const struct py_reader *r, struct vtbpf_args_layout *out)
{
	/* the rows of the table are those of builds with the GIL */
	if (!r->refined && r->frame.flags & VTBPF_LAYOUT_FREE_THREADED)
		return -ENOTSUP;
	py_args__layout(&r->l, &r->frame, out);
	return 0;
}

int py_reader__states(const struct py_reader *r, struct vtbpf_states *out, uint64_t *runtime)
{
	/* the rows of the table are those of builds with the GIL */
	if (!r->refined && r->frame.flags & VTBPF_LAYOUT_FREE_THREADED)
		return -ENOTSUP;
	py_layout__states(&r->l, out);
	*runtime = r->runtime;
	return 0;
}

void py_reader__exceptions(const struct py_reader *r, struct vtbpf_exceptions *out)
{
	const struct cpython *py = cpython__of(r->l.minor);

	py_layout__exceptions(&r->l, out);
	if (!py)
		return;
	out->reraise = py->reraise;
	out->copy = py->copy;
	out->swap = py->swap;
}
