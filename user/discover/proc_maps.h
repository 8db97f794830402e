/* SPDX-License-Identifier: GPL-2.0-only */
/* Parser of /proc/PID/maps. */
#ifndef VTBPF_PROC_MAPS_H
#define VTBPF_PROC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct proc_map {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	uint64_t inode;	 /* 0: no file */
	unsigned int dev_major, dev_minor;
	bool exec;
	bool deleted;	 /* the path no longer names this file */
	char path[4096]; /* as the process sees it; empty when there is none */
};

/* Parses one line (without or with its newline); false when it is none of a maps file. The path
 * has the kernel's \012 for a newline undone and " (deleted)" taken off. */
bool proc_maps__parse(const char *line, struct proc_map *map);

/* Calls fn for each mapping read from `in`, until it returns non-zero; returns that, else 0. */
int proc_maps__each(FILE *in, int (*fn)(const struct proc_map *map, void *arg), void *arg);

#endif
