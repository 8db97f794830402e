// SPDX-License-Identifier: GPL-2.0-only
#include "tracer_early.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tracer_state.h"

struct tracer_early {
	pthread_t thread;
	bool running;
	uint64_t ring_bytes;
	struct vtbpf_bpf *skel;
};

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

/* Global variables are left to libbpf: it writes and freezes them when it loads. */
static int make_maps(struct bpf_object *obj)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, obj)
	{
		if (!err && !bpf_map__is_internal(map))
			err = make_map(map);
	}
	return err;
}

static void *make_all(void *arg)
{
	struct tracer_early *e = arg;

	e->skel = vtbpf_bpf__open();
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
	tracer__route_messages();
	if (pthread_create(&e->thread, NULL, make_all, e)) {
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

void tracer_early__free(struct tracer_early *e)
{
	vtbpf_bpf__destroy(tracer_early__take(e));
	free(e);
}
