// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "log.h"

static int run(const struct options *o)
{
	switch (o->command) {
	case CMD_TRACE:
		return cmd_trace(o);
	case CMD_CONVERT:
		return cmd_convert(o);
	case CMD_COMBINE:
		return cmd_combine(o);
	case CMD_DIFF:
		return cmd_diff(o);
	case CMD_REPORT:
		return cmd_report(o);
	case CMD_DOCTOR:
		return cmd_doctor(o);
	case CMD_THREADS:
		return cmd_threads(o);
	case CMD_VIEW:
		return cmd_view(o);
	case CMD_CTL:
		return cmd_ctl(o);
	}
	return EXIT_USAGE;
}

/* What stdio still holds is written here, and not at exit, where a full disk would go unsaid. */
static int finish_stdout(int status)
{
	if (status || (!fflush(stdout) && !ferror(stdout)))
		return status;
	log_error("standard output: cannot be written: %s", strerror(errno));
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct options o;
	int status;

	options__parse(argc, argv, &o);
	log_set_level(o.verbosity);
	log_set_progress(!o.no_progress);
	status = run(&o);
	options__free(&o);
	return finish_stdout(status);
}
