// SPDX-License-Identifier: GPL-2.0-only
#include "trace_event.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../utf.h"

#define NAME_MAX_BYTES 96 /* of names that are not the target's */

struct making {
	struct trace_event_maker *maker;
	const struct session *session;
	const struct event_other *o;
	const struct thread *thread;
	struct trace_event *ev;
};

void trace_event__release(struct trace_event_maker *m)
{
	free(m->text);
	memset(m, 0, sizeof(*m));
}

/* ---- system calls ----------------------------------------------------------------------- */

/* Line n of the list is the name of number n. */
static void read_list(struct trace_event_maker *m)
{
	const char *p = m->list ? m->list->data : NULL;

	memset(m->syscalls, 0, sizeof(m->syscalls));
	for (size_t i = 0; p && *p && i < VTBPF_SYSCALLS; i++) {
		m->syscalls[i] = p;
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
}

static void learn_syscalls(struct making *m)
{
	struct trace_event_maker *maker = m->maker;

	if (maker->known && maker->part == m->session->part)
		return;
	maker->part = m->session->part;
	maker->known = true;
	maker->list = session__part_text(m->session, maker->part, VTBPF_TEXT_SYSCALLS);
	read_list(maker);
}

static struct event_bytes syscall_name(struct making *m, int64_t number)
{
	struct event_bytes name = {};

	learn_syscalls(m);
	if (number < 0 || number >= VTBPF_SYSCALLS || !m->maker->syscalls[number])
		return name;
	name.data = m->maker->syscalls[number];
	name.len = strcspn(name.data, "\n");
	return name;
}

/* ---- parts of an event ------------------------------------------------------------------ */

/* Names are short but for those that the target gives, which have room of their own. */
static int make_room(struct trace_event_maker *m, size_t n)
{
	char *text;

	m->used = 0;
	if (n <= m->room)
		return 0;
	text = realloc(m->text, n);
	if (!text)
		return -ENOMEM;
	m->text = text;
	m->room = n;
	return 0;
}

__attribute__((format(printf, 2, 3))) static void name_it(struct making *m, const char *format, ...)
{
	char *at = m->maker->text + m->maker->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(at, NAME_MAX_BYTES, format, args);
	va_end(args);
	if (n >= NAME_MAX_BYTES)
		n = NAME_MAX_BYTES - 1;
	m->ev->name = (struct event_bytes){ at, n > 0 ? (size_t)n : 0 };
	m->maker->used += m->ev->name.len;
}

/* Bytes that the texts of a record may need as UTF-8. */
static size_t texts_size(const struct event_other *o)
{
	size_t size = 0;

	for (size_t i = 0; i < VTBPF_EVENT_TEXTS; i++)
		size += UTF8_MAX(o->text[i].bytes.len);
	return size;
}

/* A text of the target as UTF-8. */
static struct event_bytes text_of(struct making *m, const struct event_string *s)
{
	struct event_bytes text = { m->maker->text + m->maker->used, 0 };
	char *at = m->maker->text + m->maker->used;

	if (s->width)
		text.len = ucs__to_utf8(s->bytes.data, s->bytes.len / s->width, s->width, at);
	else
		text.len = utf8__repair(s->bytes.data, s->bytes.len, at);
	m->maker->used += text.len;
	return text;
}

static void name_as(struct making *m, const struct event_string *s)
{
	m->ev->name = text_of(m, s);
}

static void add_number(struct making *m, const char *key, int64_t number)
{
	struct trace_arg *arg = &m->ev->args[m->ev->n_args++];

	*arg = (struct trace_arg){ .key = key, .kind = TRACE_ARG_NUMBER, .number = number };
}

static void add_text(struct making *m, const char *key, struct event_bytes text)
{
	struct trace_arg *arg = &m->ev->args[m->ev->n_args++];

	*arg = (struct trace_arg){ .key = key, .kind = TRACE_ARG_TEXT, .text = text };
}

/* The function where it happened, if that is known. */
static void add_function(struct making *m, const char *key)
{
	const struct code *code = m->o->code ? code_table__get(m->session->codes, m->o->code) :
					       NULL;

	if (code)
		m->ev->args[m->ev->n_args++] =
			(struct trace_arg){ .key = key, .kind = TRACE_ARG_CODE, .code = code };
}

/* ---- what there is ---------------------------------------------------------------------- */

static void blocked(struct making *m)
{
	struct event_bytes name = syscall_name(m, m->o->value[0]);

	if (m->o->value[0] == VTBPF_NO_SYSCALL)
		name_it(m, "blocked: page fault");
	else if (m->o->value[0] == VTBPF_STOPPED)
		name_it(m, "blocked: stopped");
	else if (m->o->value[0] == VTBPF_UNKNOWN_SYSCALL)
		name_it(m, "blocked");
	else if (name.len)
		name_it(m, "blocked: %.*s", (int)(name.len < 64 ? name.len : 64), name.data);
	else
		name_it(m, "blocked: system call %lld", (long long)m->o->value[0]);
	if (m->o->value[1] > 0)
		add_number(m, "waker", m->o->value[1]);
}

static void runnable(struct making *m)
{
	name_it(m, "runnable");
}

static void collection(struct making *m)
{
	name_it(m, "garbage collection");
	add_number(m, "generation", m->o->value[0]);
	add_number(m, "collected", m->o->value[1]);
}

static void mark(struct making *m)
{
	name_as(m, &m->o->text[0]);
}

/* Numbers of arrows are a process's own; combine adds to them what keeps those of several files apart, so
 * that they must not be larger than this. */
#define FLOW_BITS 27
#define FLOW_PROCESSES (1u << 13)

static void awaits(struct making *m)
{
	uint64_t process = m->thread->process % FLOW_PROCESSES;

	name_it(m, "await");
	m->ev->flow = process << FLOW_BITS | ((uint64_t)m->o->value[0] & ((1ULL << FLOW_BITS) - 1));
}

static void loop_lag(struct making *m)
{
	name_it(m, "loop lag");
	add_number(m, "us", m->o->value[0]);
}

static void gil_wait(struct making *m)
{
	name_it(m, "GIL wait");
}

static void gil_held(struct making *m)
{
	const char *name = thread__name(m->thread);
	const struct event_string s = { .bytes = { name, strlen(name) } };

	m->ev->name.data = m->maker->text + m->maker->used;
	name_it(m, "GIL held: ");
	text_of(m, &s);
	m->ev->name.len = (size_t)(m->maker->text + m->maker->used - m->ev->name.data);
}

/* Names it by what happened and the exception's type. */
static void name_exception(struct making *m, const char *what)
{
	struct event_bytes type;

	name_it(m, "%s - ", what);
	type = text_of(m, &m->o->text[0]);
	m->ev->name.len += type.len;
	add_text(m, "type", type);
}

static void raised(struct making *m)
{
	name_exception(m, "Exception");
	if (m->o->text[1].width)
		add_text(m, "message", text_of(m, &m->o->text[1]));
	add_function(m, "in");
	if (m->o->value[0] > 0)
		add_number(m, "line", m->o->value[0]);
}

static void caught(struct making *m)
{
	name_exception(m, "caught");
	add_function(m, "in");
	if (m->o->value[0] != VTBPF_NOT_COUNTED)
		add_number(m, "unwound", m->o->value[0]);
}

struct event_kind {
	const char *cat;
	enum trace_phase phase;
	bool alone;
	void (*fill)(struct making *m);
};

static const struct event_kind event_kinds[] = {
	[VTBPF_EVENT_BLOCKED] = { "sched", TRACE_SLICE, true, blocked },
	[VTBPF_EVENT_RUNNABLE] = { "sched", TRACE_SLICE, true, runnable },
	[VTBPF_EVENT_GC] = { "gc", TRACE_SLICE, false, collection },
	[VTBPF_EVENT_MARK] = { "mark", TRACE_INSTANT, false, mark },
	[VTBPF_EVENT_AWAIT] = { "async", TRACE_FLOW_BEGIN, false, awaits },
	[VTBPF_EVENT_AWAITED] = { "async", TRACE_FLOW_END, false, awaits },
	[VTBPF_EVENT_LOOP_LAG] = { "async", TRACE_COUNTER, false, loop_lag },
	[VTBPF_EVENT_GIL_WAIT] = { "gil", TRACE_SLICE, true, gil_wait },
	[VTBPF_EVENT_GIL_HELD] = { "gil", TRACE_SLICE, false, gil_held },
	[VTBPF_EVENT_RAISED] = { "exception", TRACE_INSTANT, false, raised },
	[VTBPF_EVENT_CAUGHT] = { "exception", TRACE_INSTANT, false, caught },
};

/* What goes on when the trace ends goes no further than its thread. */
static void end_with_thread(const struct thread *th, struct event_span *span)
{
	if (th->exit && span->to > th->exit)
		span->to = th->exit;
}

int trace_event__make(struct trace_event_maker *m, const struct session *s,
		      const struct trace_event_record *record, struct trace_event *ev)
{
	const struct event_other *o = record->other;
	struct making making = {
		.maker = m, .session = s, .o = o, .thread = record->thread, .ev = ev
	};
	struct event_span span = { o->start, o->start + o->dur };
	const struct event_kind *kind;
	int err;

	if (o->what >= sizeof(event_kinds) / sizeof(event_kinds[0]) || !event_kinds[o->what].cat)
		return 0; /* of a later version */
	kind = &event_kinds[o->what];
	if (kind->phase != TRACE_SLICE)
		span.to = span.from;
	else
		end_with_thread(record->thread, &span);
	if (span.from > span.to)
		return 0;
	if (!session__clip(s, &span))
		return 0;
	err = make_room(m, NAME_MAX_BYTES + texts_size(o) +
				   UTF8_MAX(strlen(thread__name(record->thread))));
	if (err)
		return err;
	*ev = (struct trace_event){
		.phase = kind->phase,
		.thread = record->thread,
		.what = o->what,
		.start = span.from,
		.dur = span.to - span.from,
		.cat = kind->cat,
		.alone = kind->alone,
	};
	kind->fill(&making);
	return 1;
}
