/* SPDX-License-Identifier: GPL-2.0-only */
/* What the system calls of this machine are called. */
#ifndef VTBPF_SYSCALL_NAMES_H
#define VTBPF_SYSCALL_NAMES_H

/* Their names by number, a line each, empty where there is none: what VTBPF_TEXT_SYSCALLS says. The
 * caller's to free; NULL when out of memory. */
char *syscall_names__text(void);

#endif
