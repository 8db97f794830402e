// SPDX-License-Identifier: GPL-2.0-only
/* When a fleet's segments end. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../log.h"
#include "fleet_state.h"

/* Proportional set size, which counts what several processes share once (proc_pid_smaps(5)). */
static uint64_t memory_of(pid_t pid)
{
	char path[64], line[256];
	uint64_t kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %" SCNu64, &kb) == 1)
			break;
	fclose(f);
	return kb * 1024;
}

static uint64_t memory_of_all(const struct fleet *f)
{
	uint64_t bytes = memory_of(getpid());

	for (const struct recorder_of *r = f->all; r; r = r->next)
		if (r->state != RECORDER_WAITS)
			bytes += memory_of(r->member.pid);
	return bytes;
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return *path && !stat(path, &st) ? (uint64_t)st.st_size : 0;
}

/* Of the present segment, whose recordings may have ended already. */
static uint64_t bytes_of(const struct fleet *f)
{
	const struct fleet_segment *s = &f->segments->out;
	uint64_t bytes = 0;

	for (const struct recorder_of *r = f->all; r; r = r->next)
		bytes += size_of(r->member.report.capture);
	for (size_t i = 0; i < s->n; i++)
		bytes += size_of(s->captures[i]);
	return bytes;
}

static void cut_all(struct fleet *f)
{
	struct segment *old = f->segments;

	if (fleet__open_segment(f))
		return;
	for (struct recorder_of *r = f->all; r; r = r->next) {
		if (r->state == RECORDER_WAITS || r->segment != old)
			continue;
		r->cuts = true;
		member__cut(&r->member);
	}
}

/* Ends the trace when there is too little. */
static bool has_memory(struct fleet *f)
{
	uint64_t used = f->cfg->max_memory ? memory_of_all(f) : 0;

	if (used <= f->cfg->max_memory)
		return true;
	log_error("--max-memory: %" PRIu64
		  " MB are used: the trace ends, what is recorded is written; "
		  "allow more, or lower --buffer-size, or trace fewer processes",
		  used / 1000000 + 1);
	f->ending = true;
	f->res->status = f->res->status ? f->res->status : 1;
	return false;
}

void fleet__rotate(struct fleet *f, uint64_t now)
{
	const struct fleet_config *cfg = f->cfg;

	if (!has_memory(f))
		return;
	/* Only when all that the last one began with is done. */
	if (f->segments->next || f->starting)
		return;
	if ((cfg->rotate_ns && now - f->segments->opened >= cfg->rotate_ns) ||
	    (cfg->rotate_bytes && bytes_of(f) >= cfg->rotate_bytes))
		cut_all(f);
}
