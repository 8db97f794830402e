// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>

#include "worker_thread.h"

int worker_thread__start(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* a thread begins with its maker's */
	err = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}
