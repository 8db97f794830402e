/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opens the file that a process has mapped, and no other that has its name by now.
 *
 * /proc/PID/map_files names that file itself, but wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE
 * (proc_map_files_get_link() in fs/proc/base.c, Linux 5.9 on). Without these it is looked for where
 * its name and /proc/PID/exe point, and taken if it has the mapping's inode.
 */
#ifndef VTBPF_MAPPED_FILE_H
#define VTBPF_MAPPED_FILE_H

#include <sys/types.h>

#include "proc_maps.h"

/* map: one of pid's mappings. root_fd: O_PATH on the root directory of the process; path: the file as
 * seen from there. A descriptor, the caller's to close, or a negative errno: -EACCES when only a
 * capability is missing. */
int mapped_file__open(pid_t pid, const struct proc_map *map, int root_fd, const char *path);

#endif
