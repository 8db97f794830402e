// SPDX-License-Identifier: GPL-2.0-only
/*
 * VizTracer's Chrome trace JSON. Events are assembled from fragments: what an event of a thread
 * begins with and what an event of a function ends with is rendered once, so that an event is two
 * copies and two numbers.
 */
#include "chrome.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../version.h"

#define TIME_DIGITS 24

static int chrome_begin(struct writer *w)
{
	struct chrome *c = calloc(1, sizeof(*c));

	w->priv = c;
	if (!c)
		return -ENOMEM;
	json__init(&c->json, &w->out);
	c->n_names = code_table__count(w->session->codes);
	c->names = calloc(c->n_names, sizeof(*c->names));
	c->codes = calloc(c->n_names, sizeof(*c->codes));
	c->scratch = malloc(CHROME_SCRATCH);
	if (!c->names || !c->codes || !c->scratch)
		return -ENOMEM;
	json__open(&c->json, '{');
	json__key(&c->json, "traceEvents");
	json__open(&c->json, '[');
	return 0;
}

static void chrome_release(struct writer *w)
{
	struct chrome *c = w->priv;
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->n_names && c->names; i++)
		free(c->names[i].text);
	for (i = 0; i < c->n_heads; i++)
		free(c->heads[i].text);
	free(c->names);
	free(c->codes);
	free(c->heads);
	free(c->scratch);
	free(c);
	w->priv = NULL;
}

struct label {
	uint32_t pid, tid;
	const char *what, *name;
	uint32_t ns_pid; /* 0: none */
};

static void write_label(struct chrome *c, const struct label *label)
{
	struct json_writer *j = &c->json;

	json__open(j, '{');
	json__str_field(j, "ph", "M");
	json__u64_field(j, "pid", label->pid);
	json__u64_field(j, "tid", label->tid);
	json__str_field(j, "name", label->what);
	json__key(j, "args");
	json__open(j, '{');
	json__str_field(j, "name", label->name);
	if (label->ns_pid)
		json__u64_field(j, "ns_pid", label->ns_pid);
	json__close(j, '}');
	json__close(j, '}');
	outbuf__write(j->out, "\n", 1);
}

static int chrome_process(struct writer *w, const struct session_process *p)
{
	struct chrome *c = w->priv;
	struct label label = { p->pid, p->pid, "process_name", c->scratch, p->ns_pid };

	session__process_name(w->session, p, c->scratch, CHROME_SCRATCH);
	write_label(c, &label);
	return 0;
}

/* Makes room for a track of that index among the heads. */
static int grow_heads(struct chrome *c, size_t index)
{
	size_t n = c->n_heads ? c->n_heads : 64;
	struct chrome_fragment *heads;

	while (n <= index)
		n *= 2;
	if (n == c->n_heads)
		return 0;
	heads = realloc(c->heads, n * sizeof(*heads));
	if (!heads)
		return -ENOMEM;
	memset(heads + c->n_heads, 0, (n - c->n_heads) * sizeof(*heads));
	c->heads = heads;
	c->n_heads = n;
	return 0;
}

static int make_head(struct chrome *c, const struct track *track)
{
	struct chrome_fragment *head;
	int err = grow_heads(c, track->index);
	int n;

	if (err)
		return err;
	head = &c->heads[track->index];
	if (head->text)
		return 0;
	n = asprintf(&head->text, ",{\"ph\":\"X\",\"cat\":\"%s\",\"pid\":%u,\"tid\":%u,\"ts\":",
		     track->kind == TRACK_LOST ? "vtbpf" : "FEE", track->thread->pid, track->tid);
	if (n < 0) {
		head->text = NULL;
		return -ENOMEM;
	}
	head->len = (size_t)n;
	return 0;
}

/* One track of a tid that several threads had, one after the other, carries the names of all. */
static void track_label(struct chrome *c, const struct track *track)
{
	int n = track__name(track, c->scratch, CHROME_SCRATCH);
	const struct thread *th = track->thread->next_of_tid;

	if (track->kind != TRACK_THREAD)
		return;
	for (; th && n < 1000; th = th->next_of_tid) {
		if (!th->ignored && th->pid == track->thread->pid)
			n += snprintf(c->scratch + n, (size_t)(CHROME_SCRATCH - n), ", %s",
				      thread__name(th));
	}
}

static bool is_first_of_tid(const struct track *track)
{
	const struct thread *th = track->thread->first_of_tid;

	for (; th && th != track->thread; th = th->next_of_tid) {
		if (!th->ignored && th->pid == track->thread->pid)
			return false;
	}
	return true;
}

static int chrome_track(struct writer *w, const struct track *track)
{
	struct chrome *c = w->priv;
	struct label label = { track->thread->pid, track->tid, "thread_name", c->scratch, 0 };

	if (track->kind == TRACK_THREAD && !is_first_of_tid(track))
		return make_head(c, track);
	track_label(c, track);
	write_label(c, &label);
	return make_head(c, track);
}

size_t chrome__name_size(const struct code *code)
{
	return JSON_ESCAPED_MAX(code->name.len + code->file.len) + sizeof(" (:4294967295)");
}

size_t chrome__put_name(const struct code *code, char *text)
{
	char *p = json__escape(code->name.data, code->name.len, text);

	if (!code->file.len) /* a mark, no function */
		return (size_t)(p - text);
	*p++ = ' ';
	*p++ = '(';
	p = json__escape(code->file.data, code->file.len, p);
	*p++ = ':';
	p = json__put_u64(p, code->line);
	*p++ = ')';
	return (size_t)(p - text);
}

static const char name_head[] = ",\"name\":\"";

static int make_name(struct chrome *c, const struct code *code)
{
	struct chrome_fragment *f = &c->names[code->index];
	char *text = malloc(sizeof(name_head) + chrome__name_size(code) + sizeof("\"}\n"));
	char *small;

	if (!text)
		return -ENOMEM;
	memcpy(text, name_head, sizeof(name_head) - 1);
	f->len = sizeof(name_head) - 1;
	f->len += chrome__put_name(code, text + f->len);
	memcpy(text + f->len, "\"}\n", 3);
	f->len += 3;
	small = realloc(text, f->len);
	if (small)
		text = small;
	f->text = text;
	if (code->file.len)
		c->codes[code->index] = code;
	return 0;
}

#define NAME_TAIL 2 /* "}\n" at the end of a name fragment, replaced where there are args */

static const char *open_arg(uint8_t flags)
{
	switch (flags & (VTBPF_F_OPEN_START | VTBPF_F_OPEN_END)) {
	case VTBPF_F_OPEN_START:
		return "start";
	case VTBPF_F_OPEN_END:
		return "end";
	case VTBPF_F_OPEN_START | VTBPF_F_OPEN_END:
		return "both";
	default:
		return NULL;
	}
}

static void write_func_args(struct json_writer *j, const struct slice *s)
{
	json__key(j, "func_args");
	json__open(j, '{');
	for (size_t i = 0; i < s->n_args; i++) {
		json__key_n(j, s->args[i].name.data, s->args[i].name.len);
		json__string_n(j, s->args[i].text.data, s->args[i].text.len);
	}
	json__close(j, '}');
}

static void write_args(struct chrome *c, const struct slice *s)
{
	struct json_writer *j = &c->json;
	const char *open = open_arg(s->flags);

	json__key(j, "args");
	json__open(j, '{');
	if (open)
		json__str_field(j, "open", open);
	if (s->flags & VTBPF_F_EXIT_MISSED) {
		json__key(j, "exit_missed");
		json__bool(j, true);
	}
	if (s->sampled) {
		json__key(j, "sampled");
		json__bool(j, true);
	}
	if (s->track->kind != TRACK_THREAD)
		json__u64_field(j, "tid", s->track->thread->tid);
	if (s->n_args)
		write_func_args(j, s);
	json__close(j, '}');
	json__close(j, '}');
	outbuf__write(j->out, "\n", 1);
}

/* {"ph":"X",...,"ts":1.000,"dur":2.000 */
static void write_head(struct outbuf *o, const struct chrome_fragment *head, uint64_t start,
		       uint64_t dur)
{
	char *p = outbuf__reserve(o, head->len + 2 * TIME_DIGITS + 8);

	memcpy(p, head->text, head->len);
	p = json__put_us(p + head->len, start);
	memcpy(p, ",\"dur\":", 7);
	o->at = json__put_us(p + 7, dur);
}

#define ARGS_FLAGS (VTBPF_F_OPEN_START | VTBPF_F_OPEN_END | VTBPF_F_EXIT_MISSED)

static int chrome_slice(struct writer *w, const struct slice *s)
{
	struct chrome *c = w->priv;
	const struct chrome_fragment *name = &c->names[s->code->index];
	int err;

	if (!name->text) {
		err = make_name(c, s->code);
		if (err)
			return err;
	}
	write_head(&w->out, &c->heads[s->track->index], s->start, s->dur);
	if (s->flags & ARGS_FLAGS || s->sampled || s->n_args || s->track->kind != TRACK_THREAD) {
		outbuf__write(&w->out, name->text, name->len - NAME_TAIL);
		write_args(c, s);
	} else {
		outbuf__write(&w->out, name->text, name->len);
	}
	return 0;
}

static int chrome_gap(struct writer *w, const struct gap *gap)
{
	struct chrome *c = w->priv;
	struct json_writer *j = &c->json;
	char name[64];

	write_head(&w->out, &c->heads[gap->track->index], gap->first, gap->last - gap->first);
	snprintf(name, sizeof(name), "lost %llu %s", (unsigned long long)gap->lost,
		 gap->samples ? "samples" : "calls");
	j->comma = true;
	json__str_field(j, "name", name);
	json__key(j, "args");
	json__open(j, '{');
	json__u64_field(j, gap->samples ? "samples" : "lost", gap->lost);
	json__u64_field(j, "tid", gap->track->thread->tid);
	json__close(j, '}');
	json__close(j, '}');
	outbuf__write(j->out, "\n", 1);
	return 0;
}

static void write_viztracer_metadata(struct chrome *c, const struct writer *w)
{
	const struct session *s = w->session;
	struct json_writer *j = &c->json;

	json__key(j, "viztracer_metadata");
	json__open(j, '{');
	json__str_field(j, "version", VTBPF_VERSION);
	json__key(j, "overflow");
	json__bool(j, s->overwritten || w->replay->selection.removed[REMOVED_OLD]);
	json__key(j, "baseTimeNanoseconds");
	json__i64(j, s->info.realtime_offset);
	json__close(j, '}');
}

/* Marks on a track of their own, one for each process. */
struct marks {
	const char *track, *name;
	const struct session_span *spans;
	size_t n;
};

static void write_marks(struct chrome *c, const struct session *s, const struct marks *m)
{
	struct label label = { 0, 0, "thread_name", m->track, 0 };
	struct json_writer *j = &c->json;

	for (size_t i = 0; i < m->n; i++) {
		if (!label.tid || m->spans[i].pid != label.pid) {
			label.pid = m->spans[i].pid;
			label.tid = track_table__spare_tid(s->tracks);
			if (!label.tid)
				return;
			write_label(c, &label);
		}
		json__open(j, '{');
		json__str_field(j, "ph", "X");
		json__str_field(j, "cat", "vtbpf");
		json__u64_field(j, "pid", label.pid);
		json__u64_field(j, "tid", label.tid);
		json__us_field(j, "ts", m->spans[i].from);
		json__us_field(j, "dur", m->spans[i].to - m->spans[i].from);
		json__str_field(j, "name", m->name);
		json__close(j, '}');
		outbuf__write(j->out, "\n", 1);
	}
}

/* So that the time in between is not taken for idleness. */
static void write_recorded(struct chrome *c, const struct session *s)
{
	const struct marks pauses = { "vtbpf", "paused", s->pauses, s->n_pauses };
	const struct marks windows = { "vtbpf windows", "window", s->windows, s->n_windows };

	write_marks(c, s, &pauses);
	write_marks(c, s, &windows);
}

static int chrome_end(struct writer *w)
{
	struct chrome *c = w->priv;
	struct json_writer *j = &c->json;
	int err;

	write_recorded(c, w->session);
	chrome__hits(c, w->session);
	json__close(j, ']');
	j->escape_del = true;
	write_viztracer_metadata(c, w);
	json__str_field(j, "displayTimeUnit", "us");
	err = chrome__file_info(w);
	if (err)
		return err;
	chrome__vtbpf_info(w);
	json__close(j, '}');
	outbuf__write(&w->out, "\n", 1);
	return 0;
}

#define CHROME_FUNCTIONS                                                                     \
	.begin = chrome_begin, .process = chrome_process, .track = chrome_track,             \
	.slice = chrome_slice, .gap = chrome_gap, .event = chrome__event, .end = chrome_end, \
	.release = chrome_release

const struct writer_ops chrome_writer = {
	.name = "json",
	.extension = ".json",
	CHROME_FUNCTIONS,
};

const struct writer_ops chrome_gzip_writer = {
	.name = "json.gz",
	.extension = ".json.gz",
	.gzip = true,
	CHROME_FUNCTIONS,
};
