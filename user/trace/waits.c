// SPDX-License-Identifier: GPL-2.0-only
#include "waits.h"

#include <string.h>
#include <sys/syscall.h>

struct known_call {
	uint16_t number;
	uint8_t what; /* enum vtbpf_syscall, or vtbpf_wait */
};

/* Which calls there are differs from one architecture to another. */
static const struct known_call known_calls[] = {
	{ SYS_futex, VTBPF_SYSCALL_FUTEX },
#ifdef SYS_futex_waitv
	{ SYS_futex_waitv, VTBPF_WAIT_LOCK },
#endif
	{ SYS_flock, VTBPF_WAIT_LOCK },
	{ SYS_semop, VTBPF_WAIT_LOCK },
	{ SYS_semtimedop, VTBPF_WAIT_LOCK },
	{ SYS_nanosleep, VTBPF_WAIT_SLEEP },
	{ SYS_clock_nanosleep, VTBPF_WAIT_SLEEP },
	{ SYS_pselect6, VTBPF_SYSCALL_SELECT },
	{ SYS_ppoll, VTBPF_SYSCALL_POLL },
#ifdef SYS_select
	{ SYS_select, VTBPF_SYSCALL_SELECT },
	{ SYS_poll, VTBPF_SYSCALL_POLL },
	{ SYS_epoll_wait, VTBPF_WAIT_IO },
	{ SYS_open, VTBPF_WAIT_IO },
#endif
#ifdef SYS_epoll_pwait2
	{ SYS_epoll_pwait2, VTBPF_WAIT_IO },
#endif
	{ SYS_epoll_pwait, VTBPF_WAIT_IO },
	{ SYS_openat, VTBPF_WAIT_IO },
	{ SYS_read, VTBPF_WAIT_IO },
	{ SYS_readv, VTBPF_WAIT_IO },
	{ SYS_pread64, VTBPF_WAIT_IO },
	{ SYS_preadv, VTBPF_WAIT_IO },
	{ SYS_preadv2, VTBPF_WAIT_IO },
	{ SYS_write, VTBPF_WAIT_IO },
	{ SYS_writev, VTBPF_WAIT_IO },
	{ SYS_pwrite64, VTBPF_WAIT_IO },
	{ SYS_pwritev, VTBPF_WAIT_IO },
	{ SYS_pwritev2, VTBPF_WAIT_IO },
	{ SYS_recvfrom, VTBPF_WAIT_IO },
	{ SYS_recvmsg, VTBPF_WAIT_IO },
	{ SYS_recvmmsg, VTBPF_WAIT_IO },
	{ SYS_sendto, VTBPF_WAIT_IO },
	{ SYS_sendmsg, VTBPF_WAIT_IO },
	{ SYS_sendmmsg, VTBPF_WAIT_IO },
	{ SYS_accept, VTBPF_WAIT_IO },
	{ SYS_accept4, VTBPF_WAIT_IO },
	{ SYS_connect, VTBPF_WAIT_IO },
	{ SYS_sendfile, VTBPF_WAIT_IO },
	{ SYS_splice, VTBPF_WAIT_IO },
	{ SYS_copy_file_range, VTBPF_WAIT_IO },
	{ SYS_fsync, VTBPF_WAIT_IO },
	{ SYS_fdatasync, VTBPF_WAIT_IO },
	{ SYS_sync_file_range, VTBPF_WAIT_IO },
	{ SYS_io_getevents, VTBPF_WAIT_IO },
	{ SYS_io_uring_enter, VTBPF_WAIT_IO },
	{ SYS_msgrcv, VTBPF_WAIT_IO },
	{ SYS_msgsnd, VTBPF_WAIT_IO },
};

void waits__of_syscalls(uint8_t *out)
{
	memset(out, VTBPF_WAIT_OFF_CPU, VTBPF_SYSCALLS);
	for (size_t i = 0; i < sizeof(known_calls) / sizeof(known_calls[0]); i++)
		if (known_calls[i].number < VTBPF_SYSCALLS)
			out[known_calls[i].number] = known_calls[i].what;
}

static uint32_t of_futex(uint64_t futex, const struct py_gil *gils, size_t n_gils)
{
	for (size_t i = 0; i < n_gils; i++)
		if (futex >= gils[i].wait_begin && futex < gils[i].wait_end)
			return VTBPF_WAIT_GIL;
	return VTBPF_WAIT_LOCK;
}

uint32_t waits__of_call(const struct proc_syscall *call, const struct py_gil *gils, size_t n_gils)
{
	uint8_t what[VTBPF_SYSCALLS];

	if (call->number < 0 || call->number >= VTBPF_SYSCALLS)
		return VTBPF_WAIT_OFF_CPU;
	waits__of_syscalls(what);
	switch (what[call->number]) {
	case VTBPF_SYSCALL_FUTEX:
		return of_futex(call->args[0], gils, n_gils);
	case VTBPF_SYSCALL_SELECT: /* of nothing, with a timeout: time.sleep() up to 3.10 */
		return (uint32_t)call->args[0] ? VTBPF_WAIT_IO : VTBPF_WAIT_SLEEP;
	case VTBPF_SYSCALL_POLL:
		return (uint32_t)call->args[1] ? VTBPF_WAIT_IO : VTBPF_WAIT_SLEEP;
	}
	return what[call->number];
}
