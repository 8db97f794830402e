// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_object.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "vtbpf_old.skel.h"

static pthread_once_t asked = PTHREAD_ONCE_INIT;
static bool is_old;

static void ask(void)
{
	is_old = libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) != 1;
}

bool kernel_object__is_old(void)
{
	pthread_once(&asked, ask);
	return is_old;
}

/* Both have the same maps, programs and variables in the same order: the build checks that. */
static void take_old(struct bpf_object_skeleton *s)
{
	s->data = vtbpf_old__elf_bytes(&s->data_sz);
}

struct vtbpf_bpf *kernel_object__open(bool old, int types_fd)
{
	struct vtbpf_bpf *skel = calloc(1, sizeof(*skel));
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	char path[32];
	int err;

	if (!skel)
		return NULL;
	/* libbpf takes BTF that is not the kernel's own from a file only. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", types_fd);
	if (types_fd)
		opts.btf_custom_path = path;
	err = vtbpf_bpf__create_skeleton(skel);
	if (!err && old)
		take_old(skel->skeleton);
	if (!err)
		err = bpf_object__open_skeleton(skel->skeleton, &opts);
	if (!err)
		return skel;
	vtbpf_bpf__destroy(skel);
	errno = -err;
	return NULL;
}
