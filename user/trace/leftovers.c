// SPDX-License-Identifier: GPL-2.0-only
#include "leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "../discover/proc_maps.h"
#include "../log.h"
#include "empty_program.h"
#include "holder.h"
#include "tracer.h" /* the types in the skeleton */
#include "vtbpf.skel.h"

#define CHUNK 65536

/* What the kernel writes over an instruction: UPROBE_SWBP_INSN in arch/x86 and arch/arm64 of Linux 6.18,
 * asm/uprobes.h. */
#ifdef __aarch64__
static const uint8_t breakpoint[] = { 0xa0, 0x00, 0x20, 0xd4 }; /* brk #5, little-endian */
#else
static const uint8_t breakpoint[] = { 0xcc };
#endif

struct find {
	int mem_fd, fd;
	uint64_t inode;
	uint64_t *offsets;
	size_t n, max;
};

/* ---- finding ---------------------------------------------------------------------------- */

/* Code that differs in anything else is patched, or another file's with the same inode number: then nobody
 * knows that an instruction begins there, and a probe inside one would harm the process. */
static void compare(struct find *f, const uint8_t *theirs, const uint8_t *ours, size_t len,
		    uint64_t at)
{
	const size_t step = sizeof(breakpoint), n = f->n;

	if (!memcmp(theirs, ours, len))
		return;
	for (size_t i = 0; i + step <= len && f->n < f->max; i += step) {
		if (!memcmp(theirs + i, ours + i, step))
			continue;
		if (memcmp(theirs + i, breakpoint, step)) {
			f->n = n;
			return;
		}
		f->offsets[f->n++] = at + i;
	}
}

static int look_at_mapping(const struct proc_map *map, void *arg)
{
	uint8_t theirs[CHUNK], ours[CHUNK];
	struct find *f = arg;

	if (!map->exec || map->inode != f->inode)
		return 0;
	for (uint64_t done = 0; done < map->end - map->start; done += CHUNK) {
		uint64_t left = map->end - map->start - done;
		size_t len = left < CHUNK ? left : CHUNK;
		ssize_t a = pread(f->mem_fd, theirs, len, (off_t)(map->start + done));
		ssize_t b = pread(f->fd, ours, len, (off_t)(map->offset + done));

		if (a <= 0 || b <= 0)
			break;
		compare(f, theirs, ours, a < b ? a : b, map->offset + done);
	}
	return 0;
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

static bool has_debugger(pid_t pid)
{
	FILE *f = open_proc(pid, "status");
	char line[256];
	int tracer = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	}
	if (f)
		fclose(f);
	return tracer != 0;
}

size_t leftovers__find(pid_t pid, int fd, uint64_t *offsets, size_t max)
{
	struct find f = { .fd = fd, .offsets = offsets, .max = max };
	FILE *maps = open_proc(pid, "maps"), *mem = open_proc(pid, "mem");
	struct stat st;

	if (maps && mem && !fstat(fd, &st) && !has_debugger(pid)) {
		f.inode = st.st_ino;
		f.mem_fd = fileno(mem);
		proc_maps__each(maps, look_at_mapping, &f);
	}
	if (maps)
		fclose(maps);
	if (mem)
		fclose(mem);
	return f.n;
}

/* ---- clearing --------------------------------------------------------------------------- */

struct clear {
	pid_t pid;
	char path[32];
	unsigned long offsets[LEFTOVERS_MAX];
	size_t n;
};

static int attach_multi(const struct clear *c)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = c->offsets, .cnt = c->n);
	struct vtbpf_bpf *skel = empty_program__load(true);

	if (!skel ||
	    !bpf_program__attach_uprobe_multi(skel->progs.on_nothing, c->pid, c->path, NULL, &opts))
		return -EOPNOTSUPP;
	return 0;
}

/* Older kernels; and one place that takes no probe, as it is no instruction's, must not save the others. */
static int attach_each(const struct clear *c)
{
	struct vtbpf_bpf *skel = empty_program__load(false);
	int err = skel ? 0 : -errno;
	size_t good = 0;

	for (size_t i = 0; skel && i < c->n; i++) {
		if (bpf_program__attach_uprobe(skel->progs.on_nothing, false, c->pid, c->path,
					       c->offsets[i]))
			good++;
		else
			err = -errno;
	}
	return good ? 0 : err;
}

/* In the holder, with whose exit all of it goes. */
static int attach(void *ctx, char *why, size_t why_size)
{
	const struct clear *c = ctx;
	int err = attach_multi(c) ? attach_each(c) : 0;

	if (err)
		snprintf(why, why_size, "%s", strerror(-err));
	return err;
}

void leftovers__clear(pid_t pid, int fd)
{
	uint64_t offsets[LEFTOVERS_MAX];
	struct clear c = { .pid = pid };
	struct holder holder = {};
	char why[512] = "";
	size_t left;

	c.n = leftovers__find(pid, fd, offsets, LEFTOVERS_MAX);
	if (!c.n)
		return;
	for (size_t i = 0; i < c.n; i++)
		c.offsets[i] = offsets[i];
	snprintf(c.path, sizeof(c.path), "/proc/self/fd/%d", fd);
	if (holder__start(&holder, attach, &c, why, sizeof(why))) {
		log_warn("process %d has %zu breakpoints, which cannot be looked at: %s", pid, c.n,
			 why);
		return;
	}
	holder__stop(&holder);
	left = leftovers__find(pid, fd, offsets, LEFTOVERS_MAX);
	if (left < c.n)
		log_info("process %d: %zu breakpoint%s that a tool had left behind cleared", pid,
			 c.n - left, c.n - left == 1 ? "" : "s");
	if (left)
		log_verbose("process %d has %zu breakpoints of another tool", pid, left);
}
