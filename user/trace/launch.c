// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "../log.h"
#include "../sudo_user.h"
#include "launch.h"
#include "loader.h"

#define TRACE_OPTIONS (PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD)
/* A program that embeds Python loads it by dlopen() after its start. So much of it is followed with a
 * stop at each system call (some 20 us each); a shell that starts Python gets by with less. */
#define SYSCALLS_FOLLOWED 4000

#define SYSCALL_STOP (SIGTRAP | 0x80)

/* ---- the child before its execve -------------------------------------------------------- */

/* go: readable when the parent follows us. failed: tells the parent why execve did not happen. */
static void child_main(char **argv, const sigset_t *mask, int go, int failed)
{
	int err = sudo_user__become();
	char c;

	if (!err && read(go, &c, 1) != 1)
		_exit(1);
	if (!err) {
		sudo_user__forget();
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(argv[0], argv);
		err = -errno;
	}
	if (write(failed, &err, sizeof(err)) != sizeof(err))
		_exit(1);
	_exit(err == -ENOENT ? 127 : 126);
}

/* ---- starting --------------------------------------------------------------------------- */

static int reap(struct launched *l)
{
	while (waitpid(l->pid, &l->status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	l->ended = true;
	return 0;
}

static int follow(struct launched *l)
{
	if (!ptrace(PTRACE_SEIZE, l->pid, NULL, TRACE_OPTIONS))
		return 0;
	log_error(
		"cannot hold %d until the probes are in: ptrace: %s; CAP_SYS_PTRACE is needed, and "
		"/proc/sys/kernel/yama/ptrace_scope must be below 3",
		l->pid, strerror(errno));
	return -errno;
}

int launch__start(struct launched *l, char **argv, const sigset_t *child_mask)
{
	int go[2], failed[2], err;

	memset(l, 0, sizeof(*l));
	if (pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	l->pid = fork();
	if (l->pid < 0)
		return -errno;
	if (!l->pid) {
		close(go[1]);
		child_main(argv, child_mask, go[0], failed[1]);
	}
	close(go[0]);
	close(failed[1]);
	err = follow(l);
	if (!err && write(go[1], "", 1) != 1)
		err = -errno;
	close(go[1]);
	if (err)
		kill(l->pid, SIGKILL);
	l->failed_fd = failed[0];
	return err;
}

/* ---- waiting for Python ----------------------------------------------------------------- */

struct follower {
	struct launched *l;
	struct target *target;
	struct loader loader;
	bool in_loader;	   /* stop at each system call */
	int syscalls_left; /* of the program itself, until it is let run freely */
	bool found;
};

static void resume(struct follower *f, int sig)
{
	ptrace(f->in_loader ? PTRACE_SYSCALL : PTRACE_CONT, f->l->pid, NULL, (long)sig);
}

static bool has_python(struct follower *f)
{
	char why[512];

	f->found = !target__open(f->l->pid, f->target, why, sizeof(why));
	return f->found;
}

/* A new program: a static interpreter is there already, a shared one comes with the loader. */
static void on_exec_stop(struct follower *f)
{
	f->in_loader = loader__find(&f->loader, f->l->pid);
	f->syscalls_left = SYSCALLS_FOLLOWED;
	if (!has_python(f))
		resume(f, 0);
}

static void on_syscall_stop(struct follower *f)
{
	switch (loader__at_syscall(&f->loader, f->l->pid)) {
	case LOADER_MAPPED_CODE:
		if (has_python(f))
			return;
		break;
	case LOADER_DONE:
		f->in_loader = f->syscalls_left-- > 0;
		break;
	case LOADER_BUSY:
		break;
	}
	resume(f, 0);
}

static void on_stop(struct follower *f, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_EXEC)
		on_exec_stop(f);
	else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		ptrace(PTRACE_LISTEN, f->l->pid, NULL, NULL); /* a job control stop: stay stopped */
	else if (sig == SYSCALL_STOP)
		on_syscall_stop(f);
	else
		resume(f, event ? 0 : sig);
}

/* Hands SIGINT and SIGTERM sent to us alone to the program. Terminal signals it got itself; SIGUSR1
 * asks us for a dump, and there is nothing to dump when nothing is recorded. */
static void pass_signal(pid_t pid, int signal_fd, bool int_too)
{
	struct signalfd_siginfo si;

	if (read(signal_fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGUSR1)
		return;
	if (si.ssi_signo != SIGINT || (int_too && si.ssi_code <= 0))
		kill(pid, si.ssi_signo);
}

static int child_signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The next change of state of the child, while signals sent to us are passed on. */
static pid_t next_status(struct launched *l, int signal_fd, int chld_fd, int *status)
{
	struct pollfd fds[] = { { .fd = chld_fd, .events = POLLIN },
				{ .fd = signal_fd, .events = POLLIN } };
	struct signalfd_siginfo si;
	pid_t pid;

	for (;;) {
		pid = waitpid(l->pid, status, __WALL | WNOHANG);
		if (pid)
			return pid;
		poll(fds, 2, 1000);
		while (read(chld_fd, &si, sizeof(si)) > 0)
			;
		if (fds[1].revents & POLLIN)
			pass_signal(l->pid, signal_fd, true);
	}
}

static void read_exec_error(struct launched *l)
{
	int err;

	if (read(l->failed_fd, &err, sizeof(err)) == sizeof(err))
		l->exec_errno = -err;
	close(l->failed_fd);
	l->failed_fd = -1;
}

int launch__until_python(struct launched *l, int signal_fd, struct target *t)
{
	struct follower f = { .l = l, .target = t };
	int chld_fd = child_signal_fd(), status;

	while (!f.found && !l->ended) {
		if (next_status(l, signal_fd, chld_fd, &status) < 0)
			break;
		if (WIFSTOPPED(status)) {
			on_stop(&f, status);
			continue;
		}
		l->ended = true;
		l->status = status;
	}
	close(chld_fd);
	read_exec_error(l);
	return f.found ? 0 : -ENOENT;
}

void launch__release(struct launched *l)
{
	ptrace(PTRACE_DETACH, l->pid, NULL, NULL);
}

int launch__wait(struct launched *l, int signal_fd)
{
	int chld_fd = child_signal_fd(), status;

	while (!l->ended && next_status(l, signal_fd, chld_fd, &status) > 0) {
		l->ended = WIFEXITED(status) || WIFSIGNALED(status);
		l->status = status;
	}
	close(chld_fd);
	if (!l->ended)
		reap(l);
	return WIFSIGNALED(l->status) ? 128 + WTERMSIG(l->status) : WEXITSTATUS(l->status);
}
