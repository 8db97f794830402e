/* SPDX-License-Identifier: GPL-2.0-only */
/* What a page is made of besides its data: the files in html/, as they were when this was built. */
#ifndef VTBPF_HTML_ASSETS_H
#define VTBPF_HTML_ASSETS_H

#include <stddef.h>

struct html_asset {
	const char *name; /* of the file */
	const char *begin, *end;
};

/* The skeleton, in which the lines "@STYLE@", "@SCRIPT@" and "@DATA@" stand for the rest. */
extern const struct html_asset html_skeleton;

/* Style sheets, and scripts in the order in which they are to run; the last has no name. */
extern const struct html_asset html_styles[], html_scripts[];

#endif
