/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads of vtbpf's own, beside the main one. */
#ifndef VTBPF_WORKER_THREAD_H
#define VTBPF_WORKER_THREAD_H

#include <pthread.h>

/* Starts a thread that gets no signals: those that vtbpf waits for are for the main one. The caller
 * joins it. 0 or a negative errno. */
int worker_thread__start(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
