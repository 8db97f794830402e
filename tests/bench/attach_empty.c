// SPDX-License-Identifier: GPL-2.0-only
/*
 * attach_empty sites|entries PID: puts an empty BPF program on the instructions that vtbpf would
 * probe (sites), or on the first bytes of the same handlers and functions (entries), prints a line
 * when it is there, and takes it away when its standard input ends. For scripts/bench.py.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "../../user/discover/probe_plan.h"
#include "../../user/discover/target.h"
#include "empty.skel.h"

static int attach_multi(struct empty_bpf *skel, const struct probe_plan *plan,
			const unsigned long *offsets, pid_t pid, const char *path)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = offsets, .cnt = plan->n_sites);

	return bpf_program__attach_uprobe_multi(skel->progs.on_hit_multi, pid, path, NULL, &opts) ?
		       0 :
		       -errno;
}

static int attach_each(struct empty_bpf *skel, const struct probe_plan *plan,
		       const unsigned long *offsets, pid_t pid, const char *path)
{
	for (size_t i = 0; i < plan->n_sites; i++)
		if (!bpf_program__attach_uprobe(skel->progs.on_hit, false, pid, path, offsets[i]))
			return -errno;
	return 0;
}

static struct empty_bpf *load(bool *multi)
{
	struct empty_bpf *skel = empty_bpf__open_and_load();

	*multi = skel != NULL;
	if (skel)
		return skel;
	skel = empty_bpf__open();
	if (!skel)
		return NULL;
	bpf_program__set_autoload(skel->progs.on_hit_multi, false);
	return empty_bpf__load(skel) ? NULL : skel;
}

static int run(pid_t pid, bool entries)
{
	unsigned long offsets[VTBPF_MAX_SITES];
	struct probe_plan plan;
	struct target t = {};
	char why[512] = "", path[64], c;
	struct empty_bpf *skel;
	bool multi;

	if (target__open(pid, &t, why, sizeof(why)) ||
	    probe_plan__make(t.interp_fd, &plan, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	for (size_t i = 0; i < plan.n_sites; i++)
		offsets[i] = entries ? plan.sites[i].entry_offset : plan.sites[i].offset;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t.interp_fd);
	skel = load(&multi);
	if (!skel || (multi ? attach_multi : attach_each)(skel, &plan, offsets, pid, path)) {
		fprintf(stderr, "cannot attach: %s\n", strerror(errno));
		return 1;
	}
	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0; /* the links go with the process */
}

int main(int argc, char **argv)
{
	if (argc != 3 || (strcmp(argv[1], "sites") && strcmp(argv[1], "entries"))) {
		fprintf(stderr, "usage: attach_empty sites|entries PID\n");
		return 2;
	}
	return run(atoi(argv[2]), !strcmp(argv[1], "entries"));
}
