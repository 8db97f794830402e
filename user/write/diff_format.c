// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "diff_writer.h"

static const struct diff_format *const formats[] = { &diff_text, &diff_json, &diff_folded,
						     &diff_html };

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static bool ends_in(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n > m && !strcmp(path + n - m, suffix);
}

const struct diff_format *diff_format__find(const char *name, const char *path, char *why,
					    size_t why_size)
{
	size_t i;

	for (i = 0; i < N_FORMATS; i++) {
		if (name ? !strcmp(formats[i]->name, name) :
			   path && ends_in(path, formats[i]->extension))
			return formats[i];
	}
	if (!name && (!path || !strncmp(path, "/dev/", 5)))
		return &diff_text;
	if (name)
		snprintf(why, why_size,
			 "diff: format '%s' is not supported; use text, json, folded or html",
			 name);
	else
		snprintf(why, why_size,
			 "the extension names no form of diff; use .txt, .json, "
			 ".folded, .html or --format");
	return NULL;
}
