// SPDX-License-Identifier: GPL-2.0-only
#include "command_name.h"

#include <stdio.h>
#include <string.h>

#define CODE_SHOWN 60 /* bytes of the argument of -c */

/* Arguments of a command line, one after the other. */
struct args {
	const char *at, *end;
};

static const char *next_arg(struct args *a)
{
	const char *arg = a->at;
	const char *nul;

	if (arg >= a->end)
		return NULL;
	nul = memchr(arg, '\0', (size_t)(a->end - arg));
	a->at = nul ? nul + 1 : a->end;
	return arg; /* the text as a whole ends in a NUL, so that the last argument does */
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* One option word of a python command line, such as -u, -Wd, -mpip, -Xdev or -Bc. Returns the
 * letter that decides (m or c), with its argument, or 0. */
static char read_option(const char *word, struct args *a, const char **arg)
{
	const char *p;

	*arg = NULL;
	if (word[1] ==
	    '-') /* --check-hash-based-pycs takes a word; --help and the like end python */
		return strcmp(word, "--check-hash-based-pycs") ? 0 : (next_arg(a), 0);
	for (p = word + 1; *p; p++) {
		if (!strchr("mcWX", *p))
			continue;
		*arg = p[1] ? p + 1 : next_arg(a);
		return *p == 'm' || *p == 'c' ? *p : 0;
	}
	return 0;
}

int command_name(const char *command, size_t len, char *buf, size_t size)
{
	struct args a = { command, command + len };
	const char *program = next_arg(&a), *word, *arg;
	char letter;

	if (!program || !*program)
		return 0;
	if (strncmp(base_name(program), "python", 6) && strncmp(base_name(program), "pypy", 4))
		return snprintf(buf, size, "%s", program);
	while ((word = next_arg(&a))) {
		if (word[0] != '-' || !word[1])
			return snprintf(buf, size, "%s", word);
		letter = read_option(word, &a, &arg);
		if (letter == 'm' && arg)
			return snprintf(buf, size, "-m %s", arg);
		if (letter == 'c' && arg)
			return snprintf(buf, size, "-c %.*s", CODE_SHOWN, arg);
	}
	return snprintf(buf, size, "%s", base_name(program));
}
