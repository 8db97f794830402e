// SPDX-License-Identifier: GPL-2.0-only
#include "schedule.h"

#include <ctype.h>
#include <errno.h>

#define HOUR 60
#define DAY (24 * HOUR)

/* One or two digits; -EINVAL else. */
static int take_number(const char **text)
{
	const char *p = *text;
	int n = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	while (isdigit((unsigned char)*p) && p - *text < 2)
		n = n * 10 + (*p++ - '0');
	*text = p;
	return n;
}

static int take_time(const char **text)
{
	int hours = take_number(text), minutes;

	if (hours < 0 || **text != ':')
		return -EINVAL;
	++*text;
	if (!isdigit((unsigned char)(*text)[0]) || !isdigit((unsigned char)(*text)[1]))
		return -EINVAL;
	minutes = take_number(text);
	if (minutes > 59 || hours * HOUR + minutes > DAY)
		return -EINVAL;
	return hours * HOUR + minutes;
}

int schedule__parse(const char *text, struct schedule_span *span)
{
	int from = take_time(&text), until;

	if (from < 0 || from == DAY || *text++ != '-')
		return -EINVAL;
	until = take_time(&text);
	if (until < 0 || *text || from == until)
		return -EINVAL;
	span->from = from;
	span->until = until;
	return 0;
}

bool schedule__is_active(const struct schedule_span *spans, size_t n, time_t now)
{
	unsigned int minute;
	struct tm tm;

	if (!n || !localtime_r(&now, &tm))
		return true;
	minute = tm.tm_hour * HOUR + tm.tm_min;
	for (size_t i = 0; i < n; i++) {
		const struct schedule_span *s = &spans[i];

		if (s->from < s->until ? minute >= s->from && minute < s->until :
					 minute >= s->from || minute < s->until)
			return true;
	}
	return false;
}
