// SPDX-License-Identifier: GPL-2.0-only
/*
 * A profile function in C that notes every call and return of the threads that ask for it.
 *
 * sys.setprofile's callback in Python keeps local variables alive, hides the signal handlers and
 * finalizers that run inside it, and fails next to the recursion limit. This one runs no Python
 * and drops no reference, so that the profiled program does what it does without it. It is built
 * without Python's headers, so that one object serves every version; loaded by targets/truth.py
 * with ctypes.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct _object PyObject;

enum { CALL = 0, RETURN = 3 }; /* PyTrace_*, Include/cpython/pystate.h of 3.8 to 3.15 */

enum { FRAME_CODE_38 = 0x20 }; /* struct _frame.f_code, Include/frameobject.h of 3.8 */

extern void PyEval_SetProfile(int (*func)(PyObject *, PyObject *, int, PyObject *), PyObject *arg);
extern void Py_IncRef(PyObject *o);
extern PyObject *PyList_New(long n);
extern int PyList_Append(PyObject *list, PyObject *o);
extern PyObject *Py_BuildValue(const char *format, ...);
extern void Py_DecRef(PyObject *o);
extern PyObject *PyFrame_GetCode(PyObject *frame) __attribute__((weak)); /* from 3.9 on */

struct event {
	PyObject *code; /* a reference: no other code object gets its address */
	int kind;
};

struct log {
	struct log *next;
	struct event *events;
	long tid;
	size_t used;
	size_t room;
};

static struct log *logs;
static __thread struct log *mine;

static struct log *log__mine(void)
{
	if (mine)
		return mine;
	mine = calloc(1, sizeof(*mine));
	if (!mine)
		abort();
	mine->tid = syscall(SYS_gettid);
	mine->next = __atomic_load_n(&logs, __ATOMIC_ACQUIRE);
	while (!__atomic_compare_exchange_n(&logs, &mine->next, mine, 0, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE))
		;
	return mine;
}

/* Takes over the reference to code. */
static void log__add(struct log *log, int kind, PyObject *code)
{
	if (log->used == log->room) {
		log->room = log->room ? 2 * log->room : 1024;
		log->events = realloc(log->events, log->room * sizeof(*log->events));
		if (!log->events)
			abort();
	}
	log->events[log->used].kind = kind;
	log->events[log->used++].code = code;
}

static int on_event(PyObject *self, PyObject *frame, int what, PyObject *arg)
{
	PyObject *code;

	(void)self;
	(void)arg;
	if (what != CALL && what != RETURN)
		return 0;
	if (PyFrame_GetCode) {
		code = PyFrame_GetCode(frame);
	} else {
		code = *(PyObject **)((char *)frame + FRAME_CODE_38);
		Py_IncRef(code);
	}
	log__add(log__mine(), what == RETURN, code);
	return 0;
}

/* Notes a call that Python code saw, of a thread that started with a profile function in Python. */
void recorder_note(PyObject *code)
{
	Py_IncRef(code);
	log__add(log__mine(), 0, code);
}

void recorder_start(void)
{
	PyEval_SetProfile(on_event, NULL);
}

void recorder_stop(void)
{
	PyEval_SetProfile(NULL, NULL);
}

/* The events of every thread so far: [(tid, kind, code), ...], a thread's in their order. */
PyObject *recorder_events(void)
{
	PyObject *list = PyList_New(0);
	struct log *log;

	for (log = logs; list && log; log = log->next) {
		size_t i, used = log->used;

		for (i = 0; i < used; i++) {
			struct event *e = &log->events[i];
			PyObject *item = Py_BuildValue("(liO)", log->tid, e->kind, e->code);

			if (!item || PyList_Append(list, item))
				abort();
			Py_DecRef(item);
		}
	}
	return list;
}
