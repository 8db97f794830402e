/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that sleep, or run C code, through the whole trace have no event, yet their Python
 * frames were open all the time. Their stacks are read once when tracing has begun: of a thread
 * that had no event from then to the end, that stack is still right at the end.
 */
#ifndef VTBPF_IDLE_THREADS_H
#define VTBPF_IDLE_THREADS_H

#include "../discover/py_threads.h"
#include "capture_writer.h"
#include "thread_names.h"
#include "tracer.h"

struct idle_threads;

/* Reads the stacks of process pid. NULL and errno on failure. */
struct idle_threads *idle_threads__new(struct py_reader *reader, pid_t pid);
void idle_threads__free(struct idle_threads *idle);

/* Writes their stacks, for samples (VTBPF_REC_STACK), and hands on which thread has which. */
void idle_threads__write_stacks(const struct idle_threads *idle, pid_t pid,
				struct capture_writer *w,
				void (*fn)(void *ctx, pid_t tid, uint32_t stack), void *ctx);

struct idle_span {
	pid_t pid;
	uint64_t start, end; /* of the trace, CLOCK_MONOTONIC ns */
	uint64_t min_duration_ns;
	int max_stack_depth; /* -1: none */
	const struct tracer *tracer;
	const struct thread_names *names;
};

/* After the trace: writes the calls of the threads that had no event. */
void idle_threads__write(const struct idle_threads *idle, const struct idle_span *span,
			 struct capture_writer *w);

#endif
