// SPDX-License-Identifier: GPL-2.0-only
/* "vtbpf": what VizTracer's format has no field for. */
#include "chrome.h"

#include <stdio.h>
#include <string.h>

#include "../version.h"
#include "own_file.h"

static void text_field(struct json_writer *j, const char *key, const struct session_text *text)
{
	if (!text)
		return;
	json__key(j, key);
	json__string_n(j, text->data, text->len);
}

static void write_command(struct json_writer *j, const struct session_text *text)
{
	const char *arg, *end;

	if (!text)
		return;
	json__key(j, "command");
	json__open(j, '[');
	end = text->data + text->len;
	for (arg = text->data; arg < end; arg += strlen(arg) + 1)
		json__string(j, arg);
	json__close(j, ']');
}

/* PY_VERSION_HEX as people write it: 3.11.2, 3.13.0rc1 (Include/patchlevel.h) */
static void write_python(struct json_writer *j, uint32_t hex)
{
	static const char *const levels[16] = { [0xa] = "a", [0xb] = "b", [0xc] = "rc" };
	const char *level = levels[hex >> 4 & 15];
	char text[32];
	int n;

	if (!hex)
		return;
	n = snprintf(text, sizeof(text), "%u.%u.%u", hex >> 24, hex >> 16 & 255, hex >> 8 & 255);
	if (level)
		snprintf(text + n, sizeof(text) - (size_t)n, "%s%u", level, hex & 15);
	json__str_field(j, "python", text);
}

static void write_target(struct json_writer *j, const struct session *s, uint32_t number)
{
	const struct session_part *part = &s->parts[number];
	const struct session_process *p = part->process;

	json__open(j, '{');
	json__u64_field(j, "pid", p ? p->pid : 0);
	if (p && p->pid != p->kernel_pid)
		json__u64_field(j, "kernel_pid", p->kernel_pid);
	json__u64_field(j, "ns_pid", part->info.ns_pid);
	json__u64_field(j, "start_ticks", part->info.proc_start);
	write_python(j, part->info.python);
	write_command(j, session__part_text(s, number, VTBPF_TEXT_COMMAND));
	text_field(j, "exe", session__part_text(s, number, VTBPF_TEXT_EXE));
	text_field(j, "cwd", session__part_text(s, number, VTBPF_TEXT_CWD));
	text_field(j, "plan", session__part_text(s, number, VTBPF_TEXT_PLAN));
	if (part->exec)
		json__us_field(j, "exec_us", part->exec);
	if (s->n_parts > 1) {
		json__us_field(j, "start_us", part->start);
		json__us_field(j, "end_us", part->end);
	}
	json__close(j, '}');
}

static void write_targets(struct json_writer *j, const struct session *s)
{
	json__key(j, "target");
	write_target(j, s, 0);
	if (s->n_parts == 1)
		return;
	json__key(j, "targets");
	json__open(j, '[');
	for (uint32_t i = 0; i < s->n_parts; i++)
		write_target(j, s, i);
	json__close(j, ']');
}

/* [time in us, CLOCK_REALTIME - CLOCK_MONOTONIC in ns, how wrong the former may be in us] */
static void write_wall_clocks(struct json_writer *j, const struct session *s)
{
	const struct session_texts *t = &s->texts[VTBPF_TEXT_CLOCK];
	unsigned long long at, error;
	long long offset;

	if (!t->n) /* of a capture of an earlier version */
		return;
	json__key(j, "realtime_pairs");
	json__open(j, '[');
	for (size_t i = 0; i < t->n; i++) {
		if (sscanf(t->text[i].data, "%llu %lld %llu", &at, &offset, &error) != 3)
			continue;
		json__open(j, '[');
		json__us(j, at);
		json__i64(j, offset);
		json__us(j, error);
		json__close(j, ']');
	}
	json__close(j, ']');
}

static void write_clock(struct json_writer *j, const struct session *s)
{
	json__key(j, "clock");
	json__open(j, '{');
	json__str_field(j, "clock", "CLOCK_MONOTONIC");
	json__key(j, "realtime_offset_ns");
	json__i64(j, s->info.realtime_offset);
	json__key(j, "boottime_offset_ns");
	json__i64(j, s->info.boottime_offset);
	write_wall_clocks(j, s);
	json__close(j, '}');
	json__us_field(j, "start_us", s->start);
	json__us_field(j, "end_us", s->end);
}

#define SAID_MAX 256 /* filters of the first part that others are compared with */

/* Is it a filter of a later part that the first part names, too? */
static bool is_said(const struct session_texts *t, const struct session_text *text)
{
	for (size_t i = 0; text->part && i < t->n && i < SAID_MAX && !t->text[i].part; i++)
		if (!strcmp(t->text[i].data, text->data))
			return true;
	return false;
}

static void write_filters(struct chrome *c, const struct session *s, const struct slice_filter *f)
{
	const struct session_texts *t = &s->texts[VTBPF_TEXT_FILTER];
	struct json_writer *j = &c->json;
	size_t i;

	json__key(j, "filters");
	json__open(j, '[');
	for (i = 0; i < t->n; i++)
		if (!is_said(t, &t->text[i]))
			json__string_n(j, t->text[i].data, t->text[i].len);
	for (i = 0; filter__text(f, i, c->scratch, CHROME_SCRATCH) > 0; i++) {
		/* one that was in force while tracing too is named already */
		if (!session__has_text(s, VTBPF_TEXT_FILTER, c->scratch))
			json__string(j, c->scratch);
	}
	json__close(j, ']');
}

static void write_spans(struct json_writer *j, const char *key, const struct session_span *spans,
			size_t n)
{
	json__key(j, key);
	json__open(j, '[');
	for (size_t i = 0; i < n; i++) {
		json__open(j, '[');
		json__us(j, spans[i].from);
		json__us(j, spans[i].to);
		json__close(j, ']');
	}
	json__close(j, ']');
}

static void write_number(struct json_writer *j, const char *key, double value)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%.6f", value);

	json__key(j, key);
	json__raw(j, text, (size_t)n);
}

static void write_overhead(struct json_writer *j, const struct event_overhead *o)
{
	uint64_t ns = o->to - o->from;

	json__key(j, "overhead");
	json__open(j, '{');
	write_number(j, "stated_percent", o->stated * 100);
	write_number(j, "achieved_percent", ns ? (double)o->lost * 100 / (double)ns : 0);
	write_number(j, "worst_10s_percent", o->worst * 100);
	json__u64_field(j, "windows", o->windows);
	json__key(j, "sampled");
	json__bool(j, o->sampled);
	json__close(j, '}');
}

static void write_windows(struct json_writer *j, const struct session *s)
{
	if (s->n_pauses)
		write_spans(j, "pauses", s->pauses, s->n_pauses);
	if (!session__has_windows(s))
		return;
	write_spans(j, "windows", s->windows, s->n_windows);
	write_number(j, "coverage", session__coverage(s));
}

/* Of two processes that had the same thread id one after the other, the second says its own, too. */
static void loss_key(struct json_writer *j, const struct session *s, const struct thread *th)
{
	const struct thread *other = thread_table__first(s->threads);
	char key[48];
	int n = snprintf(key, sizeof(key), "%u", th->tid);

	while (s->n_parts > 1 && other->tid != th->tid)
		other = other->next;
	if (s->n_parts > 1 && other->process != th->process)
		snprintf(key + n, sizeof(key) - (size_t)n, " of process %u", th->pid);
	json__key(j, key);
}

static void write_losses(struct json_writer *j, const struct session *s, uint64_t total)
{
	struct thread *th, *same;

	json__key(j, "losses");
	json__open(j, '{');
	json__u64_field(j, "total", total);
	json__key(j, "by_thread");
	json__open(j, '{');
	for (th = thread_table__first(s->threads); th; th = th->next) {
		uint64_t lost = 0;

		if (th != th->first_of_tid)
			continue;
		for (same = th; same; same = same->next_of_tid)
			lost += same->ignored ? 0 : same->lost;
		if (!lost)
			continue;
		loss_key(j, s, th);
		json__u64(j, lost);
	}
	json__close(j, '}');
	json__close(j, '}');
}

/* From, to, and how often. */
static void write_sampled(struct json_writer *j, const struct session *s)
{
	json__key(j, "stretches");
	json__open(j, '[');
	for (size_t i = 0; i < s->n_sampled; i++) {
		char hz[32];
		int n = snprintf(hz, sizeof(hz), "%.3f", s->sampled[i].hz);

		json__open(j, '[');
		json__us(j, s->sampled[i].span.from);
		json__us(j, s->sampled[i].span.to);
		json__raw(j, hz, (size_t)n);
		json__close(j, ']');
	}
	json__close(j, ']');
}

static void write_samples(struct json_writer *j, const struct session *s, const struct replay *r)
{
	const struct vtbpf_sample_counters *n = &s->samples;

	if (!s->sampling.period)
		return;
	json__key(j, "samples");
	json__open(j, '{');
	json__u64_field(j, "period_ns", s->sampling.period);
	json__key(j, "wall");
	json__bool(j, s->sampling.wall);
	json__u64_field(j, "taken", n->taken);
	json__u64_field(j, "lost", n->lost);
	json__u64_field(j, "unreadable", n->unreadable);
	json__u64_field(j, "written", r->sampling.samples);
	write_number(j, "share", session__sampled_share(s));
	write_sampled(j, s);
	json__close(j, '}');
}

static void write_counters(struct json_writer *j, const struct session *s, const struct replay *r)
{
	const struct vtbpf_counters *n = &s->counters;

	json__key(j, "counters");
	json__open(j, '{');
	if (s->has_counters) {
		json__u64_field(j, "calls", n->calls);
		json__u64_field(j, "lost", n->lost);
		json__u64_field(j, "below_min_duration", n->below_min);
		json__u64_field(j, "below_max_stack_depth", n->too_deep);
		json__u64_field(j, "ignored", n->ignored);
		json__u64_field(j, "hidden", n->hidden);
		json__u64_field(j, "duplicates", n->duplicates);
		json__u64_field(j, "helper_exits", n->helpers);
		json__u64_field(j, "unmatched_exits", n->unmatched);
		json__u64_field(j, "entry_missed", n->entry_missed);
		json__u64_field(j, "exit_missed", n->exit_missed);
		json__u64_field(j, "unreadable", n->unreadable);
		json__u64_field(j, "foreign", n->foreign);
	}
	json__u64_field(j, "written", r->slices);
	json__u64_field(j, "filtered", selection__removed(&r->selection));
	json__u64_field(j, "overlapping_moved", r->moved);
	json__u64_field(j, "overlapping_dropped", r->dropped);
	json__close(j, '}');
}

/* What each filter left out, in the kernel and here. */
static void write_removed(struct json_writer *j, const struct session *s,
			  const struct selection *sel)
{
	const struct vtbpf_counters *n = &s->counters;

	json__key(j, "removed");
	json__open(j, '{');
	json__u64_field(j, "threads", selection__ignored_threads(sel));
	json__u64_field(j, "of_threads", n->ignored + sel->removed[REMOVED_THREAD]);
	json__u64_field(j, "of_functions", n->hidden + sel->removed[REMOVED_FUNCTION]);
	json__u64_field(j, "too_short", n->below_min + sel->removed[REMOVED_SHORT]);
	json__u64_field(j, "too_deep", n->too_deep + sel->removed[REMOVED_DEEP]);
	json__u64_field(j, "too_old", s->overwritten + sel->removed[REMOVED_OLD]);
	json__close(j, '}');
}

static void write_thread(struct json_writer *j, const struct thread *th)
{
	char ident[24];

	json__open(j, '{');
	json__u64_field(j, "tid", th->tid);
	json__u64_field(j, "pid", th->pid);
	if (th->ident) {
		snprintf(ident, sizeof(ident), "0x%llx", (unsigned long long)th->ident);
		json__str_field(j, "ident", ident);
	}
	if (th->name)
		json__str_field(j, "name", th->name);
	json__str_field(j, "comm", th->comm);
	if (th->first)
		json__us_field(j, "first_us", th->first);
	if (th->exit)
		json__us_field(j, "exit_us", th->exit);
	json__u64_field(j, "calls", th->slices);
	if (th->sampled)
		json__u64_field(j, "samples", th->sampled);
	json__close(j, '}');
}

static void write_threads(struct json_writer *j, const struct session *s)
{
	const struct thread *th;

	json__key(j, "threads");
	json__open(j, '[');
	for (th = thread_table__first(s->threads); th; th = th->next) {
		if (!th->ignored)
			write_thread(j, th);
	}
	json__close(j, ']');
}

/* Processes that were to be followed, and why they are not here. */
static void write_missed(struct json_writer *j, const struct session *s)
{
	if (!s->n_missed)
		return;
	json__key(j, "missed");
	json__open(j, '[');
	for (const struct session_missed *m = s->missed; m < s->missed + s->n_missed; m++) {
		json__open(j, '{');
		json__u64_field(j, "pid", m->pid);
		json__u64_field(j, "ppid", m->ppid);
		json__str_field(j, "comm", m->comm);
		json__str_field(j, "reason", m->reason);
		json__close(j, '}');
	}
	json__close(j, ']');
}

static void write_warnings(struct json_writer *j, const struct session *s)
{
	const struct session_texts *t = &s->texts[VTBPF_TEXT_WARNING];
	size_t i;

	json__key(j, "warnings");
	json__open(j, '[');
	for (i = 0; i < t->n; i++)
		json__string_n(j, t->text[i].data, t->text[i].len);
	if (s->damage)
		json__string(j, s->damage);
	if (!s->has_end)
		json__string(j,
			     "the capture has no end: vtbpf was stopped before it was done; calls "
			     "that were running then, and what was still in the ring buffer, are "
			     "missing");
	json__close(j, ']');
}

void chrome__vtbpf_info(struct writer *w)
{
	const struct session *s = w->session;
	struct chrome *c = w->priv;
	struct json_writer *j = &c->json;

	json__key(j, "vtbpf");
	json__open(j, '{');
	json__str_field(j, "version", VTBPF_VERSION);
	text_field(j, "captured_by", session__text(s, VTBPF_TEXT_VERSION));
	text_field(j, "kernel", session__text(s, VTBPF_TEXT_KERNEL));
	text_field(j, "host", session__text(s, VTBPF_TEXT_HOST));
	text_field(j, "boot_id", session__text(s, VTBPF_TEXT_BOOT_ID));
	write_targets(j, s);
	write_clock(j, s);
	write_filters(c, s, w->replay->filter);
	write_windows(j, s);
	if (s->has_overhead)
		write_overhead(j, &s->overhead);
	chrome__trigger_info(j, s);
	write_losses(j, s, session__lost(s));
	write_removed(j, s, &w->replay->selection);
	write_samples(j, s, w->replay);
	write_counters(j, s, w->replay);
	write_threads(j, s);
	write_missed(j, s);
	write_warnings(j, s);
	json__str_field(j, OWN_FILE_JSON_KEY, OWN_FILE_JSON_VALUE VTBPF_VERSION);
	json__close(j, '}');
}
