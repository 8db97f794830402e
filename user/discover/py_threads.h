/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Python itself knows of its threads, read from the target's memory from outside.
 *
 * Interpreter and thread states give idents and kernel ids; threading._active gives the names. The
 * target runs on while it is read, so everything here may be torn or gone: reads are bounded, links
 * are followed a limited number of times, and what does not make sense is left out.
 */
#ifndef VTBPF_PY_THREADS_H
#define VTBPF_PY_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe_plan.h"

struct py_thread {
	uint64_t ident; /* threading.get_ident() == pthread_t; 0 when unknown */
	pid_t tid; /* as the target's own pid namespace counts (3.8+: Thread.native_id; 3.11+ tstate) */
	uint64_t tstate; /* PyThreadState, 0 when the thread has none any more */
	uint64_t inner; /* 3.13 on: its state in the youngest interpreter that it runs code of; else
			   tstate */
	uint64_t object; /* threading.Thread object, 0 when it has none */
	uint64_t frame;	 /* innermost frame when it was read, 0 none */
	bool daemon;
	char *name; /* UTF-8, NULL when Python has none for it */
};

struct py_threads {
	size_t n;
	struct py_thread *threads;
};

struct py_reader;

/* A reader of process pid whose interpreter is planned as `plan` and loaded at load_bias. Keeps a
 * copy of what it needs. NULL and errno on failure; py_reader__free(NULL) is legal. */
struct py_reader *py_reader__new(pid_t pid, const struct probe_plan *plan, uint64_t load_bias);
void py_reader__free(struct py_reader *r);

/* Has the process exited, or become another program, since the reader was made? Also true where that is
 * the same program anew, at the same addresses. */
bool py_reader__is_gone(struct py_reader *r);

/* Where the BPF side finds an object's attributes; form VTBPF_ATTRS_NONE when that is not known. */
void py_reader__attrs(const struct py_reader *r, struct vtbpf_attrs *out);

/* Where the BPF side finds what functions are called with. 0, or -ENOTSUP when that is not known. */
int py_reader__args(const struct py_reader *r, struct vtbpf_args_layout *out);

/* Where the BPF side finds the states of threads, and the address of _PyRuntime. 0, or -ENOTSUP when
 * that is not known. */
int py_reader__states(const struct py_reader *r, struct vtbpf_states *out, uint64_t *runtime);

/* And what it tells of exceptions; only where the states of threads are known. */
void py_reader__exceptions(const struct py_reader *r, struct vtbpf_exceptions *out);

/* Reads all threads of all interpreters. 0 or a negative errno (-ESRCH: the process is gone). The
 * result is the caller's, free it with py_threads__free. Threads whose entry could not be read
 * whole are listed with what is known of them. No tid comes twice, but several entries may have
 * tid 0; the process's first thread is called MainThread also where nobody imported threading. */
int py_threads__read(struct py_reader *r, struct py_threads *out);
void py_threads__free(struct py_threads *t);

/* Turns the tids of t, which are as the target counts, into those that /proc shows here, when
 * process host_pid lives in another pid namespace; 0 for a thread that is gone. 0 or a negative
 * errno. */
int py_threads__map_tids(struct py_threads *t, pid_t host_pid);

/* Name of the Thread object at `object` (struct vtbpf_rec_thread.root_self), without going through
 * threading._active: for threads so new that they are not in it. native_id, if not 0, is the thread
 * it must be of, as the target counts: the address may have become another Thread meanwhile.
 * malloc'ed UTF-8 or NULL. */
char *py_thread_name(struct py_reader *r, uint64_t object, pid_t native_id);

#define PROCESS_NAME_MAX 256 /* bytes */

/* What multiprocessing calls the process (Lib/multiprocessing/process.py, 3.8 to 3.15: _name of
 * _current_process): "MainProcess" for one that it did not start, NULL where it is not imported, or
 * cannot be read. malloc'ed UTF-8. */
char *py_process_name(struct py_reader *r);

/* Reads t's innermost frame again, that of `inner`. 0, or -ESTALE when the state is another thread's
 * by now, or a negative errno. */
int py_thread__refresh(struct py_reader *r, struct py_thread *t);

/* One frame of a thread's stack. */
struct py_frame {
	uint64_t frame;
	uint64_t code;	   /* PyCodeObject */
	uint64_t filename; /* PyUnicodeObject addresses */
	uint64_t name;
	uint64_t lines; /* PyBytesObject: its line table */
	uint64_t instr; /* current instruction, as the frame stores it */
	uint32_t tlbc;	/* which copy of the bytecode that is in */
	uint32_t firstlineno, co_flags, co_version;
};

/* The Python frames of a thread, innermost first, at most max; returns how many, or a negative
 * errno. Shims and C-stack frames are left out. Only right for a thread that does not run
 * meanwhile. */
int py_thread_frames(struct py_reader *r, const struct py_thread *t, struct py_frame *out,
		     size_t max);

/* Whether f's code object is still there: what was read of it before was of it. Within a pass. */
bool py_frame__holds(struct py_reader *r, const struct py_frame *f);

/* The str object at `object` as malloc'ed UTF-8 (lone surrogates become U+FFFD), at most max_bytes
 * of its storage; NULL when it cannot be read. */
char *py_str(struct py_reader *r, uint64_t object, size_t max_bytes);

/* The C string at `addr`, of at most `max` bytes, as malloc'ed UTF-8 (bytes from 0x80 on are Latin-1);
 * NULL when it cannot be read, or is longer. */
char *py_c_string(struct py_reader *r, uint64_t addr, size_t max);

/* The same of a str's storage, `points` code points of `width` (1, 2, 4) bytes. A NUL becomes U+FFFD,
 * too. NULL without memory. */
char *py_utf8(const void *storage, size_t points, unsigned int width);

#endif
