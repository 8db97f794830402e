// SPDX-License-Identifier: GPL-2.0-only
#include "trigger_expr.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

#define MAX_RATE 1000000000ULL

static int bad(char *why, size_t why_size, const char *text)
{
	snprintf(why, why_size, "%s", text);
	return -EINVAL;
}

static int copy(char **to, const char *from, size_t len)
{
	*to = strndup(from, len);
	return *to ? 0 : -ENOMEM;
}

/* Where the limit begins: after the last '>', for names have some, too (<lambda>). */
static const char *limit_of(const char *text)
{
	const char *mark = strrchr(text, '>');

	return mark ? mark + 1 : NULL;
}

static int parse_slow(const char *text, struct trigger_expr *e, char *why, size_t why_size)
{
	const char *limit = limit_of(text);

	if (!limit || limit == text + 1 || parse_time(limit, 0, &e->limit) || !e->limit)
		return bad(why, why_size,
			   "write slow:GLOB>TIME, with a unit, such as 'slow:Session.send>50ms'");
	return copy(&e->function, text, limit - 1 - text);
}

static int parse_gc(const char *text, struct trigger_expr *e, char *why, size_t why_size)
{
	if (*text != '>' || parse_time(text + 1, 0, &e->limit) || !e->limit)
		return bad(why, why_size, "write gc>TIME, with a unit, such as 'gc>20ms'");
	return 0;
}

static int parse_rate(const char *text, struct trigger_expr *e, char *why, size_t why_size)
{
	const char *limit = limit_of(text);
	char *end = NULL;

	errno = 0;
	if (limit && limit != text + 1 && *limit >= '0' && *limit <= '9')
		e->limit = strtoull(limit, &end, 10);
	if (!end || strcmp(end, "/s") || errno || !e->limit || e->limit > MAX_RATE)
		return bad(why, why_size,
			   "write rate:GLOB>N/s, N at least 1, such as 'rate:connect>1000/s'");
	return copy(&e->function, text, limit - 1 - text);
}

static int parse_anomaly(const char *text, struct trigger_expr *e, char *why, size_t why_size)
{
	if (!*text)
		return bad(why, why_size, "write anomaly:GLOB, such as 'anomaly:handle_*'");
	return copy(&e->function, text, strlen(text));
}

static int parse_exception(const char *text, struct trigger_expr *e, char *why, size_t why_size)
{
	size_t type = strcspn(text, "@");
	int err;

	if (!type || (text[type] && !text[type + 1]))
		return bad(why, why_size,
			   "write exception:TYPE or exception:TYPE@FUNCTION, both globs, such as "
			   "'exception:KeyError@Cache.*'");
	err = copy(&e->type, text, type);
	if (!err && text[type])
		err = copy(&e->function, text + type + 1, strlen(text + type + 1));
	return err;
}

static const struct {
	const char *name;
	enum trigger_kind kind;
	int (*parse)(const char *text, struct trigger_expr *e, char *why, size_t why_size);
} kinds[] = {
	{ "slow:", TRIGGER_SLOW, parse_slow },
	{ "exception:", TRIGGER_EXCEPTION, parse_exception },
	{ "gc", TRIGGER_GC, parse_gc },
	{ "rate:", TRIGGER_RATE, parse_rate },
	{ "anomaly:", TRIGGER_ANOMALY, parse_anomaly },
};

int trigger_expr__parse(const char *text, struct trigger_expr *e, char *why, size_t why_size)
{
	memset(e, 0, sizeof(*e));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].name);
		int err;

		if (strncmp(text, kinds[i].name, len))
			continue;
		e->kind = kinds[i].kind;
		err = kinds[i].parse(text + len, e, why, why_size);
		if (err)
			trigger_expr__release(e);
		return err;
	}
	return bad(
		why, why_size,
		"there are slow:GLOB>TIME, exception:TYPE[@FUNCTION], gc>TIME, rate:GLOB>N/s and "
		"anomaly:GLOB");
}

void trigger_expr__release(struct trigger_expr *e)
{
	free(e->function);
	free(e->type);
	memset(e, 0, sizeof(*e));
}

bool trigger_expr__matches(const struct trigger_expr *e, const char *name, const char *file)
{
	char both[PATH_MAX + 1024];

	if (!e->function)
		return false;
	snprintf(both, sizeof(both), "%s:%s", file, name);
	return !fnmatch(e->function, name, 0) || !fnmatch(e->function, both, 0);
}

bool trigger_expr__matches_type(const struct trigger_expr *e, const char *tp_name)
{
	const char *dot = strrchr(tp_name, '.');

	return e->type && (!fnmatch(e->type, tp_name, 0) || (dot && !fnmatch(e->type, dot + 1, 0)));
}
