// SPDX-License-Identifier: GPL-2.0-only
#include "ctl_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *arg; /* what it takes, for messages; NULL: nothing */
} commands[CTL_COMMANDS] = {
	[CTL_STATUS] = { "status", NULL },
	[CTL_PAUSE] = { "pause", NULL },
	[CTL_RESUME] = { "resume", NULL },
	[CTL_IGNORE_THREAD] = { "ignore-thread", "a thread: tid, ident:0x..., or a glob" },
	[CTL_UNIGNORE_THREAD] = { "unignore-thread",
				  "what was ignored: tid, ident:0x..., or glob" },
	[CTL_IGNORE_FUNCTION] = { "ignore-function", "a glob on functions" },
	[CTL_DUMP] = { "dump", NULL },
	[CTL_STOP] = { "stop", NULL },
};

const char *ctl_request__name(enum ctl_command command)
{
	return commands[command].name;
}

static int check_arg(const struct ctl_request *req, char *why, size_t why_size)
{
	const char *name = commands[req->command].name, *wants = commands[req->command].arg;

	if (wants && (!req->arg || !*req->arg))
		snprintf(why, why_size, "%s: needs %s", name, wants);
	else if (!wants && req->arg)
		snprintf(why, why_size, "%s: takes no argument", name);
	else
		return 0;
	return -EINVAL;
}

int ctl_request__make(const char *name, const char *arg, struct ctl_request *req, char *why,
		      size_t why_size)
{
	for (int i = 0; i < CTL_COMMANDS; i++) {
		if (strcmp(name, commands[i].name))
			continue;
		req->command = i;
		req->arg = arg;
		return check_arg(req, why, why_size);
	}
	/* The name may come from anywhere, and goes into a message: it is not repeated. */
	snprintf(why, why_size,
		 "no such command; there are status, pause, resume, ignore-thread, "
		 "unignore-thread, ignore-function, dump and stop");
	return -EINVAL;
}

ssize_t ctl_request__format(const struct ctl_request *req, char *packet)
{
	int len = snprintf(packet, CTL_REQUEST_MAX, "%s%c%s%c%s", CTL_GREETING, 0,
			   commands[req->command].name, 0, req->arg ? req->arg : "");

	if (len + 1 > CTL_REQUEST_MAX)
		return -E2BIG;
	return req->arg ? len + 1 : len;
}

/* The word at *at, which then points behind its NUL; NULL when there is none that ends. */
static const char *next_word(const char **at, const char *end)
{
	const char *word = *at, *nul = memchr(word, 0, end - word);

	if (!nul)
		return NULL;
	*at = nul + 1;
	return word;
}

int ctl_request__parse(const char *packet, size_t len, struct ctl_request *req, char *why,
		       size_t why_size)
{
	const char *at = packet, *end = packet + len, *name, *arg = NULL;
	const char *greeting = len <= CTL_REQUEST_MAX ? next_word(&at, end) : NULL;

	if (!greeting || strcmp(greeting, CTL_GREETING)) {
		snprintf(why, why_size, "this is no request of a vtbpf of the same version");
		return -EINVAL;
	}
	name = next_word(&at, end);
	if (name && at < end)
		arg = next_word(&at, end);
	if (!name || at != end) {
		snprintf(why, why_size, "the request is damaged");
		return -EINVAL;
	}
	return ctl_request__make(name, arg, req, why, why_size);
}
