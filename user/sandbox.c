// SPDX-License-Identifier: GPL-2.0-only
#include "sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "log.h"

/* Sanitizers do more, at any time. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif

#define NAMESPACES                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

/* Names, since a number may be missing in a build or on a machine. */
static const char *const basic[] = {
	"brk",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"close",
	"exit",
	"exit_group",
	"futex",
	"getegid",
	"geteuid",
	"getgid",
	"getpid",
	"getppid",
	"getrandom",
	"gettid",
	"gettimeofday",
	"getuid",
	"kill",
	"madvise",
	"membarrier",
	"mremap",
	"munmap",
	"nanosleep",
	"poll",
	"ppoll",
	"read",
	"recvmsg",
	"restart_syscall",
	"rseq",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sched_getaffinity",
	"sched_yield",
	"sendmsg",
	"set_robust_list",
	"sigaltstack",
	"tgkill",
	"time",
	"write",
	NULL,
};

static const char *const opening_for_others[] = { "openat2", NULL };

static const char *const files[] = {
	"access",     "copy_file_range",
	"dup",	      "dup2",
	"dup3",	      "epoll_create1",
	"epoll_ctl",  "epoll_pwait",
	"epoll_wait", "eventfd2",
	"faccessat",  "faccessat2",
	"fadvise64",  "fallocate",
	"fchmod",     "fchown",
	"fcntl",      "fdatasync",
	"fgetxattr",  "flock",
	"fsetxattr",  "fstat",
	"fstatfs",    "fsync",
	"ftruncate",  "getcwd",
	"getdents64", "getxattr",
	"lgetxattr",  "linkat",
	"lseek",      "lsetxattr",
	"lstat",      "memfd_create",
	"newfstatat", "open",
	"openat",     "pipe",
	"pipe2",      "pread64",
	"preadv",     "pselect6",
	"pwrite64",   "pwritev",
	"readlink",   "readlinkat",
	"readv",      "rename",
	"renameat",   "renameat2",
	"select",     "sendfile",
	"splice",     "stat",
	"statfs",     "statx",
	"umask",      "unlink",
	"unlinkat",   "writev",
	NULL,
};

/* What it takes to be a process among others that belong to it, and to end it in order. */
static const char *const process[] = {
	"capget",
	"capset",
	"connect",
	"getgroups",
	"getpgid",
	"getpgrp",
	"getpriority",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"getsid",
	"getsockname",
	"getsockopt",
	"prctl",
	"prlimit64",
	"recvfrom",
	"rmdir",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"sched_getparam",
	"sched_getscheduler",
	"sched_setscheduler",
	"seccomp",
	"sendto",
	"setfsgid",
	"setfsuid",
	"setpriority",
	"setrlimit",
	"setsockopt",
	"shutdown",
	"signalfd4",
	"socketpair",
	"sysinfo",
	"times",
	"uname",
	"wait4",
	"waitid",
	NULL,
};

static const char *const recording[] = {
	"adjtimex",
	"clock_adjtime",
	"accept4",
	"bind",
	"bpf",
	"close_range",
	"listen",
	"mkdir",
	"mkdirat",
	"mlock",
	"munlock",
	"openat2",
	"perf_event_open",
	"pidfd_open",
	"pidfd_send_signal",
	"process_vm_readv",
	"sched_setattr",
	"setgroups",
	"setresgid",
	"setresuid",
	"setsid",
	"timerfd_create",
	"timerfd_settime",
	"fork",
	"vfork",
	NULL,
};

/* Not by mistake: whoever asks for these is not vtbpf any more. */
static const char *const deadly[] = {
	"execve",
	"execveat",
	"process_vm_writev",
	"process_madvise",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"open_by_handle_at",
	"move_mount",
	"fsopen",
	"open_tree",
	"io_uring_setup",
	"userfaultfd",
	"keyctl",
	"add_key",
	"request_key",
	"reboot",
	"swapon",
	"swapoff",
	"settimeofday",
	"clock_settime",
	"acct",
	"pidfd_getfd",
	"personality",
	"quotactl",
	"syslog",
	"iopl",
	"ioperm",
	"mknod",
	"mknodat",
	NULL,
};

/* ---- rules ------------------------------------------------------------------------------ */

static int add(scmp_filter_ctx ctx, uint32_t action, const char *const names[])
{
	int err = 0;

	for (size_t i = 0; names[i] && !err; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number != __NR_SCMP_ERROR)
			err = seccomp_rule_add(ctx, action, number, 0);
	}
	return err;
}

/* Memory that is written may not be executed. */
static int add_memory(scmp_filter_ctx ctx)
{
	int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return err;
}

static int add_local_sockets(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
}

/* Of clone3(2) the flags cannot be seen: libc does with clone(2) when the other does not exist. */
static int add_threads(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

/* Terminals: is it one, and how wide. 0x802c542a is TCGETS2, as newer libcs ask. */
static int add_terminal(scmp_filter_ctx ctx)
{
	static const unsigned long requests[] = { TCGETS, TIOCGWINSZ, 0x802c542a };
	int err = 0;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_EQ, requests[i]));
	return err;
}

static int add_converting(scmp_filter_ctx ctx)
{
	int err = add_threads(ctx);

	return err ? err : add_terminal(ctx);
}

static int add_recording(scmp_filter_ctx ctx)
{
	/* A program that was started is held until the probes are in. Nobody else can be. */
	static const unsigned long letting_go[] = { PTRACE_DETACH, PTRACE_INTERRUPT, PTRACE_CONT,
						    PTRACE_LISTEN, PTRACE_GETEVENTMSG };
	int err = add(ctx, SCMP_ACT_ALLOW, recording);

	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0));

	for (size_t i = 0; i < sizeof(letting_go) / sizeof(letting_go[0]) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ptrace), 1,
				       SCMP_A0(SCMP_CMP_EQ, letting_go[i]));
	if (!err) /* of perf events, BPF links and terminals: but nothing is typed for others */
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_NE, TIOCSTI));
	return err;
}

static int add_all(scmp_filter_ctx ctx, enum sandbox which)
{
	int err = add(ctx, SCMP_ACT_KILL_PROCESS, deadly);

	if (!err)
		err = add(ctx, SCMP_ACT_ALLOW, basic);
	if (!err)
		err = add_memory(ctx);
	if (err)
		return err;
	if (which == SANDBOX_DEPUTY)
		return add(ctx, SCMP_ACT_ALLOW, opening_for_others);
	err = add(ctx, SCMP_ACT_ALLOW, files);
	if (!err)
		err = add(ctx, SCMP_ACT_ALLOW, process);
	if (!err)
		err = add_local_sockets(ctx);
	if (!err)
		err = which == SANDBOX_RECORD ? add_recording(ctx) : add_converting(ctx);
	return err;
}

void sandbox__enter(enum sandbox which)
{
	scmp_filter_ctx ctx = SANITIZED ? NULL : seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err;

	if (!ctx)
		return;
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree of numbers */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	err = add_all(ctx, which);
	if (!err)
		err = seccomp_load(ctx);
	if (err)
		log_verbose("system calls are not restricted: seccomp: %s", strerror(-err));
	seccomp_release(ctx);
}
