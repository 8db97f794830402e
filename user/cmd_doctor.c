// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>

#include "commands.h"
#include "discover/probe_plan.h"
#include "discover/target.h"
#include "log.h"
#include "trace/privileges.h"

static int look_at_target(pid_t pid)
{
	struct probe_plan plan;
	struct target t = {};
	char why[512] = "";
	int err = target__open(pid, &t, why, sizeof(why));

	if (!err)
		err = probe_plan__make(t.interp_fd, &plan, why, sizeof(why));
	if (err)
		log_error("process %d: %s", pid, why);
	else
		probe_plan__print(&plan, t.interp, stdout);
	target__close(&t);
	return err == -EACCES ? EXIT_NO_PRIVILEGE : err ? EXIT_BAD_TARGET : EXIT_OK;
}

int cmd_doctor(const struct options *o)
{
	bool good = privileges__report(stdout);
	int status = EXIT_OK;

	if (o->pid) {
		putchar('\n');
		fflush(stdout);
		status = look_at_target(o->pid);
	}
	return status ? status : good ? EXIT_OK : EXIT_NO_PRIVILEGE;
}
