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
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "../log.h"
#include "../sudo_user.h"
#include "launch.h"
#include "loader.h"

#define TRACE_OPTIONS (PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD)
#define TRACE_DESCENDANTS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK)
/* A program that embeds Python loads it by dlopen() after its start. So much of it is followed with a
 * stop at each system call (some 20 us each); a shell that starts Python gets by with less. */
#define SYSCALLS_FOLLOWED 4000
#define SYSCALLS_OF_DESCENDANTS 400 /* a build may start many that have nothing to do with Python */

#define RELEASE_TRIES 2000 /* of a millisecond each */

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

struct tracee {
	pid_t pid;
	struct loader loader;
	bool in_loader;	   /* stop at each system call */
	int syscalls_left; /* of the program itself, until it is let run freely */
	bool interrupted;
	struct tracee *next;
};

static struct tracee *tracee_of(struct launched *l, pid_t pid)
{
	struct tracee *t = l->tracees;

	while (t && t->pid != pid)
		t = t->next;
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->pid = pid;
	t->next = l->tracees;
	l->tracees = t;
	return t;
}

static void forget(struct launched *l, pid_t pid)
{
	struct tracee **at = &l->tracees, *gone;

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	gone = *at;
	if (!gone)
		return;
	*at = gone->next;
	free(gone);
}

static int follow(struct launched *l, bool descendants)
{
	int options = TRACE_OPTIONS | (descendants ? TRACE_DESCENDANTS : 0);

	if (!tracee_of(l, l->pid))
		return -ENOMEM;
	if (!ptrace(PTRACE_SEIZE, l->pid, NULL, options))
		return 0;
	log_error(
		"cannot hold %d until the probes are in: ptrace: %s; CAP_SYS_PTRACE is needed, and "
		"/proc/sys/kernel/yama/ptrace_scope must be below 3",
		l->pid, strerror(errno));
	return -errno;
}

int launch__start(struct launched *l, char **argv, const sigset_t *child_mask, bool descendants)
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
	err = follow(l, descendants);
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
	bool found;
};

static void resume(const struct tracee *t, int sig)
{
	ptrace(t->in_loader ? PTRACE_SYSCALL : PTRACE_CONT, t->pid, NULL, (long)sig);
}

static bool has_python(struct follower *f, const struct tracee *t)
{
	char why[512];

	f->found = !target__open(t->pid, f->target, why, sizeof(why));
	return f->found;
}

/* A new program: a static interpreter is there already, a shared one comes with the loader. */
static void on_exec_stop(struct follower *f, struct tracee *t)
{
	t->in_loader = loader__find(&t->loader, t->pid);
	t->syscalls_left = t->pid == f->l->pid ? SYSCALLS_FOLLOWED : SYSCALLS_OF_DESCENDANTS;
	if (!has_python(f, t))
		resume(t, 0);
}

static void on_syscall_stop(struct follower *f, struct tracee *t)
{
	switch (loader__at_syscall(&t->loader, t->pid)) {
	case LOADER_MAPPED_CODE:
		if (has_python(f, t))
			return;
		break;
	case LOADER_DONE:
		t->in_loader = t->syscalls_left-- > 0;
		break;
	case LOADER_BUSY:
		break;
	}
	resume(t, 0);
}

/* The child is followed from its first instruction on, and may be heard of before or after this. */
static void note_child(struct launched *l, pid_t parent, int status)
{
	int event = status >> 16;
	unsigned long child = 0;

	if ((event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) &&
	    !ptrace(PTRACE_GETEVENTMSG, parent, NULL, &child) && child)
		tracee_of(l, (pid_t)child);
}

static void on_stop(struct follower *f, struct tracee *t, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	note_child(f->l, t->pid, status);
	if (event == PTRACE_EVENT_EXEC)
		on_exec_stop(f, t);
	else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		ptrace(PTRACE_LISTEN, t->pid, NULL, NULL); /* a job control stop: stay stopped */
	else if (sig == SYSCALL_STOP)
		on_syscall_stop(f, t);
	else
		resume(t, event ? 0 : sig);
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

/* The next change of state of process `who`, -1 any, while signals sent to us are passed on. */
static pid_t next_status(struct launched *l, pid_t who, const int fd[2], int *status)
{
	int signal_fd = fd[0], chld_fd = fd[1];
	struct pollfd fds[] = { { .fd = chld_fd, .events = POLLIN },
				{ .fd = signal_fd, .events = POLLIN } };
	struct signalfd_siginfo si;
	pid_t pid;

	for (;;) {
		pid = waitpid(who, status, __WALL | WNOHANG);
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

static void on_end(struct launched *l, pid_t pid, int status)
{
	forget(l, pid);
	if (pid != l->pid)
		return;
	l->ended = true;
	l->status = status;
}

int launch__until_python(struct launched *l, int signal_fd, struct target *t)
{
	struct follower f = { .l = l, .target = t };
	int fd[] = { signal_fd, child_signal_fd() }, status;
	struct tracee *tracee;
	pid_t pid;

	while (!f.found && !l->ended) {
		pid = next_status(l, -1, fd, &status);
		if (pid < 0)
			break;
		if (!WIFSTOPPED(status)) {
			on_end(l, pid, status);
			continue;
		}
		tracee = tracee_of(l, pid);
		if (tracee)
			on_stop(&f, tracee, status);
		else
			ptrace(PTRACE_DETACH, pid, NULL, NULL); /* without memory for it */
	}
	close(fd[1]);
	if (!f.found)
		launch__release(l);
	read_exec_error(l);
	return f.found ? 0 : -ENOENT;
}

/* Only what is stopped can be let go; a signal that it was stopped for must reach it. */
static void let_go(struct launched *l, struct tracee *t)
{
	pid_t pid = t->pid, news;
	int status = 0, sig = 0;

	news = waitpid(pid, &status, __WALL | WNOHANG);
	if (news < 0 || (news && !WIFSTOPPED(status))) {
		on_end(l, pid, status);
		return;
	}
	if (news) {
		note_child(l, pid, status);
		if (!(status >> 16) && WSTOPSIG(status) != SYSCALL_STOP)
			sig = WSTOPSIG(status);
	}
	if (!ptrace(PTRACE_DETACH, pid, NULL, (long)sig)) {
		forget(l, pid);
		return;
	}
	if (!t->interrupted)
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	t->interrupted = true;
}

/* None of them is waited for alone: one may wait for another, as after vfork(). */
void launch__release(struct launched *l)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct tracee *next;

	for (int i = 0; l->tracees && i < RELEASE_TRIES; i++) {
		for (struct tracee *t = l->tracees; t; t = next) {
			next = t->next;
			let_go(l, t);
		}
		if (l->tracees)
			nanosleep(&pause, NULL);
	}
	while (l->tracees) /* it goes on when we end */
		forget(l, l->tracees->pid);
}

void launch__kill(struct launched *l)
{
	for (const struct tracee *t = l->tracees; t; t = t->next)
		kill(t->pid, SIGKILL);
	if (!l->ended)
		kill(l->pid, SIGKILL);
}

int launch__wait(struct launched *l, int signal_fd)
{
	int fd[] = { signal_fd, child_signal_fd() }, status;

	while (!l->ended && next_status(l, l->pid, fd, &status) > 0) {
		l->ended = WIFEXITED(status) || WIFSIGNALED(status);
		l->status = status;
	}
	close(fd[1]);
	if (!l->ended)
		reap(l);
	return WIFSIGNALED(l->status) ? 128 + WTERMSIG(l->status) : WEXITSTATUS(l->status);
}
