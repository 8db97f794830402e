/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows what the target's threads are called, writes it to the capture, and keeps the kernel side
 * from recording the threads that the user ignores.
 */
#ifndef VTBPF_THREAD_NAMES_H
#define VTBPF_THREAD_NAMES_H

#include "../discover/py_threads.h"
#include "../thread_selector.h"
#include "capture_writer.h"
#include "tracer.h"

struct thread_names;

struct thread_names_config {
	pid_t pid;
	struct py_reader *reader;
	struct tracer *tracer;
	struct capture_writer *capture;
	const char **ignore; /* thread selectors */
	size_t n_ignore;
	const char **only;
	size_t n_only;
};

struct thread_names *thread_names__new(const struct thread_names_config *cfg);
void thread_names__free(struct thread_names *n);

/* Looks at all threads now: names, idents, verdicts. 0 or a negative errno. */
int thread_names__scan(struct thread_names *n);

/* Writes all that is known to the capture, and from now on all that changes. */
void thread_names__announce(struct thread_names *n);

/* Before the record of a thread's first event is written: if its id was another thread's, whose end
 * nobody told of, the capture gets that end. */
void thread_names__note_reuse(struct thread_names *n, const struct vtbpf_rec_thread *rec);

/* After it was written: decides on the thread. */
void thread_names__note_new(struct thread_names *n, const struct vtbpf_rec_thread *rec);

/* Takes a piece of a name that the kernel side has read (VTBPF_STR_THREAD), and decides when it is
 * whole. */
void thread_names__note_name(struct thread_names *n, const struct vtbpf_rec_str *rec);

/* A thread has ended (VTBPF_REC_THREAD_EXIT). */
void thread_names__note_exit(struct thread_names *n, const struct vtbpf_rec *rec);

/* Scans each second, for names that change, and sooner when new threads are still without a Python
 * name; cheap when there is nothing to do. now: CLOCK_MONOTONIC, ns. */
void thread_names__tick(struct thread_names *n, uint64_t now);

/* How long to wait, in ms and at most `most`, before there is something to do for tick. */
int thread_names__wait_ms(const struct thread_names *n, uint64_t now, int most);

/* Has the kernel side told of an event of thread tid? Ignored threads are never told of. */
bool thread_names__had_event(const struct thread_names *n, pid_t tid);

/* Is thread tid ignored, or was it when it ended? */
bool thread_names__is_ignored(const struct thread_names *n, pid_t tid);

/* From now on these selectors say which threads are ignored; they must outlive n, or the next call.
 * Threads known already are decided on anew. */
void thread_names__select(struct thread_names *n, const char **ignore, size_t n_ignore);

/* Forgets all threads: some may be gone, and their ids others' now. For a scan to learn anew. */
void thread_names__restart(struct thread_names *n);

/* How many threads are ignored so far. */
size_t thread_names__ignored(const struct thread_names *n);

#endif
