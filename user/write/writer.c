// SPDX-License-Identifier: GPL-2.0-only
#include "writer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SUPPORTED "json, json.gz, pftrace, folded, speedscope, pprof, html and vtb"

/* .speedscope.json ends in .json, too, and so comes before. */
static const struct writer_ops *const formats[] = {
	&speedscope_writer, &pftrace_writer, &folded_writer,	  &pprof_writer,
	&html_writer,	    &chrome_writer,  &chrome_gzip_writer, &capture_writer,
};

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static bool ends_in(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n > m && !strcmp(path + n - m, suffix);
}

static const struct writer_ops *by_name(const char *name)
{
	size_t i;

	for (i = 0; i < N_FORMATS; i++) {
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	}
	return NULL;
}

static const struct writer_ops *by_extension(const char *path)
{
	size_t i;

	for (i = 0; i < N_FORMATS; i++) {
		if (ends_in(path, formats[i]->extension))
			return formats[i];
	}
	return NULL;
}

static bool is_stream(const char *path)
{
	struct stat st;

	return !stat(path, &st) && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode));
}

const struct writer_ops *writer__find(const char *name, const char *path, char *why,
				      size_t why_size)
{
	const struct writer_ops *ops = name ? by_name(name) : by_extension(path);

	if (ops)
		return ops;
	if (name) {
		snprintf(why, why_size, "format '%s' is not supported; use " SUPPORTED, name);
		return NULL;
	}
	if (is_stream(path) || !strncmp(path, "/dev/", 5))
		return &chrome_writer;
	snprintf(why, why_size,
		 "the extension names no supported format; use .json, .json.gz, .pftrace, .folded, "
		 ".speedscope.json, .pb.gz, .html, .vtb or --format");
	return NULL;
}
