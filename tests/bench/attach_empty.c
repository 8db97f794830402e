// SPDX-License-Identifier: GPL-2.0-only
/*
 * attach_empty sites PID | entries PID [OPCODE...] | clock PID HZ: puts an empty BPF program on the
 * instructions that vtbpf would probe (sites), or on the first bytes of the same handlers and
 * functions (entries), where the given opcodes' handlers stand for the sites at which calls end, or
 * on timers of the threads' CPU time (clock). Prints a line when it is there, and takes it away when
 * its standard input ends. For scripts/bench.py and scripts/bench_production.py.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "../../user/discover/cpython.h"
#include "../../user/discover/dispatch_table.h"
#include "../../user/discover/elf_image.h"
#include "../../user/discover/probe_plan.h"
#include "../../user/discover/target.h"
#include "../../user/trace/sample_timers.h"
#include "empty.skel.h"

/* Where to put the program, in the file. */
struct places {
	unsigned long offsets[VTBPF_MAX_SITES];
	size_t n;
};

static int attach_multi(struct empty_bpf *skel, const struct places *places, pid_t pid,
			const char *path)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = places->offsets, .cnt = places->n);

	return bpf_program__attach_uprobe_multi(skel->progs.on_hit_multi, pid, path, NULL, &opts) ?
		       0 :
		       -errno;
}

static int attach_each(struct empty_bpf *skel, const struct places *places, pid_t pid,
		       const char *path)
{
	for (size_t i = 0; i < places->n; i++)
		if (!bpf_program__attach_uprobe(skel->progs.on_hit, false, pid, path,
						places->offsets[i]))
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

/* First bytes of the handlers of opcodes given as text. */
static void add_handlers(int fd, const struct probe_plan *plan, char **opcodes,
			 struct places *places)
{
	struct elf_image *img = elf_image__new(fd);
	struct dispatch_table table = {};

	if (img && !dispatch_table__find(img, cpython__of(plan->layout.minor), &table))
		for (; *opcodes && places->n < VTBPF_MAX_SITES; opcodes++) {
			uint64_t offset;

			if (elf_image__offset(img, table.handlers[atoi(*opcodes) & 0xff], &offset))
				places->offsets[places->n++] = offset;
		}
	elf_image__free(img);
}

static void choose_places(int fd, const struct probe_plan *plan, char **opcodes,
			  struct places *places)
{
	for (size_t i = 0; i < plan->n_sites; i++) {
		const struct probe_site *site = &plan->sites[i];

		if (!opcodes)
			places->offsets[places->n++] = site->offset;
		else if (!*opcodes || site->site.kind != VTBPF_SITE_EXIT)
			places->offsets[places->n++] = site->entry_offset;
	}
	if (opcodes)
		add_handlers(fd, plan, opcodes, places);
}

/* Until nobody wants it any more: what is attached goes with the process. */
static int hold(void)
{
	char c;

	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

static int run(pid_t pid, char **opcodes)
{
	struct places places = {};
	struct probe_plan plan;
	struct target t = {};
	char why[512] = "", path[64];
	struct empty_bpf *skel;
	bool multi;

	if (target__open(pid, &t, why, sizeof(why)) ||
	    probe_plan__make(t.interp_fd, &plan, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	choose_places(t.interp_fd, &plan, opcodes, &places);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t.interp_fd);
	skel = load(&multi);
	if (!skel || (multi ? attach_multi : attach_each)(skel, &places, pid, path)) {
		fprintf(stderr, "cannot attach: %s\n", strerror(errno));
		return 1;
	}
	return hold();
}

static int run_clock(pid_t pid, int hz)
{
	char why[512] = "";
	bool multi;
	struct empty_bpf *skel = load(&multi);

	if (!skel || hz <= 0 ||
	    sample_timers__open(pid, bpf_program__fd(skel->progs.on_tick), 1000000000 / hz, why,
				sizeof(why))) {
		fprintf(stderr, "cannot attach: %s\n", *why ? why : strerror(errno));
		return 1;
	}
	return hold();
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "clock"))
		return run_clock(atoi(argv[2]), atoi(argv[3]));
	if (argc >= 3 && !strcmp(argv[1], "sites"))
		return run(atoi(argv[2]), NULL);
	if (argc >= 3 && !strcmp(argv[1], "entries"))
		return run(atoi(argv[2]), argv + 3);
	fprintf(stderr, "usage: attach_empty sites PID | entries PID [OPCODE...] | clock PID HZ\n");
	return 2;
}
