// SPDX-License-Identifier: GPL-2.0-only
/* What comes before a trace, of one process or of several. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "convert.h"
#include "log.h"
#include "trace/privileges.h"
#include "trace/recording.h"
#include "tracing.h"

int trace__block_signals(sigset_t *old)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, old);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int trace__check(const struct options *o)
{
	char why[512] = "";
	int err;

	if (o->dry_run)
		return EXIT_OK;
	err = convert__check_output(o->output, o->format, o->output_named);
	if (err)
		return err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	if (!privileges__check(why, sizeof(why)))
		return EXIT_OK;
	log_error("%s", why);
	return EXIT_NO_PRIVILEGE;
}

bool trace__is_capture(const struct options *o)
{
	size_t len = strlen(o->output);

	if (o->format)
		return !strcmp(o->format, "vtb");
	return len > 4 && !strcmp(o->output + len - 4, ".vtb");
}

const char *trace__capture_neighbour(const struct options *o)
{
	struct stat st;

	if (!stat(o->output, &st) && !S_ISREG(st.st_mode))
		return "/var/tmp/vtbpf";
	return o->output;
}

/* A directory has a link for each directory in it, and two of its own. */
unsigned int trace__count_threads(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return !stat(path, &st) && st.st_nlink > 2 ? (unsigned int)st.st_nlink - 2 : 1;
}

void trace__say_end(const struct recording_result *res, pid_t pid)
{
	switch (res->end) {
	case END_TARGET_EXIT:
		log_verbose("process %d has ended", pid);
		break;
	case END_TARGET_EXEC:
		log_info("process %d became another program (execve); its trace ends here", pid);
		break;
	case END_CONTROL:
		log_info("stopped by 'vtbpf ctl'");
		break;
	case END_FAILED:
		log_error("process %d could not be attached to again; its trace ends here", pid);
		break;
	case END_CAPTURE:
	case END_RUNNING:
	case END_SIGNAL:
	case END_DURATION:
		break;
	}
}
