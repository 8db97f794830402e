// SPDX-License-Identifier: GPL-2.0-only
/* What comes before a trace, of one process or of several. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "convert.h"
#include "log.h"
#include "trace/privileges.h"
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
