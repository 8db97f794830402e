// SPDX-License-Identifier: GPL-2.0-only
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

/* A decimal number (no sign, exponent, hex, inf or nan, which strtod() would take). */
static int parse_number(const char *s, double *value, const char **rest)
{
	size_t len = strspn(s, "0123456789.");
	char *end;

	if (!isdigit((unsigned char)*s) && !(s[0] == '.' && isdigit((unsigned char)s[1])))
		return -EINVAL;
	*value = strtod(s, &end);
	if (end != s + len)
		return -EINVAL;
	*rest = end;
	return 0;
}

static int parse_with_units(const char *s, const struct unit *units, double bare, uint64_t *out)
{
	const char *rest;
	double value;

	if (parse_number(s, &value, &rest))
		return -EINVAL;
	if (*rest) {
		for (; units->name && strcasecmp(units->name, rest); units++)
			;
		if (!units->name)
			return -EINVAL;
		bare = units->factor;
	}
	value *= bare;
	if (value >= 9.2e18)
		return -ERANGE;
	*out = (uint64_t)llround(value);
	return 0;
}

int parse_time(const char *s, uint64_t bare_ns, uint64_t *ns)
{
	static const struct unit units[] = {
		{ "ns", 1 },	{ "us", 1e3 }, { "µs", 1e3 },	{ "ms", 1e6 },	 { "s", 1e9 },
		{ "sec", 1e9 }, { "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 }, { NULL, 0 },
	};

	return parse_with_units(s, units, bare_ns, ns);
}

int parse_size(const char *s, uint64_t *bytes)
{
	static const struct unit units[] = {
		{ "b", 1 },	   { "k", 1 << 10 },   { "kb", 1 << 10 },  { "kib", 1 << 10 },
		{ "m", 1 << 20 },  { "mb", 1 << 20 },  { "mib", 1 << 20 }, { "g", 1 << 30 },
		{ "gb", 1 << 30 }, { "gib", 1 << 30 }, { NULL, 0 },
	};

	return parse_with_units(s, units, 1, bytes);
}

char *format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	double value = bytes;
	int unit = -1;

	while (value >= 999.95 && unit < 3) {
		value /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, size, "%llu bytes", (unsigned long long)bytes);
	else
		snprintf(buf, size, "%.1f %s", value, units[unit]);
	return buf;
}

char *format_count(uint64_t n, char *buf, size_t size)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), i,
	       to = 0;

	for (i = 0; i < len && to + 2 < size; i++) {
		if (i && (len - i) % 3 == 0)
			buf[to++] = ',';
		buf[to++] = digits[i];
	}
	buf[to] = '\0';
	return buf;
}

char *format_ns(double ns, char *buf, size_t size)
{
	static const struct {
		double ns;
		const char *name;
	} units[] = { { 3600e9, "h" }, { 60e9, "min" }, { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		/* 999.97 us would be printed as 1000 us */
		if (ns < units[i].ns * 0.9995)
			continue;
		ns /= units[i].ns;
		snprintf(buf, size, "%.*f %s",
			 ns < 9.995 ? 2 :
			 ns < 99.95 ? 1 :
				      0,
			 ns, units[i].name);
		return buf;
	}
	snprintf(buf, size, "%.0f ns", ns);
	return buf;
}
