// SPDX-License-Identifier: GPL-2.0-only
/* --sched in a recording: what threads were doing already, and what system calls are called. */
#include <stdlib.h>
#include <string.h>

#include "../discover/proc_task.h"
#include "recording_state.h"
#include "syscall_names.h"

void off_cpu__put_names(struct recording *r)
{
	char *text = r->cfg->tracer.sched ? syscall_names__text() : NULL;

	if (text)
		recording__put_text(r, VTBPF_TEXT_SYSCALLS, text);
	free(text);
}

static void note_asleep(struct recording *r, pid_t pid, pid_t tid, uint64_t since)
{
	struct sched_thread how = { .since = since, .tgid = pid };
	struct proc_syscall call = { .number = VTBPF_UNKNOWN_SYSCALL };
	struct proc_task task;

	if (proc_task__read(pid, tid, &task) || !strchr("SDTt", task.state))
		return;
	if (task.state == 'T' || task.state == 't')
		call.number = VTBPF_STOPPED;
	else if (proc_task__syscall(pid, tid, &call))
		call.number = VTBPF_UNKNOWN_SYSCALL;
	how.syscall = call.number;
	tracer__note_blocked(r->tracer, tid, &how);
}

void off_cpu__look_at_sleepers(struct recording *r, pid_t pid, uint64_t since)
{
	pid_t *tids = NULL;
	size_t n = 0;

	if (!r->cfg->tracer.sched || r->sampling || proc_task__list(pid, &tids, &n))
		return;
	for (size_t i = 0; i < n; i++)
		note_asleep(r, pid, tids[i], since);
	free(tids);
}
