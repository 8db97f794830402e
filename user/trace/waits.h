/* SPDX-License-Identifier: GPL-2.0-only */
/* What threads wait for that have no CPU (--wall), by the system call that they are in. */
#ifndef VTBPF_WAITS_H
#define VTBPF_WAITS_H

#include <stddef.h>
#include <stdint.h>

#include "../discover/proc_task.h"
#include "../discover/py_interpreters.h"

/* Fills out[VTBPF_SYSCALLS] with enum vtbpf_syscall, by system call. */
void waits__of_syscalls(uint8_t *out);

/* What the call waits for, enum vtbpf_wait; gils are those of the process. */
uint32_t waits__of_call(const struct proc_syscall *call, const struct py_gil *gils, size_t n_gils);

#endif
