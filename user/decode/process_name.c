// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../command_name.h"
#include "session.h"

/* A forked process runs what its parent does; a chain of parents that is longer than this is none. */
#define ANCESTORS_MAX 64

/* Who was forked without a name of its own goes by its parent's. */
static const struct session_process *who_names(const struct session *s,
					       const struct session_process *p)
{
	for (int i = 0; i < ANCESTORS_MAX && !p->is_target && !p->name.len && p->ppid; i++) {
		const struct session_process *parent = s->processes;

		while (parent && (parent->kernel_pid != p->ppid || parent->part != p->part))
			parent = parent->next;
		if (!parent)
			break;
		p = parent;
	}
	return p;
}

int session__process_name(const struct session *s, const struct session_process *p, char *buf,
			  size_t size)
{
	const struct session_text *text;
	int n = 0;

	p = who_names(s, p);
	if (p->name.len)
		return snprintf(buf, size, "%s", p->name.data);
	if (p->is_target || !s->pid) {
		text = session__part_text(s, p->part, VTBPF_TEXT_MAIN_NAME);
		if (text && text->len)
			return snprintf(buf, size, "%s", text->data);
		text = session__part_text(s, p->part, VTBPF_TEXT_COMMAND);
		if (text && text->len)
			n = command_name(text->data, text->len, buf, size);
	}
	return n ? n : snprintf(buf, size, "MainProcess");
}
