// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"

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
	s->parts = calloc(1, sizeof(*s->parts));
	s->n_parts = 1;
	if (s->codes && s->threads && s->tracks && s->stacks && s->parts)
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
	size_t i;

	if (!s)
		return;
	track_table__free(s->tracks);
	thread_table__free(s->threads);
	code_table__free(s->codes);
	stack_table__free(s->stacks);
	free_texts(s);
	session__free_processes(s);
	for (i = 0; i < s->n_sources; i++)
		free(s->sources[i].name.data);
	free(s->sources);
	session__free_hits(s);
	free(s->pauses);
	free(s->windows);
	free(s->sampled);
	free(s->parts);
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

static int on_text(struct session *s, const struct event *ev)
{
	struct session_texts *texts;

	if (ev->text.what >= SESSION_TEXTS)
		return 0; /* of a later version */
	texts = &s->texts[ev->text.what];
	if (!s->text_more || !texts->n) {
		if (ARRAY_ONE_MORE(texts->text, texts->n))
			return -ENOMEM;
		texts->text[texts->n++] = (struct session_text){ .part = s->part };
	}
	s->text_more = ev->more;
	return append(&texts->text[texts->n - 1], &ev->text.text);
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

static int on_ns_pid(struct session *s, const struct event *ev)
{
	struct session_process *p = session__process(s, ev->tid);

	if (!p)
		return -ENOMEM;
	p->ns_pid = ev->ns_pid;
	return 0;
}

/* A name is one record, whatever it says of going on: no path is longer. */
static int on_source(struct session *s, const struct event *ev, uint64_t next_offset)
{
	struct session_source *src;

	if (!ev->source.is_name)
		return 0;
	if (ARRAY_ONE_MORE(s->sources, s->n_sources))
		return -ENOMEM;
	src = &s->sources[s->n_sources++];
	*src = (struct session_source){ .offset = next_offset };
	return append(&src->name, &ev->source.data);
}

void session__saw_time(struct session *s, uint64_t from, uint64_t to)
{
	struct session_part *part = &s->parts[s->part];

	if (!part->process && (!part->start || from < part->start))
		part->start = from;
	if (!part->has_end && to > part->end)
		part->end = to;
}

static int on_call(struct session *s, const struct event *ev)
{
	struct thread *th = thread_table__get(s->threads, ev->tid);
	enum track_kind kind = ev->call.track ? TRACK_GREENLET : TRACK_THREAD;

	if (!th || !track_table__get(s->tracks, th, kind, ev->call.track))
		return -ENOMEM;
	session__saw_time(s, ev->call.start, ev->call.start + ev->call.dur);
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
	session__saw_time(s, ev->lost.first, ev->lost.last);
	if (!(ev->flags & VTBPF_F_LOST_SAMPLES)) /* those are counted by themselves */
		th->lost += ev->lost.lost;
	return 0;
}

static int on_thread(struct session *s, const struct event *ev)
{
	struct thread *th;
	int err = thread_table__seen(s->threads, ev->tid, &ev->thread);

	if (err)
		return err;
	session__saw_time(s, ev->thread.ts, ev->thread.ts);
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

static void go_to_part(struct session *s, uint32_t part)
{
	const struct session_process *p = s->parts[part].process;

	s->part = part;
	s->text_more = false;
	code_table__part(s->codes, part);
	stack_table__part(s->stacks, part);
	thread_table__part(s->threads, part, p ? p->number : 0);
}

void session__rewind(struct session *s)
{
	thread_table__rewind(s->threads);
	s->entered = 0;
	go_to_part(s, 0);
}

void session__next_part(struct session *s)
{
	if (s->entered < s->n_parts)
		go_to_part(s, s->entered++);
}

/* A stretch of samples whose end is not recorded lasts as long as its part. */
static void end_sampled(struct session *s, uint64_t at)
{
	struct session_sampled *last = s->n_sampled ? &s->sampled[s->n_sampled - 1] : NULL;

	if (!last || !last->open)
		return;
	last->span.to = at > last->span.from ? at : last->span.from;
	last->open = false;
}

static int on_session(struct session *s, const struct event *ev)
{
	struct session_part *part;

	end_sampled(s, s->parts[s->part].end);
	if (s->entered) {
		if (ARRAY_ONE_MORE(s->parts, s->n_parts))
			return -ENOMEM;
		memset(&s->parts[s->n_parts++], 0, sizeof(*part));
	}
	s->part = s->n_parts - 1;
	part = &s->parts[s->part];
	part->relative = ev->flags & VTBPF_F_RELATIVE;
	part->process = session__target(s, ev->tid, ev->session.proc_start);
	if (!part->process)
		return -ENOMEM;
	part->process->is_target = true;
	part->process->ns_pid = ev->session.ns_pid == ev->tid ? 0 : ev->session.ns_pid;
	part->info = ev->session;
	part->start = ev->session.start;
	session__next_part(s);
	if (!s->has_session) {
		s->pid = ev->tid;
		s->info = ev->session;
	}
	s->has_session = true;
	return 0;
}

static int on_end(struct session *s, const struct event *ev)
{
	struct session_part *part = &s->parts[s->part];

	part->has_end = true;
	part->end = ev->ts;
	return 0;
}

static int on_left_out(struct session *s, const struct event *ev)
{
	struct thread *th = thread_table__get(s->threads, ev->tid);

	if (th && ev->span.to > th->left_out.to)
		th->left_out = ev->span;
	return th ? 0 : -ENOMEM;
}

/* One more stretch for an array of n. */
static int add_span(struct session *s, struct session_span **spans, size_t *n,
		    const struct event_span *ev)
{
	const struct session_process *p = s->parts[s->part].process;

	if (ARRAY_ONE_MORE(*spans, *n))
		return -ENOMEM;
	(*spans)[(*n)++] = (struct session_span){ ev->from, ev->to, p ? p->pid : 0, s->part };
	session__saw_time(s, ev->from, ev->to);
	return 0;
}

static void on_overhead(struct session *s, const struct event *ev)
{
	bool sampled = s->overhead.sampled;

	if (!s->has_overhead || ev->overhead.worst >= s->overhead.worst)
		s->overhead = ev->overhead;
	s->overhead.sampled |= sampled;
	s->has_overhead = true;
}

/* ---- samples ---------------------------------------------------------------------------- */

static int on_sampled(struct session *s, uint32_t tid, uint64_t from, uint64_t to)
{
	struct thread *th = thread_table__get(s->threads, tid);

	if (!th || !track_table__get(s->tracks, th, TRACK_THREAD, 0))
		return -ENOMEM;
	session__saw_time(s, from, to);
	return 0;
}

/* As long as the kernel's own sums have not come: a dump has none. */
static void count_sample(struct vtbpf_sample_counters *sum, const struct event *ev)
{
	if (ev->flags & VTBPF_F_UNREADABLE)
		sum->unreadable += ev->sample.weight;
	else
		sum->taken += ev->sample.weight;
}

static int on_sampling(struct session *s, const struct event_sampling *ev)
{
	const struct session_process *p = s->parts[s->part].process;

	end_sampled(s, ev->ts);
	if (!ev->period)
		return 0;
	if (!s->sampling.period)
		s->sampling = *ev;
	if (ARRAY_ONE_MORE(s->sampled, s->n_sampled))
		return -ENOMEM;
	s->sampled[s->n_sampled++] = (struct session_sampled){
		.span = { ev->ts, ev->ts, p ? p->pid : 0, s->part },
		.hz = 1e9 / (double)ev->period / ev->every,
		.open = true,
	};
	return 0;
}

static int on_sampling_event(struct session *s, const struct event *ev)
{
	switch (ev->kind) {
	case VTBPF_REC_STACK:
		return stack_table__announce(s->stacks, ev);
	case VTBPF_REC_SAMPLE:
		if (!s->parts[s->part].sums_known)
			count_sample(&s->parts[s->part].samples, ev);
		return on_sampled(s, ev->tid, ev->sample.ts, ev->sample.ts);
	case VTBPF_REC_SLEEP:
		return on_sampled(s, ev->tid, ev->sleep.from, ev->sleep.to);
	case VTBPF_REC_SAMPLING:
		return on_sampling(s, &ev->sampling);
	case VTBPF_REC_SAMPLE_COUNTERS:
		s->parts[s->part].samples = ev->sample_counters;
		s->parts[s->part].sums_known = true;
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
		s->parts[s->part].exec = ev->ts;
		return 0;
	case VTBPF_REC_SESSION:
		return on_session(s, ev);
	case VTBPF_REC_TEXT:
		return on_text(s, ev);
	case VTBPF_REC_PROCESS:
		return on_process(s, ev);
	case VTBPF_REC_NS_PID:
		return on_ns_pid(s, ev);
	case VTBPF_REC_SOURCE:
		return on_source(s, ev, next_offset);
	case VTBPF_REC_COUNTERS:
		s->parts[s->part].counters = ev->counters;
		s->has_counters = true;
		return 0;
	case VTBPF_REC_EVENT:
		return session__see_other(s, ev);
	case VTBPF_REC_MISSED:
		return session__add_missed(s, ev);
	case VTBPF_REC_HIT:
		return session__add_hit(s, ev);
	case VTBPF_REC_OVERFLOW:
		s->overwritten += ev->overwritten;
		return 0;
	case VTBPF_REC_PAUSE:
		return add_span(s, &s->pauses, &s->n_pauses, &ev->span);
	case VTBPF_REC_WINDOW:
		return add_span(s, &s->windows, &s->n_windows, &ev->span);
	case VTBPF_REC_OVERHEAD:
		on_overhead(s, ev);
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
static int complete_thread(struct session *s, struct thread *th)
{
	const struct session_process *p = s->parts[th->part].process;

	s->part = th->part;
	if (!p || (th->pid && th->pid != p->kernel_pid))
		p = session__process(s, th->pid ? th->pid : th->tid);
	if (!p)
		return -ENOMEM;
	th->pid = p->pid;
	return 0;
}

/* Structs of nothing but such numbers. */
static void add_numbers(void *sum, const void *more, size_t size)
{
	const __u64 *from = more;
	__u64 *to = sum;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] += from[i];
}

static int complete(struct session *s)
{
	struct thread *th = thread_table__first(s->threads);
	int err = 0;

	end_sampled(s, s->parts[s->n_parts - 1].end);
	s->has_end = true;
	for (uint32_t i = 0; i < s->n_parts; i++) {
		const struct session_part *part = &s->parts[i];

		add_numbers(&s->counters, &part->counters, sizeof(s->counters));
		add_numbers(&s->samples, &part->samples, sizeof(s->samples));
		s->has_end &= part->has_end;
		if (!s->start || (part->start && part->start < s->start))
			s->start = part->start;
		if (part->end > s->end)
			s->end = part->end;
	}
	for (; th && !err; th = th->next)
		err = complete_thread(s, th);
	if (err)
		return err;
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
			continue;
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
