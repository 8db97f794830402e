// SPDX-License-Identifier: GPL-2.0-only
#include "tracer_early.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../worker_thread.h"
#include "kernel_types.h"
#include "tracer_state.h"

struct tracer_early {
	pthread_t thread;
	bool running;
	uint64_t ring_bytes;
	struct vtbpf_bpf *skel;
	int types_fd; /* BTF, a file in memory; -1: none, libbpf reads the kernel's */
};

/* ---- types ------------------------------------------------------------------------------ */

static int write_types(const struct btf *types)
{
	uint32_t size = 0;
	const void *data = btf__raw_data(types, &size);
	int fd = data ? memfd_create("vtbpf-btf", MFD_CLOEXEC) : -1;

	if (fd >= 0 && write(fd, data, size) != (ssize_t)size) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int make_types(const struct bpf_object *obj)
{
	struct btf *kernel = btf__load_vmlinux_btf(), *types = NULL;
	int fd = -1;

	if (kernel)
		types = kernel_types__of(kernel, bpf_object__btf(obj));
	if (types)
		fd = write_types(types);
	btf__free(types);
	btf__free(kernel);
	return fd;
}

/* ---- maps ------------------------------------------------------------------------------- */

static int make_map(struct bpf_map *map)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = bpf_map__map_flags(map));
	int fd = bpf_map_create(bpf_map__type(map), bpf_map__name(map), bpf_map__key_size(map),
				bpf_map__value_size(map), bpf_map__max_entries(map), &opts);
	int err;

	if (fd < 0)
		return fd;
	err = bpf_map__reuse_fd(map, fd); /* duplicates it */
	close(fd);
	return err;
}

/* Most traces take no samples, and watch neither the scheduler nor collections nor the GIL nor C
 * functions. */
static bool is_optional(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	return !strncmp(name, "sample_", strlen("sample_")) ||
	       !strncmp(name, "sched_", strlen("sched_")) || !strncmp(name, "gc_", strlen("gc_")) ||
	       !strncmp(name, "gil_", strlen("gil_")) || !strncmp(name, "c_", strlen("c_"));
}

/* Global variables are left to libbpf: it writes and freezes them when it loads. */
static int make_maps(struct bpf_object *obj)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, obj)
	{
		if (!err && !bpf_map__is_internal(map) && !is_optional(map))
			err = make_map(map);
	}
	return err;
}

/* ---- all -------------------------------------------------------------------------------- */

/* The types that the programs want are known when they are open; where to find them is to be said when
 * they are opened. */
static struct vtbpf_bpf *open_with_types(struct tracer_early *e)
{
	bool old = kernel_object__is_old();
	struct vtbpf_bpf *plain = kernel_object__open(old, 0), *skel;

	if (!plain)
		return NULL;
	e->types_fd = make_types(plain->obj);
	if (e->types_fd < 0)
		return plain;
	skel = kernel_object__open(old, e->types_fd);
	vtbpf_bpf__destroy(plain);
	return skel;
}

static void *make_all(void *arg)
{
	struct tracer_early *e = arg;

	e->skel = open_with_types(e);
	if (!e->skel)
		return NULL;
	bpf_map__set_max_entries(e->skel->maps.events, tracer__ring_size(e->ring_bytes));
	if (make_maps(e->skel->obj)) {
		vtbpf_bpf__destroy(e->skel);
		e->skel = NULL;
	}
	return NULL;
}

struct tracer_early *tracer_early__start(uint64_t ring_bytes)
{
	struct tracer_early *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->ring_bytes = ring_bytes;
	e->types_fd = -1;
	tracer__route_messages();
	if (worker_thread__start(&e->thread, make_all, e)) {
		free(e);
		return NULL;
	}
	e->running = true;
	return e;
}

struct vtbpf_bpf *tracer_early__take(struct tracer_early *e)
{
	struct vtbpf_bpf *skel;

	if (!e || !e->running)
		return NULL;
	pthread_join(e->thread, NULL);
	e->running = false;
	skel = e->skel;
	e->skel = NULL;
	return skel;
}

int tracer_early__types_fd(const struct tracer_early *e)
{
	return e && !e->running && e->types_fd > 0 ? e->types_fd : 0;
}

void tracer_early__free(struct tracer_early *e)
{
	vtbpf_bpf__destroy(tracer_early__take(e));
	if (e && e->types_fd >= 0)
		close(e->types_fd);
	free(e);
}
