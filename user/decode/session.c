// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct process_slot {
	struct session_process process; /* first: what the session hands out */
	UT_hash_handle hh;
};

#define TEXT_MAX_BYTES (1 << 20)
#define CANCEL_EVERY 4096

struct session *session__new(void)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->codes = code_table__new();
	s->threads = thread_table__new();
	s->tracks = track_table__new();
	s->stacks = stack_table__new();
	if (s->codes && s->threads && s->tracks && s->stacks)
		return s;
	session__free(s);
	return NULL;
}

static void free_texts(struct session *s)
{
	size_t what, i;

	for (what = 0; what < SESSION_TEXTS; what++) {
		for (i = 0; i < s->texts[what].n; i++)
			free(s->texts[what].text[i].data);
		free(s->texts[what].text);
	}
}

void session__free(struct session *s)
{
	struct session_process *p;
	size_t i;

	if (!s)
		return;
	track_table__free(s->tracks);
	thread_table__free(s->threads);
	code_table__free(s->codes);
	stack_table__free(s->stacks);
	free_texts(s);
	HASH_CLEAR(hh, s->process_by_pid);
	while ((p = s->processes)) {
		s->processes = p->next;
		free(p->name.data);
		free(p);
	}
	for (i = 0; i < s->n_sources; i++)
		free(s->sources[i].name.data);
	free(s->sources);
	free(s->pauses);
	free(s->windows);
	free(s);
}

/* Appends bytes; what would make the text longer than any text is cut. */
static int append(struct session_text *t, const struct event_bytes *bytes)
{
	size_t n = bytes->len;
	char *data;

	if (n > TEXT_MAX_BYTES - t->len)
		n = TEXT_MAX_BYTES - t->len;
	data = realloc(t->data, t->len + n + 1);
	if (!data)
		return -ENOMEM;
	memcpy(data + t->len, bytes->data, n);
	t->data = data;
	t->len += n;
	data[t->len] = '\0';
	return 0;
}

/* One more element for an array of n that doubles when full; NULL when out of memory. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n && (n & (n - 1)))
		return array;
	return realloc(array, (n ? n * 2 : 1) * size);
}

static int on_text(struct session *s, const struct event *ev)
{
	struct session_texts *texts;
	struct session_text *text;

	if (ev->text.what >= SESSION_TEXTS)
		return 0; /* of a later version */
	texts = &s->texts[ev->text.what];
	if (!s->text_more || !texts->n) {
		text = grow(texts->text, texts->n, sizeof(*text));
		if (!text)
			return -ENOMEM;
		texts->text = text;
		memset(&text[texts->n++], 0, sizeof(*text));
	}
	s->text_more = ev->more;
	return append(&texts->text[texts->n - 1], &ev->text.text);
}

struct session_process *session__process(struct session *s, uint32_t pid)
{
	struct process_slot *slot;

	HASH_FIND(hh, s->process_by_pid, &pid, sizeof(pid), slot);
	if (slot)
		return &slot->process;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->process.pid = pid;
	HASH_ADD(hh, s->process_by_pid, process.pid, sizeof(pid), slot);
	if (!slot->hh.tbl) {
		free(slot);
		return NULL;
	}
	if (s->last_process)
		s->last_process->next = &slot->process;
	else
		s->processes = &slot->process;
	s->last_process = &slot->process;
	return &slot->process;
}

static int on_process(struct session *s, const struct event *ev)
{
	struct session_process *p = session__process(s, ev->tid);

	if (!p)
		return -ENOMEM;
	p->ppid = ev->process.ppid;
	p->name.len = 0; /* the last name holds */
	return append(&p->name, &ev->process.name);
}

/* A name is one record, whatever it says of going on: no path is longer. */
static int on_source(struct session *s, const struct event *ev, uint64_t next_offset)
{
	struct session_source *src;

	if (!ev->source.is_name)
		return 0;
	src = grow(s->sources, s->n_sources, sizeof(*src));
	if (!src)
		return -ENOMEM;
	s->sources = src;
	src += s->n_sources++;
	memset(src, 0, sizeof(*src));
	src->offset = next_offset;
	return append(&src->name, &ev->source.data);
}

static void saw_time(struct session *s, uint64_t from, uint64_t to)
{
	if (!s->has_session && (!s->start || from < s->start))
		s->start = from;
	if (!s->has_end && to > s->end)
		s->end = to;
}

static int on_call(struct session *s, const struct event *ev)
{
	struct thread *th = thread_table__get(s->threads, ev->tid);
	enum track_kind kind = ev->call.track ? TRACK_GREENLET : TRACK_THREAD;

	if (!th || !track_table__get(s->tracks, th, kind, ev->call.track))
		return -ENOMEM;
	saw_time(s, ev->call.start, ev->call.start + ev->call.dur);
	s->calls++;
	return 0;
}

static int on_lost(struct session *s, const struct event *ev)
{
	struct thread *th;

	if (!ev->lost.lost)
		return 0;
	th = thread_table__get(s->threads, ev->tid);
	if (!th || !track_table__get(s->tracks, th, TRACK_LOST, 0))
		return -ENOMEM;
	saw_time(s, ev->lost.first, ev->lost.last);
	th->lost += ev->lost.lost;
	return 0;
}

static int on_thread(struct session *s, const struct event *ev)
{
	struct thread *th;
	int err = thread_table__seen(s->threads, ev->tid, &ev->thread);

	if (err)
		return err;
	saw_time(s, ev->thread.ts, ev->thread.ts);
	th = thread_table__get(s->threads, ev->tid);
	return th && track_table__get(s->tracks, th, TRACK_THREAD, 0) ? 0 : -ENOMEM;
}

static int on_thread_name(struct session *s, const struct event *ev)
{
	struct thread *th;
	int err = thread_table__named(s->threads, ev->tid, &ev->thread_name);

	if (err)
		return err;
	th = thread_table__get(s->threads, ev->tid);
	return th && track_table__get(s->tracks, th, TRACK_THREAD, 0) ? 0 : -ENOMEM;
}

static int on_session(struct session *s, const struct event *ev)
{
	if (s->has_session)
		return 0;
	s->has_session = true;
	s->pid = ev->tid;
	s->info = ev->session;
	s->start = ev->session.start;
	return 0;
}

static int on_end(struct session *s, const struct event *ev)
{
	s->has_end = true;
	s->end = ev->ts;
	return 0;
}

static int on_left_out(struct session *s, const struct event *ev)
{
	struct thread *th = thread_table__get(s->threads, ev->tid);

	if (th && ev->span.to > th->left_out.to)
		th->left_out = ev->span;
	return th ? 0 : -ENOMEM;
}

static int on_pause(struct session *s, const struct event *ev)
{
	struct event_span *pauses = grow(s->pauses, s->n_pauses, sizeof(*pauses));

	if (!pauses)
		return -ENOMEM;
	s->pauses = pauses;
	pauses[s->n_pauses++] = ev->span;
	saw_time(s, ev->span.from, ev->span.to);
	return 0;
}

static int on_window(struct session *s, const struct event *ev)
{
	struct event_span *windows = grow(s->windows, s->n_windows, sizeof(*windows));

	if (!windows)
		return -ENOMEM;
	s->windows = windows;
	windows[s->n_windows++] = ev->span;
	saw_time(s, ev->span.from, ev->span.to);
	return 0;
}

/* ---- samples ---------------------------------------------------------------------------- */

static int on_sampled(struct session *s, uint32_t tid, uint64_t from, uint64_t to)
{
	struct thread *th = thread_table__get(s->threads, tid);

	if (!th || !track_table__get(s->tracks, th, TRACK_THREAD, 0))
		return -ENOMEM;
	saw_time(s, from, to);
	return 0;
}

static int on_sampling_event(struct session *s, const struct event *ev)
{
	switch (ev->kind) {
	case VTBPF_REC_STACK:
		return stack_table__announce(s->stacks, ev);
	case VTBPF_REC_SAMPLE:
		return on_sampled(s, ev->tid, ev->sample.ts, ev->sample.ts);
	case VTBPF_REC_SLEEP:
		return on_sampled(s, ev->tid, ev->sleep.from, ev->sleep.to);
	case VTBPF_REC_SAMPLING:
		if (!s->sampling.period)
			s->sampling = ev->sampling;
		return 0;
	case VTBPF_REC_SAMPLE_COUNTERS:
		s->samples = ev->sample_counters;
		return 0;
	default:
		return 0;
	}
}

/* ---- all -------------------------------------------------------------------------------- */

static int on_event(struct session *s, const struct event *ev, uint64_t next_offset)
{
	switch (ev->kind) {
	case VTBPF_REC_CALL:
	case VTBPF_REC_CALL_TRACK:
		return on_call(s, ev);
	case VTBPF_REC_CODE:
		return code_table__announce(s->codes, &ev->code);
	case VTBPF_REC_STR:
		return code_table__piece(s->codes, &ev->str);
	case VTBPF_REC_THREAD:
		return on_thread(s, ev);
	case VTBPF_REC_THREAD_NAME:
		return on_thread_name(s, ev);
	case VTBPF_REC_THREAD_EXIT:
		return thread_table__exited(s->threads, ev->tid, ev->ts);
	case VTBPF_REC_LOST:
		return on_lost(s, ev);
	case VTBPF_REC_EXEC:
		s->exec = ev->ts;
		return 0;
	case VTBPF_REC_SESSION:
		return on_session(s, ev);
	case VTBPF_REC_TEXT:
		return on_text(s, ev);
	case VTBPF_REC_PROCESS:
		return on_process(s, ev);
	case VTBPF_REC_SOURCE:
		return on_source(s, ev, next_offset);
	case VTBPF_REC_COUNTERS:
		s->counters = ev->counters;
		s->has_counters = true;
		return 0;
	case VTBPF_REC_OVERFLOW:
		s->overwritten += ev->overwritten;
		return 0;
	case VTBPF_REC_PAUSE:
		return on_pause(s, ev);
	case VTBPF_REC_WINDOW:
		return on_window(s, ev);
	case VTBPF_REC_OVERHEAD:
		s->overhead = ev->overhead;
		s->has_overhead = true;
		return 0;
	case VTBPF_REC_LEFT_OUT:
		return on_left_out(s, ev);
	case VTBPF_REC_END:
		return on_end(s, ev);
	default:
		return on_sampling_event(s, ev);
	}
}

/* What the records did not say: threads of unknown process belong to the target. */
static int complete(struct session *s)
{
	struct thread *th = thread_table__first(s->threads);

	if (s->pid && !session__process(s, s->pid))
		return -ENOMEM;
	for (; th; th = th->next) {
		if (!th->pid)
			th->pid = s->pid ? s->pid : th->tid;
		if (!session__process(s, th->pid))
			return -ENOMEM;
	}
	if (s->end < s->start)
		s->end = s->start;
	return 0;
}

int session__read(struct session *s, struct capture *c, volatile bool *cancel)
{
	const struct vtbpf_rec *rec;
	struct event ev;
	unsigned int n = 0;
	int err;

	while ((err = capture__next(c, &rec)) > 0) {
		if (decoder__decode(rec, &ev)) {
			capture__reject(c);
			err = 0;
			break;
		}
		err = on_event(s, &ev, capture__tell(c));
		if (err)
			return err;
		if (cancel && ++n % CANCEL_EVERY == 0 && *cancel)
			return -ECANCELED;
	}
	s->damage = capture__damage(c);
	return err ? err : complete(s);
}

const struct session_text *session__text(const struct session *s, enum vtbpf_text_what what)
{
	return s->texts[what].n ? &s->texts[what].text[0] : NULL;
}

bool session__has_text(const struct session *s, enum vtbpf_text_what what, const char *text)
{
	const struct session_texts *t = &s->texts[what];
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!strcmp(t->text[i].data, text))
			return true;
	}
	return false;
}

uint64_t session__lost(const struct session *s)
{
	const struct thread *th;
	uint64_t lost = 0;
	bool all = true;

	for (th = thread_table__first(s->threads); th; th = th->next) {
		if (th->ignored)
			all = false;
		else
			lost += th->lost;
	}
	return all && s->counters.lost > lost ? s->counters.lost : lost;
}

bool session__has_windows(const struct session *s)
{
	return s->n_windows || s->has_overhead;
}

static uint64_t sum_of(const struct event_span *span, size_t n)
{
	uint64_t sum = 0;

	while (n--)
		sum += span[n].to - span[n].from;
	return sum;
}

double session__coverage(const struct session *s)
{
	uint64_t all = s->end - s->start, paused = sum_of(s->pauses, s->n_pauses);
	uint64_t seen = sum_of(s->windows, s->n_windows);

	if (!session__has_windows(s))
		return 1;
	all = all > paused ? all - paused : 0;
	return seen < all ? (double)seen / (double)all : seen ? 1 : 0;
}
