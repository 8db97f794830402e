// SPDX-License-Identifier: GPL-2.0-only
/* The processes of a session. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Process ids come again; the pair does not. */
struct process_key {
	uint64_t start; /* proc_start of a target; 0 for others */
	uint32_t pid, _pad;
};

struct process_slot {
	struct session_process process; /* first: what the session hands out */
	struct process_key key;
	UT_hash_handle hh;
	UT_hash_handle by_pid; /* of the first of that pid */
};

/* What to call a process whose pid another one had before: the two are not one row. */
static uint32_t shown_pid(struct session *s, uint32_t pid)
{
	struct process_slot *slot;
	uint32_t made_up;

	HASH_FIND(by_pid, s->process_by_pid, &pid, sizeof(pid), slot);
	made_up = slot ? track_table__spare_tid(s->tracks) : 0;
	return made_up ? made_up : pid;
}

static struct session_process *find_process(struct session *s, const struct process_key *key)
{
	struct process_slot *slot;

	HASH_FIND(hh, s->process_by_key, key, sizeof(*key), slot);
	if (slot)
		return &slot->process;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->key = *key;
	HASH_ADD(hh, s->process_by_key, key, sizeof(slot->key), slot);
	if (!slot->hh.tbl) {
		free(slot);
		return NULL;
	}
	slot->process.kernel_pid = key->pid;
	slot->process.pid = shown_pid(s, key->pid);
	if (slot->process.pid == key->pid)
		HASH_ADD(by_pid, s->process_by_pid, key.pid, sizeof(key->pid), slot);
	slot->process.number = s->n_processes++;
	slot->process.part = s->part;
	if (s->last_process)
		s->last_process->next = &slot->process;
	else
		s->processes = &slot->process;
	s->last_process = &slot->process;
	return &slot->process;
}

/* In a family, what one part calls a target is a child to another: the start tells nothing. */
static struct session_process *find_relative(struct session *s, uint32_t pid)
{
	const struct process_key key = { .pid = pid };
	struct process_slot *slot;

	HASH_FIND(by_pid, s->process_by_pid, &pid, sizeof(pid), slot);
	return slot ? &slot->process : find_process(s, &key);
}

struct session_process *session__process(struct session *s, uint32_t pid)
{
	const struct session_part *part = &s->parts[s->part];
	struct process_key key = { .pid = pid };

	if (part->process && part->process->kernel_pid == pid)
		return part->process;
	return part->relative ? find_relative(s, pid) : find_process(s, &key);
}

struct session_process *session__target(struct session *s, uint32_t pid, uint64_t start)
{
	const struct process_key key = { .pid = pid, .start = start };

	return s->parts[s->part].relative ? find_relative(s, pid) : find_process(s, &key);
}

#define MISSED_MAX 65536

/* There are as many places as the next power of two. */
static struct session_missed *missed_place(struct session *s)
{
	struct session_missed *missed = s->missed;
	size_t n = s->n_missed;

	if (!(n & (n - 1)))
		missed = realloc(s->missed, (n ? 2 * n : 1) * sizeof(*missed));
	if (!missed)
		return NULL;
	s->missed = missed;
	return &missed[n];
}

int session__add_missed(struct session *s, const struct event *ev)
{
	struct session_missed *m;

	if (s->n_missed >= MISSED_MAX)
		return 0;
	m = missed_place(s);
	if (!m)
		return -ENOMEM;
	m->pid = ev->tid;
	m->ppid = ev->missed.ppid;
	memcpy(m->comm, ev->missed.comm, sizeof(m->comm));
	m->reason = strndup(ev->missed.reason.data, ev->missed.reason.len);
	if (!m->reason)
		return -ENOMEM;
	s->n_missed++;
	return 0;
}

void session__free_processes(struct session *s)
{
	struct session_process *p;

	while (s->n_missed)
		free(s->missed[--s->n_missed].reason);
	free(s->missed);
	HASH_CLEAR(hh, s->process_by_key);
	HASH_CLEAR(by_pid, s->process_by_pid);
	while ((p = s->processes)) {
		s->processes = p->next;
		free(p->name.data);
		free(p);
	}
}
