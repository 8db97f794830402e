// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "discover/inner_pid.h"
#include "discover/live_threads.h"
#include "discover/probe_plan.h"
#include "discover/target.h"
#include "log.h"
#include "write/thread_report.h"

static int print_json(const struct thread_report *t)
{
	struct outbuf out;
	int err = outbuf__init(&out, STDOUT_FILENO, false);

	if (err)
		return err;
	thread_report__json(t, &out);
	return outbuf__finish(&out);
}

static int print_table(const struct thread_report *t)
{
	int err = thread_report__table(t, stdout);

	if (!err && (fflush(stdout) || ferror(stdout)))
		err = -errno;
	return err;
}

/* 0, or the exit status after a message. */
static int read_threads(struct thread_report *report, struct probe_plan *plan,
			struct live_threads *live)
{
	struct py_reader *reader = NULL;
	struct target t = {};
	pid_t pid = report->pid;
	char why[512] = "";
	int err = target__open(pid, &t, why, sizeof(why));

	if (err)
		inner_pid__explain("/proc", pid, why, sizeof(why));
	else
		err = probe_plan__identify(t.interp_fd, plan, why, sizeof(why));
	if (!err) {
		reader = py_reader__new(pid, plan, t.load_bias);
		err = reader ? live_threads__read(reader, pid, live) : -errno;
		if (err == -ESRCH)
			snprintf(why, sizeof(why), "it has ended");
		else if (err)
			snprintf(why, sizeof(why), "cannot read its memory: %s", strerror(-err));
	}
	if (err)
		log_error("process %d: %s", pid, why);
	report->ns_pid = t.ns_pid == pid ? 0 : t.ns_pid;
	py_reader__free(reader);
	target__close(&t);
	return err == -EACCES || err == -EPERM ? EXIT_NO_PRIVILEGE : err ? EXIT_BAD_TARGET : 0;
}

int cmd_threads(const struct options *o)
{
	struct thread_report report = { .pid = o->pid };
	struct live_threads live = {};
	struct probe_plan plan;
	char version[16];
	int status = read_threads(&report, &plan, &live), err;

	if (status)
		return status;
	report.python = py_version_str(plan.version, version, sizeof(version));
	report.free_threaded = plan.free_threaded;
	report.live = &live;
	err = o->json ? print_json(&report) : print_table(&report);
	if (err)
		log_error("cannot write the list: %s", strerror(-err));
	live_threads__free(&live);
	return err ? EXIT_FAILED : EXIT_OK;
}
