/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of a trace that goes on and on: their names, and which of them go when there are too
 * many. Only files that a rotation wrote are ever removed: each carries a mark (an extended
 * attribute), and where the file system has none, those of earlier runs are left alone.
 */
#ifndef VTBPF_ROTATION_H
#define VTBPF_ROTATION_H

#include <stddef.h>

struct rotation {
	const char *output; /* as the user gave it; the caller's */
	size_t keep;	    /* so many of the newest; 0: all */
	unsigned int count; /* names given out */
	char **paths;	    /* written and still there, oldest first */
	size_t n;
};

/* Finds the files of earlier runs. 0 or -ENOMEM. */
int rotation__start(struct rotation *r, const char *output, size_t keep);
void rotation__free(struct rotation *r);

/* STEM-YYYYmmdd-HHMMSS-N.EXT beside the output, a name that is not taken. The caller's; NULL when out
 * of memory. */
char *rotation__next_path(struct rotation *r);

/* A file was written there and is whole: marks it, and removes the oldest beyond those to keep. */
void rotation__written(struct rotation *r, const char *path);

#endif
