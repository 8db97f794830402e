// SPDX-License-Identifier: GPL-2.0-only
/* What a capture begins with: the machine, the target, the plan and the filters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "../version.h"
#include "recording_state.h"

void recording__put_text(struct recording *r, enum vtbpf_text_what what, const char *text)
{
	if (text && *text)
		capture_writer__text(r->w, what, text, strlen(text));
}

static void put_boot_id(struct recording *r)
{
	char id[64] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f && fgets(id, sizeof(id), f))
		id[strcspn(id, "\n")] = '\0';
	if (f)
		fclose(f);
	recording__put_text(r, VTBPF_TEXT_BOOT_ID, id);
}

static void put_plan(struct recording *r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return;
	probe_plan__print(r->cfg->plan, r->cfg->target->interp, f);
	fclose(f);
	recording__put_text(r, VTBPF_TEXT_PLAN, text);
	free(text);
}

void recording__put_session(struct recording *r, uint64_t start)
{
	const struct target *t = r->cfg->target;
	struct vtbpf_rec_session s = {
		.rec = { .len = sizeof(s),
			 .kind = VTBPF_REC_SESSION,
			 .flags = r->cfg->family ? VTBPF_F_RELATIVE : 0,
			 .tid = t->pid },
		.start = start,
		.realtime_offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC),
		.boottime_offset = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC),
		.proc_start = t->proc_start,
		.ns_pid = t->ns_pid,
		.python = r->cfg->plan->version,
	};
	struct utsname uts;

	capture_writer__append(r->w, &s.rec);
	recording__put_text(r, VTBPF_TEXT_VERSION, VTBPF_VERSION);
	if (!uname(&uts)) {
		recording__put_text(r, VTBPF_TEXT_KERNEL, uts.release);
		recording__put_text(r, VTBPF_TEXT_HOST, uts.nodename);
	}
	put_boot_id(r);
	wall_clock__put(r->w);
	if (t->cmdline_len)
		capture_writer__text(r->w, VTBPF_TEXT_COMMAND, t->cmdline, t->cmdline_len);
	recording__put_text(r, VTBPF_TEXT_EXE, t->interp);
	recording__put_text(r, VTBPF_TEXT_CWD, t->cwd);
	put_plan(r);
	for (size_t i = 0; i < r->cfg->n_filters; i++)
		recording__put_text(r, VTBPF_TEXT_FILTER, r->cfg->filters[i]);
	for (size_t i = 0; i < r->cfg->functions->args.n; i++)
		recording__put_text(r, VTBPF_TEXT_ARGS, r->cfg->functions->args.items[i]);
	off_cpu__put_names(r);
}
